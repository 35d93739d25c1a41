"""Streamlit's own words, which exist in English alone, said in the page's language as they appear."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from collect.i18n import t

SCRIPT = Path(__file__).parent / "assets" / "foreign.js"
WORDS = {  # as Streamlit writes them -> our words
    "Search": "foreign.search",
    "Upload": "foreign.upload",
    "Show/hide columns": "foreign.columns",
    "Download as PNG": "foreign.png",
    "Fullscreen": "foreign.fullscreen",
    "Close fullscreen": "foreign.close_fullscreen",
    "Clear selection": "foreign.clear_selection",
    "Show data": "foreign.show_data",
    "Show chart": "foreign.show_chart",
    "Type to search": "foreign.type",
    "No results": "foreign.no_results",
    "Select all": "foreign.select_all",
    "Sort ascending": "foreign.ascending",
    "Sort descending": "foreign.descending",
    "Autosize": "foreign.autosize",
    "Pin column": "foreign.pin",
    "Unpin column": "foreign.unpin",
    "Hide column": "foreign.hide",
    "Format": "foreign.format",
    "Statistics": "foreign.statistics",
    "Clear value": "foreign.clear",
    "Clear all": "foreign.clear",
    "Open": "foreign.open",
    "Close": "foreign.close",
    "Help": "foreign.help",
    "Page not found": "foreign.no_page",
    "Connection error": "foreign.no_connection",
    "Press Enter to apply": "foreign.enter",
    "Choose an option": "foreign.choose",
    "Choose options": "foreign.choose",
}
STARTS = {  # how longer ones begin; what follows stands where our words say {rest}
    "Help for ": "foreign.help_for",
    "You have requested page ": "foreign.no_page.about",
    "The page that you have requested ": "foreign.no_page.about",
    "Search: ": "foreign.search_in",
    "Show/hide columns: ": "foreign.columns_of",
    "Fullscreen: ": "foreign.fullscreen_of",
    "Close fullscreen: ": "foreign.close_fullscreen_of",
    "Clear selection: ": "foreign.clear_selection_of",
}


@cache
def script(lang: str) -> str:
    """The browser's part with the words of ``lang``, to be run in the page."""
    said = {"words": _said(WORDS, lang), "starts": _said(STARTS, lang)}
    return f"{SCRIPT.read_text(encoding='utf-8').strip()}({json.dumps(said, ensure_ascii=False)});"


def _said(words: dict[str, str], lang: str) -> dict[str, str]:
    return {} if lang == "en" else {english: t(key, lang) for english, key in words.items()}
