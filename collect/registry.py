"""What people did, in a real database: which uploads were received, what was decided of them, which runs were made.

SQLite beside the tables by default, any database SQLAlchemy speaks when `COLLECT_DATABASE` names one. What the forms
said is not here: it lies in Parquet parts that become visible when their upload's row commits. An older registry is
brought up step by step when it is opened (`collect.migrations`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from collect.migrations import bring_up
from collect.problems import StoreError

METADATA = sa.MetaData()
PATIENCE_MS = 10_000  # how long SQLite waits for somebody who is writing
AT_ONCE = 500  # rows in one statement

UPLOADS = sa.Table(
    "uploads",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),  # the order of arrival: later wins
    sa.Column("upload_id", sa.String(16), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("forced_form", sa.String(255), nullable=False, default=""),
    sa.Column("forced_source", sa.String(64), nullable=False, default=""),
    sa.Column("forced_encoding", sa.String(32), nullable=False, server_default=""),
    sa.Column("forced_dates", sa.String(32), nullable=False, server_default=""),
    sa.Column("forced_decimals", sa.String(32), nullable=False, server_default=""),
    sa.Column("received_at", sa.String(32), nullable=False),
    sa.Column("received_by", sa.String(255), nullable=False, default=""),
)
SAID_LATER = ("forced_encoding", "forced_dates", "forced_decimals")  # of bytes received before, too
REFUSED = sa.Table(  # bytes that brought their reader down: kept in the inbox until somebody reads or removes them
    "refused",
    METADATA,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("code", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(255), nullable=False, default=""),
    sa.Column("received_at", sa.String(32), nullable=False),
    sa.Column("received_by", sa.String(255), nullable=False, default=""),
)
PARTS = sa.Table(
    "parts",
    METADATA,
    sa.Column("upload_id", sa.String(16), sa.ForeignKey("uploads.upload_id"), primary_key=True),
    sa.Column("form", sa.String(255), primary_key=True),  # "frame" for a sampling frame
    sa.Column("form_version", sa.String(255), nullable=False, default=""),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("read", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("new", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("duplicate", sa.Integer, nullable=False),
    sa.Column("with_issues", sa.Integer, nullable=False),
    sa.Column("unreadable", sa.Integer, nullable=False),
    sa.Column("issues", sa.Integer, nullable=False),
)
FILES = sa.Table(  # every Parquet part as it was written, so that damage shows
    "files",
    METADATA,
    sa.Column("upload_id", sa.String(16), sa.ForeignKey("uploads.upload_id"), primary_key=True),
    sa.Column("path", sa.String(512), primary_key=True),  # below the data folder
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
)
LEDGER = sa.Table(  # what people decided: rows are added, never changed; see collect.keeping.ledger
    "ledger",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 ...: a gap is damage
    sa.Column("at", sa.String(32), nullable=False),  # UTC
    sa.Column("by", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("form", sa.String(255), nullable=False),
    sa.Column("submission_id", sa.String(255), nullable=False, index=True),
    sa.Column("other", sa.String(255), nullable=False),
    sa.Column("row_id", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("old", sa.Text),
    sa.Column("new", sa.Text),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
)
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("vintage", sa.String(16), nullable=False),
    sa.Column("as_of", sa.String(10), nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("ledger_head", sa.String(64), nullable=False, server_default=""),  # the last decision it knew
)
PARTNERS = sa.Table(
    "partners",
    METADATA,
    sa.Column("partner", sa.String(64), primary_key=True),  # its code, as a provider's claim would name it
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("scope", sa.JSON, nullable=False),  # provinces, communes, indicators: lists; one left out is no limit
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("created_by", sa.String(255), nullable=False, default=""),
)
TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("token_id", sa.String(8), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),  # the token itself is shown once and kept nowhere
    sa.Column("partner", sa.String(64), sa.ForeignKey("partners.partner"), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False),
    sa.Column("revoked_at", sa.String(32)),
    sa.Column("last_used_at", sa.String(32)),
)
DOWNLOADS = sa.Table(  # what was handed to whom: rows are added, never changed; see collect.keeping.downloads
    "downloads",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 ...: a gap is damage
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False, default=""),
    sa.Column("token_id", sa.String(8), nullable=False, default=""),
    sa.Column("via", sa.String(8), nullable=False),  # page, api or cli
    sa.Column("release", sa.String(96), nullable=False),
    sa.Column("file", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
)

SENT = sa.Table(  # what phones sent, one row per submission; the bytes lie in the journal, later in an upload
    "sent",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("form", sa.String(255), nullable=False),
    sa.Column("instance_id", sa.String(255), nullable=False),
    sa.Column("form_version", sa.String(255), nullable=False, default=""),
    sa.Column("replaces", sa.String(255), nullable=False, default="", index=True),  # deprecatedID
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("segment", sa.String(64), nullable=False),  # file of the journal
    sa.Column("start", sa.BigInteger, nullable=False),  # where its bytes begin in there
    sa.Column("received_at", sa.String(32), nullable=False),
    sa.Column("received_by", sa.String(255), nullable=False, default=""),  # the team, as it signs
    sa.Column("person", sa.String(64), nullable=False, default=""),
    sa.Column("complete", sa.Boolean, nullable=False),  # whether the last of its pieces came
    sa.Column("upload_id", sa.String(16), nullable=False, default="", index=True),  # the upload that takes it to tables
    sa.Column("refused", sa.String(16), nullable=False, default=""),  # why it could not become tables
    sa.UniqueConstraint("form", "instance_id"),
)
ATTACHMENTS = sa.Table(  # photos and other files of what phones sent; every version of each
    "attachments",
    METADATA,
    sa.Column("form", sa.String(255), primary_key=True),
    sa.Column("instance_id", sa.String(255), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.String(32), nullable=False),
)
PEOPLE = sa.Table(  # interviewers whose phones send; no secret is here that opens a door by itself
    "people",
    METADATA,
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Column("team", sa.String(255), nullable=False),  # how their team signs: it sees what they send
    sa.Column("forms", sa.JSON, nullable=False),  # only these; none: every form
    sa.Column("password", sa.String(255), nullable=False, default=""),  # argon2id
    sa.Column("digest", sa.Text, nullable=False, default=""),  # HA1 by algorithm, enciphered; see docs/decisions/0087
    sa.Column("token_sha256", sa.String(64), unique=True),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("revoked_at", sa.String(32)),
)
CLOSED = sa.Table(  # forms that take no more submissions from phones
    "closed",
    METADATA,
    sa.Column("form", sa.String(255), primary_key=True),
    sa.Column("closed_at", sa.String(32), nullable=False),
)


def open_registry(url: str) -> Engine:
    """Open the registry and make its tables where they are missing.

    Raises
    ------
    StoreError
        STO-01 when the database cannot be opened or is not ours.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(parsed)
    if parsed.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _make_sqlite_durable)
    sa.event.listen(engine, "handle_error", _in_our_words)
    try:
        bring_up(engine, METADATA)
    except (sa.exc.SQLAlchemyError, StoreError) as error:
        engine.dispose()
        if isinstance(error, StoreError) and error.code != "STO-09":
            raise
        raise StoreError("STO-01", database=parsed.render_as_string(hide_password=True)) from error
    return engine


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() != "postgresql":
        return sa.create_engine(url)
    waits = {} if "options" in url.query else {"options": f"-c lock_timeout={PATIENCE_MS}"}  # else it waits for ever
    return sa.create_engine(url, pool_pre_ping=True, connect_args=waits)  # it may have been started again


