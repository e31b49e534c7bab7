"""Cut a grid in parts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import shapely
from shapely import LineString, Polygon, STRtree

from gis.errors import InvalidInput
from gis.messages import Message
from gis.shapes import drawn_line, noding, polygon_coverage
from gis.shapes.edits.common import (
    MIN_WIDTH_M,
    ChangedGeometries,
    GridGeometries,
    choose_takers,
    complete_coverage,
    faces_within,
    grids_near,
    is_one_of,
    join_faces,
    position_of,
    refuse_islands,
    require_grids,
    require_wide,
    widest_part,
)
from gis.shapes.measure import geodesic_area_m2, shape_array
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

PLACEHOLDER_CODES = tuple(f"new{number}" for number in range(1, 100))


def split(
    geometries: GridGeometries,
    code: str,
    *,
    line: LineString | None = None,
    parts: Sequence[PolygonLike] = (),
    codes: Sequence[str] | None = None,
    fresh: Iterable[str] = PLACEHOLDER_CODES,
    households: Callable[[Sequence[PolygonLike]], Sequence[int]] = lambda shapes: [0] * len(shapes),
    islands: bool = False,
) -> ChangedGeometries:
    """Cut a grid in parts, by a line or into given polygons.

    Parameters
    ----------
    line
        From border to border, across the grid.
    parts
        Polygons that fill the grid; slits between them go to the part beside.
    codes
        Of the parts, numbered west to east (then north to south) by their middles; of given `parts`
        in their order. None: the part with most households keeps the code, of as many the largest;
        the others take the next of `fresh`, west to east.
    fresh
        Codes that were never used.
    households
        How many live on each of some shapes.
    islands
        Whether a given part may lie in pieces.

    Raises
    ------
    NotFound
        The code is not among the grids.
    InvalidInput
        The line crosses itself or does not cross the grid, the parts overlap or leave land out, a
        part is a sliver, or the codes are not as many as the parts.
    """
    require_grids(geometries, code)
    if (line is None) == (not parts):
        raise InvalidInput("split.line_or_parts")
    grids = grids_near(geometries, [code])
    if line is not None:
        shapes = _parts_by_line(grids, code, line)
    else:
        shapes = _given_parts(
            grids,
            code,
            [drawn_line.validate_outline(part, f"parts {i}") for i, part in enumerate(parts, 1)],
        )
    for shape in shapes:
        require_wide(shapely.get_parts(shape), Message("sliver.split_leaves", {"grid": code}))
        if parts and not islands and len(shapely.get_parts(shape)) > 1:
            refuse_islands(code, shape)
    order = list(range(len(shapes))) if parts and codes else _west_to_east(shapes)
    named = _part_codes(code, [shapes[i] for i in order], codes, iter(fresh), households)
    taken = sorted(set(named) & set(geometries) - {code})
    if taken:
        raise InvalidInput("split.codes_taken", codes=taken)
    return complete_coverage(
        grids, dict(zip(named, (shapes[i] for i in order), strict=True)), islands=True
    )


def _parts_by_line(grids: GridGeometries, code: str, line: LineString) -> list[PolygonLike]:
    """Return the parts of a grid that a line across it makes.

    Raises
    ------
    InvalidInput
        The line is no line across the grid, or does not part it.
    """
    land = grids[code]
    path = drawn_line.extend_to_border(drawn_line.validate_line(line), land)
    drawn_line.countable_crossings(path, [land], "line")
    drawn_line.require_crossing(path, land, code)
    faces = [face for face, _ in noding.split_faces(grids, [code], path)]
    if len(faces) < max(2, len(shapely.get_parts(land)) + 1):
        raise InvalidInput("split.line_does_not_part", grid=code)
    shapes = [shape for face in faces if (shape := noding.union_faces([face])) is not None]
    return _regrouped(shapes, land) if len(shapely.get_parts(land)) > 1 else shapes


def _given_parts(
    grids: GridGeometries, code: str, parts: Sequence[PolygonLike]
) -> list[PolygonLike]:
    """Return the parts of a grid as submitted polygons divide it.

    Raises
    ------
    InvalidInput
        There is one only, two overlap, one lies outside, or land is left out.
    """
    land = grids[code]
    if len(parts) < 2:
        raise InvalidInput("split.one_part")
    for i, j in zip(
        *STRtree(shape_array(parts)).query(shape_array(parts), predicate="intersects").tolist(),
        strict=True,
    ):
        shared = extract_polygons(shapely.intersection(parts[i], parts[j])) if i < j else None
        if (
            shared is not None
            and (wide := widest_part(shared, polygon_coverage.NOISE_WIDTH_M)) is not None
        ):
            raise InvalidInput(
                "split.parts_overlap", first=i + 1, second=j + 1, at=position_of(wide)
            )
    faces = [
        face
        for face, _ in noding.split_faces(
            grids, [code], shapely.union_all([part.boundary for part in parts])
        )
    ]
    inside = np.array([faces_within(faces, part) for part in parts])
    owners = {i: str(int(np.argmax(inside[:, i]))) for i in range(len(faces)) if inside[:, i].any()}
    left = [i for i in range(len(faces)) if i not in owners]
    for i in left:
        if widest_part(faces[i], MIN_WIDTH_M) is not None:
            area_m2 = round(geodesic_area_m2(faces[i]))
            raise InvalidInput(
                "split.parts_leave_out", area_m2=area_m2, grid=code, at=position_of(faces[i])
            )
    sides: dict[int, list[Polygon]] = {i: [] for i in range(len(parts))}
    for i, taker in sorted((owners | choose_takers(faces, left, owners)).items()):
        sides[int(taker or 0)].append(faces[i])
    for i, side in sides.items():
        if not side:
            raise InvalidInput("split.part_outside", number=i + 1, grid=code)
    return [
        shape
        for side in sides.values()
        if (shape := join_faces(side)) is not None and not land.is_empty
    ]


def _regrouped(shapes: Sequence[PolygonLike], land: PolygonLike) -> list[PolygonLike]:
    """Return the parts of a split grid in which its uncut parts stay with the largest piece."""
    whole = list(shapely.get_parts(land))
    uncut: list[PolygonLike] = []
    pieces: list[PolygonLike] = []
    for shape in shapes:
        (uncut if is_one_of(shape, whole) else pieces).append(shape)
    if not uncut or not pieces:
        return list(shapes)
    largest = max(range(len(pieces)), key=lambda i: pieces[i].area)
    pieces[largest] = join_faces([*shapely.get_parts(pieces[largest]), *uncut]) or pieces[largest]
    return pieces


def _part_codes(
    code: str,
    shapes: Sequence[PolygonLike],
    codes: Sequence[str] | None,
    fresh: Iterator[str],
    households: Callable[[Sequence[PolygonLike]], Sequence[int]],
) -> list[str]:
    if codes is None:
        counts = households(shapes)
        keeps = max(
            range(len(shapes)), key=lambda i: (counts[i], round(geodesic_area_m2(shapes[i]), 3), -i)
        )
        named = [code if i == keeps else next(fresh, "") for i in range(len(shapes))]
        if "" in named:
            raise InvalidInput("split.not_enough_codes", count=len(shapes))
        return named
    if len(codes) != len(shapes):
        points = "; ".join(position_of(shape) for shape in shapes[:4])
        raise InvalidInput(
            "split.codes_and_parts_differ", codes=len(codes), parts=len(shapes), points=points
        )
    if len(set(codes)) < len(codes):
        raise InvalidInput("split.code_twice")
    if code not in codes:
        raise InvalidInput("split.code_not_kept", grid=code)
    return list(codes)


def codes_west_to_east(shapes: Mapping[str, PolygonLike]) -> list[str]:
    """Return codes in the order of their shapes: west to east, then north to south."""
    codes = list(shapes)
    return [codes[i] for i in _west_to_east(list(shapes.values()))]


def _west_to_east(shapes: Sequence[PolygonLike]) -> list[int]:
    middles = [shapely.centroid(shape) for shape in shapes]
    return sorted(
        range(len(shapes)), key=lambda i: (round(middles[i].x, 7), -round(middles[i].y, 7))
    )
