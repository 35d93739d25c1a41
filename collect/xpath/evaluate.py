"""One expression on one submission, for tools: a typed value and its text, in either engine's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from collect.xpath.schema import Schema
from collect.xpath.tree import Expression

Profile = Literal["collect", "web"]
ResultType = Literal["number", "string", "boolean", "date", "nodeset"]


@dataclass(frozen=True)
class Result:
    """What an expression came to. ``value``: float (NaN possible), str, bool, or list of texts for a nodeset; a date is
    its lexical text. ``text`` is what string() of it gives."""

    type: ResultType
    value: float | str | bool | list[str]
    text: str


def evaluate(
    expression: str | Expression,
    schema: Schema,
    instance: Any,
    at: str = "",
    *,
    profile: Profile = "collect",
    now: str | None = None,
) -> Result:
    """Evaluate ``expression`` at one node of one submission.

    Parameters
    ----------
    schema
        The form's shape.
    instance
        The submission's root element as any XML library gives it (``tag``, ``text``, iteration), or typed tables by
        repeat path (`Mapping[str, pl.DataFrame]`) that hold exactly one submission.
    at
        The context node, rows given by place: ``/data/hh/member[2]/age``; no place means the first row. "" is the root.
    now
        The lexical date-time that now() and today() mean; without it they are blank.

    Raises `XPathError` (``code``, ``position``): the expression is wrong, ``at`` is not in the submission
    (``unknown_path``), or its value cannot be known (`XPathUnsupported`).
    """
    raise NotImplementedError
