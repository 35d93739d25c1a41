"""Forms: versions, every question in plain words, what the linter says, files, and the square that sets up phones."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import polars as pl
import streamlit as st

from collect.access import is_loopback
from collect.define.words import as_written, cell_help, column_label
from collect.forms import Form
from collect.i18n import LANGUAGES, t
from collect.pages import wrapped
from collect.pages.layout import header
from collect.pages.live_field import FormFiles
from collect.pages.picking import section_and_form
from collect.pages.take_away import XLSX, buttons
from collect.pages.words import NOTHING, as_text, number
from collect.publish.qr import settings_of, square
from collect.speech import said, title_of, untranslated

SECTIONS = ("questions", "files", "phones", "check")
MIMES = {"xlsx": XLSX, "csv": "text/csv", "zip": "application/zip"}


@dataclass(frozen=True, slots=True)
class Sources:
    """What the page reaches: a form's files, its templates, and who is named on the phone."""

    files: Callable[[str], FormFiles]
    template: Callable[[str, str], bytes]  # form_id and a suffix
    username: str = ""


def render(forms: Sequence[Form], lang: str, sources: Sources) -> None:
    """Draw the page."""
    header(t("forms.title", lang), lang)
    st.caption(t("forms.about", lang))
    words = {code: t(f"forms.section.{code}", lang) for code in SECTIONS}
    section, form = section_and_form("of_form", t("forms.section", lang), words, forms, lang)
    found = sources.files(form.form_id)
    _facts(found, lang)
    match section:
        case "questions":
            _questions(found.form, lang)
        case "files":
            _files(found, lang, sources)
        case "phones":
            _phones(found.form, lang, sources.username)
        case _:
            _check(found, lang)


def _facts(found: FormFiles, lang: str) -> None:
    form = found.form
    asked = sum(1 for question in form.questions if question.appears and not question.readonly)
    wrong = sum(1 for finding in found.findings if finding.severity == "error")
    with st.grid(3, min_column_width=150, gap="small"):
        st.metric(t("forms.figure.questions", lang), number(asked, lang), border=True, height="stretch")
        st.metric(
            t("forms.figure.languages", lang),
            number(len(form.languages), lang),
            border=True,
            height="stretch",
            help=as_text(", ".join(form.languages)),
        )
        st.metric(
            t("forms.figure.findings", lang),
            f"{number(wrong, lang)} / {number(len(found.findings), lang)}",
            border=True,
            height="stretch",
            help=t("forms.figure.findings.help", lang),
        )
    versions = [form.version, *(old.version for old in form.older)]
    if found.received is not None:
        lines = {version: found.received.get(version, 0) for version in versions} | dict(found.received)
        counted = (
            f"{as_text(version or NOTHING)} ({number(count, lang)})"
            for version, count in sorted(lines.items(), reverse=True)
        )
        st.caption(t("forms.versions", lang, versions=", ".join(counted)))


def _questions(form: Form, lang: str) -> None:
    rows = questions(form, lang)
    st.caption(t("forms.questions.about", lang))
    missing, all_asked = untranslated(form, lang)
    if missing:
        counts = {"missing": number(missing, lang), "all": number(all_asked, lang), "language": LANGUAGES[lang]}
        st.info(t("forms.untranslated", lang, **counts), icon=":material/translate:")
    asked, rules, section, name, written = rows.columns
    place = 0
    for (part,), inside in rows.group_by(section, maintain_order=True):
        with st.expander(as_text(str(part or title_of(form, lang))), expanded=True):
            for row in inside.iter_rows(named=True):
                place += 1
                told = f"  \n{as_text(row[rules])}" if row[rules] else ""
                xpath = "  \n".join(map(as_text, (row[written] or "").splitlines()))
                st.markdown(f"**{place}. {as_text(row[asked])}** :gray[:small[{as_text(row[name])}]]{told}", help=xpath)
    buttons(rows, f"{form.form_id}-questions", lang)


