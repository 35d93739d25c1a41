"""`collect estimate` and every interval against the figures that R survey 4.1-1 printed, and against R's own pages.

Each case repeats the R call that `r_call` spells out. Closed forms agree to 1e-9; R iterates for ``logit`` (6 digits)
and ``likelihood`` (6 digits in four domains of five, 4 at worst: R's own fit stops before the last digits are settled).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from test_estimate_reference import CASES, DESIGNS, REFERENCE, as_list, r_call

from collect.cli import main
from collect.estimate import Estimated, Margin, Replicates, TableSpec, estimate_table
from collect.estimate.spec import Method
from collect.problems import CollectError

pytestmark = pytest.mark.skipif(not CASES, reason="the reference figures lie beside the repository")
CLOSE, ITERATED, UNSETTLED = 1e-9, 1e-6, 2e-4
MODIFIED = {
    "modified-wilson": "wilson", "clopper-pearson": "clopper_pearson", "jeffreys": "jeffreys",
    "agresti-coull": "agresti_coull", "modified-logit": "logit",
}  # fmt: skip


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(main, ["--lang", "en", "estimate", *map(str, arguments), "--json"])
    return json.loads(done.stdout), done.exit_code


def arguments_of(case: dict[str, Any]) -> list[str]:
    """The options that repeat a case's R call."""
    d, e = case["design"], case["estimand"]
    stages = 1 if d["ultimate_cluster"] else 2
    options = {
        "--y": e["y"], "--x": e["x"], "--weight": d["weights"], "--stratum": d["strata"],
        "--cluster": ",".join(as_list(d["ids"])[:stages]), "--fpc": ",".join(as_list(d["fpc"])[:stages]),
        "--by": ",".join(as_list(case["by"])), "--lonely": d["lonely_psu"],
        "--where": ",".join(f"{k}={v}" for k, v in (case["domain"] or {}).items()),
    }  # fmt: skip
    flags = {"--total": e["type"] == "total", "--nest": d["nest"], "--domain-lonely": d["adjust_domain_lonely"]}
    words = [word for name, value in options.items() if value for word in (name, value)]
    return [str(REFERENCE / "data" / case["data"]), *words, *(name for name, on in flags.items() if on)]


def spec_of(case: dict[str, Any], **more: Any) -> TableSpec:
    d, e = case["design"], case["estimand"]
    stages = 1 if d["ultimate_cluster"] else 2
    return TableSpec(
        e["y"], e["x"], e["type"] == "total", d["weights"], d["strata"], tuple(as_list(d["ids"])[:stages]),
        tuple(as_list(d["fpc"])[:stages]), tuple(as_list(case["by"])),
        tuple((k, str(v)) for k, v in (case["domain"] or {}).items()), d["nest"], d["lonely_psu"],
        d["adjust_domain_lonely"], **more,
    )  # fmt: skip


def data_of(name: str) -> pl.DataFrame:
    return pl.read_csv(REFERENCE / "data" / name, null_values=["NA", ""], infer_schema_length=None)


def near(mine: float | None, theirs: float | None, close: float = CLOSE) -> bool:
    if mine is None or theirs is None:
        return mine is None and theirs is None
    return mine == pytest.approx(theirs, rel=close, abs=1e-12)


def answered(case: dict[str, Any], method: str, level: float, **more: Any) -> dict[str, Estimated]:
    spec = spec_of(case, method=cast("Method", method), level=level, **more)
    return {json.dumps(row.domain): row for row in estimate_table(data_of(case["data"]), spec)}


