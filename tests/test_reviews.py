"""One household, once, and what reviewers say of it: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from check_tables import rows_of
from field_office import Office, corrected, correction, listed, uuids

from collect import contents, registry
from collect.intake import add_file
from collect.keeping import chain, ledger
from collect.problems import CollectError
from collect.rebuild import rebuild
from collect.registry import LEDGER
from collect.review.reviews import STATES, Correction, Filters, correct, decide, history, judge_pair, queue
from collect.review.standing import standing
from collect.runs import Known, gather, make_run
from collect.store import COUNTED_SO, content_hashes
from collect.wording.states import state_of


def counted(office: Office, known: Known | None = None) -> list[str]:
    found = gather(office.store, office.form, office.definitions, known or Known())
    return [] if found is None else sorted(one.removeprefix("uuid:") for one in found.households["submission_id"])


def now() -> datetime:
    return datetime.now(UTC)


# --- one household, once ---


def test_what_arrives_is_received_or_has_issues(office: Office) -> None:
    office.send("""
        | id | size |
        | a  | 3    |
        | b  | 99   |
    """)
    assert listed(office) == {"a": "received", "b": "with_issues"}
    assert listed(office, states=("with_issues",)) == {"b": "with_issues"}
    assert listed(office, codes=("CON-01",)) == {"b": "with_issues"}


def test_an_edit_under_a_new_id_takes_the_place_of_what_it_replaces(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    office.send("| id | replaces | size |\n| b | a | 4 |\n| c | b | 5 |")
    assert listed(office) == {"c": "received"}


def test_two_edits_of_one_original_are_one_interview_and_the_later_counts(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    office.send("| id | replaces | size |\n| b | a | 4 |")
    office.send("| id | replaces | size |\n| c | a | 5 |")
    assert counted(office) == ["c"]


def test_ids_that_replace_one_another_in_a_circle_still_count_once(office: Office) -> None:
    office.send("| id | replaces | size |\n| a | b | 3 |\n| b | a | 4 |")
    assert len(counted(office)) == 1


# --- decisions ---


@pytest.mark.parametrize("decision", ["sent_back", "rejected", "deleted"])
def test_what_is_sent_back_rejected_or_deleted_does_not_count(office: Office, decision: str) -> None:
    office.send("| id |\n| a |\n| b |")
    decide(office.store, uuids("a"), decision, "made up at the desk", "Lan")
    assert counted(office) == ["b"]
    assert listed(office, states=(decision,)) == {"a": decision}


def test_what_was_sent_back_returns_when_it_comes_again_changed(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    decide(office.store, uuids("a"), "sent_back", "count again", "Lan")
    office.send("| id | replaces | size |\n| b | a | 4 |")
    row = queue(office.store, office.definitions).row(0, named=True)
    assert (row["submission_id"], row["state"], row["changed"]) == ("uuid:b", "received", True)
    assert counted(office) == ["b"]


@pytest.mark.parametrize("decision", ["rejected", "deleted"])
def test_what_is_rejected_or_deleted_stays_so_whatever_arrives(office: Office, decision: str) -> None:
    office.send("| id | size |\n| a | 3 |")
    decide(office.store, uuids("a"), decision, "never visited", "Lan")
    office.send("| id | replaces | size |\n| b | a | 4 |")
    office.send("| id | size |\n| a | 9 |")
    assert counted(office) == []
    decide(office.store, uuids("b"), "received", "", "Lan")
    assert counted(office) == ["b"]


def test_an_accepted_one_that_changes_must_be_looked_at_again(office: Office) -> None:
    office.send("| id | size |\n| a | 99 |")
    decide(office.store, uuids("a"), "accepted", "", "Lan")
    assert listed(office) == {"a": "accepted"}
    office.send("| id | size |\n| a | 98 |")
    assert listed(office, changed=True) == {"a": "with_issues"}


def test_the_same_again_changes_nothing_and_keeps_the_decision(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    decide(office.store, uuids("a"), "sent_back", "count again", "Lan")
    office.send("| id | size |\n| a | 3 |\n| z | 3 |")
    assert listed(office, states=("sent_back",)) == {"a": "sent_back"}


@pytest.mark.parametrize(
    ("came_later", "state"),
    [
        ("| id | size |\n| z | 3 |", "accepted"),  # another interview
        ("| id | size |\n| a | 3 |\n| z | 3 |", "accepted"),  # the same once more
        ("| id | size |\n| a | 4 |", "received"),  # another answer
    ],
)
def test_a_decision_outlives_another_way_of_counting_contents(
    office: Office, came_later: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.send("| id | size |\n| a | 2 |")
    with monkeypatch.context() as before:
        before.setattr(contents, "content_hashes", counted_in_the_former_way)
        office.send("| id | size |\n| a | 3 |")
        decide(office.store, uuids("a"), "accepted", "", "Lan")
        assert listed(office) == {"a": "accepted"}
    assert listed(office) == {"a": "accepted"}  # its tables are as they were
    rebuild(office.store, office.definitions)
    assert listed(office) == {"a": "accepted"}
    office.send(came_later)
    assert listed(office)["a"] == state


def counted_in_the_former_way(answers: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """No way by its name, and other figures."""
    return content_hashes(answers).with_columns(pl.col("content").str.slice(len(COUNTED_SO)).str.reverse())


def test_a_decision_is_about_all_of_them_or_none(office: Office) -> None:
    office.send("| id |\n| a |")
    with pytest.raises(CollectError) as error:
        decide(office.store, uuids("a", "nobody"), "accepted", "", "Lan")
    assert error.value.code == "USE-01"
    assert ledger.entries(office.store) == []


@pytest.mark.parametrize(
    ("decision", "reason", "by", "code"),
    [("rejected", " ", "Lan", "REV-01"), ("accepted", "", "", "REV-02"), ("burnt", "x", "Lan", "USE-01")],
)
def test_a_decision_needs_a_name_and_where_it_hurts_a_reason(
    office: Office, decision: str, reason: str, by: str, code: str
) -> None:
    office.send("| id |\n| a |")
    with pytest.raises(CollectError) as error:
        decide(office.store, uuids("a"), decision, reason, by)
    assert error.value.code == code


def test_the_same_decision_twice_is_written_once(office: Office) -> None:
    office.send("| id |\n| a |")
    assert len(decide(office.store, uuids("a"), "accepted", "", "Lan")) == 1
    assert decide(office.store, uuids("a"), "accepted", "", "Lan") == []


# --- corrections ---


def test_a_correction_is_put_over_the_answer_and_the_row_is_checked_again(office: Office) -> None:
    office.send("| id | size |\n| a | 99 |", [{"age": "34"}])
    assert corrected(office, correction("a", "size", "9")) == [("applied", "")]
    row = queue(office.store, office.definitions).row(0, named=True)
    assert (row["state"], row["codes"], row["corrections"]) == ("with_issues", ["ROS-01"], 1)  # one member, not nine
    found = gather(office.store, office.form, office.definitions)
    assert found is not None
    assert found.households["household_size"].to_list() == [9]


def test_a_correction_in_a_repeat_names_its_row(office: Office) -> None:
    office.send("| id | size |\n| a | 2 |", [{"age": "134"}, {"age": "7"}])
    assert corrected(office, correction("a", "member/age", "34", row_id="/data/member[1]")) == [("applied", "")]
    assert listed(office) == {"a": "received"}


def test_a_correction_that_does_not_fit_is_refused_with_its_reason(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    tried = {
        correction("a", "size", "31"): ("breaks_rule", "CON-01"),
        correction("a", "size", "many"): ("breaks_rule", "TYP-01"),
        correction("a", "size", None): ("breaks_rule", "REQ-01"),
        correction("a", "fibre", "maybe"): ("breaks_rule", "CHO-01"),
        correction("a", "size", "3"): ("no_change", ""),
        correction("a", "size", "4", seen="2"): ("changed_meanwhile", ""),
        correction("a", "colour", "red"): ("unknown_question", ""),
        correction("a", "member/age", "3", row_id="/data/member[9]"): ("unknown_question", ""),
        correction("nobody", "size", "3"): ("unknown_submission", ""),
    }
    for one, result in tried.items():
        assert corrected(office, one) == [result], one
    assert ledger.entries(office.store) == []


def test_a_correction_follows_the_interview_but_not_onto_another_answer(office: Office) -> None:
    office.send("| id | size | hamlet |\n| a | 3 | x |")
    corrected(office, correction("a", "size", "4"), correction("a", "hamlet", "y"))
    office.send("| id | replaces | size | hamlet |\n| b | a | 3 | z |")
    found = gather(office.store, office.form, office.definitions)
    assert found is not None
    assert found.households.select("household_size", "hamlet").rows() == [(4, "z")]


def test_what_was_received_is_never_touched(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    before = {path: path.read_bytes() for path in (office.store.folder / "tables").rglob("*.parquet")}
    corrected(office, correction("a", "size", "4"))
    assert {path: path.read_bytes() for path in (office.store.folder / "tables").rglob("*.parquet")} == before


# --- two that are one ---


def test_of_two_that_are_the_same_interview_one_counts_until_they_are_said_to_differ(office: Office) -> None:
    office.send("| id |\n| a |\n| b |")
    judge_pair(office.store, "uuid:a", "uuid:b", same=True, why="copied row", by="Lan")
    assert counted(office) == ["a"]
    assert listed(office, states=("superseded",)) == {"b": "superseded"}
    judge_pair(office.store, "uuid:b", "uuid:a", same=False, why="neighbours", by="Minh")
    assert counted(office) == ["a", "b"]


# --- as it was ---


def test_everything_can_be_seen_as_it_was_at_a_moment(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |\n| b | 3 |")
    first = now()
    decide(office.store, uuids("a"), "rejected", "never visited", "Lan")
    corrected(office, correction("b", "size", "5"))
    second = now()
    office.send("| id |\n| c |")
    assert counted(office, Known(first)) == ["a", "b"]
    assert counted(office, Known(second)) == ["b"]
    assert counted(office) == ["b", "c"]
    was = gather(office.store, office.form, office.definitions, Known(first))
    assert was is not None
    assert was.households["household_size"].to_list() == [3, 3]
    assert listed(office, until=first) == {"a": "received", "b": "received"}


@pytest.mark.parametrize(
    ("ahead", "given_as", "code"),
    [
        (timedelta(), "day", "STO-05"),  # today is a day like others; here nothing was received
        (timedelta(seconds=-1), "moment", "STO-05"),
        (timedelta(hours=1), "moment", "USE-22"),
        (timedelta(days=2), "day", "USE-22"),
    ],
)
def test_nobody_can_say_what_will_be_known(office: Office, ahead: timedelta, given_as: str, code: str) -> None:
    moment = datetime.now().astimezone() + ahead
    with pytest.raises(CollectError) as refused:
        make_run(office.store, office.definitions, as_of=moment.date() if given_as == "day" else moment)
    assert refused.value.code == code


def test_what_was_received_before_the_clock_was_set_back_has_been(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = datetime.now().astimezone() + timedelta(hours=1)
    monkeypatch.setattr(registry, "last_received_at", lambda _engine: ahead.isoformat())
    with pytest.raises(CollectError) as refused:
        make_run(office.store, office.definitions, as_of=ahead)
    assert refused.value.code == "STO-05"


def test_the_history_of_an_interview_tells_who_did_what_and_why(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |", by="tablet 7")
    decide(office.store, uuids("a"), "sent_back", "count again", "Lan")
    office.send("| id | replaces | size |\n| b | a | 4 |")
    corrected(office, correction("b", "size", "5"))
    told = history(office.store, "uuid:a")
    assert told["event"].to_list() == ["received", "review", "edited", "lapsed", "correction"]
    assert told["by"].to_list() == ["tablet 7", "Lan", "phone", "phone", "Lan"]
    assert told.row(1, named=True)["why"] == "count again"
    assert told.row(2, named=True)["old"] == "uuid:a"
    assert told.row(4)[5:8] == ("/data/size", "4", "5")
    with pytest.raises(CollectError):
        history(office.store, "uuid:nobody")


HISTORIES = """
| decision  | then     | events         | in force |
| accepted  | a 3      | again          | accepted |
| accepted  | a 4      | changed lapsed |          |
| accepted  | b 3 of a | edited         | accepted |
| accepted  | b 4 of a | edited lapsed  |          |
| sent_back | a 4      | changed lapsed |          |
| rejected  | a 4      | changed        | rejected |
| deleted   | b 4 of a | edited         | deleted  |
| received  | a 4      | changed        |          |
"""


@pytest.mark.parametrize("row", rows_of(HISTORIES), ids=lambda row: f"{row['decision']}, {row['then']}")
def test_the_history_tells_which_decision_another_version_undid(office: Office, row: dict[str, str | None]) -> None:
    office.send("| id | size |\n| a | 3 |", by="tablet 7")
    if row["decision"] == "received":  # the last one taken back
        decide(office.store, uuids("a"), "accepted", "", "Lan")
    decide(office.store, uuids("a"), str(row["decision"]), "well asked", "Lan")
    name, size, *of = str(row["then"]).replace("of ", "").split()
    office.send(f"| id | replaces | size |\n| {name} | {' '.join(of)} | {size} |\n| z | | 3 |", by="tablet 8")
    told = history(office.store, f"uuid:{name}")
    after = told.slice(told["event"].to_list().index("review") + 1).filter(pl.col("event") != "review")
    assert after["event"].to_list() == str(row["events"]).split()
    assert set(after["by"]) == {"tablet 8"}
    lapsed = after.filter(event="lapsed").select("old", "new").rows()
    assert lapsed == ([(row["decision"], "Lan")] if "lapsed" in str(row["events"]) else [])
    stands = standing(office.store, "hh").filter(interview="uuid:a")
    assert stands["decision"].to_list() == [row["in force"]], "what is told is what holds"


def test_a_decision_holds_again_when_the_answers_it_was_made_on_come_back(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    decide(office.store, uuids("a"), "accepted", "", "Lan")
    office.send("| id | size |\n| a | 4 |")
    office.send("| id | size | remark |\n| a | 3 | |\n| z | 3 | y |")
    told = history(office.store, "uuid:a")
    assert told["event"].to_list() == ["received", "review", "changed", "lapsed", "again", "holds"]
    assert listed(office)["a"] == "accepted"


# --- the chain ---


def test_the_ledger_is_a_chain_and_a_changed_past_shows(office: Office) -> None:
    office.send("| id |\n| a |\n| b |")
    decide(office.store, uuids("a"), "accepted", "", "Lan")
    decide(office.store, uuids("b"), "rejected", "never visited", "Lan")
    assert ledger.CHAIN.first_break(ledger.entries(office.store)) is None
    with office.store.engine.begin() as connection:
        connection.execute(LEDGER.update().where(LEDGER.c.number == 1).values(by="Minh"))
    assert ledger.CHAIN.first_break(ledger.entries(office.store)) == 1
    with office.store.engine.begin() as connection:
        connection.execute(LEDGER.delete().where(LEDGER.c.number == 1))
    assert ledger.CHAIN.first_break(ledger.entries(office.store)) == 1


def test_a_clock_that_jumps_back_does_not_undo_the_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2020, 1, 1, tzinfo=UTC)

    office.send("| id |\n| a |")
    decide(office.store, uuids("a"), "rejected", "never visited", "Lan")
    monkeypatch.setattr(chain, "datetime", Yesterday)
    decide(office.store, uuids("a"), "received", "", "Lan")
    moments = [entry.at for entry in ledger.entries(office.store)]
    assert moments == sorted(moments)


def test_the_copy_beside_the_tables_makes_a_lost_ledger_again(office: Office) -> None:
    office.send("| id |\n| a |\n| b |")
    decide(office.store, uuids("a"), "accepted", "", "Lan")
    decide(office.store, uuids("b"), "rejected", "Khmer: ផ្ទះទទេ", "Lan")
    told = ledger.entries(office.store)
    with (office.store.folder / ledger.CHAIN.copy).open("ab") as file:
        file.write(b'{"number": 3, "torn')
    assert ledger.CHAIN.copied(office.store.folder) == told
    with office.store.engine.begin() as connection:
        connection.execute(LEDGER.delete())
    assert ledger.CHAIN.restore(office.store) == 2
    decide(office.store, uuids("b"), "received", "", "Lan")
    assert [entry.number for entry in ledger.CHAIN.copied(office.store.folder)] == [1, 2, 3]
    assert ledger.entries(office.store)[:2] == told


def test_queue_columns_hold_no_answers(office: Office) -> None:
    office.send("| id | remark |\n| a | secret |")
    rows = queue(office.store, office.definitions)
    assert "secret" not in rows.cast({"codes": pl.List(pl.String)}).write_json()


# --- old ids, and what the server says ---


def test_an_id_that_a_later_edit_replaced_names_its_successor(office: Office) -> None:
    office.send("| id | size |\n| a | 3 |")
    office.send("| id | replaces | size |\n| b | a | 4 |\n| c | b | 5 |")
    for old in uuids("a", "b"):
        with pytest.raises(CollectError) as error:
            decide(office.store, [old], "accepted", "", "Lan")
        assert (error.value.code, error.value.values["successor"]) == ("REV-05", "uuid:c")
        (outcome,) = correct(office.store, office.definitions, [Correction(old, "/data/size", "6", "why")], "Lan")
        assert (outcome.result, outcome.code) == ("replaced", "uuid:c")
    assert ledger.entries(office.store) == []


ON_THE_SERVER = """
| Central says | decided here | state       | counts | words                                 |
|              |              | with_issues | yes    | with issues                           |
| edited       |              | with_issues | yes    | with issues                           |
| approved     |              | accepted    | yes    | accepted (the server's decision)      |
| hasIssues    |              | with_issues | yes    | with issues (the server's decision)   |
| rejected     |              | rejected    | no     | rejected (the server's decision)      |
| rejected     | accepted     | accepted    | yes    | accepted (the server says: rejected)  |
| approved     | rejected     | rejected    | no     | rejected (the server says: accepted)  |
| approved     | sent_back    | sent_back   | no     | sent back (the server says: accepted) |
| approved     | accepted     | accepted    | yes    | accepted                              |
"""  # one answer is no choice, so by the form's own rules it has issues


@pytest.mark.parametrize(
    "row", rows_of(ON_THE_SERVER), ids=lambda row: f"{row['Central says']}, {row['decided here']} here"
)
def test_what_the_servers_reviewers_decided_is_read_and_never_overrules_this_office(
    tmp_path: Path, row: dict[str, str | None]
) -> None:
    office = Office(tmp_path)
    said = {"SubmissionDate": "2026-03-01T03:00:00.000Z", "round": "r", "interviewer": "Lan", "hamlet": "h",
            "number": "1", "day": "2026-03-01", "size": "3", "fibre": "perhaps", "remark": "",
            "KEY": "uuid:a", "ReviewState": row["Central says"] or "", "FormVersion": "1"}  # fmt: skip
    (tmp_path / "hh.csv").write_text(",".join(said) + "\n" + ",".join(said.values()) + "\n", encoding="utf-8")
    add_file(office.store, tmp_path / "hh.csv", office.definitions)
    if row["decided here"]:
        decide(office.store, uuids("a"), row["decided here"], "seen", "Lan")
    every = Filters(states=STATES)
    found = queue(office.store, office.definitions, every).row(0, named=True)
    assert (found["state"], state_of(found, "en")) == (row["state"], row["words"])
    assert counted(office) == (["a"] if row["counts"] == "yes" else [])
    office.close()
