"""The commands that pull from a server: accounts kept outside the project, pages taken in as uploads, one by one."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.commands.key import keys_option, private_keys_in
from collect.commands.shared import Session, as_json, echo, typed_secret
from collect.i18n import t
from collect.problems import CollectError

if TYPE_CHECKING:
    from collect.intake import Receipt
    from collect.pull import Central, Files, Kobo, Page
    from collect.pull.gone import Moved
    from collect.receive.sealed import Keys
    from collect.store import Store

COUNTED = ("read", "new", "changed", "duplicate")
PASSWORD, TOKEN = "COLLECT_PASSWORD", "COLLECT_TOKEN"  # variables of the environment, for where nobody types


@click.group()
def pull() -> None:
    """Bring from ODK Central or KoboToolbox what has changed there since the last time."""


@pull.group()
def login() -> None:
    """Keep an account outside the project, for this user of this machine alone."""


def _origin(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """The address, refused before anybody types a password for it."""
    from collect.pull.logins import origin

    return origin(value)


@login.command("central")
@click.option("--url", required=True, is_eager=True, callback=_origin, help="Address of the server.")
@click.option("--user", required=True, help="E-mail address of the account.")
@click.option("--password", envvar=PASSWORD, help=f"Asked for; or the variable {PASSWORD}.")
@click.pass_obj
def login_central(session: Session, url: str, user: str, password: str | None) -> None:
    """An account of ODK Central: tried, then kept."""
    from collect.pull import Central, Login, Logins, Wire

    account = Login("central", url, user, password or _secret(session, "password", PASSWORD))
    Central(Wire(account.url), account, 0, "").open()
    _kept(session, account, Logins.of_user())


@login.command("kobo")
@click.option(
    "--url", required=True, is_eager=True, callback=_origin, help="Address of the server, as kf.kobotoolbox.org."
)
@click.option("--token", envvar=TOKEN, help=f"API token, from account settings. Asked for; or the variable {TOKEN}.")
@click.pass_obj
def login_kobo(session: Session, url: str, token: str | None) -> None:
    """An API token of KoboToolbox: tried, then kept."""
    from collect.pull import Kobo, Login, Logins, Wire

    account = Login("kobo", url, "", token or _secret(session, "token", TOKEN))
    Kobo(Wire(account.url), account, "").open()
    _kept(session, account, Logins.of_user())


def _secret(session: Session, what: str, variable: str) -> str:
    """A password or a token as somebody types it. Raises CollectError USE-25 where nobody is there to type."""
    return typed_secret(t(f"what.{what}", session.lang), CollectError("USE-25", what=what, variable=variable))


def _kept(session: Session, account: Any, logins: Any) -> None:
    logins.keep(account)
    session.say("cli.pull.kept", url=account.url, file=str(logins.path))


@pull.command()
@click.argument("url")
@click.pass_obj
def logout(session: Session, url: str) -> None:
    """Forget the account at a server."""
    from collect.pull import Logins

    session.say("cli.pull.forgotten", count=Logins.of_user().forget(url), url=url)


def _since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A day as the instant it begins (UTC); "all" as "", everything. Raises CollectError USE-23: it has not come."""
    if value is None or value == "all":
        return "" if value else None
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(value) from error
    if (today := datetime.now().astimezone().date()) < day:
        raise CollectError("USE-23", given=day.isoformat(), today=today.isoformat())
    return f"{day}T00:00:00.000Z"


DELETIONS = ("follow", "show", "all")
deletions_option = click.option(
    "--deletions", type=click.Choice(DELETIONS), default="follow", show_default=True,
    help="What was deleted there: follow it here, only show it, or follow it however much it is.",
)  # fmt: skip

media_option = click.option("--media", is_flag=True, help="Also photos and other files of the submissions.")
since_option = click.option("--since", callback=_since, help="YYYY-MM-DD, or all (default: where the last pull ended).")


