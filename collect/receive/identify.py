"""Gives a submission without a name one made of its contents, and keeps a submission that came twice once.

Inside a reader the column ``#`` (place of the submission in the file) ties repeat rows to their submission, so that two
versions under one name do not mix their rosters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from collect.forms import Form
from collect.receive.received import IssueBook

OF = "#"
NAMES = ("submission_id", "replaces")
NAMED_BY_CONTENTS = "sha256:"

Tables = dict[str, pl.DataFrame]


def identify(tables: Tables, form: Form, issues: IssueBook, *, rows_by_name: bool = False) -> Tables:
    """Name the nameless (ID-03) and keep the last of each name (ID-01, ID-02). All tables need the column ``#``.

    Rows of repeats take the name of their submission, and go where it goes. ``rows_by_name``: they bear it already, for
    the source ties them by it alone, so that rows which stand once belong to every version of it.
    """
    tables = {path: _on_one_line(frame) for path, frame in tables.items()}
    root = tables[form.root]
    nameless = root.filter(pl.col("submission_id").is_null())
    if nameless.height:
        tables = _named(tables, nameless, form, issues)
        root = tables[form.root]
    twice = root.filter(pl.col("submission_id").is_duplicated())
    if twice.height:
        tables = _kept_once(tables, twice, form, issues, rows_by_name)
    return tables if rows_by_name else _after_their_submissions(tables, form)


def _on_one_line(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with names as phones write them: what somebody's editor wrapped or indented is the same name."""
    names = [name for name in NAMES if name in frame.columns]
    wrapped = frame.select(pl.col(name).str.contains(r"\s").any() for name in names)
    touched = [name for name in names if wrapped[name].item()] if frame.height else []
    plain = (pl.col(name).str.strip_chars().str.replace_all(r"\s+", " ").alias(name) for name in touched)
    return frame.with_columns(plain) if touched else frame


def _after_their_submissions(tables: Tables, form: Form) -> Tables:
    names = tables[form.root].select(OF, "submission_id")
    return {
        path: frame
        if path == form.root
        else frame.drop("submission_id").join(names, on=OF, how="inner", maintain_order="left")
        for path, frame in tables.items()
    }


def _named(tables: Tables, nameless: pl.DataFrame, form: Form, issues: IssueBook) -> Tables:
    contents = _contents(tables, set(nameless[OF].to_list()), form)
    names = {
        place: NAMED_BY_CONTENTS + hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        for place, content in contents.items()
    }
    for place, found_in in nameless.select(OF, "found_in").iter_rows():
        issues.note("ID-03", submission_id=names[place], found_in=found_in)
    given = pl.col(OF).replace_strict(names, default=None, return_dtype=pl.String)
    return {
        path: frame.with_columns(submission_id=pl.coalesce("submission_id", given)) for path, frame in tables.items()
    }


def _kept_once(tables: Tables, twice: pl.DataFrame, form: Form, issues: IssueBook, rows_by_name: bool) -> Tables:
    contents = _contents(tables, set(twice[OF].to_list()), form)
    dropped: list[int] = []
    for (name,), versions in twice.group_by("submission_id", maintain_order=True):
        *earlier, (last, _) = versions.select(OF, "found_in").rows()
        for place, found_in in earlier:
            rowless = rows_by_name and len(contents[place]) == 1
            same = contents[place] == contents[last][: 1 if rowless else None]
            code = "ID-02" if same else "ID-01"
            kept_in = versions["found_in"][-1]
            issues.note(code, submission_id=str(name), found_in=found_in, kept=kept_in)
            dropped.append(place)
    gone = pl.Series(dropped, dtype=pl.UInt32).implode()
    return {path: frame.filter(~pl.col(OF).is_in(gone)) for path, frame in tables.items()}


def _contents(tables: Mapping[str, pl.DataFrame], places: Collection[int], form: Form) -> dict[int, list[Any]]:
    """What each of these submissions says: its answers and its rows', in a fixed order."""
    wanted = pl.Series(sorted(places), dtype=pl.UInt32).implode()
    contents: dict[int, list[Any]] = {place: [] for place in places}
    for path in form.repeats:
        if path not in tables:
            continue
        frame = tables[path].filter(pl.col(OF).is_in(wanted))
        keep = [name for name in frame.columns if "/" in name or name in ("row_id", "form_version", "replaces")]
        for place, row in zip(frame[OF], frame.select(keep).rows(), strict=True):
            contents[place].append([path, *row])
    return contents
