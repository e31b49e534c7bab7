"""Edits of a coverage: each keeps it whole, or is refused with the place and the remedy. No database.

Lands are grids by code: polygons in degrees, EPSG:4490, on the 1e-7 degree lattice, a coverage (see
`gis.shapes.polygon_coverage`). Every edit is given the grids it names and all that touch them (more do no harm) and answers
the shapes that change: None where a code has no land any more, and neighbours that only gain a vertex. The land as a
whole stays as it is, but for `add`, and `retire` without a receiver. The given shapes are never changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely import LineString, MultiLineString, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.errors import InvalidInput, NotFound
from gis.messages import Message
from gis.shapes import drawn_line, noding, polygon_coverage
from gis.shapes.measure import geodesic_area_m2, inscribed_diameters_m, label_point, position_text, wider
from gis.shapes.noding import Vertex
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons, repair

GridGeometries = Mapping[str, PolygonLike]
ChangedGeometries = dict[str, PolygonLike | None]

MIN_WIDTH_M = 1.0  # metres; a part that is nowhere wider is a sliver
LOST, LOST_STEPS = 1e-9, 100  # of the land touched, or square steps (1 dm²), that rounding on the outline may change
PRECISION_DEG = 1e-7  # degrees, of the lattice
LOOKED_AT = 100  # points of each of two lines when asking how far they lie apart
PLACEHOLDER_CODES = tuple(f"new{number}" for number in range(1, 100))


def move_border(lands: GridGeometries, first: str, second: str, line: LineString) -> ChangedGeometries:
    """Give two grids another border between them.

    Args:
        line: The new border, drawn from end to end; it begins and ends on the outline of the two together.

    Raises:
        NotFound: A code is not among the lands.
        InvalidInput: The two are no neighbours; the line crosses itself, does not part them in two, or leaves a
            sliver.

    The border that the line replaces is the one nearest to it; others that the two share stay.
    """
    _known(lands, first, second)
    if first == second:
        raise InvalidInput("move_border.same_grid", grid=first)
    line = drawn_line.validate_line(line)
    near = _near(lands, [first, second])
    a, b = lands[first], lands[second]
    shared = _borders(a, b)
    if not shared:
        raise InvalidInput("move_border.not_neighbours", first=first, second=second)
    old = min(shared, key=lambda border: (_apart(border, line), border.wkb)) if len(shared) > 1 else shared[0]
    kept = [border for border in shared if border is not old]
    both = polygon_coverage.dissolve([a, b])
    path = drawn_line.extend_to_border(line, both)
    drawn_line.countable_crossings(path, [a, b], "line")
    drawn_line.require_crossing(path, both, Message("grids.together", {"first": first, "second": second}))
    merged: dict[str, PolygonLike] = {code: shape for code, shape in near.items() if code not in (first, second)}
    merged[first] = both
    found = [face for face, _ in noding.split_faces(merged, [first], shapely.union_all([path, *kept]))]
    sides = _two_sides(found, a, b, first, second)
    return _complete_coverage(
        near, {first: noding.union_faces(sides[0]), second: noding.union_faces(sides[1])}, islands=False
    )


def reshape(
    lands: GridGeometries, code: str, outline: PolygonLike, *, give_to: str | None = None, islands: bool = False
) -> ChangedGeometries:
    """Give a grid a new outline.

    Args:
        outline: The whole new land of the grid.
        give_to: The grid that takes what it loses; None: each piece goes to the neighbour with the longest border.
        islands: Whether grids may come to lie in more parts than before.

    Raises:
        NotFound: A code is not among the lands.
        InvalidInput: The outline is no polygon, leaves the land, or leaves slivers or islands.
    """
    _known(lands, code, *([give_to] if give_to else []))
    if give_to == code:
        raise InvalidInput("reshape.gives_to_itself", grid=code)
    target = drawn_line.validate_outline(outline, "geometry")
    near = _near(lands, [code], target)
    drawn_line.countable_crossings(target, list(near.values()), "geometry")
    beyond = extract_polygons(shapely.difference(target, polygon_coverage.dissolve(list(near.values()))))
    if beyond is not None and (wide := _wider_part(beyond, polygon_coverage.NOISE_WIDTH_M)) is not None:
        raise InvalidInput("reshape.leaves_land", area_m2=round(geodesic_area_m2(beyond)), at=_at(wide))
    gains = [other for other in near if other != code and _overlap(near[other], target)]
    loses = extract_polygons(shapely.difference(near[code], target)) is not None
    neighbours = [other for other in near if other != code and _borders(near[code], near[other])] if loses else []
    touched = list(dict.fromkeys([code, *gains, *neighbours]))
    near = _near(lands, touched)  # whoever touches one of them gets its new corners
    found = noding.split_faces(near, touched, target.boundary)
    inside = _within([face for face, _ in found], target)
    if not inside.any():
        raise InvalidInput("reshape.elsewhere", grid=code)
    own = [face for (face, _), taken in zip(found, inside, strict=True) if taken]
    lost = [i for i, (_, owner) in enumerate(found) if owner == code and not inside[i]]
    gained = [i for i, (_, owner) in enumerate(found) if owner != code and inside[i]]
    _thin([found[i][0] for i in gained + lost], Message("sliver.outline_moves"))
    owners = {i: owner for i, (_, owner) in enumerate(found) if owner != code and not inside[i]}
    takers = dict.fromkeys(lost, give_to) if give_to else _takers([face for face, _ in found], lost, owners)
    kept: dict[str, list[PolygonLike]] = {other: [] for other in touched if other != code}
    for i, owner in (owners | takers).items():
        if owner is None:
            raise InvalidInput("reshape.no_taker", grid=code, at=_at(found[i][0]))
        kept.setdefault(owner, [near[owner]] if owner not in touched else []).append(found[i][0])
    shapes: ChangedGeometries = {other: _together(faces) for other, faces in kept.items()} | {
        code: noding.union_faces(own)
    }
    _none_gone(shapes)
    return _complete_coverage(near, shapes, islands=islands)


def split(
    lands: GridGeometries,
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

    Args:
        line: From border to border, across the grid.
        parts: Polygons that fill the grid; slits between them go to the part beside.
        codes: Of the parts, numbered west to east (then north to south) by their middles; of given `parts` in their
            order. None: the part with most households keeps the code, of as many the largest; the others take the
            next of `fresh`, west to east.
        fresh: Codes that were never used.
        households: How many live on each of some lands.
        islands: Whether a given part may lie in pieces.

    Raises:
        NotFound: The code is not among the lands.
        InvalidInput: The line crosses itself or does not cross the grid, the parts overlap or leave land out, a part
            is a sliver, or the codes are not as many as the parts.
    """
    _known(lands, code)
    if (line is None) == (not parts):
        raise InvalidInput("split.line_or_parts")
    near = _near(lands, [code])
    land = near[code]
    if line is not None:
        path = drawn_line.extend_to_border(drawn_line.validate_line(line), land)
        drawn_line.countable_crossings(path, [land], "line")
        drawn_line.require_crossing(path, land, code)
        pieces = [[face] for face, _ in noding.split_faces(near, [code], path)]
        if len(pieces) < max(2, len(shapely.get_parts(land)) + 1):
            raise InvalidInput("split.line_does_not_part", grid=code)
        shapes = [one for piece in pieces if (one := noding.union_faces(piece)) is not None]
        if len(shapely.get_parts(land)) > 1:
            shapes = _regrouped(shapes, land)
    else:
        shapes = _given_parts(
            near, code, [drawn_line.validate_outline(part, f"parts {i}") for i, part in enumerate(parts, 1)]
        )
    for shape in shapes:
        _wide_enough(shapely.get_parts(shape), Message("sliver.split_leaves", {"grid": code}))
        if parts and not islands and len(shapely.get_parts(shape)) > 1:
            _islands(code, shape)
    order = list(range(len(shapes))) if parts and codes else _west_to_east(shapes)
    named = _part_codes(code, [shapes[i] for i in order], codes, iter(fresh), households)
    taken = sorted(set(named) & set(lands) - {code})
    if taken:
        raise InvalidInput("split.codes_taken", codes=taken)
    return _complete_coverage(near, dict(zip(named, (shapes[i] for i in order), strict=True)), islands=True)


