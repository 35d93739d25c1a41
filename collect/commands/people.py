"""Interviewers from the command line: made, listed, revoked; what sets up their phones; forms closed and opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collect.commands.shared import Session, as_json

if TYPE_CHECKING:
    from collect.store import Store

server_option = click.option(
    "--server", default="http://127.0.0.1:8501", show_default=True, help="Where phones reach it."
)


@click.group()
def people() -> None:
    """Interviewers whose phones send directly."""


@people.command()
@click.argument("name")
@click.option("--team", default="", help="Who sees what they send, as that person signs (default: the name).")
@click.option("--form", "forms", multiple=True, help="Only this form; may be repeated.")
@click.option("--password", is_flag=True, help="Also a password, for Basic over https.")
@click.option("--digest", is_flag=True, help="Also a password, for Digest and Basic: where there is no https.")
@server_option
@as_json
@click.pass_obj
def add(  # noqa: PLR0913  # one argument an option
    session: Session, name: str, team: str, forms: Sequence[str], password: bool, digest: bool, server: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Note an interviewer, and print the address for their phone and their password: they are shown this once."""
    from collect.openrosa import people as accounts

    definitions = session.definitions()
    for form in forms:
        definitions.form(form)
    store = _store(session)
    made = accounts.add(store.engine, store.folder, name, accounts.Wanted(team, forms, password, digest))
    shown = {"person": name, "address": address_of(server, made.token), "password": made.password}
    if as_json:
        click.echo(json.dumps(shown))
        return
    session.say("cli.people.added", **shown)
    if made.password:
        session.say("cli.people.password", **shown)


def address_of(server: str, token: str) -> str:
    """Where somebody's phone finds its forms."""
    return f"{server.rstrip('/')}/key/{token}"


@people.command(name="list")
@as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """Print every interviewer: their team, their forms, whether they may send (never a secret)."""
    from collect.openrosa import people as accounts

    found = accounts.listed(_store(session).engine)
    if as_json:
        said = [
            {"person": one.person, "team": one.team, "forms": sorted(one.forms), "password": bool(one.password),
             "digest": bool(one.digest), "created_at": one.created_at, "revoked_at": one.revoked_at}
            for one in found
        ]  # fmt: skip
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    for one in found:
        state = "cli.people.works" if one.working else "cli.people.revoked"
        forms = ", ".join(sorted(one.forms)) or "*"
        session.say(state, person=one.person, team=one.team, forms=forms, day=(one.revoked_at or one.created_at)[:10])


@people.command()
@click.argument("name")
@click.pass_obj
def revoke(session: Session, name: str) -> None:
    """Close the door to an interviewer from this moment on; what they sent stays."""
    from collect.openrosa import people as accounts

    store = _store(session)
    accounts.revoke(store.engine, store.folder, name)
    session.say("cli.people.revoked_now", person=name)


@people.command()
@click.argument("name")
@click.option("--digest", is_flag=True, help="Also for Digest.")
@as_json
@click.pass_obj
def password(session: Session, name: str, digest: bool, as_json: bool) -> None:
    """Make a new password and print it, this once; the old one opens nothing any more."""
    from collect.openrosa import people as accounts

    store = _store(session)
    made = accounts.change_password(store.engine, store.folder, name, digest=digest)
    if as_json:
        click.echo(json.dumps({"person": name, "password": made}))
    else:
        session.say("cli.people.password", person=name, password=made)


@people.command()
@click.argument("name")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.png or FILE.svg")
@server_option
@click.option("--project", default="Phủ", show_default=True, help="What the phone calls it.")
@click.option("--with-password", is_flag=True, help="Log in by name; by default the address itself holds a new token.")
@click.pass_obj
def qr(session: Session, name: str, path: Path, server: str, project: str, with_password: bool) -> None:
    """Draw the square that sets up ODK Collect for one interviewer.

    Its address holds a new token, and the old address opens nothing any more: keep the file as you keep a password.
    """
    from collect.openrosa import people as accounts
    from collect.publish.qr import settings_of, square

    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter("FILE.png | FILE.svg", param_hint="--to")
    store = _store(session)
    if with_password:
        accounts.of(store.engine, name)
        said = settings_of(server, project, session.lang, name)
    else:
        token = accounts.change_token(store.engine, store.folder, name)
        said = settings_of(address_of(server, token), project, session.lang)
    path.write_bytes(square(said, kind))
    path.chmod(0o600)
    session.say("cli.people.qr_named" if with_password else "cli.people.qr", person=name, file=str(path))


@people.command(name="close-form")
@click.argument("form")
@click.pass_obj
def close_form_(session: Session, form: str) -> None:
    """Take no more submissions of a form from phones, and list it no more."""
    from collect.openrosa.desk import close_form

    session.definitions().form(form)
    store = _store(session)
    close_form(store.engine, store.folder, form)
    session.say("cli.people.form_closed", form=form)


@people.command(name="open-form")
@click.argument("form")
@click.pass_obj
def open_form_(session: Session, form: str) -> None:
    """Take submissions of a closed form again."""
    from collect.openrosa.desk import closed_forms, open_form

    store = _store(session)
    open_form(store.engine, store.folder, form)
    session.say("cli.people.form_open", form=form, closed=", ".join(sorted(closed_forms(store.engine))) or "–")


def _store(session: Session) -> Store:
    from collect.store import open_store

    return open_store(session.settings)
