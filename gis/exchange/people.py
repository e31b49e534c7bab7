"""Loading the people who hold posts, their posts, and their leave. One row is one post, or one leave."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from psycopg.types.range import Range
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Level
from gis.db import copy_rows
from gis.exchange.building_match import closest_names
from gis.exchange.columns import PEOPLE
from gis.exchange.terms import FileTerm, StoredTerm, TermConflict, merge_terms
from gis.files import datasets
from gis.files.dates import ONGOING
from gis.files.header import plain_name
from gis.files.report import LoadReport
from gis.files.tables import Row, finish_reading, read_table
from gis.incidents.reading import unanswered
from gis.rights.roles import ROLES, PostRole
from gis.settings import Settings

LEAVE = "请假"

# Roles that several people hold for one place at a time; of all others a new holder follows the old one.
SHARED = frozenset({"grid_worker", "community_worker", "party_member", "volunteer_team", "liaison_officer"})

OTHER_WORDS = {
    "包保": "building_sponsor", "包保干部": "building_sponsor", "两委成员": "building_sponsor",
    "两委包保": "building_sponsor", "党小组组长": "grid_party_leader", "网格党小组长": "grid_party_leader",
    "专职网格员": "grid_worker", "社工": "community_worker", "社工岗": "community_worker",
    "社区书记": "community_secretary", "社区党支部书记": "community_secretary", "双报到党员": "party_member",
    "志愿者队伍": "volunteer_team", "物业公司": "property_company", "执法中队": "enforcement_squad",
    "街道党工委办公室": "street_office", "联户长（十联户）": "unit_head",
}  # fmt: skip
ROLE_OF = {word.lower(): role for role in ROLES for word in (role.key, role.zh, role.en)} | {
    word: role for role in ROLES for word, key in OTHER_WORDS.items() if key == role.key
}
# What people write into a post that nobody holds.
VACANT_PATTERN = re.compile(r"[(（\[【]?(?:空缺|暂缺|缺编|缺|空岗|空|待定|待补|无|暂无|[-—/]+)[)）\]】]?")
KIND_OF = {
    "": "post",
    "post": "post",
    "任职": "post",
    "岗位": "post",
    "leave": "leave",
    LEAVE: "leave",
    "休假": "leave",
}

AREAS = (
    "SELECT code, id, level, county FROM area WHERE (retired_at IS NULL OR retired_at > now()) AND code = ANY(:codes)"
)
CODES = "SELECT code FROM area WHERE (retired_at IS NULL OR retired_at > now()) AND level = :level"

# The county of a building without one is that of the grid a point in it lies in.
BUILDINGS = """
SELECT b.code, b.id, 'building' AS level, coalesce(b.county, (
  SELECT g.county FROM grid_at(ST_PointOnSurface(b.shape), now()) g
)) AS county
FROM building b WHERE b.code = ANY(:codes)
"""

KNOWN_PEOPLE = "SELECT code, name FROM personal.person WHERE code = ANY(:codes)"

IDS = "SELECT code, id FROM personal.person WHERE code = ANY(:codes)"

# An empty cell leaves what is there.
WRITE_PEOPLE = """
WITH written AS (
  INSERT INTO personal.person AS old (code, name, phone)
  SELECT i.code, coalesce(i.name, p.name), coalesce(i.phone, p.phone, '')
  FROM unnest(CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:phones AS text[])) i(code, name, phone)
  LEFT JOIN personal.person p ON p.code = i.code
  ON CONFLICT (code) DO UPDATE SET name = excluded.name, phone = excluded.phone
  WHERE (old.name, old.phone) IS DISTINCT FROM (excluded.name, excluded.phone)
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""

POSTS = """
SELECT p.id, p.role, p.area_id, p.building_id, h.code AS person, d.code AS deputy,
       lower(p.valid) AS start, upper(p.valid) AS stop
FROM post p
LEFT JOIN personal.person h ON h.id = p.holder_id
LEFT JOIN personal.person d ON d.id = p.deputy_id
WHERE p.area_id = ANY(:areas) OR p.building_id = ANY(:buildings)
"""
LEAVES = """
SELECT l.id, p.code AS person, lower(l.valid) AS start, upper(l.valid) AS stop
FROM leave l JOIN personal.person p ON p.id = l.person_id WHERE p.code = ANY(:codes)
"""
CHANGE_POST = """
UPDATE post SET valid = tstzrange(lower(valid), CAST(:stop AS timestamptz), '[)'),
                deputy_id = (SELECT id FROM personal.person WHERE code = :deputy)
WHERE id = :id
"""
CHANGE_LEAVE = "UPDATE leave SET valid = tstzrange(lower(valid), CAST(:stop AS timestamptz), '[)') WHERE id = :id"


