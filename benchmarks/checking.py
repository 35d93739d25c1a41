# ruff: noqa: E501 - the tables below are wider than code
"""How fast a whole province is checked against its own form, beside pandera on the rules pandera can say.

``python -m benchmarks.checking --households N``: eight households written by hand are repeated in memory, one in 25
with a fault, and checked by `collect.check`; the comparable part of the rules is checked by `collect.check` once more, by
pandera on polars and by pandera on pandas, each in a process of its own so that memory is its own too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.apart import peak_megabytes
from collect.check import check, households, measure, persons
from collect.check.choices import SELECTS, names_of
from collect.define import load_form, load_indicators
from collect.forms import Design, Form
from collect.tables import Answers

FORMS = Path(__file__).parents[1] / "forms"
PROVINCE = 284_675  # households of Trà Vinh, census 2019
RECEIVED_ON = date(2026, 12, 31)
FAULTY = 25  # one household in so many breaks a rule
MEMBER = "/data/people/member"
RUNS = ("check", "rules", "subset", "pandera_polars", "pandera_pandas")

# "-" is a blank
ROOT = """
consent size fibre_passed fibre_subscribed fibre_since fibre_why_not people_listed heads adults_15_plus working_age smartphones with_account
yes     3    yes          yes              2021-03-01  -             3 1 2 2 2 2
yes     2    yes          no               -           too_expensive 2 1 2 1 1 1
yes     5    no           no               -           not_needed    5 1 3 3 1 2
yes     1    dont_know    no               -           dont_know     1 1 1 0 0 0
no      -    -            -                -           -             - - - - - -
yes     4    yes          yes              2019-11-01  -             4 1 2 2 2 2
yes     6    yes          yes              2024-06-01  -             6 1 4 4 4 4
yes     7    yes          no               -           too_expensive 7 1 4 3 4 3
"""
MEMBERS = """
household relation sex birth_year age works_or_studies own_phone smartphone sim_3_months account account_used_12_months
0 head   male   1980 46 works   yes yes yes bank,e_wallet yes
0 spouse female 1982 44 works   yes yes yes bank          yes
0 child  female 2015 11 -       no  -   -   -             -
1 head   female 1950 76 neither yes no  yes mobile_money  no
1 child  male   1988 38 works   yes yes yes none          -
2 head   male   1975 51 works   yes yes yes bank          yes
2 spouse female 1979 47 works   yes no  yes none          -
2 child  male   2008 18 studies no  -   -   card          no
2 child  female 2014 12 -       no  -   -   -             -
2 child  male   2023 3  -       -   -   -   -             -
3 head   female -    81 neither no  -   -   none          -
5 head   male   1990 36 works   yes yes yes bank          yes
5 spouse female 1991 35 works   yes yes yes e_wallet      yes
5 child  female 2018 8  -       no  -   -   -             -
5 child  male   2022 4  -       -   -   -   -             -
6 head   male   1968 58 works   yes yes yes bank,card     yes
6 spouse female 1970 56 works   yes yes yes bank          yes
6 child  male   1995 31 works   yes yes yes e_wallet      yes
6 child  female 1997 29 works   yes yes yes e_wallet      yes
6 child  male   2019 7  -       no  -   -   -             -
6 child  female 2024 2  -       -   -   -   -             -
7 head   female 1960 66 neither yes yes yes none          -
7 child  male   1985 41 works   yes yes yes bank          yes
7 child  female 1987 39 works   yes yes yes e_wallet      yes
7 child  male   1990 36 works   yes yes yes mobile_money  no
7 grandchild male   2016 10 -   no  -   -   -             -
7 grandchild female 2021 5  -   -   -   -   -             -
7 grandchild male   2019 7  -   no  -   -   -             -
"""


def words(table: str) -> pl.DataFrame:
    lines = [line.split() for line in table.strip().splitlines()]
    cells = [[None if cell == "-" else cell.replace(",", " ") for cell in line] for line in lines[1:]]
    return pl.DataFrame(cells, schema=dict.fromkeys(lines[0], pl.String()), orient="row")


def by_path(frame: pl.DataFrame, form: Form, repeat: str) -> pl.DataFrame:
    paths = {question.name: question.path for question in form.questions_in(repeat)}
    return frame.rename({name: paths[name] for name in frame.columns if name in paths})


def answers_of(form: Form, count: int) -> Answers:
    """``count`` households: those above in turn, each in one of the form's hamlets, some with a fault."""
    hamlets = form.choices["hamlet"]
    number = pl.DataFrame({"number": pl.int_range(count, eager=True)})
    table = words(ROOT)
    rows = number.select(pl.col("number") % table.height).to_series()
    place = pl.DataFrame({"hamlet": [h.name for h in hamlets], "commune": [h.columns["commune"] for h in hamlets]})
    chosen = place[(number["number"] % place.height)]
    asked = pl.Series(table["consent"].gather(rows) == "yes")
    day = "2026-11-20"
    constants = {
        "start": f"{day}T08:30:00.000+07:00", "end": f"{day}T09:00:00.000+07:00", "today": day, "round": "2026-1",
        "interviewer": "DT-012", "province": "86", "deviceid": "collect:bench",
    }  # fmt: skip
    alone = {"electricity": "grid", "signal_viettel": "4g", "signal_vinaphone": "5g", "signal_mobifone": "none",
             "signal_vietnamobile": "none", "roster_checked": "yes", "point": "9.9347 106.3453 0 5"}  # fmt: skip
    root = table[rows].with_columns(
        chosen["commune"],
        chosen["hamlet"],
        (chosen["commune"] + "-07").alias("cluster"),
        *[pl.lit(value).alias(name) for name, value in constants.items()],
        *[pl.when(asked).then(pl.lit(value)).alias(name) for name, value in alone.items()],
    )
    keys = number.select(
        ("uuid:00000000-0000-4000-8000-" + pl.col("number").cast(pl.String).str.zfill(12)).alias("submission_id"),
        pl.lit("/data").alias("row_id"),
        pl.lit(form.version).alias("form_version"),
        ("answers.csv, row " + (pl.col("number") + 2).cast(pl.String)).alias("found_in"),
    )
    people = members_of(number, keys["submission_id"], table.height)
    return Answers(
        {
            form.root: by_path(with_faults(keys.hstack(root), number["number"]), form, form.root),
            MEMBER: by_path(people, form, MEMBER),
        }
    )


