"""Every broken rule becomes rows of the issues table, built from the offending rows alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from collect.problems import PROBLEMS
from collect.tables import ISSUES, Issues


@dataclass(frozen=True, slots=True)
class Rule:
    """One expression of the form and the node it belongs to; ``kind`` is the XLSForm column it stands in."""

    kind: str
    path: str
    text: str


class Report:
    """Collects findings in the order of the rules; ``issues`` makes the table."""

    def __init__(self, upload_id: str = "") -> None:
        self.upload_id = upload_id
        self._found: list[pl.DataFrame] = []

    def rows(
        self,
        code: str,
        question: str,
        offending: pl.DataFrame,
        value: pl.Series | None,
        details: pl.Series | str,
        severity: str = "",
    ) -> None:
        """Add one issue for each of the ``offending`` rows; ``details`` is JSON, one for all or one for each.

        ``severity`` is the code's usual one unless it is given.
        """
        if not offending.height:
            return
        answer = pl.lit(None, pl.String) if value is None else value.cast(pl.String)
        said = pl.lit(details) if isinstance(details, str) else details
        self._found.append(
            offending.select(
                pl.lit(self.upload_id).alias("upload_id"),
                "submission_id",
                "row_id",
                pl.lit(question).alias("question"),
                pl.lit(code).alias("code"),
                pl.lit(severity or PROBLEMS[code].severity).alias("severity"),
                answer.alias("value"),
                said.alias("details"),
                "found_in",
            )
        )

    def rule(self, rule: Rule, why: str, reason: str) -> None:
        """EXP-01: say once that a rule could not be evaluated, whatever the number of rows it would have judged.

        ``why`` is a code, with words of its own under ``rule.WHY`` in the catalogue; ``reason`` says it in full.
        """
        row = {
            "upload_id": self.upload_id,
            "question": rule.path,
            "code": "EXP-01",
            "severity": PROBLEMS["EXP-01"].severity,
            "details": said(rule=rule.kind, expression=rule.text, why=why, reason=reason),
        }
        self._found.append(pl.DataFrame([row], schema=ISSUES.schema))

    def whole(self, code: str, details: str) -> None:
        """Add an issue that concerns the upload and not one of its rows."""
        row = {"upload_id": self.upload_id, "code": code, "severity": PROBLEMS[code].severity, "details": details}
        self._found.append(pl.DataFrame([row], schema=ISSUES.schema))

    def issues(self) -> Issues:
        """All findings, checked against the declared table."""
        frame = pl.concat(self._found, how="vertical_relaxed") if self._found else ISSUES.empty()
        return Issues(ISSUES.check(frame))


def said(**values: Any) -> str:
    """The details of an issue as JSON, one text for all its rows."""
    return json.dumps(values, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
