"""Folds a wide table, where a repeat's rows stand side by side, back into the submissions' table and one per repeat.

Ona numbers the repeat on the way (``children[2]/age``); SurveyCTO puts the numbers behind the name (``age_2``, in a
repeat inside a repeat ``age_2_1``) and leaves out groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from collect.forms import Form
from collect.limits import Limits
from collect.receive.central import FOUND_IN, KEY, PARENT_KEY
from collect.receive.headings import NAMES, match, steps
from collect.receive.sheets import Sheet
from collect.receive.workbook import refuse_too_large

NUMBER = re.compile(r"\[(\d{1,9})\]")  # more digits count no rows
BEHIND = re.compile(r"_(\d{1,9})$")
COUNT = "_count"  # SurveyCTO writes how many rows a repeat has
ROW = "@row"  # place of the submission in the wide table


@dataclass(frozen=True)
class Cell:
    """What a wide column is: the repeat it belongs to, its row's number at each level, its heading in that table."""

    repeat: str
    numbers: tuple[int, ...]
    heading: str


Reading = Callable[[str, Form], Cell | None]


def numbered_on_the_way(heading: str, form: Form) -> Cell | None:
    """Ona's spelling: 'group/repeat[1]/inner[2]/question'."""
    numbers = [int(number) for number in NUMBER.findall(heading)]
    if not numbers or not all(numbers):
        return None
    last = heading.rindex("]")
    repeat = f"{form.root}/{NUMBER.sub('', heading[: last + 1])}"
    if repeat not in form.repeats[1:] or len(levels(repeat, form)) != len(numbers):
        return None
    return Cell(repeat, tuple(numbers), heading[last + 1 :].lstrip("/"))


def numbered_behind(heading: str, form: Form) -> Cell | None:
    """SurveyCTO's spelling: 'question_1_2'; a column of the form's own of that very name comes first."""
    numbers: list[int] = []
    base = heading
    while found := BEHIND.search(base):
        base = base[: found.start()]
        numbers.insert(0, int(found[1]))
        for repeat in form.repeats[1:]:
            if len(levels(repeat, form)) == len(numbers) and all(numbers) and _asks(base, repeat, form):
                return None if _asks(heading, form.root, form) else Cell(repeat, tuple(numbers), base)
    return None


def _asks(heading: str, table: str, form: Form) -> bool:
    """Whether a table has a question, a point's part or an offered choice of this heading."""
    found = match((heading,), form, table, lambda _heading: False, NAMES)
    return found.known > 0


def levels(repeat: str, form: Form) -> list[str]:
    """The repeats from the outermost down to this one."""
    return [path for path in form.repeats[1:] if path == repeat or repeat.startswith(f"{path}/")]


def fold(sheet: Sheet, forms: Sequence[Form], reading: Reading, limits: Limits) -> list[Sheet]:
    """The submissions' own table, then one per repeat with KEY and PARENT_KEY, for the form that knows most columns.

    The sheet alone when no column is a repeat's. A row between filled rows is kept though all its answers are blank, so
    that the others keep their numbers; blank ones after the last are not there. Raises ExportError IN-47 for more rows
    than ``limits`` let through: one heading "child[900000000]/age" would fill the memory.
    """
    if KEY not in sheet.headings or not forms:
        return [sheet]
    read = [{place: cell for place, heading in enumerate(sheet.headings) if (cell := reading(heading, form))}
            for form in forms]  # fmt: skip
    cells, form = max(zip(read, forms, strict=True), key=lambda pair: len(pair[0]))
    if not cells:
        return [sheet]
    counts = {f"{steps(repeat, form)[-1]}{COUNT}" for repeat in form.repeats[1:]} - {q.name for q in form.questions}
    rows = [place for place, heading in enumerate(sheet.headings) if place not in cells and heading not in counts]
    root = replace(
        sheet,
        headings=tuple(sheet.headings[place] for place in rows),
        frame=sheet.frame.select(pl.col(str(place)).alias(str(number)) for number, place in enumerate(rows)),
    )
    frame = sheet.frame.with_row_index(ROW)
    tables: dict[str, pl.DataFrame] = {}
    for repeat in reversed(form.repeats[1:]):  # what is inside a row says that the row is there
        filled, last = _filled(frame, repeat, cells, tables, form)
        refuse_too_large(sheet.place, int(last[last.columns[-1]].sum()), 0, limits)
        tables[repeat] = _rows(filled, last)
    key = sheet.frame[str(sheet.headings.index(KEY))]
    return [root, *(_keyed(tables[repeat], repeat, key, sheet, form) for repeat in form.repeats[1:])]


