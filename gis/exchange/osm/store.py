"""Store an OSM load from its temporary tables: repair, assign counties, upsert, delete the rest."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from gis.basemap.models import BasemapFeature, Dataset
from gis.exchange.osm.rules import GATE_RANK
from gis.exchange.osm.staging import (
    FILLED,
    STORED,
    STORED_COLUMNS,
    Bbox,
    county_of,
    drop_twins,
    repair_shapes,
    staging_table,
)
from gis.exchange.osm.stated import STATED_BUILDINGS, is_stated
from gis.exchange.osm.walk_graph import WalkGraphBuilder, WalkSegment
from gis.files.progress import Progress, counted
from gis.messages import Message
from gis.network.models import WalkEdge, WalkNetwork, WalkNode
from gis.network.store import WalkEdgeRow, WallRow, replace_network
from gis.network.surroundings import Surroundings, join_surroundings
from gis.people.models import Post
from gis.places.models import Household, UnitPart

# degrees between a gate and its outline, about 2 m, since walls are drawn beside outlines
GATE_REACH_DEG = 2e-5

# Every door in the outline of a building; every door in that of a facility, and every gate in it or
# in the wall beside it. The best come first.
INCOMING_ENTRANCES = """
CREATE TEMP TABLE incoming_entrance ON COMMIT DROP AS
SELECT b.id AS building_id, CAST(NULL AS bigint) AS facility_id, d.*
FROM incoming_building i
JOIN building b ON b.code = i.code
JOIN incoming_door d ON d.geom && ST_Expand(i.geom, 1e-7) AND d.rank < :gate
  AND ST_DWithin(d.geom, ST_Boundary(i.geom), 1e-7)
UNION ALL
SELECT NULL, f.id, d.*
FROM incoming_facility i
JOIN facility f ON f.code = i.code
JOIN incoming_door d ON d.geom && ST_Expand(i.geom, :reach)
  AND ST_DWithin(d.geom, ST_Boundary(i.geom), CASE WHEN d.rank < :gate THEN 1e-7 ELSE :reach END)
WHERE ST_Dimension(i.geom) = 2
"""
DELETE_GONE_ENTRANCES = """
DELETE FROM entrance e
WHERE e.source = :source AND NOT EXISTS (
  SELECT FROM incoming_entrance i
  WHERE i.node = CAST(substr(e.code, 2) AS bigint)
    AND (i.building_id = e.building_id OR i.facility_id = e.facility_id))
"""
# What a person changed or took away stays as it is.
STORE_ENTRANCES = """
INSERT INTO entrance AS old (building_id, facility_id, code, kind, hours, geom, source)
SELECT building_id, facility_id, 'n' || node, kind, hours, geom, :source
FROM incoming_entrance
WHERE {owner}_id IS NOT NULL
ORDER BY {owner}_id, rank, node
ON CONFLICT ({owner}_id, code) DO UPDATE
SET kind = excluded.kind, hours = excluded.hours, geom = excluded.geom, version = old.version + 1
WHERE old.source = excluded.source
  AND (old.kind, old.hours, old.geom)
    IS DISTINCT FROM (excluded.kind, excluded.hours, excluded.geom)
"""


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
    for name in STORED_COLUMNS:
        notes += repair_shapes(session, name)
    for statement in (  # without statistics of the new rows the planner tries every pair
        "CREATE INDEX ON incoming_building (code)",
        "CREATE INDEX ON incoming_facility (code)",
        (
            "CREATE INDEX ON incoming_basemap_feature USING gist (geom)"
            " WHERE subkind = 'residential' AND name <> ''"
        ),
        "CREATE INDEX ON incoming_door USING gist (geom)",
        "ANALYZE incoming_building, incoming_facility, incoming_basemap_feature, incoming_door",
    ):
        session.execute(text(statement))
    notes += drop_twins(session, outlines_of)
    for statement in (
        "UPDATE incoming_building AS b SET estate = coalesce((SELECT f.name"
        " FROM incoming_basemap_feature AS f "
        "WHERE f.subkind = 'residential' AND f.name <> ''"
        " AND ST_Covers(f.geom, ST_PointOnSurface(b.geom)) "
        "ORDER BY ST_Area(f.geom), f.name LIMIT 1), '')",
        "UPDATE incoming_basemap_feature SET geom = ST_PointOnSurface(geom) WHERE kind = 'place'",
        "DELETE FROM incoming_facility WHERE code IN (SELECT code FROM closed_facility)",
        *STATED_BUILDINGS,
    ):
        session.execute(text(statement))
    counts: dict[str, int] = {"new": 0, "changed": 0, "deleted": 0}
    for name in FILLED:
        incoming = staging_table(name)
        session.execute(update(incoming).values(county=county_of(incoming)))
        added, changed = _upsert(session, name)
        deleted, occupied = _delete_gone(session, name, source)
        counts["new"] += added
        counts["changed"] += changed
        counts["deleted"] += deleted
        if occupied:
            notes.append(Message("osm.buildings_occupied", {"count": occupied}))
    _store_entrances(session, source)
    session.execute(delete(BasemapFeature).where(BasemapFeature.source == source))
    incoming = staging_table("basemap_feature")
    columns = STORED_COLUMNS["basemap_feature"]
    session.execute(
        insert(BasemapFeature).from_select(
            columns, select(*(incoming.c[c] for c in columns)).order_by(incoming.c.id)
        )
    )
    return count_stored(session) | counts, notes


def _store_entrances(session: Session, source: str) -> None:
    """Bring doors and gates into `entrance`; those of the former load that are gone are deleted."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_entrance"))
    session.execute(text(INCOMING_ENTRANCES), {"gate": GATE_RANK, "reach": GATE_REACH_DEG})
    session.execute(text("CREATE INDEX ON incoming_entrance (node)"))
    session.execute(text(DELETE_GONE_ENTRANCES), {"source": source})
    for owner in ("building", "facility"):
        session.execute(text(STORE_ENTRANCES.format(owner=owner)), {"source": source})