def merge(lands: GridGeometries, codes: Sequence[str], into: str, *, islands: bool = False) -> ChangedGeometries:
    """Make one grid of several.

    Args:
        codes: At least two.
        into: The code that keeps the land: one of them, or one never used.
        islands: Whether they may lie apart.

    Raises:
        NotFound: A code is not among the lands.
        InvalidInput: There are fewer than two, or they lie apart.
    """
    named = list(dict.fromkeys(codes))
    _known(lands, *named)
    if len(named) < 2:
        raise InvalidInput("merge.too_few")
    if into in lands and into not in named:
        raise InvalidInput("merge.into_not_merged", grid=into, grids=named)
    near = _near(lands, named)
    whole = extract_polygons(shapely.coverage_union_all(_array([near[code] for code in named])))
    before = max(len(shapely.get_parts(near[code])) for code in named)
    if whole is not None and not islands and len(shapely.get_parts(whole)) > before:
        apart = min(shapely.get_parts(whole), key=lambda part: part.area)
        raise InvalidInput("merge.not_neighbours", grids=named, at=_at(apart))
    return _complete_coverage(near, dict.fromkeys(named) | {into: whole}, islands=True)


def transfer(lands: GridGeometries, region: PolygonLike, to: str, *, islands: bool = False) -> ChangedGeometries:
    """Give the land in a drawn region to a grid; what of it lies outside every grid is left out.

    Raises:
        NotFound: The grid is not among the lands.
        InvalidInput: The region is no polygon, holds no land of others, takes all of a grid, or leaves a sliver or
            islands.
    """
    _known(lands, to)
    target = drawn_line.validate_outline(region, "region")
    near = _near(lands, [to], target)
    drawn_line.countable_crossings(target, list(near.values()), "region")
    touched = [code for code, land in near.items() if code != to and _overlap(land, target)]
    if not touched:
        raise InvalidInput("transfer.no_land", at=_at(target), grid=to)
    found = noding.split_faces(near, [to, *touched], target.boundary)
    inside = _within([face for face, _ in found], target)
    moved = [face for (face, owner), taken in zip(found, inside, strict=True) if owner != to and taken]
    if not moved:
        raise InvalidInput("transfer.too_small", at=_at(target))
    _thin(moved, Message("sliver.region_moves"))
    stays: dict[str, list[Polygon]] = {code: [] for code in touched}
    for (face, owner), taken in zip(found, inside, strict=True):
        if owner != to and not taken:
            stays[owner].append(face)
    shapes: ChangedGeometries = {code: noding.union_faces(faces) for code, faces in stays.items()}
    shapes[to] = noding.union_faces([*moved, *(face for face, owner in found if owner == to)])
    _none_gone(shapes)
    return _complete_coverage(near, shapes, islands=islands)


