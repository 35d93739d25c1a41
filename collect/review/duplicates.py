"""Finds the same interview under two ids: a copied row, a draft sent again, one household asked on two tablets.

Interviews with the same answers are found by a hash, and so are those that one device began at one instant: a draft
sent again, whatever was changed in it. Nearly the same ones are found by what their agreement is worth: that two
households answer "yes" says nothing, that their members were born in the same four years says much. Agreement on an
answer that a share p of all interviews gave is worth -log2(p) bits, as in record linkage (Fellegi and Sunter 1969). Few
interviews are compared all with all; in a province the pairs worth comparing are found by MinHash with bands (Broder
1997) over the rarer answers. Nothing is merged: a reviewer says whether two are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.forms import Form
from collect.store import value_hashes

LEAST_SHARE = 0.6  # of what both answered, weighed by bits, that must agree; see docs/decisions/0082
MARGIN_BITS = 4  # by chance fewer than one pair in 2 to this power, in all pairs there are
RARE = 0.1  # answers given by more than this share of interviews say too little to look for pairs by
FEW = 250  # interviews are compared all with all: of so few, hardly an answer is rare; see docs/decisions/0124
BANDS, ROWS = 12, 4
LIKENESS_TO_COMPARE = 0.4  # of the signatures: below it a pair is not looked at further; see docs/decisions/0095
DEVICE = "property/deviceid"  # what a form asks of the phone itself
SOUGHT_SO = 2  # counts the ways in which pairs were sought: what another way found is sought again
MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number with its bits well spread
SLICE = 100_000  # pairs that are compared at once
KEYED = 1 << 32  # an answer of an interview as one number: place times this, and the code of the answer
NEIGHBOURS = 12  # within a bucket of equal bands, each is compared with so many that follow
PAIRS = {
    "one": pl.String(),
    "other": pl.String(),
    "kind": pl.String(),  # answers, begun, nearly, or household
    "share": pl.Float64(),  # of what both answered, weighed by bits, 0 to 1; null where nothing weighs
    "bits": pl.Float64(),  # what the agreement is worth
}
Words = NDArray[np.uint64]
Wholes = NDArray[np.int64]


@dataclass(frozen=True)
class Traits:
    """What one upload's interviews are compared by: hashes, no answers.

    ``interviews``: submission_id, ``round``, ``household`` (a hash, null where the form names no household), ``whole``
    (a hash of all answers), ``begun`` (a hash of device and start, null where one is not told), ``placed`` (whether a
    point is among them). ``features``: ``place`` in ``interviews`` and
    ``feature``, a hash of question and answer; each once.
    """

    interviews: pl.DataFrame
    features: pl.DataFrame


def traits(answers: Mapping[str, pl.DataFrame], form: Form) -> Traits:
    """Hash one upload's answers. What a device fills in, what is calculated, and who asked when is left out."""
    root = answers[form.root]
    design = form.design
    ids = root.select("submission_id").with_row_index("place")
    unweighed = _told_by_others(form)
    whole = np.zeros(root.height, np.uint64)
    features: list[pl.DataFrame] = []
    for repeat, table in answers.items():
        places = table.select("submission_id").join(ids, on="submission_id", how="left", maintain_order="left")["place"]
        at = places.to_numpy()
        row = value_hashes(table["row_id"], "")
        for path in _compared(form, repeat, table):
            hashes = value_hashes(table[path], path)
            np.add.at(whole, at, hashes ^ np.where(hashes == 0, np.uint64(0), row))
            if path not in unweighed:
                told = hashes != 0
                features.append(pl.DataFrame({"place": places.filter(pl.Series(told)), "feature": hashes[told]}))
    nothing = pl.DataFrame(schema={"place": pl.UInt32, "feature": pl.UInt64})
    point = design.point if design.point in root.columns else ""
    household = design.household_id if design.household_id in root.columns else ""
    interviews = root.select(
        "submission_id",
        round=pl.col(design.round) if design.round in root.columns else pl.lit(None, pl.String),
        household=pl.col(household) if household else pl.lit(None, pl.String),
        placed=pl.col(point).is_not_null() if point else pl.lit(False),
    ).with_columns(whole=pl.Series(whole), begun=_begun(root, form))
    return Traits(interviews, pl.concat([nothing, *features]).unique())


def drafts(root: pl.DataFrame, form: Form, contents: pl.Series) -> pl.Series:
    """What an interview sent again under another id has in common with itself; null where nothing could tell.

    Device and start; where they are not told, its content, if a point is in it.
    """
    begun = _begun(root, form).cast(pl.String)
    placed = (
        root[form.design.point].is_not_null()
        if form.design.point in root.columns
        else pl.repeat(False, root.height, eager=True)
    )
    told = pl.DataFrame({"begun": begun, "content": contents, "placed": placed})
    return told.select(draft=pl.coalesce("begun", pl.when("placed").then("content")))["draft"]


