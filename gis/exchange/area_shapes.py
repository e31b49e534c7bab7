"""The shapes of areas under load: mended, the grids of a county made a coverage, and what is off said."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level
from gis.boundaries.store import boundaries_at, equals_exact, grids_near
from gis.errors import InvalidInput
from gis.exchange.area_file import AreaRecord
from gis.files.report import LoadReport, RejectedRow
from gis.messages import render
from gis.shapes import polygon_coverage
from gis.shapes.measure import geodesic_area_m2, inscribed_diameters_m, label_point
from gis.shapes.polygon_coverage import NOISE_WIDTH_M, Gap, Overlap, PolygonLike
from gis.shapes.repair import extract_polygons, repair, to_multipolygon

MAX_NOTES_PER_TYPE = 20  # notes of one kind; the rest is counted
NEIGHBOUR_MARGIN_DEG = 0.001  # degrees, about 100 m: stored grids this near are looked at with those of the file
WHOLE_COUNTY_MARGIN_DEG = 360.0
MIN_REPORTED_AREA_M2 = 1.0  # square metres


def repair_geometries(entries: Sequence[AreaRecord], report: LoadReport, *, needed: bool) -> None:
    """Bring every shape into the form it is stored in; list what was mended, refuse what cannot be.

    Args:
        needed: Whether an entry without a shape is refused.
    """
    mended = []
    for entry in entries:
        if entry.fault:
            report.refused.append(RejectedRow(entry.named, "", entry.fault))
            continue
        if entry.drawn is None and not needed:
            continue
        done = repair(entry.drawn)
        entry.repairs += [render(repair_made) for repair_made in done.repairs]
        entry.shape = done.shape
        if done.reason is not None:
            report.refused.append(RejectedRow(entry.named, "", render(done.reason)))
        elif entry.repairs:
            mended.append(f"{entry.named}: {'; '.join(entry.repairs)}")
    report.notes += shortened(mended, "shapes were mended")
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

    Args:
        entries: With a code of their own and a good shape each.
        clean: Metres, or None for drawing noise only.
        at: The moment whose stored grids count.
        gone: Codes of stored grids whose land the file has given to others.
        same_within: Metres by which a grid may differ from the stored one and is as stored; None: as `clean`.

    Returns:
        The shapes that differ from what is stored, by code; stored neighbours that had to move are among
        them. Wider overlaps go to `report.refused`, what was mended and gaps to its notes.
    """
    counties: dict[str, dict[str, AreaRecord]] = defaultdict(dict)
    for entry in entries:
        counties[codes.ancestor_code(entry.code, Level.COUNTY)][entry.code] = entry
    moved: dict[str, MultiPolygon] = {}
    for county, held in sorted(counties.items()):
        moved |= _fit_county(
            session, county, held, clean or NOISE_WIDTH_M, at, report, gone, same_within or clean or NOISE_WIDTH_M
        )
    return moved


def _fit_county(
    session: Session,
    county: str,
    held: dict[str, AreaRecord],
    tolerance: float,
    at: datetime,
    report: LoadReport,
    gone: Collection[str],
    same_within: float,
) -> dict[str, MultiPolygon]:
    drawn = {code: entry.shape for code, entry in held.items() if entry.shape is not None}
    near = grids_near(session, [county], list(drawn.values()), at, NEIGHBOUR_MARGIN_DEG)
    near = {code: shape for code, shape in near.items() if code not in gone}
    for code in _as_stored(drawn, near, same_within):
        drawn[code] = near[code]
    together: dict[str, PolygonLike] = drawn | {code: shape for code, shape in near.items() if code not in drawn}
    names = list(together)
    overlaps = [one for one in polygon_coverage.find_overlaps(list(together.values())) if names[one.first] in drawn]
    wide = [one for one in overlaps if one.width > tolerance]
    for one in wide:
        first, second = names[one.first], names[one.second]
        other = held[second].named if second in held else f"the stored grid {second}"
        words = f"overlaps {other} by {_size(one)}; redraw it, or mend it with --clean METRES"
        report.refused.append(RejectedRow(held[first].named, "", words))
    gaps = polygon_coverage.find_gaps(list(together.values()))
    narrow = [one for one in gaps if one.width <= tolerance]
    left = [f"gap of {_size(one)} between grids, left as it is" for one in gaps if one.width > tolerance]
    report.notes += shortened(left, "gaps between grids")
    if wide:
        return {}
    fitted = _cleaned(session, county, together, tolerance, at, report, gone)
    slivers: list[Gap | Overlap] = [*overlaps, *narrow]
    if slivers:
        whole = sum(one.m2 for one in slivers)
        report.notes.append(
            f"{len(overlaps)} overlaps and {len(narrow)} gaps between grids mended, {whole:,.1f} m² in all,"
            f" the widest {_size(max(slivers, key=lambda one: one.width))}"
        )
    moved = {
        code: to_multipolygon(shape)
        for code, shape in fitted.items()
        if not equals_exact(to_multipolygon(shape), near.get(code))
    }
    if others := sorted(set(moved) - set(drawn)):
        report.notes.append(
            f"stored grids that took on the border of the file: {', '.join(others[:MAX_NOTES_PER_TYPE])}"
        )
    return moved


