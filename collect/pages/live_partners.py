"""What is behind the partners' panel while the app runs; every step asks again whether it is the administrator's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from collect.access import Scope, Who, require
from collect.harmless import as_csv
from collect.keeping import downloads
from collect.keeping.downloads import Download
from collect.pages.live import the_store
from collect.settings import Settings
from collect.sharing import partners
from collect.sharing.partners import Partner
from collect.store import Store


@dataclass(frozen=True, slots=True)
class LivePartners:
    """The panel's desk over the real store, for one person; each of its functions raises Forbidden."""

    settings: Settings
    who: Who

    @property
    def _store(self) -> Store:
        require(self.who, "partners")
        return the_store(self.settings)

    def listed(self) -> Sequence[Partner]:
        """Every partner by code."""
        return partners.listed(self._store.engine)

    def add(self, code: str, name: str, scope: Scope) -> str:
        """Note a new partner and make its first token, which is returned this once. Raises CollectError."""
        engine = self._store.engine
        partners.add(engine, code, name, scope, by=self.who.signature)
        return partners.new_token(engine, code)

    def change(self, code: str, name: str, scope: Scope) -> None:
        """Another name, another scope; its tokens stay. Raises CollectError."""
        engine = self._store.engine
        partners.of(engine, code)
        partners.save(engine, code, name, scope, by=self.who.signature)

    def new_token(self, code: str) -> str:
        """A token, returned this once. Raises CollectError."""
        return partners.new_token(self._store.engine, code)

    def revoke(self, code: str, token_id: str | None = None) -> int:
        """Close the door to one token, or to all; how many worked until now. Raises CollectError."""
        return partners.revoke(self._store.engine, code, token_id)

    def handed_out(self, limit: int) -> Sequence[Download]:
        """The latest lines of the ledger of downloads, the latest first."""
        return downloads.downloads(self._store, limit)

    def ledger_file(self) -> bytes:
        """The whole ledger as CSV, first line first, digests included."""
        lines = pl.DataFrame([asdict(line) for line in downloads.CHAIN.lines(self._store)], infer_schema_length=None)
        return as_csv(lines.select("number", "at", pl.exclude("number", "at")) if lines.height else lines)
