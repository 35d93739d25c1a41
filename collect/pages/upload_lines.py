"""What the upload page says of one file: what each form in it came to."""

from __future__ import annotations

import streamlit as st

from collect.i18n import t
from collect.pages.issues import filled
from collect.pages.words import as_text, number
from collect.receipts import Part

COUNTS = ("read", "new", "changed", "duplicate", "with_issues", "unreadable")


def part(part: Part, lang: str) -> None:
    """One form of a file: its version, where it came from, and its counts."""
    form = t("receipt.form.frame", lang) if part.form == "frame" else as_text(f"{part.form} {part.form_version}")
    source, rows = filled(f"source.{part.source}", lang, {}), number(part.rows, lang)
    st.caption(t("upload.part", lang, form=form, source=source, rows=rows))
    told = (f"{t(f'receipt.count.{name}', lang)} **{number(getattr(part, name), lang)}**" for name in COUNTS)
    st.markdown(" · ".join(told))
