"""From the temporary tables of an OSM load into the stored ones: repair, county, upsert, clean
away.
"""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    TableClause,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary
from gis.basemap.models import BasemapFeature, Dataset
from gis.db import PRECISION_DEG
from gis.exchange.osm.rules import GATE_RANK, SERVICE_RANK
from gis.exchange.osm.walk_graph import WalkGraphBuilder
from gis.facilities.models import Facility
from gis.files.progress import Progress, counted
from gis.files.report import shorten
from gis.messages import Message
from gis.network.models import WalkEdge, WalkNetwork, WalkNode
from gis.network.store import WalkEdgeRow, WallRow, replace_network
from gis.network.surroundings import Surroundings, join_surroundings
from gis.people.models import Post
from gis.places.models import Building, Household, UnitPart

STORED = {model.__tablename__: cast(Table, model.__table__) for model in (Building, Facility)}
COLUMNS = {  # of the rows that the reader makes, in its order
    "building": ("code", "name", "address", "kind", "floors", "shape", "entrance", "source"),
    "facility": (
        "code",
        "category",
        "name",
        "address",
        "opening_hours",
        "contact",
        "shape",
        "entrance",
        "source",
    ),
    "basemap_feature": ("kind", "subkind", "name", "min_zoom", "shape", "source"),
}
INCOMING = COLUMNS | {
    "door": ("node", "rank", "shape")
}  # entrances and gates stay in no table of their own
# degrees between a gate and the outline it opens, about 2 m: walls are drawn beside outlines
GATE_REACH_DEG = 2e-5
FILLED = {
    "building": ("county", "estate"),
    "facility": ("county", "entrances"),
}  # found here, by place
MAX_LISTED_CODES = 20  # in a note

# Every door in a facility's outline but those for goods, and every gate in it or in the wall beside
# it.
ENTRANCES = """
UPDATE incoming_facility AS f SET entrances = (
  SELECT ST_Multi(ST_Collect(d.shape ORDER BY d.rank, d.node)) FROM incoming_door AS d
  WHERE d.shape && ST_Expand(f.shape, :reach) AND (d.rank < :service OR d.rank >= :gate)
    AND ST_DWithin(d.shape, ST_Boundary(f.shape), CASE WHEN d.rank < :gate THEN 1e-7
        ELSE :reach END))
WHERE ST_Dimension(f.shape) = 2
"""

Bbox = tuple[float, float, float, float]


def _incoming(name: str) -> TableClause:
    """Return the temporary table of a stored one.

    Its columns are untyped, so shapes pass through as they are.
    """
    extra = ("id", *FILLED[name]) if name in FILLED else ("id",)
    return table(f"incoming_{name}", *map(column, (*extra, *COLUMNS[name])))


def create_staging(session: Session) -> None:
    """Make the temporary tables, empty."""
    for statement in (
        (
            "DROP TABLE IF EXISTS incoming_building, incoming_facility,"
            " incoming_basemap_feature, incoming_door"
        ),
        "CREATE TEMP TABLE incoming_building AS"
        " SELECT code, county, name, estate, address, kind, floors, shape, "
        "entrance, source FROM building WITH NO DATA",
        "CREATE TEMP TABLE incoming_facility AS"
        " SELECT code, county, category, name, address, opening_hours, contact, "
        "shape, entrance, entrances, source FROM facility WITH NO DATA",
        "CREATE TEMP TABLE incoming_basemap_feature AS"
        " SELECT kind, subkind, name, min_zoom, shape, source "
        "FROM basemap_feature WITH NO DATA",
        "ALTER TABLE incoming_basemap_feature ADD id bigint GENERATED ALWAYS AS IDENTITY",
        "CREATE TEMP TABLE incoming_door (node bigint, rank integer, shape geometry(Point, 4490))",
    ):
        session.execute(text(statement))


def drop_staging(session: Session) -> None:
    """Drop the temporary tables."""
    session.execute(
        text(
            "DROP TABLE incoming_building, incoming_facility, incoming_basemap_feature,"
            " incoming_door"
        )
    )


