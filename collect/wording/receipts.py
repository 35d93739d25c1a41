"""How a receipt is told: as lines on a terminal and as data for scripts and screens."""

from __future__ import annotations

from typing import Any

import polars as pl

from collect.i18n import t
from collect.intake import COUNTS, Part, Receipt


def issue_counts(issues: pl.DataFrame) -> pl.DataFrame:
    """How many issues of each code and severity: ``code``, ``severity``, ``issues``, ``submissions``; most first."""
    return (
        issues.group_by("code", "severity")
        .agg(issues=pl.len(), submissions=pl.col("submission_id").n_unique())
        .sort("issues", "code", descending=[True, False])
    )


def receipt_data(receipt: Receipt) -> dict[str, Any]:
    """The receipt without any answer in it: counts per form and per code."""
    return {
        "file": receipt.file,
        "upload_id": receipt.upload_id,
        "again": receipt.again,
        "stored": receipt.stored,
        "parts": [
            {name: getattr(part, name) for name in COUNTS} | {"issues": issue_counts(part.issues).to_dicts()}
            for part in receipt.parts
        ],
    }


def receipt_lines(receipt: Receipt, lang: str) -> list[str]:
    """The receipt in words: one line per form, then the most frequent issues."""
    key = "receipt.again" if receipt.again else "receipt.stored" if receipt.stored else "receipt.preview"
    lines = [f"✓ {receipt.file}: {t(key, lang)}"]
    for part in receipt.parts:
        lines += [f"  {_counts_in_words(part, lang)}", *_without_consent(part, lang), *_issues_in_words(part, lang)]
    return lines


def _counts_in_words(part: Part, lang: str) -> str:
    if part.form == "frame":
        return t("receipt.frame", lang, read=part.read)
    counts = {name: getattr(part, name) for name in COUNTS}
    return t("receipt.part", lang, **counts, label=t(f"source.{part.source}", lang))


def _without_consent(part: Part, lang: str) -> list[str]:
    return [f"    {t('receipt.no_consent', lang, count=part.no_consent)}"] if part.no_consent else []


def _issues_in_words(part: Part, lang: str) -> list[str]:
    found = issue_counts(part.issues).head(8).iter_rows(named=True)
    return [f"    {row['code']} × {row['issues']:<6} {t(row['code'] + '.name', lang)}" for row in found]
