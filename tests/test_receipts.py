"""Files handed in together: counted against what is stored and against one another, before and after storing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from check_tables import form_of, rows_of
from field_office import CHOICES, DESIGN, SETTINGS, SURVEY, Office, submission, the_form

from collect.i18n.figures import counted
from collect.intake import Asked, Receipt, add_file
from collect.pages import upload_lines
from collect.receipts import SUBMISSION, Part, total
from collect.review import reviews
from collect.runs import gather
from collect.tables import ISSUES
from collect.wording.receipts import issue_counts, receipt_data, receipt_lines

GOOD = """
    | id | replaces | size |
    | a  |          | 3    |
    | b  |          | 4    |
    | c  |          | 99   |
"""
OTHERS = """
    | id | replaces | size |
    | d  |          | 3    |
    | e  |          | 77   |
"""
CHANGED = """
    | id | replaces | size |
    | a  |          | 5    |
    | b  |          | 4    |
    | c  |          | 98   |
"""
EDITED = """
    | id | replaces | size |
    | f  | c        | 4    |
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def hand_in(office: Office, *tables: str, dry_run: bool) -> list[Receipt]:
    """Each table as a folder of submissions, one after the other."""
    receipts: list[Receipt] = []
    for table in tables:
        office.sent += 1
        folder = office.folder / f"handed-{office.sent}"
        folder.mkdir()
        for row in rows_of(table):
            (folder / f"{row['id']}.xml").write_text(submission(row), encoding="utf-8")
        asked = Asked(name=folder.name, after=receipts)
        receipts.append(add_file(office.store, folder, office.definitions, asked, dry_run=dry_run))
    return receipts


def news(receipts: list[Receipt] | tuple[Receipt, ...]) -> list[tuple[int, int, int]]:
    return [(part.new, part.changed, part.duplicate) for one in receipts for part in one.parts]


def test_files_that_go_together_are_previewed_as_they_will_be_stored(office: Office) -> None:
    files = (GOOD, OTHERS, CHANGED, EDITED)
    previewed = hand_in(office, *files, dry_run=True)
    assert news(previewed) == [(3, 0, 0), (2, 0, 0), (0, 2, 1), (0, 1, 0)]
    stored = hand_in(office, *files, dry_run=False)
    assert news(stored) == news(previewed)
    assert total(stored) == total(previewed)


def test_what_is_stored_already_stays_a_duplicate_whatever_goes_with_it(office: Office) -> None:
    hand_in(office, GOOD, dry_run=False)
    previewed = hand_in(office, OTHERS, CHANGED, GOOD + "    | g  |          | 3    |\n", dry_run=True)
    assert news(previewed) == [(2, 0, 0), (0, 2, 1), (1, 0, 3)]


def test_the_same_bytes_under_two_names_are_new_once(office: Office) -> None:
    first, twin = hand_in(office, GOOD, GOOD, dry_run=True)
    assert (first.again, twin.again, twin.stored) == (False, True, False)
    assert news((first, twin)) == [(3, 0, 0), (0, 0, 3)]
    assert total([first, twin]).new == 3


def test_an_interview_in_several_files_is_counted_once_with_its_last_answers(office: Office) -> None:
    stored = hand_in(office, GOOD, OTHERS, CHANGED, EDITED, dry_run=False)
    whole = total(stored)
    assert (whole.counting, whole.with_issues) == (4, 1)  # c was mended by its edit f; e breaks a rule
    queue = reviews.queue(office.store, office.definitions)
    assert (queue.height, queue.filter(state="with_issues").height) == (5, 1)


def test_what_is_new_or_changed_is_told_to_the_last_one() -> None:
    statuses = ["accepted", "accepted", "with_issues", "no_consent", "rejected", "accepted"]
    rows: list[tuple[str | None, ...]] = [
        (f"{place}", None, "x", "new", status) for place, status in enumerate(statuses)
    ]
    rows += [("0", None, "y", "changed", "no_consent"), ("9", "1", "z", "changed", "accepted")]
    rows += [("7", None, "x", "duplicate", "no_consent")]
    submissions = pl.DataFrame(rows, schema=SUBMISSION, orient="row")
    part = Part("hh", "1", "central-csv", 9, 0, 6, 2, 1, 1, 0, ISSUES.empty(), submissions)
    receipt = Receipt("a.csv", "a", again=False, stored=True, parts=(part,))
    whole = total([receipt])
    told = (whole.counting, whole.with_issues, whole.no_consent, whole.rejected, whole.earlier)
    assert told == (2, 1, 2, 1, 2)
    assert sum(told) == whole.new + whole.changed
    assert upload_lines.kept(whole, "en") == (
        "3 interviews count when the results are made next."
        " 1 of them has issues: the answers at fault do not count until they are mended."
        " 2 without consent: kept, not counted. 1 rejected on the server they came from: kept, not counted."
        " 2 replaced by a later version in these files: kept; the newest counts."
    )
    assert "    3 of them without consent: kept, not counted" in receipt_lines(receipt, "en")


