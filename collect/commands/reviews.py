"""The commands of people who look at what was received: review, correct, verify."""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collect.commands.shared import Session, as_json, echo
from collect.i18n import t
from collect.i18n.figures import counted
from collect.problems import CollectError, ExportError
from collect.wording.states import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from collect.keeping.verify import Unrecorded
    from collect.review.reviews import Outcome

Command = TypeVar("Command", bound="Callable[..., Any] | click.Command")

FILES = ("files", "files_missing")
by_whom = click.option("--by", default=lambda: os.environ.get("USER", ""), help="Who decides.")


@click.group()
def review() -> None:
    """List what was received and decide on it."""


WHICH = (
    click.option("--form", default="", help="Only this form."),
    click.option("--state", "states", multiple=True, help="Only these states; may be given several times."),
    click.option("--interviewer", default="", help="Only this interviewer's."),
    click.option("--commune", default="", help="Only of this commune."),
    click.option("--code", "codes", multiple=True, help="Only with an issue of this code."),
    click.option("--changed", is_flag=True, help="Only what came again, changed, after a decision."),
)


def which(command: Command) -> Command:
    """The options that say which interviews a command is about: the fields of `collect.review.queue.Filters`."""
    for option in reversed(WHICH):
        command = option(command)
    return command


@review.command("list")
@which
@as_json
@click.pass_obj
def list_(session: Session, /, as_json: bool, **wanted: Any) -> None:
    """List interviews with their states."""
    from collect.review.reviews import Filters, queue
    from collect.store import open_store

    rows = queue(open_store(session.settings), session.definitions(), Filters(**wanted))
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        state = state_of(row, session.lang)
        interviewer = " ".join((row["interviewer"] or "-").split())
        files = t("review.files", session.lang, **{name: row[name] for name in FILES}) if row["files"] else ""
        said = (row["submission_id"], state, interviewer, " ".join(row["codes"]), files)
        echo("  ".join(part for part in said if part))
    session.count("cli.review.listed", rows.height)


@review.command()
@which
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.xlsx or .csv")
@as_json
@click.pass_obj
def issues(session: Session, /, path: Path, as_json: bool, **wanted: Any) -> None:
    """Write what is wrong as a spreadsheet with room for right answers; `collect correct` takes it back."""
    from collect.review.outstanding import outstanding
    from collect.review.reviews import Filters, queue
    from collect.review.sheet import write, write_csv
    from collect.runs import are_made_up
    from collect.store import open_store

    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise click.BadParameter(str(path), param_hint="--to")
    store, definitions = open_store(session.settings), session.definitions()
    interviews = queue(store, definitions, Filters(**wanted))
    found = outstanding(store, definitions, interviews)
    forms = {form.form_id: form for form in definitions.forms}
    made_up = are_made_up(interviews["round"].unique())
    try:
        if path.suffix.lower() == ".xlsx":
            path.write_bytes(write(found, forms, session.lang))
        else:
            path.write_bytes(write_csv(found, forms, session.lang, made_up=made_up))
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    if as_json:
        click.echo(json.dumps({"file": str(path), "issues": found.height}))
    else:
        session.count("cli.review.issues", found.height, file=str(path))


@review.command("files")
@click.argument("submission_id")
@as_json
@click.pass_obj
def files_(session: Session, submission_id: str, as_json: bool) -> None:
    """List the photos and other files of an interview, where each lies, and those that never came."""
    from collect.review.attached import of_one
    from collect.store import open_store

    rows = of_one(open_store(session.settings), session.definitions(), submission_id)
    if as_json:
        click.echo(rows.write_json())
    else:
        _tell_files(session, rows)
        session.say("review.files", files=rows.height, files_missing=rows["place"].null_count())


def _tell_files(session: Session, rows: pl.DataFrame) -> None:
    for row in rows.iter_rows(named=True):
        echo(f"{row['name']}  {row['question'] or '-'}  {row['place'] or t('review.file.missing', session.lang)}")


