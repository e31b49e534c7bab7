"""`./wangge incidents`: report, list, show, and the figures, from the command line."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import click
import orjson

from gis.accounts import disclosures
from gis.errors import invalid_field
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.reading import incidents, statistics, statistics_sql, timeline
from gis.messages import Message
from gis.rights.principal import Principal, system_principal
from gis.settings import Settings
from web.api.incidents.schemas import incident_to_json
from web.cli.common import MOMENT, local_now, record_disclosure, session_scope

FIGURE_COLUMNS = (
    "reported",
    "open",
    "overdue",
    "response",
    "completion",
    "in_time",
    "resolution",
    "satisfaction",
)


@click.group()
def command() -> None:
    """Report, list and show incidents, and count how well the loop works."""


def me() -> Principal:
    """Whoever has the machine may everything."""
    return system_principal("command line")


@command.command("report")
@click.option("--lon", type=float)
@click.option("--lat", type=float)
@click.option("--crs", help="wgs84, cgcs2000, gcj02 or bd09; there is no default.")
@click.option("--address", default="", help="As people write it: 西兴社区3号楼2单元501室.")
@click.option("--area", default="", help="Code of an area, where there is no point.")
@click.option("--category", default="", help="Code of the catalogue; else told from the words.")
@click.option(
    "--severity", default="", help="low, normal, high or urgent; else as the category says."
)
@click.argument("description", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def report(as_json: bool, **options: str | float | None) -> None:
    """File a report, with DESCRIPTION in the reporter's words."""
    now = local_now()
    with session_scope("report") as session:
        filed = lifecycle_report.file_report(
            session,
            me(),
            intake.IncidentReport(**options, channel="phone"),  # type: ignore[arg-type]
            now,
        )
        session.commit()
    if as_json:
        click.echo(orjson.dumps(asdict(filed)).decode())
        return
    holder = filed.assigned_to
    if filed.danger:
        click.echo(filed.danger["advice_zh"])
    click.echo(f"{filed.id}  {filed.state}")
    click.echo(
        f"to: {holder['role']} {holder['name']} ({holder['area']})"
        if holder
        else f"to: {filed.queue['en'] if filed.queue else 'nobody'}"
    )
    click.echo(
        f"due: {filed.due.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"
        if filed.due
        else "due: no clock runs"
    )
    click.echo("\n".join(f"  {step.zh}" for step in filed.how))


