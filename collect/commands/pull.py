"""The commands that pull from a server: accounts kept outside the project, pages taken in as uploads, one by one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.commands.key import key_option, private_key_in
from collect.commands.shared import Session, as_json, echo
from collect.i18n import t
from collect.problems import CollectError, ExportError

if TYPE_CHECKING:
    from collect.intake import Receipt
    from collect.pull import Central, Kobo, Page
    from collect.receive.sealed import PrivateKey
    from collect.store import Store

COUNTED = ("read", "new", "changed", "duplicate")


@click.group()
def pull() -> None:
    """Bring from ODK Central or KoboToolbox what has changed there since the last time."""


@pull.group()
def login() -> None:
    """Keep an account outside the project, for this user of this machine alone."""


@login.command("central")
@click.option("--url", required=True, help="Address of the server.")
@click.option("--user", required=True, help="E-mail address of the account.")
@click.option("--password", envvar="COLLECT_PASSWORD", prompt=True, hide_input=True, help="Asked for; or the variable.")
@click.pass_obj
def login_central(session: Session, url: str, user: str, password: str) -> None:
    """An account of ODK Central: tried, then kept."""
    from collect.pull import Central, Login, Logins, Wire
    from collect.pull.logins import origin

    account = Login("central", origin(url), user, password)
    Central(Wire(account.url), account, 0, "").open()
    _kept(session, account, Logins.of_user())


@login.command("kobo")
@click.option("--url", required=True, help="Address of the server, as kf.kobotoolbox.org.")
@click.option("--token", envvar="COLLECT_TOKEN", prompt=True, hide_input=True, help="API token, from account settings.")
@click.pass_obj
def login_kobo(session: Session, url: str, token: str) -> None:
    """An API token of KoboToolbox: tried, then kept."""
    from collect.pull import Kobo, Login, Logins, Wire
    from collect.pull.logins import origin

    account = Login("kobo", origin(url), "", token)
    Kobo(Wire(account.url), account, "").open()
    _kept(session, account, Logins.of_user())


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
    """A day as the instant it begins (UTC); "all" as "", everything."""
    if value is None or value == "all":
        return "" if value else None
    try:
        return f"{date.fromisoformat(value)}T00:00:00.000Z"
    except ValueError as error:
        raise click.BadParameter(value) from error


since_option = click.option("--since", callback=_since, help="YYYY-MM-DD, or all (default: where the last pull ended).")


@pull.command()
@click.option("--url", help="Which server, where accounts at several are kept.")
@click.option("--project", type=int, required=True, help="Number of the project.")
@click.option("--form", "form_id", required=True, help="The form's id on the server.")
@click.option("--as", "as_form", help="Which of our forms it is (default: the one of the same id).")
@since_option
@key_option
@as_json
@click.pass_obj
def central(  # noqa: PLR0913 one argument an option
    session: Session,
    url: str | None,
    project: int,
    form_id: str,
    as_form: str | None,
    since: str | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Bring the submissions of one form from ODK Central."""
    from collect.pull import Central, Logins, Wire

    account = Logins.of_user().find("central", url)
    reader = Central(Wire(account.url), account, project, form_id)
    _bring(
        session, reader, (account.url, str(project), form_id), (as_form or form_id, since, as_json), private_key_in(key)
    )


@pull.command()
@click.option("--url", help="Which server, where accounts at several are kept.")
@click.option("--asset", required=True, help="The project's uid: the letters after /forms/ in its address.")
@click.option("--form", "form_id", required=True, help="Which of our forms it is.")
@since_option
@as_json
@click.pass_obj
def kobo(session: Session, url: str | None, asset: str, form_id: str, since: str | None, as_json: bool) -> None:
    """Bring the submissions of one project from KoboToolbox."""
    from collect.pull import Kobo, Logins, Wire

    account = Logins.of_user().find("kobo", url)
    _bring(session, Kobo(Wire(account.url), account, asset), (account.url, asset), (form_id, since, as_json))


def _bring(
    session: Session,
    reader: Central | Kobo,
    what: tuple[str, ...],
    asked: tuple[str, str | None, bool],
    key: PrivateKey | None = None,
) -> None:
    """Take in page after page; the bookmark moves once a page is safe, so a break costs one page at most."""
    from collect.pull import Bookmark, Central, bookmark_of, keep_bookmark
    from collect.store import open_store

    form, since, as_json = asked
    store, folder = open_store(session.settings), session.settings.data
    known = bookmark_of(folder, *what)
    bookmark = known if since is None else Bookmark(since)
    whole = known.reaches(bookmark.since)  # else the bookmark stays: what came before that day is still to be asked for
    take = _taker(session, store, form, key)
    totals, pages = dict.fromkeys(COUNTED, 0), 0
    kept: dict[str, int] = {}
    for page in _told_if_broken(session, reader.pages(bookmark), kept, as_json):
        asked_at, receipts = reader.wire.asked_at, []
        if page.closed and isinstance(reader, Central):
            if key is None:
                raise ExportError("IN-16", file=form)
            receipts.append(take(reader.sealed(page.closed), f"{form}-{pages + 1:04d}-sealed.zip", "submission-xml"))
        if page.count:
            pages += 1
            receipts.append(take(page.data, f"{form}-{pages:04d}.json", reader.source))
        for name in COUNTED:
            totals[name] += sum(getattr(part, name) for receipt in receipts for part in receipt.parts)
        bookmark = bookmark.after(page.newest, page.following, asked_at)
        if whole:
            keep_bookmark(bookmark, folder, *what)
            kept.update(pages=pages, **totals)
    if as_json:
        click.echo(json.dumps({"pages": pages, **totals, "since": (bookmark if whole else known).since}))
    else:
        session.say("cli.pull.done", pages=pages, **totals)


def _told_if_broken(session: Session, pages: Iterable[Page], kept: dict[str, int], as_json: bool) -> Iterator[Page]:
    """The pages; where they break off, what was kept before is said ahead of the reason."""
    try:
        yield from pages
    except CollectError as error:
        error.values |= kept
        if kept and not as_json:
            echo(t("cli.pull.broken", session.lang, **kept), err=True)
        raise


def _taker(session: Session, store: Store, form: str, key: PrivateKey | None) -> Callable[[bytes, str, str], Receipt]:
    """Takes bytes in, under a name, as one kind of export of this form."""
    from collect.intake import Asked, add_file

    definitions = session.definitions()
    known = definitions.form(form).form_id

    def take(data: bytes, name: str, source: str) -> Receipt:
        with tempfile.TemporaryDirectory(dir=store.folder) as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            asked = Asked(by=os.environ.get("USER", ""), form=known, source=source, key=key)
            return add_file(store, path, definitions, asked)

    return take
