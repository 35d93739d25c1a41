"""The method page tells its story in every language, before there is any run."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from collect.i18n import t


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