@pytest.mark.parametrize("case_id", sorted(CASES))
def test_the_command_line_says_what_r_says(case_id: str) -> None:
    case = CASES[case_id]
    rows, code = run(*arguments_of(case), "--ci", "mean")
    assert code == 0
    mine = {json.dumps(row["domain"]): row for row in rows}
    assert len(mine) == len(case["results"])
    for result in case["results"]:
        row, where = mine[json.dumps(result["domain"] or {})], f"{r_call(case)} at {result['domain']}"
        if result["n"] == 0:
            assert (row["regime"], row["est"], row["se"], row["n"]) == ("empty", None, None, 0), where
            continue
        if "r_error" in result:
            assert (row["se"], row["ci_low"]) == (None, None), where
            continue
        assert near(row["est"], result["est"]), where
        assert [row[name] for name in ("df", "n", "n_psu")] == [result[name] for name in ("df", "n", "n_psu")], where
        if result["se"] is None or result["se"] < 1e-15:
            assert (row["se"], row["deff_wr"], row["ci_low"]) == (None, None, None), f"{where}: 0 is not known to be 0"
            continue
        assert near(row["se"], result["se"]), where
        assert near(row["ci_low"], result["ci_mean"]["t95"][0]), where
        assert near(row["ci_high"], result["ci_mean"]["t95"][1]), where
        for name in ("deff_wor", "deff_wr"):
            assert result.get(name) is None or near(row[name], result[name]), (where, name)


def agrees(mine: Estimated, theirs: list[float | None], method: str, where: object) -> None:
    """Both ends. R's profile sometimes ends before the likelihood falls far enough, and R then prints NA."""
    close = {"logit": ITERATED, "likelihood": UNSETTLED}.get(method, CLOSE)
    for end, value in zip((mine.ci_low, mine.ci_high), theirs, strict=True):
        if value is not None or method != "likelihood":
            assert near(end, value, close), (where, method, end, value)


def test_r_likelihood_intervals_agree_to_six_digits_wherever_r_settles() -> None:
    """``svyciprop(formula, design, method = "likelihood", level =, df = degf(design))``: its profile, step by step."""
    ends: list[bool] = []
    for case in CASES.values():
        if case["estimand"]["type"] != "prop":
            continue
        for level in (0.95, 0.90):
            found = answered(case, "likelihood", level)
            for result in case["results"]:
                by_level = dict(result.get("ci") or {}).get("likelihood") or {}
                theirs = by_level.get(f"{level:.2f}") or [None, None]
                mine = found[json.dumps(result["domain"] or {})]
                pairs = zip((mine.ci_low, mine.ci_high), theirs, strict=True)
                ends += [near(a, b, ITERATED) for a, b in pairs if a is not None and b is not None]
    assert len(ends) > 900
    assert sum(ends) / len(ends) > 0.8


@pytest.mark.parametrize("case_id", sorted(c for c, case in CASES.items() if case["estimand"]["type"] == "prop"))
def test_every_interval_agrees_with_r_and_vcqi(case_id: str) -> None:
    """``svyciprop(formula, design, method=, level=, df=degf(design))`` by method; VCQI's ``svyp_ci_calc`` by method."""
    case = CASES[case_id]
    for level in (0.95, 0.90):
        found = {m: answered(case, m, level) for m in ("mean", "logit", "likelihood", "asin", "beta", "xlogit")}
        found |= {m: answered(case, m, level) for m in MODIFIED}
        by_who = {m: answered(case, m, level, who_df=True) for m in ("modified-wilson", "modified-logit")}
        for result in case["results"]:
            key = json.dumps(result["domain"] or {})
            plain = found["mean"][key]
            if plain.regime in ("empty", "one_cluster"):
                continue
            for method in result["ci"] if plain.se is not None else ():
                theirs = result["ci"][method].get(f"{level:.2f}") or [None, None]
                agrees(found[method][key], theirs, method, (case_id, key, level))
            for mine_of, name in ((found, "modified"), (by_who, "modified_df_strata")):
                for method in set(MODIFIED) & set(mine_of) if result.get(name) else ():
                    agrees(mine_of[method][key], result[name][f"{level:.2f}"][MODIFIED[method]], method, (case_id, key))


def test_degrees_of_freedom_are_counted_as_r_and_as_the_who_manual_do() -> None:
    for case_id in ("C02", "C16", "A11"):
        for result in CASES[case_id]["results"]:
            for who, name in ((False, "df"), (True, "df_strata")):
                row = answered(CASES[case_id], "mean", 0.95, who_df=who)[json.dumps(result["domain"])]
                assert row.df == result[name], (case_id, result["domain"], name)


