"""Which county a point, a code, an id or a person is of, and whether its database answers."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from gis.areas.grids import GridIndex
from gis.db import engine
from gis.errors import Unavailable
from gis.ops.shards.tables import PERSON_TABLE
from gis.settings import SHARD_ID_BITS, Shard

MAIN_DATABASE = ""  # in the place of a county: the main database
LOOK_INTERVAL_S = 2.0
FIRST_LOOK_S = 15.0  # until every database has been looked at once
RIGHTS_AGE_S = 2.0
MAX_REMEMBERED = 100_000  # incidents, photos and rows whose county is known
MAX_CACHED_COUNTIES = 10_000

# The outline of a county is its boundary; where it has none, that of its streets, communities or
# grids, the widest that it has. A version says whether it has changed.
COUNTY_OUTLINES_SQL = text("""
WITH own AS (
  SELECT a.county AS code, a.level, CAST(b.id AS text) AS version
  FROM boundary b JOIN area a ON a.id = b.area_id
  WHERE a.level = 'county' AND b.valid_time @> now()
)
SELECT code, level, version FROM own
UNION ALL
(SELECT DISTINCT ON (a.county) a.county, a.level, count(*) || ' ' || max(b.id)
FROM boundary b JOIN area a ON a.id = b.area_id
WHERE EXISTS (SELECT FROM area WHERE level = 'county' AND code NOT IN (SELECT code FROM own))
  AND a.level IN ('street', 'community', 'grid') AND b.valid_time @> now()
  AND a.county NOT IN (SELECT code FROM own)
GROUP BY a.county, a.level
ORDER BY a.county, array_position(ARRAY['street', 'community', 'grid'], a.level))
""")
OUTLINE_SQL = text("""
SELECT ST_AsBinary(ST_Union(b.geom)) FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.county = :county AND a.level = :level AND b.valid_time @> now()
""")
KNOWS_SQL = text("""
SELECT EXISTS (SELECT FROM incident WHERE id = :id) OR EXISTS (SELECT FROM photo WHERE id = :id)
  OR EXISTS (SELECT FROM checkup_photo WHERE id = :id)
""")
# of a right its county, or nothing where it is for a city or without an area; of posts the person
COUNTY_OF_AREA = """
CASE WHEN a.level NOT IN ('province', 'city') THEN a.county END AS county,
  CAST(NULL AS bigint) AS person_id
