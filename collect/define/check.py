"""``collect forms check``: everything wrong in a forms folder at once, before the field finds out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from collect.define.design import check_design, load_design
from collect.define.evaluable import RULES, check_rules
from collect.define.expressions import check_expression
from collect.define.findings import Finding, finding_of
from collect.define.folder import form_file, form_folders, read_form
from collect.define.indicators import check_indicators
from collect.define.targets import check_targets
from collect.define.twin import read_markdown, sheets_of_xlsx
from collect.define.xlsform import SHEETS, compile_file
from collect.forms import Form, Words
from collect.problems import DefinitionError


def check_forms(folder: Path) -> tuple[Finding, ...]:
    """Every finding about the forms, their designs, the indicators and the targets of a folder, errors first."""
    findings: list[Finding] = []
    forms: list[Form] = []
    for sub in form_folders(folder):
        form, found = _check_form(sub)
        findings += found
        forms += [] if form is None else [form]
    if not form_folders(folder):
        findings.append(Finding(folder.name, "", "DEF-08", values={"near": "form.xlsx"}))
    indicators, found_of_indicators = check_indicators(folder, forms)
    findings += found_of_indicators
    try:
        findings += check_targets(folder / "targets.csv", indicators)
    except DefinitionError as error:
        findings.append(finding_of(error, "targets.csv"))
    return tuple(sorted(findings, key=lambda finding: finding.severity != "error"))  # stable: file order within


def _check_form(folder: Path) -> tuple[Form | None, list[Finding]]:
    source = form_file(folder)
    if source is None:
        return None, []
    file = f"{folder.name}/{source.name}"
    try:
        form = read_form(source)
        design = load_design(folder / "form.toml")
    except DefinitionError as error:
        return None, [replace(finding_of(error, file), file=file)]
    if (folder / "form.toml").is_file():
        form = replace(form, design=design)
    findings = [*check_design(form, f"{folder.name}/form.toml"), *_twin(folder), *_rules(form, file)]
    named = {(finding.where, finding.values.get("expression")) for finding in findings}
    findings += [f for f in check_rules(form, file) if (f.where, f.values.get("expression")) not in named]
    findings += [*_warnings(source, file), *_untranslated(form, file)]
    return form, findings


def _twin(folder: Path) -> Iterator[Finding]:
    """The first cell in which form.xlsx and its text twin differ, per sheet."""
    book, text = folder / "form.xlsx", folder / "form.md"
    if not (book.is_file() and text.is_file()):
        return
    in_book, in_text = sheets_of_xlsx(book), read_markdown(text)
    for sheet in dict.fromkeys([*in_book, *in_text]):
        rows, twins = in_book.get(sheet, []), in_text.get(sheet, [])
        differ = next(
            (number for number, pair in enumerate(zip(rows, twins, strict=False), 1) if pair[0] != pair[1]), 0
        )
        if not differ and len(rows) != len(twins):
            differ = min(len(rows), len(twins)) + 1
        if differ:
            yield Finding(f"{folder.name}/form.md", f"{sheet}, {differ}", "DEF-18", values={"book": book.name})


def _rules(form: Form, file: str) -> Iterator[Finding]:
    """Rules that name nodes or choices the form does not have; pyxform does not read them."""
    for question in form.questions:
        for rule in RULES:
            yield from _rule(form, getattr(question, rule), question.path, file)
    for section in form.sections:
        yield from _rule(form, section.relevant, section.path, file)
        yield from _rule(form, section.count, section.path, file)


def _rule(form: Form, text: str | None, path: str, file: str) -> tuple[Finding, ...]:
    return check_expression(text, form, at=path, file=file, where=path) if text else ()


def _warnings(source: Path, file: str) -> Iterator[Finding]:
    if source.suffix in SHEETS:
        for warning in compile_file(source).warnings:
            yield Finding(file, "", "DEF-19", "warning", {"reason": warning})


def _untranslated(form: Form, file: str) -> Iterator[Finding]:
    """Words people see that lack one of the form's languages."""
    for question in form.questions:
        for words in (question.labels, question.hints, question.constraint_messages, question.required_messages):
            yield from _missing(words, form, question.path, file)
    for name, choices in form.choices.items():
        for choice in choices:
            yield from _missing(choice.labels, form, f"{name}: {choice.name}", file)


def _missing(words: Words, form: Form, where: str, file: str) -> Iterator[Finding]:
    missing = [language for language in form.languages if words and not words.get(language)]
    if missing:
        yield Finding(file, where, "DEF-23", "warning", {"missing": ", ".join(missing)})