def test_a_nearly_full_list_has_exact_bounds_and_a_full_one_is_a_count(tmp_path: Path) -> None:
    """242 of 290 of 300: [248, 252], R ``phyper``; C35 of the research: logit with fpc says 0.8265 to 0.8422."""
    file = tmp_path / "list.csv"
    pl.DataFrame({"y": ["yes"] * 242 + ["No"] * 48, "listed": [300] * 290}).write_csv(file)
    (row,), _ = run(file, "--y", "y", "--fpc", "listed")
    assert (row["regime"], row["ci_low"], row["ci_high"]) == ("near_census", 248 / 300, 252 / 300)
    (row,), _ = run(file, "--y", "y", "--fpc", "listed", "--ci", "logit")
    assert (round(row["ci_low"], 4), round(row["ci_high"], 4)) == (0.8265, 0.8422)
    pl.DataFrame({"y": [True] * 89 + [False] * 31, "listed": [120] * 120}).write_csv(file)
    (row,), _ = run(file, "--y", "y", "--fpc", "listed")
    assert (row["regime"], row["se"], row["ci_low"], row["ci_high"]) == ("census", 0, 89 / 120, 89 / 120)
    pl.DataFrame({"y": ["yes"] * 89 + ["no"] * 30 + ["NA"], "listed": [120] * 120}).write_csv(file)
    (row,), _ = run(file, "--y", "y", "--fpc", "listed")
    assert (row["regime"], row["se"]) == ("near_census", None), "the household that did not answer is not known"
    assert (row["ci_low"], row["ci_high"]) == (89 / 120, 90 / 120)


API = ["--weight", "pw", "--cluster", "dnum", "--fpc", "fpc"]
TYPES = [("stype", "E", 4421), ("stype", "H", 755), ("stype", "M", 1018)]
WIDE = [("sch_wide", "No", 1072), ("sch_wide", "Yes", 5122)]
LAST_YEAR = [("api99", "", 3914069)]


@pytest.mark.parametrize(
    ("margins", "options", "est", "se"),
    [
        # postStratify(dclus1, ~stype, pop.types); calibrate(dclus1, ~stype, pop.totals) prints the same
        (TYPES, ["--y", "api00"], 642.31, 23.921),
        (TYPES, ["--y", "api00", "--calibration", "greg"], 642.31, 23.921),
        (TYPES, ["--y", "enroll", "--total"], 3680893, 406293),
        # rake(dclus1, list(~stype, ~sch.wide), list(pop.types, pop.schwide)): R stops at a change below 1 school
        (TYPES + WIDE, ["--y", "api00"], 641.23, 23.704),
        (TYPES + WIDE, ["--y", "enroll", "--total"], 3647280, 400603),
        # calibrate(dclus1, ~stype + api99, c(pop.totals, api99 = 3914069))
        (TYPES + LAST_YEAR, ["--y", "api00"], 665.31, 3.4418),
        (TYPES + LAST_YEAR, ["--y", "enroll", "--total"], 3638487, 385524),
    ],
)
def test_calibration_prints_what_the_pages_of_r_survey_print(
    tmp_path: Path, margins: list[tuple[str, str, int]], options: list[str], est: float, se: float
) -> None:
    """dclus1 <- svydesign(id=~dnum, weights=~pw, data=apiclus1, fpc=~fpc), examples of ?calibrate and ?rake."""
    file = tmp_path / "margins.csv"
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([("variable", "value", "total"), *margins])
    (row,), code = run(REFERENCE / "data" / "apiclus1.csv", *API, *options, "--calibrate", file)
    assert code == 0
    assert row["est"] == pytest.approx(est, rel=1e-5)
    assert row["se"] == pytest.approx(se, rel=3e-5)
    assert row["df"] == 14


