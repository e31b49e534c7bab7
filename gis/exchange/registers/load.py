"""Load a register in one step: propose or take a mapping, read, compare with what is stored."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.exchange.buildings import BuildingDefaults, Unplaced
from gis.exchange.facilities import load_facility_table
from gis.exchange.households import OTHERS_STAY, load_household_table
from gis.exchange.people import load_people_table
from gis.exchange.registers import differences
from gis.exchange.registers.building_load import load_buildings_register, remove_buildings
from gis.exchange.registers.buildings import to_buildings
from gis.exchange.registers.differences import Change
from gis.exchange.registers.facilities import to_facilities
from gis.exchange.registers.fields import REGISTER_KINDS, header_columns
from gis.exchange.registers.mapping import RegisterMapping, propose
from gis.exchange.registers.reading import SKIPPED, Register, read_register, rename_rows
from gis.exchange.registers.residents import is_by_person, to_households
from gis.exchange.registers.roster import to_people
from gis.exchange.registers.scope import Scope
from gis.exchange.registers.sheets import open_sheets
from gis.files import datasets
from gis.files.report import LoadReport, RejectedRow, RowNote
from gis.files.tables import Table
from gis.messages import Message

# Facilities whose old or new place is not the reader's.
FOREIGN_FACILITIES_SQL = """
SELECT f.row FROM incoming_facility f LEFT JOIN facility k ON k.code = f.code
CROSS JOIN LATERAL (VALUES (f.point), (coalesce(k.entrance, ST_PointOnSurface(k.geom)))) p (point)
LEFT JOIN LATERAL grid_at(p.point, now()) g ON true
WHERE p.point IS NOT NULL AND (g.id IS NULL OR NOT g.id = ANY(:areas)) ORDER BY f.row
"""
# Facilities that stand far, some 5 km, from all areas.
FAR_FACILITIES_SQL = """
SELECT f.row FROM incoming_facility f
WHERE f.point IS NOT NULL AND EXISTS (SELECT FROM boundary WHERE valid_time @> now())
  AND NOT EXISTS (SELECT FROM boundary s
                  WHERE s.valid_time @> now() AND ST_DWithin(s.geom, f.point, 0.05))
ORDER BY f.row
"""
# notes that say what a row holds, and assume nothing
PLAIN_NOTES = frozenset({"post_row.vacant", "facility_row.at_building"})
# Homes in a stairwell that a building with stairwells does not have yet.
NEW_STAIRWELLS_SQL = """
SELECT h.row, h.stairwell FROM incoming_household h
WHERE h.stairwell IS NOT NULL AND EXISTS (
    SELECT FROM stairwell s WHERE s.building_id = h.building_id)
  AND NOT EXISTS (
    SELECT FROM stairwell s WHERE s.building_id = h.building_id AND s.name = h.stairwell)
