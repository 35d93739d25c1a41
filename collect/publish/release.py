"""What is true of everything published together: the release, its day, its licence, and whether it is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from collect.i18n import catalogue, t

LICENCE = "LicenseRef-Phu-partner"  # until the province decides another; its words are in the catalogue


@dataclass(frozen=True, slots=True)
class Release:
    """Facts written into every published file. ``as_of`` is a day, ``2025-07-31``, the last that counted."""

    release: str
    as_of: str
    licence: str
    made_up: bool
    boundaries: str  # reference, derived, schematic, or "" when no outlines are published
    boundaries_source: str

    def facts(self) -> dict[str, str]:
        """As text, for file metadata."""
        return {
            "release": self.release,
            "as_of": self.as_of,
            "licence": self.licence,
            "made_up": "true" if self.made_up else "false",
            "boundaries": self.boundaries,
            "boundaries_source": self.boundaries_source,
        }

    def notices(self, lang: str) -> list[str]:
        """What a reader must not miss: made-up data, schematic outlines."""
        keys = [
            ("publish.made_up", self.made_up),
            ("publish.schematic", self.boundaries == "schematic"),
            ("publish.not_legal", self.boundaries in ("reference", "derived")),
        ]
        return [t(key, lang) for key, holds in keys if holds]


def release_of(meta: Mapping[str, object], rows: pl.DataFrame | None = None) -> Release:
    """Read the facts of a run; where it does not say its name or day, the rows do."""
    first = rows.row(0, named=True) if rows is not None and rows.height and "release" in rows.columns else {}
    return Release(
        release=str(meta.get("release") or meta.get("run_id") or first.get("release") or ""),
        as_of=str(meta.get("as_of") or first.get("as_of") or ""),
        licence=str(meta.get("licence") or LICENCE),
        made_up=bool(meta.get("made_up", False)),
        boundaries=str(meta.get("boundaries") or ""),
        boundaries_source=str(meta.get("boundaries_source") or ""),
    )


def source_words(source: str, lang: str) -> str:
    """Whom outlines come from, in ``lang``: each part whose words the catalogue has; names stay as they are."""
    parts = source.split("; ")
    return "; ".join(t(f"outlines.{part}", lang) if f"outlines.{part}" in catalogue() else part for part in parts)
