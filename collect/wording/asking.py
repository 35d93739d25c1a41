"""What only whoever hands a file in can say: the order of its days, its decimal sign, and the code of its letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from collect.i18n import t
from collect.intake import Receipt

UNREAD = pl.col("code") == "TYP-01"
EITHER_ORDER = r"^\s*(0?[1-9]|1[0-2])[-/. ](0?[1-9]|1[0-2])[-/. ]\d{4}\b"
EITHER_SIGN = '"thousands_or_decimals"'  # the reason in the details of an issue
READ_BY_EVIDENCE = "FIL-06"
INSISTED = '"insisted"'  # somebody said so
XML = "submission-xml"  # names its own code


def days_untold(receipt: Receipt) -> int:
    """How many days were refused that an order of day and month, once said, would make readable."""
    return _issues(receipt, UNREAD & pl.col("value").str.contains(EITHER_ORDER))


def numbers_untold(receipt: Receipt) -> int:
    """How many numbers were refused because 1,234 may be a thousand or one and a bit."""
    return _issues(receipt, UNREAD & pl.col("details").str.contains(EITHER_SIGN, literal=True))


UNTOLD: Mapping[str, Callable[[Receipt], int]] = {"dates": days_untold, "decimals": numbers_untold}  # what to say


def letters_by_evidence(receipt: Receipt) -> bool:
    """Whether the letters of a table were told by evidence, which somebody who reads the names may know better."""
    told = (pl.col("code") == READ_BY_EVIDENCE) & ~pl.col("details").str.contains(INSISTED, literal=True)
    return any(part.issues.select(told.any()).item() for part in receipt.parts if part.source != XML)


def questions_asked(receipt: Receipt, lang: str) -> list[str]:
    """The questions as lines under a receipt in words; none where everything could be told."""
    found = {name: untold(receipt) for name, untold in UNTOLD.items()}
    lines = [t(f"receipt.ask.{name}", lang, count=count) for name, count in found.items() if count]
    lines += [t("receipt.ask.encoding", lang)] if letters_by_evidence(receipt) else []
    return [f"  → {line}" for line in lines]


def asks(receipt: Receipt) -> dict[str, dict[str, int]]:
    """The same for a receipt as data: ``asks``, by what to say, how many answers wait for it."""
    found = {name: untold(receipt) for name, untold in UNTOLD.items()}
    return {"asks": {name: count for name, count in found.items() if count}}


def _issues(receipt: Receipt, those: pl.Expr) -> int:
    found = (part.issues.select(those.fill_null(False).sum()) for part in receipt.parts if part.issues.height)
    return sum(int(one.item()) for one in found)
