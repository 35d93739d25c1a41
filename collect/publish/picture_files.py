"""A chart as a file, made on this machine: SVG with its fonts inside, or PNG."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import altair as alt
import vl_convert

from collect.problems import CollectError

FONTS = Path(__file__).parent / "assets" / "fonts"
FILES = {"Be Vietnam Pro": "be-vietnam-pro-400.ttf", "Noto Sans Khmer": "noto-sans-khmer.ttf"}
KHMER = range(0x1780, 0x1800)
VEGA_LITE = "6.1"
SHARPNESS = 2.0  # pixels of a PNG per unit of the chart


def write_picture(chart: alt.LayerChart, path: Path) -> Path:
    """Write ``chart`` as its suffix says, .svg or .png. Raises CollectError PUB-04 for another suffix, PUB-03."""
    if path.suffix not in (".svg", ".png"):
        raise CollectError("PUB-04", file=path.name)
    vl_convert.register_font_directory(str(FONTS))
    said = json.dumps(chart.to_dict())
    if path.suffix == ".svg":
        made = _with_fonts(vl_convert.vegalite_to_svg(said, vl_version=VEGA_LITE)).encode()
    else:
        made = vl_convert.vegalite_to_png(said, vl_version=VEGA_LITE, scale=SHARPNESS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    return path


def _with_fonts(svg: str) -> str:
    """The picture with the letters it needs, so that it looks the same where our fonts are not installed."""
    needed = [name for name in FILES if name != "Noto Sans Khmer" or any(ord(letter) in KHMER for letter in svg)]
    faces = "".join(
        f"@font-face{{font-family:'{name}';src:url(data:font/ttf;base64,{_encoded(name)}) format('truetype')}}"
        for name in needed
    )
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{faces}</style>{rest}"


def _encoded(name: str) -> str:
    return base64.b64encode((FONTS / FILES[name]).read_bytes()).decode()