def _begun(root: pl.DataFrame, form: Form) -> pl.Series:
    """One hash of the device and the instant at which it began, to the second; null where either is not told."""
    blank = pl.lit(None, pl.String)
    asked = next((one.path for one in form.questions if one.preload == DEVICE and one.path in root.columns), "")
    start = form.design.started_at if form.design.started_at in root.columns else ""
    told = root.select(
        device=pl.coalesce(pl.col(asked) if asked else blank, pl.col("device_id")),
        start=pl.col(start) if start else blank,
    )
    device, instant = (value_hashes(told[name], name) for name in ("device", "start"))
    return pl.Series(device * MIX ^ instant).set(pl.Series((device == 0) | (instant == 0)), None)


def _told_by_others(form: Form) -> set[str]:
    """Questions whose answers others imply: they would be counted twice. And the point, which never comes again."""
    design = form.design
    implied = {design.point, *((design.commune, design.cluster, design.stratum) if design.hamlet else ())}
    return implied | ({design.age} if design.birth_year else set())


def _compared(form: Form, repeat: str, table: pl.DataFrame) -> list[str]:
    design = form.design
    aside = {design.started_at, design.ended_at, design.interviewed_on, design.interviewer, design.round}
    return [
        question.path
        for question in form.questions_in(repeat)
        if question.path in table.columns
        and question.path not in aside
        and not (question.preload or question.calculate or question.path.startswith(f"{form.root}/meta/"))
    ]


def pairs(found: Sequence[Traits]) -> pl.DataFrame:
    """All pairs that may be one interview, as `PAIRS`, most alike first; each once, for its strongest reason.

    Two interviews of different survey rounds are never a pair.
    """
    interviews = pl.concat([one.interviews for one in found])
    count = max(interviews.height, 2)
    told = _told(found, count)
    enough = log2(count * (count - 1) / 2) + MARGIN_BITS
    worth = _summed(told.places, told.bits[told.codes], interviews.height)
    near = _scored(_candidates(told, worth, enough), told, worth)
    near = near.filter((pl.col("share") >= LEAST_SHARE) & (pl.col("bits") >= enough))
    telling = pl.Series((worth >= enough) | interviews["placed"].to_numpy())
    every = pl.repeat(True, interviews.height, dtype=pl.Boolean, eager=True)
    same = _equal(interviews, "whole", "answers", telling, worth)
    begun = _equal(interviews, "begun", "begun", every, worth)
    again = _scored(begun.select("first", "second").to_numpy(), told, worth).with_columns(kind=pl.lit("begun"))
    households = _equal(interviews, "household", "household", every, worth)
    everything = pl.concat([same, again, near, households])
    return _named(everything, interviews)


@dataclass(frozen=True)
class _Told:
    """Who gave which answers: ``places`` and ``codes`` of each, sorted; ``begin``: where those of a place begin.

    By code: ``hashes``, ``shared_by`` (how many gave it), ``bits`` (what agreeing on it is worth).
    """

    places: Wholes
    codes: Wholes
    begin: Wholes
    hashes: Words
    shared_by: Wholes
    bits: NDArray[np.float64]

    def of(self, places: Wholes) -> tuple[Wholes, Wholes]:
        """The answers of each of these places: which of the places (by its order here), and the code."""
        counts = self.begin[places + 1] - self.begin[places]
        ends = np.cumsum(counts)
        which = np.repeat(np.arange(len(places)), counts)
        at = np.arange(len(which)) + np.repeat(self.begin[places] - ends + counts, counts)
        return which, self.codes[at]


def _told(found: Sequence[Traits], count: int) -> _Told:
    starts = np.cumsum([0, *(one.interviews.height for one in found)])
    moved = [pl.col("place").cast(pl.UInt64) + int(start) for start in starts]
    features = pl.concat([one.features.with_columns(place) for one, place in zip(found, moved, strict=False)])
    known = features.group_by("feature").agg(shared_by=pl.len()).sort("feature").with_row_index("code")
    coded = features.join(known.select("feature", code=pl.col("code").cast(pl.UInt64)), on="feature")
    keys = np.sort(coded.select(pl.col("place") * KEYED + pl.col("code")).to_series().to_numpy())
    places, codes = (half.astype(np.int64) for half in np.divmod(keys, KEYED))
    shared_by = known["shared_by"].to_numpy().astype(np.int64)
    begin = np.searchsorted(places, np.arange(starts[-1] + 1))
    return _Told(places, codes, begin, known["feature"].to_numpy(), shared_by, np.log2(count / shared_by))


def _equal(rows: pl.DataFrame, column: str, kind: str, which: pl.Series, worth: NDArray[np.float64]) -> pl.DataFrame:
    """Each interview with the one before it that is equal in a column."""
    numbered = rows.with_row_index("at").filter(which & rows[column].is_not_null())
    tied = numbered.with_columns(first=pl.col("at").shift(1).over(column, "round")).drop_nulls("first")
    return tied.select(
        first=pl.col("first").cast(pl.Int64),
        second=pl.col("at").cast(pl.Int64),
        kind=pl.lit(kind),
        share=pl.lit(1.0 if kind == "answers" else None, pl.Float64),
        bits=pl.Series(worth).gather(tied["at"]) if kind == "answers" else pl.lit(None, pl.Float64),
    )


