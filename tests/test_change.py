"""Round against round: what shared hamlets, counts and unknown errors make of a difference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from survey_tables import Survey, survey
from survey_tables import communes as made_communes

from collect import tables
from collect.estimate import (
    Between,
    Margin,
    TableSpec,
    contrast_table,
    estimate,
    estimate_table,
    shared,
    weigh,
)
from collect.judge import changes
from collect.locate import move
from collect.problems import CollectError
from collect.rounds import compare_rounds, districts_of
from collect.runs import Run
from geo import district_of, former_units, gazetteer, units

EARLIER, LATER = "2024", "2025"
FOUR = """
    | 29266 | 1 | 100 | 1/2 | 10 | {} |
    | 29266 | 2 | 120 | 1/2 | 10 | {} |
    | 29266 | 3 | 90  | 1/2 | 10 | {} |
    | 29266 | 4 | 110 | 1/2 | 10 | {} |
    | 29266 | 5 | 110 | 1/2 | -  | -  |
"""


def of(text: str, *holding: int) -> str:
    return text.format(*holding)


def compared(earlier: str, later: str, **more: Any) -> tables.Changes:
    """Two rounds, each a table of hamlets, become changes."""
    made = {EARLIER: survey(earlier, **more), LATER: survey(later, **more)}
    households, measures = _stacked(made)
    weights = pl.concat(
        weigh(tables.Households(households.filter(round=name)), one.frame) for name, one in made.items()
    )
    drawn, places = tables.Weights(weights), made[LATER].places
    return changes(estimate(measures, drawn, places), shared(measures, drawn, places))


def _stacked(made: Mapping[str, Survey]) -> tuple[pl.DataFrame, tables.Measures]:
    households, measures = [], []
    for name, one in made.items():
        own = pl.format("{}:{}", pl.lit(name), "submission_id").alias("submission_id")
        day = pl.lit(date(int(name), 8, 20)).alias("interviewed_on")
        households.append(one.households.with_columns(own, day, round=pl.lit(name)))
        measures.append(one.measures.with_columns(own))
    return pl.concat(households), tables.Measures(pl.concat(measures))


def of_commune(found: pl.DataFrame, code: str = "29266") -> dict[str, Any]:
    return found.filter(level="commune", place=code).row(0, named=True)


def as_rows(*rounds: tuple[str, tuple[int, ...]]) -> pl.DataFrame:
    """The hamlets of `FOUR` as a statistician's table."""
    listed = (100, 120, 90, 110)
    rows = [
        {"round": name, "hamlet": at + 1, "w": listed[at] / 0.5 / 10, "y": int(index < holding)}
        for name, held in rounds
        for at, holding in enumerate(held)
        for index in range(10)
    ]
    return pl.DataFrame(rows)


def test_with_every_hamlet_shared_the_error_is_that_of_linearised_differences() -> None:
    """By hand: z = z2 - z1 per hamlet, k / (k - 1) sum z squared; as R svycontrast(svyby(covmat = TRUE), c(-1, 1))."""
    earlier, later = (4, 6, 5, 7), (6, 7, 7, 9)
    row = of_commune(compared(of(FOUR, *earlier), of(FOUR, *later)))
    weight = np.array([100, 120, 90, 110]) * 2.0
    p1, p2 = (np.array(held) / 10 for held in (earlier, later))
    r1, r2 = (weight @ p / weight.sum() for p in (p1, p2))
    z = weight * ((p2 - r2) - (p1 - r1)) / weight.sum()
    assert row["difference"] == pytest.approx(r2 - r1, rel=1e-12)
    assert row["std_error"] == pytest.approx(sqrt(4 / 3 * (z @ z)), rel=1e-9)
    assert (row["regime"], row["clusters_shared"], row["verdict"]) == ("shared", 4, "better")


def weighted_share(rows: pl.DataFrame) -> float:
    return float(np.average(rows["y"].to_numpy(), weights=rows["w"].to_numpy()))


