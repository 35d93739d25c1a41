"""Reads ODK Central's CSV export: a zip or folder of a CSV for the submissions and one per repeat, or the first alone.

A submission's name is its KEY: Central keeps it through every edit, and repeat rows are tied by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from collect.forms import Form
from collect.problems import ExportError
from collect.receive.arrange import arrange, note_headings
from collect.receive.english import iso
from collect.receive.headings import Match, match, steps
from collect.receive.identify import NAMED_BY_CONTENTS, OF, Tables, identify
from collect.receive.received import IssueBook, Received, checked_answers
from collect.receive.recognise import Candidate, form_of
from collect.receive.sheets import Sheet

SOURCE = "central-csv"
KEY, PARENT_KEY = "KEY", "PARENT_KEY"
FACTS = {
    "submitted_at": "SubmissionDate",
    "submitted_by": "SubmitterName",
    "device_id": "DeviceID",
    "review_state": "ReviewState",
    "form_version": "FormVersion",
}
OWN = frozenset(
    {*FACTS.values(), KEY, PARENT_KEY, "SubmitterID", "AttachmentsPresent", "AttachmentsExpected", "Status", "Edits"}
)
META = ("instanceID", "instanceName", "audit", "deprecatedID", "rootUuid", "entity")
FOUND_IN = "@found_in"  # heading of a table folded out of another: where each row stood
ORDER = "@"  # place of a row in its file
NOT_DECRYPTED = "not decrypted"
INDEX = re.compile(r"\[\d+\]")
ONE_REPEAT = re.compile(r"~\d+$")  # the second repeat of one name: form-name~1.csv


@dataclass(frozen=True)
class Dialect:
    """How a platform that ties its tables by KEY and PARENT_KEY calls what it adds to the answers.

    ``facts``: our column to its heading. ``own``: headings that are never a question's. ``quiet``: may be, or may not.
    """

    source: str
    facts: Mapping[str, str]
    own: frozenset[str]
    quiet: frozenset[str] = frozenset()

    def asked(self, headings: Sequence[str]) -> tuple[str, ...]:
        """The headings with the platform's own blanked."""
        return tuple("" if heading in self.own or heading == FOUND_IN else heading for heading in headings)

    def is_quiet(self, heading: str) -> bool:
        """Columns about the submission that a form need not know."""
        return heading in META or heading in self.quiet or heading.startswith(("meta-", "meta:", "SET-OF-"))


CENTRAL = Dialect(SOURCE, FACTS, OWN)


@dataclass(frozen=True)
class Export:
    """One form's tables within an upload, the submissions' own first. `read` takes them out one by one.

    A province's tables fill much of the memory: a sheet that has been read is let go.
    """

    place: str
    sheets: list[Sheet]
    dialect: Dialect = CENTRAL


def is_central(headings: Sequence[str]) -> bool:
    """Whether these are the headings of one of Central's tables."""
    return KEY in headings and (
        PARENT_KEY in headings or "SubmissionDate" in headings or bool({"meta-instanceID", "instanceID"} & {*headings})
    )


def exports(sheets: Iterable[Sheet]) -> list[Export]:
    """Put each repeat's table with its form's, by name: a repeat's file is called form-repeat.csv.

    Where several tables are submissions' own, a repeat's table that bears no such name goes with none.
    """
    sheets = list(sheets)
    roots = [sheet for sheet in sheets if PARENT_KEY not in sheet.headings]
    of: dict[str, list[Sheet]] = {root.place: [] for root in roots}
    for sheet in sheets:
        if PARENT_KEY in sheet.headings:
            owner = owner_of(sheet, roots) or (roots[0] if len(roots) == 1 else None)
            if owner is not None:
                of[owner.place].append(sheet)
    return [Export(root.place, [root, *of[root.place]]) for root in roots]


def owner_of(repeat: Sheet, roots: Sequence[Sheet]) -> Sheet | None:
    """The table of submissions whose name a repeat's begins with: in the same folder, the longest such name."""
    named = [root for root in roots if repeat.title.startswith(f"{root.title}-")]
    return max(named, key=lambda root: (_folder(root) == _folder(repeat), len(root.title)), default=None)


def _folder(sheet: Sheet) -> str:
    return sheet.place.rpartition("/")[0]


