"""How an upload is to be read: within which limits, what somebody insisted on, and what words to expect in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from collect.forms import Form
from collect.limits import DEFAULT, Limits
from collect.receive.lettering import words_in


@dataclass(frozen=True, slots=True)
class Manner:
    """How an upload is to be read.

    ``encoding``: what somebody insisted on, "" for none. ``skip``: members to leave out, each with its code and reason.
    ``note`` is told the name of each member before it is read, and "" when no member's bytes are at work. ``forms``:
    whose words are evidence for the encoding. ``lanes``: processes that may read at once, where the reader may fork.
    """

    encoding: str = ""
    limits: Limits = DEFAULT
    skip: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    note: Callable[[str], None] | None = None
    forms: Sequence[Form] = ()
    lanes: int = 1

    def at(self, member: str) -> None:
        """Note which member is read next."""
        if self.note is not None:
            self.note(member)

    def words(self) -> frozenset[str]:
        """Every word of the forms' titles, labels and choices."""
        return _words(tuple(text for form in self.forms for text in _texts(form)))


USUAL = Manner()


@cache
def _words(texts: tuple[str, ...]) -> frozenset[str]:
    return words_in(texts)


def _texts(form: Form) -> Iterator[str]:
    yield form.title
    for question in form.questions:
        yield from question.labels.values()
    for section in form.sections:
        yield from section.labels.values()
    for choices in form.choices.values():
        for choice in choices:
            yield from choice.labels.values()