# Grids in force that a street runs through, and their counties.
WALKED_GRIDS_SQL = """
SELECT a.code, a.county FROM area a
JOIN boundary b ON b.area_id = a.id AND b.valid_time @> now()
WHERE a.level = 'grid'
  AND EXISTS (SELECT FROM walk_edge e WHERE e.geom && b.geom AND ST_Intersects(e.geom, b.geom))
"""


def _walked_grids(session: Session) -> dict[str, str]:
    return {row.code: row.county for row in session.execute(text(WALKED_GRIDS_SQL))}


def publish_walks(
    session: Session,
    walks: WalkGraphBuilder,
    around: Surroundings,
    source: str,
    report_progress: Progress,
) -> tuple[dict[str, int], list[Message]]:
    """Replace the walking network; return what it holds, and notes on what was joined and lost."""
    walked = _walked_grids(session)
    segments = counted(walks.pieces(), "edges of the walking network", report_progress)
    edges = map(_edge_row, segments)
    joined = join_surroundings(edges, around, report_progress)
    report_progress("storing the walking network", 0)
    at_edge = {joined.root(node) for node in walks.nodes_at_edge()}
    replace_network(
        session,
        joined.nodes,
        joined.edges,
        source,
        [WallRow(*wall) for wall in joined.walls],
        at_edge,
    )
    notes = [Message(code, {"count": count}) for code, count in sorted(joined.counts.items())]
    if walks.twins:
        notes.append(Message("osm.nodes_joined", {"count": walks.twins}))
    if lost := walked.keys() - _walked_grids(session).keys():
        counties = sorted({walked[code] for code in lost})
        notes.append(Message("osm.streets_lost", {"count": len(lost), "counties": counties}))
    return _count_walks(session) | {"walk_walls": len(joined.walls)}, notes


def _edge_row(segment: WalkSegment) -> WalkEdgeRow:
    walk = segment.walk
    return WalkEdgeRow(
        way_id=walk.way_id,
        u=segment.u,
        v=segment.v,
        coords=segment.coords,
        kind=walk.kind,
        name=walk.name,
        steps=walk.steps,
        structure=walk.structure,
        ends=walk.ends,
        tags=walk.tags,
    )


def _count_walks(session: Session) -> dict[str, int]:
    """Return what the stored walking network holds; streets in kilometres."""
    nodes, parts = session.execute(
        select(func.count(), func.count(WalkNode.component.distinct()))
    ).one()
    of_ways = func.sum(WalkEdge.length_m).filter(WalkEdge.kind.not_in(("across", "link")))
    number, metres = session.execute(select(func.count(), func.coalesce(of_ways, 0))).one()
    return {
        "walk_nodes": nodes,
        "walk_edges": number,
        "walk_km": round(metres / 1000),
        "walk_islands": max(parts - 1, 0),
        "walk_ends_edges": session.scalar(select(func.count()).where(WalkEdge.ends)) or 0,
        "walk_nodes_at_edge": session.scalar(select(func.count()).where(WalkNode.at_edge_of_data))
        or 0,
    }


def network_is_osm(session: Session) -> bool:
    """Return whether the stored walking network comes from OSM and not from the generated town."""
    return session.scalar(select(WalkNetwork.source)) == "osm"


def current_counts(session: Session, kind: str) -> tuple[dict[str, int], Bbox | None]:
    """Return the counts of the load that stands, and no bounding box: nothing was read."""
    return dict(session.scalar(select(Dataset.counts).where(Dataset.kind == kind)) or {}), None


def _upsert(session: Session, name: str) -> tuple[int, int]:
    """Insert new rows and update changed ones by code; return (new, changed).

    What OSM does not say wipes nothing; what a person or a register stated stays as it is.
    """
    stored, incoming = STORED[name], staging_table(name)
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
    differs = func.row(*(stored.c[c] for c in values)).is_distinct_from(func.row(*values.values()))
    written = (
        statement.on_conflict_do_update(
            index_elements=["code"], set_=values, where=differs & ~is_stated(stored.c.source)
        )
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
    stored, incoming = STORED[name], staging_table(name)
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


def count_stored(session: Session) -> dict[str, int]:
    """Return how many rows incoming in, by table, category and kind."""
    counts: dict[str, int] = {}
    for name, plural, by in (
        ("building", "buildings", None),
        ("facility", "facilities", "category"),
        ("basemap_feature", "basemap", "kind"),
    ):
        incoming = staging_table(name)
        counts[plural] = session.scalar(select(func.count()).select_from(incoming)) or 0
        if by:
            groups = session.execute(
                select(incoming.c[by], func.count())
                .group_by(incoming.c[by])
                .order_by(incoming.c[by])
            )
            counts |= {f"{plural}:{key}": number for key, number in groups}
    return counts
