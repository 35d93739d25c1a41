"""What the team says of a file only after it was received: in which order its days stand, how its letters are coded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest
from click.testing import CliRunner

from collect import registry
from collect.cli import main
from collect.i18n import LANGUAGES, t
from collect.intake import Asked, Receipt, add_file
from collect.journey import Definitions
from collect.keeping.mending import open_mended
from collect.problems import ExportError
from collect.rebuild import rebuild
from collect.review.corrections import amended
from collect.review.reviews import Correction, correct
from collect.review.standing import standing
from collect.runs import gather
from collect.store import Store
from collect.wording.asking import asks, questions_asked
from collect.wording.issues import words_of

HEADS = "SubmissionDate,meta-instanceID,today,interview-interviewer,KEY,FormVersion"
NUMBERS = "SubmissionDate,meta-instanceID,consent,household-size,KEY,FormVersion"
DOUBTFUL = '2026-11-21T08:00:00.000Z,uuid:{0},yes,"{1}",uuid:{0},2026092801'
AMBIGUOUS = "2026-11-21T08:00:00.000Z,uuid:{0},7/10/2026,{1},uuid:{0},2026092801"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two interviews of 7 October or 10 July, by somebody whose name has letters of windows-1252 or TCVN3."""
    path = tmp_path / "household.csv"
    rows = [HEADS, *(AMBIGUOUS.format(number, "C\xe1") for number in (1, 2))]
    path.write_bytes("\n".join(rows).encode("latin-1"))
    return path


class Team:
    """Hands one file in, and says what it knows of it."""

    def __init__(self, store: Store, definitions: Definitions, path: Path) -> None:
        self.store, self.definitions, self.path = store, definitions, path

    def say(self, dates: str = "", encoding: str = "", *, dry_run: bool = False) -> Receipt:
        return self.hand_in(Asked("Lan", encoding=encoding, dates=dates), dry_run=dry_run)

    def hand_in(self, asked: Asked, *, dry_run: bool = False) -> Receipt:
        return add_file(self.store, self.path, self.definitions, asked, dry_run=dry_run)

    def table(self, name: str) -> pl.DataFrame:
        (part,) = registry.parts_of(self.store.engine)
        return self.store.read_part("household", name, part["upload_id"])

    def days(self) -> list[date | None]:
        return self.table("households")["interviewed_on"].to_list()

    def names(self) -> set[str]:
        return set(self.table("answers")["/data/interview/interviewer"])

    def row(self) -> tuple[str, str]:
        (upload,) = registry.uploads(self.store.engine)
        return upload["forced_dates"], upload["forced_encoding"]

    def tables(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted((self.store.folder / "tables").rglob("*.parquet"))}


@pytest.fixture
def team(store: Store, definitions: Definitions, table: Path) -> Team:
    made = Team(store, definitions, table)
    made.say(encoding="windows-1252")
    assert made.days() == [None, None]
    return made


def test_the_order_of_days_said_of_bytes_received_before_is_obeyed_and_said_otherwise_again(team: Team) -> None:
    for order, day in (("dmy", date(2026, 10, 7)), ("mdy", date(2026, 7, 10)), ("dmy", date(2026, 10, 7))):
        for dry_run in (True, False):
            receipt = team.say(order, dry_run=dry_run)
            assert (receipt.again, receipt.stored) == (False, not dry_run)
            assert news(receipt) == (0, 2, 0), "both mean another day now"
        assert team.days() == [day, day]
        assert team.row() == (order, "windows-1252"), "what was said of its letters still holds"


def news(receipt: Receipt) -> tuple[int, int, int]:
    part = receipt.parts[0]
    assert part.submissions["news"].to_list().count("changed") == part.changed
    return part.new, part.changed, part.duplicate


def test_what_was_said_already_changes_nothing_and_nor_does_silence(team: Team) -> None:
    team.say("dmy")
    made = team.tables()
    assert team.say("dmy").again
    assert team.say().again
    assert team.tables() == made
    assert team.row() == ("dmy", "windows-1252")


def test_another_encoding_said_later_is_obeyed(team: Team) -> None:
    assert team.names() == {"Cá"}
    receipt = team.say(encoding="tcvn3")
    assert (receipt.again, news(receipt)) == (False, (0, 2, 0))
    assert team.names() == {"Cỏ"}


def test_a_dry_run_says_what_would_come_of_it_and_stores_nothing(team: Team) -> None:
    made = team.tables()
    receipt = team.say("dmy", dry_run=True)
    assert (receipt.again, receipt.stored) == (False, False)
    assert "TYP-01" not in receipt.parts[0].issues["code"]
    assert (team.tables(), team.row()) == (made, ("", "windows-1252"))


