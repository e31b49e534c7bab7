"""Match the rows of a file of people with the stored posts and leave, and report faults."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Level
from gis.exchange.building_match import with_suggestions
from gis.exchange.terms import FileTerm, StoredTerm, TermConflict, merge_terms
from gis.files.dates import ONGOING
from gis.files.tables import Row
from gis.kinds import KindRow, read_kinds
from gis.messages import Message
from gis.rights.roles import ROLE_BY_KEY, ROLES, PostRole

LEAVE = "请假"

ROLE_BY_WORD = {word.lower(): role for role in ROLES for word in (role.key, role.zh, role.en)} | {
    word: role for role in ROLES for word in role.aliases_zh
}
# those in Chinese, the longest first
ROLE_WORDS = sorted(
    {word for role in ROLES for word in (role.zh, *role.aliases_zh)}, key=len, reverse=True
)
KIND_BY_WORD = {
    "": "post",
    "post": "post",
    "任职": "post",
    "岗位": "post",
    "leave": "leave",
    LEAVE: "leave",
    "休假": "leave",
}

AREAS_BY_CODE_SQL = (
    "SELECT code, id, level, county FROM area WHERE (retired_at IS NULL OR retired_at > now())"
    " AND code = ANY(:codes)"
)
CODES = "SELECT code FROM area WHERE (retired_at IS NULL OR retired_at > now()) AND level = :level"

# A building without a county takes that of the grid of a point in it.
BUILDINGS_BY_CODE_SQL = """
SELECT b.code, b.id, 'building' AS level, coalesce(b.county, (
  SELECT g.county FROM grid_at(ST_PointOnSurface(b.geom), now()) g
)) AS county
FROM building b WHERE b.code = ANY(:codes)
"""

STORED_PEOPLE = "SELECT code, name FROM personal.person WHERE code = ANY(:codes)"

STORED_POSTS_SQL = """
SELECT p.id, p.role, p.kind_id, k.shared, p.area_id, p.building_id, h.code AS person,
  d.code AS deputy,
       lower(p.valid_time) AS start, upper(p.valid_time) AS stop, p.grade
