"""How much of a machine one upload may take: declared once, set by ``COLLECT_LIMIT_...``, named in every refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

PREFIX = "COLLECT_LIMIT_"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upload may be and cost. Each field ``name`` is set by ``COLLECT_LIMIT_NAME``, a whole number above 0.

    The defaults let through five times a province of 285,000 households and stop what no survey sends.
    """

    upload_megabytes: int = 4_096  # as handed in
    submission_megabytes: int = 95  # one request of a phone: ODK Central's 100,000,000 bytes
    unpacked_megabytes: int = 8_192  # all members of a zip or workbook together
    members: int = 1_500_000  # files in a zip
    rows: int = 20_000_000  # of one table
    columns: int = 16_384  # of one table; a worksheet has no more
    cells: int = 200_000_000  # rows times columns of one worksheet, filled or not
    cell_characters: int = 1_000_000  # of one answer; a worksheet's cell ends at 32,767
    seconds: int = 1_800  # until read
    memory_megabytes: int = 6_144  # while reading, all its processes together
    processes: int = 4  # reading many submissions at once; never more than the machine has cores


def limits_from(environment: Mapping[str, str]) -> Limits:
    """Read the limits. Raises ValueError naming the variable that is no whole number above 0."""
    given: dict[str, int] = {}
    for one in fields(Limits):
        name = PREFIX + one.name.upper()
        text = environment.get(name, "").strip()
        if not text:
            continue
        if not text.isdecimal() or int(text) == 0:
            raise ValueError(name)
        given[one.name] = int(text)
    return Limits(**given)


DEFAULT = Limits()
