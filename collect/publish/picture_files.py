"""A chart as a file, made on this machine: SVG with its fonts inside, or PNG drawn from that SVG.

Vega writes the SVG; its own PNG sets Khmer letters too close, so that they overlap. resvg shapes them.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import altair as alt
import resvg_py
import vl_convert

from collect.problems import CollectError

# Be Vietnam Pro and Noto Sans Khmer (regular, both OFL 1.1) in one file: a line is set in one font
FONTS = Path(__file__).parent / "assets" / "fonts"
FAMILY = "Phu Sans"
VEGA_LITE = "6.1"
SHARPNESS = 2.0  # pixels of a PNG per unit of the chart


def write_picture(chart: alt.LayerChart, path: Path) -> Path:
    """Write ``chart`` as its suffix says, .svg or .png. Raises CollectError PUB-04 for another suffix, PUB-03."""
    if path.suffix not in (".svg", ".png"):
        raise CollectError("PUB-04", file=path.name)
    vl_convert.register_font_directory(str(FONTS))
    said = json.dumps(chart.to_dict())
    svg = vl_convert.vegalite_to_svg(said, vl_version=VEGA_LITE)
    made = _with_font(svg).encode() if path.suffix == ".svg" else _pixels(svg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    return path


def _pixels(svg: str) -> bytes:
    """The picture as PNG, with our font and no other."""
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, zoom=SHARPNESS, skip_system_fonts=True, font_files=[str(FONTS / "phu-sans.ttf")],
        font_family=FAMILY, sans_serif_family=FAMILY,
    )  # fmt: skip
    return bytes(drawn)


def _with_font(svg: str) -> str:
    """The picture with its letters, so that it looks the same where our font is not installed."""
    font = base64.b64encode((FONTS / "phu-sans.ttf").read_bytes()).decode()
    face = f"@font-face{{font-family:'{FAMILY}';src:url(data:font/ttf;base64,{font}) format('truetype')}}"
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{face}</style>{rest}"
