"""What a phone sends, read as far as the door must know it: which form and version, which submission, what it edits.

Parts are streamed: whatever is larger than a megabyte lies in a temporary file, never in memory. The XML is parsed
without entities, document types or network, within a limit on its size.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from collect.openrosa.replies import Refused
from collect.problems import ExportError
from collect.receive.submissions import local, parse, parser

XML_PART = "xml_submission_file"
INCOMPLETE = "*isIncomplete*"
XML_BYTES = 10 << 20  # of answers; photos are attachments
MOST_FILES = 1_000
MOST_FIELDS = 100
LONGEST_ID = 255  # characters


@dataclass(frozen=True, slots=True)
class Heading:
    """What a submission says of itself."""

    form: str
    version: str
    instance_id: str
    replaces: str
    sealed: bool  # encrypted for the project's key: nobody reads it before the office brings that


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request's content: the submission, the files beside it, and whether more will come."""

    data: bytes
    files: tuple[tuple[str, UploadFile], ...]
    complete: bool


async def parcel(request: Request, limit: int) -> tuple[FormData, Parcel]:
    """The parts of a request; the form data must be closed when they were used.

    Raises Refused ODK-12 when it is longer than ``limit`` bytes, ODK-02 when it holds no submission.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise Refused("ODK-12", megabytes=limit >> 20)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused("ODK-02")
    stream = _within(request.stream(), limit)
    try:
        parts = await MultiPartParser(request.headers, stream, max_files=MOST_FILES, max_fields=MOST_FIELDS).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused("ODK-02") from error
    try:
        return parts, await _sorted(parts)
    except BaseException:
        await parts.close()
        raise


async def _within(stream: AsyncGenerator[bytes, None], limit: int) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in stream:
        seen += len(chunk)
        if seen > limit:
            raise Refused("ODK-12", megabytes=limit >> 20)
        yield chunk


async def _sorted(parts: FormData) -> Parcel:
    submissions = parts.getlist(XML_PART)
    if len(submissions) != 1:
        raise Refused("ODK-02")
    one = submissions[0]
    if isinstance(one, UploadFile):
        if (one.size or 0) > XML_BYTES:
            raise Refused("ODK-12", megabytes=XML_BYTES >> 20)
        data = await one.read()
    else:
        data = one.encode()
    files = tuple(
        (value.filename or name, value)
        for name, value in parts.multi_items()
        if isinstance(value, UploadFile) and name != XML_PART
    )
    return Parcel(data, files, str(parts.get(INCOMPLETE, "")).lower() not in ("yes", "true"))


def heading_of(data: bytes) -> Heading:
    """Read who a submission is. One without an instanceID is named by its content, so that it too comes once.

    Raises Refused ODK-03.
    """
    try:
        root = parse(data, XML_PART, parser())
    except ExportError as error:
        raise Refused("ODK-03", reason=error.code) from error
    form = root.get("id", "")
    if not form or len(form) > LONGEST_ID:
        raise Refused("ODK-03", reason="id")
    version = next((str(value) for key, value in root.attrib.items() if local(key) == "version"), "")
    metas = (child for meta in root if local(meta.tag) == "meta" for child in meta)
    texts = {local(child.tag): text for child in metas if (text := (child.text or "").strip())}  # the last counts
    instance = texts.get("instanceID") or root.get("instanceID", "") or f"sha256:{hashlib.sha256(data).hexdigest()}"
    heading = Heading(form, version, instance, texts.get("deprecatedID", ""), root.get("encrypted") == "yes")
    if max(map(len, (heading.version, heading.instance_id, heading.replaces))) > LONGEST_ID:
        raise Refused("ODK-03", reason="instanceID")
    return heading
