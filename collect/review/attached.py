"""Which photos and other files belong to an interview, and whether each is here: sent by a phone, or in an export.

An answer to a question for a photo is the file's name. The file came in a post of its own, lies in the folder of its
submission inside a zip, or in the folder ``media`` that Central puts beside its tables.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from lxml import etree

from collect import registry
from collect.forms import Form
from collect.journey import Definitions
from collect.keeping import sent
from collect.keeping.attachments import ENCRYPTED, files_of
from collect.keeping.journal import bytes_of
from collect.receive.submissions import local, parse, parser
from collect.review.identity import found_in, versions
from collect.review.standing import standing
from collect.store import Store, kept, safe_name

ATTACHED = {
    "submission_id": pl.String(),
    "question": pl.String(),  # null for a file that came and that no answer names
    "name": pl.String(),
    "place": pl.String(),  # below the data folder; null where it never came
}
OF_ENVELOPES = ("file", "encryptedXmlFile")  # elements of an encrypted submission that name what belongs to it
NO_ANSWERS = (".xml", ".csv", ".json", ".xlsx")


def attached(store: Store, form: Form, stands: pl.DataFrame) -> pl.DataFrame:
    """One row per file of the interviews in ``stands``: those that answers name, and those that came besides.

    Parameters
    ----------
    stands
        ``upload_id``, ``submission_id`` and ``interview`` of the versions to look at. What came with an earlier version
        of an interview is there for the later ones.

    Returns
    -------
    DataFrame
        As ATTACHED; empty for a form that asks for no files and got none.
    """
    of_interview = _sent(store, form.form_id)
    if not of_interview and all(question.type != "binary" for question in form.to_read.questions):
        return pl.DataFrame(schema=ATTACHED)
    rows: list[tuple[str, str | None, str, str | None]] = []
    zips = _zips(store)
    for (upload,), part in stands.group_by("upload_id", maintain_order=True):
        named = _named(store, form, str(upload), part)
        inside = _members(zips.get(str(upload))) if named else {}
        for submission, interview in part.select("submission_id", "interview").iter_rows():
            sent, asked = of_interview.get(interview, {}), named.get(submission, [])
            for question, name, read_from in asked:
                folder = f"{read_from.rpartition('/')[0]}/".lstrip("/")
                member = next((inside[one] for one in (folder + name, f"media/{name}") if one in inside), None)
                rows.append((submission, question, name, sent.get(safe_name(name), member)))
            expected = {safe_name(name) for _, name, _ in asked}
            rows += [(submission, None, name, place) for name, place in sent.items() if _is_besides(name, expected)]
    return pl.DataFrame(rows, schema=ATTACHED, orient="row")


def _sent(store: Store, form: str) -> dict[str, dict[str, str]]:
    """By interview: the files that phones sent with any of its versions, by name, each with its place."""
    came = files_of(store, form)
    if not came:
        return {}
    found: dict[str, dict[str, str]] = {}
    every = versions(store, form).filter(pl.col("submission_id").is_in(list(came)))
    for interview, name in every.select("interview", "submission_id").iter_rows():
        places = {one: str(path.relative_to(store.folder)) for one, path in came[name].items()}
        found.setdefault(interview, {}).update({one.removesuffix(ENCRYPTED): at for one, at in places.items()})
    return found


def of_one(store: Store, definitions: Definitions, submission_id: str) -> pl.DataFrame:
    """The files of one interview, as ATTACHED; also of one whose files are still coming, so that it is in no table.

    Raises CollectError USE-01 for an id nobody sent.
    """
    form = sent.form_of(store, submission_id)
    waits = [] if form is None else sent.standing_of(store, form, [submission_id])
    draft = next((one for one in waits if one["instance_id"] == submission_id and one["state"] != "in_tables"), None)
    if draft is not None:
        return _of_draft(store, definitions.form(draft["form"]), draft)
    form, every = found_in(store, submission_id)
    interview = every.filter(submission_id=submission_id)["interview"][0]
    return attached(store, definitions.form(form), standing(store, form).filter(interview=interview))


def _of_draft(store: Store, form: Form, draft: Mapping[str, Any]) -> pl.DataFrame:
    """Of answers that lie in the journal: the files they name and those that came."""
    root = parse(bytes_of(store.folder, draft), draft["instance_id"], parser())
    came = files_of(store, draft["form"], draft["instance_id"]).get(draft["instance_id"], {})
    places = {name: str(path.relative_to(store.folder)) for name, path in came.items()}
    asked = [(path, name) for path, name in named_files(root, form)]
    rows = [(draft["instance_id"], path, name, places.pop(safe_name(name), None)) for path, name in asked]
    rows += [(draft["instance_id"], None, name, place) for name, place in places.items()]
    return pl.DataFrame(rows, schema=ATTACHED, orient="row")


def named_files(root: etree._Element, form: Form) -> Iterator[tuple[str | None, str]]:
    """Question and name of every file that a submission's answers name, or its envelope, which has no questions."""
    asks = {one.path for one in form.to_read.questions if one.type == "binary"}
    for element in root.iter():
        name = (element.text or "").strip() if isinstance(element.tag, str) else ""
        path = "/" + "/".join(reversed([local(one.tag) for one in (element, *element.iterancestors())])) if name else ""
        if path in asks:
            yield path, name
        elif root.get("encrypted") == "yes" and name and local(element.tag) in OF_ENVELOPES:
            yield None, name


def counts(rows: pl.DataFrame) -> pl.DataFrame:
    """Per submission: how many ``files`` it has or should have, and how many are ``files_missing``."""
    missing = pl.col("place").is_null().sum().cast(pl.Int64).alias("files_missing")
    return rows.group_by("submission_id").agg(pl.len().cast(pl.Int64).alias("files"), missing)


def _is_besides(name: str, expected: set[str]) -> bool:
    return name not in expected and not name.endswith(NO_ANSWERS[:1])


def _named(store: Store, form: Form, upload: str, part: pl.DataFrame) -> dict[str, list[tuple[str, str, str]]]:
    """By submission: question, file name, and where its row was read, for every answer that names a file."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for repeat in form.to_read.repeats:
        paths = [one.path for one in form.to_read.questions_in(repeat) if one.type == "binary"]
        table = "answers" if repeat == form.root else f"answers{repeat}"
        if not paths or not store.part(form.form_id, table, upload).is_file():
            continue
        answers = store.read_part(form.form_id, table, upload, paths)
        answers = answers.filter(pl.col("submission_id").is_in(part["submission_id"].implode()))
        there = [path for path in paths if path in answers.columns]
        for row in answers.select("submission_id", "found_in", *there).iter_rows(named=True):
            names = [(path, row[path].strip(), row["found_in"]) for path in there if (row[path] or "").strip()]
            found.setdefault(row["submission_id"], []).extend(names)
    return found


def _zips(store: Store) -> Mapping[str, Path]:
    """By upload: where its original lies."""
    by_sha = {one.sha256: one.path for one in kept(store)}
    return {up["upload_id"]: by_sha[up["sha256"]] for up in registry.uploads(store.engine) if up["sha256"] in by_sha}


def _members(path: Path | None) -> dict[str, str]:
    """The files inside an upload by name, each as a place; what stands below ``media`` also by that folder alone."""
    if path is None or not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        names: Sequence[str] = [name for name in archive.namelist() if not name.endswith(("/", *NO_ANSWERS))]
    places = {name.removesuffix(ENCRYPTED): f"{path.name}:{name}" for name in names}
    media = {f"media/{name.rsplit('/', 1)[-1]}": place for name, place in places.items() if "media/" in name}
    return media | places