def any_rows(session: Session) -> bool:
    """Return whether anything incoming in."""
    return any(
        session.scalar(select(literal_column("1")).select_from(_incoming(name)).limit(1))
        for name in COLUMNS
    )


def extent(session: Session) -> Bbox | None:
    """Return (west, south, east, north) of all that incoming in, degrees.

    None when nothing had a place.
    """
    row = session.execute(
        text(
            "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)"
            " FROM (SELECT ST_Extent(shape) AS box FROM ("
            "SELECT shape FROM incoming_building UNION ALL SELECT shape FROM incoming_facility "
            "UNION ALL SELECT shape FROM incoming_basemap_feature) AS every) AS whole"
        )
    ).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def duplicate_codes(session: Session) -> list[str]:
    """Return the codes of the first buildings and facilities that incoming in twice."""
    codes: list[str] = []
    for code in (_incoming(name).c.code for name in FILLED):
        codes += session.scalars(
            select(code).group_by(code).having(func.count() > 1).order_by(code).limit(5)
        )
    return codes


def merge_staging(
    session: Session, source: str, outlines_of: Mapping[int, int]
) -> tuple[dict[str, int], list[Message]]:
    """Bring the rows that incoming in into the stored tables.

    Parameters
    ----------
    source
        Marks the rows of this load; those of the former one that are gone are deleted.
    outlines_of
        Ways that are the outline of a relation: tagged like it, they would count twice.

    Returns
    -------
    Rows by what they are, and notes on what was repaired, passed over and kept.
    """
    notes: list[Message] = []
    for name in COLUMNS:
        notes += _repair(session, name)
    for statement in (  # without these the planner, who knows nothing of new rows, tries every pair
        "CREATE INDEX ON incoming_building (code)",
        "CREATE INDEX ON incoming_facility (code)",
        (
            "CREATE INDEX ON incoming_basemap_feature USING gist (shape)"
            " WHERE subkind = 'residential' AND name <> ''"
        ),
        "CREATE INDEX ON incoming_door USING gist (shape)",
        "ANALYZE incoming_building, incoming_facility, incoming_basemap_feature, incoming_door",
    ):
        session.execute(text(statement))
    notes += _drop_twins(session, outlines_of)
    session.execute(
        text(ENTRANCES), {"gate": GATE_RANK, "service": SERVICE_RANK, "reach": GATE_REACH_DEG}
    )
    for statement in (
        "UPDATE incoming_building AS b SET estate = coalesce((SELECT f.name"
        " FROM incoming_basemap_feature AS f "
        "WHERE f.subkind = 'residential' AND f.name <> ''"
        " AND ST_Covers(f.shape, ST_PointOnSurface(b.shape)) "
        "ORDER BY ST_Area(f.shape), f.name LIMIT 1), '')",
        "UPDATE incoming_basemap_feature SET shape = ST_PointOnSurface(shape) WHERE kind = 'place'",
    ):
        session.execute(text(statement))
    counts: dict[str, int] = {"new": 0, "changed": 0, "deleted": 0}
    for name in FILLED:
        incoming = _incoming(name)
        session.execute(update(incoming).values(county=_county_of(incoming)))
        added, changed = _upsert(session, name)
        deleted, occupied = _delete_gone(session, name, source)
        counts["new"] += added
        counts["changed"] += changed
        counts["deleted"] += deleted
        if occupied:
            notes.append(Message("osm.buildings_occupied", {"count": occupied}))
    session.execute(delete(BasemapFeature).where(BasemapFeature.source == source))
    incoming = _incoming("basemap_feature")
    columns = COLUMNS["basemap_feature"]
    session.execute(
        insert(BasemapFeature).from_select(
            columns, select(*(incoming.c[c] for c in columns)).order_by(incoming.c.id)
        )
    )
    return _counted(session) | counts, notes


