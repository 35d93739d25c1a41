"""Finding the same interview under two ids in a whole made-up province: how fast, how much is found, who is accused."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from collect.define import load_form
from collect.demo import make_round
from collect.forms import Form
from collect.receive import receive
from collect.review.duplicates import pairs, traits
from collect.settings import shipped_forms
from collect.store import content_hashes

COPIES = 1_000  # of each kind
EDITS = (0, 2, 5, 8)  # answers changed in a copy
Answers = dict[str, pl.DataFrame]


def plant(answers: Answers, form: Form, seed: int = 5) -> tuple[Answers, dict[str, int]]:
    """The answers with copies under new ids, each with as many answers changed (for other households') as it says."""
    rng = np.random.default_rng(seed)
    root = answers[form.root]
    willing = root.filter(pl.col("/data/consent") == "yes")["submission_id"]
    picked = willing.sample(COPIES * len(EDITS), seed=seed).to_list()
    planted: dict[str, int] = {}
    copies: list[Answers] = []
    for turn, edits in enumerate(EDITS):
        ids = picked[turn * COPIES : (turn + 1) * COPIES]
        again = {repeat: table.filter(pl.col("submission_id").is_in(ids)) for repeat, table in answers.items()}
        again = {
            repeat: _changed(table, edits if repeat == form.root else edits // 2, rng)
            for repeat, table in again.items()
        }
        name = pl.col("submission_id") + "-again"
        again[form.root] = again[form.root].with_columns(name.alias("/data/deviceid"))  # asked on another tablet
        copies.append({repeat: table.with_columns(submission_id=name) for repeat, table in again.items()})
        planted |= dict.fromkeys(ids, edits)
    return {repeat: pl.concat([table, *(one[repeat] for one in copies)]) for repeat, table in answers.items()}, planted


def _changed(table: pl.DataFrame, edits: int, rng: np.random.Generator) -> pl.DataFrame:
    """In as many questions, drawn anew for every hundredth part of the rows, the answers of other rows."""
    paths = [name for name in table.columns if name.startswith("/") and table[name].null_count() < table.height]
    parts = []
    for part in table.iter_slices(max(1, table.height // 100)):
        chosen = rng.choice(paths, min(edits, len(paths)), replace=False)
        others = [
            table[name].sample(part.height, with_replacement=True, seed=int(rng.integers(1 << 30))) for name in chosen
        ]
        parts.append(part.with_columns(others))
    return pl.concat(parts) if parts else table


def counting_ids(root: pl.DataFrame) -> list[str]:
    """The made-up round holds edits under new ids; what they replace is known to be the same interview."""
    replaced = root["replaces"].drop_nulls()
    return root.filter(~pl.col("submission_id").is_in(replaced.implode()))["submission_id"].unique().to_list()


def main(households: int) -> None:
    form = load_form(shipped_forms() / "household").to_read
    with TemporaryDirectory() as folder:
        made = make_round(Path(folder) / "demo", households=households)
        own = [one.answers for path in made.files[:-1] for one in receive(path, [form])]  # the last: communes' returns
    answers = {repeat: pl.concat([one[repeat] for one in own], how="diagonal") for repeat in form.repeats}
    counts = counting_ids(answers[form.root])
    answers = {repeat: table.filter(pl.col("submission_id").is_in(counts)) for repeat, table in answers.items()}
    answers[form.root] = answers[form.root].unique("submission_id", maintain_order=True)
    whole, planted = plant(answers, form)
    begun, worked = time.perf_counter(), time.process_time()
    content_hashes(whole)
    counting, counting_worked = time.perf_counter() - begun, time.process_time() - worked
    print(f"contents of {whole[form.root].height:,} interviews counted in {counting:.1f} s ({counting_worked:.1f} s)")
    begun, worked = time.perf_counter(), time.process_time()
    hashed = traits(whole, form)
    hashing, hashing_worked = time.perf_counter() - begun, time.process_time() - worked
    found = pairs([hashed])
    searching, searching_worked = time.perf_counter() - begun - hashing, time.process_time() - worked - hashing_worked
    right = found.filter(pl.col("other") == pl.col("one") + "-again")
    print(f"{whole[form.root].height:,} interviews, load {os.getloadavg()[0]:.1f}: hashed in {hashing:.1f} s", end="")
    print(f" ({hashing_worked:.1f} s of processors), pairs in {searching:.1f} s ({searching_worked:.1f} s)")
    for edits in EDITS:
        hit = right["one"].is_in([name for name, count in planted.items() if count == edits]).sum()
        print(f"  copies with {edits} + {edits // 2} questions changed: {hit:,} of {COPIES:,} found")
    wrong = found.join(right, on=["one", "other"], how="anti")
    print(f"  other pairs shown: {wrong.height:,}", wrong.group_by("kind").len().rows())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 284_675)