@dataclass(frozen=True)
class Place:
    """What posts are attached to: an area or a building."""

    id: int
    level: str
    county: str | None


@dataclass(frozen=True)
class PostSlot:
    """One post, whoever holds it when; of a role that several share, one for each person."""

    role: str
    place: Place
    person: str | None = None


def load_people(
    session: Session, path: Path, crs: str | None = None, *, timezone: tzinfo = Settings.timezone
) -> LoadReport:
    """Load people, posts and leave from a table; `gis.exchange.columns.PEOPLE` says what it may hold.

    A person is known by the staff number. A new holder closes the post of the old one at the new first day,
    except in roles that several share (`SHARED`). People, posts and leave that are not in the file stay.

    Args:
        crs: Not used; every load takes it.
        timezone: In which the days of the file begin.

    Returns:
        The report. Where a row is refused nothing is written at all.

    Raises:
        InvalidInput, TooMuch: The file cannot be read as such a table.
    """
    report = LoadReport("people", path.name)
    table = read_table(path, PEOPLE, report)
    rows = [_with_vacancies(row, report) for row in table.rows]
    if "to" in table.columns and plain_name(table.columns["to"]) == table.columns["to"] != "to":
        end = table.columns["to"]
        report.notes.append(f"{end} is the first day that no longer counts; 结束日期 is for a last day that still does")
    book = PostLoader(session, rows, timezone)
    for row in rows:
        report.refused += [table.refuse(row.number, field, reason) for field, reason in book.take(row)]
        _note_role(row, report)
        if row["person"] and row["phone"] and row["phone"] != (kept := book.people[row["person"]][1]):
            report.note_row(
                "another telephone of the same person; the first is stored", row.number, f"{row['phone']}: {kept}"
            )
    posts, leaves, clashes = book.arrange()
    report.refused += [table.refuse(clash.row, clash.field, clash.reason) for clash in clashes]
    if finish_reading(report):
        book.write_people(report)
        book.write_posts(posts, report)
        book.write_leaves(leaves, report)
        datasets.record_load(session, "people", path, datasets.file_sha256(path), report.counts, "")
        report.notes += unanswered.note(session, book.now)
    return report


def find_role(word: str) -> PostRole | None:
    """Return the role that a word names, also with a remark in brackets: 网格长（兼）; None where it names none."""
    text = unicodedata.normalize("NFKC", word).lower().strip()
    return ROLE_OF.get(word.lower()) or ROLE_OF.get(text) or ROLE_OF.get(re.sub(r"\(.*?\)|\s", "", text))


def _note_role(row: Row, report: LoadReport) -> None:
    """Put into the report that a remark beside a role is left out."""
    word = row["role"] or ""
    if word.lower() not in ROLE_OF and (role := find_role(word)):
        report.note_row("remarks beside a role are left out", row.number, f"{word}: {role.zh}")


def _with_vacancies(row: Row, report: LoadReport) -> Row:
    """Return a row whose person is empty where words say that the post is vacant."""
    word = row["name"] or row["person"]  # a number beside the name, as in a list numbered through, holds no post
    if not word or not row["role"] or not VACANT_PATTERN.fullmatch(word):
        return row
    report.note_row("posts are read as vacant", row.number, word)
    return Row(row.number, {key: value for key, value in row.values.items() if key not in ("person", "name", "phone")})