def add(lands: GridGeometries, code: str, outline: PolygonLike) -> ChangedGeometries:
    """Make a grid on free land; what of the outline lies in a grid already is left out.

    Raises:
        InvalidInput: The code is taken, the outline is no polygon, there is no free land in it, or only a sliver.
    """
    if code in lands:
        raise InvalidInput("add.code_taken", grid=code)
    target = drawn_line.validate_outline(outline, "geometry")
    near = _near(lands, [], target)
    drawn_line.countable_crossings(target, list(near.values()), "geometry")
    free = (
        target
        if not near
        else extract_polygons(shapely.difference(target, polygon_coverage.dissolve(list(near.values()))))
    )
    if free is None or (wide := _wider_part(free, MIN_WIDTH_M)) is None:
        raise InvalidInput("add.no_free_land", at=_at(target), grids=list(near)[:3])
    spot = wide.point_on_surface()
    shapely.prepare(free)
    touching = {key: land for key, land in near.items() if shapely.dwithin(free, land, noding.NOISE_STEPS * 1e-7)}
    held = touching | {code: _roughly(free)}
    found = noding.split_faces(held, list(held), _outside_border(free, touching))
    own = [face for face, owner in found if owner == code]
    if not own or not any(shapely.intersects(face, spot) for face in own):
        raise InvalidInput("add.too_narrow", at=_at(free))
    shapes: ChangedGeometries = {
        key: noding.union_faces([face for face, owner in found if owner == key]) for key in touching
    }
    shapes[code] = noding.union_faces(own)
    return _complete_coverage(near, shapes, islands=True, grows=True)


