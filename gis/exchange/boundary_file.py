"""Grids edited in another program: what a file has otherwise becomes a boundary draft; nothing is in force by it.

Grids are matched by their codes. Of several features with one code (as QGIS leaves after splitting one) the largest
keeps it and the others get new codes, as do features without a code; a stored grid whose land the file has given to
others ends. A grid that the file does not have, and whose land nobody took, stays as it is.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely import STRtree
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level, Revision
from gis.boundaries import drafts, operations
from gis.boundaries.numbering import next_codes
from gis.boundaries.store import grids_near
from gis.errors import InvalidInput, invalid_field
from gis.exchange.area_file import AreaFile, AreaRecord, read_area_file
from gis.exchange.area_shapes import NEIGHBOUR_MARGIN_DEG, fit_to_coverage, repair_geometries
from gis.exchange.areas import MAX_CLEAN_WIDTH_M, existing_areas, validate_records
from gis.files import tables, vector
from gis.files.report import LoadReport, RejectedRow
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes import polygon_coverage
from gis.shapes.polygon_coverage import NOISE_WIDTH_M, Gap, Overlap, PolygonLike

FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)  # the newest shapes hold then
MIN_TAKEN_SHARE = 0.5  # of a grid's land: it went to others
MAX_LISTED_ERRORS = 500  # gaps and overlaps shown of a torn file


@dataclass
class CoverageErrors:
    """What is wrong between the grids of a file: overlaps and gaps, with the grids and the widest metres of each."""

    overlaps: list[tuple[str, str, Overlap]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


@dataclass
class BoundaryFileDraft:
    """What came of a file.

    draft: The draft; None where the file was refused, or is as what is stored.
    new, gone, changed: Codes of grids.
    torn: Gaps and overlaps that are left, or for which it was refused.
    """

    report: LoadReport
    draft: Revision | None = None
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    torn: CoverageErrors = field(default_factory=CoverageErrors)


def draft_from_file(
    session: Session,
    by: Principal,
    path: Path,
    title: str,
    *,
    mapping: Mapping[str, str] | None = None,
    crs: str | None = None,
    clean: float | None = None,
    layer: str | None = None,
) -> BoundaryFileDraft:
    """Make a draft of what a file of grids has otherwise than the newest published boundaries.

    Args:
        title: Of the draft.
        mapping, crs, layer: As for `gis.exchange.areas.load_areas`.
        clean: Metres; overlaps and gaps up to this width are mended, and listed. None: only drawing noise.

    Returns:
        The report; `draft` is None when a row was refused (then nothing is written) or nothing differs.

    Raises:
        InvalidInput, TooMuch: The file as a whole cannot be taken.
        Forbidden: It changes grids that the asker may not draft in.
    """
    by.need(Action.DRAFT)
    if clean is not None and not 0 < clean <= MAX_CLEAN_WIDTH_M:
        raise invalid_field("clean", f"must be more than 0 and at most {MAX_CLEAN_WIDTH_M:.0f} metres, not {clean}")
    if path.suffix.lower() in tables.TEXTS + tables.WORKBOOKS:
        raise InvalidInput(f"{path.name} is a table without shapes; grids come from a map: {vector.NAMES}")
    found = BoundaryFileDraft(LoadReport("boundaries", path.name))
    report = found.report
    file = read_area_file(path, Level.GRID, mapping or {}, crs, layer, report)
    report.crs, report.counts = file.crs, {"rows": len(file.entries)}
    if not file.entries and not report.refused:
        report.refused.append(RejectedRow(path.name, "", "holds no grid"))
    repair_geometries(file.entries, report, needed=True)
    stored = _stored(session, file.entries)
    _number(session, file, stored, report)
    known = existing_areas(session, file.entries, Level.GRID)
    good = [entry for entry in validate_records(file, Level.GRID, known, report) if entry.shape is not None]
    for entry in good:
        if codes.ancestor_code(entry.code, Level.COMMUNITY) not in known:
            words = (
                f"community {codes.ancestor_code(entry.code, Level.COMMUNITY)} is not known; load the communities first"
            )
            report.refused.append(file.refuse(entry, "community_code", words))
    found.gone = _gone(good, stored)
    moved = fit_to_coverage(session, good, clean, FAR_FUTURE, report, found.gone, same_within=NOISE_WIDTH_M)
    found.torn = _torn(good, stored, found.gone, clean or NOISE_WIDTH_M)
    if report.refused:
        return found
    found.new = sorted(code for code in moved if code not in stored)
    found.changed = sorted(code for code in moved if code in stored)
    report.counts |= {"new": len(found.new), "changed": len(found.changed), "gone": len(found.gone)}
    report.counts["unchanged"] = len(good) - len({entry.code for entry in good} & set(moved))
    if not found.gone and not operations.moves_land(stored, moved):
        report.notes.append("every grid is as stored, but for vertices; there is nothing to draft")
        return found
    named = {entry.code: entry.values.get("name", "") for entry in good}
    grids: list[dict[str, Any]] = [
        {"code": code, "geometry": shapely.geometry.mapping(shape), "name": named.get(code) or None,
         "parent": codes.ancestor_code(code, Level.COMMUNITY)}
        for code, shape in sorted(moved.items())
    ] + [{"code": code, "geometry": None} for code in found.gone]  # fmt: skip
    found.draft = drafts.create_draft(session, by, title)
    drafts.add_operation(session, by, found.draft.id, {"op": "redraw", "grids": grids})
    return found


def _stored(session: Session, entries: Sequence[AreaRecord]) -> dict[str, PolygonLike]:
    """The newest grids around those of a file, of the counties it names."""
    shapes = [entry.shape for entry in entries if entry.shape is not None]
    counties = sorted({codes.ancestor_code(entry.code, Level.COUNTY) for entry in entries if entry.code})
    return dict(grids_near(session, counties, shapes, FAR_FUTURE, NEIGHBOUR_MARGIN_DEG))


def _number(session: Session, file: AreaFile, stored: Mapping[str, PolygonLike], report: LoadReport) -> None:
    """Give codes to the features that share one, and to those without."""
    by_code: dict[str, list[AreaRecord]] = defaultdict(list)
    for entry in file.entries:
        if entry.shape is not None:
            by_code[entry.code].append(entry)
    fresh: dict[str, Iterator[str]] = {}
    given: set[str] = {entry.code for entry in file.entries}
    for code, entries in sorted(by_code.items()):
        largest = max(entries, key=lambda one: (one.shape.area if one.shape is not None else 0, one.where))
        need = [one for one in entries if not code or one is not largest]
        for entry in sorted(need, key=_west_first):
            community = codes.ancestor_code(code, Level.COMMUNITY) if code else _community(entry, stored)
            if not community:
                continue  # refused later: it has no code
            if community not in fresh:
                fresh[community] = next_codes(session, community, ())
            new = next((one for one in fresh[community] if one not in given), "")
            if new:
                given.add(new)
                entry.values["code"] = new
                entry.values.pop("name", None)  # the name of the one it was split from
                report.notes.append(
                    f"{entry.where} {f'had the code {code} too' if code else 'had no code'}: it is {new}"
                )


def _west_first(entry: AreaRecord) -> tuple[float, float]:
    middle = shapely.centroid(entry.shape)
    return float(middle.x), -float(middle.y)


def _community(entry: AreaRecord, stored: Mapping[str, PolygonLike]) -> str:
    """The community a feature without a code says it is of, else the one it lies in for the most part."""
    if said := entry.values.get("community_code") or entry.values.get("parent"):
        return said
    shares: dict[str, float] = defaultdict(float)
    for code, land in stored.items():
        shares[codes.ancestor_code(code, Level.COMMUNITY)] += shapely.intersection(land, entry.shape).area
    best = max(shares, key=lambda one: shares[one], default="")
    return best if best and shares[best] > 0 else ""


def _gone(entries: Sequence[AreaRecord], stored: Mapping[str, PolygonLike]) -> list[str]:
    """The stored grids that the file does not have and whose land it has given to others."""
    have = {entry.code for entry in entries}
    missing = [code for code in stored if code not in have]
    if not missing or not entries:
        return []
    shapes = np.empty(len(entries), dtype=object)
    shapes[:] = [entry.shape for entry in entries]
    tree = STRtree(shapes)
    found = []
    for code in missing:
        near = shapes[tree.query(stored[code], predicate="intersects")]
        if float(shapely.area(shapely.intersection(near, stored[code])).sum()) >= MIN_TAKEN_SHARE * stored[code].area:
            found.append(code)
    return sorted(found)


def _torn(
    entries: Sequence[AreaRecord], stored: Mapping[str, PolygonLike], gone: Sequence[str], tolerance: float
) -> CoverageErrors:
    """Overlaps and gaps wider than the tolerance, largest first."""
    drawn = {entry.code: entry.shape for entry in entries if entry.shape is not None}
    together: dict[str, PolygonLike] = drawn | {
        code: land for code, land in stored.items() if code not in drawn and code not in gone
    }
    if not together:
        return CoverageErrors()
    names, shapes = list(together), list(together.values())
    overlaps = [one for one in polygon_coverage.find_overlaps(shapes) if one.width > tolerance]
    overlaps.sort(key=lambda one: -one.m2)
    old = polygon_coverage.find_gaps(list(stored.values())) if stored else []
    known = [gap.shape for gap in old]
    gaps = [
        gap for gap in polygon_coverage.find_gaps(shapes)
        if gap.width > tolerance and not any(shapely.equals(gap.shape, one) for one in known)
    ]  # fmt: skip
    return CoverageErrors(
        [(names[one.first], names[one.second], one) for one in overlaps[:MAX_LISTED_ERRORS]], gaps[:MAX_LISTED_ERRORS]
    )
