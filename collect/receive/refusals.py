"""Puts into one refusal why each member of an upload could not be read, where none could."""

from __future__ import annotations

from collections.abc import Sequence

from collect.problems import CollectError, ExportError

SEALED = "IN-16"  # told with how many submissions it befell


class NoneReadError(ExportError):
    """Nothing that one reader was given could be read; ``each``: members, and what is wrong with them."""

    def __init__(self, code: str, each: Sequence[tuple[str, ExportError]], **values: object) -> None:
        super().__init__(code, **values)
        self.each = tuple(each)


def told_of(error: ExportError, member: str) -> Sequence[tuple[str, ExportError]]:
    """What an error says of each member; of ``member`` where it names none."""
    return error.each if isinstance(error, NoneReadError) else ((member, error),)


def none_read(file: str, broken: Sequence[ExportError]) -> NoneReadError:
    """Why nothing in ``file`` could be read; each error names its member.

    One reason for all is given as it is, with the first member as its example, or of what is encrypted with how many
    there are; several become IN-59, the most frequent first: each with its code, how often it was met, and the values
    of its first example.
    """
    each = [(str(error.values.get("file", file)), error) for error in broken]
    reasons = reasons_of(broken)
    if len(reasons) == 1 and len(broken) > 1 and broken[0].code == SEALED:
        return NoneReadError(SEALED, each, file=file, submissions=len(broken))
    if len(reasons) == 1:
        return NoneReadError(broken[0].code, each, **broken[0].values)
    return NoneReadError("IN-59", each, file=file, members=len(broken), reasons=reasons)


def reasons_of(broken: Sequence[CollectError]) -> list[dict[str, object]]:
    """Why several things failed, the most frequent reason first: its code, its count, its first example's values."""
    first: dict[str, CollectError] = {}
    counts: dict[str, int] = {}
    for error in broken:
        first.setdefault(error.code, error)
        counts[error.code] = counts.get(error.code, 0) + 1
    often = sorted(first, key=lambda code: -counts[code])
    return [{"code": code, "count": counts[code], "values": dict(first[code].values)} for code in often]
