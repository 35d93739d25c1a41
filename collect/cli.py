"""The command line: the same journey without a screen, for scripts, servers and people who like keys.

Errors become words and exit codes here and nowhere else: 0 done, 2 wrong use, 10 a definition is wrong, 11 an export
cannot be read, 12 a place is unknown, 13 the store is damaged, 14 a server cannot be asked. ``--json`` prints
machine-readable results.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from collect import __version__
from collect.commands.authors import add_to as add_authors_tools
from collect.commands.change import change
from collect.commands.judge import judge
from collect.commands.key import keys_option, private_keys_in
from collect.commands.partners import partners_
from collect.commands.people import people
from collect.commands.phones import phones
from collect.commands.plan import plan
from collect.commands.pull import pull
from collect.commands.reviews import add_to as add_reviews
from collect.commands.reviews import said_of, tell
from collect.commands.shared import Commands, Session, as_json, echo, error_of
from collect.commands.sheet import sheet
from collect.commands.spelling import dates_option, decimal_option, encoding_option
from collect.commands.statistics import estimate, weigh
from collect.i18n import LANGUAGES, t
from collect.problems import CollectError
from collect.settings import language_from


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="collect")
@click.option(
    "--lang", type=click.Choice(list(LANGUAGES)), help="Language of messages (default: COLLECT_LANG, else vi)."
)
@click.pass_context
def main(ctx: click.Context, lang: str | None) -> None:
    """Phủ: household forms become coverage verdicts and gap lists."""
    asked = lang or language_from()
    ctx.obj = Session(asked if asked in LANGUAGES else "vi")


@main.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write to (default: data/demo).")
@click.option("--households", type=click.IntRange(min=100), help="284675 makes every household of the province.")
@click.option("--seed", default=2026, show_default=True)
@click.option("--earlier", is_flag=True, help="Also a round of the year before, so that change can be seen.")
@as_json
@click.pass_obj
def demo(
    session: Session, folder: Path | None, households: int | None, seed: int, earlier: bool, as_json: bool
) -> None:
    """Make up the exports of a whole survey round, in the platforms' own formats."""
    from collect.demo import make_earlier_round, make_round

    target = folder or session.settings.data / "demo"
    with session.steps(as_json) as progress:
        files = make_round(target, households=households, seed=seed, progress=progress)
    more = make_earlier_round(target, households=households, seed=seed) if earlier else ()
    found = {
        "files": [str(path) for path in (*files.files, *more)],
        "frame": str(files.frame),
        "truth": str(files.truth),
    }
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    session.say("cli.demo.made", folder=str(target), files=len(files.files) + len(more))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--form", help="The form, where a file does not say.")
@click.option("--source", help="The kind of export, where it cannot be recognised.")
@encoding_option
@dates_option
@decimal_option
@keys_option
@click.option("--by", default=lambda: os.environ.get("USER", ""), help="Who hands the files in.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; store nothing.")
@as_json
@click.pass_obj
def add(  # noqa: PLR0913 one argument an option
    session: Session,
    files: tuple[Path, ...],
    form: str | None,
    source: str | None,
    encoding: str,
    dates: str,
    decimals: str,
    keys: tuple[Path, ...],
    by: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Receive exports: what was read, new, changed, duplicate, wrong. One bad file does not stop the others.

    An issue spreadsheet with right answers filled in becomes corrections.
    """
    from collect.intake import Asked, add_file
    from collect.receive.apart import warm
    from collect.receive.piles import uploads_in
    from collect.review.sheet import take
    from collect.store import open_store, safe_name
    from collect.wording.asking import asks, questions_asked
    from collect.wording.receipts import receipt_data, receipt_lines

    if session.settings.apart:
        warm()
    store, definitions = open_store(session.settings), session.definitions()
    opened_with = private_keys_in(keys)
    answered: list[dict[str, Any]] = []
    worst, tried = 0, list[Any]()
    for path in (upload for file in files for upload in uploads_in(file)):
        try:
            outcomes = take(store, definitions, path, by, dry_run=dry_run)
            if outcomes is not None:
                worst = max(worst, tell(session, outcomes, quiet=as_json, tried=dry_run))
                answered.append({"file": safe_name(path.name), "corrections": said_of(outcomes)})
                continue
            with session.steps(as_json) as progress:
                asked = Asked(by, form, source, encoding, dates, decimals, key=opened_with, after=tuple(tried))
                receipt = add_file(store, path, definitions, asked, dry_run=dry_run, progress=progress)
        except CollectError as error:
            worst = max(worst, error.exit_code)
            shown, words = safe_name(path.name), error_of(error, session.lang)
            answered.append({"file": shown, "error": words})
            if not as_json:
                echo(f"✗ {shown}: {words['found']}\n  {words['mend']}", err=True)
            continue
        tried += [receipt] if dry_run else []
        answered.append(receipt_data(receipt) | asks(receipt))
        if not as_json:
            echo("\n".join([*receipt_lines(receipt, session.lang), *questions_asked(receipt, session.lang)]))
    if as_json:
        click.echo(json.dumps(answered, ensure_ascii=False, default=str))
    sys.exit(worst)


class DayOrMoment(click.ParamType[date | datetime]):
    """A day stands for its end; a moment without a zone is one where this machine is."""

    name = "day or moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | datetime:
        """2026-03-01, or 2026-03-01T12:00 with seconds and a zone where wanted."""
        try:
            return date.fromisoformat(value) if len(value) == len("2026-03-01") else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value}: 2026-03-01 | 2026-03-01T12:00 | 2026-03-01T12:00+07:00", param, ctx)


@main.command()
@click.option("--vintage", help="List of communes to report in (default: the one in force).")
@click.option("--as-of", type=DayOrMoment(), help="Count interviews up to a day, or what was known at a moment.")
@click.option("--small-areas", "model", is_flag=True, help="Also a model-based share of every commune.")
@as_json
@click.pass_obj
def run(session: Session, vintage: str | None, as_of: date | datetime | None, model: bool, as_json: bool) -> None:
    """Estimate, judge and list the gaps from everything received; print the run's folder."""
    from collect.keeping.sent import counts
    from collect.openrosa.fold import fold
    from collect.places import name_by_code
    from collect.runs import make_run
    from collect.store import open_store
    from collect.wording.weights import equal_warning, weight_lines

    store, definitions = open_store(session.settings), session.definitions()
    fold(store, definitions)
    with session.steps(as_json) as progress:
        made = make_run(store, definitions, vintage=vintage, as_of=as_of, model=model, progress=progress)
    sealed = counts(store).sealed
    if as_json:
        summary = made.summary(store.run_folder(made.run_id)) | {"waiting_for_the_key": sealed}
        click.echo(json.dumps(summary, ensure_ascii=False, default=str))
        return
    if sealed:
        echo(t("cli.phones.sealed", session.lang, sealed=sealed), err=True)
    for line in (*weight_lines(made.weighing, session.lang), *made.lines(definitions.targets, session.lang)):
        echo(line)
    warning = equal_warning(made.weighing, name_by_code(made.vintage, session.lang), session.lang)
    if warning:
        echo(warning, err=True)
    session.say("cli.run.made", folder=str(store.run_folder(made.run_id)))


@main.command()
@click.option(
    "--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.parquet, .geo.parquet, .csv, .xlsx"
)
@click.option("--indicator", help="Only this indicator.")
@click.option("--partner", help="Only what this partner may see.")
@as_json
@click.pass_obj
def gaps(session: Session, path: Path, indicator: str | None, partner: str | None, as_json: bool) -> None:
    """Write the gap list of the last run; the ledger of downloads gains a line."""
    from collect.access import LOCAL
    from collect.publish import write_gaps
    from collect.runs import latest_run
    from collect.sharing import releases
    from collect.sharing.partners import of
    from collect.store import open_store

    store = open_store(session.settings)
    made, who = latest_run(store), LOCAL if partner is None else of(store.engine, partner).who()
    rows = releases.inside(who.scope, made.gaps_of(indicator), made.vintage)
    write_gaps(rows, path, language=session.lang, meta=made.meta())
    handed = releases.file_at(path, made.run_id, who.scope, whole=indicator is None)
    releases.hand_out(store, who, handed, "cli")
    if as_json:
        click.echo(json.dumps({"file": str(path), "rows": rows.height, "release": made.run_id}))
    else:
        session.say("cli.gaps.written", file=str(path), rows=rows.height)


@main.command(name="map")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.html")
@click.option("--target", "target_id", help="Which target to draw (default: the first measured one).")
@click.option(
    "--roads-water/--no-roads-water",
    "wanted",
    default=True,
    show_default=True,
    help="Roads and water, where the data folder has geo/roads.* and geo/water.*, as on the map page.",
)
@as_json
@click.pass_obj
def map_(session: Session, path: Path, target_id: str | None, wanted: bool, as_json: bool) -> None:
    """Write one HTML file with the map of verdicts; it opens without a network."""
    import geo
    from collect.publish import ground_lines, write_map
    from collect.runs import latest_run, layer_of
    from collect.store import open_store

    store = open_store(session.settings)
    layer = layer_of(store, latest_run(store), session.definitions(), target_id)
    ground = geo.ground(session.settings.data / "geo") if wanted else geo.Ground()
    write_map(replace(layer, ground=ground.layers), path, session.lang)
    for line in ground_lines(ground, session.lang):
        echo(line, err=True)
    if as_json:
        click.echo(json.dumps({"file": str(path), "target": layer.target_id, "drawn": [*ground.layers]}))
    else:
        session.say("cli.map.written", file=str(path))


@main.command()
@click.argument("kind", type=click.Choice(["inchworm", "organpipe", "interviewers"]))
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), help="FILE.svg or FILE.png")
@click.option("--target", "target_id", help="Which target (default: the first whose communes differ).")
@click.option("--commune", help="Code of the commune, for organpipe and interviewers.")
@as_json
@click.pass_obj
def plot(session: Session, kind: str, path: Path, target_id: str | None, commune: str | None, as_json: bool) -> None:
    """Draw the communes against a target, the hamlets of one, or its verdict without each interviewer."""
    from collect.drawing import picture
    from collect.publish.picture_files import write_picture
    from collect.runs import latest_run
    from collect.store import open_store

    store = open_store(session.settings)
    chart = picture(kind, store, session.definitions(), latest_run(store), (target_id, commune), session.lang)
    write_picture(chart, path)
    if as_json:
        click.echo(json.dumps({"file": str(path)}))
    else:
        session.say("cli.plot.written", file=str(path))


