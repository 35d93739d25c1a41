"""Writes made-up answers the way the platforms export them: ODK Central's CSV zip, KoboToolbox's XLSX, submission XML.

The layouts follow the platforms' own export code: Central's default options (select-multiple as one column, group
paths in headings), Kobo's "XML values and headers" with select-multiple both ways and numbers as text. The bytes
depend on the answers alone: archives carry one fixed date.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

import polars as pl
import xlsxwriter

from collect.forms import Form, Question

POINT = ("point0", "point1", "point2", "point3")  # latitude, longitude, altitude, accuracy, as text
STAMP = (2026, 11, 12, 0, 0, 0)  # the date inside every archive
ROWS_AT_ONCE = 100_000
KOBO_STATUS = "submitted_via_web"


@dataclass(frozen=True)
class Export:
    """One team's submissions of a form: ``root`` one row each; ``rows`` its repeat, ``row`` the place in ``root``.

    ``root`` has, besides the questions: instance (UUID), edited_as (UUID of the later version, or empty), submitted_at,
    version, and the four `POINT` columns where the form has a point.
    """

    form: Form
    root: pl.DataFrame
    rows: pl.DataFrame

    @property
    def repeat(self) -> str:
        """Path of the form's repeat."""
        return self.form.repeats[1]


def _steps(path: str, above: str) -> str:
    return path[len(above) + 1 :].replace("/", "-")


def _blank(name: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(name)


def _archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6)