def questions(form: Form, lang: str) -> pl.DataFrame:
    """Every question that is asked, in order: its words, its rules in words, where it stands, its rules in XPath."""
    around = sorted(form.sections, key=lambda section: -len(section.path))
    rows = []
    for question in form.questions:
        if not question.appears or question.readonly:
            continue
        section = next((one for one in around if question.path.startswith(f"{one.path}/") and one.labels), None)
        rows.append(
            (
                column_label(question, form, lang),
                cell_help(question, form, lang) or None,
                said(section.labels, lang) if section else None,
                question.name,
                as_written(question, form) or None,
            )
        )
    columns = ("rules", "section", "name", "written")
    names = [t("issue.question", lang), *(t(f"forms.column.{name}", lang) for name in columns)]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _files(found: FormFiles, lang: str, sources: Sources) -> None:
    form = found.form
    tables = "zip" if len(form.repeats) > 1 else "csv"  # a CSV holds one
    offered: dict[str, tuple[str, Callable[[], bytes], str]] = {}  # kind -> suffix, what makes it, its media type
    if found.source.suffix == ".xlsx":
        offered["xlsform"] = (".xlsx", found.source.read_bytes, XLSX)
    offered["xform"] = (".xml", lambda: form.xform, "application/xml")
    for kind in ("xlsx", tables):
        offered[f"template.{kind}"] = (f"-template.{kind}", partial(sources.template, form.form_id, kind), MIMES[kind])
    with st.grid(2, min_column_width=320, gap="small"):
        for kind, (suffix, make, mime) in offered.items():
            name = f"{form.form_id}{suffix}"
            with st.container(border=True, gap="xsmall"):
                st.markdown(f"**{t(f'forms.file.{kind}', lang)}**  \n{t(f'forms.file.{kind}.about', lang)}")
                st.download_button(
                    t("forms.file.download", lang, file=as_text(name)),
                    data=make,
                    file_name=name,
                    mime=mime,
                    key=f"form-{kind}",
                    icon=":material/download:",
                    on_click="ignore",
                )


def _phones(form: Form, lang: str, username: str) -> None:
    address = server_address(str(st.context.url or ""))
    left, right = st.columns([4, 6], gap="large")
    with right:
        given = st.text_input(
            t("forms.phones.server", lang), value=address, help=t("forms.phones.server.help", lang), max_chars=300
        )
        server = (given or address).strip().rstrip("/")
        project = st.text_input(t("forms.phones.project", lang), value=title_of(form, lang), max_chars=80)
        if is_loopback(urlsplit(server).hostname or ""):
            st.warning(t("forms.phones.loopback", lang), icon=":material/wifi_off:")
        st.markdown(t("forms.phones.steps", lang))
        st.caption(t("forms.phones.password", lang))
    settings = settings_of(server, project or form.form_id, lang, username)
    with left, st.container(border=True):
        picture = base64.b64encode(square(settings, scale=6)).decode()
        st.html(
            f"<img alt=\"{t('forms.alt.square', lang)}\" src='data:image/svg+xml;base64,{picture}' "
            "style='width:100%;max-width:340px;background:#fff;border-radius:8px'>"
        )
        st.download_button(
            t("forms.phones.download", lang),
            data=lambda: square(settings, "png", 8),
            file_name=f"{form.form_id}-qr.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
            key="qr",
        )


def server_address(page: str) -> str:
    """The app's own address, from the address of one of its pages: its last step is the page."""
    parts = urlsplit(page)
    if not parts.netloc:
        return "http://127.0.0.1:8501"
    return f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}".rstrip("/")


def _check(found: FormFiles, lang: str) -> None:
    st.caption(t("forms.check.about", lang))
    if not found.findings:
        st.success(t("forms.check.sound", lang), icon=":material/check_circle:")
        return
    rows = pl.DataFrame(
        [
            (t(f"severity.{one.severity}", lang), one.found(lang), one.mend(lang), one.where, one.code)
            for one in found.findings
        ],
        schema=dict.fromkeys(
            [t(f"issue.{name}", lang) for name in ("severity", "why", "mend", "question", "code")], pl.String
        ),
        orient="row",
    )
    long = [t(f"issue.{name}", lang) for name in ("why", "mend")]
    wrapped.draw(
        rows, f"{found.form.form_id}-findings", t("forms.alt.check", lang), lang, strong=long[0], long=long[1:]
    )
    buttons(rows, f"{found.form.form_id}-findings", lang)