@main.group()
def forms() -> None:
    """Check the forms folder, or make a spreadsheet template from a form."""


@forms.command()
@click.argument("form_id")
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="FILE.xlsx, or .csv; .zip of CSV where the form has repeats.",
)
@click.pass_obj
def export(session: Session, form_id: str, path: Path) -> None:
    """Make a spreadsheet template with drop-down lists, for teams without phones."""
    from collect.define import write_template

    write_template(session.definitions().form(form_id), path, session.lang)
    session.say("cli.forms.exported", file=str(path))


@main.group()
def geo() -> None:
    """Communes: their boundaries and their lists."""


@geo.command()
@as_json
@click.pass_obj
def fetch(session: Session, as_json: bool) -> None:
    """Bring commune boundaries from the pinned public source, or from COLLECT_GEO_MIRROR."""
    from collect.places import fetch_boundaries

    with session.steps(as_json) as progress:
        found = fetch_boundaries(session.settings, progress)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, default=str))
        return
    for vintage, source in found.items():
        session.say("cli.geo.fetched", vintage=vintage, source=source)


@geo.command()
@click.option("--vintage", help="Which list (default: the one in force).")
@as_json
@click.pass_obj
def units(session: Session, vintage: str | None, as_json: bool) -> None:
    """Print the communes of a vintage with their codes, households and population."""
    from collect.places import list_units

    rows = list_units(vintage)
    if as_json:
        click.echo(rows.write_json())
        return
    for row in rows.iter_rows(named=True):
        echo(f"{row['code']}  {row['name_vi']:<28} {row['households_2019'] or '':>8} {row['population_2019'] or '':>9}")


