"""Verdicts on any table: `collect judge`, with the options of `collect estimate`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from collect.commands.shared import as_json, echo
from collect.commands.statistics import design_options, read_table, spec_from
from collect.i18n import t
from collect.problems import CollectError
from collect.targets import Operator, Target

if TYPE_CHECKING:
    from collect.estimate import Estimated
    from collect.judge.rule import Evidence

TARGET = re.compile(r"\s*(>=|≥|>|=)\s*(\d+(?:[.,]\d+)?|\d+/\d+)\s*(%?)\s*")


def target_from(text: str) -> Target:
    """A target as '>0.8', '>=80%' or '=1'. Raises CollectError USE-21 for anything else."""
    found = TARGET.fullmatch(text)
    if found is None or re.search(r"/0+$", found[2]):
        raise CollectError("USE-21", value=text)
    value = Fraction(found[2].replace(",", ".")) / (100 if found[3] else 1)
    if not 0 <= value <= 1:
        raise CollectError("USE-21", value=text)
    operator = cast("Operator", found[1].replace("≥", ">="))
    return Target("", "", "", "commune", 0, operator, value, "share", "", date.min, {})


def evidence_of(answer: Estimated, target: Target) -> Evidence:
    """What one domain's answer says, as the rule needs it; its interval's ends are the one-sided bounds."""
    from collect.judge.rule import Evidence

    value, error, n = answer.est, answer.se, answer.n
    spread = (value or 0.0) * (1 - (value or 0.0))
    told = bool(error and spread > 0)
    size = spread / error**2 if told and error else float(n)
    holding = (value or 0.0) * n
    whole = answer.regime == "census" and abs(holding - round(holding)) < 1e-6
    return Evidence(
        answer.regime, value, n, float(round(holding)) if whole else holding, n, answer.n_psu, n if whole else None,
        answer.df, (error or 0.0) ** 2 * (n - 1) / spread if told else None, size,
        _snapped(answer.ci_low, target), _snapped(answer.ci_high, target),
    )  # fmt: skip


def _snapped(bound: float | None, target: Target) -> float | None:
    """A bound that is the target but for rounding is the target: '>' and '>=' differ just there."""
    near = bound is not None and abs(bound - float(target.value)) < 1e-12
    return float(target.value) if near else bound


@click.command(name="judge")
@click.option("--estimate", "file", required=True, type=click.Path(path_type=Path), help="FILE.csv or FILE.parquet")
@click.option("--target", "target_text", required=True, metavar="'>0.8'", help="'>0.8', '>=80%' or '=1'.")
@click.option("--assurance", type=click.FloatRange(0.5, 1, max_open=True), default=0.8, show_default=True,
              help="Chance that the interviews asked for settle the verdict.")  # fmt: skip
@design_options
@as_json
def judge(file: Path, target_text: str, assurance: float, as_json: bool, **asked: Any) -> None:
    """Judge a share in each domain of a table: met, not met, undecided. --level is that of the one-sided bounds."""
    from collect.estimate import estimate_table
    from collect.judge import Chances
    from collect.judge.domains import judge_domains

    target = target_from(target_text)
    if asked["total"]:
        raise CollectError("USE-12", column="--total", value=target_text)
    level = asked["level"]
    frame = read_table(file)
    answers = estimate_table(frame, replace(spec_from(frame, asked), level=2 * level - 1))
    if beyond := sum(one.est is not None and not -1e-9 <= one.est <= 1 + 1e-9 for one in answers):
        raise CollectError("USE-20", column=" / ".join(filter(None, (asked["y"], asked["x"]))), domains=beyond)
    evidence = [evidence_of(one, target) for one in answers]
    judged = judge_domains(evidence, target, Chances(level, assurance), as_given=asked["method"] != "auto")
    rows = [
        {"domain": answer.domain, "est": answer.est, "n": answer.n, "regime": answer.regime, **asdict(verdict)}
        for answer, verdict in zip(answers, judged, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    for row in rows:
        echo(_line(row, click.get_current_context().find_root().obj.lang))


def _line(row: dict[str, Any], lang: str) -> str:
    name = ", ".join(f"{column}={value}" for column, value in row["domain"].items())
    shown = {
        at: "–" if row[at] is None else f"{row[at]:.4f}" for at in ("est", "lower_bound", "upper_bound", "p_meets")
    }
    needed = "–" if row["interviews_needed"] is None else row["interviews_needed"]
    verdict = t(f"verdict.{row['verdict']}", lang)
    line = t("cli.judge.line", lang, domain=name or file_wide(lang), verdict=verdict, needed=needed, **shown)
    if row["hamlets_needed"] is not None:
        line += t("cli.judge.hamlets", lang, hamlets=row["hamlets_needed"])
    reason = row["interviews_reason"]
    return line if reason in (None, "computed") else f"{line} ({t(f'interviews_reason.{reason}', lang)})"


def file_wide(lang: str) -> str:
    """What to call the whole table."""
    return t("cli.judge.all", lang)