def _filled(
    frame: pl.DataFrame, repeat: str, cells: Mapping[int, Cell], inner: Mapping[str, pl.DataFrame], form: Form
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A repeat's filled rows (place of the submission, the number at each level, the answers), and each last number."""
    depth = len(levels(repeat, form))
    at = [f"@{level}" for level in range(depth)]
    own = {place: cell for place, cell in cells.items() if cell.repeat == repeat}
    headings = list(dict.fromkeys(cell.heading for cell in own.values()))
    parts = [_part(frame, numbers, own, headings) for numbers in sorted({cell.numbers for cell in own.values()})]
    schema = {ROW: pl.UInt32(), **dict.fromkeys(at, pl.Int64()), **dict.fromkeys(headings, pl.String())}
    filled = pl.concat([pl.DataFrame(schema=schema), *parts])
    there = pl.concat(
        [
            filled.select(ROW, *at),
            *(rows.select(ROW, *at) for path, rows in inner.items() if path.startswith(f"{repeat}/")),
        ]
    )
    return filled, there.group_by(ROW, *at[:-1]).agg(pl.col(at[-1]).max())


def _rows(filled: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """A repeat's rows below one another, from the first to each last number, the answers where there are any."""
    *_, number = at = last.columns[1:]
    every = last.with_columns(pl.int_ranges(1, pl.col(number) + 1).alias(number)).explode(number)
    return every.join(filled, on=[ROW, *at], how="left").sort(ROW, *at)


def _part(
    frame: pl.DataFrame, numbers: tuple[int, ...], own: Mapping[int, Cell], headings: Sequence[str]
) -> pl.DataFrame:
    """The rows of one number, without those where nothing is answered."""
    here = {cell.heading: str(place) for place, cell in own.items() if cell.numbers == numbers}
    answers = [(pl.col(here[name]) if name in here else pl.lit(None, pl.String)).alias(name) for name in headings]
    at = [pl.lit(number, pl.Int64).alias(f"@{level}") for level, number in enumerate(numbers)]
    return frame.select(ROW, *at, *answers).filter(pl.any_horizontal(pl.col(list(here)).is_not_null()))


def _keyed(rows: pl.DataFrame, repeat: str, key: pl.Series, sheet: Sheet, form: Form) -> Sheet:
    """A repeat's rows with the KEY and PARENT_KEY that a long table has: 'uuid:.../group/repeat[1]'."""
    walked = form.root
    parent = spelt = pl.lit(key.gather(rows[ROW]))
    for level, path in enumerate(levels(repeat, form)):
        parent = spelt
        number = pl.col(f"@{level}").cast(pl.String)
        spelt = pl.concat_str(parent, pl.lit(f"{path[len(walked) :]}["), number, pl.lit("]"))
        walked = path
    answers = [name for name in rows.columns if not name.startswith("@")]
    found_in = pl.concat_str(pl.lit(f"{sheet.place}:"), (pl.col(ROW) + sheet.first_row).cast(pl.String))
    frame = rows.select(*answers, parent.alias(PARENT_KEY), spelt.alias(KEY), found_in.alias(FOUND_IN))
    title = f"{sheet.title}-{steps(repeat, form)[-1]}"
    return Sheet(
        sheet.place, title, tuple(frame.columns), frame.rename({n: str(i) for i, n in enumerate(frame.columns)})
    )
