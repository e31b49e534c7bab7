"""Loading areas: grids with their shapes, units, and the codes and names of the levels above.

Grids own the land; the levels above follow them (`gis.boundaries.store`). So a file of grids makes
the areas above that its codes name, and an outline of a community or county is only compared with
the union of its grids.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from shapely import MultiPolygon
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import LEVELS, LEVELS_OVER_COUNTY, Area, Level
from gis.boundaries.store import effective_time, publish_shapes, write_boundaries
from gis.errors import InvalidInput
from gis.exchange.area_distance import note_far_grids
from gis.exchange.area_file import (
    LEVEL_LABELS,
    AreaFile,
    AreaRecord,
    ReadOptions,
    name_fault,
    read_area_file,
)
from gis.exchange.area_parents import (
    drop_absent_parents,
    set_parents,
    stated_parent,
    unfit,
    wrong_parent,
)
from gis.exchange.area_shapes import (
    MAX_NOTES_PER_TYPE,
    check_land_abroad,
    compare_outlines,
    fit_to_coverage,
    fit_units,
    note_some,
    repair_geometries,
)
from gis.exchange.division_codes import mark_list, take_names
from gis.files import datasets
from gis.files.report import LoadReport, RejectedRow, shorten
from gis.incidents.reading import unanswered
from gis.messages import Message, text_of

MAX_CLEAN_WIDTH_M = 50.0  # metres; wider gaps are not noise
UPPER_LEVELS = (Level.COUNTY, Level.STREET, Level.COMMUNITY)


def load_areas(
    session: Session,
    path: Path,
    level: Level | str,
    options: ReadOptions | None = None,
    *,
    clean: float | None = None,
    effective: datetime | None = None,
    attribution: str = "",
) -> LoadReport:
    """Load the areas of one level, with their shapes where the level has its own.

    Parameters
    ----------
    session
        Open session; the caller commits.
    path
        The file.
    level
        One of LEVELS.
    options
        How to read the file. None means automatic recognition.
    clean
        Metres; overlaps and gaps up to this width are repaired. None means drawing noise only.
    effective
        Moment from which the shapes hold, with time zone. None means now.
    attribution
        The credit to print on maps.

    Returns
    -------
    The report. If a row is rejected nothing is written.

    Raises
    ------
    InvalidInput, TooLarge
        The file as a whole cannot be loaded.
    Conflict
        A stored boundary begins later than `effective`.

    Notes
    -----
    Grids: a map file. The areas above are created from the first digits of the codes.
    Overlaps and gaps up to `NOISE_WIDTH_M` are one border drawn twice, and repaired; wider overlaps
    are rejected unless `clean` covers them; wider gaps are noted. Grids that cover grids of another
    county by more than `NOISE_WIDTH_M` are rejected; outlines that do are noted. A shape within
    this tolerance of the stored one stays unchanged. Units: a map file or a table; the grid must
    exist. A unit with buildings keeps their shape. Other levels: a map file or a table of codes,
    names and parents. A county belongs to the city that its file names, a city to the province; a
    file that names none leaves them where they are.
    """
    level = _level(level)
    _require_clean_width(clean)
    at = effective_time(session, effective)
    report = LoadReport(f"areas:{level}", path.name)
    file = read_area_file(path, level, options := options or ReadOptions(), report)
    stored = existing_areas(session, file.entries, level)
    take_names(session, options.code_list, file.entries, stored, level, report)
    drop_absent_parents(session, file.entries, level, stored, report)
    good = validate_records(file, level, stored, report)
    repair_geometries(good, report, needed=level is Level.GRID)
    shapes: dict[str, MultiPolygon] = {}
    if level is Level.GRID:
        drawn = [entry for entry in good if entry.shape is not None]
        note_far_grids(session, drawn, at, report)
        shapes = fit_to_coverage(session, drawn, clean, at, report)
    if level is not Level.UNIT and level not in LEVELS_OVER_COUNTY:
        outlines = {entry.code: entry.shape for entry in good if entry.shape is not None}
        check_land_abroad(session, level, good, shapes or outlines, at, report)
    if report.refused:
        report.refused.sort(key=_position_in_file)
        return report
    ids, changed = _write(session, good, level, stored, report)
    mark_list(session, options.code_list, good, level)
    if level is Level.GRID:
        if shapes:
            publish_shapes(
                session, shapes, title=f"导入 {path.name}", author="load areas", effective=at
            )
    elif level is Level.UNIT:
        shapes = _write_units(session, good, ids, at, report)
    elif level not in LEVELS_OVER_COUNTY:
        compare_outlines(session, good, ids, at, report)
    _count_changes(report, {entry.code for entry in good}, set(stored), changed, set(shapes))
    datasets.record_load(
        session, report.kind, path, datasets.file_sha256(path), {"areas": len(good)}, attribution
    )
    session.flush()
    if level is Level.GRID:
        report.messages += unanswered.note(session, at)
    return report


def _require_clean_width(clean: float | None) -> None:
    """Raise InvalidInput unless a width to repair is none or up to MAX_CLEAN_WIDTH_M.

    Raises
    ------
    InvalidInput
        `area_file.clean_out_of_range`.
    """
    if clean is not None and not 0 < clean <= MAX_CLEAN_WIDTH_M:
        raise InvalidInput(
            "area_file.clean_out_of_range", high=round(MAX_CLEAN_WIDTH_M), value=str(clean)
        )


def _count_changes(
    report: LoadReport, loaded: set[str], stored: set[str], renamed: set[str], redrawn: set[str]
) -> None:
    """Count by code what is new, changed and unchanged."""
    new, changed = loaded - stored, renamed | loaded & redrawn
    report.counts |= {"new": len(new), "changed": len(changed - new), "shapes": len(redrawn)}
    report.counts["unchanged"] = len(loaded) - len(new | changed)


def _write_units(
    session: Session,
    good: Sequence[AreaRecord],
    ids: Mapping[str, int],
    at: datetime,
    report: LoadReport,
) -> dict[str, MultiPolygon]:
    """Write the shapes of units that do not stand on buildings; return those that changed."""
    shapes = fit_units(session, good, at, report)
    by_id = {ids[code]: shape for code, shape in shapes.items()}
    title = f"导入 {report.source}"
    revision = write_boundaries(
        session, by_id, title=title, author="load areas", reason=None, effective=at
    )
    return {} if revision is None else shapes


def _level(level: Level | str) -> Level:
    try:
        return Level(level)
    except ValueError:
        raise InvalidInput(
            "area_file.level_unknown", level=level, levels=[str(name) for name in LEVELS]
        ) from None


def _position_in_file(rejected: RejectedRow) -> tuple[int, str]:
    number = re.search(r"\d+", rejected.where)
    return (int(number[0]) if number else 0, rejected.where)


def existing_areas(
    session: Session, entries: Sequence[AreaRecord], level: Level
) -> dict[str, Area]:
    """Return the stored areas, of those in the file and all above them, by code."""
    file_codes = {entry.code for entry in entries}
    file_codes |= {
        above for code in list(file_codes) for above in codes.codes_above(code, level).values()
    }
    file_codes |= {stated_parent(entry, level)[1] for entry in entries}
    return {
        area.code: area for area in session.scalars(select(Area).where(Area.code.in_(file_codes)))
    }


def validate_records(
    file: AreaFile, level: Level, stored: Mapping[str, Area], report: LoadReport
) -> list[AreaRecord]:
    """Return the entries whose code, name and parents are right.

    Refuse the others with all that is wrong.
    """
    refused = report.refused
    unreadable = {rejected.where for rejected in refused}
    location_by_code: dict[str, Message] = {}
    names: dict[str, str] = {}
    good = []
    for entry in file.entries:
        count, code = len(refused), entry.code
        if not code:
            if text_of(entry.location, "en") not in unreadable:
                refused.append(file.refuse(entry, "code", "area_row.code_empty"))
            continue
        if wrong_code := codes.code_error(code, level):
            refused.append(file.refuse(entry, "code", wrong_code))
            continue
        if code in location_by_code:
            refused.append(
                file.refuse(entry, "code", "area_row.code_twice", place=location_by_code[code])
            )
        location_by_code.setdefault(code, entry.location)
        if fault := name_fault(entry.values.get("name", "")):
            refused.append(file.refuse(entry, "name", fault))
        if fault := unfit(stored.get(code), code, level):
            refused.append(file.refuse(entry, "code", fault))
        refused += [
            file.refuse(entry, *wrong) for wrong in _wrong_above(entry, level, stored, names)
        ]
        if len(refused) == count:
            good.append(entry)
    return good


def _wrong_above(
    entry: AreaRecord, level: Level, stored: Mapping[str, Area], names: dict[str, str]
) -> Iterable[tuple[str, Message]]:
    """Yield what is wrong with the areas above an entry: key of the attribute, and reason."""
    parent = codes.parent_level(level)
    yield from wrong_parent(entry, level, stored)
    for above, code in codes.codes_above(entry.code, level).items():
        for key in (f"{above}_code", "parent") if above is parent else (f"{above}_code",):
            if (value := entry.values.get(key)) and value != code:
                params = {
                    "value": value,
                    "level": LEVEL_LABELS[above],
                    "code": entry.code,
                    "start": code,
                }
                yield key, Message("area_row.not_above", params)
        if fault := unfit(stored.get(code), code, above):
            yield f"{above}_code", fault
        name = entry.values.get(f"{above}_name", "")
        if fault := name_fault(name):
            yield f"{above}_name", fault
        if name and names.setdefault(code, name) != name:
            params = {
                "level": LEVEL_LABELS[above],
                "code": code,
                "name": name,
                "earlier": names[code],
            }
            yield f"{above}_name", Message("area_row.two_names", params)
        # The parents must exist; above the grid its code determines them.
        must_exist = above is parent and (
            level is Level.UNIT or (level is not Level.GRID and not name)
        )
        if must_exist and code not in stored:
            message = Message(
                "area_row.above_unknown", {"level": LEVEL_LABELS[above], "code": code}
            )
            yield "parent" if "parent" in entry.values else f"{above}_code", message


def _write(
    session: Session,
    good: list[AreaRecord],
    level: Level,
    stored: dict[str, Area],
    report: LoadReport,
) -> tuple[dict[str, int], set[str]]:
    """Make and rename areas, the upper ones first.

    Return the ids of the file's areas by code, and the renamed.
    """
    areas = dict(stored)
    changed: set[str] = set()
    nameless: list[str] = []
    unchanged_names: list[Message] = []
    new: dict[Level, int] = {}
    for row_level in (*codes.coded_levels(level), level):
        is_level = row_level is level
        above = codes.parent_level(row_level) if codes.coded_levels(row_level) else None
        for code, name in _names(good, row_level, is_level).items():
            if (area := areas.get(code)) is None:
                areas[code] = Area(
                    code=code,
                    level=row_level,
                    name=name or code,
                    county=codes.ancestor_code(code, Level.COUNTY),
                    parent=areas[codes.ancestor_code(code, above)] if above else None,
                )
                session.add(areas[code])
                new[row_level] = new.get(row_level, 0) + 1
                if not name:
                    nameless.append(code)
            elif name and area.name != name:
                if is_level or area.name == code:
                    area.name = name
                    changed.add(code)
                else:
                    params = {
                        "level": LEVEL_LABELS[row_level],
                        "code": code,
                        "name": area.name,
                        "file_name": name,
                    }
                    unchanged_names.append(Message("area_row.name_unchanged", params))
    changed |= set_parents(session, good, level, areas, report)
    session.flush()
    report.counts |= {
        f"new_{upper}": new[upper] for upper in UPPER_LEVELS if upper is not level and upper in new
    }
    if nameless:
        report.note("area_row.nameless", codes=shorten(nameless, MAX_NOTES_PER_TYPE))
    note_some(report, unchanged_names, "area_row.more_names_unchanged")
    ids = {entry.code: areas[entry.code].id for entry in good}
    return ids, changed & ids.keys()


def _names(records: Iterable[AreaRecord], level: Level, is_own: bool) -> dict[str, str]:
    """Return the names that a file gives to the areas of a level, by code.

    Empty where it gives none.
    """
    names: dict[str, str] = {}
    for record in records:
        code = record.code if is_own else codes.ancestor_code(record.code, level)
        names[code] = record.values.get("name" if is_own else f"{level}_name") or names.get(
            code, ""
        )
    return names
