"""The same interview under two ids is found by what was answered, shown, and never merged."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from check_tables import form_of
from field_office import DESIGN, Office, the_form

from collect.forms import Form
from collect.review.duplicates import LEAST_SHARE, pairs, traits
from collect.review.reviews import duplicates, judge_pair
from collect.tables import ROOT_ANSWERS, ROW_ANSWERS

ROOT = "/data"


def survey(households: int, seed: int = 7) -> dict[str, pl.DataFrame]:
    """Households as they are: many answers alike, ages and work their own."""
    chance = random.Random(seed)
    roots: list[dict[str, object]] = []
    members: list[dict[str, object]] = []
    for number in range(households):
        name, size = f"uuid:{number}", chance.choices([1, 2, 3, 4, 5], [1, 3, 5, 5, 2])[0]
        roots.append(
            {"submission_id": name, "row_id": ROOT, "found_in": "x", f"{ROOT}/round": "r1", f"{ROOT}/size": str(size),
             f"{ROOT}/hamlet": str(chance.randrange(40)), f"{ROOT}/fibre": chance.choice(["yes", "yes", "no"]),
             f"{ROOT}/interviewer": f"i{number % 9}", f"{ROOT}/day": f"2026-03-{1 + number % 28:02}"}
        )  # fmt: skip
        for place in range(1, size + 1):
            members.append(
                {"submission_id": name, "row_id": f"{ROOT}/member[{place}]", "parent_row_id": ROOT, "index": place,
                 "found_in": "x", f"{ROOT}/member/age": str(chance.randrange(95)),
                 f"{ROOT}/member/work": f"{chance.randrange(600)}"}
            )  # fmt: skip
    return {ROOT: frame(roots, ROOT_ANSWERS.schema), f"{ROOT}/member": frame(members, ROW_ANSWERS.schema)}


def frame(rows: list[dict[str, object]], declared: Mapping[str, pl.DataType]) -> pl.DataFrame:
    paths = dict.fromkeys((key for row in rows for key in row if key.startswith("/")), pl.String())
    return pl.DataFrame(rows, schema={**declared, **paths})


def copied(answers: dict[str, pl.DataFrame], numbers: list[int], **changes: str) -> dict[str, pl.DataFrame]:
    """The answers with some interviews once more, under new ids and with some root answers changed."""
    names = [f"uuid:{number}" for number in numbers]
    told = {f"{ROOT}/{name}": pl.lit(value) for name, value in changes.items()}
    again = {repeat: table.filter(pl.col("submission_id").is_in(names)) for repeat, table in answers.items()}
    again = {repeat: table.with_columns(pl.col("submission_id") + "-again") for repeat, table in again.items()}
    again[ROOT] = again[ROOT].with_columns(**told)
    return {repeat: pl.concat([answers[repeat], again[repeat]]) for repeat in answers}


def big(numbers: range, answers: dict[str, pl.DataFrame]) -> list[int]:
    """Of these interviews, those with four people or more: enough to tell by."""
    sizes = answers[ROOT][f"{ROOT}/size"].cast(int).to_list()
    return [number for number in numbers if sizes[number] >= 4]


def found(answers: dict[str, pl.DataFrame], form: Form | None = None) -> list[tuple[str, str, str]]:
    return [row[:3] for row in pairs([traits(answers, form or the_form())]).iter_rows()]


@pytest.fixture(scope="module")
def answers() -> dict[str, pl.DataFrame]:
    return survey(1500)


def test_households_that_are_merely_alike_are_not_accused(answers: dict[str, pl.DataFrame]) -> None:
    assert found(answers) == []


def test_a_copied_row_is_found_whoever_handed_it_in_and_whenever(answers: dict[str, pl.DataFrame]) -> None:
    twice = copied(answers, big(range(20), answers), interviewer="i99", day="2026-04-30")
    expected = {(f"uuid:{n}", f"uuid:{n}-again", "answers") for n in big(range(20), answers)}
    assert set(found(twice)) == expected
    assert len(expected) > 5


def test_a_copy_with_some_answers_changed_is_found_by_near_content(answers: dict[str, pl.DataFrame]) -> None:
    twice = copied(answers, big(range(60), answers), fibre="changed", hamlet="another")
    near = found(twice)
    expected = {(f"uuid:{n}", f"uuid:{n}-again", "nearly") for n in big(range(60), answers)}
    assert len(expected & set(near)) >= 0.9 * len(expected)
    assert set(near) <= expected


def held_by(answers: dict[str, pl.DataFrame], device: str | None, start: str) -> dict[str, pl.DataFrame]:
    """The same answers, all begun on one device at one instant."""
    told = answers[ROOT].with_columns(
        pl.lit(device, pl.String).alias("device_id"), pl.lit(start).alias(f"{ROOT}/start")
    )
    return {**answers, ROOT: told}


def test_a_draft_sent_again_is_shown_though_it_is_one_of_two_and_answers_changed() -> None:
    form = the_form(replace(DESIGN, started_at=f"{ROOT}/start"))
    single = held_by(survey(1), "collect:7", "2026-10-26T09:22:11.000+07:00")
    later = {repeat: table.with_columns(pl.col("submission_id") + "-again") for repeat, table in single.items()}
    later[ROOT] = later[ROOT].with_columns(pl.lit("no").alias(f"{ROOT}/fibre"), pl.lit("9").alias(f"{ROOT}/hamlet"))
    later = held_by(later, "collect:7", "2026-10-26T09:22:11")  # an export that rounds off
    two = {repeat: pl.concat([single[repeat], later[repeat]]) for repeat in single}
    assert pairs([traits(two, form)]).rows() == [("uuid:0", "uuid:0-again", "begun", None, 0.0)]


@pytest.mark.parametrize(
    ("device", "start"), [("collect:8", "T09:22:11"), ("collect:7", "T09:22:12"), (None, "T09:22:11")]
)
def test_another_device_another_second_or_no_device_is_no_draft_sent_again(device: str | None, start: str) -> None:
    form = the_form(replace(DESIGN, started_at=f"{ROOT}/start"))
    one = held_by(survey(1), "collect:7" if device else "", "2026-10-26T09:22:11")
    other = held_by(survey(1, seed=8), device, f"2026-10-26{start}")
    other = {repeat: table.with_columns(pl.col("submission_id") + "-other") for repeat, table in other.items()}
    two = {repeat: pl.concat([one[repeat], other[repeat]]) for repeat in one}
    assert found(two, form) == []


@pytest.mark.parametrize("seed", range(8))
def test_among_twenty_interviews_a_copy_with_a_few_answers_changed_is_shown(seed: int) -> None:
    few = survey(20, seed)
    picked = few[ROOT][f"{ROOT}/size"].to_list().index("3")
    near = found(copied(few, [picked], hamlet="another"))
    assert near == [(f"uuid:{picked}", f"uuid:{picked}-again", "nearly")]


def test_two_rounds_of_one_household_are_two_interviews(answers: dict[str, pl.DataFrame]) -> None:
    assert found(copied(answers, big(range(20), answers), round="r2")) == []
    form = the_form(replace(DESIGN, started_at=f"{ROOT}/start"))
    once = held_by(survey(1), "collect:7", "2026-10-26T09:22:11")
    assert found(copied(once, [0], round="r2"), form) == []


def test_one_household_twice_in_a_round_is_shown_where_the_form_names_households() -> None:
    form = the_form(replace(DESIGN, household_id=f"{ROOT}/number"))
    made = survey(6)
    made[ROOT] = made[ROOT].with_columns(
        pl.Series(f"{ROOT}/number", ["h1", "h1", "h2", "h2", None, None]),
        pl.Series(f"{ROOT}/round", ["r1", "r1", "r1", "r2", "r1", "r1"]),
    )
    assert found(made, form) == [("uuid:0", "uuid:1", "household")]


def test_interviews_that_say_too_little_are_never_called_the_same() -> None:
    form = form_of("| type | name | label |\n| text | a | A |", settings="| form_id | version |\n| f | 1 |")
    rows: list[dict[str, object]] = [
        {"submission_id": f"uuid:{n}", "row_id": ROOT, "found_in": "x", f"{ROOT}/a": "no"} for n in range(50)
    ]
    assert found({ROOT: frame(rows, ROOT_ANSWERS.schema)}, form) == []


def test_the_same_answers_give_the_same_pairs_in_one_upload_or_in_two(answers: dict[str, pl.DataFrame]) -> None:
    twice = copied(answers, big(range(30), answers), fibre="changed")
    again = {repeat: table.filter(pl.col("submission_id").str.ends_with("-again")) for repeat, table in twice.items()}
    whole, parted = pairs([traits(twice, the_form())]), pairs([traits(answers, the_form()), traits(again, the_form())])
    assert whole.equals(parted)
    assert whole.filter(kind="nearly")["share"].min() >= LEAST_SHARE  # type: ignore[operator]


def test_a_pair_is_listed_until_somebody_decides(tmp_path: Path) -> None:
    office = Office(tmp_path)
    people = [{"age": str(20 + n), "work": f"trade {n}"} for n in range(9)]
    office.send("| id | size |\n" + "\n".join(f"| n{n} | 1 |" for n in range(40)), [{"age": "30"}])
    office.send("| id | size | remark |\n| a | 9 | by the ferry |", people)
    office.send("| id | size | remark | interviewer |\n| b | 9 | by the ferry | Minh |", people)
    listed = duplicates(office.store, office.definitions)
    assert listed.select("form", "one", "other", "kind").rows() == [("hh", "uuid:a", "uuid:b", "answers")]
    judge_pair(office.store, "uuid:a", "uuid:b", same=True, why="two tablets", by="Lan")
    assert duplicates(office.store, office.definitions).is_empty()
    decided = duplicates(office.store, office.definitions, undecided=False)
    assert decided["verdict"].to_list() == ["same"]
    office.close()
