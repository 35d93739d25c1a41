"""What a reviewer does: look at the queue, decide, correct an answer, and see what happened to an interview.

    found = queue(store, definitions, Filters(states=("with_issues",)))
    decide(store, list(found["submission_id"]), "sent_back", reason="roster is short", by="Lan")
    correct(store, definitions, [Correction(submission_id, "/data/household/size", "5", why="by phone")], by="Lan")
    history(store, submission_id)

Everything decided goes into the ledger (`collect.keeping.ledger`); nothing that was received is changed.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from collect.forms import Form
from collect.harmless import plain
from collect.journey import Definitions
from collect.keeping.ledger import Entry, Said, append, entries
from collect.problems import CollectError
from collect.review.corrections import Cells, amended, answers_as_received, cells_now
from collect.review.duplicates import PAIRS, SOUGHT_SO, pairs, traits
from collect.review.history import HISTORY, history
from collect.review.identity import forms_received, found_in, successor
from collect.review.queue import EVERYTHING, QUEUE, Filters, one_of, queue
from collect.review.standing import DECISIONS, FINAL, STATES, standing
from collect.store import Store, written_whole

__all__ = [
    "DECISIONS", "EVERYTHING", "HISTORY", "QUEUE", "STATES", "Correction", "Filters", "Outcome", "correct", "decide",
    "duplicates", "history", "judge_pair", "queue",
]  # fmt: skip

NEED_A_REASON = ("sent_back", "rejected", "deleted")
MISFITS = ("TYP-01", "CHO-01", "CHO-02", "CON-01", "REQ-01", "REL-01")  # what a new answer must not break
Result = Literal[
    "applied",
    "changed_meanwhile",
    "breaks_rule",
    "no_change",
    "unknown_submission",
    "unknown_question",
    "replaced",
    "formula",
    "contradictory",
]


@dataclass(frozen=True, slots=True)
class Correction:
    """One answer put right. ``row_id`` names the row of a repeat, and is empty for a question asked once.

    ``seen``: the answer its author looked at ("" for a blank); where it is another one by now, the correction is
    refused. None: whatever it is. ``new`` None or "" makes the answer blank. ``unworked``: what was written is a
    formula, and no program has worked it out.
    """

    submission_id: str
    question: str
    new: str | None
    why: str = ""
    row_id: str = ""
    seen: str | None = None
    unworked: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a correction.

    ``code``: the rule that "breaks_rule" means, or the submission that has "replaced" it; ``number``: the entry, none
    for a trial; ``form``: its form_id, "" for a submission that is not there.
    """

    correction: Correction
    result: Result
    code: str = ""
    number: int | None = None
    form: str = ""


def decide(store: Store, ids: Sequence[str], decision: str, reason: str, by: str) -> list[Entry]:
    """Write a decision about interviews into the ledger, about all of them or none; where it stands already, nothing.

    Parameters
    ----------
    decision
        One of `DECISIONS`: "accepted", "sent_back", "rejected", "deleted", or "received": the last one is taken back.

    Raises
    ------
    CollectError
        USE-01 for an unknown decision or submission, REV-01 without a reason where one is needed, REV-02 without a
        name, REV-05 for a submission that an edit has replaced.
    """
    one_of("decision", [decision], DECISIONS)
    if not by.strip():
        raise CollectError("REV-02")
    if decision in NEED_A_REASON and not reason.strip():
        raise CollectError("REV-01", decision=decision)
    said, left = [], dict.fromkeys(ids)
    for form in forms_received(store):
        stands = standing(store, form).filter(pl.col("submission_id").is_in(list(left)))
        for row in stands.iter_rows(named=True):
            del left[row["submission_id"]]
            old, why = row["decision"] or "received", reason.strip()
            if (old, row["reason"] or "") != (decision, why):
                said.append(Said("review", form, row["submission_id"], old, decision, why, content=row["content"]))
    if left:
        raise _not_to_be_decided(store, list(left))
    return append(store, said, by.strip())


def _not_to_be_decided(store: Store, ids: Sequence[str]) -> CollectError:
    """Why none of these can be decided on: an edit replaced the first that is known, or nobody sent any."""
    newer = {old: found for old in ids if (found := _replaced_by(store, old)) is not None}
    for old, found in newer.items():
        return CollectError("REV-05", submission=old, successor=found)
    return CollectError("USE-01", what="submission", name=", ".join(ids[:5]), known="collect review list")


