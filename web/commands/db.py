"""`./wangge db`: the private cluster, the schema, backup and restore."""

import json
from pathlib import Path

import click

from gis import cluster, schema
from gis.backup import backup as make_backup
from gis.backup import restore as take_back
from gis.db import engine
from gis.settings import Settings
from web.commands import database


@click.group()
def command() -> None:
    """The private database: start, stop, status, migrate, backup, restore."""


@command.command()
def start() -> None:
    """Start the private cluster (made when missing) and bring the schema up to date."""
    database()
    status.callback(as_json=False)  # type: ignore[misc]


@command.command()
def stop() -> None:
    """Stop the private cluster."""
    settings = Settings.from_env()
    if settings.database_url:
        raise click.UsageError("DATABASE_URL is set: that server is not ours to stop")
    click.echo("stopped" if cluster.stop(settings) else "was not running")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(as_json: bool) -> None:
    """Say whether the database runs, where it lies and which version its schema has."""
    settings = Settings.from_env()
    answer: dict[str, object]
    if settings.database_url:
        cluster.check_server(settings.database_url)
        addresses = cluster.addresses(settings)
        answer = {"server": "DATABASE_URL", "running": True}
        if addresses.app == addresses.owner:
            answer["advice"] = "the application connects as the owner of the tables; set DATABASE_OWNER_URL apart"
    else:
        place = cluster.place(settings)
        port = cluster.running_port(place)
        answer = {
            "server": "private",
            "running": port is not None,
            "data": str(place.data),
            "socket": str(place.sockets),
            "port": port,
        }
        if port is None:
            _print(answer, as_json)
            return
        addresses = cluster.Addresses(place.url(cluster.APP, port), place.url(cluster.OWNER, port))
    with engine(addresses.app).connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT current_setting('server_version'), postgis_lib_version(), pg_size_pretty(pg_database_size(current_database()))"
        ).one()
        at = schema.current(connection)
    answer |= {
        "postgresql": row[0],
        "postgis": row[1],
        "size": row[2],
        "schema": at,
        "schema_of_this_code": schema.head(),
    }
    _print(answer, as_json)


def _print(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for name, value in answer.items():
            click.echo(
                f"{name.replace('_', ' ') + ':':22}{'yes' if value is True else 'no' if value is False else value}"
            )


@command.command()
@click.option("--to", default="head", show_default=True, help="A migration, or head.")
def migrate(to: str) -> None:
    """Bring the schema up to date."""
    addresses = cluster.addresses(Settings.from_env())
    schema.migrate(addresses, to)
    with engine(addresses.app).connect() as connection:
        click.echo(f"schema at {schema.current(connection)}")


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the whole database and the photos to FILE."""
    settings = Settings.from_env()
    photos = make_backup(database(settings), file, settings.var)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB, with {photos:,} photo files")


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Replace what is in the database without asking.")
def restore(file: Path, yes: bool) -> None:
    """Replace the database by the backup in FILE, and bring its photos back; a broken file changes nothing."""
    if not yes:
        click.confirm("This replaces everything in the database. Go on?", abort=True, err=True)
    settings = Settings.from_env()
    photos = take_back(database(settings), file, settings.var)
    click.echo(f"restored from {file}, with {photos:,} photo files")


@command.command()
@click.option("--yes", is_flag=True, help="Throw everything away without asking.")
def reset(yes: bool) -> None:
    """Throw the private database away, all data with it, and make an empty one."""
    settings = Settings.from_env()
    if settings.database_url:
        raise click.UsageError("DATABASE_URL is set: that server is not ours to empty")
    if not yes:
        click.confirm("This throws away everything in the database. Go on?", abort=True, err=True)
    cluster.reset(settings)
    database(settings)
    click.echo("an empty database")
