"""The app opened at one of its pages, without a browser: over a real store, or over tables made in memory."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from collect.server import script


def page_of_app(page: str, lang: str = "en", **codes: str) -> AppTest:
    """The page whose code is ``page`` ("" is where one begins), as a link with ``codes`` opens it."""
    return _opened(script(), page, {"lang": lang, **codes})


def open_page(page: str, lang: str, **codes: str) -> AppTest:
    """The same over made tables."""
    return _opened(Path(__file__).with_name("app_on_made_tables.py"), page, {"lang": lang, **codes})


def to_page(app: AppTest, page: str) -> AppTest:
    """The same visitor on another page."""
    known = app._registered_pages
    app._page_hash = next(key for key, info in known.items() if info.get("url_pathname") == page)
    return app.run()


def _opened(entry: Path, page: str, codes: dict[str, str]) -> AppTest:
    app = AppTest.from_file(str(entry), default_timeout=60)
    for name, code in codes.items():
        app.query_params[name] = code
    app.run()
    return to_page(app, page) if page else app
