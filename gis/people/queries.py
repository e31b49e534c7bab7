"""Who is responsible for an area or building at a moment, and who stands in for whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.arrow_arrays import from_numpy, take, text_scalar, texts
from gis.messages import Message, render
from gis.rights.roles import ROLES, PostRole

Ints = NDArray[np.int64]
Micros = int  # microseconds since 1970, as the database counts time
MAX_MICROS: Micros = 2**63 - 1
MIN_MICROS: Micros = -(2**63)

# row of the grid, rule, row of the building (-1: none), whether people are named
AnswerKey = tuple[int, str, int, bool]

_RANK = np.array([role.rank for role in ROLES])
MAX_CACHED_AREAS = 20_000


@dataclass(frozen=True)
class ResponsiblePerson:
    """A responsible role with its person.

    Attributes
    ----------
    name
        The present person: the holder, or the deputy standing in; None if neither is present.
    area, level
        Code and level of the area, or of the building.
    stands_in_for
        The holder, if `name` is the deputy; None on a vacancy.
    why
        leave or vacancy, if the holder is not present; `why_zh` and `why_en` are the sentence.
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


# (reason, whether the deputy stands in) -> code of the sentence
ABSENCE_CODES = {
    ("leave", True): "absence.leave_with_deputy",
    ("leave", False): "absence.leave_without_deputy",
    ("vacancy", True): "absence.vacancy_with_deputy",
    ("vacancy", False): "absence.vacancy_without_deputy",
}


@dataclass(frozen=True)
class PostTable:
    """The posts of areas, or of buildings, as columns, ordered by place and then by nearest role.

    Attributes
    ----------
    number
        Ids of the posts.
    place_id
        Ids of areas, or of buildings.
    role
        Index in `ROLES`.
    holder, deputy
        Ids of persons; 0 means none.
    kind
        Ids of kinds of roles that people added; 0 means none.
    start, end
        Half-open period.
    """

    number: Ints
    place_id: Ints
    role: Ints
    holder: Ints
    deputy: Ints
    kind: Ints
    start: Ints
    end: Ints

    @classmethod
    def from_rows(cls, rows: Ints) -> "PostTable":
        """Return the table of the rows of `POSTS_SQL`."""
        number, place_id, role = rows.T[:3]
        order = np.lexsort((number, _RANK[role], place_id))
        return cls(*np.ascontiguousarray(rows[order].T))  # whole columns: they are searched

    @property
    def rows(self) -> Ints:
        """The table as rows of `POSTS_SQL`."""
        columns = (self.number, self.place_id, self.role, self.holder, self.deputy, self.kind)
        return np.column_stack([*columns, self.start, self.end])

    def of(self, place_id: int, at: Micros) -> Iterator[tuple[PostRole, int, int, int]]:
        """Yield role, kind, holder and deputy of each post at a moment, nearest role first."""
        start_row, end_row = self.place_id.searchsorted((place_id, place_id + 1))
        part = slice(start_row, end_row)
        columns = (self.role, self.kind, self.holder, self.deputy, self.start, self.end)
        for role, kind, holder, deputy, start, end in zip(
            *(column[part].tolist() for column in columns), strict=True
        ):
            if start <= at < end:
                yield ROLES[role], kind, holder, deputy


@dataclass(frozen=True)
class CachedPeople:
    """Cached entries of areas, and cached answers; valid while start <= moment < end."""

    start: Micros
    end: Micros
    of_area: dict[int, list[ResponsiblePerson]]
    results: dict[AnswerKey, bytes]


