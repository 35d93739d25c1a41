"""What an upload came to: its submissions counted against what is stored, and against the files tried before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

COUNTS = ("form", "form_version", "source", "read", "rows", "new", "changed", "duplicate", "with_issues", "unreadable")
SUBMISSION = {  # what is remembered of each submission read, so that other files can be counted against it
    "submission_id": pl.String(),
    "replaces": pl.String(),
    "content": pl.String(),
    "news": pl.String(),  # new, changed or duplicate, against what was stored before
    "status": pl.String(),  # of its household
}
NO_CONSENT = "no_consent"
NO_SUBMISSIONS = pl.DataFrame(schema=SUBMISSION)


@dataclass(frozen=True, slots=True)
class Part:
    """What one form's share of an upload came to, in submissions; ``rows`` counts its repeat rows.

    ``issues`` is an issues table: it holds answers and stays inside the data folder. ``submissions``: one row per
    submission, as `SUBMISSION`; none for a sampling frame and for an upload received before. ``tried``: of a dry run,
    the tables that a file after it would find stored.
    """

    form: str
    form_version: str
    source: str
    read: int
    rows: int
    new: int
    changed: int
    duplicate: int
    with_issues: int
    unreadable: int
    issues: pl.DataFrame
    submissions: pl.DataFrame = field(default_factory=lambda: NO_SUBMISSIONS, repr=False)
    tried: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False)
    alike: int = 0  # new ones that seem to be an interview known under another id

    def counts(self) -> dict[str, Any]:
        """The part as a registry row."""
        return {name: getattr(self, name) for name in COUNTS} | {"issues": self.issues.height}

    @property
    def no_consent(self) -> int:
        """How many of the submissions read are interviews to which nobody consented."""
        return self.submissions.filter(status=NO_CONSENT).height

    def known(self) -> Part:
        """The same part of an upload whose bytes are there already: everything in it is a duplicate."""
        return replace(self, new=0, changed=0, duplicate=self.read, alike=0, submissions=NO_SUBMISSIONS, tried={})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an upload. ``again``: these very bytes were received before. ``stored``: False after a dry run."""

    file: str
    upload_id: str
    again: bool
    stored: bool
    parts: tuple[Part, ...]

    def once_more(self) -> Receipt:
        """The answer to the same bytes, handed in with these."""
        return replace(self, again=True, parts=tuple(part.known() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Sum:
    """Several receipts in one: counts of submissions, and how many interviews came of them.

    What is new or changed is one of five. ``counting``: interviews that estimates look at without reserve;
    ``with_issues``: those that break a rule, whose answers at fault alone do not count (docs/decisions/0081);
    ``no_consent``: those to which nobody consented; ``rejected`` on the platform they came from; ``earlier``: versions
    that another one in these files takes the place of.
    """

    new: int
    changed: int
    duplicate: int
    unreadable: int
    counting: int
    with_issues: int
    no_consent: int
    rejected: int
    earlier: int

    @property
    def counted(self) -> int:
        """How many interviews the next run counts: also those with issues."""
        return self.counting + self.with_issues


def news_of(index: pl.DataFrame, before: pl.DataFrame) -> pl.Series:
    """Say of each submission what it is against those received before: new, changed or duplicate.

    Both tables have ``submission_id`` and ``content``, ``index`` also ``replaces``: an edit under a new id changes the
    submission it names.
    """
    keys = ["submission_id", "content"]
    same = before.select(keys).unique().with_columns(same=True)
    rows = index.join(same, on=keys, how="left", maintain_order="left")
    known = before["submission_id"]
    either = pl.concat([known, index["submission_id"]])
    changed = pl.col("submission_id").is_in(known.implode()) | pl.col("replaces").is_in(either.implode())
    word = pl.when("same").then(pl.lit("duplicate")).when(changed).then(pl.lit("changed")).otherwise(pl.lit("new"))
    return rows.select(news=word)["news"]


def alike(index: pl.DataFrame, news: pl.Series, before: pl.DataFrame) -> int:
    """How many new submissions seem to be an interview that came before, or in the same upload, under another id.

    Both tables have ``content`` and ``draft`` (`collect.review.identity.INDEX`).
    """
    fresh = index.with_columns(news).filter((pl.col("news") == "new") & pl.col("draft").is_not_null())
    known = pl.col("draft").is_in(before["draft"].drop_nulls().implode()) | pl.col("content").is_in(
        before["content"].implode()
    )
    return fresh.filter(known | ~pl.col("draft").is_first_distinct()).height


def brought_by(receipts: Sequence[Receipt]) -> set[str]:
    """The submissions that storing these would bring or change."""
    fresh = [part.submissions.filter(pl.col("news") != "duplicate") for one in receipts for part in one.parts]
    return {ident for rows in fresh for ident in rows["submission_id"]}


def count(news: pl.Series, repeated: int = 0) -> dict[str, int]:
    """How many are new, changed, duplicate; ``repeated``: those met twice in one upload are duplicates too."""
    found = dict(news.value_counts().iter_rows())
    counts = {name: int(found.get(name, 0)) for name in ("new", "changed", "duplicate")}
    return counts | {"duplicate": counts["duplicate"] + repeated}


def total(receipts: Sequence[Receipt]) -> Sum:
    """What receipts come to together; sampling frames count for what of them cannot be read."""
    parts = [part for receipt in receipts if not receipt.again for part in receipt.parts]
    forms = [part for part in parts if part.form != "frame"]
    rows = [part.submissions.with_columns(form=pl.lit(part.form)) for part in forms]
    fresh = pl.concat([NO_SUBMISSIONS.with_columns(form=pl.lit("")), *rows]).filter(pl.col("news") != "duplicate")
    replaced = fresh.select("form", submission_id="replaces").drop_nulls()
    last = fresh.unique(["form", "submission_id"], keep="last").join(replaced, on=["form", "submission_id"], how="anti")
    return Sum(
        new=sum(part.new for part in forms),
        changed=sum(part.changed for part in forms),
        duplicate=sum(part.duplicate for part in forms),
        unreadable=sum(part.unreadable for part in parts),
        counting=last.filter(status="accepted").height,
        with_issues=last.filter(status="with_issues").height,
        no_consent=last.filter(status=NO_CONSENT).height,
        rejected=last.filter(status="rejected").height,
        earlier=fresh.height - last.height,
    )
