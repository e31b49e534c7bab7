"""The shards of a deployment: added, listed, removed; kept in one private file of its folder."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from gis import private
from gis.db import engine
from gis.errors import Conflict, NotFound, Unavailable, invalid_field
from gis.ops import databases, migration, schema, server_check
from gis.ops.cluster import DatabaseUrls
from gis.ops.shards import checks, city, copying, moving, recovery, removed_shards
from gis.ops.shards import county as county_database
from gis.settings import (
    COUNTY_FOLDERS,
    SHARD_FILE,
    SHARD_ID_BITS,
    SHARD_URL_VARIABLES,
    Settings,
    Shard,
    read_shards,
)

COUNTY_PATTERN = re.compile(r"[0-9]{6}")
# shared by all counties of a deployment: the key of its cookies, and the counters of requests
LINKED_FILES = ("session.key", "limits")
REPLICATION_SQL = "ALTER ROLE {} REPLICATION"
ONE_AT_A_TIME_SQL = "SELECT pg_advisory_lock(hashtext('wangge shards'))"


@dataclass(frozen=True)
class ShardUrls:
    """Addresses of a shard to be added: as `Shard`, and for a superuser.

    Attributes
    ----------
    admin_url
        None: the owner is one.
    main_admin_url
        A superuser of the main database; None: that of the private cluster, or the owner.
    main_url
        The main database as the shard's server reaches it, for a role that may replicate; None: as
        the owner reaches it from here.
    """

    url: str
    owner_url: str
    admin_url: str | None = None
    main_admin_url: str | None = None
    main_url: str | None = None


class Added(NamedTuple):
    """A shard, whether it was none yet, and what `recovery.bring_back` brought back for it."""

    shard: Shard
    is_new: bool
    recovered: dict[str, int]


def add(
    settings: Settings,
    main: DatabaseUrls,
    county: str,
    urls: ShardUrls,
    *,
    is_moved: bool = False,
) -> Added:
    """Make a database the shard of a county.

    What is done already is not done again, so that an interrupted call is repeated.

    Parameters
    ----------
    is_moved
        The county's rows and photos move there from the main database.

    Raises
    ------
    InvalidInput
        The county is none.
    NotFound
        It is to be moved, and not in the main database.
    Conflict
        The database has rows of its own or another schema, or the county is elsewhere; or it cannot
        be moved (see `moving.has_moved`).
    Unavailable
        A server cannot be reached, has another wal_level, or our role may not; or the main database
        cannot read the shard.
    """
    if not COUNTY_PATTERN.fullmatch(county):
        raise invalid_field("county", "shard.county_wrong", county=county[:40])
    server_check.check_server(urls.url, SHARD_URL_VARIABLES["url"])
    checks.require_finished(settings.var, main, county if is_moved else None)
    with ExitStack() as stack:
        main_admin, admin = _open_admins(stack, main, county, urls)
        main_admin.execute(ONE_AT_A_TIME_SQL)
        shards, removed = read_shards(settings.var), removed_shards.read(settings.var)
        if county in shards:
            checks.require_prepared(county, urls.owner_url)
        if county in {*shards, *removed}:
            checks.require_in_one(main_admin, county, removed, is_moved=is_moved)
        copying.require_logical({"main": main_admin, county: admin})
        try:
            _migrate(urls)
            must_move = is_moved and not moving.has_moved(
                main_admin, admin, _role(main.app), county, shards
            )
            numbers = removed | {each.county: each.number for each in shards.values()}
            number = _prepare(main, county, urls, numbers, is_moved=is_moved)
            if must_move:
                checks.note_move(settings.var, county, urls.url)
                moving.move(main_admin, admin, county)
            has_old_ids = moving.has_old_ids(admin, county)
            shard = Shard(county, number, urls.url, urls.owner_url, has_old_ids)
            _write(settings.var, {**shards, county: shard}.values())
            create_folder(settings.var, county)
            if is_moved:
                moving.move_photos(settings.var, county)
            is_new, recovered = _connect_both(
                main_admin, admin, main, shard, urls, is_new=county not in numbers
            )
            city.permit(main_admin, _role(main.owner))
            _rebuild_city(main, read_shards(settings.var).values())
            removed_shards.write(settings.var, {**removed, county: None})
            (settings.var / checks.MOVE_FILE).unlink(missing_ok=True)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _superuser_needed(error) from None
        except psycopg.errors.LockNotAvailable:
            raise Conflict("shard.service_runs", sessions=1) from None
    city.require_read(main.app, county)
    return Added(shard, is_new or shards.get(county) != shard, recovered)


def _open_admins(
    stack: ExitStack, main: DatabaseUrls, county: str, urls: ShardUrls
) -> tuple[psycopg.Connection, psycopg.Connection]:
    """Connect to the main database and to a shard as superusers, where the addresses agree."""
    names = SHARD_URL_VARIABLES
    main_admin = stack.enter_context(_open_main_admin(main, urls.main_admin_url))
    admin = stack.enter_context(_open_admin(urls.admin_url, names["owner_url"], urls.owner_url))
    checks.require_same(stack, {"DATABASE_OWNER_URL": main.owner}, main_admin, "main")
    own = {names["url"]: urls.url, names["owner_url"]: urls.owner_url}
    checks.require_same(stack, own, admin, county)
    return main_admin, admin


def _open_main_admin(main: DatabaseUrls, admin_url: str | None) -> psycopg.Connection:
    """Connect to the main database as the superuser that is named, or that there is."""
    if admin_url:
        return server_check.connect(admin_url, SHARD_URL_VARIABLES["main_admin_url"])
    return server_check.connect(main.admin or main.owner)


def _open_admin(admin_url: str | None, setting: str, owner_url: str) -> psycopg.Connection:
    """Connect to a shard as the superuser that is named, else as the owner of its tables."""
    if admin_url:
        return server_check.connect(admin_url, SHARD_URL_VARIABLES["admin_url"])
    return server_check.connect(owner_url, setting)


def _superuser_needed(error: psycopg.Error) -> Unavailable:
    return Unavailable("shard.superuser_needed", reason=str(error).splitlines()[0])


def _role(url: str) -> str:
    return str(make_url(url).username)


def _migrate(urls: ShardUrls) -> None:
    """Bring an empty database to this code's schema; one at another is refused.

    Raises
    ------
    Conflict
        It has another schema.
    """
    with engine(urls.owner_url).connect() as connection:
        version = schema.current(connection)
    if version is None:
        addresses = DatabaseUrls(urls.url, urls.owner_url, urls.admin_url)
        databases.create_extensions(addresses, databases.get_name(urls.owner_url))
        migration.migrate(addresses)
    elif version != schema.head():
        raise Conflict("shard.other_schema", version=version, needed=schema.head())


def _prepare(
    main: DatabaseUrls,
    county: str,
    urls: ShardUrls,
    numbers: Mapping[str, int],
    *,
    is_moved: bool,
) -> int:
    """Give the database its number, and return it.

    Parameters
    ----------
    numbers
        Of the shards that there are or were, by county.

    Raises
    ------
    Conflict
        It has rows of its own, is the shard of another county or deployment, or the county is in
        the main database.
    """
    with engine(main.owner).connect() as connection:
        if county_database.shard_number(connection):
            raise Conflict("shard.is_shard")
        if not is_moved and county not in numbers and county_database.holds(connection, county):
            raise Conflict("shard.county_in_main", county=county)
    with engine(urls.owner_url).begin() as connection:
        number = county_database.shard_number(connection)
        known = next((of for of, its_number in numbers.items() if its_number == number), None)
        is_begun = is_moved and known is None and county_database.is_unused(connection, county)
        if number and not is_begun and known != county:
            raise Conflict("shard.of_another", county=known or "—")
        if not number:
            if county_database.has_areas(connection):
                raise Conflict("shard.has_rows", county=county)
            number = _next_number(main, numbers.values())
        county_database.prepare(connection, county, number)
        county_database.protect(connection, _role(urls.url))
    return number


def _next_number(main: DatabaseUrls, numbers: Iterable[int]) -> int:
    """Return a number that no shard has or had: a removed one's areas stay known."""
    used = max(numbers, default=0)
    with server_check.connect(main.owner) as owner:
        owner.execute("CREATE SEQUENCE IF NOT EXISTS public.shard_number")
        row = owner.execute(
            # one that was restored to an earlier state may be behind
            "SELECT setval('public.shard_number', greatest(nextval('public.shard_number'), %s))",
            [used + 1],
        ).fetchone()
    return int(row[0]) if row else 0