def by_hand(rows: pl.DataFrame, signs: Mapping[str, int]) -> float:
    """The linearised variance of a difference of two shares in one stratum of clusters, written out."""
    z: dict[Any, float] = {}
    clusters = rows["hamlet"].n_unique()
    for name, sign in signs.items():
        part = rows.filter(round=name)
        share, whole = weighted_share(part), float(part["w"].sum())
        for hamlet, w, y in part.select("hamlet", "w", "y").iter_rows():
            z[hamlet] = z.get(hamlet, 0.0) + sign * w * (y - share) / whole
    scores = np.array(list(z.values()))
    return float(clusters / (clusters - 1) * ((scores - scores.mean()) ** 2).sum())


def jackknife(rows: pl.DataFrame) -> float:
    """JK1 over hamlets, which leave both rounds together."""

    def difference(part: pl.DataFrame) -> float:
        return weighted_share(part.filter(round=LATER)) - weighted_share(part.filter(round=EARLIER))

    hamlets = rows["hamlet"].unique().sort()
    left = np.array([difference(rows.filter(pl.col("hamlet") != one)) for one in hamlets])
    k = len(hamlets)
    return float((k - 1) / k * ((left - left.mean()) ** 2).sum())


SPEC = TableSpec(y="y", weight="w", clusters=("hamlet",))
ROUNDS = Between("round", EARLIER, LATER)


def test_any_table_compares_rounds_as_svycontrast_does() -> None:
    """R: d <- svydesign(~hamlet, weights = ~w, data = x); svycontrast(svyby(~y, ~round, d, svymean, covmat = TRUE),
    c(-1, 1)); the SE is that of the scores' differences.
    """
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9)))
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert found.se == pytest.approx(sqrt(by_hand(rows, {EARLIER: -1, LATER: 1})), rel=1e-12)
    assert (found.df, found.n_psu_shared, found.regime) == (3.0, 4, "shared")
    journey = of_commune(compared(of(FOUR, 4, 6, 5, 7), of(FOUR, 6, 7, 7, 9)))
    assert journey["std_error"] == pytest.approx(found.se, rel=1e-9)
    assert journey["difference"] == pytest.approx(found.est, rel=1e-12)


def test_the_jackknife_over_shared_hamlets_agrees() -> None:
    draws = np.random.default_rng(7)
    luck = draws.normal(0.6, 0.15, 40).clip(0.05, 0.95)
    rows = pl.DataFrame(
        {"round": name, "hamlet": at, "w": 1.0 + at % 3, "y": int(draws.random() < min(chance + more, 0.98))}
        for name, more in ((EARLIER, 0.0), (LATER, 0.08))
        for at, chance in enumerate(luck)
        for _ in range(12)
    )
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert found.se == pytest.approx(sqrt(jackknife(rows)), rel=0.01)


def test_rounds_in_strata_of_their_own_share_nothing() -> None:
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9)))
    apart = TableSpec(y="y", weight="w", stratum="round", clusters=("hamlet",), nest=True)
    (found,) = contrast_table(rows, apart, ROUNDS)
    errors = [one.se or 0.0 for one in estimate_table(rows, TableSpec(**{**_fields(apart), "by": ("round",)}))]
    assert found.se == pytest.approx(sqrt(sum(error**2 for error in errors)), rel=1e-12)
    assert found.regime == "independent"


