"""Writes the same answers as further platforms' exports, after their own export code: for conformance and for speed."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

import xlsxwriter

from collect.demo.layouts import POINT, Export
from collect.forms import Form, Question

Answers = Mapping[str, str | None]
Read = Callable[[Answers], str | None]
ENGLISH_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def households(export: Export) -> Iterator[tuple[dict[str, str | None], list[dict[str, str | None]]]]:
    """Each submission with its repeat rows; a point stands under its question's path."""
    people: dict[int, list[dict[str, str | None]]] = {}
    for row in export.rows.iter_rows(named=True):
        people.setdefault(row["row"], []).append(row)
    point = next((q.path for q in export.form.questions if q.type == "geopoint"), "")
    for number, root in enumerate(export.root.iter_rows(named=True)):
        parts = [root.get(name) for name in POINT]
        whole = " ".join(part or "0" for part in parts) if parts[0] is not None else None
        yield root | {point: whole}, people.get(number, [])


def asked(form: Form, repeat: str) -> list[Question]:
    return [question for question in form.questions_in(repeat) if "/meta/" not in question.path]


def write_odata(export: Export, path: Path) -> None:
    """Submissions with ``$expand=*``, as Central's OData gives them."""
    form = export.form
    value = [_odata(root, rows, form, export.repeat) for root, rows in households(export)]
    context = f"https://central.example/v1/projects/1/forms/{form.form_id}.svc/$metadata#Submissions"
    path.write_text(json.dumps({"value": value, "@odata.context": context}, ensure_ascii=False), encoding="utf-8")


def _odata(root: Answers, rows: Sequence[Answers], form: Form, repeat: str) -> dict[str, Any]:
    name = f"uuid:{root['instance']}"
    document: dict[str, Any] = {}
    for question in asked(form, form.root):
        _nested(document, question.path[len(form.root) + 1 :], _typed(root.get(question.path), question))
    members = [
        {q.path[len(repeat) + 1 :]: _typed(row.get(q.path), q) for q in asked(form, repeat)} | {"__id": f"{name}-{n}"}
        for n, row in enumerate(rows)
    ]
    below = repeat[len(form.root) + 1 :]
    _nested(document, f"{below}@odata.navigationLink", f"Submissions('{name}')/{below}")
    _nested(document, below, members)
    _nested(document, "meta/instanceID", f"uuid:{root['edited_as'] or root['instance']}")
    _nested(document, "meta/instanceName", root.get(f"{form.root}/meta/instanceName"))
    system = {"submissionDate": root["submitted_at"], "updatedAt": None, "submitterName": "DEMO", "status": None,
              "reviewState": None, "deviceId": root.get(f"{form.root}/deviceid"), "edits": int(bool(root["edited_as"])),
              "formVersion": root["version"]}  # fmt: skip
    return document | {"__id": name, "__system": system}


def _nested(document: dict[str, Any], path: str, value: object) -> None:
    *groups, name = path.split("/")
    for group in groups:
        document = document.setdefault(group, {})
    document[name] = value


def _typed(text: str | None, question: Question) -> object:
    if text is None:
        return None
    if question.type in ("int", "decimal"):
        return float(text) if "." in text else int(text)
    if question.type == "geopoint":
        latitude, longitude, *rest = (float(part) for part in text.split())
        coordinates = [longitude, latitude, *rest[:1]]
        return {"type": "Point", "coordinates": coordinates, "properties": {"accuracy": rest[1] if rest[1:] else None}}
    return text


def write_kobo_json(export: Export, path: Path) -> None:
    """One page of KoboToolbox's ``/api/v2/assets/.../data/``: whole paths as keys, no blanks."""
    form, repeat = export.form, export.repeat
    above = len(form.root) + 1
    results: list[dict[str, Any]] = []
    for number, (root, rows) in enumerate(households(export)):
        answers = {q.path[above:]: root[q.path] for q in asked(form, form.root) if root.get(q.path) is not None}
        members = [{q.path[above:]: row[q.path] for q in asked(form, repeat) if row.get(q.path)} for row in rows]
        later = root["edited_as"] or root["instance"]
        results.append(
            {
                "_id": 1000 + number,
                "formhub/uuid": "f" * 32,
                **answers,
                **({repeat[above:]: members} if members else {}),
                "__version__": root["version"],
                "meta/instanceID": f"uuid:{later}",
                "meta/rootUuid": f"uuid:{root['instance']}",
                "_xform_id_string": "aBcDeFgHiJkLmNoPqRsTuV",
                "_uuid": later,
                "_attachments": [],
                "_status": "submitted_via_web",
                "_geolocation": [None, None],
                "_tags": [],
                "_submission_time": str(root["submitted_at"])[:19],
                "_notes": [],
                "_validation_status": {},
                "_submitted_by": None,
            }
        )
    page = {"count": len(results), "next": None, "previous": None, "results": results}
    path.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")


