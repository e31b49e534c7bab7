"""What planners change of the walking network: paths closed and added, and gates with hours.

An edit is never altered: who errs withdraws it and states another. Labels of coverage and service
circles follow by the version of the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID
from gis.errors import FieldError, NotFound, Unavailable, invalid_fields
from gis.facilities.hours import read_hours
from gis.facilities.planning_land import (
    MAX_STATED_CHARS,
    PLANNED_AREAS_CTE,
    planning_params,
    require_planner_of,
)
from gis.network.edit_draft import JOIN_REACH_M
from gis.network.edits import CLOSED, find_edits
from gis.network.loading import load_edited
from gis.network.models import EDIT_KINDS
from gis.rights.principal import Principal
from gis.shapes.measure import GEOD

MAX_LINE_POINTS = 500  # of a line
MIN_LINE_M, MAX_LINE_M = 1, 5_000
EDIT_ZH = {"close": "封闭", "add": "新增", "gate": "门"}
GEOMETRY_TYPES_BY_KIND = {
    "close": ("Point", "LineString"),
    "add": ("LineString",),
    "gate": ("Point",),
}
ALWAYS_CLOSED = ("closed", "off", "关闭", "不开放")  # hours of a gate that never opens

MAX_SEGMENT_M = 50  # a line is looked at where it turns, and at least so often
LINE_POINTS_SQL = """
ST_DumpPoints(ST_SetSRID(geometry(ST_Segmentize(geography(ST_SetSRID({shape}, 4326)), {metres})),
  {srid}))"""

# edits that lie in the grids that a planner plans, all along
PLANNED_EDITS_SQL = f"""{PLANNED_AREAS_CTE}
SELECT e.id, e.code, e.kind, ST_AsGeoJSON(e.geom, 7) AS geometry, e.hours, e.reason, e.from_at,
  e.until_at, e.source, e.stated_at, e.author = :who AS mine,
  CASE WHEN e.from_at > :at THEN 'to_come' WHEN e.until_at <= :at THEN 'over' ELSE 'in_force'
    END AS state
FROM walk_edit e
WHERE e.withdrawn_at IS NULL
  AND (CAST(:id AS bigint) IS NULL OR e.id = :id)
  AND (CAST(:cursor AS bigint) IS NULL OR e.id > :cursor)
  AND (CAST(:box AS text) IS NULL OR e.geom && ST_GeomFromEWKT(:box))
  AND (:everywhere OR NOT EXISTS (
    SELECT FROM {LINE_POINTS_SQL.format(shape="e.geom", metres=MAX_SEGMENT_M, srid=STORAGE_SRID)} p
    LEFT JOIN LATERAL grid_at(p.geom, :at) g ON true
    WHERE g.id IS NULL OR g.id NOT IN (SELECT id FROM mine)))
ORDER BY e.id
LIMIT :limit
"""  # noqa: S608  ours
INSERT_EDIT_SQL = """
INSERT INTO walk_edit (code, kind, geom, hours, reason, from_at, until_at, source, author)
VALUES (:code, :kind, ST_GeomFromWKB(:geom, :srid), :hours, :reason, :from_at, :until_at, :source,
  :author)