def _connect_both(
    main_admin: psycopg.Connection,
    admin: psycopg.Connection,
    main: DatabaseUrls,
    shard: Shard,
    urls: ShardUrls,
    *,
    is_new: bool,
) -> tuple[bool, dict[str, int]]:
    """Begin to copy both ways, and wait for what there is.

    Returns
    -------
    tuple
        Whether that is new, and what `recovery.bring_back` did.
    """
    for connection, url in ((main_admin, main.owner), (admin, urls.owner_url)):
        connection.execute(sql.SQL(REPLICATION_SQL).format(sql.Identifier(_role(url))))
    with server_check.connect(main.owner) as owner:
        copying.publish_shared(owner)
    down, up = copying.shared_name(shard.county), copying.areas_name(shard.county)
    recovered = {}
    if not is_new and not copying.has_slot(main_admin, down):  # the main database was restored
        with server_check.connect(main.owner) as owner:
            recovered = recovery.bring_back(owner, admin)
    main_url = databases.libpq(urls.main_url or main.owner)
    has_begun = copying.subscribe(
        main_admin,
        admin,
        main_url,
        copying.SHARED_PUBLICATION,
        down,
        copying.SHARED_ROWS,
        is_new=is_new,
    )
    copying.wait_copied(admin, down)
    has_begun |= copying.subscribe(
        admin,
        main_admin,
        databases.libpq(urls.owner_url),
        county_database.AREAS_PUBLICATION,
        up,
        [sql.SQL(county_database.published_areas(shard.county))],
        is_new=is_new,
    )
    copying.wait_copied(main_admin, up)
    return has_begun, recovered


