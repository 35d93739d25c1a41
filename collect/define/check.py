"""``collect forms check``: everything wrong in a forms folder at once, before the field finds out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from collect.define.design import check_design, load_design
from collect.define.findings import Finding, finding_of
from collect.define.folder import form_file, form_folders, read_form
from collect.define.indicators import check_indicators
from collect.define.lint import lint
from collect.define.targets import check_targets
from collect.define.twin import read_markdown, sheets_of_xlsx
from collect.forms import Form
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
    findings = [*check_design(form, f"{folder.name}/form.toml"), *_twin(folder), *lint(form, source, file)]
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
