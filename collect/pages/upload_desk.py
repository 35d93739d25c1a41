"""What the upload page asks the rest to do: take files in, put answers right, make the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from collect.forms import Form
from collect.pages.data import Since

if TYPE_CHECKING:
    from collect.intake import Receipt
    from collect.receive.sealed import Keys
    from collect.review.reviews import Correction, Outcome

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the team answered for a file: order of days, encoding, decimal sign; the keys that open it, kept nowhere.

    ``after``: what the files tried before it came to.
    """

    dates: str = ""
    encoding: str = ""
    decimals: str = ""
    key: Keys | None = field(default=None, repr=False)
    after: Sequence[Receipt] = field(default=(), repr=False)


class Desk(Protocol):
    """What the page asks the rest to do."""

    def forms(self) -> Mapping[str, Form]:
        """Every form by its id."""

    def add(self, path: Path, name: str, by: str, *, dry_run: bool, progress: Progress, said: Answers) -> Receipt:
        """Take a file in, or say what that would do. Raises CollectError."""

    def refused(self) -> Sequence[Mapping[str, Any]]:
        """Files that brought their reader down and are kept, as the registry notes them, with the limits that held."""

    def received(self) -> Sequence[Mapping[str, Any]]:
        """The uploads that arrived last, as the registry notes them, with their counts."""

    def read_again(self, sha256: str, progress: Progress) -> Receipt:
        """Take such a file in after all. Raises CollectError."""

    def waiting(self) -> Since:
        """What came that the results do not know."""

    def run(self, progress: Progress) -> str:
        """Make the results again from everything stored; returns the run's id. Raises CollectError."""


class Mending(Protocol):
    """Who puts answers right when an issue spreadsheet comes back."""

    def signed(self, name: str) -> Mending:
        """The same, signed."""

    def corrections(self, path: Path) -> list[Correction] | None:
        """What a file asks to put right; None where it is no issue spreadsheet. Raises CollectError."""

    def correct(self, corrections: Sequence[Correction], *, dry_run: bool = False) -> list[Outcome]:
        """Correct answers, or try to, and say of each what becomes of it. Raises CollectError."""