def _fields(spec: TableSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


def test_a_calibrated_table_takes_what_is_known_off_the_difference_too() -> None:
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9))).with_columns(
        kind=pl.Series([str(at % 2) for at in range(80)])
    )
    known = (Margin("kind", "0", 4000.0), Margin("kind", "1", 4200.0))
    (plain,) = contrast_table(rows, SPEC, ROUNDS)
    (found,) = contrast_table(rows, TableSpec(**{**_fields(SPEC), "margins": known}), ROUNDS)
    assert found.se is not None
    assert plain.se is not None
    assert found.se != pytest.approx(plain.se, rel=1e-3)
    assert found.se == pytest.approx(plain.se, rel=0.3)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (as_rows((EARLIER, (4,)), (LATER, (6,))), "one cluster"),
        (as_rows((EARLIER, (5, 5, 5, 5)), (LATER, (5, 5, 5, 5))), "all alike"),
    ],
)
def test_an_error_nobody_can_know_is_empty_never_zero(rows: pl.DataFrame, why: str) -> None:
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert (found.se, found.ci_low, found.regime) == (None, None, "unknown"), why


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        # hamlet of 20, all asked, in both rounds: counts, and nothing left to chance
        ("| 29266 | 1 | 20 | 1 | 20 | 12 |", "| 29266 | 1 | 20 | 1 | 20 | 15 |", ("census", "better", "count", 0.0)),
        ("| 29266 | 1 | 20 | 1 | 20 | 12 |", "| 29266 | 1 | 20 | 1 | 20 | 9 |", ("census", "worse", "count", 0.0)),
        ("| 29266 | 1 | 20 | 1 | 20 | 12 |", "| 29266 | 1 | 20 | 1 | 20 | 12 |", ("census", "same", "count", 0.0)),
        # one hamlet drawn of several: its error cannot be known, so neither can the difference's
        (
            "| 29266 | 1 | 20 | 1/2 | 10 | 1 |\n| 29266 | 2 | 20 | 1/2 | - | - |",
            of(FOUR, 9, 9, 9, 9),
            ("unknown", "cannot_tell", "one_cluster", None),
        ),
    ],
)
def test_counts_are_exact_and_a_single_hamlet_leaves_the_change_unknown(
    earlier: str, later: str, expected: tuple[Any, ...]
) -> None:
    row = of_commune(compared(earlier, later))
    assert tuple(row[name] for name in ("regime", "verdict", "reason", "std_error")) == expected


def test_a_count_against_a_sample_has_the_samples_error_alone() -> None:
    enumerated = "| 29266 | 1 | 40 | 1 | 40 | 10 |\n| 29266 | 2 | 40 | 1 | 40 | 10 |"
    row = of_commune(compared(of(FOUR, 8, 7, 9, 8), enumerated))
    (sample,) = estimate_table(as_rows((EARLIER, (8, 7, 9, 8))), SPEC)
    assert (row["regime"], row["verdict"]) == ("independent", "worse")
    assert row["std_error"] == pytest.approx(sample.se, rel=1e-9)


def test_hamlets_all_alike_in_one_round_have_no_error_but_an_interval() -> None:
    row = of_commune(compared(of(FOUR, 10, 10, 10, 10), of(FOUR, 2, 5, 3, 4)))
    assert row["std_error"] is None
    assert row["ci_low"] < row["difference"] < row["ci_high"] < 0


def test_a_commune_asked_in_one_round_keeps_its_row() -> None:
    other = of(FOUR, 5, 6, 5, 6).replace("29266", "29275")
    row = of_commune(compared(of(FOUR, 5, 6, 5, 6), of(FOUR, 5, 6, 5, 6) + other), "29275")
    assert (row["verdict"], row["reason"], row["estimate_from"]) == ("cannot_tell", "one_round", None)


def test_shared_hamlets_make_a_difference_surer_and_other_hamlets_do_not() -> None:
    apart = of(FOUR, 3, 8, 6, 9).replace("| 29266 | ", "| 29266 | 1")
    same = of_commune(compared(of(FOUR, 2, 6, 5, 8), of(FOUR, 3, 8, 6, 9)))
    other = of_commune(compared(of(FOUR, 2, 6, 5, 8), apart))
    assert (same["clusters_shared"], other["clusters_shared"]) == (4, 0)
    assert same["std_error"] < other["std_error"]
    assert (same["regime"], other["regime"]) == ("shared", "independent")


def asked(code: str, vintage: str, cluster: str, name: str) -> pl.DataFrame:
    row = {"submission_id": f"{name}-{cluster}-{code}", "upload_id": "u", "status": "accepted", "round": name,
           "commune_code": code, "vintage": vintage, "hamlet": cluster, "cluster": cluster}  # fmt: skip
    return tables.HOUSEHOLDS.check(pl.DataFrame([row]))


def districts(*households: pl.DataFrame, frame: tables.Frame | None = None) -> dict[str, str | None]:
    places = gazetteer()
    both = tables.Households(pl.concat(households))
    weights = tables.Weights(pl.concat([weigh(move(both, places), None)]))
    found = districts_of([both], weights, frame, places)
    return dict(found.select("submission_id", "district").iter_rows())


