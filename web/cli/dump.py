"""`./wangge dump`: a layer to a file for other programs."""

from datetime import datetime
from pathlib import Path

import click

from gis.messages import Message
from web.cli.common import MOMENT, local_now, record_disclosure, session_scope

LAYER_NAMES = (
    "provinces cities counties streets communities grids units buildings buildings_with_names"
    " facilities entrances edits circles households incidents people organisations members takers"
    " visits divisions"
)


# what is written down of a layer, by whether it is cut to an area and of which moment
LAYER_CODES = {
    (False, False): "shown.layer",
    (True, False): "shown.layer_within",
    (False, True): "shown.layer_at",
    (True, True): "shown.layer_within_at",
}


@click.command()
@click.argument("layer", type=click.Choice(LAYER_NAMES.split()))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--at",
    type=MOMENT,
    help="For areas: the day or moment whose boundaries count, as 2026-03-01 or 2026-03-01T08:30.",
)
@click.option(
    "--within",
    default="",
    help=(
        "For areas and people: only where the code begins so."
        " For incidents: code of the area they lie in."
    ),
)
@click.option(
    "--reason", default="", help="Why, for auditors; the export is written down in any case."
)
def command(layer: str, file: Path, at: datetime | None, within: str, reason: str) -> None:
    """Write LAYER to FILE; the format follows its ending: .gpkg .geojson .shp .fgb .csv .xlsx.

    Organisations, members, takers and visits: .csv .xlsx, as ./wangge load reads them, with names.
    Incidents: .csv .xlsx .ndjson, as ./wangge load incidents reads them; without contacts.
    People: .csv .xlsx, as ./wangge load people reads them, with names and duty telephones.
    Divisions: .csv .xlsx, the lists of division codes as ./wangge load divisions reads them.
    buildings_with_names: with the names and telephones of heads and sponsors.

    Raises
    ------
    InvalidInput
        Incidents or people are asked for at a moment.
    """
    from gis.errors import InvalidInput
    from gis.exchange.division_codes import write_division_codes
    from gis.exchange.dump import dump, list_attributions
    from gis.exchange.incident_file import write_incidents
    from gis.exchange.organisation_columns import ORGANISATION_TABLES
    from gis.exchange.organisations import write_organisation_table
    from gis.exchange.people_file import write_people
    from gis.exchange.visits import write_visits
    from gis.rights.principal import system_principal
    from gis.settings import Settings

    with session_scope() as session:
        zone = Settings.from_env().timezone
        me, now = system_principal("command line"), local_now()
        if layer not in ("incidents", "people", *ORGANISATION_TABLES, "visits", "divisions"):
            count = dump(session, layer, file, at, within)
        elif at is not None:
            raise InvalidInput("dump.no_dates", layer=layer)
        elif layer == "divisions":
            count = write_division_codes(session, file, within)
        elif layer == "people":
            count = write_people(session, file, within=within, timezone=zone)
        elif layer == "visits":
            count = write_visits(session, me, file)
        else:
            count = (
                write_incidents(session, me, file, within=within, timezone=zone)
                if layer == "incidents"
                else write_organisation_table(session, me, layer, file, now, zone)
            )
        params = {
            "layer": layer,
            "ending": file.suffix[1:],
            "area": within,
            "at": at and at.isoformat(),
        }
        subject = Message(LAYER_CODES[bool(within), bool(at)], params)
        record_disclosure(session, "export", subject, reason=reason)
        click.echo(f"{file}: {count} {layer}")
        for credit in list_attributions(session):
            click.echo(credit, err=True)