def _entry(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    entry = zipfile.ZipInfo(name, STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return archive.open(entry, "w", force_zip64=True)


def write_central(export: Export, path: Path, copies: Sequence[int] = ()) -> None:
    """A zip of ``household.csv`` and ``household-member.csv``. ``copies``: rows of ``root`` that stand in it twice."""
    form = export.form
    root, rows = _central_root(export), _central_rows(export)
    if copies:
        again = pl.DataFrame({"row": list(copies)}, schema={"row": pl.Int64})
        root = pl.concat([root, again.join(root, on="row", maintain_order="left")])
        rows = pl.concat([rows, again.join(rows, on="row", maintain_order="left_right")])
    with _archive(path) as archive:
        name = export.repeat.rsplit("/", 1)[-1]
        for file, frame in ((f"{form.form_id}.csv", root), (f"{form.form_id}-{name}.csv", rows)):
            with _entry(archive, file) as target:
                for start in range(0, max(1, frame.height), ROWS_AT_ONCE):
                    part = frame.drop("row").slice(start, ROWS_AT_ONCE)
                    part.write_csv(target, include_header=start == 0)


def _central_root(export: Export) -> pl.DataFrame:
    form = export.form
    columns: list[pl.Expr] = [
        pl.int_range(pl.len()).cast(pl.Int64).alias("row"),
        pl.col("submitted_at").alias("SubmissionDate"),
    ]
    for question in form.questions_in(form.root):
        if question.path.startswith(f"{form.root}/meta/"):
            continue
        columns += _central_question(question, export.root, _steps(question.path, form.root))
    edited = pl.col("edited_as").is_not_null()
    key = "uuid:" + pl.col("instance")
    code = pl.col(form.design.interviewer)
    return export.root.select(
        *columns,
        ("uuid:" + pl.coalesce("edited_as", "instance")).alias("meta-instanceID"),
        pl.col(f"{form.root}/meta/instanceName").alias("meta-instanceName"),
        key.alias("KEY"),
        (code.str.extract(r"([0-9]+)$").cast(pl.Int64) + 100).cast(pl.String).alias("SubmitterID"),
        code.alias("SubmitterName"),
        pl.lit("0").alias("AttachmentsPresent"),
        pl.lit("0").alias("AttachmentsExpected"),
        _blank("Status"),
        pl.when(edited).then(pl.lit("edited")).alias("ReviewState"),
        pl.col(f"{form.root}/deviceid").alias("DeviceID"),
        pl.when(edited).then(pl.lit("1")).otherwise(pl.lit("0")).alias("Edits"),
        pl.col("version").alias("FormVersion"),
    )


def _central_question(question: Question, table: pl.DataFrame, name: str) -> list[pl.Expr]:
    if question.type == "geopoint":
        parts = ("Latitude", "Longitude", "Altitude", "Accuracy")
        return [pl.col(column).alias(f"{name}-{part}") for column, part in zip(POINT, parts, strict=True)]
    return [pl.col(question.path).alias(name) if question.path in table.columns else _blank(name)]


def _central_rows(export: Export) -> pl.DataFrame:
    form, repeat = export.form, export.repeat
    parents = export.root.select(
        pl.int_range(pl.len()).cast(pl.Int64).alias("row"), ("uuid:" + pl.col("instance")).alias("PARENT_KEY")
    )
    whole = export.rows.join(parents, on="row", maintain_order="left")
    columns = [e for q in form.questions_in(repeat) for e in _central_question(q, whole, _steps(q.path, repeat))]
    place = repeat[len(form.root) + 1 :]
    key = pl.concat_str("PARENT_KEY", pl.lit(f"/{place}["), pl.col("index").cast(pl.String), pl.lit("]")).alias("KEY")
    return whole.select("row", *columns, "PARENT_KEY", key)


def write_kobo(export: Export, path: Path, copies: Sequence[int] = ()) -> None:
    """A workbook with one sheet of submissions and one of repeat rows. ``copies``: rows of ``root`` sent twice."""
    form = export.form
    name = export.repeat.rsplit("/", 1)[-1]
    root, rows = export.root.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)), export.rows
    if copies:
        again = pl.DataFrame(
            {"row": list(copies), "new": range(root.height, root.height + len(copies))},
            schema=dict.fromkeys(("row", "new"), pl.Int64),
        )
        more = again.join(rows, on="row", maintain_order="left_right").with_columns(row="new").drop("new")
        rows = pl.concat([rows, more.select(rows.columns)])
        root = pl.concat(
            [root, again.join(root, on="row", maintain_order="left").with_columns(row="new").select(root.columns)]
        )
    facts = _kobo_facts(root)
    sheet = root.select(
        e for q in form.questions_in(form.root) if "/meta/" not in q.path for e in _kobo_question(q, form, root)
    )
    sheet = sheet.hstack(facts).with_columns((root["row"] + 1).cast(pl.String).alias("_index"))
    members = _kobo_rows(export, rows, root.select("row").hstack(facts))
    with xlsxwriter.Workbook(
        str(path), {"strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        book.set_properties({"created": datetime(*STAMP)})  # noqa: DTZ001  # fixed, so that the same round gives the same bytes
        for title, frame in ((_kobo_title(form.title), sheet), (name, members)):
            target = book.add_worksheet(title)
            target.write_row(0, 0, frame.columns)
            for number, values in enumerate(frame.iter_rows(), start=1):
                for column, value in enumerate(values):
                    if value is not None:
                        if isinstance(value, int):
                            target.write_number(number, column, value)
                        else:
                            target.write_string(number, column, value)


def _kobo_title(title: str) -> str:
    return title if len(title) <= 31 else title[:28] + "..."


def _kobo_question(question: Question, form: Form, table: pl.DataFrame) -> list[pl.Expr]:
    name = question.name
    if question.type == "geopoint":
        whole = pl.concat_str(POINT, separator=" ").alias(name)
        parts = ("latitude", "longitude", "altitude", "precision")
        return [whole, *(pl.col(column).alias(f"_{name}_{part}") for column, part in zip(POINT, parts, strict=True))]
    if question.path not in table.columns:
        return [_blank(name)]
    answer = pl.col(question.path)
    if question.type != "select_multiple":
        return [answer.alias(name)]
    chosen = [
        pl.when(answer.is_not_null())
        .then((" " + answer + " ").str.contains(f" {choice.name} ", literal=True).cast(pl.Int64).cast(pl.String))
        .alias(f"{name}/{choice.name}")
        for choice in form.choices[question.choice_list or ""]
    ]
    return [answer.alias(name), *chosen]


def _kobo_facts(root: pl.DataFrame) -> pl.DataFrame:
    """The platform's own columns, in its order; numbers of submissions begin at 1000."""
    return root.select(
        (pl.int_range(pl.len()) + 1000).cast(pl.String).alias("_id"),
        pl.coalesce("edited_as", "instance").alias("_uuid"),
        pl.col("submitted_at").str.slice(0, 19).alias("_submission_time"),
        _blank("_validation_status"),
        _blank("_notes"),
        pl.lit(KOBO_STATUS).alias("_status"),
        pl.lit("demo").alias("_submitted_by"),
        pl.col("version").alias("__version__"),
        _blank("_tags"),
        ("uuid:" + pl.col("instance")).alias("meta/rootUuid"),
    )


def _kobo_rows(export: Export, rows: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    form, repeat = export.form, export.repeat
    wanted = [name for name in facts.columns if name != "row"]
    whole = rows.join(facts.rename({name: f"_submission_{name}" for name in wanted}), on="row", maintain_order="left")
    questions = [e for q in form.questions_in(repeat) for e in _kobo_question(q, form, whole)]
    return whole.select(
        *questions,
        (pl.int_range(pl.len()) + 1).cast(pl.String).alias("_index"),
        pl.lit(form.title).alias("_parent_table_name"),
        (pl.col("row") + 1).cast(pl.String).alias("_parent_index"),
        *(f"_submission_{name}" for name in wanted),
    )


def write_submissions(export: Export, path: Path, copies: Sequence[int] = ()) -> None:
    """A zip of submission XML files, one per version sent: what was edited has its first version beside the later."""
    form = export.form
    people: dict[int, list[dict[str, str | None]]] = {}
    for row in export.rows.iter_rows(named=True):
        people.setdefault(row["row"], []).append(row)
    twice = set(copies)
    with _archive(path) as archive:
        for number, submission in enumerate(export.root.iter_rows(named=True)):
            for file, text in _versions(form, submission, people.get(number, []), export.repeat):
                names = (f"{file}.xml", f"{file}-copy.xml") if number in twice else (f"{file}.xml",)
                for name in names:
                    with _entry(archive, name) as target:
                        target.write(text.encode("utf-8"))


def _versions(
    form: Form, submission: dict[str, str | None], people: list[dict[str, str | None]], repeat: str
) -> Iterator[tuple[str, str]]:
    first, later = str(submission["instance"]), submission["edited_as"]
    if later is None:
        yield first, submission_xml(form, submission, people, repeat, first)
        return
    before = submission | {f"{form.root}/totals/remarks": None}
    yield first, submission_xml(form, before, people, repeat, first)
    yield later, submission_xml(form, submission, people, repeat, later, replaces=first)


def submission_xml(
    form: Form,
    root: dict[str, str | None],
    people: list[dict[str, str | None]],
    repeat: str,
    instance: str,
    replaces: str = "",
) -> str:
    """One submission as a phone sends it: nodes of blank answers are empty, groups and repeat rows nested by path."""
    name = form.root[1:]
    meta = f"<meta><instanceID>uuid:{instance}</instanceID>"
    meta += f"<deprecatedID>uuid:{replaces}</deprecatedID>" if replaces else ""
    meta += f"<instanceName>{escape(root[f'{form.root}/meta/instanceName'] or '')}</instanceName></meta>"
    body = "".join(_nodes(form, root, people, repeat))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} id="{form.form_id}" version="{root["version"]}" '
        f'xmlns:orx="http://openrosa.org/xforms">{body}{meta}</{name}>\n'
    )


def _nodes(form: Form, root: dict[str, str | None], people: list[dict[str, str | None]], repeat: str) -> Iterator[str]:
    open_steps: list[str] = []
    repeated = False
    for question in form.questions:
        inside = question.repeat == repeat
        if question.path.startswith(f"{form.root}/meta/") or (inside and repeated):
            continue
        steps = (repeat if inside else question.path)[len(form.root) + 1 :].split("/")[:-1]
        while open_steps != steps[: len(open_steps)]:
            yield f"</{open_steps.pop()}>"
        for step in steps[len(open_steps) :]:
            open_steps.append(step)
            yield f"<{step}>"
        if inside:
            repeated = True
            yield from (_row(form, person, repeat) for person in people)
        else:
            yield _node(question, root)
    while open_steps:
        yield f"</{open_steps.pop()}>"


def _row(form: Form, person: dict[str, str | None], repeat: str) -> str:
    name = repeat.rsplit("/", 1)[-1]
    return f"<{name}>{''.join(_node(question, person) for question in form.questions_in(repeat))}</{name}>"


def _node(question: Question, answers: dict[str, str | None]) -> str:
    if question.type == "geopoint":
        parts = [answers.get(column) for column in POINT]
        value = " ".join(part or "0" for part in parts) if parts[0] is not None else None
    else:
        value = answers.get(question.path)
    return f"<{question.name}/>" if value is None else f"<{question.name}>{escape(value)}</{question.name}>"
