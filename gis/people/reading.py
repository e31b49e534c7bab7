"""Read posts, leave and names into memory; and read again what has changed, by its key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.arrow_arrays import from_numpy, texts
from gis.db import fetch_rows
from gis.kinds import list_kinds
from gis.people.queries import PeopleIndex, PostTable
from gis.rights.roles import ROLES

Ints = NDArray[np.int64]

# A period as two numbers; an open or infinite end is MAX_MICROS.
PERIOD_SQL = """
  CASE WHEN isfinite(lower({0}.valid_time))
    THEN (extract(epoch FROM lower({0}.valid_time)) * 1000000)::bigint
    ELSE '-9223372036854775808'::bigint END,
  CASE WHEN isfinite(upper({0}.valid_time))
    THEN (extract(epoch FROM upper({0}.valid_time)) * 1000000)::bigint
    ELSE 9223372036854775807 END"""
NOT_OVER_SQL = "(upper({0}.valid_time) IS NULL OR upper({0}.valid_time) > %(since)s::timestamptz)"
POSTS_SQL = f"""
SELECT p.id, p.{{place}}, array_position(%(roles)s::text[], p.role)::bigint - 1,
  coalesce(p.holder_id, 0), coalesce(p.deputy_id, 0), coalesce(p.kind_id, 0),
  {PERIOD_SQL.format("p")}
