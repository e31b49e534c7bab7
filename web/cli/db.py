"""`./wangge db`: the private cluster, the schema, backup and restore."""

import json
import tempfile
from datetime import datetime
from pathlib import Path

import click

from gis.db import engine
from gis.errors import WanggeError
from gis.ops import archive as archives
from gis.ops import backup as backups
from gis.ops import backup_file, cluster, databases, migration, schema, server_check
from gis.ops import replica as replicas
from gis.settings import Settings, read_shards
from web.cli import shard
from web.cli.common import AS_JSON, MOMENT, YES_OPTION, local_text, make_private

IDENTITY = click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the secret key of an encrypted backup is.",
)


@click.group()
def command() -> None:
    """Manage the database: start, stop, status, migrate, shard, backup, restore, archive, key."""


command.add_command(shard.group)


@command.command()
def start() -> None:
    """Start the private cluster (made when missing); the schema stays as it is."""
    cluster.database_urls(Settings.from_env())
    status.callback(as_json=False)  # type: ignore[misc]


@command.command()
def stop() -> None:
    """Stop the private cluster.

    Raises
    ------
    UsageError
        DATABASE_URL is set.
    """
    settings = Settings.from_env()
    if settings.database_url:
        raise click.UsageError("DATABASE_URL is set: that server is not ours to stop")
    click.echo("stopped" if cluster.stop(settings) else "was not running")


@command.command()
@AS_JSON
def status(as_json: bool) -> None:
    """Say whether the database runs, where it lies and which version its schema has."""
    settings = Settings.from_env()
    answer: dict[str, object]
    if settings.database_url:
        server_check.check_server(settings.database_url)
        addresses = cluster.database_urls(settings)
        answer = {"server": "DATABASE_URL", "running": True}
        if addresses.app == addresses.owner:
            answer["advice"] = (
                "the application connects as the owner of the tables; set DATABASE_OWNER_URL apart"
            )
    else:
        location = cluster.cluster_location(settings)
        port = cluster.running_port(location)
        answer = {
            "server": "private",
            "running": port is not None,
            "data": str(location.data),
            "socket": str(location.sockets),
            "port": port,
        }
        if port is None:
            _print(answer, as_json)
            return
        addresses = cluster.addresses_at(location, port)
        if folder := archives.get_folder(settings):
            answer["archive"] = str(folder)
    with engine(addresses.app).connect() as connection:
        if note := server_check.unarchived_note(connection):
            answer["archive_fails"] = note
        answer |= server_check.describe(connection) | {"schema": schema.current(connection)}
    answer |= {
        "schema_of_this_code": schema.head(),
        "old_databases": _list_old(addresses),
    }
    _print(answer, as_json)


def _list_old(addresses: cluster.DatabaseUrls) -> list[dict[str, object]]:
    """List the databases that restores replaced; empty if the server does not let us look."""
    try:
        old = databases.list_old(addresses)
    except WanggeError:
        return []
    return [
        {
            "name": database.name,
            "bytes": database.bytes,
            "replaced_at": database.replaced_at.isoformat(),
        }
        for database in old
    ]


