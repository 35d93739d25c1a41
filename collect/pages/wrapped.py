"""Tables whose cells wrap, for sentences that must be read whole; on a phone every row is a card of its own.

`st.dataframe` draws on a canvas, one height for every row: what is longer than its cell is cut.
"""

from __future__ import annotations

from collections.abc import Collection
from html import escape

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages.words import NOTHING, number

AT_ONCE = 25  # rows drawn before somebody asks for more: a page of paper, and nothing for a weak laptop to wait for
TIGHT = 12  # letters: a code or a date stays on its line
STYLE = """<style>
.wrapped{overflow-x:auto;border:1px solid #8884;border-radius:8px}
.wrapped table{width:100%;border-collapse:collapse;font-size:.875rem;line-height:1.45;margin:0}
.wrapped th,.wrapped td{padding:.45rem .6rem;text-align:left;vertical-align:top;border:0;border-top:1px solid #8883}
.wrapped th{font-weight:600;opacity:.8;border-top:0;white-space:nowrap}
.wrapped td{overflow-wrap:break-word;min-width:4.5rem;white-space:pre-line}
.wrapped td.long{min-width:15rem}
.wrapped td.strong{font-weight:600}
.wrapped td.tight{white-space:nowrap}
.wrapped td.figure{text-align:right;font-variant-numeric:tabular-nums}
@media (max-width:768px){.wrapped{border:0;overflow:visible}
.wrapped table,.wrapped tbody,.wrapped tr,.wrapped td{display:block}
.wrapped thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.wrapped tr{border:1px solid #8884;border-radius:8px;padding:.5rem .75rem;margin-bottom:.6rem}
.wrapped td,.wrapped td.figure{border:0;padding:.15rem 0;text-align:left}
.wrapped td.none{display:none}
.wrapped td:not(.strong)::before{content:attr(data-name) ": ";opacity:.7}}
</style>"""


def draw(rows: pl.DataFrame, key: str, label: str, lang: str, *, strong: str = "", long: Collection[str] = ()) -> None:
    """Draw the first rows, and a button for more.

    ``rows``: text, and whole numbers, in the order of the columns. ``key`` tells tables of a page apart. ``strong`` is
    the column a row is known by; ``long`` are columns of sentences, which keep room on a narrow screen.
    """
    counter = f"wrapped-{key}"
    shown = st.session_state.get(counter, AT_ONCE)
    head = "".join(f"<th role='columnheader' scope='col'>{escape(name)}</th>" for name in rows.columns)
    kinds = [_kind(rows, name, strong, long) for name in rows.columns]
    body = "".join(_row(row, rows.columns, kinds, lang) for row in rows.head(shown).iter_rows())
    said = escape(label, quote=True)
    st.html(
        f"{STYLE}<div class='wrapped' role='region' tabindex='0' aria-label='{said}'><table role='table' "
        f"aria-label='{said}'><thead role='rowgroup'><tr role='row'>{head}</tr></thead>"
        f"<tbody role='rowgroup'>{body}</tbody></table></div>"
    )
    if shown < rows.height:
        more = min(AT_ONCE, rows.height - shown)
        counts = {"more": more, "shown": shown, "all": rows.height}
        st.button(
            t("table.more", lang, **{name: number(count, lang) for name, count in counts.items()}),
            key=f"{key}-more",
            icon=":material/expand_more:",
            on_click=st.session_state.update,
            args=({counter: shown + AT_ONCE},),
        )


def _kind(rows: pl.DataFrame, name: str, strong: str, long: Collection[str]) -> str:
    if name == strong:
        return "strong"
    if rows.schema[name].is_numeric():
        return "figure"
    longest = rows[name].cast(pl.String).str.len_chars().max() if rows.height else 0
    return "long" if name in long else "tight" if isinstance(longest, int) and longest <= TIGHT else ""


def _row(row: tuple[object, ...], names: list[str], kinds: list[str], lang: str) -> str:
    cells = []
    for value, name, kind in zip(row, names, kinds, strict=True):
        said = NOTHING if value is None else number(value, lang) if isinstance(value, int | float) else str(value)
        classes = f"{kind} none" if value is None else kind
        named = escape(name, quote=True)
        cells.append(f"<td role='cell' class='{classes}' data-name='{named}'>{escape(said)}</td>")
    return f"<tr role='row'>{''.join(cells)}</tr>"
