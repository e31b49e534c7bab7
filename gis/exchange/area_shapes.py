"""Shapes of areas under load: repaired, the grids of a county as a coverage, faults reported."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Area, Level
from gis.boundaries.land_abroad import find_land_abroad, lock_land_between_counties
from gis.boundaries.queries import NEIGHBOUR_MARGIN_DEG, boundaries_at, grids_near
from gis.boundaries.store import equals_exact
from gis.errors import InvalidInput
from gis.exchange.area_file import AreaRecord
from gis.files.report import LoadReport, RejectedRow
from gis.messages import Message
from gis.shapes import polygon_coverage
from gis.shapes.measure import geodesic_area_m2, inscribed_diameters_m, label_point
from gis.shapes.polygon_coverage import NOISE_WIDTH_M, Gap, Overlap, PolygonLike
from gis.shapes.repair import extract_polygons, repair, to_multipolygon

MAX_NOTES_PER_TYPE = 20  # listed notes of one kind; the others are counted
WHOLE_COUNTY_MARGIN_DEG = 360.0
MIN_REPORTED_AREA_M2 = 1.0  # square metres


def repair_geometries(entries: Sequence[AreaRecord], report: LoadReport, *, needed: bool) -> None:
    """Bring every shape into the form it is stored in; list what was mended, refuse what cannot be.

    Parameters
    ----------
    needed
        Whether an entry without a shape is refused.
    """
    mended = []
    for entry in entries:
        if entry.fault:
            report.refused.append(RejectedRow(entry.location_with_code, "", entry.fault))
            continue
        if entry.drawn is None and not needed:
            continue
        repaired = repair(entry.drawn)
        entry.repairs += repaired.repairs
        entry.shape = repaired.shape
        if repaired.reason is not None:
            report.refused.append(RejectedRow(entry.location_with_code, "", repaired.reason))
        elif entry.repairs:
            params = {"place": entry.location_with_code, "repairs": entry.repairs}
            mended.append(Message("area_shape.repaired", params))
    note_some(report, mended, "area_shape.more_repaired")
    shapes = [entry.shape for entry in entries if entry.shape is not None]
    if shapes:
        west, south, east, north = shapely.total_bounds(shapes).tolist()
        report.bbox = (west, south, east, north)


def fit_to_coverage(
    session: Session,
    entries: Sequence[AreaRecord],
    clean: float | None,
    at: datetime,
    report: LoadReport,
    gone: Collection[str] = (),
    same_within: float | None = None,
) -> dict[str, MultiPolygon]:
    """Make the grids of the file a coverage with the stored ones around them.

    Parameters
    ----------
    entries
        With a code of their own and a good shape each.
    clean
        Metres, or None for drawing noise only.
    at
        The moment whose stored grids count.
    gone
        Codes of stored grids whose land the file has given to others.
    same_within
        Metres by which a grid may differ from the stored one and is as stored; None: as `clean`.

    Returns
    -------
    The shapes that differ from what is stored, by code; stored neighbours that had to move are
    among them. Wider overlaps go to `report.refused`, what was mended and gaps to its notes.
    """
    counties: dict[str, dict[str, AreaRecord]] = defaultdict(dict)
    for entry in entries:
        counties[codes.ancestor_code(entry.code, Level.COUNTY)][entry.code] = entry
    moved: dict[str, MultiPolygon] = {}
    for county, records in sorted(counties.items()):
        moved |= _fit_county(
            session,
            county,
            records,
            clean or NOISE_WIDTH_M,
            at,
            report,
            gone,
            same_within or clean or NOISE_WIDTH_M,
        )
    return moved


def _fit_county(
    session: Session,
    county: str,
    records: dict[str, AreaRecord],
    tolerance: float,
    at: datetime,
    report: LoadReport,
    gone: Collection[str],
    same_within: float,
) -> dict[str, MultiPolygon]:
    drawn = {code: entry.shape for code, entry in records.items() if entry.shape is not None}
    stored = grids_near(session, [county], list(drawn.values()), at, NEIGHBOUR_MARGIN_DEG)
    stored = {code: shape for code, shape in stored.items() if code not in gone}
    for code in _as_stored(drawn, stored, same_within):
        drawn[code] = stored[code]
    together: dict[str, PolygonLike] = drawn | {
        code: shape for code, shape in stored.items() if code not in drawn
    }
    grid_codes = list(together)
    overlaps = [
        overlap
        for overlap in polygon_coverage.find_overlaps(list(together.values()))
        if grid_codes[overlap.position] in drawn
    ]
    wide = [overlap for overlap in overlaps if overlap.width_m > tolerance]
    report.refused += [_refuse_overlap(overlap, grid_codes, records) for overlap in wide]
    gaps = polygon_coverage.find_gaps(list(together.values()))
    narrow = [gap for gap in gaps if gap.width_m <= tolerance]
    left = [
        Message("area_shape.gap", {"size": _size(gap)}) for gap in gaps if gap.width_m > tolerance
    ]
    note_some(report, left, "area_shape.more_gaps")
    if wide:
        return {}
    fitted = _cleaned(session, county, together, tolerance, at, report, gone)
    _note_slivers(report, overlaps, narrow)
    moved = {
        code: to_multipolygon(shape)
        for code, shape in fitted.items()
        if not equals_exact(to_multipolygon(shape), stored.get(code))
    }
    if others := sorted(set(moved) - set(drawn)):
        report.note("area_shape.neighbours_moved", codes=others[:MAX_NOTES_PER_TYPE])
    return moved


def _note_slivers(report: LoadReport, overlaps: Sequence[Overlap], gaps: Sequence[Gap]) -> None:
    slivers: list[Gap | Overlap] = [*overlaps, *gaps]
    if slivers:
        report.note(
            "area_shape.slivers_mended",
            overlaps=len(overlaps),
            gaps=len(gaps),
            m2=f"{sum(sliver.area_m2 for sliver in slivers):,.1f}",
            widest=_size(max(slivers, key=lambda sliver: sliver.width_m)),
        )


def _refuse_overlap(
    overlap: Overlap, grid_codes: Sequence[str], records: Mapping[str, AreaRecord]
) -> RejectedRow:
    code, other_code = grid_codes[overlap.position], grid_codes[overlap.other_position]
    if other_code in records:
        other = records[other_code].location_with_code
    else:
        other = Message("area_shape.stored_grid", {"code": other_code})
    message = Message("area_shape.overlaps", {"other": other, "size": _size(overlap)})
    return RejectedRow(records[code].location_with_code, "", message)


def _size(sliver: Gap | Overlap) -> Message:
    lon, lat = sliver.label_point
    params = {
        "m2": f"{sliver.area_m2:,.1f}",
        "width": f"{sliver.width_m:.2f}",
        "lon": lon,
        "lat": lat,
    }
    return Message("area_shape.size", params)


def _as_stored(
    drawn: dict[str, PolygonLike], stored: dict[str, MultiPolygon], tolerance: float
) -> list[str]:
    """Return the grids that differ from the stored shape by no more than the tolerance."""
    both = [code for code in drawn if code in stored]
    if not both:
        return []
    differ = shapely.symmetric_difference(
        [drawn[code] for code in both], [stored[code] for code in both]
    )
    geometries = np.array(
        [extract_polygons(shape) or MultiPolygon() for shape in differ], dtype=object
    )
    wide = inscribed_diameters_m(geometries)
    return [code for code, metres in zip(both, wide.tolist(), strict=True) if metres <= tolerance]


def _cleaned(
    session: Session,
    county: str,
    together: dict[str, PolygonLike],
    tolerance: float,
    at: datetime,
    report: LoadReport,
    gone: Collection[str],
) -> dict[str, PolygonLike]:
    """Return a coverage of the file's grids and the stored ones around.

    Of the whole county if those move others.
    """
    try:
        fitted = dict(
            zip(
                together,
                polygon_coverage.repair_coverage(list(together.values()), tolerance),
                strict=True,
            )
        )
        everything = grids_near(
            session, [county], list(together.values()), at, WHOLE_COUNTY_MARGIN_DEG
        )
        others = {
            code: shape
            for code, shape in everything.items()
            if code not in together and code not in gone
        }
        whole: dict[str, PolygonLike] = {**together, **others}
        if not others or polygon_coverage.is_valid([*fitted.values(), *others.values()]):
            return fitted
        return dict(
            zip(
                whole,
                polygon_coverage.repair_coverage(list(whole.values()), tolerance),
                strict=True,
            )
        )
    except InvalidInput as error:
        location = Message("area_shape.county", {"code": county})
        report.refused.append(RejectedRow(location, "", Message(error.code, error.params)))
        return {}


def check_land_abroad(
    session: Session,
    level: Level,
    entries: Sequence[AreaRecord],
    shapes: Mapping[str, PolygonLike],
    at: datetime,
    report: LoadReport,
) -> None:
    """Reject grids that take land of another county's grids; note outlines that do.

    An outline of a level above is only compared, never stored, and official ones are often drawn
    coarsely. So it gives nobody's land away.

    Parameters
    ----------
    shapes
        The shapes that differ from what is stored, by code; of grids, or outlines of areas above.
    at
        From when they hold.
    """
    lock_land_between_counties(session)
    records = {entry.code: entry for entry in entries}
    ids = {
        row.id: row.code
        for row in session.execute(select(Area.id, Area.code).where(Area.code.in_(list(shapes))))
    }
    in_force = boundaries_at(session, list(ids), at)
    stored = {ids[area]: shape for area, shape in in_force.items()}
    for land in find_land_abroad(session, stored, shapes, at):
        takers = [records[code] for code in land.codes if code in records]
        if takers:
            location = takers[0].location_with_code
        else:  # a stored neighbour that had to move
            location = Message("area_shape.stored_grid", {"code": land.codes[0]})
        params = {"grid": land.grid, "m2": f"{land.area_m2:,}", "at": land.at}
        message = Message("area_shape.land_of_another_county", params)
        if level is Level.GRID:
            report.refused.append(RejectedRow(location, "", message))
        else:
            outline = {"code": land.codes[0], "reason": message}
            report.messages.append(Message("area_shape.outline_note", outline))


def fit_units(
    session: Session, entries: Sequence[AreaRecord], at: datetime, report: LoadReport
) -> dict[str, MultiPolygon]:
    """Return the shapes of units that do not stand on buildings, by code.

    Note how far they leave their grid.
    """
    drawn = {
        entry.code: to_multipolygon(entry.shape) for entry in entries if entry.shape is not None
    }
    rows = session.execute(
        text("""
        SELECT u.code, u.parent_id, EXISTS (SELECT FROM unit_part p WHERE p.unit_id = u.id)
        FROM area u WHERE u.code = ANY(:codes)
        """),
        {"codes": list(drawn)},
    ).all()
    derived = [code for code, _, stands in rows if stands]
    if derived:
        report.note("area_shape.units_derived", count=len(derived))
    grids = boundaries_at(session, {row[1] for row in rows}, at)
    outside = []
    for code, parent, _ in rows:
        grid = grids.get(parent)
        beyond = None if grid is None else extract_polygons(shapely.difference(drawn[code], grid))
        if beyond is not None and (m2 := geodesic_area_m2(beyond)) >= MIN_REPORTED_AREA_M2:
            lon, lat = label_point(beyond)
            params = {"code": code, "m2": f"{m2:,.1f}", "lon": lon, "lat": lat}
            outside.append(Message("area_shape.unit_leaves_grid", params))
    note_some(report, outside, "area_shape.more_units_leave")
    return {code: shape for code, shape in drawn.items() if code not in derived}


def compare_outlines(
    session: Session,
    entries: Sequence[AreaRecord],
    ids: dict[str, int],
    at: datetime,
    report: LoadReport,
) -> None:
    """Note how far the outlines of upper levels are from the union of their grids, which counts."""
    drawn = [entry for entry in entries if entry.shape is not None]
    stored = boundaries_at(session, [ids[entry.code] for entry in drawn], at)
    apart, without = [], 0
    for entry in drawn:
        union = stored.get(ids[entry.code])
        if union is None:
            without += 1
            continue
        differ = extract_polygons(shapely.symmetric_difference(entry.shape, union))
        if differ is not None and (m2 := geodesic_area_m2(differ)) >= MIN_REPORTED_AREA_M2:
            lon, lat = label_point(differ)
            params = {"place": entry.location_with_code, "m2": round(m2), "lon": lon, "lat": lat}
            apart.append(Message("area_shape.outline_off", params))
    note_some(report, apart, "area_shape.more_outlines_off")
    if without:
        report.note("area_shape.outlines_not_kept", count=without)


def note_some(report: LoadReport, notes: Sequence[Message], code: str) -> None:
    """Add the first notes of a kind, and how many more there are as a note of `code`."""
    report.messages += notes[:MAX_NOTES_PER_TYPE]
    if len(notes) > MAX_NOTES_PER_TYPE:
        report.note(code, count=len(notes) - MAX_NOTES_PER_TYPE)
