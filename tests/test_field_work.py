"""What a supervisor's figures say of made interviews: rules, interviewers, hours, far points, coverage, one opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from field_office import Office

from collect import fieldwork
from collect.fieldwork import Field
from collect.fieldwork.gathered import AGES, INTERVIEWS
from collect.forms import Design
from collect.problems import CollectError
from collect.review.reviews import Correction, correct, decide
from collect.tables import FRAME, ISSUES


def interviews(*rows: Mapping[str, object]) -> pl.DataFrame:
    usual = {"upload_id": "u", "sent_by": "Lan", "status": "accepted", "round": "r1", "vintage": "2025-07"}
    made = [{**usual, "submission_id": str(place), **row} for place, row in enumerate(rows)]
    return pl.DataFrame(made, schema=INTERVIEWS)


def field(*rows: Mapping[str, object], issues: pl.DataFrame | None = None, ages: pl.DataFrame | None = None) -> Field:
    return Field(
        interviews(*rows),
        ISSUES.empty() if issues is None else issues,
        pl.DataFrame(schema=AGES) if ages is None else ages,
    )


def broken(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    names = ("submission_id", "code", "severity", "details")
    return ISSUES.check(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))


def frame(*clusters: tuple[str, str, bool]) -> pl.DataFrame:
    usual = {"vintage": "2025-07", "stratum": "s", "households": 100, "probability": 0.1}
    rows = [usual | {"cluster": name, "commune_code": at, "selected": drawn} for name, at, drawn in clusters]
    return FRAME.check(pl.DataFrame(rows))


# --- quality ---


def test_rules_are_counted_by_interviews_as_well_as_by_times() -> None:
    issues = broken(("0", "REQ-01", "error", "{}"), ("0", "REQ-01", "error", "{}"), ("1", "LOC-05", "warning", "{}"))
    rows = fieldwork.rules(field({}, {}, {}, {}, issues=issues))
    assert rows.select("code", "issues", "submissions", "share").rows() == [
        ("REQ-01", 2, 1, 0.25),
        ("LOC-05", 1, 1, 0.25),
    ]


def test_an_interviewer_is_told_by_errors_not_by_warnings() -> None:
    issues = broken(("0", "REQ-01", "error", "{}"), ("2", "LOC-05", "warning", "{}"))
    rows = fieldwork.interviewers(field(*({"interviewer": name} for name in "AABB"), issues=issues))
    assert rows.select("interviewer", "interviews", "errors", "with_errors").rows() == [
        ("A", 2, 0.5, 0.5),
        ("B", 2, 0.0, 0.0),
    ]


def test_an_interview_shorter_than_half_of_the_median_is_hurried() -> None:
    minutes = (20.0, 20.0, 20.0, 9.0)
    rows = fieldwork.interviewers(field(*({"interviewer": "A", "minutes": one} for one in minutes)))
    assert rows["hurried"].to_list() == [0.25]


def test_a_clock_that_was_set_meanwhile_gives_no_length() -> None:
    rows = fieldwork.interviewers(field(*({"interviewer": "A", "minutes": one} for one in (20.0, -600.0, 90_000.0))))
    assert rows["minutes"].to_list() == [20.0]


@pytest.mark.parametrize(
    ("ages", "index"),
    [([30] * 60, 500), ([31] * 60, 0), (list(range(23, 63)) * 2, 100), ([30] * 49, None), ([20] * 60, None)],
)
def test_heaping_is_whipples_index(ages: list[int], index: float | None) -> None:
    said = pl.DataFrame({"submission_id": ["0"] * len(ages), "age": ages}, schema=AGES)
    found = fieldwork.interviewers(field({"interviewer": "A"}, ages=said))["heaping"].to_list()
    assert found == ([None] if index is None else [pytest.approx(index)])


def test_every_hour_is_shown_those_without_interviews_too() -> None:
    rows = fieldwork.started(field({"hour": 7}, {"hour": 7}, {"hour": None}))
    assert rows.height == 24
    assert rows.filter(pl.col("interviews") > 0).rows() == [(7, 2)]


def test_very_long_interviews_share_the_last_class() -> None:
    rows = fieldwork.minutes(field(*({"minutes": one} for one in (4.9, 5.0, 90.0, 500.0))))
    assert rows.filter(pl.col("interviews") > 0).rows() == [(0, 1), (5, 1), (90, 2)]


def test_far_points_are_told_by_distance_and_never_by_place() -> None:
    issues = broken(
        ("0", "LOC-05", "warning", '{"commune": "29242", "seen": "29254", "metres": 900, "tolerance": 50}'),
        ("1", "LOC-06", "warning", '{"metres": 12000, "tolerance": 50}'),
    )
    rows = fieldwork.strayed(field({"commune_code": "29242"}, {"commune_code": "29266"}, issues=issues))
    assert rows.select("commune", "seen", "metres").rows() == [("29266", None, 12000.0), ("29242", "29254", 900.0)]
    assert not {"longitude", "latitude"} & set(rows.columns)


# --- progress ---


def test_a_hamlet_is_done_from_three_quarters_of_what_is_usual() -> None:
    drawn = frame(*((name, "29242", True) for name in "ABCD"), ("E", "29242", False))
    done = [{"cluster": name} for name, count in (("A", 8), ("B", 8), ("C", 5)) for _ in range(count)]
    rows = fieldwork.clusters(drawn, interviews(*done))
    assert dict(rows.select("cluster", "state").iter_rows()) == {
        "A": "done", "B": "done", "C": "begun", "D": "missing",
    }  # fmt: skip


def test_a_small_hamlet_is_done_when_everybody_was_asked() -> None:
    drawn = pl.concat([frame(("A", "1", True)), frame(("B", "1", True)).with_columns(households=pl.lit(2, pl.Int64))])
    rows = fieldwork.clusters(
        drawn, interviews(*({"cluster": "A"} for _ in range(12)), {"cluster": "B"}, {"cluster": "B"})
    )
    assert rows["state"].to_list() == ["done", "done"]


def test_a_commune_nobody_drew_is_listed_with_its_interviews() -> None:
    drawn = fieldwork.clusters(frame(("A", "29242", True)), interviews())
    rows = fieldwork.communes(drawn, interviews({"commune_code": "29254", "interviewed_on": date(2026, 3, 1)}))
    assert rows.select("commune_code", "planned", "missing", "interviews").rows() == [
        ("29242", 1, 1, 0),
        ("29254", 0, 0, 1),
    ]


def test_missing_hamlets_come_before_communes_that_need_few_interviews() -> None:
    drawn = fieldwork.clusters(frame(("A", "1", True), ("B", "2", True)), interviews({"cluster": "B"}))
    covered = fieldwork.communes(drawn, interviews({"cluster": "B", "commune_code": "2"}))
    verdicts = open_targets(
        ("t1", "2", "undecided", "computed", 40, 3),
        ("t2", "2", "undecided", "enumerate", 900, None),
        ("t1", "3", "undecided", "computed", 10, 1),
        ("t1", "4", "met", None, None, None),
    )
    rows = fieldwork.next_places(covered, verdicts, 12)
    assert rows.select("commune_code", "missing", "open", "work", "targets").rows() == [
        ("1", 1, 0, None, None),
        ("3", 0, 1, 10, ["t1"]),
        ("2", 0, 2, 36, ["t1"]),
    ]


@pytest.mark.parametrize(
    ("targets", "step"),
    [
        # one step settles one target: never the interviews of one beside the hamlets of another
        ([("enumerate", 5697, 9), ("more_hamlets", None, 14)], ("more_hamlets", None, 14, 168)),
        ([("computed", 101, 7), ("more_hamlets", None, 8)], ("computed", 101, 7, 84)),
        ([("planned", 19, 2), ("planned", 87, 9), ("return", 1, None)], ("planned", 19, 2, 19)),
        ([("enumerate", 5697, 9), ("every_hamlet", 308, 12)], ("every_hamlet", 308, 12, 308)),
        ([("every_hamlet", 308, 12), ("more_hamlets", None, 8)], ("more_hamlets", None, 8, 96)),
        ([("enumerate", 5697, 9), ("enumerate", 5705, None)], ("enumerate", 5697, 9, 5697)),
        ([("return", 1, None)], ("return", 1, None, 1)),
    ],
)
def test_the_step_of_least_work_is_named_and_asking_everybody_is_the_last_resort(
    targets: list[tuple[str, int | None, int | None]], step: tuple[str, int | None, int | None, int]
) -> None:
    covered = fieldwork.communes(fieldwork.clusters(FRAME.empty(), interviews()), interviews())
    verdicts = open_targets(*((f"t{at}", "1", "undecided", *need) for at, need in enumerate(targets)))
    rows = fieldwork.next_places(covered, verdicts, 12)
    assert rows.select("interviews_reason", "interviews_needed", "hamlets_needed", "work").rows() == [step]


def test_communes_where_only_asking_everybody_decides_come_after_all_others() -> None:
    covered = fieldwork.communes(fieldwork.clusters(FRAME.empty(), interviews()), interviews())
    verdicts = open_targets(
        ("t1", "1", "undecided", "enumerate", 300, None), ("t1", "2", "undecided", "more_hamlets", None, 40)
    )
    assert fieldwork.next_places(covered, verdicts, 12)["commune_code"].to_list() == ["2", "1"]


def open_targets(*rows: tuple[str, str, str, str | None, int | None, int | None]) -> pl.DataFrame:
    text, whole = pl.String, pl.Int64
    names = {"target_id": text, "place": text, "verdict": text, "interviews_reason": text}
    return pl.DataFrame(rows, schema=names | {"interviews_needed": whole, "hamlets_needed": whole}, orient="row")


def test_days_are_counted_by_interviewer() -> None:
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    made = interviews(
        *({"interviewed_on": day, "interviewer": name} for day, name in ((second, "B"), (first, "A"), (first, "A")))
    )
    assert fieldwork.by_day(made).rows() == [(first, "A", 2), (second, "B", 1)]


# --- what is stored ---


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path)
    opened.send("| id | size | interviewer |\n| a | 3 | L1 |\n| b | 40 | L2 |", by="Lan")
    opened.send("| id | size | interviewer |\n| c | 2 | S1 |", by="Sok", members=[{"age": "30"}, {"age": "200"}])
    yield opened
    opened.close()


def test_field_work_knows_who_sent_what(office: Office) -> None:
    found = fieldwork.field_of(office.store, office.form)
    assert found.interviews.height == 3
    assert found.sent_by("Sok").interviews["interviewer"].to_list() == ["S1"]
    assert found.sent_by("Sok").issues["submission_id"].unique().to_list() == ["uuid:c"]
    assert found.sent_by("nobody").interviews.is_empty()


def test_a_corrected_answer_breaks_its_rule_no_more(office: Office) -> None:
    assert "CON-01" in fieldwork.field_of(office.store, office.form).sent_by("Sok").issues["code"].to_list()
    correct(
        office.store,
        office.definitions,
        [Correction("uuid:c", "/data/member/age", "20", row_id="/data/member[2]")],
        by="Lan",
    )
    assert "CON-01" not in fieldwork.field_of(office.store, office.form).sent_by("Sok").issues["code"].to_list()


def test_deleted_interviews_are_nobodys_work(office: Office) -> None:
    decide(office.store, ["uuid:a"], "deleted", "asked twice", "Lan")
    assert fieldwork.field_of(office.store, office.form).interviews["submission_id"].to_list() == ["uuid:b", "uuid:c"]


def test_an_interview_opens_with_its_repeat_rows_in_order_and_choices_in_words(office: Office) -> None:
    opened = fieldwork.the_interview(office.store, office.form, "uuid:c", "en")
    said = {(one.row_id, one.question): one.said for one in opened.answers}
    assert said["/data", "/data/fibre"] == "Yes"
    rows = [one.row_id for one in opened.answers if one.question == "/data/member/age"]
    assert rows == ["/data/member[1]", "/data/member[2]"]
    assert "CON-01" in opened.issues["code"].to_list()


def test_an_interview_nobody_sent_cannot_be_opened(office: Office) -> None:
    with pytest.raises(CollectError, match="USE-01"):
        fieldwork.the_interview(office.store, office.form, "uuid:z", "en")


def test_two_interviews_stand_side_by_side_with_blanks_where_one_has_no_row(office: Office) -> None:
    one, other = (fieldwork.the_interview(office.store, office.form, f"uuid:{name}", "en") for name in "ac")
    pairs = fieldwork.side_by_side(one, other)
    third = next(pair for pair in pairs if pair[0].row_id == "/data/member[3]" and pair[0].question.endswith("age"))
    assert (third[0].given, third[1].given) == ("30", None)
    assert fieldwork.side_by_side(other, one)[-1][0].given is None


def test_a_form_without_clock_or_roster_has_no_hours_and_no_ages(tmp_path: Path) -> None:
    from field_office import the_form

    bare = Office(tmp_path, form=the_form(Design(interviewer="/data/interviewer")))
    bare.send("| id | interviewer |\n| a | L1 |")
    found = fieldwork.field_of(bare.store, bare.form)
    bare.close()
    assert found.interviews.select("hour", "minutes").rows() == [(None, None)]
    assert found.ages.is_empty()
