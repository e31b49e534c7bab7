"""A list of people with posts as rows of `gis.exchange.people`: no staff numbers are needed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import text

from gis.exchange.building_match import BuildingNotFound, BuildingQuery
from gis.exchange.columns import PEOPLE_COLUMNS
from gis.exchange.post_rows import ROLE_WORDS, find_role
from gis.exchange.registers.area_names import NamedArea, split_names
from gis.exchange.registers.cells import Contact
from gis.exchange.registers.fields import DEFAULT_ROLES
from gis.exchange.registers.ranges import split_buildings
from gis.exchange.registers.reading import Register, status_of
from gis.exchange.registers.scope import Defaults, Scope
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.kinds import read_kinds
from gis.messages import Message
from gis.people.persons import new_person_codes
from gis.rights.roles import ROLE_BY_KEY, ROLES, PostRole

Fault = tuple[str, Message]

# people by name, with the areas and buildings of their present posts
PEOPLE_SQL = """
SELECT p.code, p.name, p.phone, array_agg(o.area_id) FILTER (WHERE o.area_id IS NOT NULL) AS areas
FROM personal.person p
LEFT JOIN post o ON o.holder_id = p.id AND o.valid_time @> now()
WHERE p.{column} = ANY(:words) GROUP BY p.id
"""
CODES_SQL = "SELECT id, code FROM building WHERE id = ANY(:ids)"
# words before or behind a role that do not change it
REMARK_PATTERN = re.compile(
    r"^(?:代理|临时|专职|兼职|专兼职|专（兼）职|兼任|兼)|(?:兼职|兼任|代理|\(.*?\)|（.*?）)$"
)


@dataclass(frozen=True)
class Listed:
    """One person, or a vacancy, with one role, as a row names it; sites: where the role is held."""

    row: Row
    nth: str
    contact: Contact
    role: PostRole
    sites: Sequence[NamedArea | str]


def to_people(scope: Scope, register: Register, report: LoadReport) -> Table:
    """Return the posts of a register for `gis.exchange.people`."""
    columns = {**register.headers}
    columns["area"] = next(
        (columns[key] for key in ("grid", "community", "unit") if key in columns), ""
    )
    table = Table(columns, iter(()))
    reader = _RosterReader(scope, register, table, report)
    for row in register.rows:
        if reason := _left(row, register.kind):
            report.note_row("register_row.left", row.number, reason)
    present = [row for row in register.rows if not _left(row, register.kind)]
    listed = [entry for row in present for entry in reader.read(row)]
    people = _with_phones([entry for entry in listed if entry.contact.name], report)
    listed = [*people, *(entry for entry in listed if not entry.contact.name)]
    listed.sort(key=lambda entry: entry.row.number)
    codes = _person_codes(scope, people, table, report)
    rows: dict[tuple[object, ...], Row] = {}
    for entry in listed:
        if (code := codes.get((entry.row.number, entry.nth), "")) is None:
            continue
        for site in entry.sites:
            values = _post(entry, site, code)
            key = (values["person"], values["role"], values["area"], values["building"])
            if values["person"] and key in rows:
                report.note_row("register_row.post_twice", entry.row.number)
                continue
            rows[key if code else (*key, len(rows))] = Row(entry.row.number, values)
    headers = {column.key: column.zh for column in PEOPLE_COLUMNS} | columns
    return Table(headers, iter(rows.values()))


def _left(row: Row, kind: str) -> str | None:
    """Return the word that says that somebody left; party members and volunteers may be retired."""
    reason = status_of(row)
    return None if reason == "退休" and kind in DEFAULT_ROLES else reason


def _post(entry: Listed, site: NamedArea | str, code: str) -> dict[str, object]:
    row = entry.row
    return {
        "person": code or None,
        "name": entry.contact.name or None,
        "phone": entry.contact.phone or None,
        "role": entry.role.title or entry.role.key,
        "area": site.code if isinstance(site, NamedArea) else None,
        "building": site if isinstance(site, str) else None,
        **{key: row[key] for key in ("grade", "from", "to", "last_day")},
    }


class _RosterReader:
    """Who holds which post where, row by row."""

    def __init__(self, scope: Scope, register: Register, table: Table, report: LoadReport) -> None:
        self.scope, self.register, self.table, self.report = scope, register, table, report
        self.defaults = Defaults(scope, register, report)
        self.kinds = read_kinds(scope.session, "role")
        title = " ".join([*register.titles, report.source])
        self.title_role = DEFAULT_ROLES.get(register.kind) or _role_in(title)
        self.pairs: dict[str, str] = {}  # each name with the telephone right of it
        for key in register.headers:
            if key.split("#")[0] == "name":
                self.pairs[key] = ""
            elif key.split("#")[0] == "phone" and self.pairs and not [*self.pairs.values()][-1]:
                self.pairs[[*self.pairs][-1]] = key

    @cached_property
    def buildings(self) -> dict[tuple[BuildingQuery, NamedArea | None], int | BuildingNotFound]:
        """Which building each query of a row is, matched all at once."""
        return self.scope.match(
            [
                (query, community)
                for row in self.register.rows
                if not isinstance(community := self.defaults.community(row), Message)
                for query in _queries(row)
            ]
        )

    @cached_property
    def codes(self) -> dict[int, str]:
        """The code of each building that a row means, where the register may be loaded, by id."""
        ids = {match for match in self.buildings.values() if isinstance(match, int)}
        own = sorted(ids - self.scope.foreign_buildings(ids))
        rows = self.scope.session.execute(text(CODES_SQL), {"ids": own})
        return {row.id: row.code for row in rows}

    def read(self, row: Row) -> Iterator[Listed]:
        """Yield the people of a row with their posts; refuse the row where it is wrong."""
        faults: list[Fault] = []
        entries: list[Listed] = []
        for nth, (name, phone) in enumerate(self.pairs.items()):
            contact = row[name]
            if contact is None:
                if nth == 0 and len(self.pairs) == 1:
                    faults.append((name, Message("register_row.no_name")))
                continue
            contact = Contact(contact.name, contact.phone or row[phone] or "")
            if not contact.name:
                contact = Contact("", "")
            for role in self._roles(row, name, faults):
                sites = self._sites(row, role, faults)
                entries.append(Listed(row, name, contact, role, sites))
        self.report.refused += [self.table.refuse(row.number, *fault) for fault in faults]
        if not faults:
            yield from entries

    def _roles(self, row: Row, name: str, faults: list[Fault]) -> list[PostRole]:
        """Return the roles of a person of a row: of its cell, its header, or the title."""
        by_header = _role_in(self.register.headers[name])
        if (words := row["role"]) and not (by_header and len(self.pairs) > 1):
            roles = [self._role(part, row, faults) for part in _split_roles(words)]
            return [role for role in roles if role is not None]
        key = by_header or self.title_role
        if key is None:
            faults.append(("role", Message("post_row.role_missing")))
            return []
        if not by_header and self.register.kind not in DEFAULT_ROLES:
            zh = ROLE_BY_KEY[key].zh
            self.report.note_row("register_row.role_of_title", row.number, zh)
        return [ROLE_BY_KEY[key]]

    def _role(self, words: str, row: Row, faults: list[Fault]) -> PostRole | None:
        community = self.defaults.community(row)
        county = community.county if isinstance(community, NamedArea) else None
        without = REMARK_PATTERN.sub("", words)
        if kind := self.kinds.find(words, county) or self.kinds.find(without, county):
            return replace(ROLE_BY_KEY[kind.parent], title=kind.zh)
        role, plain = find_role(words), words
        while role is None and (shorter := REMARK_PATTERN.sub("", plain)) != plain:
            plain = shorter
            role = find_role(plain)
        if role is None:
            params = {"role": words, "roles": "、".join(choice.zh for choice in ROLES)}
            faults.append(("role", Message("post_row.role_unknown", params)))
        elif words not in (role.key, role.zh, *role.aliases_zh):
            self.report.note_row("post_row.role_remark", row.number, f"{words}: {role.zh}")
        return role

    def _sites(self, row: Row, role: PostRole, faults: list[Fault]) -> list[NamedArea | str]:
        """Return the areas or buildings of a role that a row names."""
        community = self.defaults.community(row)
        if isinstance(community, Message):
            faults.append(("community", community))
            return []
        within = [community] if community else []
        if role.level == "building":
            return [*self._buildings(row, community, faults)]
        if role.level in ("community", "street", "county"):
            return self._upper(row, role.level, community, faults)
        words = row[role.level]
        if not words and community and "community" in role.other_levels:
            return [community]
        if not words:
            params = {"role": role.zh, "level": Message(f"area_level.{role.level}")}
            faults.append((role.level, Message("register_row.no_area", params)))
            return []
        grids: list[NamedArea] = []
        if role.level == "unit" and row["grid"]:
            named = [
                self.scope.areas.find(part, "grid", within) for part in split_names(row["grid"])
            ]
            grids = [area for area in named if isinstance(area, NamedArea)]
        sites: list[NamedArea | str] = []
        for part in split_names(words):
            area = self.scope.areas.find(part, role.level, grids or within)
            if isinstance(area, Message):
                faults.append((role.level, area))
            elif area not in sites:
                sites.append(area)
        if len(sites) > 1 and re.search(r"\d[^、,，;；/]*[-~—至到]", words):
            self.report.note_row("register_row.range_of_areas", row.number, words)
        return sites

    def _upper(
        self, row: Row, level: str, community: NamedArea | None, faults: list[Fault]
    ) -> list[NamedArea | str]:
        """Return the community, street or county of a row."""
        if level == "community" and community is not None:
            return [community]
        words = row[level] if level != "county" else None
        if words:
            area = self.scope.areas.find(words, level)
            if isinstance(area, NamedArea):
                return [area]
            faults.append((level, area))
            return []
        chain = self.scope.areas.chains[community.id] if community else []
        above = [area for area in chain if area.level == level and area.mine]
        if not above:
            params = {"level": Message(f"area_level.{level}")}
            faults.append(("community", Message("register_row.no_area_of_level", params)))
        return [*above]

    def _buildings(self, row: Row, community: NamedArea | None, faults: list[Fault]) -> list[str]:
        """Return the codes of the buildings that a row names."""
        words = row["building"]
        if not words:
            faults.append(("building", Message("register_row.no_building")))
            return []
        codes: set[str] = set()
        for query in _queries(row):
            match = self.buildings[query, community]
            if isinstance(match, BuildingNotFound):
                faults.append(("building", match.reason))
            elif match not in self.codes:
                faults.append(("building", Message("register_row.not_yours")))
            else:
                codes.add(self.codes[match])
        return sorted(codes)


def _queries(row: Row) -> list[BuildingQuery]:
    """Return the buildings that a row lists."""
    words, estate = row["building"], row["estate"]
    names = (split_buildings(words) or [words]) if words else []
    return [
        BuildingQuery(estate=estate, name=name) if estate else BuildingQuery(address=name)
        for name in names
    ]


def _split_roles(words: str) -> list[str]:
    return [
        part
        for part in re.split(
            r"[、,，;；/]|(?<=[\u3400-\u9fff])兼(?![职任])(?=[\u3400-\u9fff])", words
        )
        if part.strip()
    ]


def _role_in(words: str) -> str | None:
    """Return the role that a title or header names, if it names one."""
    rest, keys = words, set()
    for word in ROLE_WORDS:
        if word in rest and (role := find_role(word)):
            keys.add(role.key)
            rest = rest.replace(word, "")
    return keys.pop() if len(keys) == 1 else None


def _person_codes(
    scope: Scope, people: Sequence[Listed], table: Table, report: LoadReport
) -> dict[tuple[int, str], str | None]:
    """Return the code of each person by row and column; None for one that is refused.

    By the staff number of the row; else the same name and telephone are the same person; else the
    only one of that name with a post in the same area, whose telephone is a new one.
    """
    names = sorted({entry.contact.name for entry in people})
    stored = scope.session.execute(text(PEOPLE_SQL.format(column="name")), {"words": names}).all()
    # namesakes without telephones may be several people
    by_contact = {(row.name, row.phone): row.code for row in stored if row.phone}
    phones = {(e.contact.name, e.contact.phone) for e in people if e.contact.phone}
    codes: dict[tuple[int, str], str | None] = {}
    new: dict[Contact, list[Listed]] = {}
    for entry in people:
        place = (entry.row.number, entry.nth)
        if entry.row["person"]:
            codes[place] = entry.row["person"]
        elif code := by_contact.get((entry.contact.name, entry.contact.phone)):
            codes[place] = code
        elif same := _same_post(entry, stored, phones):
            codes[place] = same
            has_phone = bool(entry.contact.phone)
            assumed = "register_row.new_phone" if has_phone else "register_row.same_name_there"
            report.note_row(assumed, entry.row.number, entry.contact.name)
        else:
            new.setdefault(entry.contact, []).append(entry)
    numbers = new_person_codes(scope.session, len(new))
    for number, (contact, entries) in zip(numbers, new.items(), strict=True):
        for entry in entries:
            codes[entry.row.number, entry.nth] = number
        if not contact.phone and len({entry.row.number for entry in entries}) > 1:
            for entry in entries[1:]:
                report.note_row("register_row.same_name_no_phone", entry.row.number, contact.name)
    _refuse_other_names(scope, people, table, report, codes)
    return codes


def _with_phones(people: Sequence[Listed], report: LoadReport) -> list[Listed]:
    """Give who is listed without a telephone that of the only one of the name who has one.

    Namesakes with other telephones are noted: one of them may be wrong.
    """
    phones: dict[str, list[str]] = {}
    for entry in people:
        if entry.contact.phone:
            phones.setdefault(entry.contact.name, []).append(entry.contact.phone)
    filled = []
    for entry in people:
        name, known = entry.contact.name, list(dict.fromkeys(phones.get(entry.contact.name, ())))
        if not entry.contact.phone and len(known) == 1:
            report.note_row("register_row.phone_of_name", entry.row.number, name)
            entry = replace(entry, contact=Contact(name, known[0]))
        elif len(known) > 1 and not entry.row["person"]:
            report.note_row("register_row.namesakes", entry.row.number, name)
        filled.append(entry)
    return filled


def _same_post(entry: Listed, stored: Sequence[object], phones: set[tuple[str, str]]) -> str | None:
    """Return the only stored person of a name who has a post in the same area.

    Unless the list has that person with the stored telephone too.
    """
    areas = {site.id for site in entry.sites if isinstance(site, NamedArea)}
    same = [
        person.code  # type: ignore[attr-defined]
        for person in stored
        if person.name == entry.contact.name  # type: ignore[attr-defined]
        and areas & set(person.areas or ())  # type: ignore[attr-defined]
        and (person.name, person.phone) not in phones  # type: ignore[attr-defined]
    ]
    return same[0] if len(same) == 1 else None


def _refuse_other_names(
    scope: Scope,
    people: Sequence[Listed],
    table: Table,
    report: LoadReport,
    codes: dict[tuple[int, str], str | None],
) -> None:
    """Refuse rows whose staff number is that of somebody else, or of somebody elsewhere.

    The telephone of who has no post where the list may be loaded is neither shown nor changed.
    """
    words = sorted({entry.row["person"] for entry in people} - {None})
    rows = scope.session.execute(text(PEOPLE_SQL.format(column="code")), {"words": words})
    stored = {row.code: row for row in rows}
    own = set(scope.areas.own_ids()) if scope.limited else None
    for entry in people:
        number, phone = entry.row["person"], entry.contact.phone
        if (person := stored.get(number)) is None:
            continue
        elsewhere = own is not None and not own & set(person.areas or ())
        if person.name != entry.contact.name:
            reason = "register_row.number_of_other"
        elif elsewhere and phone not in ("", person.phone):
            reason = "register_row.person_elsewhere"
        else:
            continue
        report.refused.append(table.refuse(entry.row.number, "person", reason, number=number))
        codes[entry.row.number, entry.nth] = None
