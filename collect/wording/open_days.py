"""What only whoever hands a file in can say: in which order its days stand, asked beside the receipt."""

from __future__ import annotations

import polars as pl

from collect.i18n import t
from collect.intake import Receipt

NOT_A_DAY = "TYP-01"
EITHER_ORDER = r"^\s*(0?[1-9]|1[0-2])[-/. ](0?[1-9]|1[0-2])[-/. ]\d{4}\b"


def days_untold(receipt: Receipt) -> int:
    """How many days were refused that an order of day and month, once said, would make readable."""
    untold = (pl.col("code") == NOT_A_DAY) & pl.col("value").str.contains(EITHER_ORDER).fill_null(False)
    return sum(int(part.issues.select(untold.sum()).item()) for part in receipt.parts if part.issues.height)


def order_asked(receipt: Receipt, lang: str) -> list[str]:
    """The question as a line under a receipt in words; none where every day could be told."""
    days = days_untold(receipt)
    return [f"  → {t('receipt.ask.dates', lang, days=days)}"] if days else []


def asks_for_order(receipt: Receipt) -> dict[str, dict[str, int]]:
    """The same for a receipt as data: ``asks``, by what to say (``dates``), how many answers wait for it."""
    days = days_untold(receipt)
    return {"asks": {"dates": days} if days else {}}