@dataclass(frozen=True)
class PeopleIndex:
    """Posts and leave as read at one moment.

    Periods are compared at each query, so that leave begins without reading again.

    Attributes
    ----------
    leave
        Person, start and end, ordered by person.
    persons, names
        Ids in ascending order, and their names.
    kinds
        Chinese and English name of each kind of role that people added, by its id.
    """

    areas: PostTable
    buildings: PostTable
    leave: tuple[Ints, Ints, Ints]
    persons: Ints
    names: pa.LargeStringArray
    kinds: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    cached: "CachedPeople" = field(
        default_factory=lambda: CachedPeople(0, 0, {}, {}), repr=False, compare=False
    )

    @cached_property
    def name_by_person(self) -> dict[int, str]:
        """The names by id of the person."""
        return dict(zip(self.persons.tolist(), self.names.to_pylist(), strict=True))

    @cached_property
    def leave_by_person(self) -> dict[int, list[tuple[Micros, Micros]]]:
        """The periods of leave by id of the person."""
        result: dict[int, list[tuple[Micros, Micros]]] = {}
        for person, start, end in zip(*(column.tolist() for column in self.leave), strict=True):
            result.setdefault(person, []).append((start, end))
        return result

    def away(self, person: int, at: Micros) -> bool:
        """Return whether a person is on leave at a moment."""
        return any(start <= at < end for start, end in self.leave_by_person.get(person, ()))

    def of_area(self, area_id: int, at: Micros, code: str, level: str) -> list[ResponsiblePerson]:
        """Return the responsible people of an area at a moment, nearest role first.

        Cached until a post or leave begins or ends.
        """
        cached = self.cached_at(at)
        people = cached.of_area.get(area_id)
        if people is None:
            people = [self._entry(post, at, code, level) for post in self.areas.of(area_id, at)]
            if len(cached.of_area) < MAX_CACHED_AREAS:
                cached.of_area[area_id] = people
        return people

    def cached_at(self, at: Micros) -> "CachedPeople":
        """Return the cache of a moment; a new one if a post or leave has begun or ended since."""
        cached = self.cached
        if cached.start <= at < cached.end:
            return cached
        cached = CachedPeople(*self.unchanged_around(at), {}, {})
        # replaced as a whole, so that threads see the old or the new cache
        object.__setattr__(self, "cached", cached)
        return cached

    def keep_cached(self, cached: "CachedPeople") -> None:
        """Begin with entries and answers of another index, which hold in this one as well."""
        object.__setattr__(self, "cached", cached)

    def unchanged_around(self, at: Micros) -> tuple[Micros, Micros]:
        """Return the half-open period around a moment in which no post or leave begins or ends."""
        start, end = MIN_MICROS, MAX_MICROS
        for column in self._moment_columns():
            over = column <= at
            start = max(start, int(column.max(initial=MIN_MICROS, where=over)))
            end = min(end, int(column.min(initial=MAX_MICROS, where=~over)))
        return start, end

    def _moment_columns(self) -> list[Ints]:
        tables = (self.areas, self.buildings)
        return [*(c for table in tables for c in (table.start, table.end)), *self.leave[1:]]

    def of_building(self, building_id: int, at: Micros, code: str) -> list[ResponsiblePerson]:
        """Return the responsible people of a building at a moment, nearest role first."""
        return [
            self._entry(post, at, code, "building") for post in self.buildings.of(building_id, at)
        ]

    def _entry(
        self, post: tuple[PostRole, int, int, int], at: Micros, area: str, level: str
    ) -> ResponsiblePerson:
        role, kind, holder_id, deputy_id = post
        holder, deputy = self.name_by_person.get(holder_id), self.name_by_person.get(deputy_id)
        role_labels = (role.key, *self.kinds.get(kind, (role.zh, role.en)))
        if holder is not None and not self.away(holder_id, at):
            return ResponsiblePerson(
                *role_labels, holder, area, level, holder, deputy, None, None, None, None
            )
        absence_reason = "vacancy" if holder is None else "leave"
        is_deputy_present = deputy is not None and not self.away(deputy_id, at)
        names = {"holder": holder, "deputy": deputy}
        sentence = Message(ABSENCE_CODES[absence_reason, is_deputy_present], names)
        return ResponsiblePerson(
            *role_labels,
            deputy if is_deputy_present else None,
            area,
            level,
            holder,
            deputy,
            holder if is_deputy_present else None,
            absence_reason,
            render(sentence, "zh"),
            render(sentence, "en"),
        )

    @cached_property
    def moments(self) -> Ints:
        """Every moment at which an answer may change, ascending."""
        return np.unique(np.concatenate(self._moment_columns()))

    def texts(self, posts: PostTable, places: Ints, at: Ints) -> pa.LargeStringArray:
        """Return the responsible people of many places, each at its moment, as text.

        Returns
        -------
        pa.LargeStringArray
            "role:name" joined by semicolons, the same people as of `of_area` and `of_building`;
            null for a place without posts.
        """
        start, end = (
            posts.place_id.searchsorted(places),
            posts.place_id.searchsorted(places, side="right"),
        )
        pair, post = _expand(start, end)
        holds = (posts.start[post] <= at[pair]) & (at[pair] < posts.end[post])
        pair, post = pair[holds], post[holds]
        holder, deputy, moment = posts.holder[post], posts.deputy[post], at[pair]
        holder = np.where(self._away_many(holder, moment), 0, holder)
        deputy = np.where(self._away_many(deputy, moment), 0, deputy)
        person = np.where(holder > 0, holder, deputy)
        row = np.minimum(self.persons.searchsorted(person), max(len(self.persons) - 1, 0))
        names = take([""], np.zeros(len(person), np.int64))
        if len(self.persons):
            held = self.names.take(from_numpy(row))
            names = pc.if_else(from_numpy(person > 0), held, names)
        entry = pc.binary_join_element_wise(
            take([role.key for role in ROLES], posts.role[post]), names, text_scalar(":")
        )
        ends = np.concatenate([[0], np.cumsum(np.bincount(pair, minlength=len(places)))])
        joined = pc.binary_join(
            pa.LargeListArray.from_arrays(from_numpy(ends), entry), text_scalar(";")
        )
        return pc.if_else(from_numpy(np.diff(ends) > 0), joined, texts([None])[0])

    def _away_many(self, person: Ints, at: Ints) -> NDArray[np.bool_]:
        absentee, start, end = self.leave
        pair, row = _expand(
            absentee.searchsorted(person), absentee.searchsorted(person, side="right")
        )
        away = np.zeros(len(person), dtype=bool)
        away[pair[(start[row] <= at[pair]) & (at[pair] < end[row])]] = True
        return away


def _expand(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return the numbers in ranges, and the index of the range of each."""
    counts = ends - starts
    which = np.repeat(np.arange(len(starts)), counts)
    return which, np.arange(len(which)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)


def names_are_public(session: Session) -> bool:
    """Return whether there are no accounts yet, so that names of responsible people are public."""
    return not session.scalar(text("SELECT EXISTS (SELECT FROM personal.account)"))
