"""How a receipt is told: as lines on a terminal and as data for scripts and screens."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from collect.i18n import t
from collect.i18n.figures import counted
from collect.intake import COUNTS, Part, Receipt
from collect.tables import FOLLOWS
from collect.wording.issues import details_of, words_of

UNREAD = ("FIL-03", "FIL-17")  # always told, by name and with what to do
OF_THE_FILE = pl.col("submission_id").is_null() & (pl.col("severity") != "repaired")
MOST_CODES, MOST_TOLD = 8, 5  # codes of one part, and how many of one code are told in full
MOST_NAMED = 5  # files that could not be read for one reason


def issue_counts(issues: pl.DataFrame) -> pl.DataFrame:
    """How many issues of each code and severity: ``code``, ``severity``, ``issues``, ``submissions``; most first.

    ``follows``: how many of the issues follow from another one, which the words fold into it.
    """
    return (
        issues.group_by("code", "severity")
        .agg(issues=pl.len(), submissions=pl.col("submission_id").n_unique(), follows=FOLLOWS.sum())
        .sort("issues", "code", descending=[True, False])
    )


def receipt_data(receipt: Receipt) -> dict[str, Any]:
    """The receipt without any answer in it: counts per form and per code, and what concerns a file as a whole."""
    return {
        "file": receipt.file,
        "upload_id": receipt.upload_id,
        "again": receipt.again,
        "stored": receipt.stored,
        "parts": [
            {name: getattr(part, name) for name in (*COUNTS, "alike")}
            | {"issues": issue_counts(part.issues).to_dicts(), "of_the_file": _of_the_file(part.issues)}
            for part in receipt.parts
        ],
    }


def _of_the_file(issues: pl.DataFrame) -> list[dict[str, Any]]:
    """Each once: ``code``, ``question``, ``details`` (a lost column, what follows from it), and how many ``issues``."""
    alike = issues.filter(OF_THE_FILE).group_by("code", "question", "details", maintain_order=True).agg(issues=pl.len())
    return [{**row, "details": details_of(row)} for row in alike.iter_rows(named=True)]


def receipt_lines(receipt: Receipt, lang: str) -> list[str]:
    """The receipt in words: one line per form, then the most frequent issues."""
    key = "receipt.again" if receipt.again else "receipt.stored" if receipt.stored else "receipt.preview"
    lines = [f"✓ {receipt.file}: {t(key, lang)}"]
    for part in receipt.parts:
        lines += [
            f"  {_counts_in_words(part, lang)}",
            *_without_consent(part, lang),
            *_alike(part, lang),
            *_issues_in_words(part, receipt.file, lang),
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


def _issues_in_words(part: Part, file: str, lang: str) -> list[str]:
    causes = part.issues.filter(~FOLLOWS)
    grave = causes.filter(OF_THE_FILE & (pl.col("severity") == "error"))["code"].to_list()
    lines = []
    counts = issue_counts(causes).sort(~pl.col("code").is_in(grave), maintain_order=True).with_row_index()
    for row in counts.filter((pl.col("index") < MOST_CODES) | pl.col("code").is_in(UNREAD)).iter_rows(named=True):
        lines.append(f"    {row['code']} × {row['issues']:<6} {t(row['code'] + '.name', lang)}")
        followed = part.issues["details"].str.starts_with(f'{{"follows": "{row["code"]}"').sum()
        lines[-1] += f" ({t('receipt.follow', lang, count=followed)})" if followed else ""
        those = causes.filter(code=row["code"])
        lines += _told_in_full(those.filter(OF_THE_FILE | pl.col("code").is_in(UNREAD)), file, lang)
    return lines


def _told_in_full(issues: pl.DataFrame, file: str, lang: str) -> list[str]:
    """What concerns the file and not one of its answers: a name says neither which part of it nor what to do.

    What could not be read for the same reason is told once: how often, the first of them, and the remedy.
    """
    alike: dict[str, list[dict[str, Any]]] = {}
    for issue in issues.iter_rows(named=True):
        said = details_of(issue).get("reason") if issue["code"] in UNREAD else (issue["question"], issue["details"])
        alike.setdefault(str(said), []).append(issue)
    often = sorted(alike.values(), key=len, reverse=True)
    told = [(those, *words_of(_together(those, file), None, lang)[1:]) for those in often[:MOST_TOLD]]
    lines: list[str] = []
    for place, (those, found, mend) in enumerate(told):
        last = place + 1 == len(told) or told[place + 1][2] != mend
        lines += [f"      {f'{len(those)}: ' if len(those) > 1 else ''}{found}", *_names(those)]
        lines += [f"        {mend}"] if last else []
    return lines if len(often) <= MOST_TOLD else [*lines, f"      + {len(often) - MOST_TOLD}"]


def _names(those: Sequence[Mapping[str, Any]]) -> list[str]:
    """The files that could not be read for one reason, where the words name only the first of them."""
    if len(those) == 1 or those[0]["code"] not in UNREAD:
        return []
    names = [str(one["found_in"]) for one in those]
    return [f"        {', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"]


def _together(those: Sequence[Mapping[str, Any]], file: str) -> Mapping[str, Any]:
    """The first of several alike, for all of them: encrypted submissions are counted (IN-16)."""
    details = details_of(those[0])
    if len(those) == 1 or "submissions" not in details:
        return those[0]
    return {**those[0], "details": json.dumps({**details, "file": file, "submissions": len(those)})}