@pytest.mark.parametrize("margins", [TYPES, TYPES + WIDE, TYPES + LAST_YEAR], ids=["post", "rake", "greg"])
def test_the_error_after_calibration_is_near_that_of_calibrating_again_without_each_cluster(
    margins: list[tuple[str, str, int]],
) -> None:
    """An explicit jackknife: drop a district, calibrate the rest to the same totals, estimate; (k - 1) / k x spread."""
    data = data_of("apiclus1.csv")
    known = tuple(Margin(column, value or None, total) for column, value, total in margins)
    spec = TableSpec("api00", weight="pw", clusters=("dnum",), margins=known)
    (whole,) = estimate_table(data, spec)
    districts = data["dnum"].unique(maintain_order=True).to_list()
    left_out, without = [], []
    for district in districts:
        rest = data.filter(pl.col("dnum") != district)
        try:
            left_out.append(estimate_table(rest, spec)[0].est)
        except CollectError:  # the only district with one of the cells
            without.append(district)
    assert len(without) <= 1
    found = np.array(left_out, dtype=float)
    k = len(found)
    error = float(np.sqrt((k - 1) / k * ((found - found.mean()) ** 2).sum()))
    assert whole.se == pytest.approx(error, rel=0.35)


def test_jackknife_weights_print_what_the_pages_of_r_survey_print(tmp_path: Path) -> None:
    """rclus1 <- as.svrepdesign(dclus1): svymean(~api00) 644.169399 SE 26.3294."""
    data = data_of("apiclus1.csv")
    districts = data["dnum"].unique(maintain_order=True).to_list()
    k = len(districts)
    dropped = [
        pl.when(pl.col("dnum") == d).then(0.0).otherwise(k / (k - 1)).alias(f"r{i}") for i, d in enumerate(districts)
    ]
    file = tmp_path / "jk.csv"
    data.with_columns(dropped).write_csv(file)
    options = ["--weight", "pw", "--replicates", "r*", "--replicate-type", "JK1", "--factors"]
    kept = 1 - k / 757  # of 757 districts
    (mean,), _ = run(file, "--y", "api00", *options, "--replicate-scale", (k - 1) / k * kept)
    assert (round(mean["est"], 6), round(mean["se"], 4), mean["df"]) == (644.169399, 26.3294, 14)
    (total,), _ = run(file, "--y", "enroll", "--total", *options, "--mse")
    (linearised,), _ = run(file, "--y", "enroll", "--total", "--weight", "pw", "--cluster", "dnum")
    assert total["se"] == pytest.approx(linearised["se"], rel=1e-12), "of a total both are the same formula"


def test_balanced_half_samples_agree_with_the_spread_written_out() -> None:
    """data(scd), Levy and Lemeshow's half samples: svrepdesign(type="BRR"); svyratio(~alive, ~arrests)."""
    alive, arrests = np.array([25, 24, 30, 49, 80, 70.0]), np.array([120, 78, 185, 228, 670, 530.0])
    halves = 2 * np.array([[1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]], dtype=float)
    frame = pl.DataFrame({"alive": alive, "arrests": arrests} | {f"h{i}": half for i, half in enumerate(halves)})
    given = Replicates(("h0", "h1", "h2", "h3"), "BRR")
    (row,) = estimate_table(frame, TableSpec("alive", "arrests", replicates=given))
    ratios = np.array([(h * alive).sum() / (h * arrests).sum() for h in halves])
    assert row.est == pytest.approx(278 / 1811)
    assert row.se == pytest.approx(ratios.std(), rel=1e-12)
    fay = TableSpec("alive", "arrests", replicates=Replicates(given.columns, "Fay", rho=0.5))
    assert estimate_table(frame, fay)[0].se == pytest.approx(ratios.std() / 0.5, rel=1e-12)