def test_an_encoding_that_does_not_fit_is_told_and_all_stays_as_it_was(team: Team) -> None:
    made = team.tables()
    with pytest.raises(ExportError) as caught:
        team.say("dmy", "utf-8")
    assert caught.value.code == "IN-06"
    assert (team.tables(), team.row()) == (made, ("", "windows-1252"))


def test_tables_made_again_are_those_of_what_was_said_last_without_the_registry_too(team: Team) -> None:
    team.say("dmy")
    team.say("mdy")
    made = team.tables()
    rebuild(team.store, team.definitions)
    assert team.tables() == made
    team.store.engine.dispose()
    (team.store.folder / "collect.db").unlink()
    team.store = open_mended(team.store.settings)
    rebuild(team.store, team.definitions)
    assert team.row() == ("mdy", "windows-1252")
    assert team.tables() == made


# --- numbers ---


@pytest.fixture
def counted_team(store: Store, definitions: Definitions, tmp_path: Path) -> Team:
    """Households of 3,000 or 3 people, and of 4."""
    path = tmp_path / "household.csv"
    path.write_text("\n".join([NUMBERS, DOUBTFUL.format(1, "3,000"), DOUBTFUL.format(2, "4")]), encoding="utf-8")
    made = Team(store, definitions, path)
    assert asks(made.hand_in(Asked("Lan"))) == {"asks": {"decimals": 1}}
    return made


def sizes(team: Team) -> list[int | None]:
    found: list[int | None] = team.table("households")["/data/household/size"].to_list()
    return found


def test_the_decimal_sign_said_of_bytes_received_before_is_obeyed_remembered_and_made_again(counted_team: Team) -> None:
    for sign, read in (("point", 3000), ("comma", 3), ("", 3), ("point", 3000)):
        receipt = counted_team.hand_in(Asked("Lan", decimals=sign))
        assert receipt.again is (sign == "")
        assert (receipt.parts[0].changed, receipt.parts[0].duplicate) == ((1, 1) if sign else (0, 2)), "3,000; not 4"
        assert asks(receipt) == {"asks": {}}
        assert sizes(counted_team) == [read, 4]
        (upload,) = registry.uploads(counted_team.store.engine)
        assert upload["forced_decimals"] == (sign or "comma")
    made = counted_team.tables()
    rebuild(counted_team.store, counted_team.definitions)
    assert counted_team.tables() == made


def test_the_command_line_asks_for_the_decimal_sign_and_takes_the_answer(counted_team: Team) -> None:
    settings = counted_team.store.settings
    environment = {"COLLECT_DATA": str(settings.data), "COLLECT_DATABASE": settings.database}
    for lang in LANGUAGES:
        said = CliRunner().invoke(main, ["--lang", lang, "add", str(counted_team.path)], env=environment)
        assert "--decimal comma" in said.output
        assert "--decimal point" in said.output
    told = ["add", "--json", "--decimal", "comma", str(counted_team.path)]
    assert json.loads(CliRunner().invoke(main, told, env=environment).stdout)[0]["asks"] == {}
    assert sizes(counted_team) == [3, 4]


@pytest.mark.parametrize("said_first", [True, False])
def test_an_answer_put_right_leaves_the_decimal_sign_as_it_was_said(counted_team: Team, said_first: bool) -> None:
    """Also where it was said after the correction; and a doubtful cell can be put right by itself."""
    size, person = "/data/household/size", "/data/interview/interviewer"
    asked = Asked("Lan", decimals="comma")
    if said_first:
        counted_team.hand_in(asked)
    wanted = Correction("uuid:1", person, "DEMO-12", "it was she")
    assert correct(counted_team.store, counted_team.definitions, [wanted], "Lan")[0].result == "applied"
    if not said_first:
        counted_team.hand_in(asked)
    form = counted_team.definitions.form("household")
    found = gather(counted_team.store, form, counted_team.definitions)
    assert found is not None
    assert dict(found.households.select("submission_id", size).iter_rows()) == {"uuid:1": 3, "uuid:2": 4}


def test_a_doubtful_number_is_put_right_by_itself_too(counted_team: Team) -> None:
    size = "/data/household/size"
    wanted = Correction("uuid:1", size, "3", "asked again")
    assert correct(counted_team.store, counted_team.definitions, [wanted], "Lan")[0].result == "applied"
    found = gather(counted_team.store, counted_team.definitions.form("household"), counted_team.definitions)
    assert found is not None
    assert sorted(found.households[size].to_list()) == [3, 4]