FROM post p
WHERE p.{{place}} IS NOT NULL AND {NOT_OVER_SQL.format("p")} AND {{which}}"""  # noqa: S608  our own text
LEAVE_SQL = (
    f"SELECT l.person_id, {PERIOD_SQL.format('l')} FROM leave l WHERE {NOT_OVER_SQL.format('l')}"  # noqa: S608
    f" AND {{which}}"
)
PERSON_NAMES_SQL = "SELECT p.id, p.name FROM personal.person p WHERE {which} ORDER BY p.id"

PACKETS = 16  # values that rows of whole numbers are packed into
NO_INTS = np.empty(0, np.int64)
MANY = 5000  # number of ids from which reading all rows is faster


def read_people(
    session: Session,
    areas: Sequence[int] | None = None,
    buildings: Sequence[int] | None = None,
    since: str = "-infinity",
) -> PeopleIndex:
    """Read posts and leave.

    Parameters
    ----------
    areas, buildings
        Ids of the places to read; None means all.
    since
        A timestamp; posts and leave that ended before are left out.
    """
    tables = []
    for column, ids in (("area_id", areas), ("building_id", buildings)):
        few = ids if ids is not None and len(ids) < MANY else None
        tables.append(PostTable.from_rows(read_posts(session, column, since, column, few)))
    persons = np.unique(
        np.concatenate([ids for posts in tables for ids in (posts.holder, posts.deputy)])
    )
    leave, person_ids, names = read_persons(
        session, persons.tolist() if len(persons) < MANY else None, since
    )
    kinds = {kind.id: (kind.name("zh"), kind.name("en")) for kind in list_kinds(session, "role")}
    return PeopleIndex(tables[0], tables[1], leave, person_ids, names, kinds)


def read_posts(
    session: Session, place: str, since: str, key: str, ids: Sequence[int] | None
) -> Ints:
    """Read posts of areas, or of buildings, as rows of `POSTS_SQL`.

    Parameters
    ----------
    place
        `area_id` or `building_id`.
    since
        A timestamp; posts that ended before are left out.
    key, ids
        Only posts with one of these values in this column. None means all.
    """
    params: dict[str, object] = {"since": since, "roles": [role.key for role in ROLES]}
    which = "true"
    if ids is not None:
        which, params = f"p.{key} = ANY(%(ids)s)", params | {"ids": list(ids)}
    return _fetch_ints(session, POSTS_SQL.format(place=place, which=which), 8, params)


def read_persons(
    session: Session, persons: Sequence[int] | None, since: str
) -> tuple[tuple[Ints, Ints, Ints], Ints, pa.LargeStringArray]:
    """Read the leave of persons as of `PeopleIndex`, and their ids and names.

    Parameters
    ----------
    persons
        Their ids; None means all.
    since
        A timestamp; leave that ended before is left out.
    """
    which, params = "true", dict[str, object]()
    if persons is not None:
        which, params = "{} = ANY(%(ids)s)", {"ids": list(persons)}
    query = LEAVE_SQL.format(which=which.format("l.person_id"))
    person, start, end = _fetch_ints(session, query, 3, {"since": since} | params).T
    order = np.argsort(person, kind="stable")
    named = fetch_rows(session, PERSON_NAMES_SQL.format(which=which.format("p.id")), params)
    return (
        (person[order], start[order], end[order]),
        np.array([number for number, _ in named], dtype=np.int64),
        texts([name for _, name in named]),
    )


def patch_people(
    session: Session,
    index: PeopleIndex,
    posts: Collection[int],
    persons: Collection[int],
    since: str,
) -> tuple[PeopleIndex, frozenset[int], frozenset[int]]:
    """Return an index with some posts, and the names and leave of some persons, read again.

    Parameters
    ----------
    index
        All posts there are.
    posts, persons
        Ids of those that changed, came or went.
    since
        As for `read_people`.

    Returns
    -------
    The index, and the ids of the areas and of the buildings whose people may differ in it.
    """
    tables, places = [], []
    touched = set(persons)
    for column, table in (("area_id", index.areas), ("building_id", index.buildings)):
        patched, changed = table, np.empty(0, np.int64)
        if posts:
            rows = read_posts(session, column, since, "id", [*posts])
            is_old = np.isin(table.number, [*posts])
            touched.update(rows[:, 3].tolist(), rows[:, 4].tolist())
            changed = np.concatenate([table.place_id[is_old], rows[:, 1]])
            if changed.size:
                patched = PostTable.from_rows(np.vstack([table.rows[~is_old], rows]))
        held = np.isin(patched.holder, [*persons]) | np.isin(patched.deputy, [*persons])
        places.append(frozenset(np.append(changed, patched.place_id[held]).tolist()))
        tables.append(patched)
    touched.discard(0)  # a vacant post
    result = replace(index, areas=tables[0], buildings=tables[1])
    result = _with_persons(session, result, index, [*touched], since)
    return result, places[0], places[1]


def _with_persons(
    session: Session, index: PeopleIndex, old: PeopleIndex, persons: Sequence[int], since: str
) -> PeopleIndex:
    """Return an index with the names and leave of some persons read again.

    Parameters
    ----------
    old
        The same persons, with names and leave by person worked out already.
    """
    leave, ids, names = read_persons(session, persons, since)
    keep = ~np.isin(index.leave[0], persons)
    columns = [np.concatenate([a[keep], b]) for a, b in zip(index.leave, leave, strict=True)]
    by_person = np.argsort(columns[0], kind="stable")
    keep = ~np.isin(index.persons, persons)
    all_ids = np.concatenate([index.persons[keep], ids])
    order = np.argsort(all_ids, kind="stable")
    all_names = pa.chunked_array([index.names.filter(from_numpy(keep)), names]).combine_chunks()
    result = replace(
        index,
        leave=(columns[0][by_person], columns[1][by_person], columns[2][by_person]),
        persons=all_ids[order],
        names=all_names.take(from_numpy(order)),
    )
    few = replace(index, leave=leave, persons=ids, names=names)
    for attribute in ("name_by_person", "leave_by_person"):
        kept = dict(getattr(old, attribute))
        for person in persons:
            kept.pop(person, None)
        vars(result)[attribute] = kept | getattr(few, attribute)
    return result


def _fetch_ints(
    session: Session, query: str, columns: int, params: Mapping[str, object]
) -> NDArray[np.int64]:
    """Read many rows of whole numbers as one array, without creating an object for each row.

    Parameters
    ----------
    query
        SQL as for `fetch_rows`; every column a bigint, none of them null.
    columns
        Number of columns.

    Returns
    -------
    NDArray[np.int64]
        Shape (rows, columns), rows in no order.
    """
    names = [f"c{number}" for number in range(columns)]
    # the server packs the rows into a few values; one of all would be in memory several times
    packed = " || ".join(f"int8send({name})" for name in names)
    whole = (
        f"SELECT string_agg({packed}, '') FROM ({query}) q({', '.join(names)})"  # noqa: S608  names are ours
        f" GROUP BY mod(c0, {PACKETS})"
    )
    packets = [np.frombuffer(packet, ">i8") for (packet,) in fetch_rows(session, whole, params)]
    return np.concatenate([NO_INTS, *packets], dtype=np.int64).reshape(-1, columns)