def publish_walks(
    session: Session,
    walks: WalkGraphBuilder,
    around: Surroundings,
    source: str,
    report_progress: Progress,
) -> tuple[dict[str, int], list[Message]]:
    """Replace the walking network; return what it holds, and notes on what was joined."""
    segments = counted(walks.pieces(), "edges of the walking network", report_progress)
    edges = (
        WalkEdgeRow(
            way_id=p.walk.way_id,
            u=p.u,
            v=p.v,
            coords=p.coords,
            kind=p.walk.kind,
            name=p.walk.name,
            steps=p.walk.steps,
            structure=p.walk.structure,
            ends=p.walk.ends,
        )
        for p in segments
    )
    joined = join_surroundings(edges, around, report_progress)
    report_progress("storing the walking network", 0)
    replace_network(
        session, joined.nodes, joined.edges, source, [WallRow(*wall) for wall in joined.walls]
    )
    notes = [Message(code, {"count": count}) for code, count in sorted(joined.counts.items())]
    if walks.twins:
        notes.append(Message("osm.nodes_joined", {"count": walks.twins}))
    nodes, parts = session.execute(
        select(func.count(), func.count(WalkNode.component.distinct()))
    ).one()
    of_ways = func.sum(WalkEdge.length).filter(WalkEdge.kind.not_in(("across", "link")))
    number, metres = session.execute(select(func.count(), func.coalesce(of_ways, 0))).one()
    return {
        "walk_nodes": nodes,
        "walk_edges": number,
        "walk_km": round(metres / 1000),
        "walk_islands": max(parts - 1, 0),
        "walk_ends_edges": session.scalar(select(func.count()).where(WalkEdge.ends)) or 0,
        "walk_walls": len(joined.walls),
    }, notes


def network_is_osm(session: Session) -> bool:
    """Return whether the walking network now stored incoming with an OSM load (and not with the
    made-up town).
    """
    return session.scalar(select(WalkNetwork.source)) == "osm"


def current_counts(session: Session, kind: str) -> tuple[dict[str, int], Bbox | None]:
    """Return the counts of the load that stands, and no bounding box: nothing was read."""
    return dict(session.scalar(select(Dataset.counts).where(Dataset.kind == kind)) or {}), None


def set_counties(session: Session) -> int:
    """Set the county of buildings and facilities from the areas now in force.

    Return how many changed.

    For loads of areas that come after the map. A place that no area covers keeps what it has.
    """
    changed = 0
    for name in FILLED:
        stored = STORED[name]
        county = _county_of(stored)
        changes = update(stored).where(
            county.is_not(None), stored.c.county.is_distinct_from(county)
        )
        changed += session.connection().execute(changes.values(county=county)).rowcount
    return changed


def _county_of(rows: Any) -> ColumnElement[str]:
    """The county of the grid, else of the county, that covers a row's place.

    The lower code on a border.
    """
    point = func.ST_PointOnSurface(rows.c.shape)
    grid = func.grid_at(point, func.now()).table_valued("county")
    county = (
        select(Area.county)
        .join(Boundary, Boundary.area_id == Area.id)
        .where(
            Area.level == "county",
            Boundary.valid.op("@>")(func.now()),
            func.ST_Covers(Boundary.shape, point),
        )
        .order_by(Area.code)
        .limit(1)
        .correlate(rows)
        .scalar_subquery()
    )
    return func.coalesce(select(grid.c.county).correlate(rows).scalar_subquery(), county)


def _repair(session: Session, name: str) -> list[Message]:
    """Make invalid outlines valid, on the stored precision; drop what has no area then."""
    incoming = _incoming(name)
    label = (
        incoming.c.code if name in FILLED else func.concat(incoming.c.kind, " ", incoming.c.name)
    )
    valid = func.ST_ReducePrecision(func.ST_MakeValid(incoming.c.shape), PRECISION_DEG)
    repaired = session.scalars(
        update(incoming)
        .where(func.ST_Dimension(incoming.c.shape) == 2, ~func.ST_IsValid(incoming.c.shape))
        .values(shape=func.ST_Multi(func.ST_CollectionExtract(valid, 3)))
        .returning(label)
    ).all()
    empty = session.scalars(
        delete(incoming).where(func.ST_IsEmpty(incoming.c.shape)).returning(label)
    ).all()
    notes = []
    if len(repaired) > len(empty):
        codes = shorten(sorted(set(repaired) - set(empty)), MAX_LISTED_CODES)
        params = {"count": len(repaired) - len(empty), "table": name, "codes": codes}
        notes.append(Message("osm.outlines_repaired", params))
    if empty:
        codes = shorten(sorted(set(empty)), MAX_LISTED_CODES)
        notes.append(
            Message("osm.outlines_empty", {"count": len(empty), "table": name, "codes": codes})
        )
    return notes