def _in_our_words(context: sa.engine.ExceptionContext) -> None:
    """Locked, damaged, gone: whatever is asked of the registry then stops with STO-09. A broken key stays ours to see.

    A server's own message may quote what was written, so only its kind is named.
    """
    error = context.original_exception
    if not isinstance(context.sqlalchemy_exception, sa.exc.IntegrityError):
        reason = str(error) if isinstance(error, sqlite3.Error) else type(error).__name__
        raise StoreError("STO-09", reason=reason) from error


def _make_sqlite_durable(connection: Any, _record: object) -> None:
    for pragma in (f"busy_timeout={PATIENCE_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def record_upload(
    engine: Engine,
    upload: Mapping[str, object],
    parts: Sequence[Mapping[str, object]],
    files: Sequence[Mapping[str, object]] = (),
) -> bool:
    """Commit an upload with its parts; from then on its tables count. False when somebody committed it meanwhile.

    ``files`` are the Parquet parts as `Store.write_part` returns them: their path, SHA-256 and size.
    """
    try:
        with engine.begin() as connection:
            connection.execute(UPLOADS.insert().values(**upload))
            connection.execute(REFUSED.delete().where(REFUSED.c.sha256 == upload["sha256"]))
            _insert_parts(connection, str(upload["upload_id"]), parts, files)
    except sa.exc.IntegrityError:
        return False
    return True


def record_refusal(engine: Engine, refusal: Mapping[str, object]) -> None:
    """Mark kept bytes as unreadable, with the code that says why; in the place of an earlier mark."""
    with engine.begin() as connection:
        connection.execute(REFUSED.delete().where(REFUSED.c.sha256 == refusal["sha256"]))
        connection.execute(REFUSED.insert().values(**refusal))


