"""Where a register may be loaded, and which community its rows speak of."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.registers.area_names import AreaNames, NamedArea
from gis.exchange.registers.reading import ROWS_OF_SHEET, Register
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.labels import normalise_text
from gis.messages import Message
from gis.places.address import parse_address
from gis.places.naming import stands_in

# Buildings that stand in a grid of the given areas.
BUILDINGS_IN_SQL = """
SELECT b.id FROM building b JOIN LATERAL grid_at(ST_PointOnSurface(b.geom), now()) g ON true
WHERE b.id = ANY(:buildings) AND g.id = ANY(:areas)
"""


@dataclass(frozen=True)
class Scope:
    """Where, for whom and on which day a register is read.

    areas: Names of all areas. limited: Whether only some are the reader's. today: Ages are counted
    on this day. crs: System of points that name none. owner: Id of the area of what names none;
    None: of no area.
    """

    session: Session
    areas: AreaNames
    limited: bool
    today: date
    crs: str | None = None
    owner: int | None = None

    @classmethod
    def load(
        cls, session: Session, areas: Collection[int] | None, today: date, crs: str | None
    ) -> "Scope":
        """Return the scope of who may load registers in some areas; None: everywhere."""
        owner = min(areas) if areas else None
        names = AreaNames.load(session, areas)
        return cls(session, names, areas is not None, today, crs, owner)

    def match(
        self, queries: Sequence[tuple[BuildingQuery, NamedArea | None]]
    ) -> dict[tuple[BuildingQuery, NamedArea | None], int | BuildingNotFound]:
        """Return the building of each query: of those in its community, else of all."""
        matches: dict[tuple[BuildingQuery, NamedArea | None], int | BuildingNotFound] = {}
        for community in dict.fromkeys(area for _, area in queries):
            if community is not None or self.limited:
                addresses = list(
                    dict.fromkeys(query for query, area in queries if area == community)
                )
                answers = find_buildings(self.session, addresses, self.areas.grids_in(community))
                matches |= zip([(query, community) for query in addresses], answers, strict=True)
        rest = [each for each in queries if not isinstance(matches.get(each), int)]
        addresses = list(dict.fromkeys(query for query, _ in rest))
        of_all = dict(zip(addresses, find_buildings(self.session, addresses), strict=True))
        for query, community in rest:
            if (query, community) not in matches or isinstance(of_all[query], int):
                matches[query, community] = of_all[query]
        return matches

    def standing_in(self, area: NamedArea, buildings: Iterable[int]) -> set[int]:
        """Return which of some buildings stand in an area."""
        params = {"buildings": sorted(buildings), "areas": self.areas.grids_in(area)}
        return set(self.session.scalars(text(BUILDINGS_IN_SQL), params))

    def foreign_buildings(self, buildings: Iterable[int]) -> set[int]:
        """Return which of some buildings stand where the register may not be loaded."""
        ids = set(buildings)
        if not self.limited:
            return set()
        params = {"buildings": sorted(ids), "areas": self.areas.own_ids()}
        return ids - set(self.session.scalars(text(BUILDINGS_IN_SQL), params))


ESTATES_SQL = "SELECT DISTINCT estate FROM building WHERE estate <> ''"


def _has_prefix(name: str) -> bool:
    """Return whether the name of a building has that of its estate in front."""
    return bool(parse_address(name).prefix)


class Defaults:
    """What the title of a register says for the rows whose cells do not: community and estate."""

    def __init__(self, scope: Scope, register: Register, report: LoadReport) -> None:
        self.scope = scope
        self.by_words: dict[str, NamedArea | Message] = {}
        self.grids: dict[tuple[str, NamedArea | None], NamedArea | Message] = {}
        title = " ".join([*register.titles, report.source])
        self.has_estates = "estate" in register.headers
        stored = () if self.has_estates else scope.session.scalars(text(ESTATES_SQL)).all()
        of_sheets = dict(zip(register.sheets, register.titles, strict=True))
        self.of_title = {
            place: self._community(own) or self._community(title)
            for place, own in of_sheets.items()
        }
        if "community" not in register.headers:
            for name in dict.fromkeys(area.name for area in self.of_title.values() if area):
                report.note("register.community_of_title", name=name)
        self.estates = {
            place: _estate(own, stored) or _estate(title, stored)
            for place, own in of_sheets.items()
        }
        for estate in dict.fromkeys(filter(None, self.estates.values())):
            report.note("register.estate_of_title", name=estate)

    def community(self, row: Row) -> NamedArea | Message | None:
        """Return the community of a row; a message where its cell names none."""
        words = row["community"]
        if not words:
            return self.of_title[row.number // ROWS_OF_SHEET]
        if words not in self.by_words:
            self.by_words[words] = self.scope.areas.find(words, "community")
        return self.by_words[words]

    def grid(self, row: Row, community: NamedArea | None) -> NamedArea | None:
        """Return the grid that a row names; None for none, or one that is not known."""
        words, within = row["grid"], [community] if community else []
        if not words:
            return None
        if (words, community) not in self.grids:
            self.grids[words, community] = self.scope.areas.find(words, "grid", within)
        named = self.grids[words, community]
        return named if isinstance(named, NamedArea) else None

    def with_estates(self, rows: Sequence[Row], report: LoadReport) -> list[Row]:
        """Fill a blank estate beside a building: as in the row right above, or as in the title."""
        filled: list[Row] = []
        for row in rows:
            last = filled[-1] if filled else None
            if row["building_name"] and not row["estate"]:
                above = last["estate"] if last and row.number == last.number + 1 else None
                if estate := above or self.estates[row.number // ROWS_OF_SHEET]:
                    row = Row(row.number, {**row.values, "estate": estate})
                    report.note_row("register_row.estate_filled", row.number, estate)
                elif not (row["code"] or row["building"] or _has_prefix(row["building_name"])):
                    report.note_row("register_row.no_estate", row.number)
            filled.append(row)
        return filled

    def _community(self, title: str) -> NamedArea | None:
        titled = {area.id: area for area in self.scope.areas.communities_in(title)}
        return next(iter(titled.values())) if len(titled) == 1 else None


def _estate(title: str, estates: Sequence[str]) -> str | None:
    """Return the only one of some estates that a title names; None for none or several."""
    parts = [normalise_text(part) for part in title.split()]
    named = [estate for estate in estates if any(stands_in(estate, part) for part in parts)]
    return named[0] if len(named) == 1 else None
