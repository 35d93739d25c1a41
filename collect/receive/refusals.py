"""Puts into one refusal why each member of an upload could not be read, where none could."""

from __future__ import annotations

from collections.abc import Sequence

from collect.problems import CollectError, ExportError


def none_read(file: str, broken: Sequence[ExportError]) -> ExportError:
    """Why nothing in ``file`` could be read; each error names its member.

    One reason for all is given as it is, with the first member as its example; several become IN-59, the most frequent
    first: each with its code, how often it was met, and the values of its first example.
    """
    reasons = reasons_of(broken)
    if len(reasons) == 1:
        return broken[0]
    return ExportError("IN-59", file=file, members=len(broken), reasons=reasons)


def reasons_of(broken: Sequence[CollectError]) -> list[dict[str, object]]:
    """Why several things failed, the most frequent reason first: its code, its count, its first example's values."""
    first: dict[str, CollectError] = {}
    counts: dict[str, int] = {}
    for error in broken:
        first.setdefault(error.code, error)
        counts[error.code] = counts.get(error.code, 0) + 1
    often = sorted(first, key=lambda code: -counts[code])
    return [{"code": code, "count": counts[code], "values": dict(first[code].values)} for code in often]