def retire(lands: GridGeometries, code: str, *, give_to: str | None = None) -> ChangedGeometries:
    """Take a grid out of use.

    Args:
        give_to: The neighbour that takes its land; None: the land belongs to nobody from then on.

    Raises:
        NotFound: A code is not among the lands.
        InvalidInput: The receiver is no neighbour.
    """
    if give_to is None:
        _known(lands, code)
        return {code: None}
    return merge(lands, [code, give_to], give_to)


def move_vertex(
    lands: GridGeometries, vertex: Vertex, to: Vertex, *, edge: tuple[Vertex, Vertex] | None = None
) -> ChangedGeometries:
    """Move a corner of the borders, for all grids that share it.

    Args:
        vertex: Longitude and latitude of a vertex.
        to: Where it goes; onto the next vertex of its border: it goes away.
        edge: The two ends of an edge on which a new vertex is made and moved; `vertex` is then not looked at.

    Raises:
        InvalidInput: There is no such vertex or edge, it is on the outline of the land, or borders would cross.
    """
    for name, xy in (("to", to), ("from", vertex)):
        if not np.isfinite(xy).all():
            raise InvalidInput("move_vertex.not_a_point", field=name)
    target = _vertex(to)
    ends = None if edge is None else frozenset((_vertex(edge[0]), _vertex(edge[1])))
    spot = Point(vertex) if ends is None else shapely.multipoints([list(one) for one in ends])
    reach = shapely.buffer(shapely.union_all([spot, Point(target)]).envelope, polygon_coverage.MIN_GAP_WIDTH_M * 1e-5)
    near = _near(lands, [], reach)
    whose: dict[str, PolygonLike] = {}
    if ends is not None:
        table = {ends: [target]}
        whose = {key: new for key, land in near.items() if (new := noding.insert_vertices(land, table)) is not land
                 and shapely.get_num_coordinates(new) > shapely.get_num_coordinates(land)}  # fmt: skip
        if not whose:
            raise InvalidInput("move_vertex.no_edge")
    else:
        old = _vertex(vertex)
        for key, land in near.items():
            xy = shapely.get_coordinates(land)
            if ((xy == old).all(axis=1)).any():
                whose[key] = shapely.transform(land, lambda xy: np.where((xy == old).all(axis=1)[:, None], target, xy))
        if not whose:
            raise InvalidInput("move_vertex.no_vertex", at=f"{old[0]:.7f}, {old[1]:.7f}")
    shapes: ChangedGeometries = {key: _without_doubles(land, target) for key, land in whose.items()}
    around = _near(lands, list(whose), reach)
    for key, shape in shapes.items():
        if shape is None or not shape.is_valid:
            raise InvalidInput("move_vertex.crosses_itself", grid=key, at=position_text(*target))
    changed = noding.share_vertices(around, shapes)
    before = polygon_coverage.dissolve([around[key] for key in changed])
    after = shapely.union_all(_array([shape for shape in changed.values() if shape is not None]))
    differ = extract_polygons(shapely.symmetric_difference(before, after))
    if differ is not None and differ.area > PRECISION_DEG * PRECISION_DEG:
        raise InvalidInput("move_vertex.on_outline", vertex=position_text(*vertex), at=_at(differ))
    return _complete_coverage(around, shapes, islands=False)


