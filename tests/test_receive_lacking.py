"""The same households by another road: nobody vanishes, and nothing is a change that nobody answered otherwise."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest

import collect.demo
from benchmarks.export_layouts import WRITERS, write_kobo_csv, write_odata
from collect import registry
from collect.demo.layouts import Export, write_central, write_kobo
from collect.intake import Asked, Receipt, add_file
from collect.journey import Definitions
from collect.rebuild import rebuild
from collect.receipts import total
from collect.review.reviews import decide
from collect.review.standing import standing
from collect.runs import gather
from collect.store import Store

WORK = "/data/household/electricity"
News = tuple[int, int, int]  # new, changed, duplicate


def central_alone(export: Export, path: Path) -> None:
    """The first of Central's tables without those of its repeats."""
    with zipfile.ZipFile(_written(write_central, export, path.with_suffix(".zip"))) as archive:
        path.write_bytes(archive.read("household.csv"))


def odata_unexpanded(export: Export, path: Path) -> None:
    """OData that was asked for without ``$expand=*``: links to the rows, and no rows."""
    document = json.loads(_written(write_odata, export, path).read_text(encoding="utf-8"))
    below = export.repeat.split("/")[2:]
    for one in document["value"]:
        group = one
        for step in below[:-1]:
            group = group[step]
        del group[below[-1]]
    path.write_text(json.dumps(document), encoding="utf-8")


def _written(write: Callable[[Export, Path], None], export: Export, path: Path) -> Path:
    write(export, path)
    return path


