"""A survey round made up by `collect.demo` in a store of its own: what the tests of the pages are opened over."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collect.intake import Asked, add_file
from collect.journey import define
from collect.runs import make_run
from collect.settings import Settings, settings_from
from collect.store import Store, open_store


def settings_in(folder: Path) -> Settings:
    """A data folder below ``folder``, whose files are read in this process."""
    return settings_from({"COLLECT_DATA": str(folder / "data"), "COLLECT_WORKER": "off"})


@contextmanager
def stored(settings: Settings, sent: Iterable[tuple[Path, Asked]]) -> Iterator[Store]:
    """The store with these files in it, and the results made of them."""
    opened, known = open_store(settings), define(settings.forms)
    for path, asked in sent:
        add_file(opened, path, known, asked)
    make_run(opened, known)
    yield opened
    opened.engine.dispose()


def submissions(source: Path, change: Callable[[str], str] = lambda text: text) -> list[str]:
    """The submissions of a zip, in the order of their names, each changed."""
    with zipfile.ZipFile(source) as held:
        return [change(held.read(name).decode()) for name in sorted(held.namelist()) if name.endswith(".xml")]


def renamed(text: str, ident: str) -> str:
    """The same submission under another id."""
    return re.sub("instanceID>[^<]*</", f"instanceID>{ident}</", text)


def zipped(texts: Iterable[str], target: Path) -> Path:
    """Submissions as one zip."""
    with zipfile.ZipFile(target, "w") as new:
        for place, text in enumerate(texts):
            new.writestr(f"{place}.xml", text)
    return target
