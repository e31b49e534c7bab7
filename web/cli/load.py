"""`./wangge load`: import files; rehearses and reports unless `--commit`."""

import sys
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from gis.areas.models import LEVELS
from gis.files.report import LoadReport
from gis.settings import Settings
from web.cli.common import MOMENT, progress_line
from web.cli.load_common import COMMIT, FILE_ARGUMENT, PLACE, POINTS, REPORT_AS_JSON, parse_pair
from web.cli.load_divisions import divisions
from web.cli.load_register import register
from web.cli.load_run import run_load


@click.group()
def command() -> None:
    """Import files: a rehearsal with a report, unless --commit.

    A load with a refused row changes nothing and exits with 1. The same file loaded twice changes
    nothing.
    """


command.add_command(register)
command.add_command(divisions)


@command.command("areas")
@FILE_ARGUMENT
@click.option(
    "--level",
    type=click.Choice([level.value for level in LEVELS]),
    required=True,
    help="What the areas are.",
)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="KEY=NAME",
    help="Attribute of the file for code, name, parent, …",
)
@click.option(
    "--crs",
    help=(
        "wgs84, cgcs2000, gcj02, bd09 or EPSG:number,"
        " where the file names none or its map is shifted."
    ),
)
@click.option("--layer", help="Which layer, where the file has several.")
@click.option(
    "--clean",
    type=float,
    metavar="METRES",
    help="Mend overlaps and gaps between grids up to this width.",
)
@click.option(
    "--effective",
    type=MOMENT,
    metavar="TIME",
    help="From when the shapes hold (ISO 8601); now when not given.",
)
@click.option("--attribution", default="", help="The credit to print on maps.")
@click.option(
    "--list",
    "code_list",
    default="",
    metavar="NAME",
    help="List that the codes are from, as load divisions has it; names that lack come from it.",
)
@COMMIT
@REPORT_AS_JSON
def areas(
    file: Path,
    level: str,
    pairs: tuple[str, ...],
    crs: str | None,
    layer: str | None,
    clean: float | None,
    effective: datetime | None,
    attribution: str,
    code_list: str,
    commit: bool,
    as_json: bool,
) -> None:
    """Grids, units, communities … from GeoPackage, GeoJSON, Shapefile (also zipped) or FlatGeobuf.

    The levels above the grids, and units, may also come from CSV or Excel. Chinese column names are
    recognised.
    """
    from gis.exchange.area_file import ReadOptions
    from gis.exchange.areas import load_areas

    mapping = dict(parse_pair(pair) for pair in pairs)

    def load(session: Session) -> LoadReport:
        return load_areas(
            session,
            file,
            level,
            ReadOptions(mapping, crs, layer, code_list),
            clean=clean,
            effective=effective,
            attribution=attribution,
        )

    run_load(load, f"load areas {file.name}", commit, as_json)


@command.command()
@FILE_ARGUMENT
@COMMIT
@REPORT_AS_JSON
def osm(file: Path, commit: bool, as_json: bool) -> None:
    """Load paths, buildings, facilities and basemap from an OSM extract (.osm.pbf, .osm).

    Needs about 150 MB of memory and 300 bytes more for each node of the file (measured: 400 MB at
    840,000 nodes).
    """
    from gis.exchange.osm.loader import load_osm

    progress = progress_line()
    if sys.stderr.isatty():
        click.echo("memory: about 150 MB, and 300 bytes more for each node of the file", err=True)
    run_load(
        lambda session: load_osm(session, file, progress), f"load osm {file.name}", commit, as_json
    )


