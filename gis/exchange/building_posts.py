"""The heads of buildings, and who vouches for them, as a register names them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.building_rows import BuildingRow
from gis.exchange.named_people import Identity, NamedPerson, identify
from gis.exchange.people import VACANT_PATTERN
from gis.exchange.people_store import list_person_ids, write_people, write_posts
from gis.exchange.post_rows import PostLoader
from gis.files.report import LoadReport, RejectedRow
from gis.files.tables import Row, Table
from gis.messages import Message

ROLE_OF = {"head": "building_head", "sponsor": "building_sponsor"}  # by column

PLACES_OF_POSTS_SQL = """
SELECT i.row, b.code, b.county, p.role, h.code AS holder
FROM incoming_building_row i
JOIN building b ON b.id = i.building_id
LEFT JOIN post p ON p.building_id = b.id AND p.role = ANY(:roles) AND p.valid_time @> now()
LEFT JOIN personal.person h ON h.id = p.holder_id
"""
UNPLACED_SQL = """
INSERT INTO unplaced_building AS old (code, estate, name, address, kind, floors, stairwells, homes,
  head_id, sponsor_id, source, area_id)
VALUES (:code, coalesce(:estate, ''), coalesce(:name, ''), coalesce(:address, ''),
  coalesce(:kind, ''), :floors, :stairwells, :homes, :head, :sponsor, :source, :area)
ON CONFLICT (area_id, code, estate, name) DO UPDATE
SET address = coalesce(nullif(excluded.address, ''), old.address),
  kind = coalesce(nullif(excluded.kind, ''), old.kind),
  floors = coalesce(excluded.floors, old.floors),
  stairwells = coalesce(excluded.stairwells, old.stairwells),
  homes = coalesce(excluded.homes, old.homes),
  head_id = coalesce(excluded.head_id, old.head_id),
  sponsor_id = coalesce(excluded.sponsor_id, old.sponsor_id), source = excluded.source
"""


class Claim(NamedTuple):
    """A cell that names the holder of a post of a building."""

    row: BuildingRow
    column: str
    person: NamedPerson


def write_posts_of(
    session: Session,
    rows: Sequence[BuildingRow],
    unplaced: Sequence[BuildingRow],
    waiting: Mapping[int, Mapping[str, str]],
    table: Table,
    timezone: tzinfo,
    report: LoadReport,
) -> None:
    """Give the posts of stored buildings to who the rows name; keep the names of unplaced ones.

    Parameters
    ----------
    rows
        Those of stored buildings; a word for vacant empties the post.
    unplaced
        Those without a place, which are listed until somebody places them.
    waiting
        Codes of the head and sponsor of rows that were unplaced until now.
    timezone
        Of the first days of posts.
    """
    places: dict[int, tuple[str, str | None]] = {}
    holders: dict[tuple[int, str], str] = {}
    for place in session.execute(text(PLACES_OF_POSTS_SQL), {"roles": list(ROLE_OF.values())}):
        places[place.row] = (place.code, place.county)
        if place.holder:
            holders[place.row, place.role] = place.holder
    claims = [*_claims([*rows, *unplaced], places, holders)]
    person_by_cell: dict[tuple[int, str], str] = {}
    for claim, identity in zip(claims, identify(session, [c.person for c in claims]), strict=True):
        if not isinstance(identity, Identity):
            report.refused.append(table.refuse(claim.row.number, claim.column, identity))
            continue
        person_by_cell[claim.row.number, claim.column] = identity.code
        if identity.by_name:
            report.note_row("building_row.person_by_name", claim.row.number, claim.person.name)
    posts = [*_post_rows(rows, places, person_by_cell, waiting)]
    loader = PostLoader(session, posts, timezone)
    for post in posts:
        report.refused += [_refuse(table, post, reason) for _, reason in loader.take(post)]
    for claim in claims:  # those of unplaced buildings have no post yet
        if code := person_by_cell.get((claim.row.number, claim.column)):
            name, phone = loader.people.get(code, (None, None))
            loader.people[code] = (name or claim.person.name, phone or claim.person.phone)
    changes, _, conflicts = loader.arrange()
    by_number = {post.number: post for post in posts}
    report.refused += [_refuse(table, by_number[each.row], each.reason) for each in conflicts]
    if report.refused:
        return
    write_people(session, loader.people, report)
    ids = list_person_ids(session, list(loader.people.keys() | loader.names.keys()))
    write_posts(session, changes, ids, report)
    _write_unplaced(session, unplaced, person_by_cell, ids, report)


def _claims(
    rows: Sequence[BuildingRow],
    places: Mapping[int, tuple[str, str | None]],
    holders: Mapping[tuple[int, str], str],
) -> Iterator[Claim]:
    for row in rows:
        county = places.get(row.number, (None, None))[1]
        for column, role in ROLE_OF.items():
            name = row[column]
            if name and not VACANT_PATTERN.fullmatch(name):
                holder = holders.get((row.number, role))
                person = NamedPerson(name, row[f"{column}_phone"], county, holder)
                yield Claim(row, column, person)


def _post_rows(
    rows: Sequence[BuildingRow],
    places: Mapping[int, tuple[str, str | None]],
    person_by_cell: Mapping[tuple[int, str], str],
    waiting: Mapping[int, Mapping[str, str]],
) -> Iterator[Row]:
    """Yield the rows of a table of people that say the same."""
    for row in rows:
        for column, role in ROLE_OF.items():
            place = {"role": role, "building": places[row.number][0]}
            code = person_by_cell.get((row.number, column))
            if code:
                holder = {"person": code, "name": row[column], "phone": row[f"{column}_phone"]}
                yield Row(row.number, place | holder)
            elif row[column] and VACANT_PATTERN.fullmatch(row[column]):
                yield Row(row.number, place)
            elif former := waiting.get(row.number, {}).get(column):
                yield Row(row.number, place | {"person": former})


def _refuse(table: Table, post: Row, reason: Message) -> RejectedRow:
    column = next(column for column, role in ROLE_OF.items() if role == post["role"])
    return table.refuse(post.number, column, reason)


def _write_unplaced(
    session: Session,
    rows: Sequence[BuildingRow],
    person_by_cell: Mapping[tuple[int, str], str],
    ids: Mapping[str, int],
    report: LoadReport,
) -> None:
    facts = ("code", "estate", "name", "address", "kind", "floors", "stairwells", "homes", "area")
    params = [
        {name: row[name] for name in facts}
        | {column: ids.get(person_by_cell.get((row.number, column), "")) for column in ROLE_OF}
        | {"source": f"buildings: {report.source}"}
        for row in rows
    ]
    if params:
        session.execute(text(UNPLACED_SQL), params)
        report.counts["unplaced"] = len(params)