def _print(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for name, value in answer.items():
            lines = value if isinstance(value, list) else [value]
            for line in lines:
                text = "yes" if line is True else "no" if line is False else line
                if isinstance(line, dict):
                    text = (
                        f"{line['name']} ({line['bytes'] / 1e6:.1f} MB;"
                        f" ./wangge db drop-old removes it)"
                    )
                click.echo(f"{name.replace('_', ' ') + ':':22}{text}")


@command.command()
@click.option("--to", default="head", show_default=True, help="A migration, or head.")
def migrate(to: str) -> None:
    """Bring the schema up to date, that of the shards too."""
    settings = Settings.from_env()
    addresses = cluster.database_urls(settings)
    migration.migrate(addresses, to)
    for county in shard.migrate_all(settings, addresses, to):
        click.echo(f"schema of the shard of {county} up to date")
    with engine(addresses.app).connect() as connection:
        click.echo(f"schema at {schema.current(connection)}")


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--encrypt-to",
    multiple=True,
    metavar="KEY",
    help=(
        "Encrypt to a public key (age1…, ssh-ed25519 …, or a file of them);"
        " several times for several readers."
    ),
)
def backup(file: Path, encrypt_to: tuple[str, ...]) -> None:
    """Write the whole database and the photos to FILE, with a checksum."""
    settings = Settings.from_env()
    make_private(settings)
    recipients = backup_file.parse_recipients(encrypt_to)
    photos = backups.backup(cluster.database_urls(settings), file, settings.var, recipients)
    encrypted = ", encrypted" if recipients else ""
    click.echo(
        f"{file}: {file.stat().st_size / 1e6:.1f} MB, with {photos:,} photo files{encrypted}"
    )


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@IDENTITY
@AS_JSON
def verify(file: Path, identity: Path | None, as_json: bool) -> None:
    """Check that the backup in FILE is whole and unchanged; needs no database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        backup_file.opened(file, Path(folder), identity) as plain,
    ):
        contents = backup_file.verify(file, plain)
    manifest = contents.manifest or {}
    answer = {
        "file": str(file),
        "checksum": contents.sha256,
        "made": manifest.get("made"),
        "schema": manifest.get("schema"),
        "rows": sum(manifest["rows"].values()) if manifest else None,
        "photos": len(contents.photos),
    }
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif contents.sha256:
        click.echo(
            f"{file}: whole and unchanged; of {local_text(manifest.get('made'))},"
            f" schema {answer['schema']}, {answer['rows']:,} rows, {answer['photos']:,} photo files"
        )
    else:
        click.echo(
            f"{file}: a backup of an earlier version, which has no checksum;"
            f" {answer['photos']:,} photo files"
        )


@command.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@IDENTITY
@click.option(
    "--at",
    type=MOMENT,
    metavar="TIME",
    help="Restore from the archive, as it was at TIME (ISO 8601).",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --at: the archive; without, the one that this database writes.",
)
@click.option(
    "--into",
    metavar="NAME",
    help="Restore into this empty database of the server, and swap nothing.",
)
@YES_OPTION
def restore(
    file: Path | None,
    identity: Path | None,
    at: datetime | None,
    folder: Path | None,
    into: str | None,
    yes: bool,
) -> None:
    """Replace the database by the backup in FILE, or by itself at an earlier TIME, with its photos.

    It is restored into a new database, brought to this code's schema there and checked; only then
    does it take the place of the one in use, which is kept until ./wangge db drop-old. Whatever
    fails changes nothing.

    Raises
    ------
    UsageError
        The options do not go together, or --at is used and DATABASE_URL is set.
    """
    if (file is None) == (at is None):
        raise click.UsageError("name a FILE, or a time with --at")
    if at is None and folder is not None:
        raise click.UsageError("--from goes with --at")
    if at is not None and (identity or into):
        raise click.UsageError("--identity and --into go with a FILE")
    settings = Settings.from_env()
    if at is not None and settings.database_url:
        raise click.UsageError(
            "DATABASE_URL is set: the recovery of that server is in its administrator's hands"
        )
    if not yes and into is None:
        click.confirm(
            "This replaces the database in use, which is kept aside. Go on?", abort=True, err=True
        )
    addresses = cluster.database_urls(settings)
    if at is not None:
        photos = archives.restore_at(settings, at, folder)
    else:
        assert file is not None
        photos = backups.restore(addresses, file, settings.var, identity=identity, into=into)
    source = file or f"the archive, as of {at}"
    click.echo(f"restored from {source}, with {photos:,} photo files")
    if into:
        then = (
            f"with its addresses set, run: ./wangge db shard add {settings.county}"
            if settings.county
            else "name that in DATABASE_URL and DATABASE_OWNER_URL, and restart"
        )
        click.echo(f"it is in the database {into}: {then}")
        return
    if old := databases.list_old(addresses):
        click.echo(
            f"the database before it is kept as {old[0].name}; ./wangge db drop-old removes it"
        )
    for county in read_shards(settings.var):
        click.echo(
            f"with the addresses of its database set, run: ./wangge db shard add {county}",
            err=True,
        )


@command.command("drop-old")
@click.argument("name", required=False)
@YES_OPTION
def drop_old(name: str | None, yes: bool) -> None:
    """Drop the databases that restores replaced, or the one called NAME.

    What killed restores have left behind goes, too.
    """
    settings = Settings.from_env()
    addresses = cluster.database_urls(settings)
    backups.tidy(addresses, settings.var)
    # those there are now: what a restore replaces from here on was not asked about
    names = [name] if name else [database.name for database in databases.list_old(addresses)]
    if names and not yes:
        click.confirm(f"This drops {', '.join(names)}. Go on?", abort=True, err=True)
    for each in names:
        databases.drop_old(addresses, each)
    click.echo(f"dropped {', '.join(names)}" if names else "there is none")


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.option(
    "--keep",
    type=click.IntRange(1, 100),
    default=archives.KEPT_BASES,
    show_default=True,
    help="Copies.",
)
def archive(folder: str, keep: int) -> None:
    """Archive every change to DIR from now on, beside a whole copy, for point-in-time recovery.

    Run it again, for example every night, for a new copy. ./wangge db restore --at TIME goes
    back to any moment since the oldest copy.

    Raises
    ------
    UsageError
        DATABASE_URL is set.
    BadParameter
        DIR is empty.
    """
    settings = Settings.from_env()
    if settings.database_url:
        raise click.UsageError(
            "DATABASE_URL is set: the recovery of that server is in its administrator's hands"
        )
    if not folder:  # of a variable that is not set
        raise click.BadParameter("it is empty", param_hint="DIR")
    base = archives.switch_on(settings, Path(folder), keep)
    oldest = archives.list_bases(Path(folder).absolute())[0].finished.astimezone(settings.timezone)
    click.echo(f"archiving to {folder}; a new copy is in {base.folder.name}")
    click.echo(f"./wangge db restore --at TIME reaches back to {oldest.isoformat()}")


@command.command()
@click.argument("slot")
@click.option(
    "--keep",
    "keep_gb",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="Gigabytes of the log to keep for it at most.",
)
def replica(slot: str, keep_gb: int) -> None:
    """Keep the log for a replica that lags or is away: its replication slot, named SLOT.

    The program prints what to set there, and how to copy the server.
    """
    replicas.keep_log(cluster.database_urls(Settings.from_env()), slot, keep_gb)
    click.echo(f"the log is kept until the replica of slot {slot} has it, up to {keep_gb} GB")
    click.echo(f"copy:  pg_basebackup --write-recovery-conf --slot={slot} --pgdata=DIR ...")
    click.echo("there: hot_standby_feedback = on, max_standby_streaming_delay = 30s")
    click.echo("here:  DATABASE_READ_URL is its address")


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def key(file: Path) -> None:
    """Make a key for encrypted backups: the secret one goes to FILE, the public one is printed.

    Keep FILE away from this machine: only who has it can read the backups.
    """
    click.echo(backup_file.create_key(file))


@command.command()
@click.option("--yes", is_flag=True, help="Throw everything away without asking.")
def reset(yes: bool) -> None:
    """Throw the private database away, all data with it, and make an empty one.

    Raises
    ------
    UsageError
        DATABASE_URL is set.
    """
    settings = Settings.from_env()
    if settings.database_url:
        raise click.UsageError("DATABASE_URL is set: that server is not ours to empty")
    if not yes:
        click.confirm("This throws away everything in the database. Go on?", abort=True, err=True)
    cluster.reset(settings)
    click.echo("an empty database; ./wangge db migrate makes its tables")
