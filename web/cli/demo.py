"""`./wangge demo`: everything from a fresh checkout to a served map."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis.db import audit_context, engine
from gis.errors import Conflict
from gis.files.datasets import find_source, record_load
from gis.ops import cluster, migration
from gis.ops.history import find_other_author, has_changes
from gis.ops.migration import MIGRATION_ACTOR
from gis.settings import Settings
from web.cli.common import local_now, progress_bar, progress_line

if TYPE_CHECKING:
    from gis.demo.accounts import DemoAccount

DEFAULT_INCIDENTS = 120
# the actor of the history; a database that no other actor has changed may be replaced
DEMO_ACTOR = "demo"


@click.command()
@click.option(
    "--osm",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="OSM extract (.pbf or .osm) of a real place.",
)
@click.option(
    "--areas",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its grid polygons.",
)
@click.option("--seed", default=2026, show_default=True, help="Seed of everything made up.")
@click.option("--households", default=8800, show_default=True, help="Size of the made-up town.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, help="The next free one when taken.")
@click.option(
    "--serve/--no-serve", default=True, show_default=True, help="Serve the map at the end."
)
def command(
    osm: Path | None,
    areas: Path | None,
    seed: int,
    households: int,
    host: str,
    port: int,
    serve: bool,
) -> None:
    """Make the database, fill it and serve the map.

    Without files: a made-up pilot of the Zone's size. With --osm and --areas: a real neighbourhood,
    with made-up households and holders of posts, since no file has those.

    Raises
    ------
    UsageError
        Only one of --osm and --areas is set.
    """
    if (osm is None) != (areas is None):
        raise click.UsageError("give both --osm and --areas, or neither")
    started = time.monotonic()
    settings = Settings.from_env()
    source = (
        f"{osm.name} + {areas.name}, seed {seed}"
        if osm and areas
        else f"town of {households} households, seed {seed}"
    )
    addresses = _fill(
        settings,
        source,
        lambda session: (
            fill_real(session, osm, areas, seed)
            if osm and areas
            else fill_made_up(session, households, seed)
        ),
    )
    _compute_circles(addresses)
    tried = demo_accounts(settings, addresses)
    engine(addresses.app).dispose()
    print_step(f"ready after {time.monotonic() - started:.0f} s")
    show(settings, tried)
    if serve:
        _serve(settings, addresses, host, port)


def _fill(settings: Settings, source: str, fill: Callable[[Session], None]) -> cluster.DatabaseUrls:
    """Fill the database, unless it holds demo data of this source already."""
    print_step("database")
    addresses = migrated(settings)
    if not needs_refill(engine(addresses.app), source):
        print_step(f"already here: {source}")
        return addresses
    addresses = reset_database(settings, addresses)
    with Session(engine(addresses.app)) as session, audit_context(session, DEMO_ACTOR, "demo data"):
        fill(session)
        # by this a second run recognises what is there
        record_load(session, "demo", source, source, {}, "", made_up=True)
        session.commit()
    return addresses


def _compute_circles(addresses: cluster.DatabaseUrls) -> None:
    from gis.facilities.access_store import recompute_stored
    from gis.facilities.service_circles import recompute

    with Session(engine(addresses.app)) as session:
        print_step("15-minute circles")
        recompute(session, progress=progress_bar("circles"))
        recompute_stored(session)
        session.commit()


def _serve(settings: Settings, addresses: cluster.DatabaseUrls, host: str, port: int) -> None:
    from web.cli.serve import free_port, run

    port = free_port(host, port)
    click.echo(
        f"\n  The map:  http://{host}:{port}/\n  The API:"
        f"  http://{host}:{port}/docs\n  Stop with Ctrl-C.\n"
    )
    run(settings, addresses, host=host, port=port, workers=2)


def demo_accounts(settings: Settings, addresses: cluster.DatabaseUrls) -> "list[DemoAccount]":
    """Create one account of each role to try."""
    from gis.demo import accounts
    from gis.rights.principal import system_principal

    print_step("an account of each role")
    with (
        Session(engine(addresses.app)) as session,
        audit_context(session, DEMO_ACTOR, "demo accounts"),
    ):
        created = accounts.create_demo_accounts(
            session, system_principal(DEMO_ACTOR), settings.var, datetime.now(settings.timezone)
        )
        session.commit()
    accounts.write_accounts_file(settings.var / accounts.ACCOUNTS_FILE, created)
    return created


def show(settings: Settings, tried: "list[DemoAccount]") -> None:
    """Print the accounts as a table; Chinese letters are two columns wide."""
    from gis.demo.accounts import ACCOUNTS_FILE

    rows = [
        ("user name", "password", "role", "place"),
        *((account.username, account.password, account.zh, account.area_name) for account in tried),
    ]
    widths = [max(display_width(row[column]) for row in rows) for column in range(3)]
    click.echo(f"\n  Accounts to sign in with (kept in {settings.var / ACCOUNTS_FILE}):\n")
    for row in rows:
        cells = [
            cell + " " * (width - display_width(cell))
            for cell, width in zip(row, widths, strict=False)
        ]
        click.echo("  " + "  ".join([*cells, row[3]]).rstrip())


def display_width(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def fill_made_up(session: Session, households: int, seed: int) -> None:
    """Fill the database with the made-up pilot."""
    from gis.demo.claimants import create_claimants, create_visits, publish_formulas
    from gis.demo.generate import generate_town
    from gis.demo.simulation import simulate

    print_step(f"a made-up town of {households:,} households")
    generate_town(session, seed=seed, households=households, progress=progress_bar("town"))
    create_claimants(session)
    print_step(f"{DEFAULT_INCIDENTS} made-up incidents of the last days")
    now = local_now()
    simulate(session, now - timedelta(days=4), now, DEFAULT_INCIDENTS, seed)
    zone = Settings.from_env().timezone
    publish_formulas(session, now, zone)
    create_visits(session, now, zone)


def fill_real(session: Session, osm: Path, areas: Path, seed: int) -> None:
    """Load a real extract and real grids, with made-up households and holders."""
    from gis.demo.populate import SINCE, populate
    from gis.exchange.areas import load_areas
    from gis.exchange.osm.loader import load_osm
    from web.cli.load_text import raise_if_rejected

    print_step(f"grids of {areas.name}")
    raise_if_rejected(load_areas(session, areas, "grid", effective=SINCE))
    print_step(f"streets, buildings and facilities of {osm.name}")
    raise_if_rejected(load_osm(session, osm, progress=progress_line()))
    print_step("made-up households, units and holders of posts")
    populate(session, seed=seed)


def needs_refill(bind: Engine, source: str) -> bool:
    """Return whether the database must be filled; False when it holds just this source.

    Raises
    ------
    Conflict
        It holds data that is not the demo's.
    """
    with Session(bind) as session:
        if find_source(session, "demo") == source:
            return False  # whatever people have done with it since
        # made-up people change things too; their names begin with the demo's
        others = find_other_author(session, DEMO_ACTOR, [MIGRATION_ACTOR])
    if others is not None:
        raise Conflict("demo.foreign_data", author=others)
    return True


def reset_database(settings: Settings, addresses: cluster.DatabaseUrls) -> cluster.DatabaseUrls:
    """Return an empty database: another demo's data goes, nobody else's can be in it.

    Raises
    ------
    Conflict
        DATABASE_URL is set, and that database holds the data of another demo.
    """
    with Session(engine(addresses.app)) as session:
        empty = not has_changes(session, [MIGRATION_ACTOR])
    if empty:
        return addresses
    if settings.database_url:
        raise Conflict("demo.other_demo")
    print_step("replacing the data of another demo")
    engine(addresses.app).dispose()
    engine(addresses.owner).dispose()
    cluster.reset(settings)
    return migrated(settings)


def migrated(settings: Settings) -> cluster.DatabaseUrls:
    """Return the database, started and migrated to this code's version."""
    addresses = cluster.database_urls(settings)
    migration.migrate(addresses)
    return addresses


def print_step(step: str) -> None:
    """Say on stderr what begins now."""
    click.echo(f"· {step}", err=True)
