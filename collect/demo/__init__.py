"""Makes up a whole survey round, and says so everywhere: the journey can be tried and tested without real households.

The province is real in its communes, their households of 2019 and (where fetched) their outlines; everything else is
drawn from one generator, so the same seed gives the same bytes on the same outlines. `WEAK_POINTS` says where the round
is unlike a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from collect.define import load_form
from collect.demo.answers import ROUND, interview, with_totals
from collect.demo.dirt import KINDS, Soiled, soil
from collect.demo.earlier import EARLIER_FRAME, EARLIER_ROUND, answers_of, before, rotated
from collect.demo.ground import Ground, houses, lay_out
from collect.demo.layouts import Export, write_central, write_kobo, write_submissions
from collect.demo.population import Population, populate
from collect.demo.returns import hamlet_facts, officers
from collect.demo.sample import Plan, asked, draw, plan_round
from collect.demo.truth import truth
from collect.forms import Form
from collect.i18n import LANGUAGES, t
from collect.settings import shipped_forms

__all__ = ["EARLIER_ROUND", "KINDS", "ROUND", "WEAK_POINTS", "DemoFiles", "make_earlier_round", "make_round"]

WEAK_POINTS = (
    "Hamlets are numbered, equal in kind, and their centres are scattered evenly; real ones follow roads and canals.",
    "Households share their hamlet's luck and have their own, but not their street's: neighbours are too unlike.",
    "Doubtful and refused answers fall at random; in the field the poor and the old are harder to ask.",
    "Ages follow the household's shape, not the census pyramid: too many under 5, too few from 5 to 14.",
    "Ages are not heaped on 0 and 5 nor on animal years, and no interviewer invents interviews.",
    "Everybody is met at the first visit; nobody moved, died or locked the door since the frame was listed.",
    "Kobo's own version identifiers are written as the form's version.",
)

TEAMS = ("team-1-central.zip", "team-2-kobo.xlsx", "team-3-submissions.zip")
WHOLE = "whole-province-central.zip"
RETURNS = "commune-returns-central.zip"
EARLIER = "earlier-round-central.zip"
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class DemoFiles:
    """What was written: ``files`` the exports to receive, ``frame`` the sampling frame, ``truth`` what nobody knows."""

    files: tuple[Path, ...]
    frame: Path
    truth: Path


def _silent(_step: str, _share: float) -> None:
    pass


def make_round(
    folder: Path,
    *,
    households: int | None = None,
    seed: int = 2026,
    progress: Progress = _silent,
    forms: Path | None = None,
    outlines: Path | None = None,
) -> DemoFiles:
    """Write a made-up round under ``folder``: exports and frame in ``round/``, ``truth.json`` beside it.

    Parameters
    ----------
    households
        Interviews wanted, about. None: some 11,400, with three communes asked in full. As many as the province has
        (284,675), or more: everybody, in one ODK Central zip, because no office could open that as XLSX or loose XML.
        Below 10,000 no commune is asked in full.
    seed
        The same seed gives the same files.
    progress
        Told "step.demo" and a share of 0 to 1.
    forms
        Folder of forms; the shipped ones by default. The household and commune forms must be the shipped kind.
    outlines
        Folder with fetched communes' outlines; ``geo`` beside ``folder`` by default. Without it houses stand inside a
        circle within each commune.
    """
    rng = np.random.default_rng(seed)
    source = forms or shipped_forms()
    form, commune_form = load_form(source / "household"), load_form(source / "commune")
    where = outlines or folder.resolve().parent / "geo"
    progress("step.demo", 0.02)
    ground = lay_out(form, rng, where)
    population = populate(ground, rng)
    progress("step.demo", 0.2)
    plan = plan_round(ground, households, rng)
    frame, take = draw(ground, plan, rng)
    chosen = asked(population, take, rng)
    soiled = _fieldwork(population, ground, plan, chosen, rng, where)
    progress("step.demo", 0.4)

    target = folder / "round"
    target.mkdir(parents=True, exist_ok=True)
    for name in (*TEAMS, WHOLE, RETURNS, EARLIER, EARLIER_FRAME, "frame.csv"):
        (target / name).unlink(missing_ok=True)
    written = _write_teams(form, soiled, plan, target)
    progress("step.demo", 0.9)
    facts = hamlet_facts(population, ground)
    _write_returns(commune_form, officers(facts, ground, plan.unvisited[:1], rng), target / RETURNS)
    frame.write_csv(target / "frame.csv")
    files = (*written, target / RETURNS)
    found = _truth(population, ground, facts, soiled, plan, seed)
    (folder / "truth.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _write_readme(folder, target, [path.name for path in files], seed)
    progress("step.demo", 1.0)
    return DemoFiles(files, target / "frame.csv", folder / "truth.json")


def make_earlier_round(folder: Path, *, households: int | None = None, seed: int = 2026) -> tuple[Path, ...]:
    """Add a round of the year before to what `make_round` wrote of the same ``seed``: answers, and their own frame.

    Half of the communes were asked in the same hamlets. The answers are clean, and one team's.
    """
    rng, where = np.random.default_rng(seed), folder.resolve().parent / "geo"
    form = load_form(shipped_forms() / "household")
    ground = lay_out(form, rng, where)
    population = populate(ground, rng)
    plan = plan_round(ground, households, rng)
    take = draw(ground, plan, rng)[1]
    apart = np.random.default_rng([seed, 1])
    earlier = before(population, apart)
    frame, taken = rotated(ground, plan, take, apart)
    chosen = asked(earlier, taken, apart)
    homes = houses(ground, earlier.households["hamlet"].to_numpy()[chosen], apart, where)
    answers = answers_of(earlier, ground, chosen, homes, apart)
    root = answers.root.with_columns(pl.lit(form.version).alias("version"), pl.lit(None, pl.String).alias("edited_as"))
    files = (folder / "round" / EARLIER, folder / "round" / EARLIER_FRAME)
    write_central(Export(form, root, answers.members), files[0])
    frame.write_csv(files[1])
    return files


def _fieldwork(
    population: Population, ground: Ground, plan: Plan, chosen: Any, rng: np.random.Generator, outlines: Path
) -> Soiled:
    """Ask the households chosen, spoil some answers, let the phones compute their totals."""
    homes = houses(ground, population.households["hamlet"].to_numpy()[chosen], rng, outlines)
    willing = np.isin(np.arange(ground.communes.height), plan.full)
    soiled = soil(interview(population, ground, chosen, homes, rng, willing=willing), ground, rng)
    whole = with_totals(soiled.answers, population.households["khmer"].to_numpy()[chosen], rng)
    return replace(soiled, answers=whole)


def _teams(plan: Plan, communes: pl.Series) -> pl.Series:
    """Which team asked: 0 Central (all communes asked in full), 1 Kobo, 2 submissions."""
    others = [number for number in sorted(communes.unique().to_list()) if number not in plan.full]
    turn = dict.fromkeys(plan.full, 0) | {number: place % 3 for place, number in enumerate(others)}
    return communes.replace_strict(turn, return_dtype=pl.Int64)


def _write_teams(form: Form, soiled: Soiled, plan: Plan, target: Path) -> tuple[Path, ...]:
    answers = soiled.answers
    root = answers.root.with_columns(
        pl.when(pl.col("version") == "").then(pl.lit(form.version)).otherwise("version").alias("version")
    )
    twice = soiled.found.filter(pl.col("kind") == "duplicate")["row"]
    if plan.everyone:
        write_central(Export(form, root, answers.members), target / WHOLE, twice.to_list())
        return (target / WHOLE,)
    team = _teams(plan, root["commune"])
    numbered = root.with_row_index("was").with_columns(pl.col("was").cast(pl.Int64))
    for number, (name, write) in enumerate(zip(TEAMS, (write_central, write_kobo, write_submissions), strict=True)):
        own = numbered.filter(team == number)
        new = own.select(row="was").with_row_index("new").with_columns(pl.col("new").cast(pl.Int64))
        rows = answers.members.join(new, on="row", maintain_order="left").with_columns(row="new").drop("new")
        copies = new.filter(pl.col("row").is_in(twice.to_list()))["new"].to_list()
        write(Export(form, own.drop("was"), rows), target / name, copies)
    return tuple(target / name for name in TEAMS)


def _write_returns(form: Form, returns: tuple[pl.DataFrame, pl.DataFrame], path: Path) -> None:
    root, rows = returns
    write_central(Export(form, root.with_columns(pl.lit(form.version).alias("version")), rows), path)


def _truth(
    population: Population, ground: Ground, facts: pl.DataFrame, soiled: Soiled, plan: Plan, seed: int
) -> dict[str, Any]:
    root = soiled.answers.root
    team = _teams(plan, root["commune"]) if not plan.everyone else None
    dirty = []
    for row, kind in soiled.found.sort("row").iter_rows():
        instance, later = root.row(row, named=True)["instance"], root["edited_as"][row]
        entry = {"submission_id": f"uuid:{instance}", "kind": kind, "file": WHOLE if team is None else TEAMS[team[row]]}
        dirty.append(entry | ({"edited_as": f"uuid:{later}"} if later else {}))
    counts = {kind: int((soiled.found["kind"] == kind).sum()) for kind in KINDS}
    code = ground.communes["code"]
    return {
        "made_up": True,
        "round": ROUND,
        "seed": seed,
        "households": population.households.height,
        "persons": population.persons.height,
        "interviews": root.height,
        "refused": int((root["/data/consent"] == "no").sum()),
        "roster_rows": soiled.answers.members.height,
        "asked_in_full": [code[number] for number in plan.full],
        "not_visited": [code[number] for number in plan.unvisited],
        "weak_points": list(WEAK_POINTS),
        "dirt": {kind: {"count": counts[kind], "codes": list(codes)} for kind, (_, codes) in KINDS.items()},
        "values": truth(population, facts, ground),
        "dirty": dirty,
    }


def _write_readme(folder: Path, target: Path, names: list[str], seed: int) -> None:
    lines = []
    for lang in LANGUAGES:
        lines += [
            t("demo.readme.made_up", lang, round=ROUND, seed=seed),
            t("demo.readme.files", lang, files=", ".join([*names, "frame.csv"])),
            t("demo.readme.truth", lang),
            "",
        ]
    for place in (folder, target):
        (place / "README.txt").write_text("\n".join(lines), encoding="utf-8")