def _candidates(told: _Told, worth: NDArray[np.float64], enough: float) -> Wholes:
    """Pairs of places to compare: all of a few interviews, or those alike in rarer answers.

    Whoever says too little to be accused is left out, and so are pairs of which one has said so much less than the
    other that they cannot agree on enough.
    """
    if len(worth) > FEW:
        return _alike(told, worth, enough)
    telling = np.flatnonzero(worth >= enough)
    every = telling[np.stack(np.triu_indices(len(telling), 1), axis=1)]
    return every[_may_agree(every, worth)]


def _may_agree(both: Wholes, worth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether pairs can agree on enough: on no more than the lesser has said."""
    lesser, greater = np.sort(worth[both], axis=1).T
    may: NDArray[np.bool_] = lesser >= LEAST_SHARE * greater
    return may


def _alike(told: _Told, worth: NDArray[np.float64], enough: float) -> Wholes:
    """Pairs of places whose rarer answers look alike, by MinHash."""
    rare = told.shared_by <= max(2, RARE * len(worth))
    chosen = rare[told.codes] & (worth >= enough)[told.places]
    places, codes = told.places[chosen], told.codes[chosen]
    owners, begin = np.unique(places, return_index=True)
    chance = np.random.default_rng(1997)  # fixed: the same answers give the same pairs
    signature = np.empty((len(owners), BANDS * ROWS), np.uint32)
    for column in range(BANDS * ROWS):
        odd, shift = chance.integers(0, 2**63, 2, dtype=np.uint64)
        mixed = ((told.hashes * (odd * np.uint64(2) + np.uint64(1)) + shift) >> np.uint64(32)).astype(np.uint32)
        signature[:, column] = np.minimum.reduceat(mixed[codes], begin) if len(owners) else 0
    found = [_in_one_band(signature[:, band * ROWS : (band + 1) * ROWS]) for band in range(BANDS)]
    met = np.sort(np.concatenate(found))
    both = np.stack(np.divmod(met[np.diff(met, prepend=-1) > 0], max(len(owners), 1)), axis=1)
    both = both[_may_agree(owners[both], worth)]
    slices = np.array_split(both, len(both) // SLICE + 1)
    alike = np.concatenate([(signature[part[:, 0]] == signature[part[:, 1]]).mean(axis=1) for part in slices])
    kept: Wholes = owners[both[alike >= LIKENESS_TO_COMPARE]].reshape(-1, 2)
    return kept


def _in_one_band(band: NDArray[np.uint32]) -> Wholes:
    """Pairs of rows that are equal in a band, each with the few that follow among its equals: first * rows + second."""
    keys = np.zeros(len(band), np.uint64)
    for column in band.T:
        keys = (keys ^ column.astype(np.uint64)) * MIX
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = [np.empty(0, np.int64)]
    for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
        equal = ordered[:-step] == ordered[step:]
        first, second = order[:-step][equal], order[step:][equal]
        found.append(np.minimum(first, second) * len(band) + np.maximum(first, second))
    return np.concatenate(found)


def _scored(candidates: Wholes, told: _Told, worth: NDArray[np.float64]) -> pl.DataFrame:
    """What each pair's agreement is worth, in bits and as a share of all that either answered."""
    slices = np.array_split(candidates, len(candidates) // SLICE + 1)
    bits = np.concatenate([_agreed(part, told) for part in slices])
    either = worth[candidates].sum(axis=1) - bits
    first, second = candidates.T
    weighed = pl.DataFrame({"first": first, "second": second, "bits": bits, "either": either})
    share = pl.when(pl.col("bits") > 0).then(pl.col("bits") / pl.col("either"))
    return weighed.select("first", "second", kind=pl.lit("nearly"), share=share, bits="bits")


def _agreed(pairs: Wholes, told: _Told) -> NDArray[np.float64]:
    """Bits of the answers that both of each pair gave."""
    others, which_other = np.unique(pairs[:, 1], return_inverse=True)
    owner, code = told.of(others)
    theirs = owner * len(told.bits) + code  # sorted, as the answers are
    pair, code = told.of(pairs[:, 0])
    wanted = which_other[pair] * len(told.bits) + code
    at = np.minimum(np.searchsorted(theirs, wanted), len(theirs) - 1)
    both = theirs[at] == wanted if len(theirs) else np.zeros(0, bool)
    return _summed(pair[both], told.bits[code[both]], len(pairs))


def _summed(where: Wholes, values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.bincount(where, values, length).astype(np.float64)  # whole numbers where there is nothing to sum


def _named(places: pl.DataFrame, interviews: pl.DataFrame) -> pl.DataFrame:
    """Places become submissions; pairs of different rounds and repetitions are left out."""
    ids, rounds = interviews["submission_id"], interviews["round"]
    named = places.with_columns(
        one=ids.gather(places["first"]),
        other=ids.gather(places["second"]),
        apart=(rounds.gather(places["first"]) != rounds.gather(places["second"])).fill_null(False),
    )
    together = named.filter(~pl.col("apart")).unique(["one", "other"], keep="first", maintain_order=True)
    return together.select(*PAIRS).sort("share", "bits", "one", descending=[True, True, False], nulls_last=True)
