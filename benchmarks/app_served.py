"""The app over communes of any number, made up in memory: what `benchmarks.app` visits. Run as a script by Streamlit.

``APP_COMMUNES`` is 41, 124 or 3321 (the country, from ``APP_OUTLINES``); ``APP_FOLIUM`` draws the same communes with
`st_folium` instead, as a comparison.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl
import shapely
import streamlit as st

import geo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
VINH_LONG = "86"  # 124 communes in the list of 2025


def communes(count: int) -> tuple[geo.Boundaries, pl.DataFrame]:
    """Outlines and units; those beyond the province's own 41 carry no counts."""
    if count == 41:
        return geo.boundaries("2025-07", Path(os.environ["COLLECT_DATA"]) / "geo"), geo.units("2025-07")
    frame = gpd.read_parquet(os.environ["APP_OUTLINES"])
    frame = frame[frame["province_code"] == VINH_LONG] if count == 124 else frame
    frame = frame.set_geometry(frame.geometry.map(ground))
    inside = frame.geometry.representative_point()
    units = pl.DataFrame(
        {
            "vintage": "2025-07", "code": frame["code"].to_list(), "name_vi": frame["fullName"].to_list(),
            "name_en": frame["fullNameEn"].to_list(), "province_code": frame["province_code"].to_list(),
            "households_2019": 5000, "longitude": inside.x.to_list(), "latitude": inside.y.to_list(),
        }
    )  # fmt: skip
    like = geo.units("2025-07").clear()
    units = pl.concat([like, units.with_columns(pl.col("households_2019").cast(pl.Int64))], how="diagonal_relaxed")
    outlines = frame[["code", "geometry"]].assign(name=frame["fullName"])
    return geo.Boundaries("2025-07", "reference", "benchmark", "", True, 0.0, outlines), units


def ground(shape: Any) -> shapely.MultiPolygon:
    """The areas of an outline: 21 of the country's hold lines too, left over from making them lighter."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


@st.cache_resource(show_spinner=False)
def made(count: int) -> Any:
    """Finished tables over so many communes."""
    from app_tables import make_results

    from collect.pages.live_maps import shapes_of

    boundaries, units = communes(count)
    return make_results(units=units, shapes=shapes_of(boundaries, units, Path(os.environ["COLLECT_DATA"])))


def with_folium(results: Any) -> None:
    """The same map as `st_folium` draws it: a click comes back as the commune's name under the map."""
    import folium
    from streamlit_folium import st_folium

    from collect.pages import served

    served.register()  # Leaflet from here: folium would fetch it from the network
    folium.Map.default_js = [("leaflet", f"/{served.folder_url('leaflet')}leaflet.js")]
    folium.Map.default_css = [("leaflet_css", f"/{served.folder_url('leaflet')}leaflet.css")]
    target = next(target for target in results.targets if target.target_id == "S2-2025-commune")
    verdicts = dict(results.verdicts.filter(target_id=target.target_id).select("place", "verdict").iter_rows())
    colours = {"met": "#1f6fb4", "not_met": "#b5402c", "undecided": "#f2a65a", "no_data": "#c9d0d8"}

    def style(feature: dict[str, Any]) -> dict[str, Any]:
        colour = colours[verdicts[feature["properties"]["id"]]]
        return {"fillColor": colour, "color": "#fff", "weight": 1, "fillOpacity": 0.94}

    features = [one | {"properties": {"id": one["id"]}} for one in results.shapes.geometry["features"]]

    @st.fragment
    def drawn() -> None:
        longitude, latitude = next(iter(results.shapes.centres.values()))
        whole = folium.Map(location=[latitude, longitude], zoom_start=9, tiles=None, prefer_canvas=True)
        layer = folium.GeoJson({"type": "FeatureCollection", "features": features}, style_function=style)
        layer.add_to(whole)
        whole.fit_bounds(layer.get_bounds())  # type: ignore[arg-type]  # folium says None may be in it
        out = st_folium(
            whole, key="map", height=560, use_container_width=True, returned_objects=["last_active_drawing"]
        )
        code = (((out or {}).get("last_active_drawing") or {}).get("properties") or {}).get("id")
        if code:
            st.subheader(f"commune {code}")

    drawn()


def main() -> None:
    """Draw the page asked for."""
    results = made(int(os.environ["APP_COMMUNES"]))
    if os.environ.get("APP_FOLIUM"):
        st.set_page_config(layout="wide")
        with_folium(results)
        return
    from collect.pages import live

    live.results = lambda _settings, _who, _vintage=None: results  # type: ignore[assignment]
    live.vintages = lambda settings: ["2025-07"]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
