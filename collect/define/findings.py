"""What is wrong with a definition, where, and what to do: one row of ``collect forms check``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collect.i18n import t
from collect.problems import DefinitionError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of an XLSForm, as a spreadsheet counts: the heading is row 1. ``cell`` is what its author wrote."""

    sheet: str
    row: int
    column: str
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """``where`` is a line, a key or a question path in ``file``; an error stops a run, a warning does not."""

    file: str
    where: str
    code: str
    severity: Severity = "error"
    values: Mapping[str, object] = field(default_factory=dict)
    place: Place | None = None  # where the XLSForm says it, when there is one

    def found(self, lang: str) -> str:
        """What is wrong."""
        return t(f"{self.code}.found", lang, **self._said(lang))

    def mend(self, lang: str) -> str:
        """What to do."""
        return t(f"{self.code}.mend", lang, **self._said(lang))

    def line(self, lang: str) -> str:
        """What is wrong and what to do, on one line."""
        return f"{self.code} {self.found(lang)} {self.mend(lang)}"

    def data(self, lang: str) -> dict[str, object]:
        """The same for machines."""
        facts = {"file": self.file, "where": self.where, "code": self.code, "severity": self.severity}
        cell = {} if self.place is None else {
            "sheet": self.place.sheet, "row": self.place.row, "column": self.place.column, "cell": self.place.cell
        }  # fmt: skip
        return {**facts, **cell, "found": self.found(lang), "mend": self.mend(lang)}

    def as_error(self) -> DefinitionError:
        """The same as a reason to stop."""
        return DefinitionError(self.code, **self._filled)

    @property
    def _filled(self) -> dict[str, object]:
        return {"file": self.file, "where": self.where, **self.values}

    def _said(self, lang: str) -> dict[str, object]:
        """The values of the message: the author's own row, column and cell, and reasons in ``lang``."""
        values = dict(self._filled)
        for key, family in (("why", "rule"), ("engine", "engine"), ("never", "never")):
            if key in values:
                values["reason"] = " ".join(
                    [t(f"{family}.{values[key]}", lang), str(values.get("snippet", ""))]
                ).strip()
        if self.place is not None:
            node = self.where.rsplit("/", 1)[-1]
            place = self.place
            values["where"] = t("define.place", lang, row=place.row, sheet=place.sheet, column=place.column, node=node)
            if "expression" in values and place.cell:
                values["expression"] = place.cell
        return values


def finding_of(error: DefinitionError, file: str) -> Finding:
    """A reason to stop as a finding."""
    values = {name: value for name, value in error.values.items() if name not in ("file", "where")}
    named = str(error.values.get("file", file)), str(error.values.get("where", ""))
    return Finding(*named, error.code, "error", values)


def stop_at_first(findings: tuple[Finding, ...]) -> None:
    """Raise the first error among the findings, if there is one."""
    for finding in findings:
        if finding.severity == "error":
            raise finding.as_error()