# --- which land is whose -------------------------------------------------------------------------------------------


def _two_sides(
    found: Sequence[Polygon], a: PolygonLike, b: PolygonLike, first: str, second: str
) -> tuple[list[Polygon], list[Polygon]]:
    """The faces of each of two grids after a line was drawn between them; both sides of a border differ."""
    graph = noding.neighbours(found)
    groups: list[tuple[list[int], list[int]]] = []
    colour: dict[int, int] = {}
    for start in range(len(found)):
        if start in colour:
            continue
        colour[start], queue = 0, [start]
        sides: tuple[list[int], list[int]] = ([], [])
        while queue:
            i = queue.pop()
            sides[colour[i]].append(i)
            for j in sorted(graph.get(i, ())):
                fresh = j not in colour
                if colour.setdefault(j, 1 - colour[i]) == colour[i]:
                    raise InvalidInput(
                        "move_border.line_does_not_part_at", first=first, second=second, at=_at(found[j])
                    )
                if fresh:
                    queue.append(j)
        groups.append(sides)
    if not any(all(sides) for sides in groups):
        raise InvalidInput("move_border.line_does_not_part", first=first, second=second)
    answer: tuple[list[Polygon], list[Polygon]] = ([], [])
    for sides in groups:
        own = [[_shared_area([found[i] for i in side], land) for land in (a, b)] for side in sides]
        swap = own[0][1] + own[1][0] > own[0][0] + own[1][1]
        for i in sides[0]:
            answer[int(swap)].append(found[i])
        for i in sides[1]:
            answer[1 - int(swap)].append(found[i])
    for side, name in zip(answer, (first, second), strict=True):
        if not side:
            raise InvalidInput("move_border.no_land_left", grid=name)
    return answer


def _given_parts(near: GridGeometries, code: str, parts: Sequence[PolygonLike]) -> list[PolygonLike]:
    """The land of a grid as given polygons part it."""
    land = near[code]
    if len(parts) < 2:
        raise InvalidInput("split.one_part")
    for i, j in zip(*STRtree(_array(parts)).query(_array(parts), predicate="intersects").tolist(), strict=True):
        shared = extract_polygons(shapely.intersection(parts[i], parts[j])) if i < j else None
        if shared is not None and (wide := _wider_part(shared, polygon_coverage.NOISE_WIDTH_M)) is not None:
            raise InvalidInput("split.parts_overlap", first=i + 1, second=j + 1, at=_at(wide))
    found = [face for face, _ in noding.split_faces(near, [code], shapely.union_all([part.boundary for part in parts]))]
    inside = np.array([_within(found, part) for part in parts])
    owners = {i: str(int(np.argmax(inside[:, i]))) for i in range(len(found)) if inside[:, i].any()}
    left = [i for i in range(len(found)) if i not in owners]
    for i in left:
        if _wider_part(found[i], MIN_WIDTH_M) is not None:
            area_m2 = round(geodesic_area_m2(found[i]))
            raise InvalidInput("split.parts_leave_out", area_m2=area_m2, grid=code, at=_at(found[i]))
    sides: dict[int, list[Polygon]] = {i: [] for i in range(len(parts))}
    for i, taker in sorted((owners | _takers(found, left, owners)).items()):
        sides[int(taker or 0)].append(found[i])
    for i, side in sides.items():
        if not side:
            raise InvalidInput("split.part_outside", number=i + 1, grid=code)
    return [shape for side in sides.values() if (shape := _together(side)) is not None and not land.is_empty]


def _regrouped(shapes: Sequence[PolygonLike], land: PolygonLike) -> list[PolygonLike]:
    """Of a grid that lay in parts: those that were not cut stay with the largest piece."""
    whole = list(shapely.get_parts(land))
    uncut: list[PolygonLike] = []
    pieces: list[PolygonLike] = []
    for shape in shapes:
        (uncut if _is_one_of(shape, whole) else pieces).append(shape)
    if not uncut or not pieces:
        return list(shapes)
    largest = max(range(len(pieces)), key=lambda i: pieces[i].area)
    pieces[largest] = _together([*shapely.get_parts(pieces[largest]), *uncut]) or pieces[largest]
    return pieces


