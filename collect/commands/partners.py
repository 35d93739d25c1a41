"""Partners from the command line: who may fetch gap lists, with which token, and what was handed to whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

import click

from collect.commands.shared import Session, as_json, echo
from collect.i18n import t
from collect.indicators import GapType
from collect.problems import CollectError

if TYPE_CHECKING:
    from collect.sharing.partners import Token
    from collect.store import Store


def _valid_days() -> int:
    from collect.sharing.partners import VALID_DAYS

    return VALID_DAYS


@click.group(name="partners")
def partners_() -> None:
    """Partners who fetch gap lists: their scope, their tokens, the ledger of downloads."""


@partners_.command()
@click.argument("partner")
@click.option("--name", help="Name in full (default: the code).")
@click.option("--province", "provinces", multiple=True, help="Only this province; may be repeated.")
@click.option("--commune", "communes", multiple=True, help="Only this commune; may be repeated.")
@click.option("--indicator", "indicators", multiple=True, help="Only this indicator; may be repeated.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(get_args(GapType)), help="Every indicator of this kind of gap."
)
@click.option("--days", type=int, default=_valid_days, show_default="a year", help="How long the token works.")
@as_json
@click.pass_obj
def add(  # noqa: PLR0913  # one per limit of the scope
    session: Session,
    partner: str,
    name: str | None,
    provinces: Sequence[str],
    communes: Sequence[str],
    indicators: Sequence[str],
    kinds: Sequence[str],
    days: int,
    as_json: bool,
) -> None:
    """Add a partner (or change its scope) and print a new token: it is shown this once."""
    from collect.access import Scope
    from collect.sharing import partners

    partners.may_live(days)  # before anything is noted
    engine = _store(session).engine
    wanted = _indicators(session, indicators, kinds)
    limits = (frozenset(chosen) if chosen else None for chosen in (provinces, communes, wanted))
    partners.save(engine, partner, name or partner, Scope(*limits), by="cli")
    secret = partners.new_token(engine, partner, days)
    if as_json:
        click.echo(json.dumps({"partner": partner, "token": secret}))
    else:
        session.say("cli.partners.added", partner=partner, token=secret)


def _indicators(session: Session, named: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Indicators of gap lists, by name and by kind. Raises CollectError USE-01, USE-24: of it no list has a row."""
    defined = session.definitions()
    every = [indicator.indicator_id for indicator in defined.indicators]
    listed = {indicator.indicator_id: indicator.gap_type for indicator in defined.in_gap_lists}
    shown = ", ".join(listed)
    for one in named:
        if one not in listed:
            if one in every:
                raise CollectError("USE-24", name=one, known=shown)
            raise CollectError("USE-01", what="indicator", name=one, known=shown)
    for kind in kinds:
        if kind not in listed.values():  # a scope of nothing would read as one without limit
            known = ", ".join(f"{one} ({gap_type})" for one, gap_type in listed.items())
            raise CollectError("USE-24", name=kind, known=known)
    return [*named, *(one for one, gap_type in listed.items() if gap_type in kinds)]


@partners_.command(name="list")
@as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """Print every partner with its scope and its tokens (never the secret itself)."""
    from collect.sharing import partners

    found = partners.listed(_store(session).engine)
    if as_json:
        click.echo(json.dumps([partners.as_data(partner) for partner in found], ensure_ascii=False))
        return
    for partner in found:
        data = partners.as_data(partner)
        scope = "; ".join(f"{name}: {', '.join(codes)}" for name, codes in data["scope"].items())
        echo(f"{partner.partner}  {partner.name}  ({scope})")
        for token in partner.tokens:
            echo(f"    {token.token_id}  {_state(session, token)}")


def _state(session: Session, token: Token) -> str:
    """One token in words: whether it works, until when, and when it was last shown."""
    from collect.sharing import partners

    key = "revoked" if token.revoked_at else "works" if token.works(partners.now()) else "expired"
    return t(
        f"cli.partners.{key}",
        session.lang,
        until=token.expires_at[:10],
        revoked=(token.revoked_at or "")[:10],
        used=(token.last_used_at or "–").replace("T", " ")[:16],
    )


@partners_.command()
@click.argument("partner")
@click.option("--token", "token_id", help="Only this token, by its short name (default: all).")
@click.pass_obj
def revoke(session: Session, partner: str, token_id: str | None) -> None:
    """Close the door to a partner's tokens, from this moment on."""
    from collect.sharing import partners

    engine = _store(session).engine
    session.say("cli.partners.revoked_now", partner=partner, tokens=partners.revoke(engine, partner, token_id))


@partners_.command()
@click.option("--limit", default=500, show_default=True, help="Only so many of the latest lines.")
@click.pass_obj
def ledger(session: Session, limit: int) -> None:
    """Print what was handed to whom, the latest first, as JSON lines."""
    from collect.keeping import downloads

    for line in downloads.downloads(_store(session), limit):
        click.echo(json.dumps(asdict(line), ensure_ascii=False))


def _store(session: Session) -> Store:
    from collect.store import open_store

    return open_store(session.settings)
