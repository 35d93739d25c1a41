"""The survey team's pages over a real store, without a browser: what each shows, to whom, and what a click does."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import vl_convert
from made_rounds import renamed, settings_in, stored, submissions, zipped
from pages_opened import open_page, page_of_app
from streamlit.testing.v1 import AppTest
from survey_tables import target

from collect import harmless, registry
from collect.access import ANYBODY, LOCAL, Forbidden, Scope, Who
from collect.demo import make_round
from collect.fieldwork import Field
from collect.i18n import LANGUAGES, t
from collect.intake import Asked
from collect.pages import (
    doors,
    field_charts,
    forms_page,
    live_field,
    live_reviews,
    progress_page,
    review_open,
    take_away,
)
from collect.pages.review_words import short
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.publish import qr
from collect.review.reviews import Correction
from collect.review.sheet import corrections_in, write, write_csv
from collect.settings import Settings, settings_from
from collect.store import Store

Open = Callable[..., AppTest]
LAN = Who("Lan", "survey", subject="1")
SOK = Who("Sok", "survey", subject="2")
MINH = Who("Minh", "planner", subject="3")
LY = Who("Ly", "partner", subject="4")
HOA = Who("Hoa", "planner", subject="9")
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("review", {}), ("review", {"view": "pairs"}), ("quality", {}), ("quality", {"section": "interviewers"}),
    ("quality", {"section": "times"}), ("quality", {"section": "places"}), ("quality", {"section": "pairs"}),
    ("progress", {}), ("progress", {"progress": "communes"}), ("progress", {"progress": "clusters"}),
    ("progress", {"progress": "days"}), ("forms", {}), ("forms", {"of_form": "files"}),
    ("forms", {"of_form": "phones"}), ("forms", {"of_form": "check"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("survey"))


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    """Lan sent two teams' files, Sok one and then five interviews of it once more; the office sent the frame."""
    made = make_round(settings.data / "demo", households=400)
    again = [renamed(text, f"uuid:again-{place}") for place, text in enumerate(submissions(made.files[2])[:5])]
    twice = zipped(again, settings.data / "again.zip")
    sent = [(made.files[0], LAN), (made.files[1], LAN), (made.files[2], SOK), (twice, SOK), (made.frame, MINH)]
    with stored(settings, [(path, Asked(by=who.signature)) for path, who in sent]) as opened:
        yield opened