def _drop_twins(session: Session, outlines_of: Mapping[int, int]) -> list[Message]:
    """Drop ways whose relation has come in as well: one building mapped twice."""
    twins = {
        "ways": [f"w{way}" for way in outlines_of],
        "relations": [f"r{n}" for n in outlines_of.values()],
    }
    dropped = 0
    for statement in (
        "DELETE FROM incoming_building AS b"
        " USING unnest(CAST(:ways AS text[]), CAST(:relations AS text[])) AS "
        "twin (way, relation), incoming_building AS other WHERE b.code = way"
        " AND other.code = relation",
        "DELETE FROM incoming_facility AS f"
        " USING unnest(CAST(:ways AS text[]), CAST(:relations AS text[])) AS "
        "twin (way, relation), incoming_facility AS other "
        "WHERE f.code = way AND other.code = relation AND f.category = other.category",
    ):
        dropped += session.connection().execute(text(statement), twins).rowcount
    return [Message("osm.twins_skipped", {"count": dropped})] if dropped else []


def _upsert(session: Session, name: str) -> tuple[int, int]:
    """Insert new rows and update changed ones by code; return (new, changed).

    What OSM does not say wipes nothing.
    """
    stored, incoming = STORED[name], _incoming(name)
    columns = [c.name for c in incoming.c if c.name != "id"]
    statement = postgresql.insert(stored).from_select(
        columns, select(*(incoming.c[c] for c in columns))
    )
    new = statement.excluded
    values: dict[str, Any] = {}
    for c in columns:
        value = func.nullif(new[c], "") if isinstance(stored.c[c].type, postgresql.TEXT) else new[c]
        values[c] = func.coalesce(value, stored.c[c])
    del values["code"]
    if "entrances" in values:  # those of a former outline are none of this one
        values["entrances"] = new.entrances
    differs = func.row(*(stored.c[c] for c in values)).is_distinct_from(func.row(*values.values()))
    written = (
        statement.on_conflict_do_update(index_elements=["code"], set_=values, where=differs)
        .returning(literal_column("xmax = 0").label("is_new"))
        .cte("written")
    )
    counts = select(func.count().filter(written.c.is_new), func.count()).select_from(written)
    added, total = session.execute(counts).one()
    return added, total - added


def _delete_gone(session: Session, name: str, source: str) -> tuple[int, int]:
    """Delete rows of the former load that did not come again.

    Return (deleted, left as others stand on them).
    """
    stored, incoming = STORED[name], _incoming(name)
    gone = (
        stored.c.source == source,
        ~select(incoming.c.code).where(incoming.c.code == stored.c.code).exists(),
    )
    free = []
    if name == "building":
        free = [
            ~select(m.id).where(m.building_id == stored.c.id).exists()
            for m in (Household, Post, UnitPart)
        ]
    deleted = session.connection().execute(delete(stored).where(*gone, *free)).rowcount
    occupied = session.scalar(select(func.count()).select_from(stored).where(*gone)) or 0
    return deleted, occupied


def _counted(session: Session) -> dict[str, int]:
    """Return how many rows incoming in, by table, category and kind."""
    counts: dict[str, int] = {}
    for name, plural, by in (
        ("building", "buildings", None),
        ("facility", "facilities", "category"),
        ("basemap_feature", "basemap", "kind"),
    ):
        incoming = _incoming(name)
        counts[plural] = session.scalar(select(func.count()).select_from(incoming)) or 0
        if by:
            groups = session.execute(
                select(incoming.c[by], func.count())
                .group_by(incoming.c[by])
                .order_by(incoming.c[by])
            )
            counts |= {f"{plural}:{key}": number for key, number in groups}
    return counts
