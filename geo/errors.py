"""One family of reasons to stop, so that a caller can turn a place problem into its own words."""

from __future__ import annotations

import json


class GeoError(Exception):
    """Places or boundaries cannot be had; ``code`` is GEO-nn and ``values`` fill the caller's message.

    GEO-01 vintage unknown (vintage, known).
    GEO-02 a file cannot be fetched (file, source, reason).
    GEO-03 a file is not the one that was pinned (file, source, expected, found).
    GEO-04 a boundary file cannot be read (file, reason).
    GEO-05 boundaries lack communes or hold strange ones (file, missing, strange).
    GEO-06 no public source has these boundaries (vintage).
    GEO-07 no lineage leads from one vintage to another (from_vintage, to_vintage).
    """

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = values
        super().__init__(f"{code} {json.dumps(values, ensure_ascii=False, default=str)}")
