"""Knows what a file is by its first bytes, never by its name: people and phones rename files."""

from __future__ import annotations

import io
import re
import zipfile

from collect.problems import ExportError
from collect.receive.letters import UTF8_MARK, utf8_of, wide_of
from collect.receive.unpack import DAMAGE, XLSX_MEMBER, Member

OLE_MARK = b"\xd0\xcf\x11\xe0"  # old Excel files, and new ones behind a password
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
OF_WORD = (".doc", ".dot", ".ppt", ".pps", ".msg", ".vsd")  # begin as old Excel files do
ZIP_MARK = b"PK"
ARCHIVES = re.compile(rb"\x1f\x8b|7z\xbc\xaf|Rar!\x1a|\xfd7zXZ|BZh.1AY|\x28\xb5\x2f\xfd|MSCF|.{257}ustar", re.DOTALL)
MEDIA = re.compile(  # pictures, sound and film, as phones keep them
    rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF|II\*\x00|MM\x00\*|BM.{4}\x00{4}|....ftyp"
    rb"|ID3|\xff[\xe2-\xff]|OggS|fLaC|#!AMR|MThd|\x1aE\xdf\xa3|\x00\x00\x01[\xb3\xba]",
    re.DOTALL,
)
PDF_MARK = b"%PDF"
OFFICE_STARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"word/", b"ppt/", b"mimetype")
NAME_IN_ZIP = 30  # where the first member's name begins
PAGE_STARTS = (b"<!doctype html", b"<html")
JSON_START = re.compile(rb'(?:\[\s*)?\{\s*(?:"|\})|\[\s*\]')  # an object, or an array of them
SNIFF_BYTES = 4096
PLAIN = 0.9  # share of printable bytes that makes a table of something with NUL bytes in it


def kind_of(data: bytes, place: str) -> str:
    """xlsx, xml, json or csv, by the first bytes. Raises ExportError naming what it is instead."""
    start = data[:SNIFF_BYTES]
    if start.startswith(ZIP_MARK):
        return "xlsx"
    refuse_others(data, place)
    text = utf8_of(data, place).data[:SNIFF_BYTES] if start.startswith(UTF8_MARK) or wide_of(start) else start
    bare = text.lstrip().lower()
    if not bare:
        raise ExportError("IN-03" if data.strip() else "IN-02", file=place)
    if bare.startswith(PAGE_STARTS):
        raise ExportError("IN-21", file=place)
    if bare.startswith(b"<"):
        return "xml"
    if JSON_START.match(bare):
        return "json"
    _refuse_no_text(text, place)
    return "csv"


def refuse_others(data: bytes, place: str) -> None:
    """Raise ExportError for what is known by its first bytes and holds no answers that are read here."""
    if data.startswith(OLE_MARK):
        raise ExportError("IN-04" if ENCRYPTED_PACKAGE in data else "IN-20", file=place)
    if MEDIA.match(data) and not wide_of(data):
        raise ExportError("IN-54", file=place)
    if data.startswith(PDF_MARK):
        raise ExportError("IN-55", file=place)
    if ARCHIVES.match(data):
        raise ExportError("IN-68", file=place)


def _refuse_no_text(text: bytes, place: str) -> None:
    """Raise ExportError IN-58 for a table's text with NUL bytes in it, IN-03 for what is no text at all."""
    nothing = text.count(0)
    if nothing and _is_words(text.replace(b"\x00", b"")):
        raise ExportError("IN-58", file=place, count=nothing)
    if not _is_text(text):
        raise ExportError("IN-03", file=place)


def _is_text(text: bytes) -> bool:
    return 0 not in text and sum(byte < 9 or 13 < byte < 32 for byte in text) <= len(text) // 50


def _is_words(text: bytes) -> bool:
    """Whether most of some bytes are letters, digits and marks of a table's first lines."""
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" or byte >= 0xC2 for byte in text)
    return plain >= PLAIN * len(text) and b"\n" in text and any(sign in text for sign in (b",", b";", b"\t"))


def seems(member: Member) -> str:
    """What a member of an upload is, by its first bytes alone; "" for what nobody knows.

    xml, json, table (any other text), page (of the web), book (a workbook), zip, archive (of another kind), old (Excel
    before 2007), document, media. Raises ExportError IN-05 where it is damaged.
    """
    start = member.start()
    if start.startswith(ZIP_MARK):
        return _zipped(member, start)
    if start.startswith(OLE_MARK):
        return "document" if member.suffix in OF_WORD else "old"
    if ARCHIVES.match(start):
        return "archive"
    if MEDIA.match(start) and not wide_of(start):
        return "media"
    return "document" if start.startswith(PDF_MARK) else _written(bare(start))


def _written(text: bytes) -> str:
    if text.startswith(PAGE_STARTS):
        return "page"
    if text.startswith(b"<"):
        return "xml"
    if JSON_START.match(text):
        return "json"
    return "table" if text and _is_text(text) else ""


def bare(start: bytes) -> bytes:
    """The first bytes of a text in UTF-8 and small letters, without mark and blanks."""
    wide = wide_of(start)
    text = start.decode(wide, "ignore").encode() if wide else start.removeprefix(UTF8_MARK)
    return text.removeprefix(UTF8_MARK).lstrip().lower()


def _zipped(member: Member, start: bytes) -> str:
    """A workbook, a document or a zip of files: programs that write the first two begin with parts of their own."""
    if not start[NAME_IN_ZIP:].startswith(OFFICE_STARTS):
        return "book" if member.suffix == ".xlsx" else "zip"
    try:
        with zipfile.ZipFile(io.BytesIO(member.read())) as archive:
            return "book" if XLSX_MEMBER in archive.namelist() else "document"
    except DAMAGE as error:
        raise ExportError("IN-05", file=member.name) from error
