"""What people write for a commune is read as they meant it, and never guessed."""

from __future__ import annotations

import importlib
import unicodedata

import polars as pl
import pytest

import geo
from geo.recognise import HOWS


def read(text: str | None, vintage: str = "2025-07") -> tuple[str | None, str | None]:
    code, how, _ = geo.recognise(pl.Series([text], dtype=pl.String), vintage).row(0)
    return code, how


@pytest.mark.parametrize(
    ("text", "code", "how"),
    [
        ("29242", "29242", "exact"),
        ("29242.0", "29242", "padded"),
        ("29242,0", "29242", "padded"),
        ("2.9242E4", "29242", "padded"),
        ("2.9242E+04", "29242", "padded"),
        (" 29242 ", "29242", "spacing"),
        ("29.242", "29242", "spacing"),
        ("29 242", "29242", "spacing"),
        ("'29242", "29242", "spacing"),
        ("29242\u200b", "29242", "spacing"),
        ("29242\u00a0", "29242", "spacing"),
        ("២៩២៤២", "29242", "spacing"),
        ("29242 - Phường Trà Vinh", "29242", "spacing"),
        ("Phường Trà Vinh (29242)", "29242", "spacing"),
        ("Phường Trà Vinh", "29242", "name"),
        ("phường trà vinh", "29242", "name"),
        ("P. Trà Vinh", "29242", "name"),
        ("Xã Long Hoà", "29413", "name"),
        ("Xã Long Hòa", "29413", "name"),
        (unicodedata.normalize("NFD", "Xã Càng Long"), "29266", "name"),
        ("CÀNG LONG", "29266", "name"),
        ("phuong tra vinh", "29242", "name_without_diacritics"),
        ("Xa Cang Long", "29266", "name_without_diacritics"),
        ("tra_vinh", "29242", "name_without_diacritics"),
        ("Tra Vinh Ward", "29242", "name_without_diacritics"),
        ("29245", "29242", "older_vintage"),
        ("29245.0", "29242", "older_vintage"),
        ("Phường 3", "29242", "older_vintage"),
        ("P3", "29242", "older_vintage"),
        ("Phường 03", "29242", "older_vintage"),
        ("Thị trấn Càng Long", "29266", "older_vintage"),
        ("Phường 1, TX Duyên Hải", "29512", "older_vintage"),
        ("Phường 1 (TP Trà Vinh)", "29242", "older_vintage"),
        ("29242 Phường 3", "29242", "older_vintage"),
        ("Phường 1", None, "ambiguous"),
        ("29242 - Xã Càng Long", None, "ambiguous"),
        ("29999", None, "unknown"),
        ("123456789", None, "unknown"),
        ("3", None, "unknown"),
        ("-", None, "unknown"),
        ("Hà Nội", None, "unknown"),
        ("x" * 5_000, None, "unknown"),
        ("1e308", None, "unknown"),
        ("", None, None),
        ("   ", None, None),
        (None, None, None),
    ],
)
def test_an_answer_is_read_as_it_was_meant(text: str | None, code: str | None, how: str | None) -> None:
    assert read(text) == (code, how)


@pytest.mark.parametrize("vintage", ["2024", "2025-01", "2025-07"])
@pytest.mark.parametrize("column", ["name_vi", "name_en"])
def test_every_official_name_is_its_commune_or_is_shared(vintage: str, column: str) -> None:
    units = geo.units(vintage)
    read_back = geo.recognise(units[column], vintage).with_columns(own=units["code"], text=units[column])
    shared = units.filter(pl.col(column).is_duplicated())[column]
    sure = read_back.filter(~pl.col("text").is_in(shared.to_list()))
    assert sure["code"].to_list() == sure["own"].to_list()
    doubtful = read_back.filter(pl.col("text").is_in(shared.to_list()))
    assert doubtful["code"].null_count() == doubtful.height
    assert all(own in candidates for own, candidates in doubtful.select("own", "candidates").rows())


def test_the_candidates_of_a_shared_name_are_all_that_bear_it() -> None:
    frame = geo.recognise(pl.Series(["Phường 1"]), "2024")
    assert frame["candidates"].to_list() == [["29239", "29512"]]


def test_the_form_decides_which_list_a_reused_code_is_from() -> None:
    assert read("29242", "2024") == ("29242", "exact")
    assert read("Phường 3", "2024") == ("29242", "name")
    assert read("29245", "2024") == ("29245", "exact")


def test_a_new_name_in_an_old_form_gives_the_communes_it_was_made_of() -> None:
    frame = geo.recognise(pl.Series(["Phường Trà Vinh"]), "2024")
    assert frame.row(0) == (None, "ambiguous", list(geo.former_units("29242")))


def test_a_commune_off_the_surveys_ground_is_known_but_not_placed() -> None:
    frame = geo.recognise(pl.Series(["28756", "An Hội"]), "2025-07")
    assert frame.rows() == [(None, "unknown", ["28756"]), (None, "unknown", ["28777"])]


def test_lost_leading_zeros_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("geo.recognise")
    monkeypatch.setattr(module, "_codes", lambda _vintage: frozenset({"01234"}))
    assert module._mean("1234", "2025-07") == module.Answer("01234", "padded")
    assert module._mean("1234.0", "2025-07") == module.Answer("01234", "padded")


def test_rows_keep_their_order_and_every_how_is_declared() -> None:
    texts = pl.Series(["29242", None, "Phường 1", "29242", "khong biet", "29245"])
    frame = geo.recognise(texts, "2025-07")
    assert frame["code"].to_list() == ["29242", None, None, "29242", None, "29242"]
    assert set(frame["how"].drop_nulls()) <= set(HOWS)


def test_no_texts_are_no_answers() -> None:
    assert geo.recognise(pl.Series([], dtype=pl.String), "2025-07").height == 0