def test_jkn_needs_a_factor_for_each_replicate_and_then_equals_the_stratified_error() -> None:
    """as.svrepdesign(dstrat, type="JKn"): of a total, exactly the linearised error."""
    data = data_of("apistrat.csv").with_row_index("row")
    n_of = dict(data["stype"].value_counts().iter_rows())
    factors, rscales = {}, []
    for row, stratum in data.select("row", "stype").iter_rows():
        n = n_of[stratum]
        same = pl.when(pl.col("stype") == stratum).then(n / (n - 1)).otherwise(1.0)
        factors[f"r{row}"] = pl.when(pl.col("row") == row).then(0.0).otherwise(same)
        rscales.append((n - 1) / n)
    frame = data.with_columns(**factors)
    given = Replicates(tuple(factors), "JKn", rscales=tuple(rscales), mse=True, combined=False)
    (mine,) = estimate_table(frame, TableSpec("enroll", total=True, weight="pw", replicates=given))
    (plain,) = estimate_table(data, TableSpec("enroll", total=True, weight="pw", stratum="stype"))
    assert mine.se == pytest.approx(cast("float", plain.se), rel=1e-9)
    with pytest.raises(CollectError, match="USE-16"):
        estimate_table(frame, TableSpec("enroll", weight="pw", replicates=Replicates(given.columns, "JKn")))


PEOPLE = {"y": ["yes", "no", "", "TRUE"], "h": ["a", "a", "b", "b"], "w": [1, 2, 1, 1], "s": ["1", "2", "1", "2"]}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--y", "nothing"], "USE-10"),
        (["--y", "h"], "USE-11"),
        (["--y", "y", "--weight", "minus"], "USE-11"),
        (["--y", "y", "--weight", "blank"], "USE-11"),
        (["--y", "y", "--stratum", "blank"], "USE-11"),
        (["--y", "y", "--where", "w=much"], "USE-12"),
        (["--y", "y", "--where", "nonsense"], "USE-12"),
        (["--y", "y", "--x", "w", "--total"], "USE-12"),
        (["--y", "y", "--stratum", "s", "--cluster", "h"], "USE-13"),
        (["--y", "y", "--fpc", "w"], "USE-14"),
        (["--y", "y", "--calibrate", "nowhere.csv"], "USE-17"),
        (["--y", "y", "--replicates", "rep*"], "USE-10"),
    ],
)
def test_a_wrong_column_is_refused_in_words_with_exit_code_2(tmp_path: Path, options: list[str], code: str) -> None:
    file = tmp_path / "people.csv"
    pl.DataFrame(PEOPLE).with_columns(minus=pl.lit(-1), blank=pl.Series([1, None, 1, 1])).write_csv(file)
    found, exit_code = run(file, *options)
    assert (found["code"], exit_code) == (code, 2)
    assert found["found"]
    assert found["mend"]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    assert run(tmp_path / "bad.parquet", "--y", "y")[0]["code"] == "USE-18"
    assert run(tmp_path / "none.csv", "--y", "y")[0]["code"] == "USE-17"


def test_parquet_and_csv_words_and_numbers_give_the_same_answer(tmp_path: Path) -> None:
    table = pl.DataFrame(PEOPLE)
    table.write_csv(tmp_path / "a.csv")
    as_numbers = table.with_columns(y=pl.Series([True, False, None, True]))
    as_numbers.write_parquet(tmp_path / "a.parquet")
    words, numbers = (run(tmp_path / name, "--y", "y", "--cluster", "h")[0] for name in ("a.csv", "a.parquet"))
    assert words == numbers
    assert (words[0]["est"], words[0]["n"], words[0]["n_psu"]) == (2 / 3, 3, 2)


def test_clusters_named_alike_in_several_strata_are_told_apart_with_nest() -> None:
    frame = pl.DataFrame({"y": [1, 0, 1, 1, 0, 1, 0, 0], "s": [1, 1, 1, 1, 2, 2, 2, 2], "c": [1, 1, 2, 2, 1, 1, 2, 2]})
    renamed = frame.with_columns(c=pl.format("{}-{}", "s", "c"))
    nested = estimate_table(frame, TableSpec("y", stratum="s", clusters=("c",), nest=True))
    assert nested == estimate_table(renamed, TableSpec("y", stratum="s", clusters=("c",)))


def test_a_category_the_sample_lacks_or_the_totals_lack_is_named() -> None:
    data = data_of("apiclus1.csv")
    for margins in ([*TYPES, ("stype", "X", 5)], TYPES[:2], [*TYPES, ("sch_wide", "No", 1), ("sch_wide", "Yes", 2)]):
        known = tuple(Margin(column, value, total) for column, value, total in margins)
        with pytest.raises(CollectError, match="USE-15"):
            estimate_table(data, TableSpec("api00", weight="pw", margins=known))