class PostLoader:
    """The rows of a file against what the register knows."""

    def __init__(self, session: Session, rows: Sequence[Row], timezone: tzinfo) -> None:
        self.session = session
        self.timezone = timezone
        self.now: datetime = session.execute(text("SELECT now()")).scalar_one()
        self.areas = self._places(AREAS, {row["area"] for row in rows})
        self.buildings = self._places(BUILDINGS, {row["building"] for row in rows})
        codes = {row[key] for row in rows for key in ("person", "deputy")} - {None}
        known = session.execute(text(KNOWN_PEOPLE), {"codes": list(codes)})
        self.known: dict[str, str] = {row.code: row.name for row in known}
        # name and phone by code, and the row that names the person
        self.people: dict[str, tuple[str | None, str | None]] = {}
        self.named_in: dict[str, int] = {}
        for row in rows:
            if row["person"]:
                name, phone = self.people.get(row["person"], (None, None))
                self.people[row["person"]] = (name or row["name"], phone or row["phone"])
                if row["name"]:
                    self.named_in.setdefault(row["person"], row.number)
        self.codes: dict[str, Sequence[str]] = {}
        self.posts: dict[PostSlot, list[FileTerm]] = defaultdict(list)
        self.leaves: dict[str, list[FileTerm]] = defaultdict(list)

    def _places(self, query: str, codes: set[str | None]) -> dict[str, Place]:
        found = self.session.execute(text(query), {"codes": [code for code in codes if code]})
        return {row.code: Place(row.id, row.level, row.county) for row in found}

    def take(self, row: Row) -> list[tuple[str, str]]:
        """Sort one row into posts or leaves; or give its faults: field and reason."""
        kind = KIND_OF.get((row["kind"] or "").lower())
        if kind is None:
            return [("kind", f"{row['kind']!r} is neither 任职 (post) nor {LEAVE} (leave)")]
        faults = self._person_faults(row)
        ends = [end for key in ("to", "last_day") if (end := row[key]) is not None]
        if len(set(ends)) > 1:
            faults.append(("last_day", "is given, and 至 (to) too, and they differ; give one of them"))
        is_ongoing = ONGOING in ends
        end = ends[0] if ends and not is_ongoing else None
        start, stop = (moment and moment.replace(tzinfo=self.timezone) for moment in (row["from"], end))
        term = FileTerm(row.number, row["person"], row["deputy"], start, stop, is_ongoing)
        if kind == "leave":
            faults += self._leave_faults(row)
            if not faults:
                self.leaves[row["person"]].append(term)
        elif not row["role"]:
            faults += [(key, "is given, but no role; fill in the role") for key in ("area", "building") if row[key]]
            if not row["person"]:
                faults.append(("person", "is empty, and so is the role; give one of them"))
        else:
            role = find_role(row["role"])
            if role is None:
                known = "、".join(one.zh for one in ROLES)
                return [*faults, ("role", f"{row['role']} is not a role known here; one of {known}")]
            place = self._place(row, role)
            if isinstance(place, Place) and not faults:
                self.posts[PostSlot(role.key, place, row["person"] if role.key in SHARED else None)].append(term)
            elif not isinstance(place, Place):
                faults.append(place)
        return faults

    def _person_faults(self, row: Row) -> list[tuple[str, str]]:
        faults = []
        person, name = row["person"], row["name"]
        if name and not person:
            faults.append(("person", f"is empty for {name}; give the staff number"))
        if person and not (self.people[person][0] or self.known.get(person)):
            faults.append(("name", f"is empty, and nobody with the number {person} is known yet; give the name"))
        if person and name and name != self.people[person][0]:
            other = f"{self.people[person][0]} (row {self.named_in[person]})"
            faults.append(("name", f"{name} has the number {person} of {other}; one number is one person"))
        deputy = row["deputy"]
        if deputy and deputy not in self.known and deputy not in self.people:
            codes = sorted(self.known.keys() | self.people.keys())
            faults.append(
                (
                    "deputy",
                    f"nobody has the number {deputy}; add a row for the person{closest_names(deputy, codes)}",
                )
            )
        if deputy and deputy == person:
            faults.append(("deputy", f"{deputy} holds the post; the deputy is somebody else"))
        return faults

    def _leave_faults(self, row: Row) -> list[tuple[str, str]]:
        missing = [(key, "is empty; a leave needs it") for key in ("person", "from") if not row[key]]
        extra = [(key, "is given, but this row is a leave") for key in ("role", "area", "building") if row[key]]
        return missing + extra

    def _place(self, row: Row, role: PostRole) -> Place | tuple[str, str]:
        """The area or building of a post, or what is wrong with it: field and reason."""
        on_building = role.attached_to == "building"
        level = "building (楼栋)" if on_building else f"{role.attached_to} ({Level(role.attached_to).zh})"
        right, wrong = ("building", "area") if on_building else ("area", "building")
        needed = f"the role {role.zh} is attached to a {level}"
        code = row[right]
        if not code:
            what = f"not to {row[wrong]}; give" if row[wrong] else "give"
            return (wrong if row[wrong] else right), f"{needed}, {what} its code in the column {right}"
        if row[wrong]:
            return wrong, f"{needed}; leave this one empty"
        place = (self.buildings if on_building else self.areas).get(code)
        if place is None:
            return right, f"there is no {level} {code}{closest_names(code, self._codes(role.attached_to))}"
        if place.level != role.attached_to:
            has = f"{code} is a {place.level} ({Level(place.level).zh})"
            return right, f"{needed}; {has}{closest_names(code, self._codes(role.attached_to))}"
        if place.county is None:
            return (
                right,
                f"building {code} stands in no grid, so its county is not known; load the areas first",
            )
        return place

    def _codes(self, level: str) -> Sequence[str]:
        """All codes of a level, asked for once, when the first wrong code needs suggestions."""
        if level not in self.codes:
            query = "SELECT code FROM building" if level == "building" else CODES
            self.codes[level] = self.session.scalars(text(query), {"level": level}).all()
        return self.codes[level]

    def arrange(self) -> tuple[list[tuple[PostSlot, StoredTerm]], list[tuple[str, StoredTerm]], list[TermConflict]]:
        """Fit the terms into what is known: new and changed posts and leaves, and what does not fit."""
        places = {(slot.place.level == "building", slot.place.id): slot.place for slot in self.posts}
        areas = [id for on_building, id in places if not on_building]
        buildings = [id for on_building, id in places if on_building]
        held: dict[PostSlot, list[StoredTerm]] = defaultdict(list)
        for row in self.session.execute(text(POSTS), {"areas": areas, "buildings": buildings}):
            place = places[row.area_id is None, row.area_id or row.building_id]
            slot = PostSlot(row.role, place, row.person if row.role in SHARED else None)
            held[slot].append(StoredTerm(row.id, row.person, row.deputy, row.start, row.stop))
        away: dict[str, list[StoredTerm]] = defaultdict(list)
        for row in self.session.execute(text(LEAVES), {"codes": list(self.leaves)}):
            away[row.person].append(StoredTerm(row.id, row.person, None, row.start, row.stop))
        posts, not_posts = _changes(held, self.posts, self.now)
        leaves, not_leaves = _changes(away, self.leaves, self.now)
        return posts, leaves, not_posts + not_leaves

    def write_people(self, report: LoadReport) -> None:
        """Enter new people and change the names and phones that differ."""
        codes = list(self.people)
        names, phones = ([self.people[code][part] for code in codes] for part in (0, 1))
        new, changed = self.session.execute(
            text(WRITE_PEOPLE), {"codes": codes, "names": names, "phones": phones}
        ).one()
        unchanged = len(codes) - new - changed
        report.counts |= {"new_people": new, "changed_people": changed, "unchanged_people": unchanged}

    def write_posts(self, posts: Sequence[tuple[PostSlot, StoredTerm]], report: LoadReport) -> None:
        """Close, change and open posts."""
        changed = [{"id": one.id, "stop": one.stop, "deputy": one.deputy} for _, one in posts if one.id is not None]
        if changed:
            self.session.execute(text(CHANGE_POST), changed)
        ids = self._ids()
        rows = [
            (
                slot.place.county,
                slot.role,
                None if slot.place.level == "building" else slot.place.id,
                slot.place.id if slot.place.level == "building" else None,
                ids[one.person] if one.person else None,
                ids[one.deputy] if one.deputy else None,
                Range(one.start, one.stop),
            )
            for slot, one in posts
            if one.id is None
        ]
        columns = ("county", "role", "area_id", "building_id", "holder_id", "deputy_id", "valid")
        report.counts |= {
            "new_posts": copy_rows(self.session, "post", columns, rows),
            "changed_posts": len(changed),
        }

    def write_leaves(self, leaves: Sequence[tuple[str, StoredTerm]], report: LoadReport) -> None:
        """Enter new leave and change its end."""
        changed = [{"id": one.id, "stop": one.stop} for _, one in leaves if one.id is not None]
        if changed:
            self.session.execute(text(CHANGE_LEAVE), changed)
        ids = self._ids()
        rows = [(ids[person], Range(one.start, one.stop)) for person, one in leaves if one.id is None]
        report.counts |= {
            "new_leaves": copy_rows(self.session, "leave", ("person_id", "valid"), rows),
            "changed_leaves": len(changed),
        }

    def _ids(self) -> dict[str, int]:
        codes = list(self.people.keys() | self.known.keys())
        found = self.session.execute(text(IDS), {"codes": codes})
        return {row.code: row.id for row in found}


Key = TypeVar("Key")


def _changes(
    held: Mapping[Key, Sequence[StoredTerm]], asked: Mapping[Key, Sequence[FileTerm]], now: datetime
) -> tuple[list[tuple[Key, StoredTerm]], list[TermConflict]]:
    """What `arrange` changes, timeline by timeline."""
    changes: list[tuple[Key, StoredTerm]] = []
    clashes: list[TermConflict] = []
    for key, terms in asked.items():
        before = held.get(key, ())
        line, wrong = merge_terms(before, terms, now)
        changes += [(key, one) for one in line if one not in before]
        clashes += wrong
    return changes, clashes
