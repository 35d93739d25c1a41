"""Valid files with some bytes changed, through every reader: an answer or a refusal in words, never a crash or a hang.

`make fuzz` tries more (READERS_FUZZ examples of each format), and with atheris installed goes where coverage leads.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_dirty_text import BYTES, COLUMNS, FORM, PLAIN, TEXT, book
from test_hostile_files import XML, far_apart, workbook, zipped

from collect.problems import ExportError
from collect.receive import receive

EXAMPLES = int(os.environ.get("READERS_FUZZ", "25"))
MOST_SECONDS, MOST_BYTES = 5, 1 << 30
CENTRAL = "KEY,SubmissionDate,owner,hamlet,size\nuuid:1,2026-11-20T08:00:00Z,Lan,Ấp 1,4\n"
FRAME = "cluster,commune_code,vintage,hamlet,hamlet_name,stratum,households,probability,selected\n1,29242,2025-07,01,,1,90,0.5,true\n"  # noqa: E501
ODATA = {
    "@odata.context": "https://x/$metadata#Submissions",
    "value": [{"__id": "uuid:1", "owner": "Lan", "__system": {}}],
}
KOBO = {
    "count": 1,
    "results": [{"_uuid": "1", "_submission_time": "2026-11-20", "owner": "Lan", "_xform_id_string": "data"}],
}


def _central() -> bytes:
    members: dict[str, bytes | str] = {"data.csv": CENTRAL, "data-child.csv": "KEY,PARENT_KEY,name\na/x[1],uuid:1,b\n"}
    return zipped(**members)


def _workbook() -> bytes:
    with TemporaryDirectory() as folder:
        return book(Path(folder) / "kobo.xlsx", PLAIN).read_bytes()


SEEDS: dict[str, list[bytes]] = {
    "kobo.csv": [write(TEXT) for write, _ in BYTES.values()],
    "central.csv": [CENTRAL.encode()],
    "frame.csv": [FRAME.encode()],
    "central.zip": [_central()],
    "kobo.xlsx": [_workbook()],
    "sheet.xlsx": [workbook("<sheetData/>"), far_apart()],
    "submission.xml": [XML.format("Lan").encode()],
    "submissions.zip": [zipped(**{"a.xml": XML.format("a"), "b.xml": XML.format("b")})],
    "odata.json": [json.dumps(ODATA).encode()],
    "kobo.json": [json.dumps(KOBO).encode()],
    "template.csv": [("Phủ,data,1,/data,1\n" + ",".join(COLUMNS) + "\n").encode()],
}
Change = tuple[int, int, bytes]
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 1 << 16),
        st.integers(0, 64),
        st.one_of(
            st.binary(max_size=16), st.sampled_from([b'"', b",", b"\n", b"\0", b"\xff" * 4, b"<", b"]]>", b"PK\1\2"])
        ),
    ),
    max_size=6,
)


def changed(data: bytes, changes: list[Change]) -> bytes:
    """The bytes with some runs replaced."""
    for place, length, new in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + length :]
    return data


def read(name: str, data: bytes) -> None:
    """Read bytes; anything but an answer or a refusal, past the limits or not, is a failure."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        begun = time.process_time()  # the machine may be busy with other tests
        try:
            for received in receive(path, (FORM,)):
                assert all(frame.height <= 10_000 for frame in received.answers.values())
        except ExportError:
            pass
        assert time.process_time() - begun < MOST_SECONDS


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_changed_bytes_get_an_answer_or_a_refusal(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 100)
    @given(st.sampled_from(SEEDS[name]), CHANGES)
    def try_one(seed: bytes, changes: list[Change]) -> None:
        read(name, changed(seed, changes))

    try_one()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MOST_BYTES


EXPRESSIONS = [
    b". >= 1 and . <= 30",
    b"selected(/data/a, 'x') or count(/data/b[c = current()/../d]) > 1",
    b"if(1,'a',\"b\")",
]


def _follow_coverage(name: str) -> None:
    """With atheris: `python tests/test_receive_fuzz.py kobo.csv [libFuzzer options]`; `xpath` for expressions."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with atheris.instrument_imports():  # what is tried is imported again, watched
        watched = ("collect.receive", "collect.xpath")
        for module in [module for module in sys.modules if module.startswith(watched)]:
            del sys.modules[module]
        from collect.receive import receive as watched_receive
        from collect.xpath.errors import XPathError
        from collect.xpath.parse import parse as watched_parse

    def one_expression(data: bytes) -> None:
        with suppress(XPathError):
            watched_parse(data.decode("utf-8", "replace"))

    def one_file(data: bytes) -> None:
        with TemporaryDirectory() as folder, suppress(ExportError):
            path = Path(folder) / name
            path.write_bytes(data)
            watched_receive(path, (FORM,))

    corpus = Path(mkdtemp(prefix="corpus-"))
    for number, seed in enumerate(EXPRESSIONS if name == "xpath" else SEEDS[name]):
        (corpus / str(number)).write_bytes(seed)
    run: Callable[[], None] = atheris.Fuzz
    atheris.Setup([sys.argv[0], *sys.argv[2:], str(corpus)], one_expression if name == "xpath" else one_file)
    run()


if __name__ == "__main__":
    _follow_coverage(sys.argv[1])