def _part_codes(
    code: str, shapes: Sequence[PolygonLike], codes: Sequence[str] | None, fresh: Iterator[str],
    households: Callable[[Sequence[PolygonLike]], Sequence[int]],
) -> list[str]:  # fmt: skip
    if codes is None:
        counts = households(shapes)
        keeps = max(range(len(shapes)), key=lambda i: (counts[i], round(geodesic_area_m2(shapes[i]), 3), -i))
        named = [code if i == keeps else next(fresh, "") for i in range(len(shapes))]
        if "" in named:
            raise InvalidInput("split.not_enough_codes", count=len(shapes))
        return named
    if len(codes) != len(shapes):
        points = "; ".join(_at(shape) for shape in shapes[:4])
        raise InvalidInput("split.codes_and_parts_differ", codes=len(codes), parts=len(shapes), points=points)
    if len(set(codes)) < len(codes):
        raise InvalidInput("split.code_twice")
    if code not in codes:
        raise InvalidInput("split.code_not_kept", grid=code)
    return list(codes)


def _west_to_east(shapes: Sequence[PolygonLike]) -> list[int]:
    middles = [shapely.centroid(shape) for shape in shapes]
    return sorted(range(len(shapes)), key=lambda i: (round(middles[i].x, 7), -round(middles[i].y, 7)))


def _takers(faces: Sequence[PolygonLike], homeless: Sequence[int], owners: Mapping[int, str]) -> dict[int, str | None]:
    """Who takes faces without an owner: each time who has the longest border with one, the lower code of two as long.

    Args:
        faces: Of one coverage.
        homeless: Positions of those to give away. owners: The owner of the others, by position.

    Returns:
        The owner by position, in order; None for those that no owner borders on, not even beyond others given away.
    """
    graph, held, waiting = noding.neighbours(faces), dict(owners), list(homeless)
    answer: dict[int, str | None] = dict.fromkeys(homeless)
    while waiting:
        left = []
        for i in waiting:
            lengths: dict[str, float] = defaultdict(float)
            for j, metres in graph.get(i, {}).items():
                if j in held:
                    lengths[held[j]] += metres
            if lengths:
                answer[i] = min(lengths, key=lambda code: (-round(lengths[code], 6), code))
                held[i] = answer[i] or ""
            else:
                left.append(i)
        if len(left) == len(waiting):
            break
        waiting = left
    return answer


def _shared_area(faces: Sequence[Polygon], land: PolygonLike) -> float:
    """Square degrees of some faces of one coverage in a land."""
    whole = noding.union_faces(faces)
    return 0.0 if whole is None else float(shapely.intersection(whole, land).area)


def _apart(border: LineString, line: LineString) -> float:
    """How far two lines lie apart at most, looked at in `LOOKED_AT` points of each; degrees."""
    share = np.linspace(0, 1, LOOKED_AT)
    pairs = ((border, line), (line, border))
    for one, _ in pairs:
        shapely.prepare(one)
    return max(float(shapely.distance(other, _points_of(one, share)).max()) for one, other in pairs)


def _points_of(line: LineString, share: Any) -> Any:
    """The vertices of a line, or points along a long one."""
    few = shapely.get_num_coordinates(line) <= LOOKED_AT
    return shapely.points(shapely.get_coordinates(line)) if few else line.interpolate(share, normalized=True)


def _borders(one: PolygonLike, other: PolygonLike) -> list[LineString]:
    """The lines that two lands of a coverage share, each from end to end."""
    if not shapely.intersects(one, other):
        return []
    shared = shapely.intersection(one.boundary, other.boundary)
    lines = [part for part in shapely.get_parts(shared) if isinstance(part, LineString)]
    if not lines:
        return []
    merged = shapely.line_merge(MultiLineString(lines))
    return [part for part in shapely.get_parts(merged) if isinstance(part, LineString)]