def read(export: Export, file: str, forms: Sequence[Form], forced: Form | None) -> Received:
    """Read one form's tables.

    Raises
    ------
    ExportError
        IN-07 when no form fits.
    """
    first, dialect = export.sheets[0], export.dialect
    form, matched = form_of(
        Candidate(file, first.title, dialect.asked(first.headings), dialect.is_quiet), forms, forced
    )
    issues = IssueBook()
    root, unreadable = _root(export.sheets.pop(0), matched, form, issues, dialect)
    tables: Tables = {form.root: root}
    del first, root
    while export.sheets:
        path, frame, strays = _rows(export.sheets.pop(0), form, tables[form.root], issues, dialect)
        unreadable += strays
        if path is not None and frame is not None:
            tables[path] = pl.concat([tables[path], frame]) if path in tables else frame
        del frame
    if any(path not in tables for path in form.repeats):
        issues.note("FIL-04", found_in=file, file=file)
    tables = _named_once(tables, form, issues)
    return Received(dialect.source, file, form, checked_answers(tables, form), issues.table(), unreadable)


def _column(sheet: Sheet, heading: str) -> pl.Expr:
    """A platform column; of two with one name the last, because the form's questions stand before it."""
    places = [place for place, found in enumerate(sheet.headings) if found == heading]
    return pl.col(str(places[-1])) if places else pl.lit(None, pl.String)


def _place(sheet: Sheet) -> pl.Expr:
    if FOUND_IN in sheet.headings:
        return _column(sheet, FOUND_IN)
    return sheet.places


def _root(sheet: Sheet, matched: Match, form: Form, issues: IssueBook, dialect: Dialect) -> tuple[pl.DataFrame, int]:
    note_headings(sheet, matched, form, issues)
    meta = next((name for name in ("meta-instanceID", "instanceID") if name in sheet.headings), KEY)
    facts = sheet.frame.select(
        pl.coalesce(_column(sheet, KEY), _column(sheet, meta)).alias("submission_id"),
        pl.lit(form.root).alias("row_id"),
        *(_column(sheet, heading).alias(name) for name, heading in dialect.facts.items()),
        pl.lit(None, pl.String).alias("replaces"),
        _column(sheet, "Edits").cast(pl.Int64, strict=False).alias("edits"),
        _place(sheet).alias("found_in"),
        _column(sheet, "Status").alias("status"),
    )
    facts = facts.with_columns(iso(facts, pl.col("submitted_at")))
    answers = arrange(sheet, matched, form)
    whole = facts.hstack(answers) if answers.width else facts
    closed = whole["status"].str.to_lowercase().is_in([NOT_DECRYPTED, "missing encrypted form data"]).fill_null(False)
    for found_in, name in whole.filter(closed).select("found_in", "submission_id").iter_rows():
        issues.note("FIL-03", found_in=found_in, submission_id=name, file=found_in, reason="IN-16", submissions=1)
    for found_in, name in (
        facts.filter(pl.col("submission_id").str.starts_with(NAMED_BY_CONTENTS))
        .select("found_in", "submission_id")
        .rows()
    ):
        issues.note("ID-03", submission_id=name, found_in=found_in)
    return whole.filter(~closed).drop("status"), int(closed.sum()) + sheet.lost


def _rows(
    sheet: Sheet, form: Form, root: pl.DataFrame, issues: IssueBook, dialect: Dialect
) -> tuple[str | None, pl.DataFrame | None, int]:
    """One repeat's table with its row ids taken from KEY: 'uuid:…/people/member[2]' is '/data/people/member[2]'."""
    keys = sheet.frame.select(_column(sheet, KEY).alias(KEY), _column(sheet, PARENT_KEY).alias(PARENT_KEY))
    path = _repeat_of(sheet, keys, form)
    if path is None:
        error = ExportError("IN-69", file=sheet.place, rows=sheet.frame.height, form=form.form_id)
        issues.note_unread(sheet.place, error)
        return None, None, sheet.frame.height
    matched = match(dialect.asked(sheet.headings), form, path, dialect.is_quiet)
    note_headings(sheet, matched, form, issues)
    head = _row_keys(keys, path, form)
    whole = head.with_columns(sheet.frame.select(_place(sheet).alias("found_in"))).hstack(arrange(sheet, matched, form))
    strange = whole["row_id"].is_null() | ~whole["submission_id"].is_in(root["submission_id"].implode())
    strange = strange.fill_null(True)
    issues.note_strays(whole.filter(strange)["found_in"].to_list(), sheet.place)
    lost = int(strange.sum())
    return path, (whole.filter(~strange) if lost else whole), lost + sheet.lost


def _repeat_of(sheet: Sheet, keys: pl.DataFrame, form: Form) -> str | None:
    """Which repeat a table holds: what its keys say; without rows, what its name says."""
    first = keys[KEY].drop_nulls().head(1).to_list()
    own = form.repeats[1:]
    if first:
        found = [path for path in own if INDEX.sub("", first[0]).endswith(path[len(form.root) :])]
        return max(found, key=len) if found else None
    name = ONE_REPEAT.sub("", sheet.title)
    named = [path for path in own if name.endswith(f"-{path.rsplit('/', 1)[-1]}")]
    return named[0] if named else None


