"""The option that names private keys: a passphrase comes from the environment or is asked for; neither is kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collect.commands.shared import Session, typed_secret
from collect.problems import ExportError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from collect.receive.sealed import Keys

PASSPHRASE = "COLLECT_KEY_PASSPHRASE"  # noqa: S105  # the variable's name

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPENS = f"FILE.pem that opens encrypted submissions (or COLLECT_KEY); its passphrase from {PASSPHRASE}, or asked for."

keys_option = click.option(
    "--key", "keys", envvar="COLLECT_KEY", type=_FILE, multiple=True, help=f"{_OPENS} It may be given several times."
)


def _private_key_in(file: Path) -> RSAPrivateKey:
    """The key of a file; raises as `private_keys_in` does."""
    session: Session = click.get_current_context().obj
    if file.resolve().is_relative_to(session.settings.data):
        raise ExportError("IN-36", file=file.name, folder=str(session.settings.data))
    from collect.receive.sealed import private_key

    pem = file.read_bytes()
    passphrase = os.environ.get(PASSPHRASE)
    if b"ENCRYPTED" in pem and passphrase is None:
        passphrase = typed_secret(file.name, ExportError("IN-33", file=file.name))
    return private_key(pem, passphrase, file.name)


def private_keys_in(files: Sequence[Path]) -> Keys | None:
    """The keys of several files as one, None without any.

    Raises ExportError IN-33 or IN-34, and IN-36 where one lies in the data folder: whoever copied that would open all.
    """
    keys = tuple(map(_private_key_in, files))
    if len(keys) < 2:
        return next(iter(keys), None)
    from collect.receive.sealed import KeyRing

    return KeyRing(keys)
