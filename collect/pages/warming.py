"""What the first visitor would otherwise wait for: the pages' code, the definitions, the latest run, its outlines."""

from __future__ import annotations

from importlib import import_module

from collect import registry
from collect.pages import live, served
from collect.problems import CollectError
from collect.settings import Settings

CODE = (
    "collect.pages.entry",  # every page
    "pandas.io.formats.style", "pyarrow.pandas_compat",  # imported by Streamlit only when a table is drawn
)  # fmt: skip


def warm(settings: Settings) -> None:
    """Read it all once, before the app answers. What cannot be read is left: the page that meets it says why."""
    for name in CODE:
        import_module(name)
    try:
        live.definitions(settings)
        run_id = registry.shown_run(live.the_store(settings).engine)
        shapes = live.found(settings, run_id).shapes if run_id else None
    except CollectError:
        return
    if shapes is not None:
        served.write_shapes(shapes)
