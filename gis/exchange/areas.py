"""Loading areas: grids with their shapes, units, and the codes and names of the levels above.

Grids own the land; the levels above follow them (`gis.boundaries.store`). So a file of grids makes the areas
above that its codes name, and an outline of a community or county is only compared with the union of its
grids.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import LEVELS, Area, Level
from gis.boundaries.store import effective_time, publish_shapes, write_boundaries
from gis.errors import InvalidInput
from gis.exchange.area_file import AreaFile, AreaRecord, read_area_file
from gis.exchange.area_shapes import (
    MAX_NOTES_PER_TYPE,
    compare_outlines,
    fit_to_coverage,
    fit_units,
    repair_geometries,
    shortened,
)
from gis.files import datasets, tables, vector
from gis.files.report import LoadReport, RejectedRow
from gis.incidents.reading import unanswered
from gis.messages import render

MAX_NAME_CHARS = 100  # characters
MAX_CLEAN_WIDTH_M = 50.0  # metres; beyond it borders are not noise any more
UPPER = (Level.COUNTY, Level.STREET, Level.COMMUNITY)


def load_areas(
    session: Session,
    path: Path,
    level: Level | str,
    *,
    mapping: Mapping[str, str] | None = None,
    crs: str | None = None,
    clean: float | None = None,
    effective: datetime | None = None,
    layer: str | None = None,
    attribution: str = "",
) -> LoadReport:
    """Load the areas of one level, with their shapes where the level has its own.

    Grids: a map file. The areas above are made from the first digits of the codes. Overlaps and gaps no
    wider than `gis.shapes.polygon_coverage.NOISE_WIDTH_M` are one border drawn twice, and mended; wider overlaps are refused
    unless `clean` is as wide; wider gaps are noted. A shape that differs from the stored one by no more
    stays as it is. Units: a map file or a table; the grid exists. A unit that stands on buildings keeps the
    shape of those. Other levels: a map file or a table; codes, names, parents.

    Args:
        level: county, street, community, grid or unit.
        mapping: Name of the file's attribute by key, as {"code": "GRIDCODE"}; others are recognised by name.
        crs: A name of `gis.crs.SUPPORTED_CRS` or EPSG:number; needed where the file names none.
        clean: Metres; overlaps and gaps up to this width are mended. None: only drawing noise.
        effective: From when the shapes hold, with its time zone; None is now.
        layer: Needed where a file has several.
        attribution: The credit to print on maps.

    Returns:
        The report. Where a row is refused nothing is written at all.

    Raises:
        InvalidInput, TooMuch: The file as a whole cannot be taken.
        Conflict: A stored boundary begins later than `effective`.
    """
    level = _level(level)
    if clean is not None and not 0 < clean <= MAX_CLEAN_WIDTH_M:
        raise InvalidInput(f"clean must be more than 0 and at most {MAX_CLEAN_WIDTH_M:.0f} metres, not {clean}")
    at = effective_time(session, effective)
    report = LoadReport(f"areas:{level}", path.name)
    if level is Level.GRID and path.suffix.lower() in tables.TEXTS + tables.WORKBOOKS:
        raise InvalidInput(f"{path.name} is a table without shapes; grids come from a map: {vector.NAMES}")
    file = read_area_file(path, level, mapping or {}, crs, layer, report)
    report.crs = file.crs
    report.counts = {"rows": len(file.entries)}
    if not file.entries and not report.refused:
        report.refused.append(RejectedRow(path.name, "", f"holds no {level}"))
    known = existing_areas(session, file.entries, level)
    good = validate_records(file, level, known, report)
    repair_geometries(good, report, needed=level is Level.GRID)
    if level is Level.GRID:
        shapes = fit_to_coverage(session, [entry for entry in good if entry.shape is not None], clean, at, report)
    if report.refused:
        report.refused.sort(key=_place_in_file)
        return report

    ids, changed = _write(session, good, level, known, report)
    title = f"导入 {path.name}"
    if level is Level.GRID:
        if shapes:
            publish_shapes(session, shapes, title=title, author="load areas", effective=at)
    elif level is Level.UNIT:
        shapes = fit_units(session, good, at, report)
        drawn = {ids[code]: shape for code, shape in shapes.items()}
        if write_boundaries(session, drawn, title=title, author="load areas", reason=None, effective=at) is None:
            shapes = {}
    else:
        shapes = {}
        compare_outlines(session, good, ids, at, report)
    new = {entry.code for entry in good} - set(known)
    changed |= {entry.code for entry in good} & set(shapes)
    report.counts |= {"new": len(new), "changed": len(changed - new), "shapes": len(shapes)}
    report.counts["unchanged"] = len(good) - len(new | changed)
    datasets.record_load(session, report.kind, path, datasets.file_sha256(path), {"areas": len(good)}, attribution)
    session.flush()
    if level is Level.GRID:
        report.notes += unanswered.note(session, at)
    return report


def _level(level: Level | str) -> Level:
    try:
        return Level(level)
    except ValueError:
        raise InvalidInput(f"{level!r} is not a level; one of {', '.join(LEVELS)}") from None


def _place_in_file(one: RejectedRow) -> tuple[int, str]:
    found = re.search(r"\d+", one.where)
    return (int(found[0]) if found else 0, one.where)


def _above(code: str, level: Level) -> dict[Level, str]:
    """The codes of the areas above one of a level, the highest first."""
    return {one: codes.ancestor_code(code, one) for one in LEVELS[: LEVELS.index(level)]}


def existing_areas(session: Session, entries: Iterable[AreaRecord], level: Level) -> dict[str, Area]:
    """The areas there are already, of those in the file and all above them, by code."""
    wanted = {entry.code for entry in entries}
    wanted |= {above for code in list(wanted) for above in _above(code, level).values()}
    return {area.code: area for area in session.scalars(select(Area).where(Area.code.in_(wanted)))}


def validate_records(file: AreaFile, level: Level, known: Mapping[str, Area], report: LoadReport) -> list[AreaRecord]:
    """The entries whose code, name and parents are right; the others are refused with all that is wrong."""
    refused = report.refused
    unreadable = {one.where for one in refused}
    first: dict[str, str] = {}
    names: dict[str, str] = {}
    good = []
    for entry in file.entries:
        before, code = len(refused), entry.code
        if not code:
            if entry.where not in unreadable:
                refused.append(file.refuse(entry, "code", "is empty; every area has a code"))
            continue
        if wrong_code := codes.code_error(code, level):
            refused.append(file.refuse(entry, "code", render(wrong_code)))
            continue
        if code in first:
            words = f"is there already in {first[code]}; one area is one row, of several parts a multipolygon"
            refused.append(file.refuse(entry, "code", words))
        first.setdefault(code, entry.where)
        if len(entry.values.get("name", "")) > MAX_NAME_CHARS:
            refused.append(file.refuse(entry, "name", f"is longer than {MAX_NAME_CHARS} characters"))
        if fault := _unfit(known.get(code), code, level):
            refused.append(file.refuse(entry, "code", fault))
        refused += [file.refuse(entry, *wrong) for wrong in _wrong_above(entry, level, known, names)]
        if len(refused) == before:
            good.append(entry)
    return good


def _unfit(area: Area | None, code: str, level: Level) -> str | None:
    if area is None:
        return None
    if area.level != level:
        return f"{code} is the code of a {area.level} already"
    if area.retired_at is not None:
        return f"{code} is retired; a code is never used again, give the new {level} another"
    return None


def _wrong_above(
    entry: AreaRecord, level: Level, known: Mapping[str, Area], names: dict[str, str]
) -> Iterable[tuple[str, str]]:
    """What is wrong with the areas above an entry: (key of the attribute, words)."""
    parent = codes.parent_level(level)
    for above, code in _above(entry.code, level).items():
        for key in (f"{above}_code", "parent") if above is parent else (f"{above}_code",):
            if (said := entry.values.get(key)) and said != code:
                yield key, f"{said} is not the {above} of {entry.code}; its code begins with {code}"
        if fault := _unfit(known.get(code), code, above):
            yield f"{above}_code", fault
        name = entry.values.get(f"{above}_name", "")
        if len(name) > MAX_NAME_CHARS:
            yield f"{above}_name", f"is longer than {MAX_NAME_CHARS} characters"
        if name and names.setdefault(code, name) != name:
            yield (
                f"{above}_name",
                f"{above} {code} is called {name} here and {names[code]} before; give it one name",
            )
        # The land's owners must be there first; above a grid its codes say all there is to say.
        must_exist = above is parent and (level is Level.UNIT or (level is not Level.GRID and not name))
        if must_exist and code not in known:
            words = f"{above} {code} is not known; load the areas of level {above} first"
            yield "parent" if "parent" in entry.values else f"{above}_code", words


def _write(
    session: Session, good: list[AreaRecord], level: Level, known: dict[str, Area], report: LoadReport
) -> tuple[dict[str, int], set[str]]:
    """Make and rename areas, the upper ones first; ids of the file's areas by code, and the renamed."""
    held = dict(known)
    changed: set[str] = set()
    nameless: list[str] = []
    kept: list[str] = []
    made: dict[Level, int] = {}
    for one in LEVELS[: LEVELS.index(level) + 1]:
        own = one is level
        key = "name" if own else f"{one}_name"
        names: dict[str, str] = {}
        for entry in good:
            code = codes.ancestor_code(entry.code, one) if not own else entry.code
            names[code] = entry.values.get(key) or names.get(code, "")
        above = codes.parent_level(one)
        for code, name in names.items():
            area = held.get(code)
            if area is None:
                parent = held[codes.ancestor_code(code, above)] if above else None
                county = codes.ancestor_code(code, Level.COUNTY)
                held[code] = Area(code=code, level=one, name=name or code, county=county, parent=parent)
                session.add(held[code])
                made[one] = made.get(one, 0) + 1
                if not name:
                    nameless.append(code)
            elif name and area.name != name:
                if own or area.name == code:
                    area.name = name
                    changed.add(code)
                else:
                    kept.append(f"{one} {code} is called {area.name}, in the file {name}; the name is kept")
    session.flush()
    for one in UPPER:
        if one is not level and one in made:
            report.counts[f"new_{one}"] = made[one]
    if nameless:
        more = f" and {len(nameless) - MAX_NOTES_PER_TYPE} more" if len(nameless) > MAX_NOTES_PER_TYPE else ""
        report.notes.append(
            f"without a name, called by their codes for now: {', '.join(nameless[:MAX_NOTES_PER_TYPE])}{more}"
        )
    report.notes += shortened(kept, "names are kept")
    return {entry.code: held[entry.code].id for entry in good}, changed & {entry.code for entry in good}
