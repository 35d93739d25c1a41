"""The statistician's commands: estimates from any table, to be laid beside R's."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.commands.shared import as_json, echo
from collect.harmless import harmless_cells
from collect.problems import CollectError

if TYPE_CHECKING:
    import polars as pl

    from collect.estimate import Between, Contrast, Estimated, Margin, Replicates, TableSpec

METHODS = (
    "auto", "mean", "logit", "xlogit", "asin", "beta", "likelihood", "wilson", "modified-wilson", "korn-graubard",
    "clopper-pearson", "jeffreys", "agresti-coull", "modified-logit", "hypergeometric",
)  # fmt: skip
LONELY = ("fail", "remove", "certainty", "adjust", "average")
KINDS = ("JK1", "JKn", "BRR", "Fay", "bootstrap", "other")
COLUMNS = ("est", "se", "df", "deff_wor", "deff_wr", "n", "n_psu", "ci_low", "ci_high", "regime")
DIFFERENCE = ("est_from", "est_to", "est", "se", "df", "ci_low", "ci_high", "p_greater", "n_from", "n_to",
              "n_psu_shared", "regime")  # fmt: skip
MARGIN_COLUMNS = ("variable", "value", "total")


def _names(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Comma-separated names, in a list."""
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _pairs(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[tuple[str, str], ...]:
    """COL=VALUE[,COL=VALUE]; a comma inside a value belongs to it where no = follows."""
    found: list[list[str]] = []
    for part in (value or "").split(","):
        column, equals, wanted = part.partition("=")
        if equals:
            found.append([column.strip(), wanted.strip()])
        elif found:
            found[-1][1] += f",{part}"
        elif part.strip():
            raise CollectError("USE-12", column="--where", value=part)
    return tuple((column, wanted) for column, wanted in found)


def _between(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Between | None:
    """COL=FROM:TO."""
    from collect.estimate import Between

    if value is None:
        return None
    column, equals, values = value.partition("=")
    before, colon, after = values.partition(":")
    if not (equals and colon and column.strip() and before.strip() and after.strip()):
        raise CollectError("USE-12", column="--change", value=value)
    return Between(column.strip(), before.strip(), after.strip())


def _numbers(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in (value or "").split(",") if part.strip())
    except ValueError:
        raise CollectError("USE-12", column=f"--{param.name}", value=value) from None


def _method(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    return value.replace("_", "-").lower()


DESIGN = (
    click.option("--y", required=True, metavar="COL", help="What is estimated: numbers, or yes/no, true/false."),
    click.option("--x", metavar="COL", help="Estimate the ratio Y / X."),
    click.option("--total", is_flag=True, help="Estimate the total of Y."),
    click.option("--weight", metavar="COL", help="Sampling weight (default: from --fpc, else 1)."),
    click.option("--stratum", metavar="COL"),
    click.option("--cluster", "clusters", callback=_names, metavar="COL[,COL]", help="Drawn first, then inside it."),
    click.option("--fpc", callback=_names, metavar="COL[,COL]", help="How many there were to draw from, per stage."),
    click.option("--by", callback=_names, metavar="COL[,COL]", help="One estimate for each."),
    click.option("--where", callback=_pairs, metavar="COL=VALUE[,...]", help="Report a subpopulation of the design."),
    click.option("--nest", is_flag=True, help="Names of clusters come again in other strata."),
    click.option("--lonely", type=click.Choice(LONELY), default="fail", show_default=True,
                 help="What a stratum with one cluster adds to the error."),
    click.option("--domain-lonely", is_flag=True, help="The same where a domain meets one cluster of a stratum."),
    click.option("--calibrate", "margins", type=click.Path(path_type=Path), metavar="MARGINS.csv",
                 help="Known totals: columns variable, value, total (value blank: total of a number)."),
    click.option("--calibration", type=click.Choice(["auto", "poststratify", "rake", "greg"]), default="auto",
                 help="How to calibrate (default: poststratify on one margin, rake on several, greg with numbers)."),
    click.option("--replicates", callback=_names, metavar="COL[,COL|PATTERN*]", help="Columns of replicate weights."),
    click.option("--replicate-type", type=click.Choice(KINDS), default="BRR", show_default=True),
    click.option("--replicate-scale", "scale", type=float, help="Factor before the sum of squares."),
    click.option("--rscales", callback=_numbers, metavar="F[,F]", help="Factor of each replicate (JKn needs them)."),
    click.option("--rho", type=float, default=0.0, help="Fay's shrinkage."),
    click.option("--mse", is_flag=True, help="Spread of replicates about the full estimate, not about their mean."),
    click.option("--factors", is_flag=True, help="Replicate columns are factors of the weight, not whole weights."),
    click.option("--ci", "method", type=click.Choice([*METHODS, *(m.replace("-", "_") for m in METHODS if "-" in m)]),
                 callback=_method, default="auto", help="Interval (default: modified-wilson for shares, exact where "
                 "nearly all were counted, else mean)."),
    click.option("--level", type=click.FloatRange(0.5, 1, max_open=True), default=0.95, show_default=True),
    click.option("--df", type=click.Choice(["r", "who"]), default="r", show_default=True,
                 help="Degrees of freedom: clusters less strata of the domain, or of every stratum it touches."),
)  # fmt: skip


def design_options(command: Any) -> Any:
    """Options that say what to estimate from a table, and how its rows were drawn."""
    for option in reversed(DESIGN):
        command = option(command)
    return command


def read_table(path: Path) -> pl.DataFrame:
    """A .csv or .parquet file as a table; NA and blank are missing."""
    import polars as pl

    if not path.is_file():
        raise CollectError("USE-17", file=path.name)
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pl.read_parquet(path)
        return pl.read_csv(path, null_values=["", "NA"], infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
        raise CollectError("USE-18", file=path.name) from None


def spec_from(frame: pl.DataFrame, asked: dict[str, Any]) -> TableSpec:
    """What the options ask of ``frame``."""
    from collect.estimate import TableSpec

    direct = ("y", "x", "total", "weight", "stratum", "clusters", "fpc", "by", "where", "nest", "lonely",
              "domain_lonely", "calibration", "method", "level")  # fmt: skip
    margins = _margins(asked["margins"]) if asked["margins"] else ()
    return TableSpec(
        **{name: asked[name] for name in direct},
        margins=margins,
        replicates=_replicates(frame, asked),
        who_df=asked["df"] == "who",
    )


def _replicates(frame: pl.DataFrame, asked: dict[str, Any]) -> Replicates | None:
    from collect.estimate import Replicates

    if not asked["replicates"]:
        return None
    columns: list[str] = []
    for pattern in asked["replicates"]:
        fitting = [name for name in frame.columns if fnmatchcase(name, pattern)]
        if not fitting:
            raise CollectError("USE-10", column=pattern, known=", ".join(frame.columns))
        columns += [name for name in fitting if name not in columns]
    return Replicates(
        tuple(columns), asked["replicate_type"], asked["scale"], asked["rscales"], asked["rho"], asked["mse"],
        combined=not asked["factors"],
    )  # fmt: skip


def _margins(path: Path) -> tuple[Margin, ...]:
    from collect.estimate import Margin

    if not path.is_file():
        raise CollectError("USE-17", file=path.name)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or any(name not in rows[0] for name in MARGIN_COLUMNS):
        known = ", ".join(rows[0]) if rows else path.name
        raise CollectError("USE-10", column=", ".join(MARGIN_COLUMNS), known=known)
    found = []
    for row in rows:
        try:
            total = float(row["total"])
        except (TypeError, ValueError):
            raise CollectError("USE-12", column="total", value=row["total"]) from None
        found.append(Margin((row["variable"] or "").strip(), (row["value"] or "").strip() or None, total))
    return tuple(found)


def table_lines(answers: Sequence[Estimated], more: Sequence[Mapping[str, float | None]]) -> list[str]:
    """Answers as columns of text, figures to the right."""
    columns = [*(more[0] if more else ()), *COLUMNS]
    return _columns([{**answer.data(), **beside} for answer, beside in zip(answers, more, strict=True)], columns)


def _columns(answers: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    names = list(answers[0]["domain"]) if answers else []
    rows = [[*names, *columns]]
    for data in answers:
        rows.append([str(value) for value in data["domain"].values()] + [_figure(data[name]) for name in columns])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    left = {*range(len(names)), len(rows[0]) - 1}
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if at in left else cell.rjust(width)
                 for at, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        lines.append("  ".join(cells).rstrip())
    return lines


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@design_options
@click.option(
    "--change",
    "between",
    callback=_between,
    metavar="COL=FROM:TO",
    help="The difference between two values of COL (rounds), with the covariance of the clusters in both.",
)
@click.option("--icc", is_flag=True, help="Also how alike the rows of one cluster are (intra-cluster correlation).")
@as_json
def estimate(file: Path, between: Between | None, icc: bool, as_json: bool, **asked: Any) -> None:
    """Estimate a mean, share, ratio or total from any table, by the way its rows were drawn."""
    from collect.estimate import contrast_table, estimate_table, likeness

    frame = read_table(file)
    spec = spec_from(frame, asked)
    if between is not None:
        _print_difference(contrast_table(frame, spec, between), as_json)
        return
    answers = estimate_table(frame, spec)
    found = [{"icc": rho} for rho in likeness(frame, spec)] if icc else [{} for _ in answers]
    if as_json:
        rows = [answer.data() | more for answer, more in zip(answers, found, strict=True)]
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    for line in table_lines(answers, found):
        echo(line)


def _print_difference(found: Sequence[Contrast], as_json: bool) -> None:
    rows = [one.data() for one in found]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    for line in _columns(rows, DIFFERENCE):
        echo(line)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="FILE.csv or .parquet to write.")
@click.option("--weight", metavar="COL", help="Design weight (default: 1).")
@click.option("--answered", metavar="COL", help="Yes where the row answered; the others end with weight 0.")
@click.option("--cells", callback=_names, metavar="COL[,COL]", help="Groups whose members answer alike.")
@click.option(
    "--calibrate",
    "margins",
    type=click.Path(path_type=Path),
    metavar="MARGINS.csv",
    help="Known totals: columns variable, value, total; variable may join columns (sex:agegroup).",
)
@click.option("--trim", type=click.FloatRange(min=1, min_open=True), help="No weight above so many times the median.")
@as_json
def weigh(  # noqa: PLR0913 one argument an option
    file: Path,
    target: Path,
    weight: str | None,
    answered: str | None,
    cells: tuple[str, ...],
    margins: Path | None,
    trim: float | None,
    as_json: bool,
) -> None:
    """Adjust the weights of any table for non-response, to known totals, cut the largest; say what each step did."""
    import polars as pl

    from collect.estimate import Adjusting, adjust, values_of

    frame = read_table(file)
    known = _margins(margins) if margins else ()
    spoke = values_of(frame, answered) if answered else pl.Series([1.0] * frame.height)
    found = adjust(frame, spoke, Adjusting(weight, answered, cells, known, trim))
    written = frame.with_columns(pl.Series("weight_adjusted", found.weights))
    if target.suffix.lower() in (".parquet", ".pq"):
        written.write_parquet(target)
    else:
        harmless_cells(written).write_csv(target)
    if as_json:
        click.echo(json.dumps({"file": str(target), "steps": found.steps}, ensure_ascii=False))
        return
    names = list(found.steps[0])
    echo("\t".join(names))
    for step in found.steps:
        echo("\t".join(_figure(step[name]) for name in names))