@command.command()
@FILE_ARGUMENT
@click.option(
    "--crs",
    help=(
        "System of the points and shapes of rows that name none: wgs84, cgcs2000, gcj02, bd09;"
        " of a map also EPSG:number."
    ),
)
@click.option("--layer", help="Which layer, where a map has several.")
@PLACE
@COMMIT
@REPORT_AS_JSON
def buildings(
    file: Path, crs: str | None, layer: str | None, place: str, commit: bool, as_json: bool
) -> None:
    """Load buildings from a register (CSV, Excel) or a map of outlines (.gpkg, .geojson, .shp).

    See ./wangge template buildings; ./wangge dump buildings writes such a file.
    """
    from gis.exchange.buildings import load_buildings

    zone = Settings.from_env().timezone
    run_load(
        lambda session: load_buildings(
            session,
            file,
            crs,
            layer=layer,
            place="later" if place == "later" else "refuse",
            timezone=zone,
        ),
        f"load buildings {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@POINTS
@COMMIT
@REPORT_AS_JSON
def households(file: Path, crs: str | None, commit: bool, as_json: bool) -> None:
    """Households and their ten-household units from CSV or Excel.

    See ./wangge template households.
    """
    from gis.exchange.households import load_households

    run_load(
        lambda session: load_households(session, file, crs),
        f"load households {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@POINTS
@COMMIT
@REPORT_AS_JSON
def facilities(file: Path, crs: str | None, commit: bool, as_json: bool) -> None:
    """Facilities from CSV or Excel; see ./wangge template facilities."""
    from gis.exchange.facilities import load_facilities

    run_load(
        lambda session: load_facilities(session, file, crs),
        f"load facilities {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@POINTS
@COMMIT
@REPORT_AS_JSON
def entrances(file: Path, crs: str | None, commit: bool, as_json: bool) -> None:
    """Doors and gates of buildings and facilities; see ./wangge template entrances."""
    from gis.exchange.entrances import load_entrances

    run_load(
        lambda session: load_entrances(session, file, crs),
        f"load entrances {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@POINTS
@COMMIT
@REPORT_AS_JSON
def edits(file: Path, crs: str | None, commit: bool, as_json: bool) -> None:
    """Paths closed or added and gates with hours, from a table or a map file.

    See ./wangge template edits. What is withdrawn is withdrawn by the API.
    """
    from gis.exchange.edits import load_edits

    zone = Settings.from_env().timezone
    run_load(
        lambda session: load_edits(session, file, crs, timezone=zone, now=datetime.now(zone)),
        f"load edits {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@COMMIT
@REPORT_AS_JSON
def people(file: Path, commit: bool, as_json: bool) -> None:
    """Holders of posts, deputies and leave from CSV or Excel; see ./wangge template people."""
    from gis.exchange.people import load_people

    run_load(
        lambda session: load_people(session, file, timezone=Settings.from_env().timezone),
        f"load people {file.name}",
        commit,
        as_json,
    )


@command.command()
@FILE_ARGUMENT
@POINTS
@click.option(
    "--old-by-today",
    is_flag=True,
    help="Place rows from before the first boundary by today's boundaries, and mark them so.",
)
@COMMIT
@REPORT_AS_JSON
def incidents(file: Path, crs: str | None, old_by_today: bool, commit: bool, as_json: bool) -> None:
    """Incidents kept elsewhere, open or finished, from CSV, Excel or NDJSON.

    See ./wangge template incidents; ./wangge dump incidents writes such a file.
    """
    from gis.exchange.incidents import load_incidents

    zone = Settings.from_env().timezone
    run_load(
        lambda session: load_incidents(
            session,
            file,
            crs,
            now=datetime.now(zone),
            timezone=zone,
            old_by_today=old_by_today,
        ),
        f"load incidents {file.name}",
        commit,
        as_json,
    )


@command.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--none", is_flag=True, help="Drop the heights: walks are as on the level again.")
@click.option(
    "--crs",
    help=(
        "wgs84, cgcs2000, gcj02, bd09 or EPSG:number,"
        " where the raster names none or its map is shifted."
    ),
)
@click.option(
    "--attribution", default="", help="The credit to print on maps: source, licence and date."
)
@COMMIT
@REPORT_AS_JSON
def elevation(
    file: Path | None, none: bool, crs: str | None, attribution: str, commit: bool, as_json: bool
) -> None:
    """Heights from a GeoTIFF, so that slopes count on the walking network that is loaded.

    One band in metres, of the ground rather than of roofs. A load of another map drops the heights.

    Raises
    ------
    UsageError
        Not exactly one of FILE and --none is set.
    """
    from gis.exchange.elevation import drop_elevation, load_elevation

    if none == (file is not None):
        raise click.UsageError("give either FILE or --none")
    run_load(
        lambda session: (
            load_elevation(session, file, crs, attribution) if file else drop_elevation(session)
        ),
        f"load elevation {file.name if file else '--none'}",
        commit,
        as_json,
    )


def _organisation_table(kind: str, what: str) -> None:
    @command.command(kind, help=f"{what}; see ./wangge template {kind}.")
    @FILE_ARGUMENT
    @POINTS
    @COMMIT
    @REPORT_AS_JSON
    def _(file: Path, crs: str | None, commit: bool, as_json: bool) -> None:
        from gis.exchange.organisations import load_organisation_table

        zone = Settings.from_env().timezone

        def load(session: Session) -> LoadReport:
            now = datetime.now(zone)
            return load_organisation_table(session, kind, file, crs, now=now, timezone=zone)

        run_load(load, f"load {kind} {file.name}", commit, as_json)


_organisation_table("organisations", "Branches, teams, companies, squads and units")
_organisation_table("members", "Who belongs to organisations, as what, from when to when")
_organisation_table("takers", "Who takes orders, with skills, area, hours and consent")


@command.command()
@FILE_ARGUMENT
@COMMIT
@REPORT_AS_JSON
def visits(file: Path, commit: bool, as_json: bool) -> None:
    """Visits that count for duties, from CSV or Excel; see ./wangge template visits."""
    from gis.exchange.visits import load_visits

    zone = Settings.from_env().timezone
    run_load(
        lambda session: load_visits(session, file, now=datetime.now(zone), timezone=zone),
        f"load visits {file.name}",
        commit,
        as_json,
    )
