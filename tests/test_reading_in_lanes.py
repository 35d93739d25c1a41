"""Many submissions are read by several processes at once; nobody can tell from the answers, or from what goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workshops import workshop_told

from collect.define import load_forms
from collect.forms import Form
from collect.limits import DEFAULT
from collect.problems import ExportError
from collect.receive import Received
from collect.receive.apart import receive_apart
from collect.receive.manner import Manner
from collect.settings import shipped_forms

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="lanes are forked on Linux alone")

SHAPES = {
    "household": '<data id="household" version="1"><household><size>{0}</size></household><people><member><line>1'
    "</line></member><member><line>{0}</line></member></people><meta><instanceID>uuid:{0}</instanceID></meta></data>",
    "unknown question": '<data id="household"><odd{0}/><household><size>{0}</size></household></data>',
    "commune": '<data id="commune" version="1"><meta><instanceID>uuid:{0}</instanceID></meta></data>',
    "broken": "<data id='household'><meta>",
    "unknown form": '<data id="nobody" version="1"/>',
    "no submission": "<manifest/>",
    "entity": '<!DOCTYPE data><data id="household"/>',
    "nameless": '<data id="household" version="1"><household><size>{0}</size></household></data>',
}


@pytest.fixture(scope="module")
def forms() -> Sequence[Form]:
    return load_forms(shipped_forms())


@pytest.fixture(scope="module", autouse=True)
def _a_workshop_with_small_parts_and_many_cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    told = (
        "import os, trouble, collect.receive.submissions as one",
        "one.PART = 3",
        "one._Desk.take = trouble.met_by_name(one._Desk.take)",
        "os.sched_getaffinity = lambda _: set(range(8))",
    )
    with workshop_told(tmp_path_factory.mktemp("path"), *told):
        yield


def manner(lanes: int) -> Manner:
    return Manner(limits=replace(DEFAULT, seconds=60, memory_megabytes=400, processes=lanes))


def told(path: Path, forms: Sequence[Form], lanes: int) -> object:
    """Everything that is told of an upload."""
    try:
        received = receive_apart(path, forms, manner=manner(lanes))
    except ExportError as error:
        return error.code, error.values
    return [everything_of(one) for one in received]


def everything_of(one: Received) -> object:
    answers = {name: table.rows() for name, table in one.answers.items()}
    return one.form and one.form.form_id, answers, one.issues.rows(), one.unreadable, one.ignored


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(SHAPES)), st.integers(1, 5)), min_size=1, max_size=24))
def test_any_number_of_lanes_tells_the_same(forms: Sequence[Form], members: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "many.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, (shape, answer) in enumerate(members):
                archive.writestr(f"{number:02}.xml", SHAPES[shape].format(answer))
        alone = told(path, forms, 1)
        for lanes in (2, 3, 8):
            assert told(path, forms, lanes) == alone


def many(path: Path, folder: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abcdefgh":
            archive.writestr(f"{folder}/{name}.xml", SHAPES["household"].format(name))
    return path


def names(received: Received) -> list[str]:
    return [name.removeprefix("uuid:") for name in received.answers["/data"]["submission_id"]]


def test_what_a_lane_that_fell_did_not_bring_is_read_again(forms: Sequence[Form], tmp_path: Path) -> None:
    (received,) = receive_apart(many(tmp_path / "many.zip", "once"), forms, manner=manner(2))
    assert names(received) == list("abcdefgh")
    assert received.issues.height == 0


@pytest.mark.parametrize(
    ("trouble", "code"), [("segfault", "IN-46"), ("swell", "IN-45"), ("swell_at_once", "IN-45"), ("leave", "IN-46")]
)
def test_a_member_that_brings_its_lane_down_is_named_and_left_out(
    trouble: str, code: str, forms: Sequence[Form], tmp_path: Path
) -> None:
    (received,) = receive_apart(many(tmp_path / "many.zip", trouble), forms, manner=manner(2))
    assert names(received) == list("acdefgh")
    (details,) = received.issues["details"]
    assert received.issues["found_in"].to_list() == [f"{trouble}/b.xml"]
    assert code in details


def test_a_lane_that_hangs_is_ended_with_its_reader(forms: Sequence[Form], tmp_path: Path) -> None:
    short = Manner(limits=replace(DEFAULT, seconds=1, processes=2))
    with pytest.raises(ExportError) as caught:
        receive_apart(many(tmp_path / "many.zip", "hang"), forms, manner=short)
    assert caught.value.code == "IN-44"


LANES = """
import os, sys, threading, time
from collect.receive.lanes import in_lanes
if sys.argv[1] == "thread":
    threading.Thread(target=time.sleep, args=(0.5,)).start()
if sys.argv[1] == "polars":
    import polars as pl
    pl.DataFrame({"a": range(100_000)}).lazy().sort("a").collect()
done = list(in_lanes(lambda part: (part, os.getpid()), range(7), 3))
assert [part for part, _ in done] == list(range(7))
print(len({process for _, process in done} - {os.getpid()}))
"""


@pytest.mark.parametrize(("busy", "lanes"), [("idle", 3), ("thread", 0), ("polars", 0)])
def test_lanes_are_forked_only_where_no_thread_would_be_lost(busy: str, lanes: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if "path0" not in path)}
    ran = subprocess.run(
        [sys.executable, "-c", LANES, busy], capture_output=True, text=True, check=True, timeout=60, env=environment
    )
    assert int(ran.stdout) == lanes