def correct(
    store: Store, definitions: Definitions, corrections: Sequence[Correction], by: str, *, dry_run: bool = False
) -> list[Outcome]:
    """Correct answers: each is tried on the interview as it stands, with the others of the same interview, and checked.

    Two that give one question different answers are both refused: nobody can say which is meant. One that its author
    saw another answer of, or whose new answer breaks a rule at its own question, is refused and the others go on. What
    applies goes into the ledger; on a dry run nothing does, and nobody need be named.

    Raises
    ------
    CollectError
        REV-02 without a name.
    """
    if not by.strip() and not dry_run:
        raise CollectError("REV-02")
    outcomes: dict[int, Outcome] = {}
    for form_id in forms_received(store):
        form = next((one for one in definitions.forms if one.form_id == form_id), None)
        if form is not None:
            trials = _of_form(store, form, corrections, outcomes)
            written = [None] * len(trials) if dry_run else append(store, list(trials.values()), by.strip())
            for place, entry in zip(trials, written, strict=True):
                number = entry.number if entry else None
                outcomes[place] = Outcome(corrections[place], "applied", number=number, form=form_id)
    return [outcomes[place] if place in outcomes else _not_there(store, one) for place, one in enumerate(corrections)]


def _not_there(store: Store, one: Correction) -> Outcome:
    newer = _replaced_by(store, one.submission_id)
    return Outcome(one, "unknown_submission") if newer is None else Outcome(one, "replaced", newer)


def _replaced_by(store: Store, submission_id: str) -> str | None:
    found = (successor(store, form, submission_id) for form in forms_received(store))
    return next((newer for newer in found if newer is not None), None)


def _of_form(
    store: Store, form: Form, corrections: Sequence[Correction], outcomes: dict[int, Outcome]
) -> dict[int, Said]:
    """What the ledger would say of the corrections that apply, by their place; the refused go to ``outcomes``."""
    ids = {one.submission_id for one in corrections}
    stands = standing(store, form.form_id).filter(pl.col("submission_id").is_in(list(ids)))
    interviews = dict(stands.select("submission_id", "interview").iter_rows())
    cells = cells_now(store, form, stands)
    trials: dict[int, Said] = {}
    contradictory = _contradictory(form, corrections)
    for place, one in enumerate(corrections):
        if one.submission_id in interviews:
            found: Said | Result = "contradictory"
            if place not in contradictory:
                found = _tried(form, one, interviews[one.submission_id], cells)
            if isinstance(found, Said):
                trials[place] = found
            else:
                outcomes[place] = Outcome(one, found, form=form.form_id)
    misfits = _misfits(store, form, stands, trials)
    while misfits:
        for place, code in misfits.items():
            outcomes[place] = Outcome(corrections[place], "breaks_rule", code, form=form.form_id)
        trials = {place: said for place, said in trials.items() if place not in misfits}
        misfits = _misfits(store, form, stands, trials)  # what leaned on a refused one may now break a rule itself
    return trials


def _contradictory(form: Form, corrections: Sequence[Correction]) -> set[int]:
    """The places of corrections that give one question of one submission different answers."""
    said: dict[tuple[str, str, str], dict[int, str]] = {}
    for place, one in enumerate(corrections):
        if not one.unworked:
            cell = (one.submission_id, one.row_id or form.root, one.question)
            said.setdefault(cell, {})[place] = (one.new or "").strip()
    return {place for answers in said.values() if len(set(answers.values())) > 1 for place in answers}


def _tried(form: Form, one: Correction, interview: str, cells: Cells) -> Said | Result:
    """What the ledger would say of a correction, or why it is refused; ``cells`` then holds the corrected answer."""
    row_id = one.row_id or form.root
    cell = (one.submission_id, row_id, one.question)
    if one.question not in form.to_read.by_path or cell not in cells:
        return "unknown_question"
    if one.unworked:
        return "formula"
    old, new = cells[cell], _as_stored(form, one)
    if new == old:  # whatever was seen: the same sheet again asks for nothing more
        return "no_change"
    old_words = (old or "").split()  # programs that keep spreadsheets change blanks and line ends
    if one.seen is not None and old_words not in (one.seen.split(), plain(one.seen).split()):
        return "changed_meanwhile"
    cells[cell] = new
    return Said(
        "correction", form.form_id, one.submission_id, old, new, one.why.strip(), interview, row_id, one.question
    )


def _as_stored(form: Form, one: Correction) -> str | None:
    """The new answer as answers are kept: people write what a choice says, which is kept as its name."""
    new = (one.new or "").strip()
    offered = form.choices.get(form.to_read.by_path[one.question].choice_list or "", ())
    if new and new not in {choice.name for choice in offered}:
        meant = {choice.name for choice in offered if _plain(new) in map(_plain, choice.labels.values())}
        new = meant.pop() if len(meant) == 1 else new
    return new or None


