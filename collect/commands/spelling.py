"""The options that say how a file is written where it does not tell itself: its letters, its days, its numbers."""

from __future__ import annotations

import click

ENCODINGS = ("utf-8", "utf-16", "windows-1258", "windows-1252", "tcvn3", "vni")


def _or_nothing(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    return value or ""


encoding_option = click.option(
    "--encoding",
    type=click.Choice(ENCODINGS),
    callback=_or_nothing,
    help="How letters are coded, where it is not told rightly.",
)
dates_option = click.option(
    "--dates",
    type=click.Choice(["dmy", "mdy"]),
    callback=_or_nothing,
    help="How 12/7/2026 is meant, where columns do not tell.",
)
decimal_option = click.option(
    "--decimal",
    "decimals",
    type=click.Choice(["comma", "point"]),
    callback=_or_nothing,
    help="What begins the decimals, where columns do not tell how 1,234 is meant.",
)
