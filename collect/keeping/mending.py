"""Opens a store whose registry may be damaged or gone, and fills a new one from what lies in the data folder.

Beside each original lies a note of what the registry knew of it, and beside the tables copies of the ledgers; so the
registry can be made again, on another database too. The damaged file is set aside, never deleted.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

from sqlalchemy.engine import make_url

from collect import registry
from collect.keeping import accounts, attachments, downloads, ledger, sent
from collect.keeping.verify import registry_damage
from collect.problems import StoreError
from collect.settings import Settings
from collect.store import Store, kept, once_recorded, open_as_it_is


def open_mended(settings: Settings) -> Store:
    """Open the store; where its SQLite registry is damaged, with a new one in its place; an empty one is filled.

    Ledgers and their copies are brought up to date with each other, unless they part ways.

    Raises
    ------
    StoreError
        STO-01 when a registry that is no file of ours cannot be opened: only its own server can mend it.
    """
    file = _file_of(settings)
    store = None
    try:
        store = open_as_it_is(settings)
        damaged = any(registry_damage(store))
    except StoreError as error:
        if error.code not in ("STO-01", "STO-09") or file is None:
            raise
        damaged = True
    if damaged and file is not None:
        if store is not None:
            store.engine.dispose()
        _set_aside(file)
        store = open_as_it_is(settings)
    assert store is not None  # it was opened, or the error went on
    fill(store)
    for chain in (ledger.CHAIN, downloads.CHAIN):
        with suppress(StoreError):  # a copy that cannot be read is for somebody to look at: `collect verify` tells it
            chain.restore(store)
            chain.copy_out(store)
    return store


def _file_of(settings: Settings) -> Path | None:
    """The registry's file, where it is one."""
    url = make_url(settings.database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _set_aside(file: Path) -> None:
    number = 1 + sum(1 for _ in file.parent.glob(f"{file.name}.damaged-*[0-9]"))
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.is_file():
            part.rename(file.with_name(f"{file.name}.damaged-{number}{suffix}"))


def fill(store: Store) -> int:
    """Put accounts, uploads and runs into a registry that has none of them; returns how many uploads.

    Originals without a note (of an older release), or that nobody came to record, are not among them:
    `collect.rebuild` takes those in anew.
    """
    accounts.restore(store)
    if registry.uploads(store.engine):
        _fill_sent(store)
        return 0
    found = [upload for stored in kept(store) if (upload := once_recorded(stored)) is not None]
    found.sort(key=lambda upload: (upload.pop("after", 0), upload["received_at"]))
    for upload in found:
        registry.record_upload(store.engine, upload, [])
    _fill_sent(store)
    _fill_runs(store)
    return len(found)


def _fill_sent(store: Store) -> None:
    """What phones sent, from uploads and journal; and the files of submissions."""
    sent.restore(store)
    attachments.restore(store)


def _fill_runs(store: Store) -> None:
    if registry.last_run(store.engine) is not None:
        return
    written = sorted((store.folder / "runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    for path in written:
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            day = date.fromisoformat(facts["as_of"])
            registry.record_run(store.engine, facts["run_id"], facts["vintage"], day)
        except (OSError, ValueError, KeyError):
            continue  # a run that cannot be read can be made again
