"""Outlines and texts of a DXF drawing, read in the child process of `gis.files.vector`.

A drawing names no coordinate system and no attributes. Its closed lines on one layer are the
outlines; where it has none, the edges of its hatches, as QGIS and GDAL write areas. The texts
inside an outline are its code and name. A line within a line is a hole in it, and a line drawn
twice, as a hole and as what fills it, is one.
"""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Polygon, STRtree

from gis.errors import InvalidInput, TooLarge
from gis.messages import Message

LAYER = "entities"  # what GDAL calls the drawing
DXF_COLUMNS = ("code", "name")
MAX_OPEN_SHARE = 0.001  # of its length: a line whose ends are no further apart counts as closed
AREA_CODE_PATTERN = re.compile(r"[0-9]{9,18}")  # a text that is a code; a shorter number is a count
CODE_BESIDE_NAME_PATTERN = re.compile(r"(?<!\S)[0-9]{12,15}(?!\S)")  # no telephone is so long
MIN_RING_POINTS = 4
MAX_TWIN_DIFFERENCE = 1e-4  # of its area: lines that differ by no more are the same, drawn twice
MIN_OWN_SHARE = 0.01  # of an outline; one whose holes leave less only frames the others
MAX_LISTED_TEXTS = 5


class Drawing(NamedTuple):
    """The outlines of a drawing, in its own coordinates.

    columns: Values by name, as long as `shapes`. shapes: Polygons; None where a line is open.
    repairs, faults: By position.
    """

    columns: dict[str, list[str | None]]
    shapes: NDArray[Any]
    repairs: dict[int, Message]
    faults: dict[int, Message]
    notes: list[Message]


class _Entities(NamedTuple):
    """Entities in parallel columns."""

    layers: NDArray[Any]
    texts: NDArray[Any]
    shapes: NDArray[Any]

    def where(self, chosen: NDArray[np.bool_]) -> "_Entities":
        return _Entities(self.layers[chosen], self.texts[chosen], self.shapes[chosen])


def read_drawing(path: Path, name: str, layer: str | None, max_features: int) -> Drawing:
    """Read the outlines on one layer of a drawing, and the texts in them.

    Parameters
    ----------
    path
        The file.
    name
        What its author calls it.
    layer
        Layer of the drawing; needed where several have closed lines.
    max_features
        Maximum number of entities.

    Raises
    ------
    InvalidInput
        No closed line, several layers with some, or an unknown layer.
    TooLarge
        Too many entities.
    """
    entities = _read(path, name, max_features)
    is_line = np.array([isinstance(shape, LineString) for shape in entities.shapes], dtype=bool)
    is_hatch = np.array(
        [isinstance(shape, Polygon | MultiPolygon) for shape in entities.shapes], dtype=bool
    )
    lines = entities.where(is_line)
    closed = np.array([_is_closed(line) for line in lines.shapes], dtype=bool)
    if is_hatch.any() and not closed.any():
        lines = _edges(entities.where(is_hatch))
        is_line |= is_hatch
        closed = np.array([_is_closed(line) for line in lines.shapes], dtype=bool)
    layers = sorted(set(lines.layers[closed].tolist()))
    if not layers:
        raise _nothing_closed(name, lines.shapes)
    if layer is None and len(layers) > 1:
        raise InvalidInput("map_file.several_layers", file=name, layers=layers)
    if layer is not None and layer not in layers:
        raise InvalidInput("map_file.layer_unknown", file=name, layer=layer, layers=layers)
    outlines = lines.where(lines.layers == (layer or layers[0]))
    shapes, repairs, faults = _polygons(_without_twins(outlines.shapes))
    shapes = _with_holes(shapes)
    # the text of a hatch is its pattern
    is_text = ~is_hatch & np.array([text is not None for text in entities.texts], dtype=bool)
    codes, names, notes = _labels(layer or layers[0], shapes, entities.where(is_text), faults)
    if left_out := int((~is_line & ~is_text).sum()):
        notes.append(Message("map_file.entities_left_out", {"count": left_out}))
    columns = dict(zip(DXF_COLUMNS, (codes, names), strict=True))
    return Drawing(columns, shapes, repairs, faults, notes)