@main.command()
@keys_option
@as_json
@click.pass_obj
def rebuild(session: Session, keys: tuple[Path, ...], as_json: bool) -> None:
    """Make every table again from the raw bytes in the inbox; the registry too, where it is damaged or empty."""
    from collect.keeping.mending import open_mended
    from collect.openrosa.fold import fold, open_sealed
    from collect.rebuild import rebuild as make_again
    from collect.wording.receipts import receipt_data

    opened_with = private_keys_in(keys)
    store, definitions = open_mended(session.settings), session.definitions()
    with session.steps(as_json) as progress:
        found = make_again(store, definitions, progress, opened_with)
    receipts = [*found.made, *found.taken_up, *fold(store, definitions)]
    receipts += open_sealed(store, definitions, opened_with) if opened_with is not None else []
    left = [error_of(error, session.lang) for error in found.left]
    if as_json:
        first = {one.upload_id for one in found.taken_up}
        made = [receipt_data(one) | {"taken_up": one.upload_id in first} for one in receipts]
        said = {**left[0], "left": left, "made": made} if left else made
        click.echo(json.dumps(said, ensure_ascii=False, default=str))
    else:
        session.say("cli.rebuild.made", uploads=len(receipts))
        if found.taken_up:
            names = ", ".join(f"{one.upload_id} ({one.file})" for one in found.taken_up)
            session.count("cli.rebuild.taken_up", len(found.taken_up), names=names)
        for words in left:
            echo(f"✗ {words['code']}  {words['found']}\n  {words['mend']}", err=True)
    sys.exit(max((error.exit_code for error in found.left), default=0))


@main.command()
@click.option("--port", default=8501, show_default=True)
@click.option("--address", "--host", default="127.0.0.1", show_default=True)
@click.option("--allow-anonymous", is_flag=True, help="Let others on the network in without asking who they are.")
@click.pass_obj
def app(session: Session, port: int, address: str, allow_anonymous: bool) -> None:
    """Open the app."""
    os.environ["COLLECT_LANG"] = session.lang
    if allow_anonymous:
        os.environ["COLLECT_ALLOW_ANONYMOUS"] = "1"  # the pages ask again, at every visit
    from collect.server import start
    from collect.settings import settings_from

    start(settings_from(), address, port, ready=lambda url: session.say("cli.app.open", url=url))


add_authors_tools(main, forms)
add_reviews(main)
main.add_command(estimate)
main.add_command(weigh)
main.add_command(judge)
main.add_command(change)
main.add_command(pull)
main.add_command(sheet)
main.add_command(partners_)
main.add_command(people)
main.add_command(phones)
main.add_command(plan)

if __name__ == "__main__":  # `python -m collect.cli` means the same as `python -m collect`, and must not do nothing
    main(prog_name="python -m collect")
