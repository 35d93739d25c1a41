"""The method page tells its story in every language, before there is any run."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from collect.i18n import t
from collect.pages import commune_page


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_the_method_page_speaks_each_language(lang: str) -> None:
    source = f"from collect.pages import method\nmethod.render(None, {lang!r})"
    page = AppTest.from_string(source, default_timeout=30).run()
    assert not page.exception
    assert page.title[0].value == t("method.title", lang)
    assert [part.value for part in page.subheader] == [
        t(f"method.{name}", lang)
        for name in (
            "weights", "estimate", "verdict", "hamlets", "together", "looking", "needed", "change", "small", "honest",
        )
    ]  # fmt: skip
    assert len(page.latex) == 5


def test_rounds_stand_in_order_though_the_first_target_was_measured_in_one_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[list[dict[str, str]]] = []
    monkeypatch.setattr("streamlit.dataframe", lambda lines, **_: shown.append(lines))
    monkeypatch.setattr("streamlit.markdown", lambda *_, **__: None)
    monkeypatch.setattr(
        "collect.pages.data.measured", lambda *_: [SimpleNamespace(target_id=one) for one in ("A", "B")]
    )
    monkeypatch.setattr("collect.pages.data.name_of", lambda _, target, __: target.target_id)
    monkeypatch.setattr(commune_page, "_change", lambda *_: "–")
    rows = pl.DataFrame({"target_id": ["A", "B", "B"], "round": ["2026", "2025", "2026"], "value": [1.0, 0.5, 0.6]})
    commune_page._rounds(None, "29302", rows, "en")  # type: ignore[arg-type]
    assert [list(line)[1:3] for line in shown[0]] == [["2025", "2026"]] * 2