def _edges(hatches: _Entities) -> _Entities:
    """Return the rings of hatches as lines."""
    parts, whose = shapely.get_parts(hatches.shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    owner = whose[part]
    return _Entities(hatches.layers[owner], hatches.texts[owner], rings)


def _read(path: Path, name: str, max_features: int) -> _Entities:
    # GDAL goes by the code page that a drawing names; one in UTF-8 names another, or none
    pyogrio.set_gdal_config_options({"DXF_ENCODING": "UTF-8" if _is_utf8(path) else None})
    meta, _, wkb, values = pyogrio.raw.read(
        path,
        layer=LAYER,
        columns=["Layer", "Text"],
        force_2d=True,
        max_features=max_features + 1,
    )
    if len(wkb) > max_features:
        raise TooLarge("map_file.too_many_features", file=name, limit=max_features)
    by_name = dict(zip(meta["fields"].tolist(), values, strict=True))
    texts = [
        " ".join(text.split()) or None if isinstance(text, str) else None
        for text in by_name["Text"].tolist()
    ]
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    return _Entities(
        np.array([str(layer) for layer in by_name["Layer"].tolist()], dtype=object),
        np.array(texts, dtype=object),
        shapes,
    )


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _nothing_closed(name: str, lines: NDArray[Any]) -> InvalidInput:
    if not len(lines):
        return InvalidInput("map_file.no_closed_line", file=name)
    longest = max(lines.tolist(), key=lambda line: line.length)
    x, y = (f"{value:.2f}" for value in longest.coords[-1][:2])
    return InvalidInput(
        "map_file.only_open_lines",
        file=name,
        count=len(lines),
        gap=f"{_gap(longest):.2f}",
        x=x,
        y=y,
    )


def _valid(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return the shapes, None for those that cross themselves; the load refuses or repairs them."""
    valid = shapes.copy()
    valid[~shapely.is_valid(shapes)] = None
    return valid


def _without_twins(lines: NDArray[Any]) -> NDArray[Any]:
    """Return the lines without closed ones that run where an earlier one does."""
    shapes = _valid(_polygons(lines)[0])
    areas = shapely.area(shapes)
    earlier, following = STRtree(shapes).query(shapes, predicate="intersects")
    later = (earlier < following) & (
        np.abs(areas[earlier] - areas[following]) <= MAX_TWIN_DIFFERENCE * areas[earlier]
    )
    earlier, following = earlier[later], following[later]
    differ = shapely.area(shapely.symmetric_difference(shapes[earlier], shapes[following]))
    twins = following[differ <= MAX_TWIN_DIFFERENCE * areas[earlier]]
    return np.delete(lines, twins)


def _with_holes(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return the outlines without the land of those that lie within them."""
    valid = _valid(shapes)
    outer, inner = STRtree(valid).query(valid, predicate="covers")
    holed = shapes.copy()
    for i in np.unique(outer[outer != inner]).tolist():
        within = valid[inner[(outer == i) & (inner != i)]]
        remaining = shapely.difference(valid[i], shapely.union_all(within))
        if isinstance(remaining, Polygon) and remaining.area >= MIN_OWN_SHARE * valid[i].area:
            holed[i] = remaining
    return holed


def _gap(line: LineString) -> float:
    ends = shapely.get_point(line, [0, -1])
    return float(shapely.distance(*ends))


def _is_closed(line: LineString) -> bool:
    return (
        shapely.get_num_points(line) >= MIN_RING_POINTS - 1
        and _gap(line) <= MAX_OPEN_SHARE * line.length
    )


def _polygons(
    lines: NDArray[Any],
) -> tuple[NDArray[Any], dict[int, Message], dict[int, Message]]:
    """Return the polygons of lines, None for open ones; what was closed, and what is open."""
    shapes = np.empty(len(lines), dtype=object)
    repairs: dict[int, Message] = {}
    faults: dict[int, Message] = {}
    for i, line in enumerate(lines.tolist()):
        xy = shapely.get_coordinates(line)
        if not _is_closed(line):
            x, y = (f"{value:.2f}" for value in xy[-1])
            faults[i] = Message("map_file.open_line", {"gap": f"{_gap(line):.2f}", "x": x, "y": y})
            continue
        if not np.array_equal(xy[0], xy[-1]):
            repairs[i] = Message("map_file.ring_closed", {})
            xy = np.vstack([xy, xy[:1]])
        if len(xy) >= MIN_RING_POINTS:
            shapes[i] = Polygon(xy)
        else:
            faults[i] = Message("map_file.open_line", {"gap": "0", "x": xy[0, 0], "y": xy[0, 1]})
    return shapes, repairs, faults


def _labels(
    layer: str, shapes: NDArray[Any], texts: _Entities, faults: dict[int, Message]
) -> tuple[list[str | None], list[str | None], list[Message]]:
    """Return the code and the name of each outline, and what could not be decided.

    A text counts for the smallest outline around it.
    """
    inside: dict[int, list[int]] = {}
    tree = STRtree(shapes)
    points = shapely.point_on_surface(texts.shapes) if len(texts.shapes) else texts.shapes
    for text, outline in zip(*tree.query(points, predicate="intersects").tolist(), strict=True):
        inside.setdefault(text, []).append(outline)
    by_outline: dict[int, list[int]] = {}
    areas = shapely.area(shapes)
    for text, outlines in inside.items():
        by_outline.setdefault(min(outlines, key=lambda i: areas[i]), []).append(text)
    codes: list[str | None] = [None] * len(shapes)
    names: list[str | None] = [None] * len(shapes)
    notes = []
    for outline, rows in sorted(by_outline.items()):
        codes_in = [code for text in texts.texts[rows].tolist() for code in _codes(text)]
        names_in = _named(texts.texts[rows].tolist())
        on_layer = _named([texts.texts[row] for row in rows if texts.layers[row] == layer])
        codes[outline] = codes_in[0] if codes_in else None
        if len(set(codes_in)) > 1:
            faults.setdefault(outline, Message("map_file.several_codes", {"codes": codes_in}))
        names_in = on_layer if len(on_layer) == 1 else names_in
        if len(names_in) == 1:
            names[outline] = names_in[0]
        elif names_in:
            params = {"number": str(outline + 1), "texts": names_in[:MAX_LISTED_TEXTS]}
            notes.append(Message("map_file.several_texts", params))
    return codes, names, notes


def _codes(text: str) -> list[str]:
    return [text] if AREA_CODE_PATTERN.fullmatch(text) else CODE_BESIDE_NAME_PATTERN.findall(text)


def _named(texts: Sequence[str]) -> list[str]:
    """Return the different texts that may be names: those with a letter; a code beside is none."""
    without_codes = (" ".join(CODE_BESIDE_NAME_PATTERN.sub("", text).split()) for text in texts)
    return [text for text in dict.fromkeys(without_codes) if any(map(str.isalpha, text))]