def _as_csv(headings: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([cell if cell is not None else "" for cell in row] for row in rows)
    return text.getvalue()


def write_ona(export: Export, path: Path) -> None:
    """Ona's wide CSV: 'group/repeat[1]/question', "n/a" where nothing was answered, choices as True and False."""
    form, repeat = export.form, export.repeat
    above, most = len(form.root) + 1, max((len(rows) for _, rows in households(export)), default=0)
    columns: list[tuple[str, Callable[[Answers, Sequence[Answers]], str | None]]] = []
    for question in asked(form, form.root):
        columns += [
            (name, partial(_of_root, read)) for name, read in _ona_columns(question, question.path[above:], form)
        ]
    for number in range(most):
        for question in asked(form, repeat):
            name = f"{repeat[above:]}[{number + 1}]/{question.path[len(repeat) + 1 :]}"
            columns += [(one, partial(_of_row, number, read)) for one, read in _ona_columns(question, name, form)]
    rows = []
    for root, members in households(export):
        said = [read(root, members) for _, read in columns]
        name = str(root["instance"])
        facts = [f"uuid:{name}", name, str(root["submitted_at"])[:19], "", "", str(root["version"]), "", "team"]
        rows.append(["n/a" if cell is None else cell for cell in said] + facts)
    platform = ["meta/instanceID", "_uuid", "_submission_time", "_tags", "_notes", "_version", "_duration"]
    text = _as_csv([name for name, _ in columns] + [*platform, "_submitted_by"], rows)
    path.write_text(text, encoding="utf-8", newline="")


def _ona_columns(question: Question, name: str, form: Form) -> list[tuple[str, Read]]:
    if question.type == "select_multiple":
        return [
            (f"{name}/{choice.name}", partial(_truth, question.path, choice.name))
            for choice in form.choices[question.choice_list or ""]
        ]
    return [(name, lambda row: row.get(question.path))]


def _of_root(read: Read, root: Answers, _rows: Sequence[Answers]) -> str | None:
    return read(root)


def _of_row(number: int, read: Read, _root: Answers, rows: Sequence[Answers]) -> str | None:
    return read(rows[number]) if number < len(rows) else None


def _truth(path: str, chosen: str, row: Answers) -> str | None:
    answer = row.get(path)
    return None if answer is None else str(chosen in answer.split())


def english(text: str | None, kind: str) -> str | None:
    """A date as Java writes it in English, medium: without milliseconds and zone."""
    if text is None or kind not in ("date", "dateTime", "time"):
        return text
    if kind == "time":
        return _clock(time.fromisoformat(text))
    moment = datetime.fromisoformat(text)
    return _day(moment.date()) if kind == "date" else f"{_day(moment.date())} {_clock(moment.time())}"


def _day(day: date) -> str:
    return f"{ENGLISH_MONTHS[day.month - 1]} {day.day}, {day.year}"


def _clock(moment: time) -> str:
    return f"{moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def write_briefcase(export: Export, path: Path) -> None:
    """ODK Briefcase's CSV files: groups joined by '-', a SET-OF column in both tables, English dates."""
    form, repeat = export.form, export.repeat
    below, name = repeat[len(form.root) + 1 :], repeat.rsplit("/", 1)[-1]
    fields = _long_columns(form, form.root, "-")
    headings = ["SubmissionDate", *(heading for heading, _, _ in fields), f"SET-OF-{name}", "meta-instanceID", "KEY"]
    roots, members = [], []
    for root, rows in households(export):
        key = f"uuid:{root['instance']}"
        roots.append([english(root["submitted_at"], "dateTime"), *_cells(root, fields), f"{key}/{below}", key, key])
        for number, row in enumerate(rows, 1):
            cells = _cells(row, _long_columns(form, repeat, "-"))
            members.append([*cells, key, f"{key}/{below}[{number}]", f"{key}/{below}"])
    inner = [heading for heading, _, _ in _long_columns(form, repeat, "-")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{form.form_id}.csv", _as_csv(headings, roots))
        archive.writestr(
            f"{form.form_id}-{name}.csv", _as_csv([*inner, "PARENT_KEY", "KEY", f"SET-OF-{name}"], members)
        )


def write_surveycto_long(export: Export, path: Path) -> None:
    """SurveyCTO's long CSV: bare names, choices as further columns, a file per repeat."""
    form, repeat = export.form, export.repeat
    below, name = repeat[len(form.root) + 1 :], repeat.rsplit("/", 1)[-1]
    fields, inner = _long_columns(form, form.root, ""), _long_columns(form, repeat, "")
    headings = ["SubmissionDate", *(heading for heading, _, _ in fields), f"SET-OF-{name}", *SURVEYCTO_END]
    roots, members = [], []
    for root, rows in households(export):
        key = f"uuid:{root['instance']}"
        start = english(root["submitted_at"], "dateTime")
        roots.append([start, *_cells(root, fields), f"{key}/{below}", key, root["version"], key])
        for number, row in enumerate(rows, 1):
            members.append([*_cells(row, inner), key, f"{key}/{below}[{number}]", f"{key}/{below}"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Household survey.csv", _as_csv(headings, roots))
        inner_headings = [*(heading for heading, _, _ in inner), "PARENT_KEY", "KEY", f"SET-OF-{name}"]
        archive.writestr(f"Household survey-{name}.csv", _as_csv(inner_headings, members))


SURVEYCTO_END = ("instanceID", "formdef_version", "KEY")


def write_surveycto_wide(export: Export, path: Path) -> None:
    """SurveyCTO's wide CSV: a repeat's rows side by side, their numbers behind the names."""
    form, repeat = export.form, export.repeat
    most, name = max((len(rows) for _, rows in households(export)), default=0), repeat.rsplit("/", 1)[-1]
    fields, inner = _long_columns(form, form.root, ""), _long_columns(form, repeat, "")
    headings = ["SubmissionDate", *(heading for heading, _, _ in fields), f"{name}_count"]
    headings += [f"{heading}_{number + 1}" for number in range(most) for heading, _, _ in inner] + [*SURVEYCTO_END]
    rows = []
    for root, members in households(export):
        key = f"uuid:{root['instance']}"
        start = english(root["submitted_at"], "dateTime")
        cells = [cell for n in range(most) for cell in _cells(members[n] if n < len(members) else {}, inner)]
        rows.append([start, *_cells(root, fields), str(len(members)), *cells, key, root["version"], key])
    path.write_text(_as_csv(headings, rows), encoding="utf-8", newline="")


Column = tuple[str, Question, str]  # heading, question, the choice or the point's part it stands for


def _long_columns(form: Form, table: str, joint: str) -> list[Column]:
    columns: list[Column] = []
    for question in asked(form, table):
        name = question.path[len(table) + 1 :].replace("/", joint) if joint else question.name
        if question.type == "geopoint":
            columns += [(f"{name}-{part}", question, str(n)) for n, part in enumerate(
                ("Latitude", "Longitude", "Altitude", "Accuracy"))]  # fmt: skip
            continue
        columns.append((name, question, ""))
        if question.type == "select_multiple" and not joint:
            columns += [(f"{name}_{choice.name.replace('-', '_')}", question, choice.name)
                        for choice in form.choices[question.choice_list or ""]]  # fmt: skip
    return columns


def _cells(row: Answers, columns: Sequence[Column]) -> list[str | None]:
    cells: list[str | None] = []
    for _, question, part in columns:
        answer = row.get(question.path)
        if answer is None or not part:
            cells.append(english(answer, question.type))
        elif question.type == "geopoint":
            cells.append(answer.split()[int(part)])
        else:
            cells.append("1" if part in answer.split() else "0")
    return cells


def write_kobo_labels(export: Export, path: Path, language: str, joint: str) -> None:
    """KoboToolbox's XLSX with labels for headings and answers; ``joint`` between group labels, "" without groups."""
    form, repeat = export.form, export.repeat
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False}) as book:
        first, second = book.add_worksheet(form.title[:31]), book.add_worksheet(repeat.rsplit("/", 1)[-1])
        columns, inner = asked(form, form.root), asked(form, repeat)
        first.write_row(0, 0, [*(_label(q, form, language, joint) for q in columns), *KOBO_END])
        second.write_row(0, 0, [*(_label(q, form, language, joint) for q in inner), *KOBO_TIES])
        line = 0
        for number, (root, rows) in enumerate(households(export), 1):
            shown = (_shown(root.get(q.path), q, form, language) for q in columns)
            first.write_row(number, 0, [*shown, *_kobo_end(root, number)])
            for row in rows:
                line += 1
                shown = (_shown(row.get(q.path), q, form, language) for q in inner)
                second.write_row(line, 0, [*shown, *_kobo_tie(form, line, number)])


def write_kobo_grouped(export: Export, path: Path, multiple: str = "details") -> None:
    """KoboToolbox's XLSX with the names of groups in the headings of every sheet.

    ``multiple``: a select-multiple as columns of 1 and 0 ("details"), as one column ("summary"), or as "both".
    """
    form, repeat = export.form, export.repeat
    columns, inner = (_kobo_columns(form, table, multiple) for table in (form.root, repeat))
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False}) as book:
        first, second = book.add_worksheet(form.title[:31]), book.add_worksheet(repeat.rsplit("/", 1)[-1])
        first.write_row(0, 0, [*(name for name, _ in columns), *KOBO_END])
        second.write_row(0, 0, [*(name for name, _ in inner), *KOBO_TIES])
        line = 0
        for number, (root, rows) in enumerate(households(export), 1):
            first.write_row(number, 0, [*(read(root) for _, read in columns), *_kobo_end(root, number)])
            for row in rows:
                line += 1
                second.write_row(line, 0, [*(read(row) for _, read in inner), *_kobo_tie(form, line, number)])


