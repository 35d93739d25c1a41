"""Options that several commands share, apart from them so that each family of commands can live in its own module."""

from __future__ import annotations

import click


def _remember(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    """Errors are printed by the group, which must know how the command was asked to speak."""
    ctx.find_root().obj.as_json = value
    return value


as_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_remember, help="Print the result as JSON."
)
