"""The city or province that rows of a file put their areas into: checked, and followed."""

from collections.abc import Iterable, Mapping

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import LEVELS_OVER_COUNTY, Area, Level
from gis.db import allow_boundary_writes
from gis.exchange.area_file import LEVEL_LABELS, AreaRecord
from gis.files.report import LoadReport
from gis.messages import Message


def unfit(area: Area | None, code: str, level: Level) -> Message | None:
    """Return why a stored area cannot be the one of a level that a file means; None if it can."""
    if area is None:
        return None
    if area.level != level:
        return Message(
            "area_row.code_of_other_level", {"code": code, "level": LEVEL_LABELS[Level(area.level)]}
        )
    if area.retired_at is not None:
        return Message("area_row.code_retired", {"code": code, "level": LEVEL_LABELS[level]})
    return None


def stated_parent(entry: AreaRecord, level: Level) -> tuple[str, str]:
    """Return the key and code of the city or province that a row names; both empty for none.

    Of several the lowest: a file may name the city and the province of a county.
    """
    above = codes.stated_levels(level)
    keys = ("parent", *(f"{over}_code" for over in above)) if above else ()
    stated = [(key, code) for key in keys if (code := entry.values.get(key, ""))]
    return max(stated, key=lambda each: len(each[1]), default=("", ""))


def drop_absent_parents(
    session: Session,
    entries: Iterable[AreaRecord],
    level: Level,
    stored: Mapping[str, Area],
    report: LoadReport,
) -> None:
    """Let counties stand alone where no city or province is stored, and note it.

    Lists of division codes name the cities of counties, also to who has none of them.
    """
    has_cities = select(exists().where(Area.level.in_(LEVELS_OVER_COUNTY)))
    if level is not Level.COUNTY or session.scalar(has_cities):
        return
    absent = set()
    for entry in entries:
        while (stated := stated_parent(entry, level))[1] and stated[1] not in stored:
            absent.add(stated[1])
            del entry.values[stated[0]]
    if absent:
        report.note("area_row.no_cities", codes=sorted(absent))


def wrong_parent(
    entry: AreaRecord, level: Level, stored: Mapping[str, Area]
) -> Iterable[tuple[str, Message]]:
    """Yield what is wrong with the city or province that a row names."""
    key, code = stated_parent(entry, level)
    if not code:
        return
    allowed = codes.stated_levels(level)
    of_level = codes.level_of(code)
    above = of_level if of_level in allowed else allowed[-1]
    if any(
        len(other) == len(code) and other != code
        for other in (entry.values.get(key, "") for key in ("parent", f"{above}_code"))
    ):
        yield key, Message("area_row.two_parents", {"code": entry.code})
    elif fault := codes.code_error(code, above) or unfit(stored.get(code), code, above):
        yield key, fault
    elif code not in stored:
        yield (
            key,
            Message("area_row.above_unknown", {"level": LEVEL_LABELS[above], "code": code}),
        )


def set_parents(
    session: Session,
    good: Iterable[AreaRecord],
    level: Level,
    areas: Mapping[str, Area],
    report: LoadReport,
) -> set[str]:
    """Put counties into the cities, and cities into the provinces, that the file names.

    Return the codes of those that stood elsewhere.
    """
    moved = set()
    for entry in good:
        _, code = stated_parent(entry, level)
        area = areas[entry.code]
        if code and area.parent is not areas[code]:
            if area.parent is not None:
                params = {"code": area.code, "old": area.parent.name, "new": areas[code].name}
                report.note("area_row.moved", **params)
            allow_boundary_writes(session)  # parents are guarded as boundaries are
            area.parent = areas[code]
            moved.add(area.code)
    return moved
