"""What passes between who asks and the process that reads, through a folder of their own.

The job goes in as a pickle, which only the asking side writes; what was read comes back as one JSON page and Arrow
files: nothing that a reader overpowered by a hostile file could make the asking side run.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from collect.forms import Form
from collect.problems import ExportError
from collect.receive.brought import added, put_back
from collect.receive.manner import Manner
from collect.receive.received import Received
from collect.receive.returned import Returned
from collect.tables import Answers, Frame, Issues

PAGE, JOB = "result.json", "job.pickle"
AT, STDERR = "at", "stderr"  # the member being read, for when nothing else is left to tell; what the reader said last
PLAIN = pl.CompatLevel.oldest()  # twice as fast to write and to read back as string views


@dataclass(frozen=True, slots=True)
class Job:
    """One upload to read. ``form`` and ``source``: what somebody insisted on. ``sheet``: one that comes back."""

    path: Path
    forms: Sequence[Form]
    form: str | None
    source: str | None
    manner: Manner
    sheet: bool = False


def order(job: Job, folder: Path) -> None:
    """Write down what is to be read."""
    (folder / JOB).write_bytes(pickle.dumps(job))


def ordered(folder: Path) -> Job:
    """What is to be read."""
    job: Job = pickle.loads((folder / JOB).read_bytes())  # noqa: S301  # written by the process that asks
    return job


def hand_over(received: Sequence[Received], forms: Sequence[Form], folder: Path) -> None:
    """Write everything that was read with ``forms``; the page last, so that it stands for the whole."""
    asked = {form.form_id: form for form in forms}
    pages = []
    for number, one in enumerate(received):
        frames = {**one.answers, "issues": one.issues, **({"frame": one.frame} if one.frame is not None else {})}
        files = {name: f"{number}-{place}.arrow" for place, name in enumerate(frames)}
        for name, frame in frames.items():
            frame.write_ipc(folder / files[name], compression="uncompressed", compat_level=PLAIN)
        pages.append(
            {
                "source": one.source,
                "file": one.file,
                "form": one.form.form_id if one.form else None,
                "lists": added(one.form, asked[one.form.form_id]) if one.form else [],
                "unreadable": one.unreadable,
                "ignored": one.ignored,
                "files": files,
            }
        )
    (folder / PAGE).write_text(json.dumps({"received": pages}, ensure_ascii=False), encoding="utf-8")


def hand_over_sheet(found: Returned | None, folder: Path) -> None:
    """Write what was written into a sheet that came back."""
    page = None if found is None else {"marks": found.marks, "rows": found.rows}
    (folder / PAGE).write_text(json.dumps({"sheet": page}, ensure_ascii=False), encoding="utf-8")


def sheet_taken_over(folder: Path) -> Returned | None:
    """Read what was handed over of a sheet. Raises ExportError."""
    page = _page(folder)["sheet"]
    return None if page is None else Returned(tuple(page["marks"]), tuple(page["rows"]))


def hand_over_refusal(error: ExportError, folder: Path) -> None:
    """Write why the upload as a whole cannot be read."""
    refusal = {"error": error.code, "values": error.values}
    (folder / PAGE).write_text(json.dumps(refusal, ensure_ascii=False, default=str), encoding="utf-8")


def taken_over(folder: Path, forms: Sequence[Form]) -> tuple[Received, ...]:
    """Read what was handed over; its tables stay mapped from the files, which may be unlinked. Raises ExportError."""
    by_id = {form.form_id: form for form in forms}
    return tuple(_received(one, folder, by_id) for one in _page(folder)["received"])


def _page(folder: Path) -> dict[str, Any]:
    page: dict[str, Any] = json.loads((folder / PAGE).read_text(encoding="utf-8"))
    if "error" in page:
        raise ExportError(page["error"], **page["values"])
    return page


def _received(page: dict[str, Any], folder: Path, forms: dict[str, Form]) -> Received:
    frames = {name: pl.read_ipc(folder / file) for name, file in page["files"].items()}
    issues = Issues(frames.pop("issues"))
    frame = Frame(frames.pop("frame")) if "frame" in frames else None
    form = put_back(forms[page["form"]], page["lists"]) if page["form"] else None
    return Received(
        page["source"], page["file"], form, Answers(frames), issues, page["unreadable"], page["ignored"], frame
    )