RETURNING id
"""
CROSSED_GRIDS_SQL = f"""
SELECT DISTINCT g.id
FROM {
    LINE_POINTS_SQL.format(
        shape="ST_GeomFromWKB(:geom, 4326)", metres=MAX_SEGMENT_M, srid=STORAGE_SRID
    )
} p
LEFT JOIN LATERAL grid_at(p.geom, :at) g ON true
"""  # noqa: S608  ours


@dataclass(frozen=True)
class NewEdit:
    """An edit as somebody states it.

    Attributes
    ----------
    kind
        One of `gis.network.models.EDIT_KINDS`.
    geom
        Degrees, EPSG:4490: a point or line to close, the line of a path to add, the point of a
        gate.
    hours
        Of a gate: opening hours, OSM syntax or Chinese words; one of ALWAYS_CLOSED for never.
    from_at, until_at
        When it holds; None is without limit.
    """

    kind: str
    geom: BaseGeometry
    hours: str = ""
    reason: str = ""
    from_at: datetime | None = None
    until_at: datetime | None = None
    code: str | None = None


@dataclass(frozen=True)
class EditRow:
    """An edit as it stands.

    Attributes
    ----------
    geometry
        GeoJSON, degrees, EPSG:4490.
    mine
        Whether the reader stated it.
    state
        to_come, in_force or over.
    problem
        Code that says why it does not fit the paths there are now; None: it fits, or is not in
        force.
    """

    id: int
    code: str | None
    kind: str
    geometry: str
    hours: str
    reason: str
    from_at: datetime | None
    until_at: datetime | None
    source: str
    stated_at: datetime
    mine: bool
    state: str
    problem: str | None = field(default=None)


def list_edits(
    session: Session,
    principal: Principal,
    at: datetime,
    *,
    box: str | None = None,
    cursor: int | None = None,
    limit: int = 100,
) -> list[EditRow]:
    """List the edits that lie where the principal plans, by id.

    Parameters
    ----------
    box
        Only those in this box, EWKT.
    cursor
        Continue after this id.
    """
    return _read(session, principal, at, box=box, cursor=cursor, limit=limit)


def add_edit(session: Session, principal: Principal, at: datetime, edit: NewEdit) -> EditRow:
    """Close a path, add one or put a gate on one.

    Raises
    ------
    InvalidInput
        A field is wrong, or no path is where the edit needs one.
    Forbidden
        The principal does not plan at every point of it.
    Unavailable
        No walking network is loaded.
    """
    faults = find_faults(edit, at)
    if faults:
        raise invalid_fields(faults)
    _require_planner(session, principal, at, edit.geom)
    number = insert_edit(session, edit, source="page", author=principal.actor)
    problem = find_problems(session, [number]).get(number)
    if problem is not None:
        raise invalid_fields([FieldError("geometry", problem, {"limit": round(JOIN_REACH_M)})])
    return _one(session, principal, at, number)


def withdraw_edit(session: Session, principal: Principal, at: datetime, number: int) -> None:
    """Withdraw an edit: the path is as the map has it again.

    Raises
    ------
    NotFound
        There is none with the id where the principal plans.
    """
    session.execute(text("SELECT FROM walk_edit WHERE id = :id FOR UPDATE"), {"id": number})
    _one(session, principal, at, number)
    session.execute(
        text("UPDATE walk_edit SET withdrawn_at = :at WHERE id = :id"), {"id": number, "at": at}
    )


def find_problems(session: Session, more: Sequence[int] = ()) -> dict[int, str]:
    """Return of the edits in force, and some more, those that do not fit, with the code of why.

    Raises
    ------
    Unavailable
        No walking network is loaded, or the edits close all of it.
    """
    edits = find_edits(session)
    if not set(more) <= set(edits.ids):
        edits = find_edits(session, ids=sorted({*edits.ids, *more}))
    return load_edited(session, edits).unfit


def find_faults(edit: NewEdit, now: datetime) -> list[FieldError]:
    """Return what is wrong with an edit, paths apart."""
    faults = []

    def add(name: str, code: str, **params: object) -> None:
        faults.append(FieldError(name, code, params))

    if edit.kind not in EDIT_KINDS:
        add("kind", "field.none_of", value=edit.kind[:40], allowed=list(EDIT_KINDS))
    else:
        fault = _shape_fault(edit)
        if fault is not None:
            faults.append(fault)
        if (edit.kind == "gate") != bool(edit.hours.strip()):
            add("hours", "path_edit.hours_of_gate")
        elif edit.hours.strip() and gate_hours(edit.hours) is None:
            add("hours", "entrance.hours_unreadable", value=edit.hours[:40])
    if len(edit.reason) > MAX_STATED_CHARS:
        add("reason", "checkup.text_too_long", limit=MAX_STATED_CHARS)
    if edit.until_at is not None and edit.until_at <= max(edit.from_at or now, now):
        add("until_at", "path_edit.over_already")
    return faults


def gate_hours(hours: str) -> str | None:
    """Return the hours of a gate as they are stored; None if they cannot be read."""
    hours = hours.strip()
    return CLOSED if hours.lower() in ALWAYS_CLOSED else read_hours(hours)


def stored_hours(edit: NewEdit) -> str:
    """Return the hours of an edit without faults as they are stored; empty unless it is a gate."""
    return (gate_hours(edit.hours) or "") if edit.kind == "gate" else ""


def insert_edit(session: Session, edit: NewEdit, *, source: str, author: str) -> int:
    """Store an edit without faults; return its id."""
    values = {
        "code": edit.code,
        "kind": edit.kind,
        "geom": shapely.to_wkb(edit.geom),
        "srid": STORAGE_SRID,
        "hours": stored_hours(edit),
        "reason": edit.reason.strip(),
        "from_at": edit.from_at,
        "until_at": edit.until_at,
        "source": source,
        "author": author,
    }
    return int(session.execute(text(INSERT_EDIT_SQL), values).scalar_one())


def _shape_fault(edit: NewEdit) -> FieldError | None:
    shape, allowed = edit.geom, GEOMETRY_TYPES_BY_KIND[edit.kind]
    if shape.is_empty or shape.geom_type not in allowed:
        params: dict[str, object] = {"value": shape.geom_type, "allowed": list(allowed)}
        return FieldError("geometry", "field.none_of", params)
    if shape.geom_type == "LineString":
        if len(shape.coords) > MAX_LINE_POINTS:
            return FieldError("geometry", "path_edit.too_many_points", {"limit": MAX_LINE_POINTS})
        metres = GEOD.geometry_length(shape)
        if not MIN_LINE_M <= metres <= MAX_LINE_M:
            limits = {"metres": round(metres), "least": MIN_LINE_M, "limit": MAX_LINE_M}
            return FieldError("geometry", "path_edit.length", limits)
    return None


def _require_planner(
    session: Session, principal: Principal, at: datetime, shape: BaseGeometry
) -> None:
    """Raise Forbidden unless the principal plans in all grids that a shape lies in."""
    params = {"geom": shapely.to_wkb(shape), "at": at}
    for grid in session.scalars(text(CROSSED_GRIDS_SQL), params).all():
        require_planner_of(session, principal, grid, at)


def _read(session: Session, principal: Principal, at: datetime, **conditions: Any) -> list[EditRow]:
    params: dict[str, Any] = {"id": None, "box": None, "cursor": None, "limit": 1, "at": at}
    params |= planning_params(principal) | {"who": principal.actor}
    rows = session.execute(text(PLANNED_EDITS_SQL), params | conditions).all()
    try:
        problems = find_problems(session) if rows else {}
    except Unavailable:  # nothing can be said without streets
        problems = {}
    return [EditRow(**row._mapping, problem=problems.get(row.id)) for row in rows]


def _one(session: Session, principal: Principal, at: datetime, number: int) -> EditRow:
    rows = _read(session, principal, at, id=number)
    if not rows:
        raise NotFound("path_edit.unknown", id=number)
    return rows[0]
