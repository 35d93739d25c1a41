"""An issue in people's words, the form's own message first: what the screens and the command line say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from collect.define.rule_words import in_words
from collect.forms import Form, Question
from collect.i18n import catalogue, t
from collect.i18n.figures import NOTHING, counted, day, distance, number
from collect.speech import said
from collect.wording.answers import answer_of, label_of

LONG = 10_000  # counts from here on are read at a glance only in groups
COMMUNES = ("commune", "seen", "candidates", "former")  # details of LOC codes: codes of communes, with ", " between
LENGTHS = ("metres", "tolerance")
SAY_IT_ALL = ("IN-16", "IN-32", "IN-37", "IN-64", "IN-65")  # reasons of FIL-03 that need no words before theirs
RULES: Mapping[str, str] = {"CON-01": "template.rule", "REL-01": "template.only_if"}  # how the rule itself is said
LIMITS = ("earliest", "latest", "offered")  # details of DAT-02 and DAT-03: days in ISO 8601, empty where there is none


def filled(key: str, lang: str, values: Mapping[str, Any]) -> str:
    """The words of ``key`` with what is known filled in; a value nobody gave shows as an ellipsis, never as a crash."""
    return t(key, lang, **values) if key in catalogue() else key


def details_of(issue: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an issue as a dict; empty where it has none."""
    return dict(json.loads(issue["details"])) if issue["details"] else {}


def own_message(details: Mapping[str, Any], lang: str) -> str | None:
    """What the form itself says to whoever breaks this rule, in ``lang`` or in whichever language it speaks."""
    message = details.get("message")
    return (said(message, lang) or None) if isinstance(message, Mapping) else None


def question_of(issue: Mapping[str, Any], form: Form | None) -> Question | None:
    """The question an issue is about, where the form has it."""
    return form.by_path.get(issue["question"]) if form and issue["question"] else None


def given_of(issue: Mapping[str, Any], form: Form | None, lang: str) -> str | None:
    """The value at fault as people read it; files hold it as it was written, and so does whoever corrects it."""
    question = question_of(issue, form)
    return answer_of(question, issue["value"], form, lang) or None if question and form else issue["value"]


def grouped(value: Any, lang: str) -> Any:
    """A count too long to be read at a glance, in groups of digits; everything else as it is."""
    return number(value, lang) if type(value) is int and value >= LONG else value


def _values(issue: Mapping[str, Any], details: Mapping[str, Any], label: str | None, lang: str) -> dict[str, Any]:
    """What the words of an issue name, as people write it."""
    written = {name: grouped(value, lang) for name, value in details.items()}
    path = issue["question"] or ""
    values = {"question": label or path, "column": path.rsplit("/", 1)[-1], "value": issue["value"] or "", **written}
    if issue["code"] in ("DAT-02", "DAT-03"):
        values |= {name: day(date.fromisoformat(values[name]), lang) for name in LIMITS if values.get(name)}
    if issue["code"] == "FIL-03":
        values["reason"] = filled(f"{details.get('reason')}.found", lang, values)
    if issue["code"] == "EXP-01" and not details.get("expression"):
        values["expression"] = NOTHING
    if issue["code"] == "EXP-01" and f"rule.{details.get('why')}" in catalogue():
        values["reason"] = t(f"rule.{details['why']}", lang)
    return values


def _places(details: Mapping[str, Any], form: Form | None, lang: str) -> dict[str, str]:
    """Communes by name and code, lengths with their unit; ``vintage`` of the point's commune, where it is told."""
    from collect.places import name_with_code

    asked = form.design.vintage if form else ""
    lists = {"seen": details.get("vintage", "")} if "seen" in details else {"commune": details.get("vintage", asked)}
    told = {name: distance(details[name], lang) for name in LENGTHS if details.get(name) is not None}
    for name in filter(details.get, COMMUNES):
        codes, vintage = str(details[name]).split(", "), lists.get(name, asked)
        told[name] = ", ".join(name_with_code(code, vintage, lang, former=name == "former") for code in codes)
    return told


