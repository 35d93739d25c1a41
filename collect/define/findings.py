"""What is wrong with a definition, where, and what to do: one row of ``collect forms check``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collect.i18n import t
from collect.problems import DefinitionError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``where`` is a line, a key or a question path in ``file``; an error stops a run, a warning does not."""

    file: str
    where: str
    code: str
    severity: Severity = "error"
    values: Mapping[str, object] = field(default_factory=dict)

    def found(self, lang: str) -> str:
        """What is wrong."""
        return t(f"{self.code}.found", lang, **self._filled)

    def mend(self, lang: str) -> str:
        """What to do."""
        return t(f"{self.code}.mend", lang, **self._filled)

    def line(self, lang: str) -> str:
        """What is wrong and what to do, on one line."""
        return f"{self.code} {self.found(lang)} {self.mend(lang)}"

    def data(self, lang: str) -> dict[str, str]:
        """The same for machines."""
        facts = {"file": self.file, "where": self.where, "code": self.code, "severity": self.severity}
        return {**facts, "found": self.found(lang), "mend": self.mend(lang)}

    def as_error(self) -> DefinitionError:
        """The same as a reason to stop."""
        return DefinitionError(self.code, **self._filled)

    @property
    def _filled(self) -> dict[str, object]:
        return {"file": self.file, "where": self.where, **self.values}


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