FROM post p
LEFT JOIN kind k ON k.id = p.kind_id
LEFT JOIN personal.person h ON h.id = p.holder_id
LEFT JOIN personal.person d ON d.id = p.deputy_id
WHERE p.area_id = ANY(:areas) OR p.building_id = ANY(:buildings)
"""
# of posts at places, by the codes of these
POST_KINDS_SQL = """
SELECT coalesce(a.code, b.code) AS place, array_agg(DISTINCT p.kind_id) AS kinds
FROM post p LEFT JOIN area a ON a.id = p.area_id LEFT JOIN building b ON b.id = p.building_id
WHERE p.kind_id IS NOT NULL AND (p.area_id = ANY(:areas) OR p.building_id = ANY(:buildings))
GROUP BY 1
"""
LEAVES = """
SELECT l.id, p.code AS person, lower(l.valid_time) AS start, upper(l.valid_time) AS stop
FROM leave l JOIN personal.person p ON p.id = l.person_id WHERE p.code = ANY(:codes)
"""
Fault = tuple[str, Message]
"""Key of the column at fault, and the reason."""


@dataclass(frozen=True)
class PostSite:
    """What posts are attached to: an area or a building."""

    id: int
    level: str
    county: str | None


@dataclass(frozen=True)
class PostSlot:
    """One post over all its holders; a shared role has one slot for each person."""

    role: str
    kind: int | None
    site: PostSite
    person: str | None = None


PostChange = tuple[PostSlot, StoredTerm]


def find_role(word: str) -> PostRole | None:
    """Return the role that a word names, also with a remark in brackets: 网格长（兼）.

    None where it names none.
    """
    text = unicodedata.normalize("NFKC", word).lower().strip()
    return (
        ROLE_BY_WORD.get(word.lower())
        or ROLE_BY_WORD.get(text)
        or ROLE_BY_WORD.get(without_remark(word))
    )


def without_remark(word: str) -> str:
    """Return a word in lower case, without blanks and what stands in brackets."""
    text = unicodedata.normalize("NFKC", word).lower()
    return re.sub(r"\(.*?\)|\s", "", text)


class PostLoader:
    """The rows of a file against what is stored.

    names: Stored name by staff number.
    people: Name and phone in the file by staff number.
    """

    def __init__(self, session: Session, rows: Sequence[Row], timezone: tzinfo) -> None:
        self.session = session
        self.timezone = timezone
        self.now: datetime = session.scalars(text("SELECT now()")).one().astimezone(timezone)
        self.kinds = read_kinds(session, "role")
        self.areas = self._sites(AREAS_BY_CODE_SQL, {row["area"] for row in rows})
        self.buildings = self._sites(BUILDINGS_BY_CODE_SQL, {row["building"] for row in rows})
        places = {
            name: [site.id for site in sites.values()]
            for name, sites in (("areas", self.areas), ("buildings", self.buildings))
        }
        kinds = session.execute(text(POST_KINDS_SQL), places)
        self.stored_kinds: dict[str | None, list[int]] = {row.place: row.kinds for row in kinds}
        codes = {row[key] for row in rows for key in ("person", "deputy")} - {None}
        stored = session.execute(text(STORED_PEOPLE), {"codes": list(codes)})
        self.names: dict[str, str] = {row.code: row.name for row in stored}
        self.people: dict[str, tuple[str | None, str | None]] = {}
        self.named_in: dict[str, int] = {}  # row that names the person, by staff number
        for row in rows:
            if row["person"]:
                name, phone = self.people.get(row["person"], (None, None))
                self.people[row["person"]] = (name or row["name"], phone or row["phone"])
                if row["name"]:
                    self.named_in.setdefault(row["person"], row.number)
        self.codes: dict[str, Sequence[str]] = {}  # by level
        self.posts: dict[PostSlot, list[FileTerm]] = defaultdict(list)
        self.leaves: dict[str, list[FileTerm]] = defaultdict(list)

    def _sites(self, query: str, codes: set[str | None]) -> dict[str, PostSite]:
        rows = self.session.execute(text(query), {"codes": [code for code in codes if code]})
        return {row.code: PostSite(row.id, row.level, row.county) for row in rows}

    def take(self, row: Row) -> list[Fault]:
        """Sort one row into posts or leaves; or return its faults."""
        kind = KIND_BY_WORD.get((row["kind"] or "").lower())
        if kind is None:
            return [("kind", Message("post_row.kind_unknown", {"kind": row["kind"]}))]
        faults = self._person_faults(row)
        ends = [end for key in ("to", "last_day") if (end := row[key]) is not None]
        if len(set(ends)) > 1:
            faults.append(("last_day", Message("post_row.two_ends")))
        is_ongoing = ONGOING in ends
        end = ends[0] if ends and not is_ongoing else None
        start, stop = (
            moment and moment.replace(tzinfo=self.timezone) for moment in (row["from"], end)
        )
        term = FileTerm(
            row.number, row["person"], row["deputy"], start, stop, is_ongoing, row["grade"]
        )
        if kind == "leave":
            faults += self._leave_faults(row)
            if not faults:
                self.leaves[row["person"]].append(term)
        elif not row["role"]:
            faults += [
                (key, Message("post_row.role_missing")) for key in ("area", "building") if row[key]
            ]
            if not row["person"]:
                faults.append(("person", Message("post_row.person_and_role_empty")))
        else:
            own_kind = self._kind(row)
            role = ROLE_BY_KEY[own_kind.parent] if own_kind else find_role(row["role"])
            if role is None:
                names = [*(choice.zh for choice in ROLES), *(each.zh for each in self.kinds.rows)]
                params = {"role": row["role"], "roles": "、".join(names)}
                return [*faults, ("role", Message("post_row.role_unknown", params))]
            site = self._site(row, role)
            if isinstance(site, PostSite) and not faults:
                kind_id, shared = (own_kind.id, own_kind.shared) if own_kind else (None, None)
                slot = _slot(role.key, kind_id, shared, site, row["person"])
                self.posts[slot].append(term)
            elif not isinstance(site, PostSite):
                faults.append(site)
        return faults

    def _kind(self, row: Row) -> KindRow | None:
        """Return the kind of role that people added and a row names; None if it names none."""
        site = self.areas.get(row["area"]) or self.buildings.get(row["building"])
        county = site.county if site else None
        word = without_remark(row["role"])
        kinds = self.kinds.keeping(*self.stored_kinds.get(row["area"] or row["building"], ()))
        return kinds.find(row["role"], county) or kinds.find(word, county)

    def _person_faults(self, row: Row) -> list[Fault]:
        faults: list[Fault] = []
        person, name = row["person"], row["name"]
        if name and not person:
            faults.append(("person", Message("post_row.number_missing", {"name": name})))
        if person and not (self.people[person][0] or self.names.get(person)):
            faults.append(("name", Message("post_row.name_missing", {"person": person})))
        if person and name and name != self.people[person][0]:
            other, other_row = self.people[person][0], str(self.named_in[person])
            params = {"name": name, "person": person, "other": other, "row": other_row}
            faults.append(("name", Message("post_row.number_of_other", params)))
        deputy = row["deputy"]
        if deputy and deputy not in self.names and deputy not in self.people:
            codes = sorted(self.names.keys() | self.people.keys())
            message = Message("post_row.deputy_unknown", {"deputy": deputy})
            faults.append(("deputy", with_suggestions(message, deputy, codes)))
        if deputy and deputy == person:
            faults.append(("deputy", Message("post_row.deputy_is_holder", {"deputy": deputy})))
        return faults

    def _leave_faults(self, row: Row) -> list[Fault]:
        missing = [
            (key, Message("post_row.leave_needs")) for key in ("person", "from") if not row[key]
        ]
        extra = [
            (key, Message("post_row.not_of_leave"))
            for key in ("role", "area", "building", "grade")
            if row[key]
        ]
        return missing + extra

    def _site(self, row: Row, role: PostRole) -> PostSite | Fault:
        """Return the area or building of a post, or what is wrong with it."""
        on_building = role.level == "building"
        level = "building (楼栋)" if on_building else f"{role.level} ({Level(role.level).zh})"
        right, wrong = ("building", "area") if on_building else ("area", "building")
        code = row[right]
        params: dict[str, object] = {"role": role.zh, "level": level, "column": right, "code": code}
        if not code and row[wrong]:
            return wrong, Message("post_row.place_in_wrong_column", params | {"code": row[wrong]})
        if not code:
            return right, Message("post_row.place_missing", params)
        if row[wrong]:
            return wrong, Message("post_row.place_given_twice", params)
        site = (self.buildings if on_building else self.areas).get(code)
        if site is None:
            return right, with_suggestions(
                Message("post_row.place_unknown", params), code, self._codes(role.level)
            )
        if site.level not in (role.level, *role.other_levels):
            message = Message(
                "post_row.wrong_level", params | {"other": f"{site.level} ({Level(site.level).zh})"}
            )
            return right, with_suggestions(message, code, self._codes(role.level))
        if site.county is None:
            return right, Message("post_row.building_without_county")
        return site

    def _codes(self, level: str) -> Sequence[str]:
        """Return all codes of a level, read once, when the first wrong code needs suggestions."""
        if level not in self.codes:
            query = "SELECT code FROM building" if level == "building" else CODES
            self.codes[level] = self.session.scalars(text(query), {"level": level}).all()
        return self.codes[level]

    def arrange(self) -> tuple[list[PostChange], list[tuple[str, StoredTerm]], list[TermConflict]]:
        """Fit the terms into what is stored.

        Return new and changed posts and leaves, and what does not fit.
        """
        sites = {(slot.site.level == "building", slot.site.id): slot.site for slot in self.posts}
        areas = [id for on_building, id in sites if not on_building]
        buildings = [id for on_building, id in sites if on_building]
        stored_posts: dict[PostSlot, list[StoredTerm]] = defaultdict(list)
        for row in self.session.execute(
            text(STORED_POSTS_SQL), {"areas": areas, "buildings": buildings}
        ):
            site = sites[row.area_id is None, row.area_id or row.building_id]
            slot = _slot(row.role, row.kind_id, row.shared, site, row.person)
            stored_posts[slot].append(
                StoredTerm(row.id, row.person, row.deputy, row.start, row.stop, row.grade)
            )
        stored_leaves: dict[str, list[StoredTerm]] = defaultdict(list)
        for row in self.session.execute(text(LEAVES), {"codes": list(self.leaves)}):
            stored_leaves[row.person].append(
                StoredTerm(row.id, row.person, None, row.start, row.stop)
            )
        posts, not_posts = _changes(stored_posts, self.posts, self.now)
        leaves, not_leaves = _changes(stored_leaves, self.leaves, self.now)
        return posts, leaves, not_posts + not_leaves


def _slot(
    role: str, kind: int | None, shared: bool | None, site: PostSite, person: str | None
) -> PostSlot:
    """Return the slot of a post; `shared` is its kind's, None: as its role."""
    is_shared = ROLE_BY_KEY[role].shared if shared is None else shared
    return PostSlot(role, kind, site, person if is_shared else None)


Key = TypeVar("Key")


def _changes(
    stored: Mapping[Key, Sequence[StoredTerm]], new: Mapping[Key, Sequence[FileTerm]], now: datetime
) -> tuple[list[tuple[Key, StoredTerm]], list[TermConflict]]:
    """Return what `arrange` changes, timeline by timeline."""
    changes: list[tuple[Key, StoredTerm]] = []
    conflicts: list[TermConflict] = []
    for key, terms in new.items():
        stored_terms = stored.get(key, ())
        timeline, misfits = merge_terms(stored_terms, terms, now)
        changes += [(key, term) for term in timeline if term not in stored_terms]
        conflicts += misfits
    return changes, conflicts
