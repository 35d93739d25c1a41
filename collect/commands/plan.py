"""Before fieldwork: how many households, how they are shared out, which hamlets are drawn, a rule for paper."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from collect.commands.shared import as_json as with_json
from collect.commands.shared import echo
from collect.commands.statistics import read_table

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.group()
def plan() -> None:
    """Plan a round: sample size, allocation, hamlets to draw, a rule for paper."""


@plan.command()
@click.option("--expected", type=SHARE, default=0.5, show_default=True, help="Share expected.")
@click.option("--precision", type=SHARE, required=True, help="Half the width of the interval, 0.05 for 5 points.")
@click.option("--level", type=click.FloatRange(0.5, 1, max_open=True), default=0.95, show_default=True)
@click.option("--deff", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--response", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True)
@click.option("--population", type=click.IntRange(min=1), help="Households there are.")
@with_json
def size(  # noqa: PLR0913 one argument an option
    expected: float,
    precision: float,
    level: float,
    deff: float,
    response: float,
    population: int | None,
    as_json: bool,
) -> None:
    """How many households to visit (WHO 2018, equation B2-1)."""
    from collect.estimate.planning import households_to_visit, interviews_to_estimate

    effective = interviews_to_estimate(expected, precision, level=level)
    households = households_to_visit(effective, deff=deff, response=response, population=population)
    click.echo(json.dumps({"effective": effective, "households": households}) if as_json else str(households))


@plan.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--size", "size_of", required=True, metavar="COL", help="Households of each stratum.")
@click.option("--interviews", type=click.IntRange(min=1), required=True)
@click.option("--how", type=click.Choice(["proportional", "equal", "neyman", "power"]), default="power",
              show_default=True)  # fmt: skip
@click.option("--spread", metavar="COL", help="Standard deviation of each stratum, for neyman.")
@click.option("--power", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option("--least", type=click.IntRange(min=0), default=0, help="No stratum below so many.")
@with_json
def allocate(  # noqa: PLR0913 one argument an option
    file: Path, size_of: str, interviews: int, how: str, spread: str | None, power: float, least: int, as_json: bool
) -> None:
    """Share interviews out over the rows of a table of strata."""
    from collect.estimate import values_of
    from collect.estimate.planning import allocate as shared_out
    from collect.estimate.planning import whole

    frame = read_table(file)
    spreads = values_of(frame, spread).to_list() if spread else None
    shares = shared_out(interviews, values_of(frame, size_of).to_list(), how, spreads=spreads, power=power)  # type: ignore[arg-type]
    counts = whole(shares, least=least)
    rows = [row | {"share": float(share), "interviews": int(count)}
            for row, share, count in zip(frame.to_dicts(), shares, counts, strict=True)]  # fmt: skip
    _print(rows, as_json=as_json)


@plan.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--size", "size_of", required=True, metavar="COL", help="Households of each hamlet.")
@click.option("--hamlets", type=click.IntRange(min=1), required=True, help="How many to draw.")
@click.option("--seed", type=int, help="Also draw, systematically down the list; the same seed draws the same.")
@with_json
def draw(file: Path, size_of: str, hamlets: int, seed: int | None, as_json: bool) -> None:
    """Give each hamlet its chance in proportion to its size, and draw."""
    import numpy as np

    from collect.estimate import values_of
    from collect.estimate.planning import inclusion, systematic

    frame = read_table(file)
    chances = inclusion(values_of(frame, size_of).to_list(), hamlets)
    rows = [row | {"probability": float(chance)} for row, chance in zip(frame.to_dicts(), chances, strict=True)]
    if seed is not None:
        drawn = systematic(chances, float(np.random.default_rng(seed).random()))
        rows = [row | {"selected": bool(one)} for row, one in zip(rows, drawn, strict=True)]
    _print(rows, as_json=as_json)


@plan.command()
@click.option("--interviews", type=click.IntRange(min=1), required=True)
@click.option("--low", type=SHARE, required=True, help="A lot this low should fail.")
@click.option("--high", type=SHARE, required=True, help="A lot this high should pass.")
@click.option("--alpha", type=SHARE, default=0.10, show_default=True, help="Chance that a low lot passes.")
@with_json
def rule(interviews: int, low: float, high: float, alpha: float, as_json: bool) -> None:
    """The number that must hold for a lot to pass, for supervisors without a computer (LQAS)."""
    from collect.estimate.planning import paper_rule

    _print([asdict(paper_rule(interviews, low, high, alpha=alpha))], as_json=as_json)


def _print(rows: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    echo("\t".join(rows[0]))
    for row in rows:
        cells = ("" if value is None else value for value in row.values())  # what is drawn is added as a frame
        echo("\t".join(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells))
