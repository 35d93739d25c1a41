"""Round against round, from the last run: `collect change`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from babel.numbers import format_decimal

from collect.commands.shared import Session, as_json, echo
from collect.i18n import t
from collect.problems import CollectError

if TYPE_CHECKING:
    import polars as pl

LEVELS = ("province", "former_district", "commune")
SHOWN = (
    "indicator", "level", "vintage", "place", "round_from", "round_to", "estimate_from", "estimate_to", "difference",
    "std_error", "ci_low", "ci_high", "p_better", "clusters_shared", "regime", "verdict", "reason",
)  # fmt: skip


@click.command()
@click.option("--from", "earlier", metavar="ROUND", help="The earlier round (default: the last but one).")
@click.option("--to", "later", metavar="ROUND", help="The later round (default: the last).")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level (default: all).")
@click.option("--indicator", help="Only this indicator.")
@as_json
@click.pass_obj
def change(  # one argument an option
    session: Session, earlier: str | None, later: str | None, level: str | None, indicator: str | None, as_json: bool
) -> None:
    """What became better, worse, or cannot be told between two rounds of the last run."""
    from collect.places import name_by_code, names_of_districts
    from collect.runs import latest_run
    from collect.store import open_store

    made = latest_run(open_store(session.settings))
    rows: pl.DataFrame = made.changes_between(earlier, later)
    for column, wanted in (("level", level), ("indicator", indicator)):
        rows = rows if wanted is None else _only(rows, column, wanted)
    if as_json:
        click.echo(json.dumps(rows.select(SHOWN).to_dicts(), ensure_ascii=False, default=str))
        return
    names = names_of_districts(session.lang) | name_by_code(made.vintage, session.lang)
    for row in rows.iter_rows(named=True):
        echo(_line(row, names, session.lang))


def _only(rows: pl.DataFrame, column: str, wanted: str) -> pl.DataFrame:
    import polars as pl

    known = rows[column].unique().sort().to_list()
    if wanted not in known:
        raise CollectError("USE-01", what=column, name=wanted, known=", ".join(known))
    return rows.filter(pl.col(column) == wanted)


def _line(row: dict[str, object], names: dict[str, str], lang: str) -> str:
    """One place: its shares in both rounds, the difference with its interval, and the verdict in words."""
    place = t("change.province", lang) if row["level"] == "province" else names.get(str(row["place"]), row["place"])
    words = {"indicator": row["indicator"], "place": place, "verdict": t(f"change.{row['verdict']}", lang),
             "reason": t(f"change.reason.{row['reason']}", lang)}  # fmt: skip
    if row["ci_low"] is None:
        return t("cli.change.unknown", lang, **words)
    figures = {
        "before": _percent(row["estimate_from"], lang),
        "after": _percent(row["estimate_to"], lang),
        "difference": _percent(row["difference"], lang, "+"),
        "low": _percent(row["ci_low"], lang, "+"),
        "high": _percent(row["ci_high"], lang, "+"),
    }
    return t("cli.change.line", lang, **words, **figures)


def _percent(share: object, lang: str, sign: str = "") -> str:
    """A share in percent, or a difference in points, as numbers are written in ``lang``."""
    assert isinstance(share, float)
    return format_decimal(100 * share, format=f"{sign}0.0;-0.0", locale=lang)
