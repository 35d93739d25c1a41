"""Whether what the app stands on can be read, found out within a moment; `collect verify` looks at every byte."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import geo
from collect import registry
from collect.places import places_of
from collect.problems import CollectError, StoreError
from collect.runs import read_run
from collect.store import Store


def damaged(store: Store) -> list[str]:
    """Codes of what cannot be read: STO-06 the latest results, GEO-04 or GEO-05 outlines, STO-02 parts of tables.

    Raises StoreError where the registry itself cannot be asked.
    """
    return sorted(set(_damaged(store)))


def _damaged(store: Store) -> Iterator[str]:
    run_id = registry.shown_run(store.engine)
    if run_id is not None:
        yield from _of_run(store, run_id, _state(store.run_folder(run_id)))
    try:
        places_of(store.folder, geo.LATEST)
    except CollectError as error:
        yield error.code
    for part in registry.files(store.engine):
        path = store.folder / part["path"]
        if not path.is_file() or path.stat().st_size != part["size_bytes"]:
            yield "STO-02"


@lru_cache(maxsize=4)
def _of_run(store: Store, run_id: str, _as_it_is: tuple[tuple[str, int, int], ...]) -> tuple[str, ...]:
    try:
        read_run(store, run_id)
    except StoreError as error:
        return (error.code,)
    return ()


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes whenever a file of the folder does."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