def members_of(number: pl.DataFrame, ids: pl.Series, kinds: int) -> pl.DataFrame:
    table = words(MEMBERS).with_columns(pl.col("household").cast(pl.Int64))
    table = table.with_columns(pl.int_range(1, pl.len() + 1).over("household").alias("index"))
    homes = number.with_columns((pl.col("number") % kinds).alias("household"), ids)
    rows = homes.join(table, on="household", how="inner", maintain_order="left_right")
    spoiled = (pl.col("number") % (FAULTY * 3) == 1) & (pl.col("index") == 1)
    place = pl.col("index").cast(pl.String)
    return rows.with_columns(
        (MEMBER + "[" + place + "]").alias("row_id"),
        pl.lit("/data").alias("parent_row_id"),
        ("member.csv, row " + pl.int_range(2, pl.len() + 2).cast(pl.String)).alias("found_in"),
        place.alias("line"),
        pl.when(spoiled).then(pl.lit("134")).otherwise("age").alias("age"),
    ).drop("number", "household")


def with_faults(root: pl.DataFrame, number: pl.Series) -> pl.DataFrame:
    """One in `FAULTY`: a choice that is none, a missing answer, a size as text, an interview that ends too early."""
    at = [pl.lit(number % (FAULTY * 4) == FAULTY * turn) for turn in range(4)]
    willing = pl.col("consent") == "yes"
    return root.with_columns(
        pl.when(at[0] & willing).then(pl.lit("maybe")).otherwise("fibre_passed").alias("fibre_passed"),
        pl.when(at[1]).then(None).otherwise("electricity").alias("electricity"),
        pl.when(at[2] & willing).then(pl.lit("three")).otherwise("size").alias("size"),
        pl.when(at[3]).then(pl.lit("2026-11-20T07:00:00.000+07:00")).otherwise("end").alias("end"),
    )


# --- what is compared ---


def comparable(form: Form) -> Form:
    """The part of the form a column schema can say: types, choices, plain ranges, "always required"; no logic."""
    kept = []
    for question in form.questions:
        plain = question.constraint in (". >= 1 and . <= 30", ". >= 1900")
        required = question.required if asked_always(form, question.path) else None
        kept.append(
            replace(
                question,
                type=question.type if question.type in (*SELECTS, "int", "decimal", "date") else "string",
                relevant=None,
                calculate=None,
                choice_filter=None,
                required=required,
                constraint=question.constraint if plain else None,
            )
        )
    sections = tuple(replace(section, relevant=None, count=None) for section in form.sections)
    return replace(form, questions=tuple(kept), sections=sections, design=Design())


def asked_always(form: Form, path: str) -> bool:
    hidden = any(section.relevant and path.startswith(section.path + "/") for section in form.sections)
    return not hidden and not form.by_path[path].relevant


def checks_of(form: Form, repeat: str) -> list[tuple[str, str, list[str], str, bool]]:
    """For each question that a schema can check: path, type, choices, a pattern for several choices, required."""
    found: list[tuple[str, str, list[str], str, bool]] = []
    for question in form.questions_in(repeat):
        names = names_of(form, question)
        required = bool(question.required) and question.appears
        if question.type in ("int", "decimal", "date") or names or required:
            several = "|".join(names) if question.type == "select_multiple" else ""
            pattern = rf"^(?:{several})(?: (?:{several}))*$" if several else ""
            found.append((question.path, question.type, [] if several else names, pattern, required))
    return found