def test_an_old_commune_tells_its_district_and_so_do_its_hamlets_under_the_new_one() -> None:
    """Ward 7 of Trà Vinh city (842) and Nguyệt Hoá of Châu Thành (847) both became the ward Nguyệt Hoá."""
    city = next(code for code in former_units("29254") if district_of(pl.Series([code]), "2024")[0] == "842")
    new = [asked("29254", "2025-07", hamlet, LATER) for hamlet in ("H1", "H2")]
    found = districts(asked(city, "2024", "H1", EARLIER), *new)
    assert found == {f"2024-H1-{city}": "842", "2025-H1-29254": "842", "2025-H2-29254": None}


def test_every_commune_of_one_former_district_is_known_without_asking() -> None:
    codes = units("2025-07")["code"]
    unknown = codes.filter(district_of(codes, "2025-07").is_null())
    assert unknown.to_list() == ["29254", "29398", "29530"]
    assert district_of(units("2024")["code"], "2024").null_count() == 0


def rounds_in(vintages: tuple[str, str], codes: tuple[str, str]) -> tables.Changes:
    """Four hamlets asked twice, the commune answered in the codes of each round's day."""
    places = gazetteer()
    households, measures = [], []
    for name, vintage, code, text in zip((EARLIER, LATER), vintages, codes, ((4, 6, 5, 7), (6, 7, 7, 9)), strict=True):
        made = survey(of(FOUR, *text).replace("29266", code))
        own = pl.format("{}:{}", pl.lit(name), "submission_id").alias("submission_id")
        cluster = pl.col("cluster").str.replace(code, "H")
        day = pl.lit(date(int(name), 8, 20)).alias("interviewed_on")
        answered = made.households.with_columns(own, cluster, day, vintage=pl.lit(vintage), round=pl.lit(name))
        households.append(answered)
        measures.append(made.measures.with_columns(own))
    both = tables.Households(pl.concat(households))
    weights = weigh(move(both, places), None)
    measured, communes = tables.Measures(pl.concat(measures)), tables.Units(tables.UNITS.check(places.units("2025-07")))
    homes = districts_of([both], weights, None, places)
    return compare_rounds(measured, weights, estimate(measured, weights, communes), communes, homes)


@pytest.mark.parametrize("vintage", ["2024", "2025-01", "2025-07"])
def test_rounds_in_old_and_new_codes_are_compared_in_the_new_communes_and_the_former_districts(vintage: str) -> None:
    """Former codes differ from the new ones; the hamlets are the same, so the figures must be too."""
    code = "29266" if vintage == "2025-07" else former_units("29266", from_vintage=vintage)[-1]
    found = rounds_in((vintage, "2025-07"), (code, "29266"))
    same = rounds_in(("2025-07", "2025-07"), ("29266", "29266"))
    assert found.equals(same)
    levels = dict(found.select("level", "place").iter_rows())
    assert levels == {"commune": "29266", "former_district": "844", "province": "86"}
    assert found["clusters_shared"].to_list() == [4, 4, 4]
    assert set(found["verdict"]) == {"better"}


def test_a_province_is_compared_on_the_communes_both_rounds_reached() -> None:
    """Another commune, far behind and asked only later, is no change for the worse."""
    places, text = gazetteer(), of(FOUR, 6, 7, 7, 9)
    other = of(FOUR, 0, 1, 0, 1).replace("29266", "29275")
    made = {EARLIER: survey(of(FOUR, 5, 6, 6, 8)), LATER: survey(text + other)}
    households, measures = _stacked(made)
    weights = weigh(tables.Households(households), None)
    communes = tables.Units(tables.UNITS.check(places.units("2025-07")))
    homes = districts_of([tables.Households(households)], weights, None, places)
    found = compare_rounds(measures, weights, estimate(measures, weights, communes), communes, homes)
    province = found.filter(level="province").row(0, named=True)
    assert province["difference"] == pytest.approx(of_commune(found)["difference"], rel=1e-12)
    assert province["n_to"] == 40


