"""What was handed to whom: a line for each gap list that left, whoever took it; a chain (`collect.keeping.chain`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from collect.keeping.chain import Chain
from collect.registry import DOWNLOADS
from collect.store import Store


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that goes out: to whom, by which way (page, api or cli), of which release, and which bytes."""

    who: str
    partner: str
    token_id: str
    via: str
    release: str
    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Download(Handed):
    """One line of the ledger: with its number, moment (UTC) and place in the chain."""

    number: int
    at: str
    previous: str
    digest: str


CHAIN = Chain(DOWNLOADS, Download, "downloads.jsonl")


def note(store: Store, handed: Handed) -> None:
    """Add a line; no line is ever changed or taken out. Raises StoreError: then the file must not go out."""
    CHAIN.append(store, [asdict(handed)])


def downloads(store: Store, limit: int | None = None) -> Sequence[Download]:
    """The lines, the latest first."""
    return CHAIN.lines(store, DOWNLOADS.select().order_by(DOWNLOADS.c.number.desc()).limit(limit))