ORDER BY h.row
"""
# two loads of the same new people at once would enter them twice
ONE_LOAD_SQL = "SELECT pg_advisory_xact_lock(hashtext('wangge.register'))"
NO_WAITING_SQL = "SET LOCAL lock_timeout = '2s'"


@dataclass(frozen=True)
class Options:
    """How a register is loaded.

    kind: None: as it is proposed. mapping: None: as it is proposed. areas: Ids of the areas where
    one of a kind may be loaded, with all below them; None: everywhere. crs: Of points that name
    none.
    end_gone: Take away what went. skip_refused: Load the other rows where some are refused. place:
    What becomes of buildings without a place. post_areas, name_areas: Where heads and sponsors of
    buildings may get posts, and be named; None: everywhere. most: Rows that are read at most. keep:
    Whether the caller commits; a preview waits for no load.
    """

    now: datetime
    timezone: tzinfo
    kind: str | None = None
    mapping: RegisterMapping | None = None
    areas: Callable[[str], Collection[int] | None] = lambda kind: None
    crs: str | None = None
    end_gone: bool = False
    skip_refused: bool = False
    place: Unplaced = "refuse"
    post_areas: Collection[int] | None = None
    name_areas: Collection[int] | None = None
    most: int | None = None
    keep: bool = True


@dataclass
class RegisterLoad:
    """What became of a register.

    mapping: As it was proposed or taken. report: What was read, with its refused rows. rows: How
    many are sure, a guess, refused, and passed over. changes: In what is stored. ready: Whether it
    was written, to be committed. gone: Whether what went was taken away. may_skip: Whether refused
    rows leave the others right.
    """

    mapping: RegisterMapping
    report: LoadReport
    rows: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    ready: bool = False
    gone: bool = False
    may_skip: bool = False


@dataclass(frozen=True)
class _Kind:
    """How a kind is loaded: its rows for a loader, and the loader."""

    convert: Callable[[Scope, Register, LoadReport], Table]
    load: Callable[["_Loading", Table], None]


def load_register(session: Session, path: Path, name: str, options: Options) -> RegisterLoad:
    """Load a register; the caller commits it when it is `ready`, or rolls back.

    Parameters
    ----------
    name
        Of the file, as its sender calls it; it may say what the file lists.

    Raises
    ------
    InvalidInput
        The file cannot be read as a register, or lacks a column of the mapping.
    TooLarge
        It has more rows than the options allow, or is beyond the limits of its format.
    Unavailable
        A preview meets a load in progress.
    """
    report = LoadReport(options.kind or "register", name)
    headers = tuple(column for kind in REGISTER_KINDS for column in header_columns(kind))
    sheets = open_sheets(path, headers, report, options.most)
    mapping = options.mapping or propose(sheets, name, options.kind)[0]
    report.kind = mapping.kind
    areas = options.areas(mapping.kind)
    register = read_register(sheets, mapping, report)
    today = options.now.astimezone(options.timezone).date()
    scope = Scope.load(session, areas, today, options.crs)
    with _one_load(session, options.keep):
        loaded = _load(session, scope, mapping, register, options, report)
    if loaded.ready:
        digest = datasets.file_sha256(path)
        datasets.record_load(session, mapping.kind, name, digest, loaded.report.counts, "")
    return loaded


@contextmanager
def _one_load(session: Session, keep: bool) -> Iterator[None]:
    """Let only one load at a time run the block; a preview waits for none.

    Raises
    ------
    Unavailable
        `register.busy`: a preview meets a load in progress.
    OperationalError
        The database is lost.
    """
    session.execute(text(ONE_LOAD_SQL if keep else NO_WAITING_SQL))
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Unavailable("register.busy") from None
        raise


def _load(
    session: Session,
    scope: Scope,
    mapping: RegisterMapping,
    register: Register,
    options: Options,
    report: LoadReport,
) -> RegisterLoad:
    """Load the rows of a register, without the refused ones where the options say so."""
    first = _Loading(session, scope, options, deepcopy(report))
    first.run(register)
    refused = first.report.refused
    loading, register_read = first, register
    numbers = _numbers(refused)
    may_skip = bool(refused) and numbers is not None and _may_skip(register)
    if may_skip and options.skip_refused and numbers is not None:
        rest = [row for row in register.rows if row.number not in numbers]
        register_read = replace(register, rows=rest)
        report.refused = []
        loading = _Loading(session, scope, options, report)
        loading.run(register_read)
        if loading.report.refused:
            loading, refused = first, refused + loading.report.refused
    ready = not loading.report.refused
    gone = ready and options.end_gone and not refused  # what a refused row names did not go
    if gone:
        loading.take_away()
    elif ready and options.end_gone:
        loading.report.note("register.gone_stays")
    loading.report.refused = refused
    result = RegisterLoad(
        mapping, loading.report, changes=loading.changes, ready=ready,
        gone=gone,
        may_skip=may_skip,
    )  # fmt: skip
    result.rows = _count(loading.report, register)
    rename_rows(loading.report, register.label)
    return result


class _Loading:
    """One pass over the rows of a register."""

    def __init__(
        self, session: Session, scope: Scope, options: Options, report: LoadReport
    ) -> None:
        self.session, self.scope, self.options, self.report = session, scope, options, report
        self.changes: list[Change] = []
        self.complete = True  # whether no row of the file is missing

    def run(self, register: Register) -> None:
        """Convert and load the rows; with a refusal nothing is written."""
        kind = KIND_LOADS[register.kind]
        table = kind.convert(self.scope, register, self.report)
        rows = list(table.rows)
        self.report.counts["rows"] = len(rows)
        self.complete = len(register.rows) == register.count
        kind.load(self, Table(table.columns, iter(rows)))

    def households(self, table: Table) -> None:
        """Load homes."""

        def check() -> None:
            for row, name in self.session.execute(text(NEW_STAIRWELLS_SQL)):
                self.report.note_row("register_row.new_stairwell", row, name)
            self.changes = differences.of_homes(self.session)

        load_household_table(self.session, table, self.report, self.options.crs, check)

    def buildings(self, table: Table) -> None:
        """Load buildings that stand, and stood, where they may be loaded."""
        self.changes = load_buildings_register(
            self.session,
            self.scope,
            table,
            self.report,
            BuildingDefaults(self.scope.crs, self.options.place, self.options.timezone),
            post_areas=self.options.post_areas,
            name_areas=self.options.name_areas,
            complete=self.complete,
        )

    def people(self, table: Table) -> None:
        """Load people and posts, those of areas that may be loaded."""
        load_people_table(
            self.session,
            table,
            self.report,
            self.options.timezone,
            lambda loader, posts: self.changes.extend(
                differences.of_posts(self.session, loader, posts)
            ),
        )

    def facilities(self, table: Table) -> None:
        """Load facilities that stand, and stood, where they may be loaded."""

        def check() -> None:
            self.report.refused += [
                table.refuse(row, "lon", "register_row.far_away")
                for row in self.session.scalars(text(FAR_FACILITIES_SQL))
            ]
            if self.scope.limited:
                params = {"areas": self.scope.areas.own_ids()}
                rows = self.session.scalars(text(FOREIGN_FACILITIES_SQL), params)
                self.report.refused += [
                    table.refuse(row, "address", "register_row.not_yours")
                    for row in dict.fromkeys(rows)
                ]
            self.changes = differences.of_facilities(self.session)

        load_facility_table(self.session, table, self.report, self.options.crs, check)

    def take_away(self) -> None:
        """Take away what went."""
        ids = [change.id for change in self.changes if change.what == "went" and change.id]
        if not ids:
            return
        match self.report.kind:
            case "residents":
                differences.remove_homes(self.session, ids)
                _say_fewer_stay(self.report, len(ids))
            case "buildings":
                remove_buildings(self.session, ids, self.report)
            case "facilities":
                differences.remove_facilities(self.session, ids)
            case _:
                differences.end_posts(self.session, ids, self.options.now)


_PEOPLE = _Kind(to_people, _Loading.people)
KIND_LOADS: Mapping[str, _Kind] = {
    "residents": _Kind(to_households, _Loading.households),
    "buildings": _Kind(to_buildings, _Loading.buildings),
    "roster": _PEOPLE,
    "members": _PEOPLE,
    "volunteers": _PEOPLE,
    "facilities": _Kind(to_facilities, _Loading.facilities),
}


def _say_fewer_stay(report: LoadReport, removed: int) -> None:
    """Take homes that are taken away out of the note of how many stay."""
    for at, note in enumerate(report.messages):
        if isinstance(note, Message) and note.code == OTHERS_STAY:
            count = int(str(note.params["count"])) - removed
            report.messages[at : at + 1] = [Message(OTHERS_STAY, {"count": count})] if count else []
            return


def _may_skip(register: Register) -> bool:
    """Return whether a refused row leaves the others right.

    A person who cannot be placed makes some home too small, nobody knows which.
    """
    return register.kind != "residents" or not is_by_person(register)


def _numbers(refused: Sequence[RejectedRow]) -> set[int] | None:
    """Return the numbers of refused rows; None if the file itself is refused."""
    locations = [row.location for row in refused]
    if not all(isinstance(at, Message) and at.code == "load.row" for at in locations):
        return None
    return {int(str(at.params["row"])) for at in locations if isinstance(at, Message)}


def _count(report: LoadReport, register: Register) -> dict[str, int]:
    """Return how many rows are sure, a guess, refused, and passed over."""
    notes = [note for note in report.messages if isinstance(note, RowNote)]
    skipped = set().union(*(note.numbers for note in notes if note.message.code in SKIPPED))
    refused = _numbers([row for row in report.refused if isinstance(row.location, Message)
                        and row.location.code == "load.row"]) or set()  # fmt: skip
    guessed = set().union(
        *(note.numbers for note in notes if note.message.code not in (*SKIPPED, *PLAIN_NOTES))
    )
    guess = (guessed & {row.number for row in register.rows}) - refused
    total = register.count
    return {
        "sure": total - len(guess) - len(refused),
        "guess": len(guess),
        "refused": len(refused),
        "passed_over": len(skipped),
    }