"""
HOME_SQL = """
SELECT CAST(NULL AS text) AS county, person_id FROM personal.account
WHERE id = :id AND person_id IS NOT NULL
"""
ACCOUNT_SQL = f"""
SELECT {COUNTY_OF_AREA} FROM personal.access_grant g LEFT JOIN area a ON a.id = g.area_id
WHERE g.account_id = :id AND g.role <> 'resident'
UNION {HOME_SQL}
"""  # noqa: S608  our own text
KEY_SQL = f"""
SELECT {COUNTY_OF_AREA} FROM personal.api_key k CROSS JOIN unnest(k.area_ids) i
LEFT JOIN area a ON a.id = i WHERE k.key_id = :id
"""  # noqa: S608  our own text
RIGHTS_SQL = {"account": text(ACCOUNT_SQL), "home": text(HOME_SQL), "key": text(KEY_SQL)}
HOLDS_ROW_SQL = "SELECT EXISTS (SELECT FROM {} WHERE id = :id)"


@dataclass
class Member:
    """A database of the city: of a county, or the main one with the counties that are in none.

    Attributes
    ----------
    outlines
        By code of a county, the version of its outline and that; None until the first look that
        worked.
    answers
        Whether the last look worked; None before the first.
    has_old_ids
        As of `Shard`.
    """

    county: str
    url: str
    has_old_ids: bool = False
    outlines: dict[str, tuple[str, Any]] | None = None
    answers: bool | None = None

    def look(self) -> bool:
        """Read the outlines that changed, and return whether any did."""
        before = self.outlines or {}
        fresh = {}
        try:
            with engine(self.url).connect() as connection:
                for county, level, version in connection.execute(COUNTY_OUTLINES_SQL).all():
                    known = before.get(county)
                    if known is None or known[0] != version:
                        area = {"county": county, "level": level}
                        wkb = connection.scalar(OUTLINE_SQL, area)
                        known = version, shapely.from_wkb(bytes(wkb))
                    fresh[county] = known
        except SQLAlchemyError:
            self.answers = False
            return False
        changed = self.outlines is None or fresh != before
        self.outlines, self.answers = fresh, True
        return changed


@dataclass
class CountyFinder:
    """The databases of a city, looked at every few seconds by a thread for each."""

    members: Mapping[str, Member]
    county_by_number: Mapping[int, str]
    _index: GridIndex | None = None
    _remembered: OrderedDict[UUID | tuple[str, int], str] = field(default_factory=OrderedDict)
    _rights: dict[tuple[str, object], tuple[float, frozenset[str] | None]] = field(
        default_factory=dict
    )
    _is_looking: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_code(self, code: str) -> str:
        """Return the county of the code of an area or building; MAIN_DATABASE without a shard."""
        return code[:6] if code[:6] in self.members else MAIN_DATABASE

    def of_row(self, table: str, number: int) -> str:
        """Return the county of a row by its id; MAIN_DATABASE if no county that has moved knows it.

        Raises
        ------
        Unavailable
            As `of_uuid`.
        """
        if number >> SHARD_ID_BITS:
            return self.county_by_number.get(number >> SHARD_ID_BITS, MAIN_DATABASE)
        moved = [name for name, member in self.members.items() if member.has_old_ids]
        return self._search((table, number), moved, text(HOLDS_ROW_SQL.format(table)), number)

    def at(self, lon: float, lat: float) -> str:
        """Return the county of a point: as its grid is chosen, of all at once.

        On a border that is the lower code; outside all counties the nearest, at any distance.

        Raises
        ------
        Unavailable
            It may lie in a county whose outline is not known yet.
        """
        self.look()
        unknown = [name for name, member in self.members.items() if member.outlines is None]
        index = self._index
        match = None if index is None else index.grid_at(lon, lat) or index.nearest(lon, lat)
        if unknown and (match is None or match.rule == "nearest_within_50m"):
            raise Unavailable("shard.unavailable", county=", ".join(unknown) or "-")
        if match is None or index is None:
            return MAIN_DATABASE
        return self.of_code(index.codes[match.row])

    def meeting(self, box: tuple[float, float, float, float]) -> set[str]:
        """Return the counties whose outline meets a box: west, south, east, north in degrees."""
        self.look()
        index = self._index
        if index is None:
            return set()
        hits = index.tree.query(shapely.box(*box), predicate="intersects")
        return {self.of_code(index.codes[row]) for row in hits.tolist()}

    def of_uuid(self, key: UUID) -> str:
        """Return the county of an incident or photo; MAIN_DATABASE if no database knows it.

        Raises
        ------
        Unavailable
            None that answers knows it, and one does not answer.
        """
        return self._search(key, self.members, KNOWS_SQL, key)

    def _search(
        self,
        key: UUID | tuple[str, int],
        counties: Iterable[str],
        query: TextClause,
        value: UUID | int,
    ) -> str:
        """Return the county of some whose database a query says true of; else MAIN_DATABASE.

        Raises
        ------
        Unavailable
            As `of_uuid`.
        """
        if (known := self._remembered.get(key)) is not None:
            return known
        missing = []
        for name in counties:
            try:
                self.require(name)
                with engine(self.members[name].url).connect() as connection:
                    if connection.scalar(query, {"id": value}):
                        self._remember(key, name)
                        return name
            except (SQLAlchemyError, Unavailable):
                missing.append(name)
        if missing:
            raise Unavailable("shard.unavailable", county=", ".join(missing))
        return MAIN_DATABASE

    def _remember(self, key: UUID | tuple[str, int], county: str) -> None:
        with self._lock:
            self._remembered[key] = county
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)

    def of_account(self, account_id: int) -> frozenset[str] | None:
        """Return the counties of the rights of an account; None if some are for more than those."""
        return self._of_rights(("account", account_id))

    def home_of(self, account_id: int) -> str | None:
        """Return the county of the person of an account, where their posts are; None for none."""
        return next(iter(self._of_rights(("home", account_id)) or ()), None)

    def of_key(self, key_id: str) -> frozenset[str] | None:
        """Return the counties of the areas of a program's key, as `of_account`."""
        return self._of_rights(("key", key_id))

    def _of_rights(self, whose: tuple[str, object]) -> frozenset[str] | None:
        until, counties = self._rights.get(whose, (0.0, None))
        if (now := time.monotonic()) >= until:
            with engine(self.members[MAIN_DATABASE].url).connect() as connection:
                rows = connection.execute(RIGHTS_SQL[whose[0]], {"id": whose[1]}).all()
            places = [
                row.county if row.person_id is None else self.of_row(PERSON_TABLE, row.person_id)
                for row in rows
            ]
            counties = None if None in places else frozenset(map(self.of_code, places))
            if len(self._rights) >= MAX_CACHED_COUNTIES:
                self._rights.clear()
            self._rights[whose] = now + RIGHTS_AGE_S, counties
        return counties

    def require(self, *counties: str) -> None:
        """Raise Unavailable unless the databases of some counties answered when last looked at.

        Raises
        ------
        Unavailable
            One did not; the message names it.
        """
        self.look()
        missing = [name for name in counties if self.members[name].answers is False]
        if missing:
            raise Unavailable("shard.unavailable", county=", ".join(missing))

    def counties(self) -> list[str]:
        """Return the counties that have a shard."""
        return [name for name in self.members if name != MAIN_DATABASE]

    def all_counties(self) -> list[str]:
        """Return the codes of all counties: those that have a shard, and those of main."""
        return sorted({*self.counties(), *self.own_counties()})

    def own_counties(self) -> Collection[str]:
        """Return the codes of the counties in the main database."""
        return (self.members[MAIN_DATABASE].outlines or {}).keys()

    def only(self) -> str | None:
        """Return the only county that has a place on the map; None if several have, or may have."""
        self.look()
        placed = [member for member in self.members.values() if member.outlines != {}]
        if len(placed) != 1 or placed[0].county == MAIN_DATABASE:
            return None
        return placed[0].county

    def look(self) -> None:
        """Begin to look, at the first question, and wait until each was looked at once."""
        if self._is_looking:
            return
        with self._lock:
            if not self._is_looking:
                threads = [
                    threading.Thread(target=self._watch, args=[member], daemon=True)
                    for member in self.members.values()
                ]
                for thread in threads:
                    thread.start()
                deadline = time.monotonic() + FIRST_LOOK_S
                while time.monotonic() < deadline and any(
                    member.answers is None for member in self.members.values()
                ):
                    time.sleep(0.005)
                self._is_looking = True

    def _watch(self, member: Member) -> None:
        while True:
            if member.look():
                self._index = self._make_index()
            time.sleep(LOOK_INTERVAL_S)

    def _make_index(self) -> GridIndex:
        outlines = sorted(
            (code, shape)
            for member in self.members.values()
            for code, (_, shape) in (member.outlines or {}).items()
        )
        codes = [code for code, _ in outlines]
        numbers = list(range(len(codes)))
        return GridIndex(
            np.array(numbers, np.int64),
            codes,
            codes,
            numbers,
            numbers,
            np.array([shape for _, shape in outlines], object),
        )


def make_finder(main_url: str, shards: Mapping[str, Shard]) -> CountyFinder:
    """Return the finder of a deployment; nothing is connected to yet."""
    members = {MAIN_DATABASE: Member(MAIN_DATABASE, main_url)}
    members |= {
        county: Member(county, shard.url, shard.has_old_ids) for county, shard in shards.items()
    }
    numbers = {0: MAIN_DATABASE} | {shard.number: county for county, shard in shards.items()}
    return CountyFinder(members, numbers)