def refused(engine: Engine) -> list[Mapping[str, Any]]:
    """Every upload whose bytes are kept and could not be read."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(REFUSED.select().order_by(REFUSED.c.received_at))]


def forget_refusals(engine: Engine, gone: Collection[str]) -> None:
    """Take off the marks of bytes that somebody removed, by their SHA-256."""
    with engine.begin() as connection:
        for part in in_parts(sorted(gone)):
            connection.execute(REFUSED.delete().where(REFUSED.c.sha256.in_(part)))


def replace_parts(
    engine: Engine,
    upload: Mapping[str, object],
    parts: Sequence[Mapping[str, object]],
    files: Sequence[Mapping[str, object]] = (),
) -> None:
    """Put new counts in the place of an upload's old ones, after its tables were made again as ``upload`` now says."""
    upload_id, said = str(upload["upload_id"]), {name: upload[name] for name in SAID_LATER}
    with engine.begin() as connection:
        connection.execute(UPLOADS.update().where(UPLOADS.c.upload_id == upload_id).values(**said))
        for table in (PARTS, FILES):
            connection.execute(table.delete().where(table.c.upload_id == upload_id))
        _insert_parts(connection, upload_id, parts, files)


def _insert_parts(
    connection: sa.Connection,
    upload_id: str,
    parts: Sequence[Mapping[str, object]],
    files: Sequence[Mapping[str, object]],
) -> None:
    for table, rows in ((PARTS, parts), (FILES, files)):
        if rows:
            connection.execute(table.insert(), [{**row, "upload_id": upload_id} for row in rows])


def in_parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Rows, as many at a time as one statement takes."""
    return (rows[begin : begin + AT_ONCE] for begin in range(0, len(rows), AT_ONCE))


def uploads(engine: Engine) -> list[Mapping[str, Any]]:
    """Every upload in the order of arrival."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(UPLOADS.select().order_by(UPLOADS.c.sequence))]


def count_uploads(engine: Engine) -> int:
    """How many uploads were received."""
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(UPLOADS)).scalar_one()


def last_sequence(engine: Engine) -> int:
    """The place of the upload that arrived last; 0 before the first."""
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.max(UPLOADS.c.sequence))).scalar() or 0


def last_received_at(engine: Engine) -> str | None:
    """When the upload that arrived last was received; None before the first."""
    with engine.connect() as connection:
        return connection.execute(
            sa.select(UPLOADS.c.received_at).order_by(UPLOADS.c.sequence.desc()).limit(1)
        ).scalar()


def find_upload(engine: Engine, sha256: str) -> Mapping[str, Any] | None:
    """The upload with these very bytes, if it was received before."""
    with engine.connect() as connection:
        row = connection.execute(UPLOADS.select().where(UPLOADS.c.sha256 == sha256)).one_or_none()
    return dict(row._mapping) if row else None


def parts_of(engine: Engine, upload_id: str | None = None) -> list[Mapping[str, Any]]:
    """The parts of one upload, or all, in the order of arrival: which form, from which source, how many of what."""
    query = sa.select(PARTS, UPLOADS.c.sequence).join(UPLOADS).order_by(UPLOADS.c.sequence, PARTS.c.form)
    if upload_id is not None:
        query = query.where(PARTS.c.upload_id == upload_id)
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def files(engine: Engine, upload_id: str | None = None) -> list[Mapping[str, Any]]:
    """Parquet parts on record, of one upload or all: ``upload_id``, ``path`` (in the data folder), ``sha256``, size."""
    query = FILES.select().order_by(FILES.c.path)
    if upload_id is not None:
        query = query.where(FILES.c.upload_id == upload_id)
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def record_run(engine: Engine, run_id: str, vintage: str, as_of: date, ledger_head: str = "") -> None:
    """Note that a run was made."""
    with engine.begin() as connection:
        connection.execute(
            RUNS.insert().values(
                run_id=run_id,
                vintage=vintage,
                as_of=as_of.isoformat(),
                made_at=datetime.now(UTC).isoformat(),
                ledger_head=ledger_head,
            )
        )


def runs(engine: Engine) -> list[Mapping[str, Any]]:
    """Every run by its name, the one on screen first; of one made again, the last time."""
    with engine.connect() as connection:
        noted = [dict(row._mapping) for row in connection.execute(RUNS.select().order_by(RUNS.c.sequence.desc()))]
    return list({run["run_id"]: run for run in reversed(noted)}.values())[::-1]


def every_run(engine: Engine) -> list[Mapping[str, Any]]:
    """Every time a run was made, in order, with what it knew of the ledger."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(RUNS.select().order_by(RUNS.c.sequence))]


def last_run(engine: Engine, vintage: str | None = None) -> str | None:
    """The run_id noted last; of those that report in the communes of ``vintage``, if one is named."""
    asked = sa.select(RUNS.c.run_id).order_by(RUNS.c.sequence.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(asked if vintage is None else asked.where(RUNS.c.vintage == vintage)).scalar()


def shown_run(engine: Engine) -> str | None:
    """The run on screen: of those that report in the newest list of communes, the one noted last.

    A run made for a former list is looked at beside it and does not take its place.
    """
    asked = sa.select(RUNS.c.run_id).order_by(RUNS.c.vintage.desc(), RUNS.c.sequence.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(asked).scalar()


def vintages_run(engine: Engine) -> list[str]:
    """The vintages that some run reports in, oldest first."""
    with engine.connect() as connection:
        return sorted(connection.execute(sa.select(RUNS.c.vintage).distinct()).scalars())
