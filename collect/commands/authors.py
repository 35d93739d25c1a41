"""Commands for people who write forms: ``forms check``, ``forms diff``, ``xpath`` and ``check``. They store nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from collect.commands.shared import Session, as_json, echo, error_of
from collect.commands.spelling import dates_option, decimal_option, encoding_option
from collect.forms import Form
from collect.i18n import t
from collect.i18n.figures import counted
from collect.problems import CollectError, DefinitionError


def add_to(main: click.Group, forms: click.Group) -> None:
    """Hang the commands under their groups."""
    forms.add_command(lint)
    forms.add_command(diff)
    main.add_command(xpath_)
    main.add_command(check)


@click.command(name="check")
@click.argument("form", required=False)
@as_json
@click.pass_obj
def lint(session: Session, form: str | None, as_json: bool) -> None:
    """Check FORM (a folder under forms/, or a path to any .xlsx, .xml or .md form), or everything in forms/."""
    from collect.define import check_forms, find_form, lint_file

    folder = session.settings.forms
    findings = check_forms(folder) if form is None else lint_file(find_form(form, folder))
    if as_json:
        click.echo(json.dumps([finding.data(session.lang) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            echo(finding.line(session.lang))
        session.say("cli.forms.checked", findings=len(findings))
    sys.exit(10 if any(finding.severity == "error" for finding in findings) else 0)


@click.command()
@click.argument("form")
@click.argument("old")
@click.argument("new")
@as_json
@click.pass_obj
def diff(session: Session, form: str, old: str, new: str, as_json: bool) -> None:
    """What changed in FORM (a folder under forms/) from version OLD to NEW: versions by name, or paths to their files.

    Where a data folder is there, also how many submissions each change touches.
    """
    from collect.define import diff_forms, find_form
    from collect.touched import touched

    one, other = versions_of(find_form(form, session.settings.forms), (old, new))
    changes = diff_forms(one, other)
    counts = touched(session.settings, one, other, changes)
    if as_json:
        rows = [{**asdict(change), "submissions": count} for change, count in zip(changes, counts, strict=True)]
        said = {"form": other.form_id, "old": one.version, "new": other.version, "changes": rows}
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    for change, count in zip(changes, counts, strict=True):
        what = t(f"diff.{change.kind}.{change.what}", session.lang)
        between = f" “{change.before}” → “{change.after}”" if change.what == "changed" else ""
        held = "" if count is None else " · " + t("diff.submissions", session.lang, count=count)
        echo(f"{what}: {change.path} {change.part}{between}{held}".replace(" :", ":"))
    session.say("diff.counted", changes=len(changes), old=one.version or "-", new=other.version or "-")


def versions_of(source: Path, named: tuple[str, str]) -> tuple[Form, ...]:
    """The forms that two versions name: a file's path, or a version of the form in ``source`` and beside it."""
    from collect.define import form_at, read_versions

    newest = form_at(source)
    known = [newest, *(newest.older or read_versions(source.parent, newest))]
    found = []
    for name in named:
        one = next((form for form in known if form.version == name), None)
        if one is None and Path(name).is_file():
            one = form_at(Path(name))
        if one is None:
            versions = ", ".join(form.version or "-" for form in known)
            raise DefinitionError("USE-01", what="version", name=name, known=versions)
        found.append(one)
    return tuple(found)