@pytest.mark.parametrize("shared_hamlets", [0, 3, 6])
def test_where_nothing_changed_at_most_one_in_twenty_says_so(shared_hamlets: int) -> None:
    """41 communes of 6 hamlets x 12, likeness 0.15, in 60 made-up provinces; Monte Carlo error 0.5 points."""
    draws = np.random.default_rng(shared_hamlets)
    wrong = total = 0
    for _ in range(60):
        first = draws.beta(0.6 * 17 / 3, 0.4 * 17 / 3, (41, 6))
        second = draws.beta(0.6 * 17 / 3, 0.4 * 17 / 3, (41, 6))
        second[:, :shared_hamlets] = first[:, :shared_hamlets]
        said = simulated(first, second, shared_hamlets, draws)
        wrong += said.filter(pl.col("verdict") != "cannot_tell").height
        total += said.height
    assert wrong / total < 0.06
    if shared_hamlets:
        assert wrong / total > 0.005  # not merely silent


def simulated(first: Any, second: Any, kept: int, draws: np.random.Generator) -> pl.DataFrame:
    communes, hamlets = first.shape
    parts, counted = [], []
    for name, chances in ((EARLIER, first), (LATER, second)):
        holding = draws.binomial(12, chances)
        for commune in range(communes):
            for hamlet in range(hamlets):
                cluster = f"{hamlet}" if hamlet < kept else f"{name}-{hamlet}"
                row = (f"{name}-{commune}-{hamlet}", name, f"{commune:05}", cluster)
                parts.append(row)
                counted.append((row[0], 12, float(holding[commune, hamlet])))
    households = pl.DataFrame(parts, schema=["submission_id", "round", "commune_code", "cluster"], orient="row")
    weights = households.with_columns(
        unit=pl.lit("household"), vintage=pl.lit("2025-07"), weight=pl.lit(1.0), weighting=pl.lit("frame"),
        stratum="commune_code", drawn_stratum=pl.format("{}|{}", "round", "commune_code"),
        drawn_unit="cluster", households_interviewed=pl.lit(72), fully_listed=pl.lit(False),
        interviewed_on=pl.col("round").cast(pl.Int32).map_elements(lambda year: date(year, 8, 1), pl.Date),
    )  # fmt: skip
    measures = pl.DataFrame(counted, schema=["submission_id", "units", "numerator"], orient="row").with_columns(
        indicator=pl.lit("S2"), unknown=pl.lit(0), denominator=pl.col("units").cast(pl.Float64)
    )
    drawn, measured = tables.Weights(tables.WEIGHTS.check(weights)), tables.Measures(tables.MEASURES.check(measures))
    places = tables.Units(communes_like(communes))
    estimates = estimate(measured, drawn, places, levels=("commune",))
    return changes(estimates, shared(measured, drawn, places, levels=("commune",)))


def communes_like(count: int) -> pl.DataFrame:
    return made_communes(*(f"{number:05}" for number in range(count)))


def run_of(found: tables.Changes, estimates: tables.Estimates) -> Run:
    """A run of which only changes and estimates are looked at."""
    empty = pl.DataFrame()
    return Run(
        "r", "2025-07", date(2025, 8, 20), (EARLIER, LATER), True, "schematic", "", 0, 0, estimates,
        tables.Verdicts(empty), tables.Tallies(empty), tables.Gaps(empty), tables.SmallAreas(empty), (), found,
    )  # fmt: skip


def test_a_run_compares_its_last_two_rounds_unless_told_which() -> None:
    made = {EARLIER: survey(of(FOUR, 4, 6, 5, 7)), LATER: survey(of(FOUR, 6, 7, 7, 9))}
    households, measures = _stacked(made)
    weights = weigh(tables.Households(households), None)
    estimates = estimate(measures, weights, made[LATER].places)
    run = run_of(changes(estimates, shared(measures, weights, made[LATER].places)), estimates)
    assert set(run.changes_between().select("round_from", "round_to").rows()) == {(EARLIER, LATER)}
    assert run.changes_between(EARLIER, LATER).equals(run.changes_between())
    with pytest.raises(CollectError, match="USE-01"):
        run.changes_between(LATER, EARLIER)
    with pytest.raises(CollectError, match="USE-01"):
        run.changes_between("1999")
    alone = run_of(tables.Changes(tables.CHANGES.empty()), estimates)
    with pytest.raises(CollectError, match="USE-30"):
        alone.changes_between()
