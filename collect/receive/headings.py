"""Finds which question each column of an export holds, whatever way the platform spelt it.

A heading may be a bare name (``hh_size``), a path from the table or from the form with any group separator
(``hh-hh_size``, ``hh/hh_size``), or a label in any of the form's languages, with or without the labels of its groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from collect.forms import Form, Question

NAMES = "names"  # the style of headings made of names; every other style is a language of the form
GROUP_SEPARATORS = ("/", "-", ".", ":", "|", " / ", " - ", " > ", "__", "_")
SPLIT_SEPARATORS = ("/", ".", "-", ":", "|", "_")
POINT_PARTS = (
    ("-Latitude", "-Longitude", "-Altitude", "-Accuracy"),
    (":Latitude", ":Longitude", ":Altitude", ":Accuracy"),
    ("_latitude", "_longitude", "_altitude", "_precision"),
)
OUTPUT = re.compile(r"<output[^>]*?/?>|\$\{[^}]*\}|\{[^}]*\}")  # a value shown inside a label
MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|\*{1,3}|^#+ ")
BLANKS = re.compile(r"\s+")
COUNT = "_count"
PARTED = re.compile(r"[-/.:|]")


@dataclass
class Columns:
    """Where one question's answer stands: its own column, its parts as a point, its choices as columns."""

    whole: int | None = None
    parts: dict[int, int] = field(default_factory=dict)  # 0 latitude, 1 longitude, 2 altitude, 3 accuracy
    choices: dict[str, int] = field(default_factory=dict)  # by the choice's name


@dataclass(frozen=True)
class Match:
    """What the headings of one table mean. Numbers are positions of columns."""

    repeat: str
    style: str
    questions: Mapping[str, Columns]
    known: int  # headings that belong to a question
    unknown: tuple[int, ...]
    ambiguous: tuple[int, ...]  # taken in the order of the form, because the heading fits several questions