def _within(faces: Sequence[Polygon], land: PolygonLike) -> Any:
    """Which faces lie in a land along whose outline they were cut."""
    shapely.prepare(land)
    return shapely.intersects(land, shapely.point_on_surface(_array(faces)))


def _overlap(one: PolygonLike, other: PolygonLike) -> bool:
    shared = extract_polygons(shapely.intersection(one, other)) if shapely.intersects(one, other) else None
    return shared is not None and _wider_part(shared, polygon_coverage.MIN_GAP_WIDTH_M) is not None


def _outside_border(free: PolygonLike, lands: GridGeometries) -> BaseGeometry:
    """The border of free land where no grid is, as far as it comes near one: there it must meet the grid's border."""
    if not lands:
        return LineString()
    whole = polygon_coverage.dissolve(list(lands.values())).boundary
    rim, near = (
        shapely.buffer(whole, noding.VERTEX_TOLERANCE_DEG),
        shapely.buffer(whole, 2 * noding.NOISE_STEPS * PRECISION_DEG, quad_segs=1),
    )
    return shapely.difference(shapely.intersection(free.boundary, near), rim)


def _roughly(free: PolygonLike) -> PolygonLike:
    done = repair(free)
    return done.shape if done.shape is not None else free


def _together(faces: Sequence[PolygonLike]) -> PolygonLike | None:
    """The land of faces that form a coverage; faces of earlier shapes may lack a vertex, which `_whole` mends."""
    if not faces:
        return None
    singles = [part for face in faces for part in shapely.get_parts(face)]
    return noding.union_faces(singles)


# --- what may not come of it ---------------------------------------------------------------------------------------


def _complete_coverage(
    lands: GridGeometries, shapes: ChangedGeometries, *, islands: bool, grows: bool = False
) -> ChangedGeometries:
    """The shapes of an edit with the neighbours that follow, when everything is a coverage still.

    Raises:
        InvalidInput: A grid falls apart, a part is a sliver, or the borders are too fine for the lattice there.
    """
    changed = noding.share_vertices(lands, shapes)
    changed = {code: shape for code, shape in changed.items()
               if shape is None or code not in lands or not shapely.equals_exact(shape, lands[code], 0)}  # fmt: skip
    for code, shape in changed.items():
        if shape is None:
            continue
        before = lands.get(code)
        parts = shapely.get_parts(shape)
        if not islands and before is not None and len(parts) > len(shapely.get_parts(before)):
            _islands(code, shape)
        if before is not None and len(parts) > 1:
            old = list(shapely.get_parts(before))
            fresh = [part for part in parts if not _is_one_of(part, old)]
            _wide_enough(fresh, Message("sliver.grid_would_have", {"grid": code}))
        elif code in shapes:
            cause = "sliver.grid_would_have" if before is None else "sliver.grid_would_keep"
            _wide_enough(parts, Message(cause, {"grid": code}))
    after = {**lands, **changed}
    held = [shape for code in after if (shape := after[code]) is not None]
    touching = STRtree(_array(held)).query(
        _array([shape for shape in changed.values() if shape is not None]), predicate="intersects"
    )
    around = [held[i] for i in np.unique(touching[1]).tolist()]
    if not polygon_coverage.is_valid(around):
        raise InvalidInput("coverage.borders_cross", at=_torn(around))
    if not grows:
        was = sum(lands[code].area for code in changed if code in lands)
        now = sum(shape.area for shape in changed.values() if shape is not None)
        if abs(was - now) > max(LOST * was, LOST_STEPS * PRECISION_DEG * PRECISION_DEG):
            spot = next(shape for shape in changed.values() if shape is not None)
            raise InvalidInput("coverage.borders_too_fine", at=_at(spot))
    return changed


def _torn(shapes: Sequence[PolygonLike]) -> str:
    held = _array(shapes)
    bad = [shape for shape in held if not shape.is_valid]
    edges = shapely.coverage_invalid_edges(held)
    spots = [edge for edge in edges if not shapely.is_empty(edge)] or bad or list(held[:1])
    spot = shapely.get_coordinates(spots[0])[0]
    return position_text(*spot)