def _size(one: Gap | Overlap) -> str:
    return f"{one.m2:,.1f} m² ({one.width:.2f} m wide) at {one.place[0]}, {one.place[1]}"


def _as_stored(drawn: dict[str, PolygonLike], stored: dict[str, MultiPolygon], tolerance: float) -> list[str]:
    """The grids whose difference from the stored shape is no wider than the tolerance: they are the same."""
    both = [code for code in drawn if code in stored]
    if not both:
        return []
    differ = shapely.symmetric_difference([drawn[code] for code in both], [stored[code] for code in both])
    lands = np.array([extract_polygons(shape) or MultiPolygon() for shape in differ], dtype=object)
    wide = inscribed_diameters_m(lands)
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
    """A coverage of the file's grids and the stored ones around; of the whole county if those move others."""
    try:
        fitted = dict(zip(together, polygon_coverage.repair_coverage(list(together.values()), tolerance), strict=True))
        everything = grids_near(session, [county], list(together.values()), at, WHOLE_COUNTY_MARGIN_DEG)
        rest = {code: shape for code, shape in everything.items() if code not in together and code not in gone}
        whole: dict[str, PolygonLike] = {**together, **rest}
        if not rest or polygon_coverage.is_valid([*fitted.values(), *rest.values()]):
            return fitted
        return dict(zip(whole, polygon_coverage.repair_coverage(list(whole.values()), tolerance), strict=True))
    except InvalidInput as error:
        report.refused.append(RejectedRow(f"county {county}", "", error.detail))
        return {}


def fit_units(
    session: Session, entries: Sequence[AreaRecord], at: datetime, report: LoadReport
) -> dict[str, MultiPolygon]:
    """The shapes of units that do not stand on buildings, by code; how far they leave their grid is noted."""
    drawn = {entry.code: to_multipolygon(entry.shape) for entry in entries if entry.shape is not None}
    rows = session.execute(
        text("""
        SELECT u.code, u.parent_id, EXISTS (SELECT FROM unit_part p WHERE p.unit_id = u.id)
        FROM area u WHERE u.code = ANY(:codes)
        """),
        {"codes": list(drawn)},
    ).all()
    derived = [code for code, _, stands in rows if stands]
    if derived:
        report.notes.append(f"{len(derived)} units keep the shape that follows from their buildings")
    grids = boundaries_at(session, {row[1] for row in rows}, at)
    outside = []
    for code, parent, _ in rows:
        grid = grids.get(parent)
        beyond = None if grid is None else extract_polygons(shapely.difference(drawn[code], grid))
        if beyond is not None and (m2 := geodesic_area_m2(beyond)) >= MIN_REPORTED_AREA_M2:
            lon, lat = label_point(beyond)
            outside.append(f"unit {code} leaves its grid by {m2:,.1f} m² at {lon}, {lat}")
    report.notes += shortened(outside, "units leave their grids")
    return {code: shape for code, shape in drawn.items() if code not in derived}


def compare_outlines(
    session: Session, entries: Sequence[AreaRecord], ids: dict[str, int], at: datetime, report: LoadReport
) -> None:
    """Say how far the outlines of upper levels are from the union of their grids, which counts."""
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
            apart.append(f"{entry.named}: the outline is {m2:,.0f} m² off the union of its grids, as at {lon}, {lat}")
    report.notes += shortened(apart, "outlines differ from the union of their grids")
    if without:
        report.notes.append(f"{without} outlines are not kept: a shape above the grids is the union of its grids")


def shortened(notes: Sequence[str], what: str) -> list[str]:
    """The first notes of a kind, and how many more there are."""
    more = len(notes) - MAX_NOTES_PER_TYPE
    return [*notes[:MAX_NOTES_PER_TYPE], *([f"{more} more {what}"] if more > 0 else [])]
