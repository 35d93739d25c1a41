"""What the upload page says of files: what each form in one came to, and what became of all that is stored."""

from __future__ import annotations

import streamlit as st

from collect.i18n import t
from collect.pages.issues import filled
from collect.pages.words import as_text, counted, number
from collect.receipts import Part, Sum

COUNTS = ("read", "new", "changed", "duplicate", "with_issues", "unreadable")
BESIDE = (
    "with_issues",
    "no_consent",
    "rejected",
    "earlier",
)  # the first count, but for some answers; the others do not
FAILED = "[data-testid=stFileChip][aria-invalid]"  # a file that did not arrive: Streamlit says why in a tooltip alone
SAID = (
    f"<style>{FAILED}{{flex-wrap:wrap;height:auto;max-width:100%}}{FAILED} [role=alert]{{position:static!important;"
    "width:100%!important;height:auto!important;clip:auto!important;clip-path:none!important;margin:0!important;"
    "white-space:normal!important;overflow:visible!important;font-size:.8125rem}</style>"
)


def part(part: Part, lang: str) -> None:
    """One form of a file: its version, where it came from, and its counts."""
    if part.form == "frame":
        st.caption(t("receipt.form.frame", lang))
    else:
        form, source = as_text(f"{part.form} {part.form_version}"), filled(f"source.{part.source}", lang, {})
        st.caption(t("upload.part", lang, form=form, source=source, rows=number(part.rows, lang)))
    names = (*COUNTS, "no_consent") if part.no_consent else COUNTS
    told = (f"{t(f'receipt.count.{name}', lang)} **{number(getattr(part, name), lang)}**" for name in names)
    st.markdown(" · ".join(told))
    if part.alike:
        where = t("upload.alike.where", lang)
        st.warning(f"{counted('receipt.alike', part.alike, lang)} {where}", icon=":material/difference:")


def kept(whole: Sum, lang: str) -> str:
    """What becomes of everything new or changed: how many count, and which of them do so in part or not at all."""
    counts = {name: number(getattr(whole, name), lang) for name in BESIDE if getattr(whole, name)}
    first = t("upload.kept.counted", lang, good=number(whole.counted, lang))
    return " ".join([first, *(t(f"upload.kept.{name}", lang, count=count) for name, count in counts.items())])
