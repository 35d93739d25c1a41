"""What is behind the review page while the app runs: the queue, one interview, decisions; each for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import streamlit as st

from collect import fieldwork
from collect.access import Forbidden, Who, may, require
from collect.fieldwork import Interview
from collect.forms import Form
from collect.keeping.sent import counts
from collect.pages import live
from collect.pages.live import definitions, the_store
from collect.pages.live_field import in_scope, place_names, state_of
from collect.places import ONE_AT_A_TIME
from collect.review import reviews
from collect.review.outstanding import outstanding
from collect.review.reviews import Correction, Filters, Outcome
from collect.review.sheet import corrections_in
from collect.settings import Settings


@dataclass(frozen=True, slots=True)
class LiveReviews:
    """The review page's desk over the real store, for one person; ``name``: who that is, where nobody logs in."""

    settings: Settings
    who: Who
    name: str = ""

    def signed(self, name: str) -> LiveReviews:
        """The same, signed by whoever says so; who logged in signs with that name, whatever is said."""
        return replace(self, name=name)

    @property
    def asks_name(self) -> bool:
        """Whether nobody knows who sits here."""
        return self.who.local

    @property
    def decides(self) -> bool:
        """Whether decisions are theirs to make."""
        return may(self.who, "decide")

    @property
    def uncounted(self) -> bool:
        """Whether the results lack decisions or corrections; said to those who may make them again."""
        return may(self.who, "run") and live.decided_since(self.settings, self.who)

    @property
    def by(self) -> str:
        """How what they do is signed; "" where nobody said who sits here, and then nothing is decided."""
        return self.name.strip() if self.who.local else self.who.signature

    def forms(self) -> dict[str, Form]:
        """Every form by its id."""
        return {form.form_id: form for form in definitions(self.settings).forms}

    def places(self, lang: str) -> dict[str, str]:
        """Communes by code."""
        return place_names(lang)

    def queue(self) -> pl.DataFrame:
        """Every interview they may see as it stands, as `collect.review.reviews.queue`. Raises Forbidden."""
        who = require(self.who, "households")
        rows = _queue(self.settings, state_of(self.settings))
        own = rows if who.sees_all_teams else rows.filter(received_by=who.signature)
        return in_scope(own, who)

    @property
    def waiting_for_the_key(self) -> int:
        """How many encrypted submissions of phones are in no table yet: for the office, which has the key."""
        return counts(the_store(self.settings)).sealed if self.decides else 0

    def outstanding(self, ids: Sequence[str]) -> pl.DataFrame:
        """What is wrong in some interviews, as `collect.review.outstanding`; those they may not see are left out."""
        theirs = self.queue().filter(pl.col("submission_id").is_in(list(ids)))
        with ONE_AT_A_TIME:
            return outstanding(the_store(self.settings), definitions(self.settings), theirs)

    def opened(self, submission_id: str, lang: str) -> Interview:
        """One interview. Raises Forbidden for one they may not see."""
        form = self.forms()[str(self._row(submission_id)["form"])]
        with ONE_AT_A_TIME:
            return fieldwork.the_interview(the_store(self.settings), form, submission_id, lang)

    def history(self, submission_id: str) -> pl.DataFrame:
        """Everything that happened to one. Raises Forbidden."""
        self._row(submission_id)
        return reviews.history(the_store(self.settings), submission_id)

    def decide(self, ids: Sequence[str], decision: str, reason: str) -> int:
        """Decide on interviews; returns how many lines the ledger gained. Raises Forbidden, CollectError."""
        require(self.who, "decide")
        self._theirs(ids)
        return len(reviews.decide(the_store(self.settings), ids, decision, reason, self.by))

    def corrections(self, path: Path) -> list[Correction] | None:
        """What a file asks to put right; None where it is no issue spreadsheet. Raises CollectError."""
        return corrections_in(path, self.settings)

    def correct(self, corrections: Sequence[Correction], *, dry_run: bool = False) -> list[Outcome]:
        """Correct answers, or try to; an interview they may not see is as unknown as one nobody sent.

        Raises Forbidden, CollectError.
        """
        require(self.who, "correct")
        seen = set(self.queue()["submission_id"])
        theirs = [one for one in corrections if one.submission_id in seen]
        with ONE_AT_A_TIME:
            store, known = the_store(self.settings), definitions(self.settings)
            done = iter(reviews.correct(store, known, theirs, self.by, dry_run=dry_run))
        return [next(done) if one.submission_id in seen else Outcome(one, "unknown_submission") for one in corrections]

    def pairs(self) -> pl.DataFrame:
        """Interviews that may be one, both of them theirs to see, judged ones included. Raises Forbidden."""
        require(self.who, "households")
        ids = self.queue()["submission_id"].to_list()
        found = _pairs(self.settings, state_of(self.settings))
        return found.filter(pl.col("one").is_in(ids) & pl.col("other").is_in(ids))

    def judge(self, kept: str, other: str, same: bool, why: str) -> None:
        """Say of two interviews whether they are one. Raises Forbidden, CollectError."""
        require(self.who, "decide")
        self._theirs([kept, other])
        reviews.judge_pair(the_store(self.settings), kept, other, same, why, self.by)

    def _row(self, submission_id: str) -> dict[str, object]:
        self._theirs([submission_id])
        return self.queue().filter(submission_id=submission_id).row(0, named=True)

    def _theirs(self, ids: Sequence[str]) -> None:
        if set(ids) - set(self.queue()["submission_id"]):
            raise Forbidden("ACC-01", what="households", role=self.who.role)


def reviewing(settings: Settings, who: Who) -> LiveReviews:
    """The desk of one person. Raises Forbidden."""
    return LiveReviews(settings, require(who, "review"))


@st.cache_resource(show_spinner=False, max_entries=2)
def _queue(settings: Settings, state: str) -> pl.DataFrame:
    with ONE_AT_A_TIME:
        return reviews.queue(the_store(settings), definitions(settings), Filters(states=reviews.STATES))


@st.cache_resource(show_spinner=False, max_entries=2)
def _pairs(settings: Settings, state: str) -> pl.DataFrame:
    return reviews.duplicates(the_store(settings), definitions(settings), undecided=False)
