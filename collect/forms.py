"""What a form is: its questions, choices and rules, and what the survey design says of it.

A `Form` is built from the XForm XML by `collect.define` and read by every other stage; nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

QuestionType = Literal[
    "string", "int", "decimal", "boolean", "date", "time", "dateTime",
    "geopoint", "geotrace", "geoshape", "binary", "barcode",
    "select_one", "select_multiple", "rank",
]  # fmt: skip

Words = Mapping[str, str]  # language key as the form writes it, "Tiếng Việt (vi)", to text; "" is the only language


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a select question offers."""

    name: str
    labels: Words
    columns: Mapping[str, str] = field(default_factory=dict)  # further columns of the choices sheet, for choice filters


@dataclass(frozen=True, slots=True)
class Question:
    """One node that holds an answer. Rules are XPath text exactly as the XForm states them, or None."""

    path: str  # absolute XPath, "/data/roster/member/age": also the name of its column in every answers table
    type: QuestionType
    repeat: str  # path of the innermost repeat around it; the form's root ("/data") when there is none
    labels: Words = field(default_factory=dict)
    hints: Words = field(default_factory=dict)
    choice_list: str | None = None
    choice_filter: str | None = None  # the predicate of the itemset, evaluated at the question's own node
    or_other: bool = False
    relevant: str | None = None
    required: str | None = None
    constraint: str | None = None
    calculate: str | None = None
    readonly: str | None = None
    constraint_messages: Words = field(default_factory=dict)
    required_messages: Words = field(default_factory=dict)
    appears: bool = True  # False for calculations and metadata, which no screen shows
    default: str | None = None  # what the form itself holds before anybody answers; None when that is worked out
    fills: Mapping[str, str] = field(default_factory=dict)  # what actions write here, by rule: "default", "calculate"
    preload: str = ""  # what the device fills in: "timestamp/start", "date/today", "property/deviceid"; "" otherwise

    @property
    def name(self) -> str:
        """The last step of the path: what the form's author called the question."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Section:
    """A group or a repeat: it holds questions and may hide all of them."""

    path: str
    repeats: bool
    parent_repeat: str  # the repeat (or the root) one level up
    labels: Words = field(default_factory=dict)
    relevant: str | None = None
    count: str | None = None  # a repeat's jr:count, XPath


@dataclass(frozen=True, slots=True)
class KnownPeople:
    """People of one sex and age in the whole population, as a census counts them. ``age_to`` None: and older."""

    sex: str  # the answer that means it
    age_from: int
    age_to: int | None
    people: float


@dataclass(frozen=True, slots=True)
class Weighting:
    """What `form.toml` says under ``[weights]``: what is done to the weights that follow from how chance drew."""

    nonresponse: Literal["hamlet", "stratum", "commune"] = "hamlet"  # within which those who answered stand for all
    trim: float | None = None  # no weight above so many times the median of its commune
    poststratify: Literal["", "listed-households", "census-households"] = ""  # what a commune's weights add up to
    people: tuple[KnownPeople, ...] = ()  # by age and sex: weights are made to give the same shares of people
    sex: str = ""  # the roster's question of sex, for ``people``


@dataclass(frozen=True, slots=True)
class Design:
    """What `form.toml` says: which question plays which part. Values are question paths; "" where there is none."""

    household_id: str = ""  # what names a household; once in a round it is one interview, in two rounds it is two
    household_size: str = ""
    roster: str = ""  # path of the repeat with one row per person
    weight: str = ""
    cluster: str = ""
    stratum: str = ""
    round: str = ""
    interviewer: str = ""
    interviewed_on: str = ""
    started_at: str = ""
    ended_at: str = ""
    commune: str = ""
    hamlet: str = ""
    point: str = ""
    consent: str = ""
    consent_given: tuple[str, ...] = ("yes",)
    age: str = ""
    birth_year: str = ""
    unknown: tuple[str, ...] = ()  # answers that mean "not known", wherever they are offered
    frame: str = ""  # "clusters": weights come from the frame's selection probabilities; "": weight question, or equal
    unit: Literal["household", "commune"] = "household"
    vintage: str = ""  # the vintage of the commune codes the form offers
    weights: Weighting = Weighting()
    titles: Words = field(default_factory=dict)  # the form's name by language: an XLSForm has one title only


@dataclass(frozen=True)
class Form:
    """A whole form. ``root`` is "/" + the name of the root element, usually "/data"."""

    form_id: str
    version: str
    title: str
    root: str
    languages: tuple[str, ...]  # as the form writes them; the default first; ("",) when it has one language
    questions: tuple[Question, ...]  # in the order of the form
    sections: tuple[Section, ...]  # groups and repeats, in the order of the form
    choices: Mapping[str, tuple[Choice, ...]]  # by list name
    design: Design = Design()
    xform: bytes = b""
    sha256: str = ""  # of the XForm
    older: tuple[Form, ...] = ()  # earlier versions of the same form, whose answers may still come

    @cached_property
    def by_path(self) -> Mapping[str, Question]:
        """Every question by its path."""
        return {question.path: question for question in self.questions}

    @cached_property
    def repeats(self) -> tuple[str, ...]:
        """Paths of all tables this form fills: the root first, then each repeat in the order of the form."""
        return (self.root, *(section.path for section in self.sections if section.repeats))

    def questions_in(self, repeat: str) -> tuple[Question, ...]:
        """The questions whose innermost repeat is ``repeat`` (the root's own when it is the root)."""
        return tuple(question for question in self.questions if question.repeat == repeat)

    def of_version(self, version: str) -> Form | None:
        """The form as it was in one version; None when that version is not here."""
        return next((form for form in (self, *self.older) if form.version == version), None)

    @cached_property
    def to_read(self) -> Form:
        """This form and, without their rules, the questions and repeats that only its older versions have.

        What arrives is read with it, so that an answer to a question asked no longer is kept. The form itself where no
        older version is at hand.
        """
        if not self.older:
            return self
        sections, questions = {s.path: s for s in self.sections}, dict(self.by_path)
        for form in self.older:
            sections |= {s.path: replace(s, relevant=None, count=None) for s in form.sections if s.path not in sections}
            questions |= {q.path: _without_rules(q) for q in form.questions if q.path not in questions}
        return replace(self, sections=tuple(sections.values()), questions=tuple(questions.values()))


def _without_rules(question: Question) -> Question:
    return Question(question.path, question.type, question.repeat, question.labels, appears=False)
