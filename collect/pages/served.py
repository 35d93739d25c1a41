"""Files of ours that the browser asks for (fonts, Leaflet, the map component), served by this app and by no other host.

Streamlit finds packaged components through distribution files, which an editable install does not list; so the folders
are registered here, with the manifest that discovery would have read, and every kind of install works.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from collect.pages.data import Shapes

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = {"map": "pages/map_component/assets", "leaflet": "publish/assets/leaflet", "fonts": "pages/assets/fonts"}
FAVICON = str(PACKAGE / "pages" / "assets" / "favicon.png")

VIETNAMESE = (
    "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,U+0303-0304,U+0308-0309,"
    "U+0323,U+0329,U+1EA0-1EF9,U+20AB"
)
LATIN_EXT = (
    "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+0304,U+0308,U+0329,U+1D00-1DBF,U+1E00-1E9F,"
    "U+1EF2-1EFF,U+2020,U+20A0-20AB,U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF"
)
LATIN = (
    "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,"
    "U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD"
)
KHMER = "U+1780-17FF,U+19E0-19FF,U+200C-200D,U+25CC"
RANGES = {"latin-ext": LATIN_EXT, "vietnamese": VIETNAMESE, "latin": LATIN}  # the last rule wins where ranges overlap
WEIGHTS = (400, 600, 700)
MADE = "phu-made"  # the name of a folder's family stands in its address


@cache
def family() -> str:
    """The folders' common name, with a hash of what they hold: a browser that has kept them need never ask again."""
    files = sorted(file for folder in FOLDERS.values() for file in (PACKAGE / folder).rglob("*") if file.is_file())
    return f"phu-{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:10]}"


def folder_url(name: str) -> str:
    """Where the browser finds a served folder, relative to the page, so that a base path keeps working."""
    return f"_stcore/bidi-components/{family()}.{name}/"


def folders() -> dict[str, Path]:
    """Every served folder by its address, those of files made here among them."""
    ours = {folder_url(name): PACKAGE / folder for name, folder in FOLDERS.items()}
    return {**ours, f"_stcore/bidi-components/{MADE}.made/": _made() / "made"}


def register() -> None:
    """Make the folders known to the server that is running; to do it again changes nothing."""
    manager = get_bidi_component_manager()
    if manager.get(f"{family()}.map") is None:
        parts = [ComponentConfig(name, folder) for name, folder in FOLDERS.items()]
        manager.register_from_manifest(ComponentManifest(family(), "1", parts), PACKAGE)


def map_component() -> Any:
    """The map component's mounting command."""
    parts = (
        '<div class="notice"></div><div class="failed" role="alert"></div><div class="said" aria-live="polite"></div>'
    )
    html = f'<div class="frame"><div class="canvas" role="application" tabindex="0"></div>{parts}</div>'
    return st.components.v2.component(f"{family()}.map", html=html, css="map.css", js="map.js")


@cache
def _made() -> Path:
    """A folder, for as long as this process lives, of files made here: outlines under the hash of what they hold."""
    folder = Path(tempfile.mkdtemp(prefix="phu-served-"))
    atexit.register(put_away)
    return folder


def put_away() -> None:
    """Remove what was made here, once nobody is served any more."""
    shutil.rmtree(_made(), ignore_errors=True)


def shapes_url(shapes: Shapes) -> str:
    """Where the browser fetches the outlines; the name changes when they do, so it need ask only once."""
    manager, file = get_bidi_component_manager(), write_shapes(shapes)
    if manager.get(f"{MADE}.made") is None:
        manifest = ComponentManifest(MADE, "1", [ComponentConfig("made", "made")])
        manager.register_from_manifest(manifest, _made())
    return f"_stcore/bidi-components/{MADE}.made/{file.name}"


def write_shapes(shapes: Shapes) -> Path:
    """The file of the outlines, written once."""
    file = _made() / "made" / f"outlines-{shapes.key}.json"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)  # an app that is served again in this process begins anew
        held = {name: getattr(shapes, name) for name in ("geometry", "centres", "names")} | dict(shapes.ground.layers)
        whole = file.with_suffix(".part")
        whole.write_text(json.dumps(held, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        whole.replace(file)
    return file


def font_faces() -> str:
    """The style rules that give the theme's two families their files."""
    base = folder_url("fonts")
    faces = [
        _face("Be Vietnam Pro", f"{base}be-vietnam-pro-{script}-{weight}-normal.woff2", str(weight), characters)
        for script, characters in RANGES.items()
        for weight in WEIGHTS
    ]
    faces.append(_face("Noto Sans Khmer", f"{base}noto-sans-khmer-khmer-wght-normal.woff2", "100 900", KHMER))
    return "".join(faces)


def _face(family: str, url: str, weight: str, characters: str) -> str:
    return (
        f"@font-face{{font-family:'{family}';font-style:normal;font-display:swap;font-weight:{weight};"
        f"src:url('{url}') format('woff2');unicode-range:{characters}}}"
    )