def _decision(name: str, decision: str, words: str) -> None:
    @review.command(name, help=words)
    @click.argument("ids", nargs=-1, required=True)
    @click.option("--reason", default="", help="Why; the interviewer will read it.")
    @by_whom
    @as_json
    @click.pass_obj
    def decide_(session: Session, ids: tuple[str, ...], reason: str, by: str, as_json: bool) -> None:
        from collect.review.reviews import decide
        from collect.store import open_store

        written = decide(open_store(session.settings), ids, decision, reason, by)
        if as_json:
            click.echo(json.dumps([asdict(entry) for entry in written], ensure_ascii=False))
        else:
            session.count("cli.review.decided", len(written), state=t(f"review.state.{decision}", session.lang))


_decision("accept", "accepted", "Accept interviews as they stand.")
_decision("send-back", "sent_back", "Send interviews back to the field; they count again once they come back changed.")
_decision("reject", "rejected", "Reject interviews: they never count.")
_decision("delete", "deleted", "Delete interviews: they count nowhere and are not listed, whatever arrives.")
_decision("reopen", "received", "Take the last decision back.")


@review.command()
@click.argument("submission_id")
@as_json
@click.pass_obj
def history(session: Session, submission_id: str, as_json: bool) -> None:
    """Tell everything that happened to an interview, and which of its files are still missing."""
    from collect.review.attached import of_one
    from collect.review.reviews import history as told
    from collect.store import open_store
    from collect.wording.events import what_happened

    store = open_store(session.settings)
    rows = told(store, submission_id)
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        event = t(f"review.event.{row['event']}", session.lang)
        what = " ".join(what_happened(row, session.lang).split())  # an answer's line ends make no line
        said = (row["at"], row["by"] or "-", row["submission_id"], event, what, row["why"])
        echo("  ".join(part for part in said if part))
    files = of_one(store, session.definitions(), submission_id)
    _tell_files(session, files.filter(files["place"].is_null()))


@review.command()
@click.option("--form", default="", help="Only this form.")
@click.option("--all", "everything", is_flag=True, help="Those somebody decided on too.")
@as_json
@click.pass_obj
def duplicates(session: Session, form: str, everything: bool, as_json: bool) -> None:
    """List pairs of interviews that may be one and the same."""
    from collect.review.reviews import duplicates as suspected
    from collect.store import open_store

    rows = suspected(open_store(session.settings), session.definitions(), form, undecided=not everything)
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        share = "" if row["share"] is None else f"{row['share']:.0%}"
        verdict = t(f"review.pair.{row['verdict']}", session.lang) if row["verdict"] else ""
        kind = t(f"review.pair.{row['kind']}", session.lang)
        echo(f"{row['one']}  {row['other']}  {kind} {share}  {verdict}".rstrip())
    session.count("cli.review.pairs", rows.height)


def _judgement(name: str, same: bool, words: str) -> None:
    @review.command(name, help=words)
    @click.argument("kept")
    @click.argument("other")
    @click.option("--reason", default="", help="Why.")
    @by_whom
    @as_json
    @click.pass_obj
    def judge_(session: Session, kept: str, other: str, reason: str, by: str, as_json: bool) -> None:
        from collect.review.reviews import judge_pair
        from collect.store import open_store

        entry = judge_pair(open_store(session.settings), kept, other, same, reason, by)
        if as_json:
            click.echo(json.dumps(asdict(entry), ensure_ascii=False))
        else:
            echo(f"{kept}  {other}  {t(f'review.pair.{entry.new}', session.lang)}")


_judgement("same", True, "Say that two interviews are one: the first counts, the second does not.")
_judgement("different", False, "Say that two interviews are different ones.")


@click.command()
@click.argument("what", nargs=-1, required=True)
@click.option("--row", "row_id", default="", help="The row of a repeat, as /data/people/member[2].")
@click.option("--why", default="", help="Why the answer is put right.")
@by_whom
@as_json
@click.pass_obj
def correct(session: Session, what: tuple[str, ...], row_id: str, why: str, by: str, as_json: bool) -> None:
    """Correct answers: FILE is the issue spreadsheet with right answers filled in; or SUBMISSION QUESTION ANSWER."""
    from collect.review.reviews import Correction
    from collect.review.reviews import correct as put_right
    from collect.review.sheet import take
    from collect.store import open_store

    store = open_store(session.settings)
    if len(what) == 1:
        taken = take(store, session.definitions(), Path(what[0]), by)
        if taken is None:
            raise _no_sheet(Path(what[0]))
        outcomes = taken
    else:
        try:
            submission_id, question, new = what
        except ValueError as error:
            raise click.UsageError("FILE | SUBMISSION QUESTION ANSWER") from error
        if not why.strip():
            raise click.MissingParameter(param_type="option", param_hint="--why")  # the ledger keeps a reason for each
        one = Correction(submission_id, question, new, why, row_id)
        outcomes = put_right(store, session.definitions(), [one], by)
    if as_json:
        click.echo(json.dumps(said_of(outcomes), ensure_ascii=False))
    sys.exit(tell(session, outcomes, quiet=as_json))


