"""Turns an XLSForm into XForm XML. pyxform is called here and nowhere else: its own objects are no contract of ours."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

from collect.define.xform import form_from_xform
from collect.forms import Design, Form
from collect.problems import DefinitionError

SHEETS = {".xlsx", ".xlsm", ".xls", ".csv", ".md"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """XForm XML and what pyxform warned of while writing it."""

    xform: bytes
    warnings: tuple[str, ...] = ()


def form_from_xlsform(
    source: Path | str | bytes, design: Design | None = None, *, cache: Path | None = None, lenient: bool = False
) -> Form:
    """Read a form from an XLSForm: a file (.xlsx, .xls, .csv, .md), the bytes of a workbook, or markdown tables.

    ``cache`` is a folder in which the XForm may be kept, so that the next process need not load pyxform. CSV lists are
    looked for beside the file; when ``lenient``, one that is missing is a list nobody knows. Raises DefinitionError:
    DEF-01 when it does not compile.
    """
    if isinstance(source, Path):
        xform = compile_file(source, cache=cache).xform
        return form_from_xform(xform, design, folder=source.parent, file=source.name, lenient=lenient)
    compiled = _from_markdown(source) if isinstance(source, str) else _convert(source, ".xlsx", "XLSForm")
    return form_from_xform(compiled.xform, design, file="XLSForm")


def compile_file(path: Path, *, cache: Path | None = None) -> Compiled:
    """Compile an XLSForm file, at most once per content: in memory, and in ``cache`` when a folder is given."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DefinitionError("DEF-01", file=path.name, reason=str(error.strerror)) from error
    if path.suffix.lower() not in SHEETS:
        raise DefinitionError("DEF-38", file=path.name, near=", ".join(sorted(SHEETS)))
    kept = None if cache is None else cache / f"{_key(path, content)}.json"
    if kept is not None and kept.is_file():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        return Compiled(stored["xform"].encode(), tuple(stored["warnings"]))
    compiled = _from_file(path, hashlib.sha256(content).hexdigest())
    if kept is not None:
        _keep(kept, compiled)
    return compiled


def compile_dict(sheets: Mapping[str, object], file: str) -> Compiled:
    """Compile an XLSForm given as sheets of rows, ``{"survey": [{...}], "choices": [...], "settings": [...]}``."""
    return _convert(sheets, None, file)


def _key(path: Path, content: bytes) -> str:
    return hashlib.sha256(b"\0".join([version("pyxform").encode(), path.name.encode(), content])).hexdigest()


def _keep(file: Path, compiled: Compiled) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, suffix=".part", delete=False) as part:
        json.dump({"xform": compiled.xform.decode(), "warnings": compiled.warnings}, part, ensure_ascii=False)
    Path(part.name).replace(file)


@lru_cache(maxsize=32)
def _from_file(path: Path, _sha256: str) -> Compiled:
    """pyxform is given the path, not the bytes: a form without settings takes its form_id from the file's name."""
    if path.suffix.lower() == ".md":
        return _from_markdown(path.read_text(encoding="utf-8-sig"), path.name)
    return _convert(path, None, path.name)


def _from_markdown(text: str, file: str = "XLSForm") -> Compiled:
    """Markdown around the tables is for people; pyxform is given the tables alone."""
    tables = "\n".join(line for line in text.splitlines() if line.lstrip().startswith("|"))
    return _convert(tables, ".md", file)


def _convert(source: object, suffix: str | None, file: str) -> Compiled:
    from pyxform.errors import PyXFormError  # 0.7 s to import, and not needed when the cache answers
    from pyxform.xls2xform import convert

    said: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl speaks of fonts and printers
            result = convert(source, warnings=said, validate=False, file_type=suffix)
    except PyXFormError as error:
        raise DefinitionError("DEF-01", file=file, reason=" ".join(str(error).split())) from error
    except Exception as error:  # a damaged workbook fails in whichever library opens it
        raise DefinitionError("DEF-01", file=file, reason=f"{type(error).__name__}: {error}") from error
    return Compiled(result.xform.encode(), tuple(" ".join(warning.split()) for warning in said))


def form_from_kobo_asset(
    content: Mapping[str, object],
    design: Design | None = None,
    *,
    form_id: str = "",
    version_id: str = "",
    title: str = "",
) -> Form:
    """Read a form from the ``content`` of a KoboToolbox asset version (its API's JSON), where no XForm is at hand.

    Raises DefinitionError DEF-01 when the content does not compile.
    """
    from collect.define.kobo import sheets_of_asset  # only this reader needs it

    sheets = sheets_of_asset(content, form_id=form_id, version_id=version_id, title=title)
    return form_from_xform(compile_dict(sheets, form_id or "KoboToolbox").xform, design, file=form_id)
