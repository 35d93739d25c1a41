"""A commune's printed sheet from the command line: `collect sheet COMMUNE --to FILE.pdf`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from collect.commands.shared import Session, as_json


@click.command()
@click.argument("commune")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.pdf")
@as_json
@click.pass_obj
def sheet(session: Session, commune: str, path: Path, as_json: bool) -> None:
    """Write one A4 page about a commune of the last run: every target, what to do, date, method and revision."""
    import geo
    from collect.places import places_of
    from collect.problems import CollectError
    from collect.publish.sheet import Facts
    from collect.publish.sheet import sheet as sheet_of
    from collect.runs import latest_run
    from collect.store import open_store

    store, said = open_store(session.settings), session.definitions()
    run = latest_run(store)
    outlines = places_of(store.folder, run.vintage).boundaries
    oldest = next(iter(geo.VINTAGES))
    facts = Facts(geo.units(run.vintage), said.targets, said.indicators, outlines, geo.lineage(), geo.units(oldest))
    made = sheet_of(run, commune, facts, session.lang)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    if as_json:
        click.echo(json.dumps({"file": str(path), "commune": commune, "release": run.run_id}))
    else:
        session.say("cli.sheet.written", commune=commune, file=str(path))