WHOLE: Mapping[str, Callable[[Export, Path], None]] = {"central.zip": write_central, "kobo.xlsx": write_kobo, **WRITERS}
LACKING: Mapping[str, Callable[[Export, Path], None]] = {
    "kobo.csv": write_kobo_csv,
    "household.csv": central_alone,
    "unexpanded.json": odata_unexpanded,
}
EVERY = {**WHOLE, **LACKING}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Households of one team of the demonstration round, each once and never edited."""
    caught: list[Export] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect.demo, "write_kobo", lambda export, _path, _copies=(), **_more: caught.append(export))
        collect.demo.make_round(tmp_path_factory.mktemp("demo"), households=60)
    return caught[0]


def moved(export: Export) -> Export:
    """The same households; the first said something else of its power."""
    first = pl.int_range(pl.len()) == 0
    said = pl.when(first).then(pl.lit("none")).otherwise(WORK).alias(WORK)
    assert export.root[WORK][0] != "none"
    return Export(export.form, export.root.with_columns(said), export.rows)


class Desk:
    """A store that takes exports in by the name of their layout."""

    def __init__(self, store: Store, definitions: Definitions, folder: Path) -> None:
        self.store, self.definitions, self.folder, self.sent = store, definitions, folder, 0

    def write(self, layout: str, export: Export) -> Path:
        self.sent += 1
        path = self.folder / f"{self.sent}" / layout
        path.parent.mkdir()
        EVERY[layout](export, path)
        return path

    def add(self, layout: str, export: Export) -> News:
        (part,) = add_file(self.store, self.write(layout, export), self.definitions).parts
        return part.new, part.changed, part.duplicate

    def people(self) -> int:
        form = self.definitions.form("household")
        gathered = gather(self.store, form, self.definitions)
        assert gathered is not None
        return gathered.typed[form.repeats[1]].height

    def accept(self) -> None:
        ids = standing(self.store, "household")["submission_id"].to_list()
        decide(self.store, ids, "accepted", "seen", "Lan")

    def accepted(self) -> int:
        return standing(self.store, "household").filter(decision="accepted").height

    def tables(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted((self.store.folder / "tables").rglob("*.parquet"))}


@pytest.fixture
def desk(store: Store, definitions: Definitions, tmp_path: Path) -> Desk:
    return Desk(store, definitions, tmp_path)


@pytest.mark.parametrize("first", ["central.zip", "kobo-api.json"])
@pytest.mark.parametrize("then", LACKING)
@pytest.mark.parametrize("answers", ["the same", "another"])
def test_files_tried_together_say_of_an_export_without_repeats_what_storing_them_does(
    first: str, then: str, answers: str, desk: Desk, export: Export
) -> None:
    handed = [(first, export), (then, export if answers == "the same" else moved(export))]
    paths = [desk.write(layout, what) for layout, what in handed]
    tried: list[Receipt] = []
    for path in paths:
        tried.append(add_file(desk.store, path, desk.definitions, Asked(after=tuple(tried)), dry_run=True))
    stored = [add_file(desk.store, path, desk.definitions) for path in paths]
    assert [counts_of(one) for one in tried] == [counts_of(one) for one in stored]
    assert stored[1].parts[0].changed == (answers == "another")
    assert total(tried) == total(stored)


def counts_of(receipt: Receipt) -> tuple[dict[str, object], list[tuple[object, ...]]]:
    (part,) = receipt.parts
    return part.counts(), part.submissions.rows()


@pytest.mark.parametrize(
    ("first", "then"), [(one, other) for one in ("central.zip", "kobo-api.json") for other in EVERY if one != other]
)
def test_households_seen_before_are_no_change_by_whatever_road_they_come_again(
    first: str, then: str, desk: Desk, export: Export
) -> None:
    homes = export.root.height
    assert desk.add(first, export) == (homes, 0, 0)
    people = desk.people()
    desk.accept()
    assert desk.add(then, export) == (0, 0, homes)
    assert (desk.people(), desk.accepted()) == (people, homes)
    if then in LACKING:
        issues = desk.store.read_part("household", "issues", registry.parts_of(desk.store.engine)[-1]["upload_id"])
        assert "FIL-04" in issues["code"]


@pytest.mark.parametrize("layout", list(LACKING))
def test_what_an_export_without_people_says_otherwise_changes_and_its_people_stay(
    layout: str, desk: Desk, export: Export
) -> None:
    homes = export.root.height
    desk.add("central.zip", export)
    people = desk.people()
    desk.accept()
    assert desk.add(layout, moved(export)) == (0, 1, homes - 1)
    assert (desk.people(), desk.accepted()) == (people, homes - 1)
    made = desk.tables()
    rebuild(desk.store, desk.definitions)
    assert desk.tables() == made


@pytest.mark.parametrize("layout", list(LACKING))
def test_people_who_come_after_an_export_without_them_are_counted(layout: str, desk: Desk, export: Export) -> None:
    homes = export.root.height
    assert desk.add(layout, export) == (homes, 0, 0)
    assert desk.people() == 0
    new, changed, duplicate = desk.add("central.zip", export)
    assert (new, changed + duplicate) == (0, homes)
    assert desk.people() == export.rows.height


def test_a_count_of_edits_does_not_put_an_export_without_people_before_one_with_them(
    desk: Desk, export: Export
) -> None:
    edited = Export(
        export.form, export.root.with_columns(edited_as=pl.concat_str(pl.lit("e"), "instance")), export.rows
    )
    desk.add("household.csv", edited)  # edited once, and no people
    desk.add("central.zip", export)
    assert desk.people() == export.rows.height


@pytest.mark.parametrize("layout", list(LACKING))
def test_people_left_out_are_held_against_nobody_and_the_whole_export_is_well_too(
    layout: str, desk: Desk, export: Export
) -> None:
    first, alone, then = (
        add_file(desk.store, desk.write(one, export), desk.definitions).parts[0]
        for one in (layout, layout, "central.zip")
    )
    for lacking in (first, alone):
        assert lacking.issues.filter(code="FIL-04").height == 1
        assert lacking.issues.filter(pl.col("code").is_in(["ROS-01", "CAL-01"])).is_empty()
        assert lacking.with_issues <= then.with_issues
    assert desk.people() == export.rows.height


def test_a_calculation_over_people_left_out_that_nobody_stored_stays_open(desk: Desk, export: Export) -> None:
    path = "/data/totals/people_listed"
    totals = [name for name in export.root.columns if "/totals/" in name]
    bare = Export(export.form, export.root.drop(totals), export.rows)
    desk.add("household.csv", bare)
    (part,) = registry.parts_of(desk.store.engine)
    households = desk.store.read_part("household", "households", part["upload_id"])
    assert households[path].null_count() == households.height
