"""What people did, in a real database: which uploads were received and which runs were made.

SQLite beside the tables by default, any database SQLAlchemy speaks when `COLLECT_DATABASE` names one. What the forms
said is not here: it lies in Parquet parts that become visible when their upload's row commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from collect.problems import StoreError

METADATA = sa.MetaData()

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
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("vintage", sa.String(16), nullable=False),
    sa.Column("as_of", sa.String(10), nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
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
DOWNLOADS = sa.Table(
    "downloads",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False, default=""),
    sa.Column("token_id", sa.String(8), nullable=False, default=""),
    sa.Column("via", sa.String(8), nullable=False),  # page, api or cli
    sa.Column("release", sa.String(96), nullable=False),
    sa.Column("file", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
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
    engine = sa.create_engine(url)
    if parsed.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _make_sqlite_durable)
    try:
        METADATA.create_all(engine)
    except sa.exc.SQLAlchemyError as error:
        engine.dispose()
        raise StoreError("STO-01", database=parsed.render_as_string(hide_password=True)) from error
    return engine


def _make_sqlite_durable(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def record_upload(engine: Engine, upload: Mapping[str, object], parts: Sequence[Mapping[str, object]]) -> bool:
    """Commit an upload with its parts; from then on its tables count. False when somebody committed it meanwhile."""
    try:
        with engine.begin() as connection:
            connection.execute(UPLOADS.insert().values(**upload))
            if parts:
                connection.execute(PARTS.insert(), [{**part, "upload_id": upload["upload_id"]} for part in parts])
    except sa.exc.IntegrityError:
        return False
    return True


def replace_parts(engine: Engine, upload_id: str, parts: Sequence[Mapping[str, object]]) -> None:
    """Put new counts in the place of an upload's old ones, after its tables were made again."""
    with engine.begin() as connection:
        connection.execute(PARTS.delete().where(PARTS.c.upload_id == upload_id))
        if parts:
            connection.execute(PARTS.insert(), [{**part, "upload_id": upload_id} for part in parts])


def uploads(engine: Engine) -> list[Mapping[str, Any]]:
    """Every upload in the order of arrival."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(UPLOADS.select().order_by(UPLOADS.c.sequence))]


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


def record_run(engine: Engine, run_id: str, vintage: str, as_of: date) -> None:
    """Note that a run was made; the last one noted is the one on screen."""
    with engine.begin() as connection:
        connection.execute(
            RUNS.insert().values(
                run_id=run_id, vintage=vintage, as_of=as_of.isoformat(), made_at=datetime.now(UTC).isoformat()
            )
        )


def runs(engine: Engine) -> list[Mapping[str, Any]]:
    """Every run by its name, the one on screen first; of one made again, the last time."""
    with engine.connect() as connection:
        noted = [dict(row._mapping) for row in connection.execute(RUNS.select().order_by(RUNS.c.sequence.desc()))]
    return list({run["run_id"]: run for run in reversed(noted)}.values())[::-1]


def last_run(engine: Engine, vintage: str | None = None) -> str | None:
    """The run_id noted last; of those that report in the communes of ``vintage``, if one is named."""
    asked = sa.select(RUNS.c.run_id).order_by(RUNS.c.sequence.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(asked if vintage is None else asked.where(RUNS.c.vintage == vintage)).scalar()


def vintages_run(engine: Engine) -> list[str]:
    """The vintages that some run reports in, oldest first."""
    with engine.connect() as connection:
        return sorted(connection.execute(sa.select(RUNS.c.vintage).distinct()).scalars())