@click.command(name="xpath")
@click.argument("expression", required=False)
@click.option("--form", help="The form: .xlsx, .xml or .md.")
@click.option("--submission", type=click.Path(path_type=Path), help="A submission's XML.")
@click.option("--at", default="", help="Where it is read: /data/hh/member[2]/age (default: the root).")
@click.option("--profile", type=click.Choice(["collect", "web"]), default="collect", show_default=True)
@click.option("--batch", type=click.Path(path_type=Path, allow_dash=True), help="One JSON object a line; - for stdin.")
@as_json
@click.pass_obj
def xpath_(  # noqa: PLR0913 one argument an option
    session: Session,
    expression: str | None,
    form: str | None,
    submission: Path | None,
    at: str,
    profile: str,
    batch: Path | None,
    as_json: bool,
) -> None:
    """Print what EXPRESSION comes to in a submission: its type and its value."""
    from collect.authors import Bench, answers_of
    from collect.define import find_form

    if batch is not None:
        with click.open_file(str(batch), encoding="utf-8", errors="replace") as lines:
            folder = Path() if str(batch) == "-" else batch.parent
            for answer in answers_of(iter(lines), Bench(folder, session.lang)):
                click.echo(json.dumps(answer, ensure_ascii=False))
        return
    if expression is None or form is None or submission is None:
        raise click.UsageError("EXPRESSION, --form and --submission; or --batch.")
    asked = {"expression": expression, "submission": str(submission), "at": at, "profile": profile}
    answer = Bench(lang=session.lang).answer({**asked, "form": str(find_form(form, session.settings.forms))})
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif "error" in answer:
        echo(f"{answer['error']}  {answer['message']}", err=True)
    else:
        echo(f"{answer['type']}\t{answer['text']}")
    sys.exit(2 if "error" in answer else 0)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--form", required=True, help="The form: a path to .xlsx, .xml or .md, or a folder under forms/.")
@encoding_option
@dates_option
@decimal_option
@as_json
@click.pass_obj
def check(  # noqa: PLR0913 one argument an option
    session: Session, files: tuple[Path, ...], form: str, encoding: str, dates: str, decimals: str, as_json: bool
) -> None:
    """Print what is wrong in exports of any form, without storing anything; --json also what follows from it."""
    from collect.authors import check_file
    from collect.check import Spelling
    from collect.define import find_form, form_at
    from collect.receive.manner import Manner

    manner, apart = Manner(encoding, session.settings.limits), session.settings.apart
    spelling = Spelling(dates, decimals)
    asked = form_at(find_form(form, session.settings.forms))
    answered: list[dict[str, Any]] = []
    worst, today = 0, datetime.now().astimezone().date()
    for path in files:
        try:
            read = check_file(path, asked, manner, apart=apart, received_on=today, spelling=spelling)
            checked = [_checked_data(one, session.lang) for one in read]
        except CollectError as error:
            worst = max(worst, error.exit_code)
            checked = [{"file": path.name, "error": error_of(error, session.lang)}]
        answered += checked
        if not as_json:
            _print_checked(checked, session)
    if as_json:
        click.echo(json.dumps(answered, ensure_ascii=False, default=str))
    sys.exit(worst)


def _checked_data(checked: Any, lang: str) -> dict[str, Any]:
    from collect.wording.issues import issue_data

    issues = [issue_data(issue, checked.form, lang) for issue in checked.issues.iter_rows(named=True)]
    return {
        "file": checked.file,
        "form": checked.form.form_id,
        "form_version": checked.form.version,
        "source": checked.source,
        "submissions": checked.submissions,
        "issues": issues,
    }


def _print_checked(files: list[dict[str, Any]], session: Session) -> None:
    for one in files:
        if "error" in one:
            echo(f"✗ {one['file']}: {one['error']['found']}\n  {one['error']['mend']}", err=True)
            continue
        form = f"{one['form']} {one['form_version']}".strip()
        causes = [issue for issue in one["issues"] if "follows" not in issue["details"]]
        session.say("cli.check.file", file=one["file"], form=form, submissions=one["submissions"], issues=len(causes))
        for issue in causes:
            place = issue["found_in"] or issue["submission_id"] or ""
            echo(f"  {issue['code']} {place} {issue['question'] or ''}: {issue['found']}")
            if issue["submission_id"] is None:  # of the whole file: there is one thing to do
                echo(f"    {issue['mend']}")
        if following := len(one["issues"]) - len(causes):
            echo(f"  + {counted('issue.follow', following, session.lang)}")
