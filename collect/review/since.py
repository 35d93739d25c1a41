"""Whether what people decided since a run would change its figures: asked before anybody is told to make them again.

Most decisions accept what counts already, and change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from collect import registry
from collect.keeping.ledger import Entry, entries
from collect.review.standing import OUT
from collect.store import Store

OVERRULED = "rejected"  # a household's status where its platform rejected it, which "accepted" here overrules


def changed_since(store: Store, head: str) -> bool:
    """Whether decisions after the ledger's line ``head`` ("" for all) may change what a run counts.

    A correction always may. Of decisions the first and the last on an interview are held against one another. A
    ``head`` that the ledger does not hold is of another ledger: then everything may differ.
    """
    every = entries(store)
    known = ["", *(one.digest for one in every)]
    if head not in known:
        return True
    before, after = every[: known.index(head)], every[known.index(head) :]
    if any(one.kind == "correction" for one in after) or _same(before) != _same(every):
        return True
    return _counts_otherwise(store, [one for one in after if one.kind == "review"])


def _same(said: Iterable[Entry]) -> dict[frozenset[str], str]:
    """Per pair of interviews last judged to be one: which of them is kept."""
    judged = {frozenset((one.submission_id, one.other)): one for one in said if one.kind == "pair"}
    return {pair: one.submission_id for pair, one in judged.items() if one.new == "same"}


def _counts_otherwise(store: Store, reviews: Sequence[Entry]) -> bool:
    last = {(one.form, one.submission_id): one.new for one in reviews}
    first = {(one.form, one.submission_id): one.old for one in reversed(reviews)}
    if any((first[which] in OUT) != (decision in OUT) for which, decision in last.items()):
        return True
    accepted = {which for which, decision in last.items() if (first[which] == "accepted") != (decision == "accepted")}
    return any(which in accepted for which in _overruled(store, {form for form, _ in accepted}))


def _overruled(store: Store, forms: Collection[str]) -> Iterator[tuple[str, str]]:
    """Form and id of what some platform rejected."""
    for part in registry.parts_of(store.engine):
        if part["form"] in forms:
            rows = store.read_part(part["form"], "households", part["upload_id"], ())
            for ident in rows.filter(status=OVERRULED)["submission_id"]:
                yield part["form"], ident
