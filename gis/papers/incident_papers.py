"""Papers of incidents: the ledger, and reports of a day, a week or a month."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis.errors import TooLarge
from gis.incidents.desk.list_table import LIST_COLUMNS, list_cells
from gis.incidents.reading.counts import exceeds
from gis.incidents.reading.filters import IncidentFilters
from gis.incidents.reading.incidents import list_incidents
from gis.incidents.reading.statistics import (
    HOUR_FIGURES,
    METRICS,
    RATES,
    StatisticsRow,
    grouped_statistics,
    previous_period,
)
from gis.incidents.reading.statistics_sql import Scope
from gis.incidents.states import ENDED_STATES, State
from gis.papers.data import (
    EVERY,
    MAX_PAPER_ROWS,
    Content,
    Figure,
    Question,
    Row,
    Value,
    marked_figures,
)
from gis.rights.actions import Action
from gis.rights.principal import Principal

LEDGER_COLUMNS = LIST_COLUMNS
LEDGER_FIGURES = (EVERY, "open", "closed", "void", "overdue", "supervised")
BEFORE = "_before"  # behind the name of a figure: that of the period before
REPORT_COUNTS = ("reported", "closed", *(name for name in METRICS if name != "reported"))
REPORT_FIGURES = (*REPORT_COUNTS, f"reported{BEFORE}", f"closed{BEFORE}")
REPORT_COLUMNS = (
    "name", "code", "reported", "closed", "open", "overdue", "supervised", "response",
    "completion", "in_time", "resolution", "satisfaction", "hours_to_take", "hours_to_handle",
)  # fmt: skip
# level of the area -> what its incidents are grouped by
GROUPS = {
    "province": "city",
    "city": "county",
    "county": "street",
    "street": "community",
    "community": "grid",
}


def read_ledger(session: Session, by: Principal, question: Question) -> Content:
    """Return the incidents reported in the period, the newest first, as the desk lists them.

    Raises
    ------
    TooLarge
        They are more than a paper holds.
    """
    question.require(by, Action.READ)
    period = question.period
    filters = IncidentFilters(area=question.area, since=period.since, until=period.until)
    if exceeds(session, by, filters, MAX_PAPER_ROWS, now=question.now):
        raise TooLarge("paper.too_many_rows", limit=MAX_PAPER_ROWS)
    rows = []
    for incident in list_incidents(session, by, filters, MAX_PAPER_ROWS, None, now=question.now):
        is_open = incident.state not in ENDED_STATES
        marks = {
            "open": is_open,
            "closed": incident.state == State.CLOSED,
            "void": incident.state == State.VOID,
            "overdue": is_open and incident.colour == "red",
            "supervised": incident.supervised,
        }
        cells = list_cells(incident, period.zone, question.language)
        counted = frozenset(name for name, is_counted in marks.items() if is_counted)
        rows.append(Row(dict(zip(LIST_COLUMNS, cells, strict=True)), counted, {}, incident.id))
    return Content(marked_figures(rows, *LEDGER_FIGURES), rows)


def read_report(session: Session, by: Principal, question: Question) -> Content:
    """Return the figures of the period and of the one before, and those of the parts of the area.

    The parts are the areas a level below; of a grid the kinds of its incidents.
    """
    period = question.period
    scope = Scope(
        period.since,
        period.until,
        question.now,
        GROUPS.get(question.level, "category"),
        question.area,
        period.zone.key,
    )
    total, groups = grouped_statistics(session, by, scope)
    since, until = previous_period(period.since, period.until, period.zone)
    earlier = Scope(since, until, question.now, "all", question.area, period.zone.key)
    before = grouped_statistics(session, by, earlier)[0]
    figures = [
        Figure(name, _value(total, name), _query(scope, "all") | {"metric": name})
        for name in REPORT_COUNTS
    ] + [
        Figure(f"{name}{BEFORE}", _value(before, name), _query(earlier, "all") | {"metric": name})
        for name in ("reported", "closed")
    ]
    rows = [
        Row(
            {"name": group.name or "", "code": group.key or ""}
            | {name: _value(group, name) for name in REPORT_COLUMNS[2:]},
            query=_query(scope, scope.per) | {"key": group.key or ""},
        )
        for group in groups
    ]
    return Content(figures, rows)


def _value(row: StatisticsRow | None, name: str) -> Value:
    """Return a figure; of nothing reported counts are 0."""
    if row is None:
        return None if name in (*RATES, *HOUR_FIGURES) else 0
    value: Value = row.rates[name] if name in RATES else getattr(row, name)
    return value


def _query(scope: Scope, per: str) -> dict[str, str]:
    """Return what the page of figures is asked for the incidents of a scope."""
    zone = ZoneInfo(scope.zone)
    last = scope.until.astimezone(zone) - timedelta(days=1)
    return {
        "since": scope.since.astimezone(zone).date().isoformat(),
        "until": last.date().isoformat(),
        "per": per,
        "area": scope.area,
    }


def area_query(question: Question, per: str) -> dict[str, str]:
    """Return what the page of figures is asked for the incidents of a paper, by group."""
    period = question.period
    scope = Scope(
        period.since, period.until, question.now, area=question.area, zone=period.zone.key
    )
    return _query(scope, per)