def write_kobo_csv(export: Export, path: Path) -> None:
    """KoboToolbox's CSV: every value quoted, ";" between, groups in the headings, and no repeats at all."""
    columns = _kobo_columns(export.form, export.form.root, "both")
    lines = [[*(name for name, _ in columns), *KOBO_END]]
    for number, (root, _) in enumerate(households(export), 1):
        lines.append([*(read(root) or "" for _, read in columns), *_kobo_end(root, number)])
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL).writerows(lines)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _kobo_columns(form: Form, table: str, multiple: str) -> list[tuple[str, Read]]:
    columns: list[tuple[str, Read]] = []
    for question in asked(form, table):
        name = question.path[len(form.root) + 1 :]
        several = question.type == "select_multiple"
        if not several or multiple != "details":
            columns.append((name, partial(_answer, question.path)))
        if several and multiple != "summary":
            columns += [
                (f"{name}/{choice.name}", partial(_one_or_nought, question.path, choice.name))
                for choice in form.choices[question.choice_list or ""]
            ]
    return columns


def _answer(path: str, row: Answers) -> str | None:
    return row.get(path)


def _one_or_nought(path: str, chosen: str, row: Answers) -> str | None:
    answer = row.get(path)
    return None if answer is None else str(int(chosen in answer.split()))