def _islands(code: str, shape: PolygonLike) -> None:
    least = min(shapely.get_parts(shape), key=lambda part: part.area)
    raise InvalidInput("grid.falls_apart", grid=code, area_m2=round(geodesic_area_m2(least)), at=_at(least))


def _is_one_of(part: PolygonLike, others: Sequence[PolygonLike]) -> bool:
    """Whether a part is the same land as another, which may have more vertices."""
    return any(part.bounds == other.bounds and shapely.equals(part, other) for other in others)


def _wide_enough(parts: Sequence[PolygonLike], cause: Message) -> None:
    for part in parts:
        if not wider(_array([part]), MIN_WIDTH_M)[0]:
            width_m = f"{inscribed_diameters_m(_array([part]))[0]:.2f}"
            raise InvalidInput("sliver.left", cause=cause, width_m=width_m, at=_at(part))


def _thin(moved: Sequence[PolygonLike], cause: Message) -> None:
    """Refuse land that moves in pieces narrower than `NARROWEST`: a line meant to follow a border missed it."""
    slivers = np.flatnonzero(~wider(_array(moved), MIN_WIDTH_M))
    if slivers.size:
        thin = moved[int(slivers[0])]
        width_m = f"{inscribed_diameters_m(_array([thin]))[0]:.2f}"
        raise InvalidInput("sliver.moved", cause=cause, width_m=width_m, at=_at(thin))


def _none_gone(shapes: ChangedGeometries) -> None:
    for code, shape in shapes.items():
        if shape is None:
            raise InvalidInput("grid.no_land_left", grid=code)


def _wider_part(land: PolygonLike, limit: float) -> Polygon | None:
    """The largest part of a land in which a circle of a diameter (metres) fits."""
    parts = shapely.get_parts(land)
    wide = parts[wider(parts, limit)]
    return max(wide, key=lambda part: part.area, default=None)


# --- places --------------------------------------------------------------------------------------------------------


def _known(lands: GridGeometries, *codes: str) -> None:
    if missing := sorted(set(codes) - set(lands)):
        raise NotFound("grid.unknown_codes", codes=missing)


def _near(lands: GridGeometries, codes: Sequence[str], over: BaseGeometry | None = None) -> dict[str, PolygonLike]:
    """Some grids, those a drawn shape lies over, and all that touch any of these."""
    names, shapes = list(lands), _array(list(lands.values()))
    if not names:
        return {}
    core = {code: lands[code] for code in codes}
    if over is not None:
        hit = STRtree(shapes).query(over, predicate="intersects") if len(names) else []
        core |= {names[i]: shapes[i] for i in hit}
    if not core:
        return {}
    around = np.unique(STRtree(shapes).query(_array(list(core.values())), predicate="intersects")[1])
    return {names[i]: shapes[i] for i in around.tolist()}


def _without_doubles(land: PolygonLike, at: Vertex) -> PolygonLike | None:
    """A land without the vertex repeated where one was moved onto the next; None when nothing of it is left."""
    parts = []
    for part in shapely.get_parts(land):
        rings = [[xy for i, xy in enumerate(ring.coords[:]) if i == 0 or xy != ring.coords[i - 1] or xy != at]
                 for ring in (part.exterior, *part.interiors)]  # fmt: skip
        if len(rings[0]) < 4:
            return None
        parts.append(Polygon(rings[0], [ring for ring in rings[1:] if len(ring) >= 4]))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _vertex(xy: Sequence[float]) -> Vertex:
    x, y = noding.snap_to_lattice(np.array(xy[:2], dtype=float)).tolist()
    return x, y


def _at(shape: BaseGeometry) -> str:
    return position_text(*label_point(shape))


def _array(shapes: Sequence[BaseGeometry]) -> Any:
    held = np.empty(len(shapes), dtype=object)
    held[:] = shapes
    return held
