"""What may differ from one installation to the next; everything comes from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collect.limits import DEFAULT, Limits, limits_from
from collect.problems import CollectError


@dataclass(frozen=True, slots=True)
class Settings:
    """``data``: folder of inbox, tables and runs. ``database``: SQLAlchemy URL. ``forms``: folder of forms.

    ``limits``: what one upload may cost. ``apart``: whether uploads are read in a process of their own;
    COLLECT_WORKER=off reads them here, which is quicker to debug and lets a bad file take everything down.
    """

    data: Path
    database: str
    forms: Path
    geo_mirror: str
    language: str
    limits: Limits = DEFAULT
    apart: bool = True
    allow_anonymous: bool = False  # others on the network may come in without saying who they are


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, by default from the process environment.

    Raises CollectError USE-05 for a limit that is none.
    """
    env = os.environ if environment is None else environment
    data = Path(env.get("COLLECT_DATA") or "data").resolve()
    try:
        limits = limits_from(env)
    except ValueError as error:
        raise CollectError("USE-05", name=str(error)) from error
    return Settings(
        data=data,
        database=env.get("COLLECT_DATABASE") or f"sqlite:///{data / 'collect.db'}",
        forms=Path(env["COLLECT_FORMS"]).resolve() if env.get("COLLECT_FORMS") else shipped_forms(),
        geo_mirror=env.get("COLLECT_GEO_MIRROR", ""),
        language=language_from(env),
        limits=limits,
        apart=env.get("COLLECT_WORKER", "") != "off",
        allow_anonymous=env.get("COLLECT_ALLOW_ANONYMOUS") == "1",
    )


def language_from(environment: Mapping[str, str] | None = None) -> str:
    """The language asked for, whatever else may be wrong with the settings."""
    return (os.environ if environment is None else environment).get("COLLECT_LANG") or "vi"


def shipped_forms() -> Path:
    """The forms folder: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "forms"
    return beside if (beside / "targets.csv").is_file() or not (package / "_forms").is_dir() else package / "_forms"