# --- a form that was not here ---

SUBMISSION = '<data id="{0}" version="1"><meta><instanceID>uuid:{0}</instanceID></meta></data>'


def test_a_file_sent_again_is_read_anew_where_a_form_it_lacked_was_added(
    store: Store, definitions: Definitions, tmp_path: Path
) -> None:
    path = tmp_path / "day.zip"
    every = [form.form_id for form in definitions.forms]
    assert len(every) > 1
    with ZipFile(path, "w") as archive:
        for name in every:
            archive.writestr(f"{name}.xml", SUBMISSION.format(name))
    one = replace(definitions, forms=definitions.forms[:1])

    def sent(known: Definitions) -> tuple[bool, list[str]]:
        receipt = add_file(store, path, known, Asked("Lan"))
        return receipt.again, sorted(part["form"] for part in registry.parts_of(store.engine, receipt.upload_id))

    assert sent(one) == (False, every[:1])
    assert sent(one) == (True, every[:1])
    assert sent(definitions) == (False, sorted(every))
    assert sent(definitions) == (True, sorted(every))
    assert sent(one) == (True, sorted(every)), "what was read stays read"


# --- asked for on the command line ---


def test_the_receipt_asks_for_the_order_of_days_and_no_longer_once_it_was_said(team: Team) -> None:
    receipt = team.say()
    assert asks(receipt) == {"asks": {"dates": 2}}
    for lang in LANGUAGES:
        (line,) = questions_asked(receipt, lang)
        assert "2" in line
        assert "--dates dmy" in line
        assert "--dates mdy" in line
    answered = team.say("mdy")
    assert asks(answered) == {"asks": {}}
    assert questions_asked(answered, "en") == []


def test_the_command_line_prints_the_question_and_its_json_has_it(team: Team) -> None:
    settings = team.store.settings
    environment = {"COLLECT_DATA": str(settings.data), "COLLECT_DATABASE": settings.database, "COLLECT_WORKER": "off"}
    said = CliRunner().invoke(main, ["--lang", "en", "add", str(team.path)], env=environment)
    assert "--dates dmy (day first)" in said.output
    assert "✓" in said.output, "letters told before need not be told again, though this file is read right here"
    data = CliRunner().invoke(main, ["add", "--json", str(team.path)], env=environment)
    assert json.loads(data.stdout)[0]["asks"] == {"dates": 2}


def test_what_a_reader_of_the_issues_is_told_names_no_option_of_a_command(team: Team) -> None:
    (issue, _other) = team.say().parts[0].issues.filter(code="TYP-01").iter_rows(named=True)
    for lang in LANGUAGES:
        words = " ".join(words_of(issue, None, lang)[1:])
        assert "--" not in words
        assert t("reading.day_or_month_first", lang) in words


def test_the_order_of_days_that_was_said_still_holds_when_another_answer_is_put_right(team: Team) -> None:
    team.say("mdy")
    wanted = Correction("uuid:1", "/data/interview/interviewer", "DEMO-12", "it was she")
    assert correct(team.store, team.definitions, [wanted], "Lan")[0].result == "applied"
    amended_days = amended(team.store, team.definitions.form("household"), standing(team.store, "household"))
    (upload,) = registry.uploads(team.store.engine)
    frame = amended_days[upload["upload_id"]].frames["households"]
    assert frame.select("submission_id", "interviewed_on").rows() == [("uuid:1", date(2026, 7, 10))]
    assert team.row() == ("mdy", "windows-1252")


def test_a_day_that_the_other_days_told_stays_read_when_another_answer_is_put_right(
    store: Store, definitions: Definitions, tmp_path: Path
) -> None:
    path, told = tmp_path / "household.csv", AMBIGUOUS.format(2, "DEMO-11").replace("7/10/2026", "25/10/2026")
    path.write_text(f"{HEADS},consent\n{AMBIGUOUS.format(1, 'DEMO-11')},yes\n{told},yes\n")
    add_file(store, path, definitions, Asked("Lan"))
    asked = Correction("uuid:1", "/data/interview/interviewer", "DEMO-12", "it was she")
    (done,) = correct(store, definitions, [asked], "Lan")
    found = gather(store, definitions.form("household"), definitions)
    assert (done.result, found is not None) == ("applied", True)
    days = dict(found.households.select("submission_id", "interviewed_on").iter_rows()) if found else {}
    assert days == {"uuid:1": date(2026, 10, 7), "uuid:2": date(2026, 10, 25)}
