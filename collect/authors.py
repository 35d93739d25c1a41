"""Tools for people who write forms: what an expression comes to in a submission, and what an export breaks in any form.

Nothing here needs the data folder, and none is made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import polars as pl

from collect import xpath
from collect.check import LOST_COLUMN, LeftOut, Spelling, check, of_lost_columns
from collect.define import form_at, schema_of
from collect.forms import Form
from collect.i18n import t
from collect.problems import CollectError, DefinitionError
from collect.receive import Received, receive
from collect.receive.apart import receive_apart
from collect.receive.manner import USUAL, Manner
from collect.receive.submissions import local, parse, parser
from collect.xpath.evaluate import Profile

NEEDED = ("form", "expression")
PROFILES = ("collect", "web")
AS_TOLD = Spelling()  # by the file's own cells


@dataclass
class Bench:
    """Forms and submissions read once, however many expressions are asked of them."""

    folder: Path = field(default_factory=Path)  # relative paths are looked for here first
    lang: str = "en"
    _forms: dict[Path, tuple[Form, xpath.Schema]] = field(default_factory=dict)
    _submissions: dict[Path, Any] = field(default_factory=dict)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request's answer: type, value and text; or the code and the words of what is wrong. It never raises."""
        try:
            return self._answer(request)
        except xpath.XPathError as error:
            return {"error": error.code, "message": str(error), "position": error.position}
        except CollectError as error:
            return {"error": error.code, "message": t(f"{error.code}.found", self.lang, **error.values)}
        except OSError as error:
            return {"error": "file", "message": f"{Path(str(error.filename or '')).name}: {error.strerror}"}
        except RecursionError:
            return {"error": "too_deep", "message": "The expression is nested too deeply."}
        except Exception as error:  # one request of a batch must not end the others
            return {"error": "failed", "message": f"{type(error).__name__}: {error}"}

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wrong = _wrong(request)
        if wrong:
            return {"error": "request", "message": wrong}
        form, schema = self._form(self._place(request["form"]))
        named = request.get("submission")
        root = self._submission(self._place(named)) if named else None
        if root is None:
            return {"error": "request", "message": "submission: a path to the submission's XML is needed"}
        at = request.get("at") or form.root
        profile = cast("Profile", request.get("profile") or "collect")
        now = request.get("now") or _clock(form, root)
        found = xpath.evaluate(request["expression"], schema, root, at, profile=profile, now=now)
        return {"type": found.type, "value": _plain(found.value), "text": found.text}

    def _place(self, named: str) -> Path:
        beside = self.folder / named
        return beside if beside.exists() else Path(named)

    def _form(self, path: Path) -> tuple[Form, xpath.Schema]:
        if path not in self._forms:
            form = form_at(path)
            self._forms[path] = form, _with_identity(schema_of(form), form)
        return self._forms[path]

    def _submission(self, path: Path) -> Any:
        if path not in self._submissions:
            self._submissions[path] = parse(path.read_bytes(), path.name, parser())
        return self._submissions[path]


def answers_of(lines: Iterator[str], bench: Bench) -> Iterator[dict[str, Any]]:
    """The answer to every line of a batch, in order; a line that is no JSON object gets an error of its own."""
    for line in lines:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield {"error": "json", "message": str(error)}
            continue
        yield bench.answer(request) if isinstance(request, dict) else {"error": "json", "message": "not an object"}


def _wrong(request: Mapping[str, Any]) -> str:
    for key in ("form", "submission", "at", "expression", "profile", "now"):
        value = request.get(key)
        if (key in NEEDED and not value) or not isinstance(value, str | None):
            return f"{key}: a text is needed"
    profile = request.get("profile") or "collect"
    return "" if profile in PROFILES else f"profile: {profile} is none of {', '.join(PROFILES)}"


def _plain(value: object) -> object:
    """JSON has no NaN and no infinity: null, and the text tells which."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_identity(schema: xpath.Schema, form: Form) -> xpath.Schema:
    """The schema with the submission's own name, which is no question but may be read."""
    root = {f"{form.root}/meta/instanceID": "string", **schema.tables[form.root]}
    return replace(schema, tables={**schema.tables, form.root: root})


def _clock(form: Form, root: Any) -> str | None:
    """When the submission was made, by its own device."""
    design = form.design
    for path in (design.ended_at, design.started_at, design.interviewed_on):
        text = _text_at(root, path[len(form.root) :].strip("/").split("/")) if path else ""
        if text:
            return text if "T" in text else f"{text}T12:00:00.000"
    return None


def _text_at(node: Any, steps: list[str]) -> str:
    for step in steps:
        node = next((child for child in node if local(child.tag) == step), None)
        if node is None:
            return ""
    return (node.text or "").strip()


# --- whole exports ---


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What one export breaks. ``issues`` has one row per issue, as `collect.tables.ISSUES`."""

    file: str
    source: str
    form: Form
    submissions: int
    issues: pl.DataFrame


def check_file(
    path: Path,
    form: Form,
    manner: Manner = USUAL,
    *,
    apart: bool = True,
    received_on: date | None = None,
    spelling: Spelling = AS_TOLD,
) -> Iterator[CheckedFile]:
    """Check an export with the rules of any form, the places of the survey left aside. Raises ExportError.

    It is read like an upload: ``apart``, in a process of its own, within the limits of ``manner``. ``received_on``: the
    day after which no interview can have been. ``spelling``: what somebody says of its days and numbers.
    """
    anywhere = replace(form, design=replace(form.design, commune=""))  # the commune is a choice like any other here
    reader = receive_apart if apart else receive
    for received in reader(path, [anywhere.to_read], form=anywhere.form_id, manner=manner):
        if received.form is None:
            raise DefinitionError("USE-01", what="answers", name=path.name, known=form.form_id)
        left_out = LeftOut(_without_rows(received), frozenset(received.issues.filter(code=LOST_COLUMN)["question"]))
        checked = check(received.answers, received.form, received_on=received_on, spelling=spelling, left_out=left_out)
        issues = of_lost_columns(pl.concat([received.issues, checked.issues]))
        where = received.answers[form.root].select("submission_id", read_in="found_in")
        issues = issues.join(where, on="submission_id", how="left", maintain_order="left")
        issues = issues.with_columns(pl.coalesce("found_in", "read_in").alias("found_in")).drop("read_in")
        yield CheckedFile(path.name, received.source, form, received.submissions, issues)


def _without_rows(received: Received) -> frozenset[str]:
    """The submissions of which the export left rows of some repeat out: their number is held against nobody."""
    if not received.lacks_repeats or received.form is None:
        return frozenset()
    root, *repeats = (received.answers[repeat].select("submission_id") for repeat in received.form.repeats)
    return frozenset(pl.concat([root.join(rows, on="submission_id", how="anti") for rows in repeats])["submission_id"])
