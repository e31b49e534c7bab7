"""Buildings by class of minutes and the facilities they walk to, as one HTML file of Folium."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gis.errors import TooLarge
from gis.facilities.access_classes import CLASSES, MinutesQuery, features_within, in_box
from gis.facilities.building_coverage import BuildingCoverage, Standing
from gis.messages import Message
from gis.palette import PAGE_COLOURS, WHITE
from layers.areas import BUILDINGS, COMMUNITIES
from layers.basemap import BASEMAP
from layers.facilities import FACILITIES
from layers.features import feature_collection, visible_collections
from layers.layer import Layer, MapView, Style
from layers.overview import overview
from layers.report_map import CLASS_COLOURS
from layers.saved_map import Legend, LegendLine, saved_map

Side = tuple[list[Any], dict[str, int]]  # buildings as GeoJSON, households by code of building

DASHED = {Standing.CANNOT_SAY.value: Style(stroke=PAGE_COLOURS["mark"], dash=(3.0, 2.0))}
WALK_MINUTES = replace(
    BUILDINGS,
    name="minutes",
    title=Message("layer.title.minutes"),
    styles={
        key: replace(DASHED.get(key, Style(stroke=WHITE)), fill=colour, width=((0, 0.6),))
        for key, colour in CLASS_COLOURS.items()
    },
    style_property="class",
    labels=(),
)
COMPARED = replace(WALK_MINUTES, name="compared")
SERVICES = replace(
    FACILITIES,
    styles={key: replace(style, radius=((0, 7.0),)) for key, style in FACILITIES.styles.items()},
)
EDIT_STYLES = {
    "add": Style(
        stroke=PAGE_COLOURS["ink"], width=((0, 4.0),), casing=WHITE, casing_width=((0, 8.0),)
    ),
    "close": Style(
        stroke=PAGE_COLOURS["chosen"],
        width=((0, 4.0),),
        casing=WHITE,
        casing_width=((0, 8.0),),
        dash=(2.0, 7.0),
    ),
}
EDITED_PATHS = replace(
    WALK_MINUTES,
    name="edited_paths",
    title=Message("layer.title.edited_paths"),
    geometry_type="line",
    styles=EDIT_STYLES,
    style_property="kind",
)
EDITED_PLACES = replace(
    FACILITIES,
    name="edited_places",
    title=Message("layer.title.edited_places"),
    styles={
        kind: Style(fill=PAGE_COLOURS[colour], stroke=WHITE, radius=((0, 6.0),))
        for kind, colour in (("gate", "ink"), ("close", "chosen"))
    },
    style_property="kind",
    labels=(),
    icons={},
)


@dataclass(frozen=True)
class CoverageView:
    """What a saved map of coverage shows.

    Attributes
    ----------
    bbox
        (west, south, east, north) in degrees.
    zoom
        Map zoom.
    at
        Moment of the boundaries that are drawn.
    passes
        Whether a building is shown, by its class and the code of its community, or "".
    counted
        Sets of ids of areas: households are told of buildings that lie in an area of each; None
        stands for everywhere.
    edits
        What is changed of the paths, as GeoJSON features with `kind` and `name`.
    """

    bbox: tuple[float, float, float, float]
    zoom: int
    at: datetime
    passes: Callable[[str, str], bool]
    counted: Sequence[Collection[int] | None]
    edits: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Comparison:
    """What a saved map shows besides, in place of the minutes asked about.

    Attributes
    ----------
    query
        The same question with something changed.
    sides
        What to call the question and the changed one.
    """

    query: MinutesQuery
    sides: tuple[str, str]


@dataclass(frozen=True)
class Texts:
    """What a saved map of coverage says; `minutes` and `homes` are filled with a number."""

    language: str
    title: str
    notes: tuple[str, ...]
    heading: str
    unit: str
    classes: Mapping[str, str]
    minutes: Callable[[str], str]
    homes: Callable[[str], str]


def coverage_map(
    session: Session,
    query: MinutesQuery,
    view: CoverageView,
    texts: Texts,
    compared: Comparison | None = None,
) -> str:
    """Return a page with a map that needs no server and no network.

    Of a comparison the page shows one side at a time, as its reader chooses.

    Raises
    ------
    TooLarge
        `map.too_many_in_view`: more buildings are in view than one map holds.
    """
    sides = [_side(session, query, view)]
    if compared:
        sides.append(_side(session, compared.query, view))
    facilities = feature_collection(session, FACILITIES, view.at, bbox=view.bbox)
    facilities["features"] = [
        feature
        for feature in facilities["features"]
        if feature["properties"]["category"] in query.categories
    ]
    return saved_map(
        [
            *visible_collections(session, (*BASEMAP, COMMUNITIES), view.at, view.bbox, view.zoom),
            *(
                (layer, {"features": [_labelled(feature, homes, texts) for feature in features]})
                for layer, (features, homes) in zip((WALK_MINUTES, COMPARED), sides, strict=False)
            ),
            *_edited(view.edits),
            (SERVICES, facilities),
        ],
        MapView(view.bbox, view.zoom),
        language=texts.language,
        title=texts.title,
        notes=[*texts.notes, *overview(session, view.at).attributions],
        legend=_legend(sides, texts, compared.sides if compared else ()),
        alternatives=dict(zip((WALK_MINUTES.name, COMPARED.name), compared.sides, strict=True))
        if compared
        else None,
    )


def _edited(edits: Sequence[dict[str, Any]]) -> list[tuple[Layer, dict[str, Any]]]:
    """Return the layers of what is changed of the paths, without those that are empty."""
    drawn = []
    for layer, shape in ((EDITED_PATHS, "LineString"), (EDITED_PLACES, "Point")):
        features = [edit for edit in edits if edit["geometry"]["type"] == shape]
        if features:
            drawn.append((layer, {"features": features}))
    return drawn


def _side(session: Session, query: MinutesQuery, view: CoverageView) -> Side:
    """Return the buildings of a side that are shown, and the households that may be told.

    Raises
    ------
    TooLarge
        More buildings are in view than can be shown.
    """
    buildings = query.read(session)
    collection = features_within(session, buildings, query.minutes, view.bbox)
    if collection["truncated"]:
        raise TooLarge(
            "map.too_many_in_view", limit=len(collection["features"]), layer=WALK_MINUTES.name
        )
    features = [
        feature
        for feature in collection["features"]
        if view.passes(feature["properties"]["class"], feature["properties"]["community"])
    ]
    return features, _households(buildings, view)


def _households(buildings: BuildingCoverage, view: CoverageView) -> dict[str, int]:
    """Return households by the code of the building, where they may be told."""
    which = in_box(buildings, view.bbox)
    for areas in view.counted:
        if areas is not None:
            which &= buildings.areas.in_any(frozenset(areas))
    codes, households = buildings.code[which].tolist(), buildings.households[which].tolist()
    return dict(zip(codes, households, strict=True))


def _labelled(feature: Mapping[str, Any], homes: Mapping[str, int], texts: Texts) -> dict[str, Any]:
    """Return a building with all that its tooltip says as its name."""
    properties = feature["properties"]
    key, minutes = properties["class"], properties["minutes"]
    parts = [
        properties["name"] or properties["code"],
        texts.classes[key] if minutes is None else texts.minutes(f"{minutes:g}"),
    ]
    if households := homes.get(properties["code"]):
        parts.append(texts.homes(f"{households:,}"))
    return {
        "type": "Feature",
        "geometry": feature["geometry"],
        "properties": {"name": " · ".join(parts), "class": key},
    }


def _legend(sides: Sequence[Side], texts: Texts, names: Sequence[str]) -> Legend:
    """Return the classes with the households that may be told; without any, no numbers."""
    values = []  # by side and class
    for features, homes in sides:
        counts = dict.fromkeys(CLASSES, 0)
        for feature in features:
            counts[feature["properties"]["class"]] += homes.get(feature["properties"]["code"], 0)
        values.append({key: f"{count:,}" if homes else "" for key, count in counts.items()})
    lines = [
        LegendLine(WALK_MINUTES.styles[key], texts.classes[key], *(side[key] for side in values))
        for key in CLASSES
    ]
    return Legend(texts.heading, texts.unit if sides[0][1] else "", lines, names)