def _no_sheet(path: Path) -> ExportError:
    if path.is_file():
        return ExportError("REV-04", file=path.name, columns="(phu:new)")
    return ExportError("IN-01", file=path.name, reason=os.strerror(errno.ENOENT))


def said_of(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """What became of corrections, as data."""
    return [{**asdict(one.correction), "result": one.result, "code": one.code} for one in outcomes]


def tell(session: Session, outcomes: Sequence[Outcome], quiet: bool, tried: bool = False) -> int:
    """Say what became of corrections, or would; the exit code is 0 when all apply or change nothing, else 11."""
    for one in () if quiet else outcomes:
        result = t(f"correction.{one.result}", session.lang, code=one.code)
        echo(f"{one.correction.submission_id}  {one.correction.question} {one.correction.row_id}  {result}")
    if not quiet:
        applied = sum(one.result == "applied" for one in outcomes)
        session.say(
            "cli.correct.tried" if tried else "cli.correct.sheet", applied=applied, others=len(outcomes) - applied
        )
    return 0 if all(one.result in ("applied", "no_change") for one in outcomes) else 11


@click.command()
@click.option("--noted", multiple=True, help="Digest of the last decision or download, as an earlier verify said it.")
@as_json
@click.pass_obj
def verify(session: Session, noted: tuple[str, ...], as_json: bool) -> None:
    """Find out whether registry, ledger, originals and tables are what was stored; exit code 13 where they are not."""
    from collect.keeping.verify import verify as look
    from collect.store import open_as_it_is

    store = open_as_it_is(session.settings)
    with session.steps(as_json) as progress:
        found = look(store, progress, noted)
    wrong = [
        {"kind": one.kind, "where": one.where}
        | {part: t(f"verify.{one.kind}.{part}", session.lang, where=one.where) for part in ("found", "mend")}
        for one in found.damage
    ]
    unrecorded = [asdict(one) | _words_of_unrecorded(one, session.lang) for one in found.unrecorded]
    counts = {"uploads": found.uploads, "parts": found.parts, "entries": found.entries, "handed": found.handed}
    if as_json:
        said = counts | {"heads": found.heads, "unrecorded": unrecorded}
        click.echo(json.dumps({"sound": not wrong, **said, "damage": wrong}, ensure_ascii=False))
    elif not wrong:
        session.say("cli.verify.sound", **counts)
        heads = {name: head for name, head in found.heads.items() if head}
        for name, head in heads.items():
            number = {"ledger": found.entries, "downloads": found.handed}[name]
            session.say(f"cli.verify.head.{name}", number=number, head=head)
        if heads:
            session.say("cli.verify.note", noted=" ".join(f"--noted {head}" for head in heads.values()))
    for one in () if as_json else wrong:
        echo(f"✗ {one['found']}\n  {one['mend']}", err=True)
    if unrecorded and not as_json:
        echo(counted("cli.verify.unrecorded", len(unrecorded), session.lang), err=True)
        for one in unrecorded:
            echo(f"  {one['found']} {one['mend']}", err=True)
    sys.exit(13 if wrong else 0)


def _words_of_unrecorded(one: Unrecorded, lang: str) -> dict[str, str]:
    """What became of a file that is in no upload, and what to do."""
    kind = "unread" if one.code else "unrecorded"
    return {part: t(f"verify.{kind}.{part}", lang, path=one.path, code=one.code) for part in ("found", "mend")}


def add_to(main: click.Group) -> None:
    """Hang the commands into the line."""
    for command in (review, correct, verify):
        main.add_command(command)
