"""Streamlit's own words, which exist in English alone, said in the page's language, and plainly, as they appear."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from collect.i18n import LANGUAGES, t

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
    "Press Enter to submit form": "foreign.enter_form",
    "Press Ctrl+Enter to apply": "foreign.ctrl_enter",
    "Press Ctrl+Enter to submit form": "foreign.ctrl_enter_form",
    "Press ⌘+Enter to apply": "foreign.cmd_enter",
    "Press ⌘+Enter to submit form": "foreign.cmd_enter_form",
    "Choose an option": "foreign.choose",
    "Choose options": "foreign.choose",
    "Error:": "foreign.error",
    "AxiosError: Network Error": "foreign.no_network",
    "Connection timed out": "foreign.no_network",
    "Connection closed": "foreign.reconnect",
    "Request timed out": "foreign.no_download",
    "Streamlit server is not responding. Are you connected to the internet?": "foreign.no_server",
    "Unexpected error. Please try again.": "foreign.unexpected",
    "Only one file is allowed.": "foreign.one_file",
    "File size is too small.": "foreign.too_small",
    "Add files": "foreign.add_files",
    "Download failed": "foreign.no_download",
    "Failed to generate file for download": "foreign.no_file",
    "Connection lost. Please wait for the app to reconnect, then try again.": "foreign.reconnect",
    "Connecting": "foreign.connecting",
    "Connecting to Streamlit server": "foreign.connecting_to",
    "Running...": "foreign.running",
    "Stop": "foreign.stop",
    "Stopping...": "foreign.stopping",
    "Skip to main content": "foreign.skip",
}
PATTERNS = {  # longer ones: what is at the * stands where our words say {rest}
    "Help for *": "foreign.help_for",
    "You have requested page *": "foreign.no_page.about",
    "The page that you have requested *": "foreign.no_page.about",
    "Search: *": "foreign.search_in",
    "Show/hide columns: *": "foreign.columns_of",
    "Fullscreen: *": "foreign.fullscreen_of",
    "Close fullscreen: *": "foreign.close_fullscreen_of",
    "Clear selection: *": "foreign.clear_selection_of",
    "Select * matches": "foreign.select_matches",
    "File must be * or smaller.": "foreign.too_large",
    "* files are not allowed.": "foreign.kind_of",
}
LABELS = {  # likewise, of buttons without words alone: somebody's own sentence may begin so
    "Cancel upload of *": "foreign.cancel_of",
    "Remove *": "foreign.remove_of",
}


@cache
def script(lang: str) -> str:
    """The browser's part with the words of ``lang``, to be run in the page."""
    said = {"words": _said(WORDS, lang), "patterns": _said(PATTERNS, lang), "labels": _said(LABELS, lang)}
    said["tongues"] = {name: code for code, name in LANGUAGES.items()}
    return f"{SCRIPT.read_text(encoding='utf-8').strip()}({json.dumps(said, ensure_ascii=False)});"


def _said(words: dict[str, str], lang: str) -> dict[str, str]:
    return {theirs: ours for theirs, key in words.items() if (ours := t(key, lang)) != theirs.replace("*", "{rest}")}