def test_the_table_for_people_has_a_line_for_each_domain() -> None:
    done = CliRunner().invoke(main, ["estimate", *arguments_of(CASES["C17"])])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "agegrp", "0-14", "15-24", "25-44", "45-64", "65+",
    ]  # fmt: skip


def test_the_likeness_within_hamlets_is_that_of_the_reference() -> None:
    """R: one-way ``aov(fibre ~ hamlet)``, rho = (MSB - MSW) / (MSB + (n0 - 1) MSW); all 1,368 rows, unweighted."""
    (row,), code = run(REFERENCE / "data" / "digi_hh.csv", "--y", "fibre", "--cluster", "hamlet", "--icc")
    assert code == 0
    assert row["icc"] == pytest.approx(DESIGNS["icc_hamlet"]["icc"], rel=1e-9)
    alone, _ = run(REFERENCE / "data" / "digi_hh.csv", "--y", "fibre", "--cluster", "hamlet", "--by", "hamlet", "--icc")
    assert {each["icc"] for each in alone} == {None}, "one hamlet cannot tell"


def test_nobody_in_the_base_of_a_ratio_is_no_estimate(tmp_path: Path) -> None:
    file = tmp_path / "base.csv"
    pl.DataFrame({"y": [1, 0, 1, 1], "x": [0, 0, 1, 2], "g": [1, 1, 2, 2]}).write_csv(file)
    (none, some), _ = run(file, "--y", "y", "--x", "x", "--by", "g")
    assert (none["est"], none["se"], none["regime"]) == (None, None, "empty")
    assert some["est"] == 2 / 3


def test_a_mean_of_counts_stays_one_where_everybody_has_none_or_one(tmp_path: Path) -> None:
    """R ``svymean(~phones)`` of the domain; an interval of a share would end at 1, which a mean need not."""
    file = tmp_path / "phones.csv"
    pl.DataFrame({"phones": [1, 1, 0, 1, 5, 2], "g": [1, 1, 1, 1, 2, 2]}).write_csv(file)
    (ones, _), _ = run(file, "--y", "phones", "--by", "g")
    assert ones["df"] == 3
    assert ones["ci_high"] == pytest.approx(0.75 + 3.182446305 * ones["se"], rel=1e-6)


def test_one_cluster_tells_no_error_however_its_freedom_is_counted() -> None:
    person = REFERENCE / "data" / "digi_person.csv"
    design = ("--weight", "w", "--stratum", "stratum", "--cluster", "hamlet", "--lonely", "adjust")
    rows, _ = run(person, "--y", "smartphone", *design, "--by", "commune", "--where", "workage=1", "--df", "who")
    alone = next(row for row in rows if row["domain"]["commune"] == "C24")
    assert (alone["n_psu"], alone["se"], alone["ci_low"], alone["regime"]) == (1, None, None, "one_cluster")


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
@pytest.mark.parametrize(
    ("y", "total"),
    [("c", ""), ("y", "d,x,9\nd,y,2\n"), ("y", "c,a,9\n"), ("y", "c,a,9\nc,a,9\n"), ("y", "c,,1\nc,a,9\n")],
)
def test_why_a_column_cannot_be_used_is_said_in_the_users_language(
    tmp_path: Path, lang: str, y: str, total: str
) -> None:
    file, margins = tmp_path / "table.csv", tmp_path / "margins.csv"
    file.write_text("y,c,d\n1,a,x\n0,b,\n", encoding="utf-8")
    margins.write_text(f"variable,value,total\n{total}", encoding="utf-8")
    more = ["--calibrate", str(margins)] if total else []
    found = CliRunner().invoke(main, ["--lang", lang, "estimate", str(file), "--y", y, *more])
    assert found.exit_code == 2
    reason = found.stderr.split("(")[1].split(")")[0]
    assert reason.isascii() == (lang == "en")
