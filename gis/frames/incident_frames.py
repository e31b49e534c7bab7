"""Frames of incidents as a principal sees them, and of posts without names."""

from datetime import UTC, datetime

import pandas as pd
from geopandas import GeoDataFrame
from sqlalchemy import Text, and_, cast, func, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session, aliased

from gis.areas.models import Area, Boundary
from gis.frames.read import read_frame, wkb
from gis.incidents import working_time
from gis.incidents.models import Category, Incident
from gis.incidents.reading.incidents import IncidentFilters, filter_conditions, validate_filters
from gis.people.models import Post, Role
from gis.places.models import Building
from gis.rights.principal import Principal


def incidents(
    session: Session,
    principal: Principal,
    filters: IncidentFilters | None = None,
    now: datetime | None = None,
) -> GeoDataFrame:
    """Return the incidents that the principal may see.

    Parameters
    ----------
    principal
        `gis.rights.principal.system_principal` sees every incident.
    filters
        None means all incidents. The order is by report, newest first, whatever `sort` says.
    now
        Moment that decides what is overdue; None means now.

    Returns
    -------
    GeoDataFrame
        Index `id` (text). Columns `state`, `category` (code), `category_zh`, `category_en`, `kind`
        (of the category), `severity`, `channel`, `way` (assign or order), `grid` and `unit` (codes;
        unit None where unknown), `reported_at`, `closed_at`, `due_at` (UTC, missing where none),
        `due_status` (green, amber, red; None: no clock runs), `supervised`, `rating` (1 to 5) and
        `solved` as the reporter stated, `geometry` (Point). No contacts, descriptions, addresses or
        names.

    Raises
    ------
    InvalidInput
        A filter names what does not exist.
    """
    now = now or datetime.now(UTC)
    filters = filters or IncidentFilters()
    validate_filters(session, filters)
    condition, params = filter_conditions(session, principal, filters, now)
    incident, unit, grid = aliased(Incident, name="i"), aliased(Area), aliased(Area)
    query = (
        select(
            cast(incident.id, Text).label("id"),
            incident.state,
            incident.category,
            Category.zh.label("category_zh"),
            Category.en.label("category_en"),
            Category.kind,
            incident.severity,
            incident.channel,
            incident.dispatch_mode.label("way"),
            grid.code.label("grid"),
            unit.code.label("unit"),
            incident.reported_at,
            incident.closed_at,
            incident.due_at,
            incident.warning_at,
            incident.supervised,
            incident.rating,
            incident.solved,
            wkb(incident.geom),
        )
        .join(
            Category,
            and_(Category.edition_id == incident.edition_id, Category.code == incident.category),
        )
        .join(grid, grid.id == incident.grid_id)
        .outerjoin(unit, unit.id == incident.unit_id)
        .where(text(condition))
        .order_by(incident.reported_at.desc(), incident.id)
        .params(**params)
    )
    frame = read_frame(session, query, "id")
    clocks = frame[["warning_at", "due_at"]].astype(object).where(frame["due_at"].notna(), None)
    status = [working_time.due_status(now, *moments) for moments in clocks.itertuples(index=False)]
    frame["warning_at"] = pd.Series(status, frame.index, dtype=object)
    return frame.rename(columns={"warning_at": "due_status"}).astype(
        {"rating": "Int8", "solved": "boolean"}
    )


def posts(session: Session, at: datetime | None = None) -> GeoDataFrame:
    """Return the posts in force at a moment: roles and areas, no names.

    Parameters
    ----------
    at
        Moment, with time zone; None means now.

    Returns
    -------
    GeoDataFrame
        Index `id` (number of the post). Columns `role` (key), `rank` (nearest to the household
        first), `area` and `building` (codes; one of them), `county` (code), `vacant`, `has_deputy`,
        `since` and `until` (UTC; until is missing where it is open), `geometry` (of the area at
        that moment, or the footprint).
    """
    at = at or datetime.now(UTC)
    query = (
        select(
            Post.id,
            Post.role,
            Role.rank,
            Area.code.label("area"),
            Building.code.label("building"),
            Post.county,
            Post.holder_id.is_(None).label("vacant"),
            Post.deputy_id.is_not(None).label("has_deputy"),
            func.lower(Post.valid_time).label("since"),
            func.upper(Post.valid_time).label("until"),
            wkb(func.coalesce(Boundary.geom, Building.geom)),
        )
        .join(Role, Role.key == Post.role)
        .outerjoin(Area, Area.id == Post.area_id)
        .outerjoin(Boundary, and_(Boundary.area_id == Area.id, Boundary.in_force(at)))
        .outerjoin(Building, Building.id == Post.building_id)
        .where(Post.valid_time.op("@>")(cast(at, TIMESTAMP(timezone=True))))
        .order_by(Role.rank, Area.code, Building.code, Post.id)
    )
    return read_frame(session, query, "id")
