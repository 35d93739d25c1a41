"""How a receipt is told: as lines on a terminal and as data for scripts and screens."""

from __future__ import annotations

from typing import Any

import polars as pl

from collect.i18n import t
from collect.i18n.figures import counted
from collect.intake import COUNTS, Part, Receipt
from collect.tables import FOLLOWS
from collect.wording.issues import details_of, words_of

UNREAD = ("FIL-03", "FIL-17")  # always told, by name and with what to do
MOST_FREQUENT = 8
MOST_NAMED = 5  # files that could not be read for one reason


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
            {name: getattr(part, name) for name in (*COUNTS, "alike")}
            | {"issues": issue_counts(part.issues).to_dicts()}
            for part in receipt.parts
        ],
    }


def receipt_lines(receipt: Receipt, lang: str) -> list[str]:
    """The receipt in words: one line per form, then the most frequent issues."""
    key = "receipt.again" if receipt.again else "receipt.stored" if receipt.stored else "receipt.preview"
    lines = [f"✓ {receipt.file}: {t(key, lang)}"]
    for part in receipt.parts:
        lines += [
            f"  {_counts_in_words(part, lang)}",
            *_without_consent(part, lang),
            *_alike(part, lang),
            *_issues_in_words(part, lang),
        ]
    return lines


def _counts_in_words(part: Part, lang: str) -> str:
    if part.form == "frame":
        return t("receipt.frame", lang, read=part.read)
    counts = {name: getattr(part, name) for name in COUNTS}
    return t("receipt.part", lang, **counts, label=t(f"source.{part.source}", lang))


def _without_consent(part: Part, lang: str) -> list[str]:
    return [f"    {t('receipt.no_consent', lang, count=part.no_consent)}"] if part.no_consent else []


def _alike(part: Part, lang: str) -> list[str]:
    return [f"    {counted('receipt.alike', part.alike, lang)} collect review duplicates"] if part.alike else []


def _issues_in_words(part: Part, lang: str) -> list[str]:
    causes = part.issues.filter(~FOLLOWS)
    lines = []
    counts = issue_counts(causes).with_row_index()
    for row in counts.filter((pl.col("index") < MOST_FREQUENT) | pl.col("code").is_in(UNREAD)).iter_rows(named=True):
        lines.append(f"    {row['code']} × {row['issues']:<6} {t(row['code'] + '.name', lang)}")
        followed = part.issues["details"].str.starts_with(f'{{"follows": "{row["code"]}"').sum()
        lines[-1] += f" ({t('receipt.follow', lang, count=followed)})" if followed else ""
        lines += _why_unread(part.issues.filter(code=row["code"]), lang) if row["code"] in UNREAD else []
    return lines


def _why_unread(unread: pl.DataFrame, lang: str) -> list[str]:
    """Each reason for which something in the upload could not be read: how often, an example, names, what to do."""
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for issue in unread.iter_rows(named=True):
        by_reason.setdefault(str(details_of(issue).get("reason")), []).append(issue)
    lines = []
    for those in sorted(by_reason.values(), key=len, reverse=True):
        _, found, mend = words_of(those[0], None, lang)
        names = [str(one["found_in"]) for one in those]
        more = [f"        {', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"]
        lines += [f"      {len(those)}: {found}", *(more if len(names) > 1 else ()), f"        {mend}"]
    return lines