def _computed(details: Mapping[str, Any], question: Question | None, form: Form | None, lang: str) -> dict[str, str]:
    """What the form computes, as people read an answer to that question."""
    value = details.get("expected")
    read = answer_of(question, str(value), form, lang) if question and form and value else value
    return {"expected": read or t("correction.blank", lang)}


def words_of(issue: Mapping[str, Any], form: Form | None, lang: str) -> tuple[str | None, str, str]:
    """The question's label, what was found, and what to do."""
    details = details_of(issue)
    question = question_of(issue, form)
    label = label_of(question, lang) if question else None
    values = _values(issue, details, label, lang)
    values |= _places(details, form, lang) if issue["code"].startswith("LOC-") else {}
    values |= _computed(details, question, form, lang) if issue["code"] == "CAL-01" else {}
    of_cause = f"follows.{details.get('follows')}"
    if f"{of_cause}.found" in catalogue():  # the cause says all: the rule itself is not to blame, nor is its message
        found = t(f"{of_cause}.found", lang, **values)
    else:
        found = " ".join([*_found(issue, details, form, values, lang), *_causes(issue["code"], details, lang)])
    mended_as = of_cause if f"{of_cause}.mend" in catalogue() else _mended_as(issue["code"], details)
    return label, found, filled(f"{mended_as}.mend", lang, values)


def _found(
    issue: Mapping[str, Any], details: Mapping[str, Any], form: Form | None, values: Mapping[str, Any], lang: str
) -> list[str]:
    """The sentences that say what was found: the form's own message comes first, and instead of ours."""
    message = own_message(details, lang)
    if message:
        said_first = [t("issue.own_message", lang, message=message.strip())]
    else:
        said_first = [filled(f"{_told_as(issue['code'], details)}.found", lang, values), *_rule(issue, form, lang)]
    if f"reading.{details.get('reason')}" in catalogue():
        said_first.append(t(f"reading.{details['reason']}", lang, **values))
    engines = details.get("engines")
    if isinstance(engines, Mapping):
        said_first.append(t("issue.engines", lang, collect=engines.get("collect"), web=engines.get("web")))
    return said_first


def _rule(issue: Mapping[str, Any], form: Form | None, lang: str) -> list[str]:
    """The rule that an answer breaks, where it has words; XPath stands in the details, and in no sentence."""
    words = RULES.get(issue["code"])
    if words is None or form is None:
        return []
    details = details_of(issue)
    told = in_words(details.get("rule") or "", form, details.get("hidden_by") or issue["question"], lang)
    return [t(words, lang, rule=told, condition=told)] if told else []


def _told_as(code: str, details: Mapping[str, Any]) -> str:
    """Whose words say what was found."""
    reason = str(details.get("reason"))
    if code == "VER-01" and details.get("version") == "-":
        return "VER-01.unnamed"
    return reason if code == "FIL-03" and reason in SAY_IT_ALL else code


def _mended_as(code: str, details: Mapping[str, Any]) -> str:
    """Whose words say what to do: a file that could not be read is mended as its reason is."""
    reason = str(details.get("reason"))
    return reason if code == "FIL-03" and f"{reason}.mend" in catalogue() else _told_as(code, details)


def _causes(code: str, details: Mapping[str, Any], lang: str) -> list[str]:
    """What an issue follows from, or how many follow from it; FIL-16 tells that itself."""
    if f"{details.get('follows')}.name" in catalogue():
        return [t("issue.follows", lang, cause=t(f"{details['follows']}.name", lang))]
    followed = details.get("followed") if code != "FIL-16" else None
    return [counted("issue.followed", followed, lang)] if followed else []


def issue_data(issue: Mapping[str, Any], form: Form | None, lang: str) -> dict[str, Any]:
    """An issue for machines: its columns, its details as an object, and its words in ``lang``."""
    label, found, mend = words_of(issue, form, lang)
    details = details_of(issue)
    message = own_message(details, lang)
    return {**issue, "details": details, "label": label, "message": message, "found": found, "mend": mend}
