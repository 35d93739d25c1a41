"""The square that sets up ODK Collect: a phone's camera reads it, and the phone knows its server.

ODK Collect's documentation ("Configure Collect with a QR code") gives the content: Base64 over zlib over JSON with the
parts ``general``, ``admin`` and ``project``. No password is ever put in: whoever photographs a screen would have it.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

import segno

BORDER = 4  # modules of white around it, which ISO/IEC 18004 asks for
COLOUR = "#0b5fa5"  # of the project on the phone


def settings_of(server: str, project: str, language: str, username: str = "") -> dict[str, Any]:
    """ODK Collect's settings: which server, and that forms come and answers go by themselves.

    Parameters
    ----------
    server
        The address below which ``formList`` and ``submission`` lie, without a slash at its end.
    project
        What the phone calls it.
    language
        vi, km or en: the language of the phone's own words.
    username
        Who sends, where the server asks; the phone asks for the password once.
    """
    general: dict[str, Any] = {
        "protocol": "odk_default",
        "server_url": server.rstrip("/"),
        "form_update_mode": "match_exactly",
        "autosend": "wifi_and_cellular",
        "app_language": language,
    }
    if username:
        general["username"] = username
    return {"general": general, "admin": {}, "project": {"name": project, "icon": "P", "color": COLOUR}}


def content_of(settings: Mapping[str, Any]) -> str:
    """What the square says: the settings as ODK Collect reads them."""
    packed = zlib.compress(json.dumps(settings, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return base64.b64encode(packed).decode("ascii")


def read_back(content: str) -> dict[str, Any]:
    """The settings that a square's content holds. Raises ValueError where it is none."""
    try:
        return dict(json.loads(zlib.decompress(base64.b64decode(content, validate=True))))
    except zlib.error as error:
        raise ValueError("not ODK Collect settings") from error


def square(settings: Mapping[str, Any], kind: str = "svg", scale: int = 5) -> bytes:
    """The square as ``svg`` or ``png``, ``scale`` pixels a module; a seventh of it may be dirty and it still reads."""
    made = io.BytesIO()
    segno.make(content_of(settings), micro=False, error="m").save(made, kind=kind, scale=scale, border=BORDER)
    return made.getvalue()
