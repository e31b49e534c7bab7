"""Create a boundary draft from grids edited in another program; nothing takes effect by it.

Grids are matched by their codes, in drawings also by their names. Of several features with one code
(as QGIS leaves after splitting one) the largest keeps it and the others get new codes, as do
features without a code. Other names are renamings. A stored grid ends if the file gives its area to
others; of a grid that the file omits, and whose area stays free, the planner says whether it ends.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from gis.boundaries.operation_fields import OperationSpec
from gis.errors import InvalidInput, NotFound, invalid_field
from gis.exchange import boundary_missing, boundary_names
from gis.exchange.area_file import AreaFile, AreaRecord, ReadOptions, read_area_file
from gis.exchange.area_shapes import fit_to_coverage, repair_geometries
from gis.exchange.areas import MAX_CLEAN_WIDTH_M, existing_areas, validate_records
from gis.exchange.boundary_stored import FAR_FUTURE, grids_around, named_grids
from gis.files import tables
from gis.files.report import LoadReport, RejectedRow
from gis.messages import Message, text_of
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes import polygon_coverage
from gis.shapes.polygon_coverage import NOISE_WIDTH_M, Gap, Overlap, PolygonLike

MIN_TAKEN_SHARE = 0.5  # share of a grid's area that went to others
MAX_LISTED_ERRORS = 500  # listed gaps and overlaps of a file


@dataclass
class CoverageErrors:
    """Overlaps and gaps between the grids of a file, with the grids and the widest metres."""

    overlaps: list[tuple[str, str, Overlap]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


@dataclass
class BoundaryFileDraft:
    """What came of a file.

    draft: The draft; None if the file was rejected or equals the stored boundaries.
    new, gone, changed: Codes of grids.
    renamed: New names by code.
    recoded: New codes by code.
    missing: Name by code of the grids of its communities that the file omits, and whose land it
    leaves free.
    torn: Remaining gaps and overlaps, or those for which it was rejected.
    """

    report: LoadReport
    draft: Revision | None = None
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    recoded: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    torn: CoverageErrors = field(default_factory=CoverageErrors)


def draft_from_file(
    session: Session,
    principal: Principal,
    path: Path,
    title: str,
    options: ReadOptions | None = None,
    *,
    clean: float | None = None,
    missing: str | None = None,
) -> BoundaryFileDraft:
    """Create a draft of the differences between a file of grids and the newest boundaries.

    A table (see `gis.files.tables`) of codes with names or new codes gives areas these.

    Parameters
    ----------
    session
        Open session; the caller commits.
    path
        The file.
    title
        Title of the draft.
    principal
        Author of the draft.
    options
        How to read the file. None means automatic recognition.
    clean
        Metres; overlaps and gaps up to this width are repaired and listed. None means drawing noise
        only.
    missing
        What becomes of the grids that the file omits: keep, retire, or the codes of those that
        end, with commas. None means that a file that omits some is rejected.

    Returns
    -------
    The report. `draft` is None if a row was rejected (nothing is written) or nothing differs.

    Raises
    ------
    InvalidInput
        The file as a whole cannot be loaded, or `clean` or `missing` is wrong.
    TooLarge
        The file is beyond the limits of its format.
    Forbidden
        It changes grids in which the principal may not draft.
    """
    principal.require(Action.DRAFT)
    if clean is not None and not 0 < clean <= MAX_CLEAN_WIDTH_M:
        high = round(MAX_CLEAN_WIDTH_M)
        raise invalid_field(
            "clean", "boundary_file.clean_out_of_range", high=high, value=str(clean)
        )
    result = BoundaryFileDraft(LoadReport("boundaries", path.name))
    if path.suffix.lower() in tables.TEXTS + tables.WORKBOOKS:
        entries = boundary_names.read_names(path, result.report)
        result.renamed = boundary_names.new_names(session, entries, result.report)
        recodings = boundary_names.new_codes(entries)
        result.recoded = {entry.code: str(step["new_code"]) for entry, step in recodings}
        result.report.counts = {
            "rows": len(entries),
            "renamed": len(result.renamed),
            "recoded": len(recodings),
        }
        steps = []
    else:
        recodings = []
        steps = _compare(session, path, options or ReadOptions(), clean, missing, result)
    if result.report.refused:
        return result
    if result.renamed:
        steps.append({"op": "rename", "names": result.renamed})
    if not steps and not recodings:
        result.report.note("boundary_file.nothing_to_draft")
        return result
    _draft(session, principal, title, steps, recodings, result)
    return result


def _draft(
    session: Session,
    principal: Principal,
    title: str,
    steps: Sequence[OperationSpec],
    recodings: Sequence[tuple[AreaRecord, OperationSpec]],
    result: BoundaryFileDraft,
) -> None:
    """Create the draft; rows whose new code cannot be given are refused, and there is none then."""
    with session.begin_nested() as attempt:
        draft = drafts.create_draft(session, principal, title)
        for step in steps:
            drafts.add_operation(session, principal, draft.id, step)
        for entry, step in recodings:
            try:
                drafts.add_operation(session, principal, draft.id, step)
            except (InvalidInput, NotFound) as error:
                fault = error.errors[0] if error.errors else error
                refused = RejectedRow(
                    entry.location_with_code, "new_code", Message(fault.code, fault.params)
                )
                result.report.refused.append(refused)
        if result.report.refused:
            attempt.rollback()
        else:
            result.draft = draft


def _compare(
    session: Session,
    path: Path,
    options: ReadOptions,
    clean: float | None,
    missing: str | None,
    result: BoundaryFileDraft,
) -> list[dict[str, Any]]:
    """Return the operation that redraws the grids of a map file; none where no land moves."""
    report = result.report
    file = read_area_file(path, Level.GRID, options, report)
    repair_geometries(file.entries, report, needed=True)
    stored = grids_around(session, file.entries)
    boundary_names.recognise(session, file, stored, report)
    stored = named_grids(session, file.entries) | stored
    _number(session, file, stored, report)
    good = _validated(session, file, report)
    result.gone = _gone(good, stored)
    result.missing = boundary_missing.missing_grids(session, good, result.gone, FAR_FUTURE)
    ended = boundary_missing.chosen_to_end(result.missing, missing, report)
    result.gone = sorted({*result.gone, *ended})
    moved = fit_to_coverage(
        session, good, clean, FAR_FUTURE, report, result.gone, same_within=NOISE_WIDTH_M
    )
    result.torn = _torn(good, stored, result.gone, clean or NOISE_WIDTH_M)
    result.new = sorted(code for code in moved if code not in stored)
    result.renamed = boundary_names.new_names(session, good, report, result.gone, result.new)
    if report.refused:
        return []
    result.changed = sorted(code for code in moved if code in stored)
    report.counts |= {
        "new": len(result.new),
        "changed": len(result.changed),
        "gone": len(result.gone),
        "renamed": len(result.renamed),
    }
    report.counts["unchanged"] = len(good) - len({entry.code for entry in good} & set(moved))
    if not result.gone and not operations.moves_land(stored, moved):
        return []
    return [_redraw(good, moved, result.gone)]


def _validated(session: Session, file: AreaFile, report: LoadReport) -> list[AreaRecord]:
    """Return the entries with a shape whose code and names are right.

    Refuse those of unknown communities.
    """
    areas = existing_areas(session, file.entries, Level.GRID)
    good = [
        entry
        for entry in validate_records(file, Level.GRID, areas, report)
        if entry.shape is not None
    ]
    for entry in good:
        community = codes.ancestor_code(entry.code, Level.COMMUNITY)
        if community not in areas:
            report.refused.append(
                file.refuse(
                    entry, "community_code", "boundary_file.community_unknown", code=community
                )
            )
    return good


def _redraw(
    good: Sequence[AreaRecord], moved: Mapping[str, PolygonLike], gone: Sequence[str]
) -> dict[str, Any]:
    """Return the operation that redraws changed grids and ends missing ones."""
    named = {entry.code: entry.values.get("name", "") for entry in good}
    grids: list[dict[str, Any]] = [
        {
            "code": code,
            "geometry": shapely.geometry.mapping(shape),
            "name": named.get(code) or None,
            "parent": codes.ancestor_code(code, Level.COMMUNITY),
        }
        for code, shape in sorted(moved.items())
    ] + [{"code": code, "geometry": None} for code in gone]
    return {"op": "redraw", "grids": grids}


def _number(
    session: Session, file: AreaFile, stored: Mapping[str, PolygonLike], report: LoadReport
) -> None:
    """Give codes to the features that share one, and to those without."""
    by_code: dict[str, list[AreaRecord]] = defaultdict(list)
    for entry in file.entries:
        if entry.shape is not None:
            by_code[entry.code].append(entry)
    fresh: dict[str, Iterator[str]] = {}
    used: set[str] = {entry.code for entry in file.entries}
    for code, entries in sorted(by_code.items()):
        largest = max(entries, key=_area_and_place)
        unnumbered = [entry for entry in entries if not code or entry is not largest]
        for entry in sorted(unnumbered, key=_west_first):
            community = (
                codes.ancestor_code(code, Level.COMMUNITY) if code else _community(entry, stored)
            )
            if not community:
                continue  # rejected later, because it has no code
            if community not in fresh:
                fresh[community] = next_codes(session, community, ())
            new = next((candidate for candidate in fresh[community] if candidate not in used), "")
            if new:
                used.add(new)
                entry.values["code"] = new
                if code:
                    entry.values.pop("name", None)  # the name of the one it was split from
                    report.note(
                        "boundary_file.code_twice", place=entry.location, code=code, new=new
                    )
                else:
                    report.note("boundary_file.code_missing", place=entry.location, new=new)


def _area_and_place(entry: AreaRecord) -> tuple[float, str]:
    return (entry.shape.area if entry.shape is not None else 0, text_of(entry.location, "en"))


def _west_first(entry: AreaRecord) -> tuple[float, float]:
    middle = shapely.centroid(entry.shape)
    return float(middle.x), -float(middle.y)


def _community(entry: AreaRecord, stored: Mapping[str, PolygonLike]) -> str:
    """Return the community a feature without a code names, else the one that holds most of it."""
    if named := entry.values.get("community_code") or entry.values.get("parent"):
        return named
    shares: dict[str, float] = defaultdict(float)
    for code, land in stored.items():
        shares[codes.ancestor_code(code, Level.COMMUNITY)] += shapely.intersection(
            land, entry.shape
        ).area
    best = max(shares, key=lambda code: shares[code], default="")
    return best if best and shares[best] > 0 else ""


def _gone(entries: Sequence[AreaRecord], stored: Mapping[str, PolygonLike]) -> list[str]:
    """Return the stored grids that the file does not have and whose land it has given to others."""
    file_codes = {entry.code for entry in entries}
    missing = [code for code in stored if code not in file_codes]
    if not missing or not entries:
        return []
    shapes = np.empty(len(entries), dtype=object)
    shapes[:] = [entry.shape for entry in entries]
    tree = STRtree(shapes)
    gone = []
    for code in missing:
        grids = shapes[tree.query(stored[code], predicate="intersects")]
        if (
            float(shapely.area(shapely.intersection(grids, stored[code])).sum())
            >= MIN_TAKEN_SHARE * stored[code].area
        ):
            gone.append(code)
    return sorted(gone)


def _torn(
    entries: Sequence[AreaRecord],
    stored: Mapping[str, PolygonLike],
    gone: Sequence[str],
    tolerance: float,
) -> CoverageErrors:
    """Return overlaps and gaps wider than the tolerance, largest first."""
    drawn = {entry.code: entry.shape for entry in entries if entry.shape is not None}
    together: dict[str, PolygonLike] = drawn | {
        code: land for code, land in stored.items() if code not in drawn and code not in gone
    }
    if not together:
        return CoverageErrors()
    names, shapes = list(together), list(together.values())
    overlaps = [
        overlap for overlap in polygon_coverage.find_overlaps(shapes) if overlap.width_m > tolerance
    ]
    overlaps.sort(key=lambda overlap: -overlap.area_m2)
    stored_gaps = (
        [gap.shape for gap in polygon_coverage.find_gaps(list(stored.values()))] if stored else []
    )
    gaps = [
        gap
        for gap in polygon_coverage.find_gaps(shapes)
        if gap.width_m > tolerance
        and not any(shapely.equals(gap.shape, shape) for shape in stored_gaps)
    ]
    return CoverageErrors(
        [
            (names[overlap.position], names[overlap.other_position], overlap)
            for overlap in overlaps[:MAX_LISTED_ERRORS]
        ],
        gaps[:MAX_LISTED_ERRORS],
    )
