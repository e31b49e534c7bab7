"""Saved coverage: what was asked, on which network and facilities, and the walk of every building.

`gis.facilities.snapshot_difference` compares those of two dates, networks or plans.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, delete, func, insert, select, text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, NotFound, TooLarge, invalid_field
from gis.facilities.access_runs import FACILITIES_DIGEST_SQL
from gis.facilities.access_store import require_categories
from gis.facilities.accessibility import stated_count
from gis.facilities.building_coverage import nearest_of, read_by_category
from gis.facilities.circles import require_limit
from gis.facilities.models import CoverageSnapshot, CoverageSnapshotItem
from gis.facilities.planned import MAX_PLANNED, PlannedFacility
from gis.facilities.standard_editions import active_rows
from gis.facilities.standards import TIERS, WALK_M_PER_MINUTE
from gis.network.snapping import Floats
from gis.rights.actions import PLANNING
from gis.rights.principal import Principal
from gis.spread import reading

SNAPSHOTS, ITEMS = (
    cast(Table, model.__table__) for model in (CoverageSnapshot, CoverageSnapshotItem)
)
MAX_SNAPSHOTS = 200
MAX_SNAPSHOT_NAME_CHARS = 80
NOW = "now"  # names the present state; no snapshot has it
POINTS_SQL = """
SELECT ST_X(p), ST_Y(p) FROM building CROSS JOIN LATERAL ST_PointOnSurface(geom) p ORDER BY id
"""

# without the arrays; of a tier the first item
HEADS_SQL = """
SELECT s.id, s.name, s.tier, s.profile, s.open_at, s.planned, s.network_version,
  s.facilities_digest, s.author, s.account_id, s.saved_at, i.categories, i.minutes