@pull.command()
@click.option("--url", help="Which server, where accounts at several are kept.")
@click.option("--project", type=int, required=True, help="Number of the project.")
@click.option("--form", "form_id", required=True, help="The form's id on the server.")
@click.option("--as", "as_form", help="Which of our forms it is (default: the one of the same id).")
@since_option
@deletions_option
@media_option
@keys_option
@as_json
@click.pass_obj
def central(  # noqa: PLR0913 one argument an option
    session: Session,
    url: str | None,
    project: int,
    form_id: str,
    as_form: str | None,
    since: str | None,
    deletions: str,
    media: bool,
    keys: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Bring the submissions of one form from ODK Central."""
    from collect.pull import Central, Logins, Wire

    account = Logins.of_user().find("central", url)
    reader = Central(Wire(account.url), account, project, form_id)
    asked = _Asked(as_form or form_id, (account.url, str(project), form_id), since, deletions, media, as_json)
    _bring(session, reader, asked, private_keys_in(keys))


@pull.command()
@click.option("--url", help="Which server, where accounts at several are kept.")
@click.option("--asset", required=True, help="The project's uid: the letters after /forms/ in its address.")
@click.option("--form", "form_id", required=True, help="Which of our forms it is.")
@since_option
@deletions_option
@media_option
@as_json
@click.pass_obj
def kobo(  # noqa: PLR0913 one argument an option
    session: Session,
    url: str | None,
    asset: str,
    form_id: str,
    since: str | None,
    deletions: str,
    media: bool,
    as_json: bool,
) -> None:
    """Bring the submissions of one project from KoboToolbox."""
    from collect.pull import Kobo, Logins, Wire

    account = Logins.of_user().find("kobo", url)
    asked = _Asked(form_id, (account.url, asset), since, deletions, media, as_json)
    _bring(session, Kobo(Wire(account.url), account, asset), asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """``form``: ours. ``what``: the server and the form there, which names bookmark and list of names."""

    form: str
    what: tuple[str, ...]
    since: str | None
    deletions: str
    media: bool
    as_json: bool


def _bring(session: Session, reader: Central | Kobo, asked: _Asked, key: Keys | None = None) -> None:
    """Take in page after page; the bookmark moves once a page is safe, so a break costs one page at most."""
    from collect.commands.closed import Sealed
    from collect.pull import Files, Pulling, bookmark_of
    from collect.store import open_store

    form, as_json = asked.form, asked.as_json
    store, folder = open_store(session.settings), session.settings.data
    pulling = Pulling(reader, folder, asked.what, asked.since)
    take = _taker(session, store, form, key)
    files = Files(reader, session.settings.limits.submission_megabytes << 20)
    bring_files = _filer(session, store, files, form) if asked.media else lambda _page: None
    ours = session.definitions().form(form).form_id
    sealed, tried = Sealed(reader, take, store, asked.what, ours, has_key=key is not None), set[str]()
    totals, pages = Counter(dict.fromkeys(COUNTED, 0)), 0
    kept: dict[str, int] = {}
    for page in _told_if_broken(session, pulling.pages(), kept, as_json):
        receipts = sealed.bring(page.closed, pages + 1)
        receipts += [take(page.data, f"{form}-{pages + 1:04d}.json", reader.source)] if page.count else []
        tried.update(page.closed)
        pages += bool(page.count)
        totals.update(_counts(receipts))
        bring_files(page)
        if pulling.whole:
            kept.update(pages=pages, **totals)
    totals.update(_counts(sealed.bring_left(pulling.moved.gone, tried, pages + 1)))
    brought = {"files": files.brought, "files_left": files.left} if asked.media else {}
    if not as_json:
        session.say("cli.pull.done", pages=pages, **totals)
        if pulling.misled:
            echo(t("cli.pull.misled", session.lang, url=asked.what[0]), err=True)
        if sealed.left:
            echo(t("cli.pull.closed", session.lang, count=sealed.left, url=asked.what[0]), err=True)
        if asked.media:
            session.say("cli.pull.files", **brought)
    left = _deleted_there(session, store, pulling.moved, asked)
    if as_json:
        since = bookmark_of(folder, *asked.what).since
        click.echo(
            json.dumps(
                {"pages": pages, **totals, **brought, "closed": sealed.left, "since": since}
                | {"clock_was_wrong": pulling.misled, **left}
            )
        )


def _counts(receipts: Iterable[Receipt]) -> dict[str, int]:
    return {name: sum(getattr(part, name) for receipt in receipts for part in receipt.parts) for name in COUNTED}


def _deleted_there(session: Session, store: Store, found: Moved, asked: _Asked) -> dict[str, list[str]]:
    """Say which submissions the server deleted or restored, and follow it where nobody here decided otherwise."""
    from collect.pull import known_names, note_names, refuse_too_many
    from collect.review.server import follow

    folder, url = session.settings.data, asked.what[0]
    known = known_names(folder, *asked.what)
    told = {"gone": list(found.gone), "back": list(found.back), "deleted": [], "restored": [], "kept": []}
    if asked.deletions == "follow":
        refuse_too_many(found, known, url)
    if asked.deletions != "show":
        still = {name for name, here in known.items() if here}.difference(found.gone)
        followed = follow(store, session.definitions().form(asked.form).form_id, found, still, url)
        note_names(found.gone, folder, *asked.what, here=False)
        note_names(found.back, folder, *asked.what)
        told |= {name: list(getattr(followed, name)) for name in ("deleted", "restored", "kept")}
    for name in ("gone",) if asked.deletions == "show" else ("deleted", "restored", "kept"):
        if told[name] and not asked.as_json:
            key = "cli.pull.decided_here" if name == "kept" else f"cli.pull.{name}"
            session.say(key, count=len(told[name]), url=url)
            for one in told[name]:
                echo(f"  {one}")
    return told


def _told_if_broken(session: Session, pages: Iterable[Page], kept: dict[str, int], as_json: bool) -> Iterator[Page]:
    """The pages; where they break off, what was kept before is said ahead of the reason."""
    try:
        yield from pages
    except CollectError as error:
        error.values |= kept
        if kept and not as_json:
            echo(t("cli.pull.broken", session.lang, **kept), err=True)
        raise


def _filer(session: Session, store: Store, files: Files, form: str) -> Callable[[Page], None]:
    """Brings the files of a page's submissions, those apart that are here."""
    from collect.keeping.attachments import files_of, keep_given
    from collect.store import safe_name

    known = session.definitions().form(form).form_id
    came = {submission: set(names) for submission, names in files_of(store, known).items()}

    def is_here(submission: str, name: str) -> bool:
        return safe_name(name) in came.get(submission, ())

    def keep(submission: str, name: str, data: bytes) -> None:
        keep_given(store, known, submission, name, io.BytesIO(data))
        came.setdefault(submission, set()).add(safe_name(name))

    return lambda page: files.bring(page, is_here, keep)


def _taker(session: Session, store: Store, form: str, key: Keys | None) -> Callable[[bytes, str, str], Receipt]:
    """Takes bytes in, under a name, as one kind of export of this form."""
    from collect.intake import Asked, add_bytes

    definitions = session.definitions()
    asked = Asked(by=os.environ.get("USER", ""), form=definitions.form(form).form_id, key=key)

    def take(data: bytes, name: str, source: str) -> Receipt:
        return add_bytes(store, data, definitions, replace(asked, name=name, source=source))

    return take