def _rebuild_city(main: DatabaseUrls, shards: Iterable[Shard]) -> None:
    with server_check.connect(main.owner) as owner:
        city.rebuild(owner, _role(main.app), databases.libpq(main.listening), shards)


def migrate(settings: Settings, main: DatabaseUrls, to: str = "head") -> list[str]:
    """Migrate every shard, after the main database; return their counties.

    What the city reads is made anew, of the columns that there are now.
    """
    shards = read_shards(settings.var)
    for shard in shards.values():
        migration.migrate(DatabaseUrls(shard.url, shard.owner_url), to)
        with engine(shard.owner_url).begin() as connection:
            county_database.prepare(connection, shard.county, shard.number)
    if shards:
        with server_check.connect(main.owner) as owner:
            copying.publish_shared(owner)
        _rebuild_city(main, shards.values())
    return [*shards]


def remove(
    settings: Settings,
    main: DatabaseUrls,
    county: str,
    admin_url: str | None = None,
    main_admin_url: str | None = None,
    *,
    is_lost: bool = False,
) -> None:
    """Forget a shard: its database stays as it is, and is served no more until it is added again.

    Parameters
    ----------
    admin_url, main_admin_url
        As for `add`.
    is_lost
        Its server is gone: the copying is ended here only.

    Raises
    ------
    NotFound
        The county has none.
    Unavailable
        A server cannot be reached, or our role may not end the copying there.
    """
    down, up = copying.shared_name(county), copying.areas_name(county)
    with ExitStack() as stack:
        main_admin = stack.enter_context(_open_main_admin(main, main_admin_url))
        main_admin.execute(ONE_AT_A_TIME_SQL)
        shards = read_shards(settings.var)
        if county not in shards:
            raise NotFound("shard.unknown", county=county)
        shard = shards.pop(county)
        admin = None  # else connected before anything ends
        if not is_lost:
            admin = stack.enter_context(_open_admin(admin_url, SHARD_FILE, shard.owner_url))
        try:
            if admin is not None:
                copying.unsubscribe(admin, down)
            copying.unsubscribe(main_admin, up)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _superuser_needed(error) from None
        if admin is not None:
            copying.drop_slot(admin, up)
        copying.drop_slot(main_admin, down)
        _rebuild_city(main, shards.values())
        removed_shards.write(
            settings.var, {**removed_shards.read(settings.var), county: shard.number}
        )
        _write(settings.var, shards.values())


def _write(var: Path, shards: Iterable[Shard]) -> None:
    """Write the file of the shards, whole or not at all."""
    rows = [asdict(shard) for shard in sorted(shards, key=lambda shard: shard.number)]
    private.write_file(var / SHARD_FILE, json.dumps(rows))


def first_id(shard: Shard) -> int:
    """Return where the ids of a shard begin."""
    return shard.number << SHARD_ID_BITS


def create_folder(var: Path, county: str) -> None:
    """Create the folder of a county's photos, in which what all share is linked."""
    folder = private.create_folder(var / COUNTY_FOLDERS / county)
    for name in LINKED_FILES:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(os.path.relpath(var / name, folder))
