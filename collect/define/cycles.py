"""Rules that wait for each other: phones refuse a form in which a node decides, directly or not, about itself.

As JavaRosa draws it: a node waits for what its relevant, required, readonly and calculation read, and for the relevance
of the groups around it. Constraints and choice filters decide about no other node.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from collect.define.references import references
from collect.forms import Form
from collect.xpath import XPathError, parse

DECIDING = ("calculate", "relevant", "required", "readonly")  # the first of these that takes part is named
MOST = 100  # circles told of one form


def circles(form: Form) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each circle of nodes (a node alone: it reads itself), and the rule of its first node that closes it."""
    reads = _reads(form)
    waits: dict[str, set[str]] = {}
    for (path, _), found in reads.items():
        waits.setdefault(path, set()).update(found)
    for path in [question.path for question in form.questions] + [section.path for section in form.sections]:
        around = {s.path for s in form.sections if s.relevant and path.startswith(s.path + "/")}
        waits.setdefault(path, set()).update(around)
    for path in sorted(waits):
        if path in waits[path]:
            waits[path].discard(path)
            yield (path,), next(rule for rule in DECIDING if path in reads.get((path, rule), ()))
    yield from _rings(waits, reads)


def _rings(waits: dict[str, set[str]], reads: dict[tuple[str, str], set[str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    for _ in range(MOST):
        try:
            TopologicalSorter({path: sorted(found) for path, found in sorted(waits.items())}).prepare()
        except CycleError as error:
            ring = tuple(reversed(error.args[1][1:]))  # each waits for the next
            ruled = [path for path in ring if any(reads.get((path, rule)) for rule in DECIDING)]
            first = min(ruled)
            ordered = ring[ring.index(first) :] + ring[: ring.index(first)]
            after = ordered[1 % len(ordered)]
            named = [rule for rule in DECIDING if after in reads.get((first, rule), ())]
            yield ordered, (named or ["relevant"])[0]
            waits[first] -= set(ring)
        else:
            return


def _reads(form: Form) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for question in form.questions:
        for rule in DECIDING:
            found[question.path, rule] = _of(getattr(question, rule), question.path)
    for section in form.sections:
        found[section.path, "relevant"] = _of(section.relevant, section.path)
    return {key: paths for key, paths in found.items() if paths}


def _of(text: str | None, at: str) -> set[str]:
    try:
        return set(references(parse(text), at)) if text else set()
    except XPathError:
        return set()