def _row_keys(keys: pl.DataFrame, path: str, form: Form) -> pl.DataFrame:
    """submission_id, row_id, parent_row_id and index; null where KEY, PARENT_KEY and the form do not agree."""
    outer = [repeat for repeat in form.repeats[1:] if path.startswith(f"{repeat}/")]
    below = path[len(max(outer, key=len)) :] if outer else path[len(form.root) :]
    index = pl.col(KEY).str.extract(r"\[(\d+)\]$", 1)
    agrees = pl.col(KEY) == pl.concat_str(pl.col(PARENT_KEY), pl.lit(f"{below}["), index, pl.lit("]"))
    if outer:
        pattern = f"^(.*?)(/{_indexed_pattern(path, form)})$"
        submission = pl.col(KEY).str.extract(pattern, 1)
        row = pl.concat_str(pl.lit(form.root), pl.col(KEY).str.extract(pattern, 2))
        parent = row.str.slice(0, row.str.len_chars() - (index.str.len_chars() + len(below) + 2))
    else:
        submission = pl.col(PARENT_KEY)
        row = pl.concat_str(pl.lit(f"{path}["), index, pl.lit("]"))
        parent = pl.lit(form.root)
    sure = {"submission_id": submission, "row_id": row, "parent_row_id": parent, "index": index.cast(pl.Int64)}
    return keys.select(pl.when(agrees).then(value).alias(name) for name, value in sure.items())


def _indexed_pattern(path: str, form: Form) -> str:
    """A regular expression for a row's path: every repeat on the way has its number."""
    walked, parts = form.root, []
    for step in steps(path, form):
        walked = f"{walked}/{step}"
        parts.append(re.escape(step) + (r"\[\d+\]" if walked in form.repeats else ""))
    return "/".join(parts)


def _named_once(tables: Tables, form: Form, issues: IssueBook) -> Tables:
    """Name the nameless and keep each name once; nearly all submissions are named once already and are left alone."""
    names = tables[form.root]["submission_id"]
    doubtful = names.filter(names.is_null() | names.is_duplicated()).unique()
    if not doubtful.len():
        return tables
    among = pl.col("submission_id").is_in(doubtful.implode(), nulls_equal=True)
    few = {path: frame.with_row_index(ORDER).filter(among) for path, frame in tables.items()}
    settled = identify(_tied(few, form), form, issues, rows_by_name=True)
    for path in tables:  # one table at a time: they may fill half the memory
        tables[path] = _settled(tables[path], among, settled[path].select(ORDER, given="submission_id"))
    return tables


def _settled(frame: pl.DataFrame, among: pl.Expr, settled: pl.DataFrame) -> pl.DataFrame:
    """The frame without the rows that ``settled`` lacks, and with the names it gives to the nameless."""
    gone = frame.with_row_index(ORDER).filter(among).select(ORDER).join(settled, on=ORDER, how="anti")[ORDER]
    if frame["submission_id"].null_count():
        named = frame.select("submission_id").with_row_index(ORDER)
        named = named.join(settled, on=ORDER, how="left", maintain_order="left")
        frame = frame.with_columns(named.select(pl.coalesce("submission_id", "given").alias("submission_id")))
    return frame.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(gone.implode())) if gone.len() else frame


def _tied(tables: Mapping[str, pl.DataFrame], form: Form) -> Tables:
    """Give every table ``#``. Of a name that came several times, the last set of rows belongs to its last version.

    Rows are written in order, so a number that does not grow begins another set; below a second repeat, where numbers
    begin again under each row, a row seen before does.
    """
    root = tables[form.root].with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(OF))
    versions = root.select("submission_id", OF, pl.int_range(pl.len()).over("submission_id").alias("version"))
    last = versions.group_by("submission_id").agg(pl.col("version").max().alias("newest"))
    tied: Tables = {form.root: root}
    for path, frame in tables.items():
        if path != form.root:
            first_level = frame.height > 0 and frame["parent_row_id"][0] == form.root
            begins = (pl.col("index") <= pl.col("index").shift(1)).over("submission_id").fill_null(False)
            turn = (
                begins.cast(pl.Int64).cum_sum().over("submission_id")
                if first_level
                else pl.int_range(pl.len()).over("submission_id", "row_id")
            )
            numbered = frame.join(last, on="submission_id", how="left", maintain_order="left").with_columns(turn=turn)
            version = pl.col("newest") - pl.col("turn").max().over("submission_id") + pl.col("turn")
            numbered = numbered.with_columns(version.clip(lower_bound=0).alias("version"))
            tied[path] = numbered.join(
                versions, on=["submission_id", "version"], how="left", maintain_order="left"
            ).drop("version", "newest", "turn")
    return tied
