"""What was done to the weights of a run, in words: what the command line prints and a planner is warned of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from babel.numbers import format_decimal

from collect.i18n import t

FIGURES = ("sum", "effective_size", "factor_least", "factor_most", "largest")
NAMED = 12  # communes named in a warning; run.json has them all


def weight_lines(weighing: Sequence[Mapping[str, Any]], lang: str) -> list[str]:
    """One line per step and form, as `collect.passing.Weighed` holds them."""
    return [line for form in weighing for line in _of_form(form, lang)]


def _of_form(form: Mapping[str, Any], lang: str) -> Iterator[str]:
    for step in form["steps"]:
        said = {name: _figure(value, lang) if name in FIGURES else value for name, value in step.items()}
        yield t(f"weights.{step['step']}", lang, form=form["form"], **said)
        if step.get("left_alone"):
            yield t("weights.left_alone", lang, number=step["left_alone"])


def _figure(value: float | None, lang: str) -> str:
    if value is None:
        return "–"
    pattern = "#,##0" if abs(value) >= 100 else "#,##0.##"
    return str(format_decimal(value, format=pattern, locale=lang))


def equal_warning(weighing: Sequence[Mapping[str, Any]], names: Mapping[str, str], lang: str) -> str | None:
    """Which communes have no frame, and what to do; None where every commune has one. ``names`` are by code."""
    codes = sorted({one["commune_code"] for form in weighing for one in form["communes_equal"]})
    if not codes:
        return None
    said = ", ".join(names.get(code, code) for code in codes[:NAMED])
    return t("weights.equal", lang, number=len(codes), communes=said + (", …" if len(codes) > NAMED else ""))
