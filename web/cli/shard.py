"""`./wangge db shard`: counties in databases of their own."""

import json
from collections.abc import Callable
from dataclasses import asdict

import click
from click.core import ParameterSource
from sqlalchemy.engine import make_url

from gis.db import engine
from gis.ops import cluster
from gis.ops.shards import checks, moving, registry, states
from gis.ops.shards.registry import ShardUrls
from gis.settings import SHARD_URL_VARIABLES, Settings
from web.cli.common import AS_JSON, open_database

Command = Callable[..., None]


def _refuse_password(ctx: click.Context, param: click.Parameter, url: str | None) -> str | None:
    """Return an address; refuse a password that every user of the machine could read.

    Raises
    ------
    UsageError
        It stands on the command line.
    """
    is_typed = ctx.get_parameter_source(str(param.name)) == ParameterSource.COMMANDLINE
    if url and is_typed and make_url(url).password:
        raise click.UsageError(
            f"every user of this machine can read a command line: set {param.envvar} instead"
        )
    return url


def _address(name: str, help_text: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{name.replace('_', '-')}",
        envvar=SHARD_URL_VARIABLES[name],
        show_envvar=True,
        callback=_refuse_password,
        metavar="URL",
        help=help_text,
    )


URL = _address("url", "Its database, for the role of the application.")
OWNER_URL = _address("owner_url", "The role that owns its tables.")
ADMIN_URL = _address("admin_url", "A superuser there.")
MAIN_ADMIN_URL = _address("main_admin_url", "A superuser of the main database.")
MAIN_URL = _address("main_url", "The main database as the shard reaches it, for replication.")


def _addresses(command: Command) -> Command:
    """Give a command all addresses, in the order of its help."""
    for option in (MAIN_URL, MAIN_ADMIN_URL, ADMIN_URL, OWNER_URL, URL):
        command = option(command)
    return command


@click.group("shard")
def group() -> None:
    """Keep a county in a database of its own: add, move, list, remove.

    A password stands in the variable of an option, never on the command line.
    """


@group.command()
@click.argument("county")
@_addresses
def add(county: str, **urls: str | None) -> None:
    """Make an empty database the shard of the county with code COUNTY.

    It gets the schema, a range of ids of its own, and a copy of what all counties share. Again,
    only what is missing is done. Data is loaded by the usual commands with WANGGE_COUNTY set.
    """
    _add(county, urls, is_moved=False)


def _add(county: str, urls: dict[str, str | None], *, is_moved: bool) -> None:
    """Add or move a shard, and say what it is.

    Raises
    ------
    UsageError
        No address is set.
    """
    if not (url := urls.pop("url")):
        raise click.UsageError("set WANGGE_SHARD_URL, or --url without a password")
    owner_url = urls.pop("owner_url") or url
    settings = Settings.from_env()
    if is_moved:  # before the server is restarted under somebody
        moving.require_idle(_open_main(settings))
    if not settings.database_url and cluster.make_logical(settings):
        click.echo("the private cluster now has wal_level = logical, and was restarted", err=True)
    given = ShardUrls(url, owner_url, **urls)
    shard, is_new, recovered = registry.add(
        settings, _open_main(settings), county, given, is_moved=is_moved
    )
    for table, count in recovered.items():
        click.echo(
            f"{table}: {count:,} rows that only the county had are in the main database again,"
            " without effect",
            err=True,
        )
    low = registry.first_id(shard)
    click.echo(
        f"county {county} is shard {shard.number}: ids from {low:,} on"
        if is_new
        else f"county {county} is shard {shard.number} already"
    )


def _open_main(settings: Settings) -> cluster.DatabaseUrls:
    """Return the main database, in which this process does not work as the application."""
    main = open_database(settings)
    engine(main.app).dispose()
    return main


@group.command()
@click.argument("county")
@_addresses
def move(county: str, **urls: str | None) -> None:
    """Move the county with code COUNTY from the main database to an empty one, as its shard.

    Its incidents, history, people and photos go along, with the ids and addresses that they have.
    Stop `serve` first. Again, an interrupted call is finished.
    """
    _add(county, urls, is_moved=True)


@group.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """List the shards: where each is, its schema, and how far its copy is behind."""
    settings = Settings.from_env()
    main = open_database(settings)
    shards = states.list_shards(settings, main)
    if as_json:
        click.echo(json.dumps([asdict(shard) for shard in shards], ensure_ascii=False))
        return
    for shard in shards:
        state = f"schema {shard.schema}" if shard.schema else "does not answer"
        lag = "unknown" if shard.lag_bytes is None else f"{shard.lag_bytes:,} bytes"
        click.echo(f"{shard.county}  {shard.number:>3}  {shard.address}  {state}, behind by {lag}")
    checks.require_finished(settings.var, main)


@group.command()
@click.argument("county")
@click.option("--lost", is_flag=True, help="Its server is gone: nothing is ended there.")
@ADMIN_URL
@MAIN_ADMIN_URL
@click.option("--yes", is_flag=True, help="Do it without asking.")
def remove(
    county: str, lost: bool, admin_url: str | None, main_admin_url: str | None, yes: bool
) -> None:
    """Serve the county with code COUNTY no more; its database stays as it is."""
    settings = Settings.from_env()
    if not yes:
        click.confirm(f"County {county} will not be served any more. Go on?", abort=True, err=True)
    registry.remove(
        settings, open_database(settings), county, admin_url, main_admin_url, is_lost=lost
    )
    click.echo(f"county {county} is served no more")


def migrate_all(settings: Settings, main: cluster.DatabaseUrls, to: str) -> list[str]:
    """Migrate the shards after the main database; return their counties."""
    return registry.migrate(settings, main, to)
