"""Chosen sites, existing facilities and homes as one HTML file that needs no network."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import floor, log2
from typing import Any

from sqlalchemy.orm import Session

from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.siting_request import SitingAnswer
from gis.messages import Message, render
from gis.palette import SITING_COLOURS, WHITE
from layers.areas import COMMUNITIES, GRIDS
from layers.basemap import BASEMAP
from layers.facilities import FACILITIES
from layers.features import visible_collections
from layers.layer import Layer, MapView, Style
from layers.overview import overview
from layers.saved_map import saved_map

SITING_STATES = ("beyond", "served", "newly")  # the last is painted on top
SITING_TITLES = {
    "beyond": "siting.layer_beyond",
    "served": "siting.layer_served",
    "newly": "siting.layer_newly",
    "existing": "siting.layer_existing",
    "site": "siting.layer_site",
}
MAP_WIDTH_PX = 1_000
MARGIN_DEG = 0.002
ZOOMS = range(10, 18)


def siting_map(session: Session, answer: SitingAnswer, at: datetime, language: str) -> str:
    """Return a page with the sites of an answer, who they serve, and what stands already.

    Parameters
    ----------
    at
        Moment of the boundaries that are drawn.
    """
    positions = [(lon, lat) for lon, lat, _ in answer.homes]
    positions += [(site.lon, site.lat) for site in answer.sites]
    lons, lats = zip(*positions, strict=True)
    bbox = (
        min(lons) - MARGIN_DEG,
        min(lats) - MARGIN_DEG,
        max(lons) + MARGIN_DEG,
        max(lats) + MARGIN_DEG,
    )
    width = max(bbox[2] - bbox[0], bbox[3] - bbox[1])
    zoom = min(max(floor(log2(360 / width * MAP_WIDTH_PX / 256)), ZOOMS.start), ZOOMS.stop - 1)
    drawn = visible_collections(session, (*BASEMAP, GRIDS, COMMUNITIES), at, bbox, zoom)
    for state in SITING_STATES:
        homes = [_point(lon, lat) for lon, lat, is_now in answer.homes if is_now == state]
        drawn.append((_layer(state, radius=3.0), _collection(homes)))
    existing = [_point(row.lon, row.lat, row.name or row.code) for row in answer.closures]
    drawn.append((_layer("existing", radius=6.0), _collection(existing)))
    sites = [
        _point(site.lon, site.lat, f"{nth}. {site.name or site.near} +{site.newly_served.people}")
        for nth, site in enumerate(answer.sites, 1)
    ]
    drawn.append((_layer("site", radius=9.0), _collection(sites)))
    figures = overview(session, at)
    category = CATEGORY_BY_KEY[answer.request.category]
    return saved_map(
        drawn,
        MapView(bbox, zoom),
        language=language,
        title=render(
            Message(
                "siting.map_title", {"category": category.zh if language == "zh" else category.en}
            ),
            language,
        ),
        notes=[_summary(answer, language), *figures.attributions],
    )


def _summary(answer: SitingAnswer, language: str) -> str:
    return render(
        Message(
            "siting.map_summary",
            {
                "sites": len(answer.sites),
                "newly": sum(site.newly_served.people for site in answer.sites),
                "served": answer.served.people,
                "people": answer.total.people,
                "minutes": answer.request.minutes,
            },
        ),
        language,
    )


def _layer(name: str, radius: float) -> Layer:
    """Return a layer of points in the colour of their kind."""
    look = Style(fill=SITING_COLOURS[name], stroke=WHITE, width=((0, 1.0),), radius=((0, radius),))
    return replace(
        FACILITIES,
        name=f"siting_{name}",
        title=Message(SITING_TITLES[name]),
        styles={"": look},
        style_property=None,
        labels=(),
        icons={},
    )


def _point(lon: float, lat: float, name: str = "") -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"name": name},
    }


def _collection(features: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}
