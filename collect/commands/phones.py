"""The command that says where stands what phones sent, and opens what waits for the project's key."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from collect.commands.key import keys_option, private_keys_in
from collect.commands.shared import Session, as_json, echo


@click.command()
@keys_option
@as_json
@click.pass_obj
def phones(session: Session, keys: tuple[Path, ...], as_json: bool) -> None:
    """Say where stands what phones sent; with --key, open what was encrypted for it. The key is kept nowhere."""
    from collect.keeping.sent import counts
    from collect.openrosa.fold import open_sealed
    from collect.store import open_store
    from collect.wording.receipts import receipt_data, receipt_lines

    opened_with = private_keys_in(keys)
    store = open_store(session.settings)
    receipts = [] if opened_with is None else open_sealed(store, session.definitions(), opened_with)
    found = counts(store)
    if as_json:
        click.echo(json.dumps({**asdict(found), "opened": [receipt_data(one) for one in receipts]}, default=str))
        return
    for receipt in receipts:
        echo("\n".join(receipt_lines(receipt, session.lang)))
    session.say("cli.phones.counts", all=found.all, **asdict(found))
    if found.sealed:
        session.say("cli.phones.sealed" if opened_with is None else "cli.phones.other_key", sealed=found.sealed)
