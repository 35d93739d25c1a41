"""Tables whose cells wrap: a row is on the page whole, nothing of it runs as HTML, and more rows come when asked."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from collect.pages.wrapped import AT_ONCE


def page(rows: int) -> AppTest:
    def script(rows: int) -> None:
        import polars as pl

        from collect.pages import wrapped

        found = pl.DataFrame({"Question": [f"Q{at}" for at in range(rows)], "Why": ["<b>x</b> " * 40] * rows})
        found = found.with_columns(Count=1200, Given=pl.lit(None, pl.String))
        wrapped.draw(found, "t", "Issues", "en", strong="Question")

    return AppTest.from_function(script, args=(rows,)).run()


def told(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def test_a_long_sentence_is_whole_and_stays_text() -> None:
    shown = told(page(1))
    assert "&lt;b&gt;x&lt;/b&gt; " * 40 in shown
    assert "<b>" not in shown
    assert "1,200" in shown
    assert "data-name='Why'" in shown, "a phone names every cell, for it shows no row of headings"


def test_more_rows_come_when_somebody_asks() -> None:
    app = page(AT_ONCE + 3)
    assert told(app).count("<tr") == AT_ONCE + 1
    assert app.button[0].label == f"Show 3 more rows ({AT_ONCE} of {AT_ONCE + 3} shown)"
    app.button[0].click().run()
    assert told(app).count("<tr") == AT_ONCE + 4
    assert not app.button


def test_an_empty_table_is_drawn() -> None:
    assert "<tbody role='rowgroup'></tbody>" in told(page(0))
