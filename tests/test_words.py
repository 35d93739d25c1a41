"""The catalogue is complete: same languages, same placeholders, every problem has its words."""

from __future__ import annotations

import ast
import re
import string
from datetime import date, datetime
from pathlib import Path

import pytest
from babel import Locale

from collect.commands.shared import error_of
from collect.define.targets import load_targets
from collect.i18n import LANGUAGES, catalogue, t
from collect.i18n.figures import day, moment
from collect.problems import PROBLEMS, CollectError

ROOT = Path(__file__).resolve().parents[1]
KEYS = sorted(catalogue())
KHMER = re.compile("[\u1780-\u17ff]")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", KEYS)
def test_an_entry_speaks_every_language_with_the_same_placeholders(key: str) -> None:
    entry = catalogue()[key]
    assert set(LANGUAGES) <= set(entry), key
    assert all(entry[lang].strip() for lang in LANGUAGES), key
    assert len({frozenset(placeholders(entry[lang])) for lang in LANGUAGES}) == 1, key
    assert set(entry) - set(LANGUAGES) <= {"review", "note"}, key
    assert set(entry.get("review", [])) <= set(LANGUAGES), key


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_broken_rule_has_a_name_what_was_found_and_how_to_mend_it(code: str) -> None:
    for part in ("name", "found", "mend"):
        assert f"{code}.{part}" in catalogue(), f"{code}.{part}"