@dataclass(frozen=True)
class Table:
    """The questions of one table (the root or a repeat) and every way their headings may be spelt."""

    form: Form
    repeat: str

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """In the order of the form."""
        return self.form.questions_in(self.repeat)

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Place of each question in the form."""
        return {question.path: place for place, question in enumerate(self.questions)}

    def spellings(self, style: str) -> tuple[Mapping[str, tuple[Question, ...]], ...]:
        """Heading to questions, the surest way of spelling first."""
        own_depth = len(steps(self.repeat, self.form))
        levels: tuple[dict[str, list[Question]], ...] = ({}, {}, {})
        for question in self.questions:
            words, raw = self._words(question, style, _plain), self._words(question, style, str)
            for level, begin in zip(levels, (own_depth, 0, len(words) - 1), strict=True):
                spelt = {separator.join(words[begin:]) for separator in GROUP_SEPARATORS}
                if raw != words:  # a value shown first in a label leaves its blank behind the group's separator
                    spelt |= {_plain(separator.join(raw[begin:])) for separator in GROUP_SEPARATORS}
                for spelling in spelt:
                    level.setdefault(spelling, []).append(question)
        return tuple({spelling: tuple(found) for spelling, found in level.items()} for level in levels)

    def _words(self, question: Question, style: str, shape: Callable[[str], str]) -> list[str]:
        names = steps(question.path, self.form)
        if style == NAMES:
            return names
        path, words = self.form.root, []
        for name in names[:-1]:
            path = f"{path}/{name}"
            words.append(shape(self._section_labels.get(path, {}).get(style, "")) or name)
        return [*words, shape(question.labels.get(style, "")) or names[-1]]

    @cached_property
    def _section_labels(self) -> Mapping[str, Mapping[str, str]]:
        return {section.path: section.labels for section in self.form.sections}


def steps(path: str, form: Form) -> list[str]:
    """The names from the root (left out) down to ``path``."""
    return [step for step in path[len(form.root) :].split("/") if step]


def _plain(words: str) -> str:
    """A label as two programs would agree on it: without shown values, markup and doubled blanks."""
    return BLANKS.sub(" ", MARKUP.sub("", OUTPUT.sub("", words))).strip() or words.strip()


def match(
    headings: Sequence[str], form: Form, repeat: str, quiet: Callable[[str], bool], style: str | None = None
) -> Match:
    """Match the headings in the style (names, or a language) that explains most of them; names win a draw.

    Platform columns should be given as "": they are neither known nor unknown, like headings that are ``quiet`` when
    the form does not know them. So are counts of a repeat's rows ("member_count"), which SurveyCTO writes beside them.
    """
    table = Table(form, repeat)
    offered = (NAMES, *form.languages) if style is None else (style,)
    matches = [_matched(headings, table, one) for one in offered]
    best = max(matches, key=lambda found: found.known)  # max keeps the first of equals
    counts = {f"{section.path.rsplit('/', 1)[-1]}{COUNT}" for section in form.sections if section.repeats}
    strange = (place for place in best.unknown if PARTED.split(headings[place])[-1] not in counts)
    return replace(best, unknown=tuple(place for place in strange if not quiet(headings[place])))


def _matched(headings: Sequence[str], table: Table, style: str) -> Match:
    levels = [*table.spellings(style), *(table.spellings(NAMES) if style != NAMES else ())]
    questions: dict[str, Columns] = {}
    unknown: list[int] = []
    ambiguous: list[int] = []
    last = -1
    for position, heading in enumerate(headings):
        if not heading:
            continue
        found = _candidates(levels, heading)
        free = [q for q in found if q.path not in questions or questions[q.path].whole is None]
        if free:
            after = [question for question in free if table.order[question.path] > last]
            question = (after or free)[0]
            questions.setdefault(question.path, Columns()).whole = position
            last = table.order[question.path]
            if len(found) > 1:
                ambiguous.append(position)
        elif not _part_of_one(heading, position, levels, questions, style, table):
            unknown.append(position)
    known = sum(1 for heading in headings if heading) - len(unknown)
    return Match(table.repeat, style, questions, known, tuple(unknown), tuple(ambiguous))


def _candidates(levels: Sequence[Mapping[str, tuple[Question, ...]]], heading: str) -> tuple[Question, ...]:
    for spelling in (heading, _plain(heading)):
        for level in levels:
            if spelling in level:
                return level[spelling]
    return ()


def _part_of_one(
    heading: str,
    position: int,
    levels: Sequence[Mapping[str, tuple[Question, ...]]],
    questions: dict[str, Columns],
    style: str,
    table: Table,
) -> bool:
    """Whether the heading is a point's part, a choice of a split select-multiple, or a file's address."""
    for base, part in _point_parts(heading):
        for question in _candidates(levels, base):
            if question.type == "geopoint":
                questions.setdefault(question.path, Columns()).parts.setdefault(part, position)
                return True
    for base, separator, tail in _split_at_separators(heading):
        for question in _nearest(_candidates(levels, base), questions):
            if question.type in ("select_multiple", "rank"):
                name = _choice_name(question, tail, separator, style, table.form)
                choices = questions.setdefault(question.path, Columns()).choices if name is not None else {}
                if name is not None and choices.setdefault(name, position) == position:
                    return True
    return heading.endswith("_URL") and bool(_candidates(levels, heading.removesuffix("_URL")))


def _nearest(found: tuple[Question, ...], questions: Mapping[str, Columns]) -> tuple[Question, ...]:
    """Those whose own column came last first: a platform writes a question's choices right after it."""
    place = {path: columns.whole if columns.whole is not None else -1 for path, columns in questions.items()}
    return tuple(sorted(found, key=lambda question: -place.get(question.path, -1)))


def _point_parts(heading: str) -> Iterator[tuple[str, int]]:
    for names in POINT_PARTS:
        for part, name in enumerate(names):
            if heading.endswith(name):
                base = heading.removesuffix(name)
                group, slash, last = base.rpartition("/")
                yield base, part
                if base.startswith("_"):
                    yield base[1:], part
                if last.startswith("_"):
                    yield group + slash + last[1:], part


def _split_at_separators(heading: str) -> Iterator[tuple[str, str, str]]:
    for separator in SPLIT_SEPARATORS:
        at = heading.rfind(separator)
        while at > 0:
            yield heading[:at], separator, heading[at + len(separator) :]
            at = heading.rfind(separator, 0, at)


def _choice_name(question: Question, tail: str, separator: str, style: str, form: Form) -> str | None:
    """The choice a column stands for; where headings are names, one that no list holds is kept: somebody chose it.

    After "_", which names may hold themselves, only what the list offers counts; there "_" also stands for its "-".
    """
    choices = form.choices.get(question.choice_list or "", ())
    if separator == "_":
        return next((one.name for one in choices if tail in (one.name, one.name.replace("-", "_"))), None)
    if style != NAMES:
        for choice in choices:
            if _plain(choice.labels.get(style) or choice.name) == _plain(tail):
                return choice.name
    if any(choice.name == tail for choice in choices) or (tail == "other" and question.or_other):
        return tail
    return tail if style == NAMES and tail and " " not in tail else None
