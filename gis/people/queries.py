"""Who answers for an area or building at a moment, and who stands in for whom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.db import read_rows
from gis.people.roles import BY_KEY

Micros = int  # microseconds since 1970, as the database counts time
FOREVER: Micros = 2**63 - 1
EVER: Micros = -(2**63)

# A range of time as two numbers; an open or infinite end is FOREVER.
SPAN = """
  CASE WHEN isfinite(lower({0}.valid)) THEN (extract(epoch FROM lower({0}.valid)) * 1000000)::bigint
       ELSE '-9223372036854775808'::bigint END,
  CASE WHEN isfinite(upper({0}.valid)) THEN (extract(epoch FROM upper({0}.valid)) * 1000000)::bigint
       ELSE 9223372036854775807 END"""
POSTS = f"""
SELECT coalesce(p.area_id, p.building_id), p.role, p.holder_id, holder.name, p.deputy_id, deputy.name, {SPAN.format("p")}
FROM post p JOIN role r ON r.key = p.role
LEFT JOIN personal.person holder ON holder.id = p.holder_id
LEFT JOIN personal.person deputy ON deputy.id = p.deputy_id
WHERE {{place}} AND (upper(p.valid) IS NULL OR upper(p.valid) > %(since)s::timestamptz)
ORDER BY 1, r.rank, p.id"""  # noqa: S608  our own text
LEAVE = f"SELECT l.person_id, {SPAN.format('l')} FROM leave l WHERE upper(l.valid) IS NULL OR upper(l.valid) > %(since)s::timestamptz"  # noqa: S608


class Post(NamedTuple):
    """A post as stored: ids tell people of one name apart; `start` <= moment < `end`."""

    place: int
    role: str
    holder_id: int | None
    holder: str | None
    deputy_id: int | None
    deputy: str | None
    start: Micros
    end: Micros


@dataclass(frozen=True, slots=True)
class Entry:
    """One answerable role.

    name: Who answers now: the holder, or the deputy standing in; None when nobody is there.
    area, level: Code and level of the area, or of the building.
    stands_in_for: The holder, when `name` is the deputy in his place; None on a vacancy.
    why: leave or vacancy, when the holder does not answer himself; `why_zh`, `why_en` say it in a sentence.
    """

    role: str
    role_zh: str
    role_en: str
    name: str | None
    area: str
    level: str
    holder: str | None
    deputy: str | None
    stands_in_for: str | None
    why: str | None
    why_zh: str | None
    why_en: str | None


# (why, does the deputy stand in) -> the sentence
WORDS = {
    ("leave", True): ("{holder}请假，由{deputy}代理", "{holder} is on leave; {deputy} stands in"),
    ("leave", False): ("{holder}请假，无代理人在岗", "{holder} is on leave and nobody stands in"),
    ("vacancy", True): ("岗位空缺，由{deputy}代理", "the post is vacant; {deputy} stands in"),
    ("vacancy", False): ("岗位空缺，无代理人在岗", "the post is vacant and nobody stands in"),
}


class Posts:
    """The posts of areas, or of buildings, found by the place's id."""

    def __init__(self, rows: Iterable[Sequence[object]]) -> None:
        """rows: As `POSTS` gives them, in its order."""
        self.rows: list[Sequence[object]] = list(rows)
        self.places: NDArray[np.int64] = np.fromiter((row[0] for row in self.rows), np.int64, len(self.rows))

    def of(self, place: int) -> list[Post]:
        """All posts of a place that were read, of any time, nearest role first."""
        first, last = self.places.searchsorted((place, place + 1))
        return [Post(*row) for row in self.rows[first:last]]  # type: ignore[arg-type]


@dataclass(frozen=True)
class People:
    """Posts and leave as read at one moment; moments are compared when asked, so a leave begins without reading again."""

    areas: Posts
    buildings: Posts
    leave: dict[int, list[tuple[Micros, Micros]]]

    def away(self, person: int | None, at: Micros) -> bool:
        """Whether somebody is on leave."""
        return person in self.leave and any(start <= at < end for start, end in self.leave[person])

    def entry(self, post: Post, at: Micros, area: str, level: str) -> Entry:
        """Who answers in a post at a moment."""
        role = BY_KEY[post.role]
        if post.holder is not None and not self.away(post.holder_id, at):
            return Entry(
                role.key,
                role.zh,
                role.en,
                post.holder,
                area,
                level,
                post.holder,
                post.deputy,
                None,
                None,
                None,
                None,
            )
        why = "vacancy" if post.holder is None else "leave"
        there = post.deputy is not None and not self.away(post.deputy_id, at)
        zh, en = (words.format(holder=post.holder, deputy=post.deputy) for words in WORDS[why, there])
        name = post.deputy if there else None
        stands_in_for = post.holder if there else None
        return Entry(
            role.key,
            role.zh,
            role.en,
            name,
            area,
            level,
            post.holder,
            post.deputy,
            stands_in_for,
            why,
            zh,
            en,
        )

    def of_area(self, area_id: int, at: Micros, code: str, level: str) -> list[Entry]:
        """The answerable roles of an area at a moment, nearest role first."""
        return [
            self.entry(post, at, code, level)
            for post in self.areas.of(area_id)
            if post.start <= at < post.end
        ]

    def of_building(self, building_id: int, at: Micros, code: str) -> list[Entry]:
        """The answerable roles of a building at a moment, nearest role first."""
        posts = self.buildings.of(building_id)
        return [self.entry(post, at, code, "building") for post in posts if post.start <= at < post.end]

    def moments(self) -> NDArray[np.int64]:
        """Every moment at which an answer may change, in order."""
        times = [time for posts in (self.areas, self.buildings) for row in posts.rows for time in row[6:8]]
        times += [time for spans in self.leave.values() for span in spans for time in span]
        return np.unique(np.array(times, dtype=np.int64))


def read_people(
    session: Session,
    areas: Sequence[int] | None = None,
    buildings: Sequence[int] | None = None,
    since: str = "-infinity",
) -> People:
    """Read posts and leave.

    Args:
        areas, buildings: Ids of the places wanted; None reads all.
        since: A timestamp; what ended before is left out.
    """
    found = []
    for column, ids in (("area_id", areas), ("building_id", buildings)):
        place = f"p.{column} IS NOT NULL" if ids is None else f"p.{column} = ANY(%(ids)s)"
        params = {"since": since} | ({} if ids is None else {"ids": list(ids)})
        found.append(Posts(read_rows(session, POSTS.format(place=place), params)))
    leave: dict[int, list[tuple[Micros, Micros]]] = {}
    for person, start, end in read_rows(session, LEAVE, {"since": since}):
        leave.setdefault(person, []).append((start, end))
    return People(found[0], found[1], leave)


# To whom to go first, nearest first. A role met by somebody himself counts before one met by a deputy.
FIRST = (
    "unit_head",
    "grid_worker",
    "grid_leader",
    "community_worker",
    "community_secretary",
    "liaison_officer",
    "street_office",
    "command_centre",
)
_ORDER = {role: number for number, role in enumerate(FIRST)}


def first_to_ask(people: Iterable[Entry]) -> Entry | None:
    """The first person to go to: of the nearest role in `FIRST` with somebody there; None when nobody is."""
    there = [entry for entry in people if entry.name is not None and entry.role in _ORDER]
    return min(there, key=lambda entry: (_ORDER[entry.role], entry.why is not None), default=None)