@pytest.fixture
def page(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("COLLECT_DATA", str(settings.data))
    monkeypatch.setenv("COLLECT_WORKER", "off")

    def opened(name: str, lang: str = "en", who: Who = LOCAL, **codes: str) -> AppTest:
        monkeypatch.setattr(doors, "visitor", lambda _settings: who)
        return page_of_app(name, lang, **codes)

    return opened


def tick(app: AppTest, *rows: int, of: str = review_open.INTERVIEWS) -> None:
    """Tick rows of the list of interviews, or of pairs."""
    key = app.session_state[f"{of}-open"].key
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    app.run()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_view_of_every_page_is_drawn_in_every_language(page: Open, lang: str) -> None:
    for name, codes in VIEWS:
        app = page(name, lang, **codes)
        assert not app.exception, (name, codes)
        assert not app.error, (name, codes)
        assert len(app.title) == 1


@pytest.mark.parametrize("name", ["review", "quality", "progress"])
@pytest.mark.parametrize("made_up", [True, False])
def test_made_up_interviews_are_said_to_be_made_up(
    page: Open, monkeypatch: pytest.MonkeyPatch, name: str, made_up: bool
) -> None:
    monkeypatch.setattr("collect.runs.MADE_UP_ROUNDS", "demo" if made_up else "trial")
    assert any("Made-up data" in one.value for one in page(name).warning) == made_up


@pytest.mark.parametrize("name", ["review", "quality", "progress", "forms"])
def test_a_survey_team_may_open_its_pages(page: Open, name: str) -> None:
    app = page(name, who=LAN)
    assert not app.exception
    assert not app.error


def test_a_survey_team_sees_only_what_it_sent(settings: Settings, store: Store) -> None:
    everything = live_reviews.reviewing(settings, MINH).queue()
    lan, sok = (live_reviews.reviewing(settings, who).queue() for who in (LAN, SOK))
    assert set(lan["received_by"]) == {LAN.signature}
    assert lan.height + sok.height == everything.height
    assert live_field.quality(settings, SOK, "household", "en").field.interviews["sent_by"].unique().to_list() == [
        SOK.signature
    ]
    assert live_field.coverage(settings, LAN, "en").by_day["interviews"].sum() < everything.height


def test_hamlets_done_are_counted_over_all_teams_for_every_team(settings: Settings, store: Store) -> None:
    lan, minh = (live_field.coverage(settings, who, "en") for who in (LAN, MINH))
    assert lan.clusters.equals(minh.clusters)
    assert minh.clusters.height > 0


def test_hamlets_drawn_for_another_round_are_no_work_of_this_one(tmp_path: Path) -> None:
    """Last year's frame bears its round and drew other hamlets; whichever came last, this year's are counted alone."""
    for name, last in (("old last", True), ("old first", False)):
        here = settings_in(tmp_path / name)
        made = make_round(here.data / "demo", households=400)
        frame = pl.read_csv(made.frame)
        old = here.data / "old.csv"
        frame.with_columns(~pl.col("selected"), round=pl.lit("demo-2025")).write_csv(old)
        frames = [made.frame, old] if last else [old, made.frame]
        with stored(here, [(path, Asked(by="Minh")) for path in (*made.files, *frames)]):
            found = live_field.coverage(here, MINH, "en")
            assert set(found.clusters["cluster"]) == set(frame.filter("selected")["cluster"])


def test_the_targets_of_a_step_are_named_shortly_and_with_the_year_where_several_bear_a_number() -> None:
    made = [replace(target(">=", "1/2", indicator=name), target_id=f"{name}-{year}", year=year)
            for name, year in (("S4", 2025), ("S6", 2025), ("S6", 2030))]  # fmt: skip
    made.append(replace(made[0], target_id="S4-2030", year=2030, level="province"))
    assert live_field.short_names(made) == {"S4-2025": "S4", "S6-2025": "S6 2025", "S6-2030": "S6 2030"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_where_there_are_several_rounds_pages_say_which_they_count(
    page: Open, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    def said(name: str) -> list[str]:
        app = page(name, lang)
        assert not app.exception
        return [one.value for one in app.caption]

    both, latest = t("quality.rounds", lang, rounds="demo, demo-2"), t("progress.round", lang, round="demo-2")
    ours = live_field._field

    def with_a_round_before(*asked: object) -> Field:
        found = ours(*asked)  # type: ignore[arg-type]  # as the page asks
        last = pl.col("interviewed_on") == pl.col("interviewed_on").max()
        rounds = pl.when(last).then(pl.lit("demo-2")).otherwise(pl.lit("demo"))
        return replace(found, interviews=found.interviews.with_columns(round=rounds))

    assert not [text for name in ("quality", "progress") for text in said(name) if text in (both, latest)]
    monkeypatch.setattr(live_field, "_field", with_a_round_before)
    plain = [text.replace("\\", "") for text in (*said("quality"), *said("progress"))]
    assert both in plain
    assert latest in plain


def test_another_teams_interview_cannot_be_opened_decided_or_corrected(settings: Settings, store: Store) -> None:
    theirs = live_reviews.reviewing(settings, SOK).queue()["submission_id"][0]
    lan = live_reviews.reviewing(settings, LAN)
    for ask in (
        lambda: lan.opened(theirs, "en"),
        lambda: lan.history(theirs),
        lambda: lan.decide([theirs], "accepted", ""),
    ):
        with pytest.raises(Forbidden):
            ask()
    tried = lan.correct([Correction(theirs, "/data/household/size", "5"), Correction("uuid:nobody", "/data/x", "1")])
    assert [one.result for one in tried] == ["unknown_submission"] * 2


def test_a_survey_team_decides_nothing_even_of_its_own(settings: Settings, store: Store) -> None:
    lan = live_reviews.reviewing(settings, LAN)
    own = lan.queue()["submission_id"].to_list()
    with pytest.raises(Forbidden):
        lan.decide(own[:1], "accepted", "")
    with pytest.raises(Forbidden):
        lan.judge(own[0], own[1], True, "")


@pytest.mark.parametrize("what", ["forms", "quality", "coverage", "form_files", "template", "reviewing"])
def test_a_partner_gets_nothing_from_any_data_function(settings: Settings, store: Store, what: str) -> None:
    more = {
        "quality": ("household", "en"),
        "coverage": ("en",),
        "form_files": ("household",),
        "template": ("household", "xlsx", "en"),
    }
    ask = live_reviews.reviewing if what == "reviewing" else getattr(live_field, what)
    with pytest.raises(Forbidden):
        ask(settings, LY, *more.get(what, ()))


def test_a_version_is_counted_by_the_submissions_that_name_it(tmp_path: Path) -> None:
    """Two interviews name a version that is not here; then they and three more come and name the one that is."""
    settings = settings_in(tmp_path)
    made = make_round(settings.data / "demo", households=60)
    texts = submissions(made.files[2])
    here = re.search(r'version="(\d{6,})"', texts[0])
    assert here
    texts = [renamed(text, f"uuid:{place}") for place, text in enumerate(texts)]
    early = [text.replace(here[0], 'version="2025050601"', 1) for text in texts[:2]]
    paths = [zipped(early, settings.data / "early.zip"), zipped(texts[:5], settings.data / "again.zip")]
    with stored(settings, [(path, Asked(by=LAN.signature)) for path in paths]) as opened:
        assert live_field.form_files(settings, MINH, "household").received == {here[1]: 5}
        told = [part["form_version"] for part in registry.parts_of(opened.engine)]
    assert told == ["2025050601", here[1]]


def test_a_scope_of_communes_holds_for_every_page(settings: Settings, store: Store) -> None:
    code = live_reviews.reviewing(settings, MINH).queue()["commune_code"].drop_nulls()[0]
    narrow = Who("Tam", "planner", Scope(communes=frozenset({code})), subject="5")
    assert live_reviews.reviewing(settings, narrow).queue()["commune_code"].unique().to_list() == [code]
    assert live_field.quality(settings, narrow, "household", "en").field.interviews[
        "commune_code"
    ].unique().to_list() == [code]
    assert set(live_field.coverage(settings, narrow, "en").communes["commune_code"]) == {code}


def test_sending_back_needs_a_reason_and_is_written_down_with_who_did_it(
    page: Open, settings: Settings, store: Store
) -> None:
    app = page("review", who=MINH)
    ident = live_reviews.reviewing(settings, MINH).queue().filter(state="with_issues")["submission_id"][0]
    app.button(key=f"sent_back-{ident}").click().run()
    assert app.error[0].value == "Give a reason before sending back or rejecting."
    app.text_input(key=f"reason-{ident}").set_value("ask the age again")
    app.button(key=f"sent_back-{ident}").click().run()
    row = live_reviews.reviewing(settings, MINH).queue().filter(submission_id=ident).row(0, named=True)
    assert (row["state"], row["reason"], row["decided_by"]) == ("sent_back", "ask the age again", MINH.signature)
    live_reviews.reviewing(settings, MINH).decide([ident], "received", "")


def test_a_decision_on_what_another_window_decided_meanwhile_is_not_written_and_told(
    page: Open, settings: Settings, store: Store
) -> None:
    desk = live_reviews.reviewing(settings, MINH)
    ident = desk.queue().filter(state="with_issues")["submission_id"][0]
    app = page("review", who=MINH)
    app.text_input(key=f"reason-{ident}").set_value("never visited")
    live_reviews.reviewing(settings, HOA).decide([ident], "accepted", "")
    app.button(key=f"rejected-{ident}").click().run()
    (told,) = [one.value for one in app.error]
    assert told.startswith(f"Interview {ident.removeprefix('uuid:')[:8]} was left as it is: it was changed elsewhere")
    assert "Hoa" in told
    assert "now “accepted”" in told
    assert app.text_input(key=f"reason-{ident}").value == "never visited"
    assert dict(desk.queue().select("submission_id", "state").iter_rows())[ident] == "accepted"
    assert not app.run().error
    desk.decide([ident], "received", "")


@pytest.mark.parametrize("place", [0, 3])
def test_the_interview_open_in_one_window_stays_open_whatever_another_decides(
    page: Open, settings: Settings, store: Store, place: int
) -> None:
    desk = live_reviews.reviewing(settings, MINH)
    ids = desk.queue().filter(state="with_issues")["submission_id"].to_list()
    app, mine, others = page("review", who=MINH), ids[place], [one for at, one in enumerate(ids[:5]) if at != place]
    if place:
        tick(app, place)
    for other in others:  # rows above it and below it
        live_reviews.reviewing(settings, HOA).decide([other], "accepted", "")
        app.text_input(key=f"reason-{mine}").set_value(f"not {other}").run()
        assert app.text_input(key=f"reason-{mine}").value == f"not {other}"
        assert not [*app.warning[1:], *app.error]
    live_reviews.reviewing(settings, HOA).decide([mine], "accepted", "")
    for _ in range(2):  # said for as long as it is open
        app.text_input(key=f"reason-{mine}").set_value("kept").run()
        told = app.warning[-1].value
        assert all(words in told for words in (mine.removeprefix("uuid:")[:8], "Hoa", "now “accepted”")), told
    app.button(key=f"rejected-{mine}").click().run()  # seen as it is now, and decided on
    assert not app.error
    assert dict(desk.queue().select("submission_id", "state").iter_rows())[mine] == "rejected"
    assert app.button(key=f"accepted-{ids[5]}"), "and what follows in the list is open"
    assert len(app.warning) == 1
    desk.decide([mine, *others], "received", "")


def test_a_reason_typed_is_still_there_after_a_look_at_another_interview(
    page: Open, settings: Settings, store: Store
) -> None:
    ids = live_reviews.reviewing(settings, MINH).queue().filter(state="with_issues")["submission_id"]
    app = page("review", who=MINH)
    app.text_input(key=f"reason-{ids[0]}").set_value("never visited").run()
    tick(app, 2)
    assert app.text_input(key=f"reason-{ids[2]}").value == ""
    tick(app, 0)
    assert app.text_input(key=f"reason-{ids[0]}").value == "never visited"
    tick(app)
    assert [one.value for one in app.info] == ["Choose a row to open it."]


def test_one_interview_is_opened_and_several_are_decided_on_only_where_somebody_ticked_them(
    page: Open, settings: Settings, store: Store
) -> None:
    ids = live_reviews.reviewing(settings, MINH).queue().filter(state="with_issues")["submission_id"]
    app = page("review", who=MINH)
    assert app.button(key=f"accepted-{ids[0]}")
    assert not [one for one in app.button if str(one.key).startswith("several-")]
    app.toggle(key="several").set_value(True).run()
    assert "Tick the rows to decide on." in [one.value for one in app.info]
    assert not [one for one in app.button if str(one.key).startswith(("several-", "accepted-"))]
    app.session_state[f"review-rows-{ids.hash().sum()}"] = {"selection": {"rows": [1, 2], "columns": [], "cells": []}}
    app.run()
    assert "### 2 interviews chosen" in [one.value for one in app.markdown]
    app.multiselect(key="state").set_value(["received"]).run()  # other rows: nothing of them is ticked
    assert "### 2 interviews chosen" not in [one.value for one in app.markdown]


def test_several_are_decided_on_but_for_those_that_another_window_decided_meanwhile(
    page: Open, settings: Settings, store: Store
) -> None:
    desk, key = live_reviews.reviewing(settings, MINH), "review-rows-{}"
    ids = desk.queue().filter(state="with_issues")["submission_id"]
    app = page("review", who=MINH)
    app.toggle(key="several").set_value(True).run()
    app.session_state[key.format(ids.hash().sum())] = {"selection": {"rows": [0, 1, 2], "columns": [], "cells": []}}
    app.run()
    app.text_input(key="several-reason").set_value("ask again")
    live_reviews.reviewing(settings, HOA).decide([ids[1]], "accepted", "")
    app.button(key="several-sent_back").click().run()
    (told,) = [one.value for one in app.error]
    assert told.startswith(f"Interview {ids[1].removeprefix('uuid:')[:8]} was left as it is")
    named = ", ".join(as_text(short(ids[at])) for at in (0, 2))
    assert [one.value for one in app.toast] == [f"Written down: sent back (2 interviews: {named})"]
    states = dict(desk.queue().select("submission_id", "state").iter_rows())
    assert [states[one] for one in ids[:3]] == ["sent_back", "accepted", "sent_back"]
    assert app.session_state["several-reason"] == ""  # the reason of these is not that of the next
    desk.decide(ids[:3].to_list(), "received", "")


def test_an_answer_typed_in_while_another_window_decides_is_not_lost_in_silence(
    page: Open, settings: Settings, store: Store
) -> None:
    desk = live_reviews.reviewing(settings, MINH)
    ident, answer = next(
        (ident, answer)
        for ident in desk.queue().filter(state="with_issues")["submission_id"]
        for answer in desk.opened(ident, "en").answers
        for issue in desk.opened(ident, "en").issues.iter_rows(named=True)
        if (issue["question"], issue["row_id"]) == (answer.question, answer.row_id) and issue["code"] == "CON-01"
    )
    app = page("review", who=MINH, interview=ident)
    typed = next(one for one in app.text_input if str(one.key).endswith(f"{answer.question}-new"))
    save = next(one for one in app.button if one.label == "Save the correction" and typed.form_id == one.form_id)
    live_reviews.reviewing(settings, HOA).decide([ident], "accepted", "")
    typed.set_value("34")
    save.click().run()
    (told,) = [one.value for one in app.error]
    assert "was left as it is" in told
    assert desk.history(ident).filter(event="correction").is_empty()
    desk.decide([ident], "received", "")


def opened_pair(app: AppTest) -> str:
    """The pair that can be judged, by its two ids."""
    (key,) = [str(one.key) for one in app.button if str(one.key).startswith("judge-one-")]
    return key.removeprefix("judge-one-")


def test_a_pair_that_is_open_stays_open_whatever_another_window_decides(
    page: Open, settings: Settings, store: Store
) -> None:
    mine, theirs = (live_reviews.reviewing(settings, who) for who in (MINH, HOA))
    first, second, *_ = mine.pairs().filter(pl.col("verdict").is_null()).select("one", "other").rows()
    app = page("review", who=MINH, view="pairs")
    assert opened_pair(app) == "-".join(first)
    tick(app, 1, of=review_open.PAIRS)
    assert opened_pair(app) == "-".join(second)
    why = f"pair-why-{'-'.join(second)}"
    app.text_input(key=why).set_value("two doors").run()
    said = app.warning.len
    theirs.judge(first[0], first[1], same=False, why="")
    app.run()
    assert (opened_pair(app), app.warning.len) == ("-".join(second), said), "its row moved up"
    theirs.judge(second[0], second[1], same=True, why="")
    lines = mine.history(second[0]).height
    app.button(key=f"judge-one-{'-'.join(second)}").click().run()
    (refused,) = [one.value for one in app.error]
    assert "Hoa" in refused
    assert mine.history(second[0]).height == lines, "a press on what was decided meanwhile writes nothing down"
    assert opened_pair(app) == "-".join(second)
    assert app.text_input(key=why).value == "two doors"
    told = [one.value for one in app.warning if "While this pair was open here it was decided elsewhere" in one.value]
    assert len(told) == 1
    assert "Hoa" in told[0]
    tick(app, 0, of=review_open.PAIRS)
    assert opened_pair(app) != "-".join(second), "what its reader chooses is opened"


def test_at_this_machine_a_decision_bears_the_accounts_name_and_none_without_a_name(
    page: Open, settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "thu")
    app = page("review")
    ident = live_reviews.reviewing(settings, LOCAL).queue().filter(state="with_issues")["submission_id"][0]
    assert app.text_input(key="by").value == "thu"
    app.text_input(key="by").set_value(" ").run()
    app.button(key=f"accepted-{ident}").click().run()
    assert [one.value for one in app.error] == ["Write your name in “Reviewed by”, then decide again."]
    app.text_input(key="by").set_value("Thu Trang").run()
    app.button(key=f"accepted-{ident}").click().run()
    history = live_reviews.reviewing(settings, LOCAL).history(ident)
    assert history["by"][-1] == "Thu Trang"
    live_reviews.reviewing(settings, MINH).decide([ident], "received", "")


def test_nobody_is_taken_for_the_machines_account_over_the_network(
    page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "thu")
    assert page("review", who=ANYBODY).text_input(key="by").value == ""
    assert not [one for one in page("upload", who=LAN).text_input if one.key == "by"]


def test_after_the_last_decision_no_other_interview_stands_where_it_stood(
    page: Open, settings: Settings, store: Store
) -> None:
    desk = live_reviews.reviewing(settings, MINH)
    waiting = desk.queue().filter(state="with_issues")["submission_id"].to_list()
    desk.decide(waiting, "accepted", "")
    app = page("review", who=MINH)
    assert [one.value for one in app.success] == [
        "No interview with issues waits for a decision any more. Clear the state to see the others."
    ]
    assert not [one for one in app.button if str(one.key).startswith("accepted-")]
    desk.decide(waiting, "received", "")


def test_nobody_without_the_right_to_decide_is_offered_several(page: Open) -> None:
    app = page("review", who=LAN)
    assert not [one for one in app.toggle if one.key == "several"]


def test_two_interviews_said_to_be_one_count_once(page: Open, settings: Settings, store: Store) -> None:
    desk = live_reviews.reviewing(settings, MINH)
    before = desk.pairs().filter(pl.col("verdict").is_null())
    assert before.height >= 3
    app = page("review", who=MINH, view="pairs")
    pair = before.row(0, named=True)
    app.button(key=f"judge-one-{pair['one']}-{pair['other']}").click().run()
    states = dict(desk.queue().select("submission_id", "state").iter_rows())
    assert states[pair["other"]] == "superseded"
    assert desk.pairs().filter(pl.col("verdict").is_null()).height == before.height - 1


def test_two_decisions_on_pairs_are_told_in_different_words(page: Open, settings: Settings, store: Store) -> None:
    app, told = page("review", who=MINH, view="pairs"), set[str]()
    for _ in range(2):  # a note that reads like the one before it is not shown while that one still is
        next(one for one in app.button if str(one.key).startswith("judge-different")).click().run()
        told.update(one.value for one in app.toast)
    assert len(told) == 2


def test_a_team_is_told_which_figures_are_everybodys(page: Open) -> None:
    words = t("progress.whole_round", "en")
    assert words in [one.value for one in page("progress", who=LAN).caption]
    assert words not in [one.value for one in page("progress", who=MINH).caption]


def test_the_list_tells_interviews_apart_by_day_and_interviewer_and_says_no_state_that_all_share(page: Open) -> None:
    app = page("review", who=MINH)
    assert list(app.dataframe[0].value.columns[:3]) == ["Commune", "Interviewed on", "Interviewer"]
    assert "State" not in app.dataframe[0].value.columns
    app.multiselect(key="state").set_value([]).run()
    assert "State" in app.dataframe[0].value.columns


def test_an_issue_spreadsheet_filled_in_comes_back_as_corrections(page: Open, settings: Settings, store: Store) -> None:
    desk = live_reviews.reviewing(settings, LAN)
    row = next(
        issue
        for ident in desk.queue().filter(state="with_issues")["submission_id"]
        for issue in desk.opened(ident, "vi").issues.iter_rows(named=True)
        if issue["code"] == "REQ-01"
    )
    form = desk.forms()["household"]
    choices = form.choices.get(form.by_path[row["question"]].choice_list or "", ())
    right = choices[0].name if choices else "3"
    issues = pl.DataFrame([row], infer_schema_length=None).with_columns(file=pl.lit("f.csv"), form=pl.lit("household"))
    book = openpyxl.load_workbook(io.BytesIO(write(issues, desk.forms(), "vi")))
    book.active["A2"] = right  # type: ignore[index]
    filled = io.BytesIO()
    book.save(filled)
    app = page("upload", "en", who=LAN)
    app.file_uploader[0].upload("issues.xlsx", filled.getvalue(), take_away.XLSX).run()
    assert any("1 answer will be corrected when stored, 0 not" in text.value for text in app.markdown)
    next(button for button in app.button if button.label.startswith("Store")).click().run()
    assert any("Answers corrected: 1; others: 0." in text.value for text in app.markdown)
    event = desk.history(row["submission_id"]).filter(event="correction").row(-1, named=True)
    assert (event["new"], event["by"]) == (right, LAN.signature)


def test_the_issue_spreadsheet_of_what_is_stored_holds_only_ones_own(settings: Settings, store: Store) -> None:
    minh, lan = (live_reviews.reviewing(settings, who) for who in (MINH, LAN))
    every = minh.queue()["submission_id"].to_list()
    own = set(lan.queue()["submission_id"])
    assert set(lan.outstanding(every)["submission_id"]) <= own < set(every)
    assert lan.outstanding(every).height < minh.outstanding(every).height
    assert write(lan.outstanding(every), lan.forms(), "km").startswith(b"PK")


def test_an_issue_spreadsheet_as_csv_is_read_back_too(tmp_path: Path) -> None:
    from app_tables import make_issues

    issues = make_issues().with_columns(file=pl.lit("f.csv"), form=pl.lit("household"), row_id=pl.lit("/data"))
    lines = write_csv(issues, {}, "km").decode("utf-8-sig").splitlines()
    (tmp_path / "issues.csv").write_text("\n".join([lines[0], "3" + lines[1]]), encoding="utf-8")
    found = corrections_in(tmp_path / "issues.csv", settings_from({"COLLECT_WORKER": "off"})) or []
    assert [(one.submission_id, one.question, one.new, one.seen) for one in found] == [
        ("uuid:a1", "/data/size", "3", "hai")
    ]


# --- what only the team knows of a file; made desk ---


@pytest.mark.parametrize(
    ("name", "key", "answer"),
    [("days.csv", "dates", "mdy"), ("letters.csv", "encoding", "tcvn3"), ("numbers.csv", "decimals", "comma")],
)
def test_what_cannot_be_told_is_asked_and_the_answer_checks_the_file_again(name: str, key: str, answer: str) -> None:
    app = open_page("upload", "vi")
    app.file_uploader[0].upload(name, b"a\n1\n", "text/csv").run()
    assert len(app.radio) == 1
    assert str(app.radio[0].key).startswith(key)
    app.radio[0].set_value(answer).run()
    assert not app.exception
    assert not app.error
    assert app.radio[0].value == answer
    assert any(button.label == "Lưu 1 tệp" for button in app.button)


def test_beneath_each_encoding_stands_what_it_makes_of_the_names() -> None:
    app = open_page("upload", "vi")
    app.file_uploader[0].upload("letters.csv", "a\nTrÇn\n".encode("cp1252"), "text/csv").run()
    beneath = dict(zip(app.radio[0].options, app.radio[0].proto.captions, strict=True))
    assert (beneath["TCVN3 (ABC, .VnTime)"], beneath["VNI"], beneath["UTF-16"]) == ("Trần", "TrÇn", "")


# --- files and the square ---


def test_the_square_holds_what_odk_collect_reads_and_no_password() -> None:
    settings = qr.settings_of("https://phu.example/", "Hộ gia đình", "km", "lan")
    back = qr.read_back(qr.content_of(settings))
    assert back == settings
    assert set(back) == {"general", "admin", "project"}
    assert back["general"]["server_url"] == "https://phu.example"
    assert back["general"]["app_language"] == "km"
    assert not [key for part in back.values() for key in part if "password" in key]


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_square_is_a_picture(kind: str, begins: bytes) -> None:
    assert qr.square(qr.settings_of("http://10.0.0.2:8501", "P", "vi"), kind).startswith(begins)


@pytest.mark.parametrize("content", ["", "not base64!", "aGVsbG8="])
def test_what_is_no_square_of_ours_is_refused(content: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # what json and base64 raise is one too
        qr.read_back(content)


@pytest.mark.parametrize(
    ("page_address", "server"),
    [
        ("http://10.0.0.2:8501/forms", "http://10.0.0.2:8501"),
        ("https://office.example/phu/forms", "https://office.example/phu"),
        ("", "http://127.0.0.1:8501"),
    ],
)
def test_phones_are_sent_to_the_address_the_page_was_opened_at(page_address: str, server: str) -> None:
    assert forms_page.server_address(page_address) == server


def test_every_question_is_listed_with_its_rules_in_words(settings: Settings, store: Store) -> None:
    form = live_field.forms(settings, LAN)[0]
    rows = forms_page.questions(form, "en")
    age = rows.filter(pl.col("Name in files") == "age").row(0, named=True)
    assert "Required" in age["How to answer, and rules"]
    assert rows["Question"].null_count() == 0


@pytest.mark.parametrize("suffix", live_field.TEMPLATES[::2])
def test_a_template_is_made_for_a_team(settings: Settings, store: Store, suffix: str) -> None:
    assert live_field.template(settings, LAN, "household", suffix, "km").startswith(b"PK")


def test_tables_taken_away_run_nothing_and_keep_their_letters() -> None:
    rows = pl.DataFrame({"Xã": ["=1+1", "ឃុំ"], "n": [1, None]})
    assert harmless.as_csv(rows).decode("utf-8-sig").splitlines()[1] == "'=1+1,1"
    sheet = openpyxl.load_workbook(io.BytesIO(take_away.as_xlsx(rows))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [["Xã", "n"], ["=1+1", 1], ["ឃុំ", None]]  # type: ignore[union-attr]
    assert sheet["A2"].data_type == "s"  # type: ignore[index]


def test_an_empty_installation_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    for name, words in (
        ("review", "No interviews yet"),
        ("quality", "No interviews of this form yet"),
        ("progress", "Nothing to follow yet"),
    ):
        app = page_of_app(name)
        assert not app.exception
        assert any(words in text.value for text in app.markdown), name


def test_the_first_steps_offer_only_what_somebody_may_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    offered = {}
    for who in (LOCAL, MINH):
        monkeypatch.setattr(doors, "visitor", lambda _settings, who=who: who)
        app = page_of_app("")
        steps = [one.proto.label for one in app.get("page_link") if one.proto.label == "Upload forms"]
        offered[who.role] = (steps, [one.label for one in app.button if one.label.startswith("Try")])
    assert offered == {"admin": (["Upload forms"], ["Try with made-up data"]), "planner": ([], [])}


def test_nothing_is_decided_without_a_known_interview(settings: Settings, store: Store) -> None:
    with pytest.raises(CollectError):
        live_reviews.reviewing(settings, MINH).decide(["uuid:nobody"], "accepted", "")
    assert registry.uploads(store.engine)


def test_every_scale_of_a_chart_knows_its_ends_before_the_rows_arrive() -> None:
    """Streamlit draws a chart before it brings the rows; Vega warns of a scale over nothing."""
    rows = [
        {"name": name, "kind": "a", "at": name, "value": 3, "said": "3", "odd": False, "x": 4.0, "y": 2.0}
        for name in "pq"
    ]
    charts = [
        field_charts.bars(rows, "issues", colours={"a": "#000"}), field_charts.columns(rows, "hour", "interviews"),
        field_charts.beside(rows, "minutes", "issues", (3.0, 1.0)), field_charts.stacked(rows, {"a": "#000"}, 3.0),
    ]  # fmt: skip
    ends = []
    for chart in charts:
        layers = chart.to_dict().get("layer", [chart.to_dict()])
        scaled = [
            layer["encoding"][axis].get("scale") for layer in layers for axis in "xy" if axis in layer["encoding"]
        ]
        ends.append([scale["domain"] for scale in scaled if scale])
    assert ends == [[[0, 3]], [[0, 3]], [[3.0, 4.0], [0, 2.0]], [[0, 3]]]


def test_names_beside_points_lie_over_no_other_name_and_no_point() -> None:
    def named(*points: tuple[str, float, float]) -> list[str]:
        rows = [
            {"name": name, "x": x, "y": y, "odd": name != "usual"} for name, x, y in (*points, ("usual", 30.0, 0.0))
        ]
        return [str(row["name"]) for row in field_charts.readable(rows, (20.0, 1.0))]

    assert named(("LAN-1", 22.0, 9.0), ("MINH-2", 22.0, 5.0)) == ["LAN-1", "MINH-2"]
    assert named(("LAN-1", 22.0, 9.0), ("MINH-2", 22.0, 8.9)) == ["LAN-1"], "one over the other: neither could be read"
    assert named(("LAN-1", 20.0, 9.0), ("usual", 21.0, 9.0)) == [], "a point in its way, and no room on the other side"
    assert field_charts.readable([], (20.0, 1.0)) == [], "no interview has its minutes"
    assert len(named(*((f"N-{n}", 21.0, float(n)) for n in range(40)))) == field_charts.NAMED


@pytest.mark.parametrize(("background", "ink"), [("#ffffff", "#1c2733"), ("#10161d", "#e8edf2")])
def test_figures_beside_bars_are_read_on_a_light_screen_and_on_a_dark_one(background: str, ink: str) -> None:
    rows = [{"name": "p", "value": 3, "said": "three", "x": 4.0, "y": 2.0, "odd": True}]
    for chart in (field_charts.bars(rows, "issues"), field_charts.beside(rows, "minutes", "issues", (3.0, 1.0))):
        drawn = vl_convert.vegalite_to_svg(chart.configure(background=background).to_dict())
        inks = re.findall(r'<text[^>]* fill="([^"]+)"[^>]*>(?:three|p)</text>', drawn)
        assert ink in inks


@pytest.mark.parametrize(
    ("beyond", "row", "said"),
    [
        (False, {"missing": 0, "begun": 0}, "Hold 20 more interviews."),
        (True, {"missing": 0, "begun": 0}, "Not in the sample drawn. Hold 20 more interviews."),
        (False, {"missing": 2, "begun": 0}, "Finish the sample drawn: 2 hamlets not reached."),
    ],
)
def test_where_to_go_next_says_what_belongs_to_the_sample_drawn(beyond: bool, row: dict[str, int], said: str) -> None:
    needs = {"interviews_reason": "computed", "interviews_needed": 20, "hamlets_needed": None}
    assert progress_page._step(row | needs, beyond, "en") == said