@command.command("list")
@click.option(
    "--state",
    default="open",
    show_default=True,
    help="One or more states by commas; open; empty for all.",
)
@click.option("--area", default="", help="Code; everything in it.")
@click.option("--category", default="", help="Code or its beginning.")
@click.option("--overdue", is_flag=True, help="Only what is past its time.")
@click.option("--severity", default="", help="low, normal, high or urgent.")
@click.option("--channel", default="", help="The way it came in, as mini_program or phone.")
@click.option("--way", default="", help="assign or order.")
@click.option(
    "--queue",
    default="",
    help="Who has it to act on now: holder, post, offered, community, …, operator, nobody.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def listed(state: str, overdue: bool, limit: int, as_json: bool, **options: str) -> None:
    """Incidents by urgency: danger and severity first, then what is due."""
    now = local_now()
    states = tuple(filter(None, state.split(",")))
    incident_filters = incidents.IncidentFilters(
        states,
        overdue=True if overdue else None,
        sort="urgent",
        **options,  # type: ignore[arg-type]
    )
    with session_scope() as session:
        rows = incidents.list_incidents(session, me(), incident_filters, limit, None, now=now)
    if as_json:
        click.echo(orjson.dumps([incident_to_json(row) for row in rows]).decode())
        return
    for row in rows:
        due = f"{row.due.astimezone(now.tzinfo):%m-%d %H:%M}" if row.due else "-"
        watched = " 督办" if row.supervised else ""
        assignee = (
            f"{row.role_zh or (row.queue or {}).get('zh') or '-'} {row.assigned_to or ''}".strip()
        )
        click.echo(
            f"{row.id}  {row.state_zh}{watched}  {row.colour or '-'}  {due} "
            f" {row.category_zh}  {assignee}"
        )
    click.echo(f"{len(rows)} incidents", err=True)


@command.command("show")
@click.argument("incident")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(incident: str, as_json: bool) -> None:
    """One incident with what happened to it."""
    incident_id = _number(incident)
    now = local_now()
    with session_scope() as session:
        view = incidents.get_incident(session, me(), incident_id, now=now)
        events = timeline.events(session, me(), incident_id)
    if as_json:
        click.echo(
            orjson.dumps(
                incident_to_json(view) | {"timeline": [asdict(event) for event in events]}
            ).decode()
        )
        return
    click.echo(f"{view.category_zh} ({view.category})  {view.state_zh}  {view.description}")
    click.echo(" › ".join(area["name"] for area in view.areas))
    for event in events:
        note = f"  {event.words}" if event.words else ""
        click.echo(
            f"{event.at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}  {event.move_zh} "
            f" {event.who or event.role_zh}{note}"
        )


def _number(incident: str) -> UUID:
    """Parse the id of an incident.

    Raises
    ------
    InvalidInput
        It is none.
    """
    try:
        return UUID(incident)
    except ValueError:
        raise invalid_field("incident", "cli.incident_id_malformed", value=incident[:60]) from None


@command.command("contact")
@click.argument("incident")
@click.option(
    "--reason", default="", help="Why it is needed; kept with who asked, when and from where."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def contact(incident: str, reason: str, as_json: bool) -> None:
    """How to reach who reported INCIDENT."""
    number, stated = _number(incident), disclosures.require_reason(reason)
    with session_scope() as session:
        view = incidents.get_incident(session, me(), number, now=local_now())
        reached = incidents.get_reporter_contact(session, me(), view)
        areas = incidents.areas_of(session, number)
        record_disclosure(
            session,
            "contact",
            Message("shown.contact"),
            areas=areas,
            incident_id=number,
            reason=stated,
        )
    if as_json:
        click.echo(orjson.dumps({"contact": reached and dict(reached)}).decode())
    else:
        click.echo(
            "  ".join(value for value in reached.values() if value)
            if reached
            else "nothing was left"
        )


@command.command("disclosures")
@click.option("--kind", default="", help=f"Only one of {', '.join(disclosures.DISCLOSURE_KINDS)}.")
@click.option("--who", default="", help="Part of the account's or program's name.")
@click.option("--incident", default="", help="Of one incident.")
@click.option("--since", type=MOMENT, help="From this moment on, ISO 8601.")
@click.option("--until", type=MOMENT, help="Before this moment.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def listed_disclosures(
    kind: str,
    who: str,
    incident: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Who was shown contacts, photos and exports, the newest first."""
    zone = Settings.from_env().timezone
    filters = disclosures.Filters(kind, who, _number(incident) if incident else None, since, until)
    with session_scope() as session:
        rows = disclosures.list_disclosures(session, me(), filters, limit)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        what = f"{row.kind}: {row.subject}" + (f" {row.incident}" if row.incident else "")
        click.echo(
            f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {row.who}  {what}  {row.source} "
            f" {row.reason or '-'}"
        )
    click.echo(f"{len(rows)} disclosures", err=True)


@command.command("figures")
@click.option("--since", type=MOMENT, required=True, help="Reported from this moment on, ISO 8601.")
@click.option("--until", type=MOMENT, help="Reported before this moment; default: now.")
@click.option(
    "--per",
    default="all",
    show_default=True,
    help=f"One of {', '.join(statistics_sql.GROUP_EXPRESSIONS)}.",
)
@click.option("--area", default="", help="Code; only what lies in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def figures(since: datetime, until: datetime | None, per: str, area: str, as_json: bool) -> None:
    """Response, completion, resolution and satisfaction, with what each means."""
    zone = Settings.from_env().timezone
    now = local_now()
    with session_scope() as session:
        rows = statistics.incident_statistics(
            session, me(), since, until or now, per, area, now=now, zone=zone.key
        )
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    click.echo("\t".join(["", *(statistics.metric_label(name, "zh") for name in FIGURE_COLUMNS)]))
    for group in rows:
        cells = [
            _rate_text(group.rates[name]) if name in group.rates else str(getattr(group, name))
            for name in FIGURE_COLUMNS
        ]
        click.echo("\t".join([f"{group.key or ''} {group.name or ''}".strip() or "全部", *cells]))
    for name in FIGURE_COLUMNS:
        click.echo(
            f"{statistics.metric_label(name, 'zh')}: {statistics.metric_meaning(name, 'zh')}",
            err=True,
        )


def _rate_text(rate: statistics.RateCount) -> str:
    """Return a rate with what it is of; of few its count alone."""
    if rate.value is None:
        return "-"
    basis = f"{rate.n}/{rate.of}"
    return basis if rate.is_small else f"{rate.value:.1%} ({basis})"
