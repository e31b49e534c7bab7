"""`./wangge checkup COMMUNITY`: the check-up sheet of a community, and what visits saw."""

from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path

import click
import orjson

from gis.facilities import checkup, checkup_table, checkup_visits
from gis.facilities.models import VISIT_RESULTS
from gis.facilities.standards import COMPLETE, TIERS
from gis.files import photos
from gis.messages import Message
from gis.rights.principal import system_principal
from gis.settings import Settings
from web.cli.common import AS_JSON, MOMENT, record_disclosure, session_scope, user


@click.command()
@click.argument("community")
@click.option("--tier", type=click.Choice([*TIERS]), default=COMPLETE, show_default=True)
@click.option(
    "--xlsx", type=click.Path(dir_okay=False, path_type=Path), help="Write a spreadsheet."
)
@click.option("--visit", "item", help="Write down what a visit saw of this item.")
@click.option("--result", type=click.Choice(VISIT_RESULTS), help="What the visit saw.")
@click.option("--where", "location", default="", help="Where the visit saw it.")
@click.option("--note", default="", help="What else the visit saw.")
@click.option(
    "--photo",
    "photo_files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A photo of what the visit saw; up to six.",
)
@click.option(
    "--at", "visited", type=MOMENT, help="When, as 2026-11-26 or with a time; default now."
)
@AS_JSON
def command(
    community: str,
    tier: str,
    xlsx: Path | None,
    item: str | None,
    result: str | None,
    location: str,
    note: str,
    photo_files: tuple[Path, ...],
    visited: datetime | None,
    as_json: bool,
) -> None:
    """Print the check-up sheet of COMMUNITY (its code): have, have not, who is left out."""
    settings = Settings.from_env()
    zone = settings.timezone
    now, by = datetime.now(zone), system_principal(user())
    with session_scope("check-up") as session:
        if item is not None:
            visit = checkup_visits.add_visit(
                session,
                by,
                community,
                checkup_visits.VisitInput(
                    tier=tier,
                    item=item,
                    result=result or "",
                    location=location,
                    note=note,
                    visited_at=visited or now,
                ),
                now=now,
                attached=photos.AttachedPhotos(
                    settings.var,
                    photos.sanitise_photos([file.read_bytes() for file in photo_files]),
                ),
            )
            session.commit()
            return click.echo(f"{visit.item}: {checkup_table.visit_text(visit, 'en', zone)}")
        area = checkup_visits.read_community(session, by, community, now)
        sheet = checkup.check_up(session, area, now, tier)
        visits = checkup_visits.list_visits(session, by, area, tier, now)
        if xlsx is not None:
            checkup_table.write_sheet(sheet, visits, xlsx, "zh", zone, settings.var)
            record_disclosure(
                session, "export", Message("shown.checkup", {"area": area.code}), areas=[area.id]
            )
            return click.echo(f"{xlsx}: {len(sheet.findings)} items")
    if as_json:
        return click.echo(orjson.dumps(asdict(sheet) | {"visits": visits}).decode())
    _print_sheet(sheet, visits, zone)


def _print_sheet(
    sheet: checkup.CheckupSheet, visits: list[checkup_visits.Visit], zone: tzinfo
) -> None:
    click.echo(
        f"{sheet.community.name} {sheet.community.code}:"
        f" {sheet.households:,} households, {sheet.people:,} people"
    )
    for finding in sheet.findings:
        beyond = "" if finding.beyond is None else f"; {finding.beyond[0]:,} households left out"
        text = checkup_table.result_text(finding, "en")
        click.echo(f"{finding.standard.item} {finding.standard.zh}: {text}{beyond}")
        for facility in finding.facilities:
            click.echo(f"    {checkup_table.facility_text(facility, 'en')}")
        for seen in visits:
            if seen.item == finding.standard.item:
                click.echo(f"    visit: {checkup_table.visit_text(seen, 'en', zone)}")
