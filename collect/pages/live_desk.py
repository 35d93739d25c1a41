"""What is behind the upload page while the app runs: the desk that takes files in, and the try with made-up data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collect import registry
from collect.access import Forbidden, Who, require
from collect.forms import Form
from collect.intake import Asked, Receipt, add_file, keep_unread, read_again
from collect.pages import live
from collect.pages.data import Since
from collect.pages.live import Progress, definitions, the_store
from collect.pages.upload_desk import Answers
from collect.places import ONE_AT_A_TIME, bring_at_hand
from collect.problems import ExportError
from collect.receive import apart
from collect.settings import Settings

NOTHING_SAID = Answers()
LATEST = 20  # uploads listed


@dataclass(frozen=True, slots=True)
class LiveDesk:
    """The upload page's desk over the real store, for one person."""

    settings: Settings
    who: Who

    def forms(self) -> Mapping[str, Form]:
        """Every form by its id."""
        return {form.form_id: form for form in definitions(self.settings).forms}

    def add(
        self, path: Path, name: str, by: str, *, dry_run: bool, progress: Progress, said: Answers = NOTHING_SAID
    ) -> Receipt:
        """Take a file in, or say what that would do. Who logged in signs with that name, whatever ``by`` says."""
        signed = by if self.who.local else require(self.who, "upload").signature
        asked = Asked(
            signed,
            encoding=said.encoding,
            dates=said.dates,
            decimals=said.decimals,
            name=name,
            key=said.key,
            after=said.after,
        )
        store = the_store(self.settings)
        with ONE_AT_A_TIME:
            try:
                return add_file(store, path, definitions(self.settings), asked, dry_run=dry_run, progress=progress)
            except ExportError as error:
                if dry_run:  # a page tries what is meant to be stored: what brings the reader down is kept and listed
                    keep_unread(store, path, asked, error)
                raise

    def refused(self) -> Sequence[Mapping[str, Any]]:
        """Files that brought their reader down and are kept; of a survey team's those it sent. Raises Forbidden."""
        require(self.who, "upload")
        rows = registry.refused(the_store(self.settings).engine)
        held = {"seconds": self.settings.limits.seconds, "megabytes": self.settings.limits.memory_megabytes}
        return [{**row, **held} for row in rows if self.who.sees_all_teams or row["received_by"] == self.who.signature]

    def received(self) -> Sequence[Mapping[str, Any]]:
        """The uploads that arrived last, the latest first; of a survey team those it sent. Raises Forbidden."""
        engine, latest = the_store(self.settings).engine, live.received(self.settings, self.who)[-LATEST:]
        parts = {one["upload_id"]: registry.parts_of(engine, one["upload_id"]) for one in latest}
        counts = ("read", "with_issues")
        return [
            {**one, **{name: sum(part[name] for part in parts[one["upload_id"]]) for name in counts}}
            for one in reversed(latest)
        ]

    def read_again(self, sha256: str, progress: Progress) -> Receipt:
        """Take such a file in after all, as who sent it. Raises Forbidden for one they may not see, CollectError."""
        if sha256 not in {row["sha256"] for row in self.refused()}:
            raise Forbidden("ACC-01", what="upload", role=self.who.role)
        with ONE_AT_A_TIME:
            return read_again(the_store(self.settings), sha256, definitions(self.settings), progress)

    def waiting(self) -> Since:
        """What came that the latest run does not know."""
        return live.behind(self.settings, self.who, None)

    def run(self, progress: Progress) -> str:
        """Make the results again from everything stored. Raises Forbidden."""
        return live.run(self.settings, self.who, progress)


def desk(settings: Settings, who: Who) -> LiveDesk:
    """The desk over this installation's store; what reads files is made ready meanwhile. Raises Forbidden."""
    at = LiveDesk(settings, require(who, "upload"))
    if settings.apart:
        apart.warm()
    return at


def try_out(settings: Settings, who: Who, progress: Progress) -> str:
    """Make up a survey round, take its files in, make the results; returns the run's id. Raises Forbidden.

    Boundaries that can be had without leaving the machine are brought first: houses and maps are of the same outlines.
    """
    from collect.demo import make_round

    at = LiveDesk(settings, require(who, "try_out"))
    with ONE_AT_A_TIME:
        bring_at_hand(settings, lambda step, share: progress(step, share / 10))
    made = make_round(settings.data / "demo", progress=lambda step, share: progress(step, 0.1 + share * 0.15))
    files = [*made.files, made.frame]
    for number, path in enumerate(files):

        def told(step: str, _share: float, begun: float = 0.25 + 0.5 * number / len(files)) -> None:
            progress(step, begun)

        at.add(path, path.name, "demo", dry_run=False, progress=told)
    return at.run(lambda step, share: progress(step, 0.75 + share / 4))