FROM coverage_snapshot s
CROSS JOIN LATERAL (
  SELECT categories, minutes
  FROM coverage_snapshot_item
  WHERE snapshot_id = s.id
  ORDER BY item LIMIT 1
) i
WHERE CAST(:name AS text) IS NULL OR s.name = :name
ORDER BY s.saved_at DESC, s.id DESC
"""


@dataclass(frozen=True)
class Question:
    """What coverage is asked about.

    Attributes
    ----------
    categories
        Keys of `gis.facilities.categories`; of several the nearest facility of any counts.
    tier
        A key of `gis.facilities.standards.TIERS`, in place of categories and minutes.
    minutes
        Walk that counts as served, 1 to 60.
    profile
        Who walks.
    open_at
        Only facilities open at this moment count; None means all.
    planned
        Facilities that count as if they were there.
    """

    categories: tuple[str, ...] = ()
    tier: str | None = None
    minutes: float = 15
    profile: str = "adult"
    open_at: datetime | None = None
    planned: tuple[PlannedFacility, ...] = ()


@dataclass(frozen=True)
class SnapshotItem:
    """The walks for one item of a tier, or for the categories that were asked about.

    Attributes
    ----------
    minutes
        Walk that counts as served.
    walk
        Minutes to the nearest, as stored (single precision); infinite: none within an hour.
    standing
        Place in `gis.facilities.building_coverage.STANDINGS`.
    """

    categories: tuple[str, ...]
    minutes: float
    walk: NDArray[np.float32]
    standing: NDArray[np.int16]


@dataclass(frozen=True)
class SnapshotHead:
    """Which state of coverage this is. `name` is `NOW` and `author` empty for the present one."""

    name: str
    question: Question
    network_version: str
    facilities_digest: str
    author: str
    account_id: int | None
    saved_at: datetime

    def is_of(self, principal: Principal) -> bool:
        """Return whether the principal saved it."""
        if self.account_id is not None:
            return principal.account_id == self.account_id
        return self.author != "" and principal.actor == self.author

    def as_json(self) -> dict[str, object]:
        """Return the head as the API and the command show it, without who saved it."""
        return {
            "name": self.name,
            "category": ",".join(self.question.categories),
            "tier": self.question.tier,
            "minutes": None if self.question.tier else self.question.minutes,
            "profile": self.question.profile,
            "open_at": None if self.question.open_at is None else self.question.open_at.isoformat(),
            "planned": [asdict(each) for each in self.question.planned],
            "network_version": self.network_version,
            "facilities_digest": self.facilities_digest,
            "saved_at": None if self.name == NOW else self.saved_at.isoformat(),
        }


@dataclass(frozen=True)
class Snapshot:
    """A state of coverage.

    Attributes
    ----------
    code
        Of all buildings, ascending; other arrays have their order.
    lon, lat
        A point inside each, degrees, EPSG:4490.
    households, people
        How many live in each.
    elders
        How many of the people are sixty or older, as far as households say; NaN: none says.
    items
        By item of the tier; without a tier one, named by the categories.
    """

    head: SnapshotHead
    code: NDArray[np.str_]
    lon: Floats
    lat: Floats
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    elders: Floats
    items: dict[str, SnapshotItem] = field(repr=False)


def take(session: Session, question: Question, name: str = NOW) -> Snapshot:
    """Return the present state of coverage, not saved.

    Raises
    ------
    InvalidInput
        Something asked is not possible, or the tier names nothing that data can answer.
    Unavailable
        No walking network, or no table of standards is loaded.
    """
    items = _items_of(session, question)
    keys = tuple(dict.fromkeys(key for categories, _ in items.values() for key in categories))
    require_categories([each.category for each in question.planned] or keys)
    by_category = read_by_category(
        session, keys, question.profile, open_at=question.open_at, planned=question.planned
    )
    buildings = by_category[keys[0]]
    points = np.array([tuple(row) for row in session.execute(text(POINTS_SQL))], float)
    order = np.argsort(buildings.code, kind="stable")
    walks = {}
    for item, (categories, minutes) in items.items():
        nearest = nearest_of([by_category[key] for key in categories])
        walks[item] = SnapshotItem(
            categories,
            minutes,
            nearest.minutes[order].astype(np.float32),
            nearest.standing(minutes)[order].astype(np.int16),
        )
    lon, lat = points.reshape(-1, 2)[order].T
    head = SnapshotHead(
        name,
        question,
        buildings.walker.version,
        _facilities_digest(session, keys),
        "",
        None,
        datetime.now(UTC),
    )
    return Snapshot(
        head,
        buildings.code[order],
        lon,
        lat,
        buildings.households[order],
        buildings.people[order],
        buildings.elders[order],
        walks,
    )


def save(session: Session, principal: Principal, name: str, question: Question) -> SnapshotHead:
    """Save the present state of coverage under a name.

    Raises
    ------
    InvalidInput
        As of `take`; or the name is empty, too long, NOW, not printable or no part of an address.
    Unavailable
        As of `take`.
    Conflict
        Another snapshot has the name.
    TooLarge
        There are MAX_SNAPSHOTS already.
    """
    name = " ".join(name.split())
    steps = name.split("/")  # of the address by which it is deleted; no client keeps these
    fits = len(name) <= MAX_SNAPSHOT_NAME_CHARS and not {"", ".", ".."} & {*steps}
    if not fits or name == NOW or not name.isprintable():
        raise invalid_field("name", "snapshot.bad_name", limit=MAX_SNAPSHOT_NAME_CHARS, now=NOW)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('coverage_snapshot'))"))
    if session.scalar(select(SNAPSHOTS.c.id).where(SNAPSHOTS.c.name == name)):
        raise Conflict("snapshot.name_taken", name=name)
    if (session.scalar(select(func.count()).select_from(SNAPSHOTS)) or 0) >= MAX_SNAPSHOTS:
        raise TooLarge("snapshot.too_many", limit=MAX_SNAPSHOTS)
    state = take(reading(session), question, name)
    number = session.execute(
        insert(SNAPSHOTS).returning(SNAPSHOTS.c.id),
        {
            "name": name,
            "tier": question.tier,
            "profile": question.profile,
            "open_at": question.open_at,
            "planned": [asdict(each) for each in question.planned],
            "network_version": state.head.network_version,
            "facilities_digest": state.head.facilities_digest,
            "author": principal.actor,
            "account_id": principal.account_id,
            "buildings": state.code.tolist(),
            "lon": state.lon.tolist(),
            "lat": state.lat.tolist(),
            "households": state.households.tolist(),
            "people": state.people.tolist(),
            "elders": [stated_count(value) for value in state.elders],
        },
    ).scalar_one()
    session.execute(
        insert(ITEMS),
        [
            {
                "snapshot_id": number,
                "item": item,
                "categories": list(walks.categories),
                "minutes": walks.minutes,
                "walk": [value if math.isfinite(value) else None for value in walks.walk.tolist()],
                "standing": walks.standing.tolist(),
            }
            for item, walks in state.items.items()
        ],
    )
    return _find(session, name)[1]


def list_snapshots(session: Session) -> list[SnapshotHead]:
    """List the saved snapshots, the newest first."""
    return [_head(row) for row in session.execute(text(HEADS_SQL), {"name": None})]


def read_snapshot(session: Session, name: str) -> Snapshot:
    """Return a saved snapshot.

    Raises
    ------
    NotFound
        None has the name.
    """
    number, head = _find(session, name)
    row = session.execute(select(SNAPSHOTS).where(SNAPSHOTS.c.id == number)).one()
    items = session.execute(
        select(ITEMS).where(ITEMS.c.snapshot_id == number).order_by(ITEMS.c.item)
    )
    return Snapshot(
        head,
        np.array(row.buildings, np.str_),
        np.array(row.lon, float),
        np.array(row.lat, float),
        np.array(row.households, np.int64),
        np.array(row.people, np.int64),
        np.array(row.elders, float),
        {
            item.item: SnapshotItem(
                tuple(item.categories),
                item.minutes,
                np.array([np.inf if value is None else value for value in item.walk], np.float32),
                np.array(item.standing, np.int16),
            )
            for item in items
        },
    )


def delete_snapshot(session: Session, principal: Principal, name: str) -> None:
    """Delete a snapshot: for who saved it, and for who plans everywhere.

    Raises
    ------
    NotFound
        None has the name.
    Forbidden
        Somebody else saved it.
    """
    number, head = _find(session, name)
    if not (principal.areas_of(PLANNING) is None or head.is_of(principal)):
        raise Forbidden("snapshot.of_another", name=name)
    session.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.id == number))


def _items_of(session: Session, question: Question) -> dict[str, tuple[tuple[str, ...], float]]:
    """Return the categories and minutes of what is asked, by item.

    Raises
    ------
    InvalidInput
        A category, the tier or the minutes are not possible, or nothing is left to compare.
    TooLarge
        More than MAX_PLANNED facilities are planned.
    """
    if len(question.planned) > MAX_PLANNED:
        raise TooLarge("snapshot.too_many_planned", limit=MAX_PLANNED)
    if question.tier is None:
        keys = require_categories(question.categories)
        return {",".join(keys): (keys, require_limit(question.minutes))}
    if question.tier not in TIERS:
        raise invalid_field("tier", "input.not_among", value=question.tier, allowed=[*TIERS])
    items = {
        row.item: (tuple(row.categories), require_limit(row.limit_m / WALK_M_PER_MINUTE))
        for row in active_rows(session, question.tier)
        if row.limit_m is not None and row.categories
    }
    if not items:
        raise invalid_field("tier", "snapshot.nothing_to_compare", tier=question.tier)
    return items


def _facilities_digest(session: Session, categories: Sequence[str]) -> str:
    digests = {row[0]: row[1] for row in session.execute(text(FACILITIES_DIGEST_SQL))}
    lines = [f"{key} {digests.get(key, '')}" for key in sorted(categories)]
    return blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


def _find(session: Session, name: str) -> tuple[int, SnapshotHead]:
    """Return the id and the head of a snapshot.

    Raises
    ------
    NotFound
        None has the name.
    """
    row = None if "\0" in name else session.execute(text(HEADS_SQL), {"name": name}).first()
    if row is None:
        raise NotFound("snapshot.unknown", name=name[:MAX_SNAPSHOT_NAME_CHARS])
    return row.id, _head(row)


def _head(row: Any) -> SnapshotHead:
    """Return a row of `HEADS_SQL` as a head."""
    question = Question(
        () if row.tier else tuple(row.categories),
        row.tier,
        row.minutes,
        row.profile,
        row.open_at,
        tuple(PlannedFacility(**each) for each in row.planned),
    )
    return SnapshotHead(
        row.name,
        question,
        row.network_version,
        row.facilities_digest,
        row.author,
        row.account_id,
        row.saved_at,
    )
