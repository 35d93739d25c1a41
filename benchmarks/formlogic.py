"""How fast every rule of the household form is asked again, beside JavaRosa asking the same rules of the same answers.

``python -m benchmarks.formlogic --households N``: eight households written by hand are repeated in memory, one in 25
with a fault (see `benchmarks.checking`). Ours: `collect.check.check`, text to issues, in a process of its own. JavaRosa
(in the jar inside the pyxform wheel): the first households of the same table as submissions, read, initialised and
validated in one warm Java machine with the form parsed once; it stops at the first broken rule of each. Also: how
long a form of 1,000 questions takes to compile, and how soon a megabyte of brackets is refused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl

from benchmarks.apart import peak_megabytes
from benchmarks.checking import FORMS, MEMBER, PROVINCE, RECEIVED_ON, answers_of
from collect.check import check
from collect.define import load_form
from collect.forms import Form
from collect.tables import Answers
from collect.xpath import Schema, XPathError, parse, plan

SAMPLE, ROUNDS = 200, 20  # submissions given to JavaRosa, and how often each


def ours(count: int) -> dict[str, Any]:
    """Every rule of the form over ``count`` households."""
    form = load_form(FORMS / "household")
    answers = answers_of(form, count)
    check(answers_of(form, 50), form, received_on=RECEIVED_ON)
    start = time.perf_counter()
    checked = check(answers, form, received_on=RECEIVED_ON)
    seconds = time.perf_counter() - start
    people, peak = answers[MEMBER].height, peak_megabytes()
    return {"seconds": seconds, "people": people, "issues": checked.issues.height, "peak_mb": peak}


def javarosa() -> dict[str, Any]:
    """The same rules through JavaRosa: seconds for each submission, and how many were stopped at a broken rule."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from javarosa import JAR, driver

    form = load_form(FORMS / "household")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "form.xml").write_bytes(form.xform)
        paths = []
        for number, xml in enumerate(submissions(form, answers_of(form, SAMPLE))):
            paths.append(folder / f"{number}.xml")
            paths[-1].write_text(xml, encoding="utf-8")
        listed = "\t".join(map(str, paths))
        asked = [f"FORM\t{folder}/form.xml", f"TIME\t3\t{listed}", f"TIME\t{ROUNDS}\t{listed}"]  # the first warms up
        command = ["java", "-Duser.timezone=Asia/Ho_Chi_Minh", "-cp", f"{JAR}:{driver()}", "Oracle"]
        done = subprocess.run(command, input="\n".join(asked), capture_output=True, text=True, check=True)
    nanoseconds, broken = map(int, done.stdout.splitlines()[-1].split("\t"))
    return {"seconds_each": nanoseconds / 1e9 / ROUNDS / SAMPLE, "broken": broken // ROUNDS}


def submissions(form: Form, answers: Answers) -> list[str]:
    """The answers as submissions, each as a phone would send it."""
    members = answers[MEMBER].partition_by("submission_id", as_dict=True)
    made = []
    for row in answers[form.root].iter_rows(named=True):
        people = members.get((row["submission_id"],), pl.DataFrame())
        inside = _inside(form, form.root, row, people)
        made.append(f'<data id="{form.form_id}" version="{form.version}">{inside}</data>')
    return made


def _inside(form: Form, at: str, row: dict[str, Any], people: pl.DataFrame) -> str:
    below = dict.fromkeys(path[len(at) + 1 :].split("/")[0] for path in form.by_path if path.startswith(f"{at}/"))
    out = ""
    for name in below:
        path = f"{at}/{name}"
        if path in form.by_path:
            out += f"<{name}>{escape(row.get(path) or '')}</{name}>"
        elif path == MEMBER:
            rows = people.iter_rows(named=True)
            out += "".join(f"<{name}>{_inside(form, path, one, people)}</{name}>" for one in rows)
        else:
            out += f"<{name}>{_inside(form, path, row, people)}</{name}>"
    return out


def compiling() -> float:
    """Seconds to compile a relevance and a constraint for each of 1,000 questions."""
    schema = Schema("/data", {"/data": {f"/data/q{number}": "int" for number in range(1_000)}})
    start = time.perf_counter()
    for number in range(1, 1_000):
        plan(f"/data/q{number - 1} > 3 or /data/q0 = 1", schema, f"/data/q{number}")
        plan(f". >= 0 and . <= 120 and . != /data/q{number - 1}", schema, f"/data/q{number}")
    return time.perf_counter() - start


def refusing() -> float:
    """Seconds until a megabyte of brackets is refused."""
    start = time.perf_counter()
    try:
        parse("(" * 1_000_000)
    except XPathError:
        return time.perf_counter() - start
    raise AssertionError("a megabyte of brackets was read")


def compiler() -> dict[str, Any]:
    """Both times of the compiler."""
    return {"compiling": compiling(), "refusing": refusing()}


TASKS: dict[str, Callable[[], dict[str, Any]]] = {"javarosa": javarosa, "compiler": compiler}


def in_own_process(task: str, count: int) -> dict[str, Any]:
    """One task in a fresh interpreter, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.formlogic", "--task", task, "--households", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print the table."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--households", type=int, default=PROVINCE)
    reader.add_argument("--task", choices=("ours", *TASKS))
    chosen = reader.parse_args()
    if chosen.task:
        print(json.dumps(ours(chosen.households) if chosen.task == "ours" else TASKS[chosen.task]()))
        return
    mine, theirs, rest = (in_own_process(task, chosen.households) for task in ("ours", "javarosa", "compiler"))
    each = mine["seconds"] / chosen.households
    print("| what | households | seconds | households a second | peak MB |\n|---|---:|---:|---:|---:|")
    print(f"| collect.check, {mine['people']:,} people, {mine['issues']:,} issues | {chosen.households:,} "
          f"| {mine['seconds']:.2f} | {1 / each:,.0f} | {mine['peak_mb']:,.0f} |")  # fmt: skip
    print(f"| JavaRosa 5.1, {theirs['broken']} of {SAMPLE} broken | {SAMPLE * ROUNDS:,} "
          f"| {theirs['seconds_each'] * SAMPLE * ROUNDS:.2f} | {1 / theirs['seconds_each']:,.0f} | |")  # fmt: skip
    print(f"\nThe same rules: {theirs['seconds_each'] / each:,.0f} times JavaRosa's speed.")
    print(f"A form of 1,000 questions (1,998 rules) compiles in {rest['compiling']:.2f} s; "
          f"1 MB of brackets is refused in {rest['refusing'] * 1000:.1f} ms.")  # fmt: skip


if __name__ == "__main__":
    main()
