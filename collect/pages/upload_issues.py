"""What is wrong in an upload, on screen and as the spreadsheet in which people write the right answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from collect.forms import Form
from collect.i18n import t
from collect.pages import wrapped
from collect.pages.issues import in_words
from collect.pages.review_words import result_of, short
from collect.pages.take_away import XLSX
from collect.pages.words import counted, number
from collect.review.sheet import write, write_csv
from collect.tables import FOLLOWS, ISSUES, SEVERITIES
from collect.wording.answers import label_of

if TYPE_CHECKING:
    from collect.intake import Part
    from collect.review.reviews import Outcome

MOST_SHOWN = 2000  # issues that can be paged through on screen; the file has them all
BEFORE = ("fits", "awaited")
PLACE = ("file", "found_in", "submission")  # three columns of the spreadsheet, one on screen


def render(parts: Sequence[tuple[str, Part]], forms: Mapping[str, Form], lang: str) -> None:
    """The issues of some files' parts, by the name of the file."""
    nothing = ISSUES.empty().with_columns(file=pl.lit("").cast(pl.String), form=pl.lit("").cast(pl.String))
    frames = [part.issues.with_columns(file=pl.lit(file), form=pl.lit(part.form)) for file, part in parts]
    gravest = pl.col("severity").replace_strict({name: place for place, name in enumerate(SEVERITIES)})
    issues = pl.concat([nothing, *(frame.select(nothing.columns) for frame in frames)])
    issues = issues.sort(FOLLOWS, gravest, maintain_order=True)
    causes = issues.filter(~FOLLOWS)
    if issues.is_empty():
        st.success(t("upload.no_issues", lang), icon=":material/check_circle:")
        return
    st.subheader(t("upload.issues", lang, issues=number(causes.height, lang)), anchor=False)
    st.caption(t("upload.issues.about", lang))
    if causes.height < issues.height:
        st.caption(counted("upload.issues.follow", issues.height - causes.height, lang))
    if causes.height > MOST_SHOWN:
        st.caption(t("upload.issues.first", lang, shown=number(MOST_SHOWN, lang)))
    _table(in_words(causes.head(MOST_SHOWN), forms, lang), lang)
    made = {"xlsx": (write, XLSX, ""), "csv": (write_csv, "text/csv", ".csv")}
    with st.container(horizontal=True, gap="small"):
        for kind, (make, mime, words) in made.items():
            st.download_button(
                t(f"upload.issues.download{words}", lang),
                data=partial(make, issues, forms, lang),
                file_name=f"issues.{kind}",
                mime=mime,
                key=f"issues-{kind}",
                icon=":material/download:",
                on_click="ignore",
                help=t("upload.issues.download.help", lang),
            )


def _table(rows: pl.DataFrame, lang: str) -> None:
    question, *said, code = (
        t(f"issue.{part}", lang) for part in ("question", "given", "why", "mend", "severity", "code")
    )
    file, found_in, submission = (t(f"issue.{part}", lang) for part in PLACE)
    row = pl.coalesce(found_in, submission)
    both = pl.concat_str([file, row], separator="\n", ignore_nulls=True)
    named = pl.col(found_in).str.starts_with(pl.col(file)).fill_null(False)  # "a.csv:5" names its file already
    where = pl.when(named).then(row).otherwise(both) if rows[file].n_unique() > 1 else row
    shown = rows.select(question, *said, where.alias(t("issue.where", lang)), code)
    wrapped.draw(shown, "issues", t("upload.issues.alt", lang), lang, strong=question, long=said[1:3])


def corrections(
    corrected: Sequence[Outcome], forms: Mapping[str, Form], lang: str, awaited: Collection[str] | None
) -> None:
    """A spreadsheet that came back: what became of each right answer in it.

    ``awaited``: before it is stored, the submissions that come with it: what becomes of theirs shows only then.
    """
    if not corrected:
        st.warning(t("upload.sheet.empty", lang, column=t("issue.new", lang)), icon=":material/edit_note:")
        return
    told = [(_told(one, awaited), one) for one in corrected]
    applied = sum(1 for result, _ in told if result in ("applied", "fits"))
    waits = sum(1 for result, _ in told if result == "awaited")
    counts = {"applied": number(applied, lang), "others": number(len(told) - applied - waits, lang)}
    st.markdown(t("cli.correct.sheet" if awaited is None else "upload.sheet.found", lang, **counts))
    if waits:
        st.caption(t("upload.sheet.awaited.about", lang, count=number(waits, lang)))
    question, new, result, submission = (
        t(key, lang) for key in ("issue.question", "issue.new", "upload.sheet.result", "issue.submission")
    )
    rows = [
        (
            _label(one, forms, lang),
            one.correction.new or t("correction.blank", lang),
            t(f"upload.sheet.{word}", lang) if word in BEFORE else result_of(one, lang),
            short(one.correction.submission_id),
        )
        for word, one in sorted(told, key=lambda pair: pair[0] in ("applied", *BEFORE))  # the refused first
    ]
    table = pl.DataFrame(rows, schema=dict.fromkeys((question, new, result, submission), pl.String), orient="row")
    wrapped.draw(table, "corrections", t("upload.sheet.alt", lang), lang, strong=question, long=(result,))


def _told(one: Outcome, awaited: Collection[str] | None) -> str:
    """What is said of a correction; two things are said only before it is stored, `BEFORE`."""
    if awaited is not None and one.correction.submission_id in awaited:
        return "awaited"
    return "fits" if awaited is not None and one.result == "applied" else one.result


def _label(one: Outcome, forms: Mapping[str, Form], lang: str) -> str:
    """The question as the form asks it, else its name; of an interview that is not here yet, as any form asks it."""
    path = one.correction.question
    found = (form.to_read.by_path.get(path) for form in ([forms[one.form]] if one.form in forms else forms.values()))
    question = next(filter(None, found), None)
    return label_of(question, lang) if question else path.rsplit("/", 1)[-1]