def raised_codes() -> set[str]:
    codes = set()
    for path in [*(ROOT / "collect").rglob("*.py"), *(ROOT / "geo").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes |= set(re.findall(r"^(?:DEF|IN|GEO|STO|USE|PUB|PUL|ACC)-\d\d$", node.value))
    return codes


def test_every_reason_to_stop_has_its_words() -> None:
    missing = [
        f"{code}.{part}"
        for code in sorted(raised_codes())
        for part in ("found", "mend")
        if f"{code}.{part}" not in catalogue()
    ]
    assert missing == []


def reasons_raised() -> list[tuple[str, str, set[str]]]:
    """Where a reason to stop is made with its code and values written out: place, code, names of the values."""
    found = []
    for path in [*(ROOT / "collect").rglob("*.py"), *(ROOT / "geo").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not getattr(node.func, "id", "").endswith("Error") or not node.args:
                continue
            code, given = node.args[0], {word.arg for word in node.keywords}
            codes = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
            names = [str(one.value) for one in codes if isinstance(one, ast.Constant)]
            if None not in given:
                found += [(f"{path.name}:{node.lineno}", name, {str(one) for one in given}) for name in names]
    return [one for one in found if f"{one[1]}.found" in catalogue()]


def test_every_reason_to_stop_is_given_what_its_words_name() -> None:
    wanted = {code: {name for part in ("found", "mend") for name in placeholders(catalogue()[f"{code}.{part}"]["en"])}
              for _, code, _ in reasons_raised()}  # fmt: skip
    lacking = {(place, code): wanted[code] - given for place, code, given in reasons_raised() if wanted[code] - given}
    assert len(wanted) > 60
    assert lacking == {}


def looked_for() -> set[str]:
    """What USE-01 says is not there: "form", "round" ..., where it is written out."""
    found = set()
    for path in (ROOT / "collect").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                named = [word.value for word in node.keywords if word.arg == "what" and node.args[0].value == "USE-01"]
                named += [node.args[0]] if getattr(node.func, "id", "") == "one_of" else []
                found |= {str(one.value) for one in named if isinstance(one, ast.Constant)}
    return found


def test_what_is_not_there_is_named_in_every_language() -> None:
    assert {"form", "submission", "state"} <= looked_for()
    assert sorted(name for name in looked_for() | {"level"} if f"what.{name}" not in catalogue()) == []
    assert t("USE-01.found", "vi", what="form", name="x") == "Không có mẫu phiếu nào tên là x."


def test_a_value_nobody_gave_is_an_ellipsis_and_never_a_crash() -> None:
    assert t("IN-49.found", "en", file="a.csv").startswith("A cell of column “…” in “a.csv”")


ONE_AND_MANY = """
ROS-01.found        | found=1 expected=4              | 1 row is on the list
ROS-01.found        | found=0 expected=1              | 0 rows are on the list
VER-01.found        | submissions=1                   | 1 submission names the form's version
VER-01.found        | submissions=11,439              | 11,439 submissions name the form's version
IN-09.found         | columns=1                       | a table of 1 column, but it is not that of
IN-15.found         | members=1                       | holds 1 file, but no submission
IN-16.found         | submissions=1 file=a.xml        | 1 submission in “a.xml” is still encrypted
IN-16.found         | submissions=3 file=a.json       | 3 submissions in “a.json” are still encrypted
IN-44.found         | seconds=1                       | longer than 1 second and
ODK-13.found        | seconds=1                       | Wait 1 second.
cli.pull.closed     | count=1 url=x                   | 1 encrypted submission stays on x: no key that was given
cli.pull.deleted    | count=1 url=x                   | 1 was deleted on x, and is deleted here
cli.pull.restored   | count=1 url=x                   | 1 is on x again, and counts here again
cli.pull.decided_here | count=1 url=x                 | 1 was deleted on x, but somebody here decided on it
cli.pull.forgotten  | count=1 url=x                   | Forgot 1 account at x
upload.kept.counted | good=1                          | 1 interview counts when the results are made next
upload.kept.with_issues | count=1                     | 1 of them has issues
"""


@pytest.mark.parametrize("line", ONE_AND_MANY.strip().splitlines())
def test_words_agree_with_the_number_before_them(line: str) -> None:
    key, given, words = (part.strip() for part in line.split("|"))
    assert words in t(key, "en", **dict(pair.split("=") for pair in given.split()))


COUNT = re.compile(r"\{(\w+)\} (?!more )[a-z]+s\b")  # "{rows} rows": one row would be "1 rows"
OF_MANY = ("tally.meeting",)  # of all communes
NEVER_ONE = {"most_members", "limit", "effective_size", "sum"}


def test_no_english_sentence_takes_for_granted_that_there_are_many() -> None:
    nouns = ("rows", "columns", "files", "interviews", "households", "communes", "submissions", "cells", "hamlets")
    plain = {
        f"{key}: {found[0]}"
        for key, entry in catalogue().items()
        for found in COUNT.finditer(entry["en"])
        if found[0].endswith(nouns) and found[1] not in NEVER_ONE and not key.endswith(".other") and key not in OF_MANY
    }
    assert plain == set()


def asked_keys() -> set[str]:
    keys = set()
    for path in (ROOT / "collect").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("t", "say"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    keys.add(first.value)
    return keys


def test_no_screen_asks_for_words_that_are_not_there() -> None:
    assert sorted(key for key in asked_keys() if key not in catalogue()) == []


def test_khmer_is_written_in_khmer_script() -> None:
    latin_only = [
        key
        for key in KEYS
        if re.search("[a-z]{4}", catalogue()[key]["vi"]) and not KHMER.search(catalogue()[key]["km"])
    ]
    allowed = {key for key in latin_only if catalogue()[key]["km"] == catalogue()[key]["en"] == catalogue()[key]["vi"]}
    assert set(latin_only) == allowed


def test_no_line_ends_between_a_figure_and_its_percent_sign() -> None:
    """Whether Babel wrote the figure or a translator did."""
    written = [*(ROOT / "collect" / "i18n").glob("*.toml"), ROOT / "forms" / "targets.csv"]
    assert any("95 %" in path.read_text(encoding="utf-8") for path in written), "nobody types blanks that do not show"
    said = {lang: [entry[lang] for entry in catalogue().values()] for lang in LANGUAGES}
    for target in load_targets(ROOT / "forms" / "targets.csv"):
        for lang in LANGUAGES:
            said[lang].append(target.labels[lang])
    for lang, texts in said.items():
        signs = {text[place - 1] for text in texts for place in range(1, len(text)) if text[place] == "%"}
        assert " " not in signs, lang
        assert signs & set("\u00a00123456789}"), lang
    assert t("publish.map.interval", "vi").endswith("95\u00a0%")


def test_placeholders_are_filled() -> None:
    assert "3" in t("cli.rebuild.made", "en", uploads=3)


def test_khmer_writes_its_digits_as_its_figures_are_written() -> None:
    """Babel writes Khmer figures with 0 to 9; words beside them must not write ០ to ៩ (record 0093)."""
    assert Locale("km").default_numbering_system == "latn"
    texts = [*(ROOT / "collect" / "i18n").glob("*.toml"), *(ROOT / "forms").rglob("*.toml")]
    texts += [ROOT / "forms" / "targets.csv", *(ROOT / "forms").rglob("form.md")]
    assert [path.name for path in texts if re.search("[\u17e0-\u17e9]", path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("code", ["IN-06", "IN-07", "IN-16", "IN-41", "FIL-06", "REV-02", "VER-01"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_advice_that_survey_teams_read_on_a_page_is_none_for_the_command_line(code: str, lang: str) -> None:
    assert not re.search(r"--|`|\.md|\bforms/", t(f"{code}.mend", lang, forms="a form"))


def test_the_command_line_tells_what_only_it_can_do() -> None:
    assert error_of(CollectError("REV-02"), "en")["mend"].endswith("--by NAME.")
    assert error_of(CollectError("IN-60", nearest="household"), "en")["mend"].endswith("--form household.")
    assert "--form" in error_of(CollectError("IN-07", forms="household"), "vi")["mend"]
    assert "--encoding" in error_of(CollectError("IN-06", file="a.csv", line=2), "km")["mend"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_instant_is_written_as_its_day_is_with_the_time_behind_it(lang: str) -> None:
    here = datetime(2026, 11, 23, 11, 42).astimezone()
    assert moment(here.isoformat(), lang) == f"{day(date(2026, 11, 23), lang)} 11:42"