KOBO_END = ("_id", "_uuid", "_submission_time", "__version__", "meta/rootUuid", "_index")
KOBO_TIES = ("_index", "_parent_table_name", "_parent_index", "_submission__id")


def _kobo_end(root: Answers, number: int) -> list[str]:
    later = root["edited_as"] or root["instance"]
    at = str(root["submitted_at"])[:19]
    return [str(999 + number), str(later), at, str(root["version"]), f"uuid:{root['instance']}", str(number)]


def _kobo_tie(form: Form, line: int, number: int) -> list[str]:
    return [str(line), form.title, str(number), str(999 + number)]


def _label(question: Question, form: Form, language: str, joint: str) -> str:
    own = question.labels.get(language) or question.name
    if not joint:
        return own
    labels = {section.path: section.labels.get(language) for section in form.sections}
    path, words = form.root, []
    for step in question.path[len(form.root) + 1 :].split("/")[:-1]:
        path = f"{path}/{step}"
        words.append(labels.get(path) or step)
    return joint.join([*words, own])


def _shown(answer: str | None, question: Question, form: Form, language: str) -> str | None:
    if answer is None or question.choice_list is None:
        return answer
    labels = {choice.name: choice.labels.get(language) or choice.name for choice in form.choices[question.choice_list]}
    names = answer.split() if question.type == "select_multiple" else [answer]
    return " ".join(labels.get(name, name) for name in names)


WRITERS: dict[str, Callable[[Export, Path], None]] = {
    "central-odata.json": write_odata,
    "kobo-api.json": write_kobo_json,
    "kobo-grouped.xlsx": write_kobo_grouped,
    "ona.csv": write_ona,
    "briefcase.zip": write_briefcase,
    "surveycto-long.zip": write_surveycto_long,
    "surveycto-wide.csv": write_surveycto_wide,
}