def pandera_check(form: Form, backend: str) -> Callable[[Answers], int]:
    """A function that counts the faults pandera finds; schemas are made, and pandera loaded, before the clock starts."""
    pa: Any = importlib.import_module(f"pandera.{backend}")
    errors = importlib.import_module("pandera.errors")
    schemas = {repeat: schema_of(pa, form, repeat) for repeat in form.repeats}

    def count(answers: Answers) -> int:
        faults = 0
        for repeat, text in answers.items():
            typed, unreadable = typed_by_hand(text, form, repeat, backend)
            faults += unreadable
            try:
                schemas[repeat].validate(typed, lazy=True)
            except errors.SchemaErrors as found:
                faults += len(found.failure_cases)
        return faults

    return count


def schema_of(pa: Any, form: Form, repeat: str) -> Any:
    columns = {}
    for path, _, names, pattern, required in checks_of(form, repeat):
        rules = [pa.Check.isin(names)] if names else []
        rules += [pa.Check.str_matches(pattern)] if pattern else []
        rules += [pa.Check.in_range(1, 30)] if path.endswith("/size") else []
        columns[path] = pa.Column(None, checks=rules, nullable=not required, required=False)
    return pa.DataFrameSchema(columns)


def typed_by_hand(text: pl.DataFrame, form: Form, repeat: str, backend: str) -> tuple[Any, int]:
    """Cast as the schema needs it; count what could not be cast (pandera would stop at the column)."""
    kinds: dict[str, Callable[[str], pl.Expr]] = {
        "int": lambda path: pl.col(path).cast(pl.Int64, strict=False),
        "decimal": lambda path: pl.col(path).cast(pl.Float64, strict=False),
        "date": lambda path: pl.col(path).str.to_date("%Y-%m-%d", strict=False),
    }
    wanted = [q for q in form.questions_in(repeat) if q.type in kinds and q.path in text.columns]
    typed = text.with_columns(kinds[question.type](question.path) for question in wanted)
    lost = sum(int(typed[q.path].null_count() - text[q.path].null_count()) for q in wanted)
    return (typed.to_pandas() if backend == "pandas" else typed), lost


# --- one run in a process of its own ---


def run(name: str, count: int) -> dict[str, Any]:
    form = load_form(FORMS / "household")
    answers = answers_of(form, count)
    warnings.simplefilter("ignore")
    work = prepared(name, form)
    base = peak_megabytes()
    started = time.perf_counter()
    issues = work(answers)
    seconds = time.perf_counter() - started
    peak = peak_megabytes()
    rows = sum(table.height for table in answers.values())
    return {"seconds": seconds, "issues": issues, "peak": peak, "base": base, "rows": rows}


def prepared(name: str, form: Form) -> Callable[[Answers], int]:
    """The work to be timed: how many faults it finds in answers."""
    if name.startswith("pandera"):
        return pandera_check(comparable(form), name.removeprefix("pandera_"))
    if name == "subset":
        part = comparable(form)
        return lambda answers: check(answers, part).issues.height
    if name == "rules":
        return lambda answers: check(answers, form, upload_id="bench", received_on=RECEIVED_ON).issues.height
    indicators = load_indicators(FORMS, [form, load_form(FORMS / "commune")])

    def everything(answers: Answers) -> int:
        checked = check(answers, form, upload_id="bench", received_on=RECEIVED_ON)
        households(checked, form, "bench")
        persons(checked, form)
        measure(checked.tables, form, indicators, checked.issues)
        return checked.issues.height

    return everything


TITLES = {
    "check": "collect: all rules, households, persons, six indicators",
    "rules": "collect: all rules",
    "subset": "collect: the comparable part",
    "pandera_polars": "pandera on polars: the comparable part",
    "pandera_pandas": "pandera on pandas: the comparable part",
}


def main() -> None:
    """Print one table: seconds, households a second, issues, memory, and the ratio to the comparable part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=PROVINCE)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=RUNS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(run(asked.one, asked.households)))
        return
    results = {name: best(name, asked.households, asked.repeats) for name in RUNS}
    print(
        f"{asked.households:,} households, {results['rules']['rows'] - asked.households:,} people, best of {asked.repeats}\n"
    )
    print("| what | seconds | households a second | issues | peak memory, MB (before) | times the comparable part |")
    print("|---|---|---|---|---|---|")
    for name, one in results.items():
        ratio = one["seconds"] / results["subset"]["seconds"]
        print(
            f"| {TITLES[name]} | {one['seconds']:.2f} | {asked.households / one['seconds']:,.0f} | {one['issues']:,} |"
            f" {one['peak']:,.0f} ({one['base']:,.0f}) | {ratio:.1f} |"
        )
    print(
        "\nComparable: types (cast first, the same way for all), choices of select questions, the size range, questions that"
        "\nare always required. Not compared, because a column schema cannot say it: relevance, conditional requirement,"
        "\nconstraints over other answers or the roster, choice filters, calculations, roster size, dates of the interview."
    )


def best(name: str, count: int, repeats: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.checking", "--one", name, "--households", str(count)]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(repeats)
    ]
    return min(runs, key=lambda one: one["seconds"])


if __name__ == "__main__":
    main()