def _plain(words: str) -> str:
    """Words without what people type in another way: case, blanks, how letters with marks are composed."""
    return " ".join(unicodedata.normalize("NFC", words).casefold().split())


def _misfits(store: Store, form: Form, stands: pl.DataFrame, trials: Mapping[int, Said]) -> dict[int, str]:
    """The corrections whose own question breaks a rule once all are applied, and which rule."""
    if not trials:
        return {}
    more = [Entry(place, "", "", **asdict(said), previous="", digest="") for place, said in trials.items()]
    found = amended(store, form, stands, more=more)
    issues = pl.concat([one.frames["issues"] for one in found.values()]).filter(pl.col("code").is_in(MISFITS))
    broken = {
        (row["submission_id"], row["row_id"], row["question"]): row["code"] for row in issues.iter_rows(named=True)
    }
    cells = {place: (said.submission_id, said.row_id, said.question) for place, said in trials.items()}
    return {place: broken[cell] for place, cell in cells.items() if cell in broken}


def duplicates(store: Store, definitions: Definitions, form: str = "", undecided: bool = True) -> pl.DataFrame:
    """Pairs of interviews that may be one and the same, most alike first.

    Returns
    -------
    DataFrame
        ``form``, the columns of `collect.review.duplicates.PAIRS` (``one`` was received first), and ``verdict``:
        "same" or "different" where somebody said so; without ``undecided`` those are listed too. Worked out once for
        the same interviews, then read from the data folder's cache. Raises CollectError USE-01 for a form nobody knows.
    """
    one_of("form", [form] if form else [], [known.form_id for known in definitions.forms])
    wanted = [known for known in definitions.forms if form in ("", known.form_id)]
    rows = pl.concat([pl.DataFrame(schema=DUPLICATES), *(_pairs_of(store, one) for one in wanted)])
    return rows.filter(pl.col("verdict").is_null()) if undecided else rows


DUPLICATES = {"form": pl.String(), **PAIRS, "verdict": pl.String()}


def _pairs_of(store: Store, form: Form) -> pl.DataFrame:
    stands = standing(store, form.form_id).filter(~pl.col("decision").is_in(FINAL).fill_null(False))
    said = entries(store, form=form.form_id, kind="pair")
    judged = {frozenset((one.submission_id, one.other)): one.new for one in said}
    found = _pairs_found(store, form, stands)
    verdicts = [judged.get(frozenset(pair)) for pair in found.select("one", "other").iter_rows()]
    return found.with_columns(form=pl.lit(form.form_id), verdict=pl.Series(verdicts, dtype=pl.String)).select(
        *DUPLICATES
    )


def _pairs_found(store: Store, form: Form, stands: pl.DataFrame) -> pl.DataFrame:
    key = hashlib.sha256(repr((SOUGHT_SO, form.sha256, form.design)).encode())
    key.update(stands.select("upload_id", "submission_id", "content").write_csv().encode())
    kept = store.folder / "cache" / "duplicates" / f"{key.hexdigest()[:32]}.parquet"
    with suppress(OSError, pl.exceptions.PolarsError):  # not there, or damaged: it is made again
        return pl.read_parquet(kept)
    found = [
        traits(answers_as_received(store, form, str(upload), rows["submission_id"]), form.to_read)
        for (upload,), rows in stands.group_by("upload_id", maintain_order=True)
    ]
    made = pairs(found) if found else pl.DataFrame(schema=PAIRS)
    with written_whole(kept) as temporary:
        made.write_parquet(temporary)
    return made


def judge_pair(store: Store, kept: str, other: str, same: bool, why: str, by: str) -> Entry:
    """Say of two interviews that they are the same one (then only ``kept`` counts), or that they are different ones.

    Raises
    ------
    CollectError
        USE-01 for an unknown submission, REV-02 without a name, REV-03 when they are of two forms or one interview.
    """
    if not by.strip():
        raise CollectError("REV-02")
    form, every = found_in(store, kept)
    interviews = dict(every.select("submission_id", "interview").iter_rows())
    if found_in(store, other)[0] != form or interviews[kept] == interviews[other]:
        raise CollectError("REV-03", one=kept, other=other)
    said = Said("pair", form, kept, None, "same" if same else "different", why.strip(), other)
    return append(store, [said], by.strip())[0]
