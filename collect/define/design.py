"""Reads ``form.toml``: which question plays which part in the survey's design, checked against the form itself."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from collect.define.findings import Finding, stop_at_first
from collect.forms import Design, Form, KnownPeople, Weighting
from collect.i18n import LANGUAGES
from collect.problems import DefinitionError

QUESTIONS = (
    "household_id", "household_size", "weight", "cluster", "stratum", "round", "interviewer", "interviewed_on",
    "started_at", "ended_at", "commune", "hamlet", "point", "consent", "age", "birth_year",
)  # fmt: skip
LISTS = ("consent_given", "unknown")
TABLES = ("weights", "titles")
CLOSED = {"unit": ("household", "commune"), "frame": ("", "clusters")}
CELLS = ("hamlet", "stratum", "commune")
TOTALS = ("", "listed-households", "census-households")
PEOPLE_COLUMNS = ("sex", "age_from", "age_to", "people")
ONE_PER_SUBMISSION = set(QUESTIONS) - {"age", "birth_year"}
TYPES = {
    "point": ("geopoint",), "household_size": ("int", "decimal", "string"), "age": ("int", "decimal", "string"),
    "birth_year": ("int", "decimal", "string"),
}  # fmt: skip


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict. Raises DefinitionError DEF-03 when it cannot be read as one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DefinitionError("DEF-03", file=path.name, reason=str(error.strerror)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError("DEF-03", file=path.name, reason=str(error)) from error


def load_design(path: Path) -> Design:
    """Read ``form.toml``; no file, no design. Raises DefinitionError for unknown keys and values of the wrong kind."""
    if not path.is_file():
        return Design()
    table, file = read_toml(path), _name(path)
    known = [field.name for field in fields(Design)]
    for key, value in table.items():
        if key not in known:
            raise DefinitionError("DEF-04", file=file, where=key, near=_near(key, known))
        if key not in TABLES and not (_is_texts(value) if key in LISTS else isinstance(value, str)):
            expected = '["...", "..."]' if key in LISTS else '"..."'
            raise DefinitionError("DEF-05", file=file, where=key, value=value, expected=expected)
        if key in CLOSED and value not in CLOSED[key]:
            raise DefinitionError("DEF-05", file=file, where=key, value=value, expected=" | ".join(CLOSED[key]))
    values: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in table.items()}
    if "weights" in table:
        values["weights"] = _weighting(table["weights"], path)
    if "titles" in table:
        values["titles"] = _titles(table["titles"], file)
    return Design(**values)


def _titles(said: object, file: str) -> dict[str, str]:
    """The table ``[titles]``: what the form is called, by language."""
    if not isinstance(said, dict):
        raise DefinitionError("DEF-05", file=file, where="titles", value=said, expected="[titles]")
    for key, value in said.items():
        if key not in LANGUAGES:
            raise DefinitionError("DEF-04", file=file, where=f"titles.{key}", near=_near(key, list(LANGUAGES)))
        if not isinstance(value, str):
            raise DefinitionError("DEF-05", file=file, where=f"titles.{key}", value=value, expected='"..."')
    return dict(said)


def _weighting(said: object, path: Path) -> Weighting:
    """The table ``[weights]``, and the file of known people that it names."""
    file = _name(path)
    known = [field.name for field in fields(Weighting)]
    if not isinstance(said, dict):
        raise DefinitionError("DEF-05", file=file, where="weights", value=said, expected="[weights]")
    fits: dict[str, tuple[Callable[[Any], bool], str]] = {
        "nonresponse": (lambda value: value in CELLS, " | ".join(CELLS)),
        "poststratify": (lambda value: value in TOTALS, " | ".join(TOTALS[1:])),
        "trim": (lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value > 1, "> 1"),
        "people": (lambda value: isinstance(value, str), '"people.csv"'),
        "sex": (lambda value: isinstance(value, str), '"..."'),
    }
    for key, value in said.items():
        if key not in known:
            raise DefinitionError("DEF-04", file=file, where=f"weights.{key}", near=_near(key, known))
        right, expected = fits[key]
        if not right(value):
            raise DefinitionError("DEF-05", file=file, where=f"weights.{key}", value=value, expected=expected)
    values = dict(said)
    if values.get("people"):
        values["people"] = _known_people(path.parent / values["people"])
    return Weighting(**values)


def _known_people(path: Path) -> tuple[KnownPeople, ...]:
    """A file ``sex, age_from, age_to, people``; ``age_to`` blank: and older. Raises DefinitionError DEF-03, DEF-05."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DefinitionError("DEF-03", file=_name(path), reason=str(error)) from error
    found = []
    for number, row in enumerate(rows, 2):
        try:
            last = int(row["age_to"]) if (row["age_to"] or "").strip() else None
            known = KnownPeople(row["sex"].strip(), int(row["age_from"]), last, float(row["people"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            known = KnownPeople("", 0, None, -1.0)
        if not known.sex or known.people < 0 or (known.age_to is not None and known.age_to < known.age_from):
            said = ",".join(str(value) for value in row.values())
            expected = ",".join(PEOPLE_COLUMNS)
            raise DefinitionError("DEF-05", file=_name(path), where=str(number), value=said, expected=expected)
        found.append(known)
    return tuple(found)


def check_design(form: Form, file: str) -> tuple[Finding, ...]:
    """What does not fit between a form and its design."""
    design = form.design
    found = [finding for part in QUESTIONS for finding in _check_part(form, part, file)]
    if design.roster and design.roster not in form.repeats[1:]:
        near = ", ".join(form.repeats[1:]) or "-"
        found.append(Finding(file, "roster", "DEF-06", values={"value": design.roster, "near": near}))
    found += _check_consent(form, file)
    offered = {choice.name for choices in form.choices.values() for choice in choices}
    for name in design.unknown:
        if name not in offered:
            near = _near(name, sorted(offered))
            found.append(Finding(file, "unknown", "DEF-07", values={"value": name, "near": near}))
    if design.unit == "household" and design.age and not design.age.startswith(f"{design.roster}/"):
        expected = f"{design.roster or 'roster'}/..."
        found.append(Finding(file, "age", "DEF-05", values={"value": design.age, "expected": expected}))
    return (*found, *_check_people(form, file))


def _check_people(form: Form, file: str) -> list[Finding]:
    """Known people by age and sex need both questions, in the roster."""
    design = form.design
    if not design.weights.people:
        return []
    found = []
    for part, path in (("weights.sex", design.weights.sex), ("age", design.age)):
        question = form.by_path.get(path)
        if question is None or question.repeat != design.roster:
            near = _near(path, [question.path for question in form.questions_in(design.roster)])
            found.append(Finding(file, part, "DEF-06", values={"value": path or "-", "near": near}))
    return found


def with_design_checked(form: Form, file: str) -> Form:
    """The form itself, or the first thing that does not fit as a DefinitionError."""
    stop_at_first(check_design(form, file))
    return form


def _check_part(form: Form, part: str, file: str) -> list[Finding]:
    path = getattr(form.design, part)
    if not path:
        return []
    question = form.by_path.get(path)
    if question is None:
        near = _near(path, list(form.by_path))
        return [Finding(file, part, "DEF-06", values={"value": path, "near": near})]
    if part in ONE_PER_SUBMISSION and question.repeat != form.root:
        return [Finding(file, part, "DEF-05", values={"value": path, "expected": f"{form.root}/..."})]
    if part in TYPES and question.type not in TYPES[part]:
        expected = ", ".join(TYPES[part])
        return [Finding(file, part, "DEF-05", values={"value": f"{path} ({question.type})", "expected": expected})]
    return []


def _check_consent(form: Form, file: str) -> list[Finding]:
    question = form.by_path.get(form.design.consent)
    choices = form.choices.get(question.choice_list or "") if question is not None else None
    names = [choice.name for choice in choices or ()]
    return [
        Finding(file, "consent_given", "DEF-07", values={"value": value, "near": ", ".join(names)})
        for value in form.design.consent_given
        if names and value not in names
    ]


def _near(word: str, known: list[str]) -> str:
    """What exists: the closest few, or the first few when nothing is close."""
    close = get_close_matches(word, known, n=3, cutoff=0.5)
    return ", ".join(close or known[:12])


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
