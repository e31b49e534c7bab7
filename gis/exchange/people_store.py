"""Store people, posts and leave: insert new rows, update changed ones, leave all others."""

from collections.abc import Mapping, Sequence

from psycopg.types.range import Range
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import copy_rows
from gis.exchange.post_rows import PostChange
from gis.exchange.terms import StoredTerm
from gis.files.report import LoadReport

PERSON_IDS_SQL = "SELECT code, id FROM personal.person WHERE code = ANY(:codes)"

# An empty cell leaves the stored value.
WRITE_PEOPLE = """
WITH written AS (
  INSERT INTO personal.person AS old (code, name, phone)
  SELECT i.code, coalesce(i.name, p.name), coalesce(i.phone, p.phone, '')
  FROM unnest(CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:phones AS text[])) i(code, name,
      phone)
  LEFT JOIN personal.person p ON p.code = i.code
  ON CONFLICT (code) DO UPDATE SET name = excluded.name, phone = excluded.phone
  WHERE (old.name, old.phone) IS DISTINCT FROM (excluded.name, excluded.phone)
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""

CHANGE_POST = """
UPDATE post SET valid_time = tstzrange(lower(valid_time), CAST(:stop AS timestamptz), '[)'),
                deputy_id = (SELECT id FROM personal.person WHERE code = :deputy),
                grade = :grade
WHERE id = :id
"""
CHANGE_LEAVE = (
    "UPDATE leave SET valid_time = tstzrange(lower(valid_time), CAST(:stop AS timestamptz), '[)')"
    " WHERE id = :id"
)


def write_people(
    session: Session, people: Mapping[str, tuple[str | None, str | None]], report: LoadReport
) -> None:
    """Enter new people and change the names and phones that differ.

    Parameters
    ----------
    people
        Name and phone by staff number; None leaves what is stored.
    """
    codes = list(people)
    names, phones = ([people[code][part] for code in codes] for part in (0, 1))
    new, changed = session.execute(
        text(WRITE_PEOPLE), {"codes": codes, "names": names, "phones": phones}
    ).one()
    unchanged = len(codes) - new - changed
    report.counts |= {"new_people": new, "changed_people": changed, "unchanged_people": unchanged}


def write_posts(
    session: Session, posts: Sequence[PostChange], ids: Mapping[str, int], report: LoadReport
) -> None:
    """Close, change and open posts.

    Parameters
    ----------
    ids
        Id of each person by staff number.
    """
    changed = [
        {"id": term.id, "stop": term.stop, "deputy": term.deputy, "grade": term.grade}
        for _, term in posts
        if term.id is not None
    ]
    if changed:
        session.execute(text(CHANGE_POST), changed)
    rows = [
        (
            slot.site.county,
            slot.role,
            slot.kind,
            None if slot.site.level == "building" else slot.site.id,
            slot.site.id if slot.site.level == "building" else None,
            ids[term.person] if term.person else None,
            ids[term.deputy] if term.deputy else None,
            Range(term.start, term.stop),
            term.grade,
        )
        for slot, term in posts
        if term.id is None
    ]
    columns = (
        "county",
        "role",
        "kind_id",
        "area_id",
        "building_id",
        "holder_id",
        "deputy_id",
        "valid_time",
        "grade",
    )
    report.counts |= {
        "new_posts": copy_rows(session, "post", columns, rows),
        "changed_posts": len(changed),
    }


def write_leaves(
    session: Session,
    leaves: Sequence[tuple[str, StoredTerm]],
    ids: Mapping[str, int],
    report: LoadReport,
) -> None:
    """Enter new leave and change its end.

    Parameters
    ----------
    ids
        Id of each person by staff number.
    """
    changed = [{"id": term.id, "stop": term.stop} for _, term in leaves if term.id is not None]
    if changed:
        session.execute(text(CHANGE_LEAVE), changed)
    rows = [
        (ids[person], Range(term.start, term.stop)) for person, term in leaves if term.id is None
    ]
    report.counts |= {
        "new_leaves": copy_rows(session, "leave", ("person_id", "valid_time"), rows),
        "changed_leaves": len(changed),
    }


def list_person_ids(session: Session, codes: Sequence[str]) -> dict[str, int]:
    """Return the id of each person by staff number."""
    return {row.code: row.id for row in session.execute(text(PERSON_IDS_SQL), {"codes": codes})}
