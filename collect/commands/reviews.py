"""The commands of people who look at what was received: review, correct, verify."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collect.commands.shared import Session, as_json
from collect.i18n import t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collect.review.reviews import Outcome

by_whom = click.option("--by", default=lambda: os.environ.get("USER", ""), help="Who decides.")


@click.group()
def review() -> None:
    """List what was received and decide on it."""


@review.command("list")
@click.option("--form", default="", help="Only this form.")
@click.option("--state", "states", multiple=True, help="Only these states; may be given several times.")
@click.option("--interviewer", default="", help="Only this interviewer's.")
@click.option("--commune", default="", help="Only of this commune.")
@click.option("--code", "codes", multiple=True, help="Only with an issue of this code.")
@click.option("--changed", is_flag=True, help="Only what came again, changed, after a decision.")
@as_json
@click.pass_obj
def list_(  # noqa: PLR0913 one argument an option
    session: Session,
    form: str,
    states: tuple[str, ...],
    interviewer: str,
    commune: str,
    codes: tuple[str, ...],
    changed: bool,
    as_json: bool,
) -> None:
    """List interviews with their states."""
    from collect.review.reviews import Filters, queue
    from collect.store import open_store

    wanted = Filters(form, states, interviewer, commune, codes=codes, changed=changed)
    rows = queue(open_store(session.settings), session.definitions(), wanted)
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        state = t(f"review.state.{row['state']}", session.lang)
        click.echo(f"{row['submission_id']}  {state}  {row['interviewer'] or '-'}  {' '.join(row['codes'])}".rstrip())
    session.say("cli.review.listed", rows=rows.height)


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
            session.say("cli.review.decided", rows=len(written), state=t(f"review.state.{decision}", session.lang))


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
    """Tell everything that happened to an interview."""
    from collect.review.reviews import history as told
    from collect.store import open_store

    rows = told(open_store(session.settings), submission_id)
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        event = t(f"review.event.{row['event']}", session.lang)
        what = " ".join(filter(None, [row["question"], row["row_id"]]))
        change = f"{row['old'] or '-'} → {row['new'] or '-'}"
        click.echo(f"{row['at']}  {row['by'] or '-'}  {event}  {what}  {change}  {row['why']}".rstrip())


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
        click.echo(f"{row['one']}  {row['other']}  {kind} {share}  {verdict}".rstrip())
    session.say("cli.review.pairs", rows=rows.height)


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
            click.echo(f"{kept}  {other}  {t(f'review.pair.{entry.new}', session.lang)}")


_judgement("same", True, "Say that two interviews are one: the first counts, the second does not.")
_judgement("different", False, "Say that two interviews are different ones.")


@click.command()
@click.argument("what", nargs=-1, required=True)
@click.option("--row", "row_id", default="", help="The row of a repeat, as /data/member[2].")
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
        outcomes = take(store, session.definitions(), Path(what[0]), by)
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


def said_of(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """What became of corrections, as data."""
    return [{**asdict(one.correction), "result": one.result, "code": one.code} for one in outcomes]


def tell(session: Session, outcomes: Sequence[Outcome], quiet: bool) -> int:
    """Say what became of corrections; the exit code is 0 when all of them apply or change nothing, else 11."""
    for one in () if quiet else outcomes:
        result = t(f"correction.{one.result}", session.lang, code=one.code)
        click.echo(f"{one.correction.submission_id}  {one.correction.question} {one.correction.row_id}  {result}")
    if not quiet:
        applied = sum(one.result == "applied" for one in outcomes)
        session.say("cli.correct.sheet", applied=applied, others=len(outcomes) - applied)
    return 0 if all(one.result in ("applied", "no_change") for one in outcomes) else 11


@click.command()
@as_json
@click.pass_obj
def verify(session: Session, as_json: bool) -> None:
    """Find out whether registry, ledger, originals and tables are what was stored; exit code 13 where they are not."""
    from collect.keeping.verify import verify as look
    from collect.store import open_store

    store = open_store(session.settings)
    with session.steps(as_json) as progress:
        found = look(store, progress)
    wrong = [
        {"kind": one.kind, "where": one.where}
        | {part: t(f"verify.{one.kind}.{part}", session.lang, where=one.where) for part in ("found", "mend")}
        for one in found.damage
    ]
    counts = {"uploads": found.uploads, "parts": found.parts, "entries": found.entries, "handed": found.handed}
    if as_json:
        click.echo(
            json.dumps({"sound": not wrong, **counts, "heads": found.heads, "damage": wrong}, ensure_ascii=False)
        )
    elif not wrong:
        session.say("cli.verify.sound", **counts)
    for one in () if as_json else wrong:
        click.echo(f"✗ {one['found']}\n  {one['mend']}", err=True)
    sys.exit(13 if wrong else 0)


def add_to(main: click.Group) -> None:
    """Hang the commands into the line."""
    for command in (review, correct, verify):
        main.add_command(command)