HANDED_IN: dict[str, tuple[str, ...]] = {
    "all good": ("| id | size |\n| a | 3 |\n| b | 4 |",),
    "issues count": ("| id | size |\n| a | 99 |\n| b | 4 |\n| c | 98 |",),
    "nothing but issues": ("| id | size |\n| a | 99 |",),
    "mended by an edit": (GOOD, EDITED),
    "changed in a later file": (GOOD, OTHERS, CHANGED),
    "no consent, with issues and without": (
        "| id | size | fibre |\n| a | 99 | no |\n| b | 98 | yes |\n| c | 3 | no |",
    ),
    "the same bytes twice": (OTHERS, OTHERS),
}


@pytest.mark.parametrize("tables", HANDED_IN.values(), ids=list(HANDED_IN))
@pytest.mark.parametrize("dry_run", [True, False])
def test_the_page_counts_what_a_run_counts(tmp_path: Path, tables: tuple[str, ...], dry_run: bool) -> None:
    office = Office(tmp_path, form=the_form(replace(DESIGN, consent="/data/fibre")))
    told = total(hand_in(office, *tables, dry_run=dry_run))
    if dry_run:
        hand_in(office, *tables, dry_run=False)
    found = gather(office.store, office.form, office.definitions)
    assert found is not None
    assert told.counted == found.households.height
    assert told.with_issues == found.households.filter(status="with_issues").height
    office.close()


def test_a_receipt_as_data_says_how_many_issues_follow_from_another() -> None:
    details = ['{"follows": "DAT-02"}', '{"follows": "DAT-02"}', "{}"]
    issues = pl.DataFrame(
        [{"code": "DAT-03", "severity": "warning", "submission_id": f"{one}", "details": one} for one in details]
    )
    assert issue_counts(issues).select("issues", "follows").row(0) == (3, 2)


DRAFTS = """
    | id | replaces | size | device | start               |
    | a  |          | 3    | t-1    | 2026-03-01T08:00:00 |
    | b  |          | 3    | t-1    | 2026-03-01T08:00:01 |
    | c  |          | 3    | t-2    | 2026-03-01T08:00:00 |
"""
SENT_AGAIN = """
    | id | replaces | size | device | start                         | remark    |
    | d  |          | 4    | t-1    | 2026-03-01T08:00:00.000+07:00 | a draft   |
    | e  |          | 9    | t-3    | 2026-03-01T08:00:00           | another   |
    | f  |          | 8    | t-3    | 2026-03-01T08:00:00           | the same  |
    | g  | b        | 8    | t-1    | 2026-03-01T08:00:01           | an edit   |
    | c  |          | 5    | t-2    | 2026-03-01T08:00:00           | changed   |
"""


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_interview_sent_again_under_another_id_is_told_in_the_receipt(tmp_path: Path, dry_run: bool) -> None:
    asked = (
        SURVEY
        + """
    | start    | start  |  |  |  |
    | deviceid | device |  |  |  |
    """
    )
    office = Office(tmp_path, form=form_of(asked, replace(DESIGN, started_at="/data/start"), CHOICES, SETTINGS))
    first, second = hand_in(office, DRAFTS, SENT_AGAIN, dry_run=dry_run)
    assert [part.alike for one in (first, second) for part in one.parts] == [0, 2]  # d of a, f of e
    line = f"{counted('receipt.alike', 2, 'en')} collect review duplicates"
    assert line in "\n".join(receipt_lines(second, "en"))
    assert "another id" not in "\n".join(receipt_lines(first, "en"))
    assert receipt_data(second)["parts"][0]["alike"] == 2
    office.close()


def test_interviews_that_say_too_little_are_not_told_as_sent_again(office: Office) -> None:
    few = "| id | size |\n| a | 3 |\n| b | 3 |"
    (receipt,) = hand_in(office, few, dry_run=False)
    assert [part.alike for part in receipt.parts] == [0]


def test_duplicates_and_refusals_neither_count_anew_nor_wait_for_mending(office: Office) -> None:
    hand_in(office, GOOD, dry_run=False)
    again = hand_in(office, GOOD + "    | g  |          | 3    |\n", dry_run=False)
    assert (total(again).counting, total(again).with_issues) == (1, 0)


def test_interviews_without_consent_are_not_told_as_waiting_to_be_mended(tmp_path: Path) -> None:
    office = Office(tmp_path, form=the_form(replace(DESIGN, consent="/data/fibre")))
    rows = "| id | size | fibre |\n| a | 99 | no |\n| b | 98 | yes |\n| c | 3 | yes |"
    (receipt,) = hand_in(office, rows, dry_run=False)
    told = [(part.with_issues, part.no_consent) for part in receipt.parts]
    assert told == [(total([receipt]).with_issues, total([receipt]).no_consent)] == [(1, 1)]
    office.close()
