"""What every command of the line shares: settings, language, progress, and errors that become words and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from collect.harmless import shown
from collect.i18n import catalogue, t
from collect.i18n.figures import counted
from collect.problems import CollectError
from collect.settings import Settings, language_from, settings_from

if TYPE_CHECKING:
    from collect.journey import Definitions

INTERRUPTED = 130  # 128 and the number of the signal, as shells have it


def echo(text: str, *, err: bool = False) -> None:
    """Print what may hold words of others: answers, names, headings. JSON is for machines and escapes its own."""
    click.echo(shown(text), err=err)


Steps = Callable[[str, float], None]


class Session:
    """What every command needs: the settings and the language; heavy modules load only when a command asks.

    Settings are read when a command first asks: what is wrong with them is said as it asked to be spoken to.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.as_json = False
        self._definitions: Definitions | None = None

    @cached_property
    def settings(self) -> Settings:
        """From the environment. Raises CollectError USE-05 for a limit that is none."""
        return settings_from()

    def say(self, key: str, **values: object) -> None:
        """Print a line in the user's language."""
        echo(t(key, self.lang, **values))

    def count(self, key: str, count: int, **values: object) -> None:
        """Print how many there are of something, in the language's own number."""
        echo(counted(key, count, self.lang, **values))

    def definitions(self) -> Definitions:
        """Everything declared in the forms folder, read once a command; compiled forms are kept in the data folder."""
        from collect.journey import define

        if self._definitions is None:
            self._definitions = define(self.settings.forms, self.settings.data / "cache" / "forms")
        return self._definitions

    @contextmanager
    def steps(self, quiet: bool) -> Iterator[Steps]:
        """A progress bar on the error stream; silent with ``--json`` or when nobody watches."""
        if quiet or not sys.stderr.isatty():
            yield lambda _step, _share: None
            return
        with click.progressbar(length=1000, file=sys.stderr, label="", show_eta=False) as bar:
            yield lambda step, share: self._advance(bar, step, share)

    def _advance(self, bar: Any, step: str, share: float) -> None:
        bar.label = t(step, self.lang)
        bar.update(max(0, int(share * 1000) - bar.pos))


class Commands(click.Group):
    """A group whose errors speak the user's language and end with the code of their family."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `CollectError` ends it with words and its exit code, and so does Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.unraisablehook = lambda _: None  # a zip half written says at its end that it is, which nobody asks
            echo("\n" + t("cli.stopped", ctx.obj.lang if ctx.obj else language_from()), err=True)
            sys.exit(INTERRUPTED)
        except CollectError as error:
            session: Session = ctx.obj
            found = error_of(error, session.lang)
            if session.as_json:
                click.echo(json.dumps(found, ensure_ascii=False, default=str))
            else:
                echo(f"{found['code']}  {found['found']}\n       {found['mend']}", err=True)
            sys.exit(error.exit_code)


def error_of(error: CollectError, lang: str) -> dict[str, Any]:
    """A reason to stop as data: its code, its words in ``lang``, and the values they name."""
    from collect.wording.errors import words_of_error
    from collect.wording.issues import filled

    found, mend = words_of_error(error.code, error.values, lang)
    if f"{error.code}.command" in catalogue():  # what can be done here alone, and no page need tell anybody
        mend = f"{mend} {filled(f'{error.code}.command', lang, error.values)}"
    return {"code": error.code, "found": found, "mend": mend, "values": error.values}


def typed_secret(asked: str, missing: CollectError) -> str:
    """A secret as somebody types it unseen, or the next line of what is piped in. Raises ``missing`` without either."""
    if sys.stdin.isatty():
        return str(click.prompt(asked, hide_input=True, err=True))
    if not (line := sys.stdin.readline().rstrip("\r\n")):
        raise missing
    return line


def _remember(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    """Errors are printed by the group, which must know how the command was asked to speak."""
    ctx.find_root().obj.as_json = value
    return value


as_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_remember, help="Print the result as JSON."
)
