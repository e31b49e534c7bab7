"""A report before it is filed: whether it can be right, where and what it is.

And whether it tells of danger, and what its sender may say of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.areas.locate_result import LocateResult
from gis.areas.snapshot import RegistrySnapshot
from gis.db import execute_raw
from gis.errors import FieldError, invalid_fields
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import Suggestion
from gis.incidents.catalogue.editions import CategoryRow
from gis.incidents.catalogue.services import find_service
from gis.incidents.danger.reader import Danger
from gis.incidents.lifecycle import alert
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.routing import rules
from gis.incidents.routing.location import IncidentLocation, resolve_location
from gis.incidents.routing.post_holders import (
    POST_HOLDERS_SQL,
    PostHolder,
    post_holder_params,
)
from gis.incidents.routing.router import RoutingRequest
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.storable import YEARS, find_unstorable, is_blank

MAX_DESCRIPTION_CHARS = 4000  # characters of a description or a note
MIN_CATEGORY_SHARE = 0.25  # share of the likeliest category from which on words alone decide


@dataclass(frozen=True)
class IncidentReport:
    """What somebody reports.

    A point (lon, lat in `crs`), else an address, else the code of an area.

    category: Code in the active edition; empty: told from the words. severity: One of SEVERITIES;
    empty: as the rule and category say. name, phone, email: How to reach who reports; kept apart
    from everything else. at: When it was reported, for imports; None is now. Its place is that of
    then; it goes to who is there now, and its clock begins now: nobody is late with what nobody
    had. placed_at: Moment whose boundaries place it instead, for what is older than the first.
    """

    category: str = ""
    description: str = ""
    lon: float | None = None
    lat: float | None = None
    crs: str | None = None
    address: str = ""
    area: str = ""
    severity: str = ""
    channel: str = "api"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    phone: str = ""
    email: str = ""
    at: datetime | None = None
    placed_at: datetime | None = None


@dataclass(frozen=True)
class Assessed:
    """A report with its place and what it is about.

    at: The moment it was reported. rule_set: Id of the rules in force. post_holders: The posts
    there, with who is responsible now. service: Name of the service asked for, where people added
    it; else empty. clear: Whether its category is certain. how: How place and category were
    decided.
    """

    where: IncidentLocation
    answer: LocateResult
    at: datetime
    edition_id: int
    rule_set: int | None
    post_holders: list[PostHolder]
    kind: CategoryRow
    service: str
    clear: bool
    severity: str
    danger: Danger | None
    suggestions: list[Suggestion]
    how: list[DecisionStep]

    def routing_request(self, channel: str) -> RoutingRequest:
        """Return it as an incident to be routed, which came in by a channel."""
        return RoutingRequest(
            self.where,
            self.kind,
            self.severity,
            channel,
            self.at,
            self.clear,
            self.rule_set,
            self.post_holders,
        )


# what a report is judged by, and for each post of its place who is there: one round trip
CIRCUMSTANCES_SQL = f"""
SELECT ({editions.ACTIVE_EDITION_SQL}), ({catalogue_danger.EDITIONS.newest_sql}),
  ({rules.ACTIVE_RULE_SET_SQL}), post_holder.*
FROM (SELECT) one LEFT JOIN ({POST_HOLDERS_SQL}) post_holder ON true
ORDER BY post_holder.post_id
"""  # noqa: S608  our own text


def admit(
    session: Session,
    principal: Principal,
    report: IncidentReport,
    now: datetime,
    *,
    snapshot: RegistrySnapshot | None = None,
) -> Assessed:
    """Assess a report that somebody sends in, and check what it says of itself.

    Raises
    ------
    InvalidInput, OutsideGrids, NotFound, Forbidden
        As `assess` and `require_admissible`.
    """
    case = assess(session, principal, report, now, snapshot=snapshot)
    require_admissible(
        principal,
        case.where.area_ids,
        report.channel,
        report.severity,
        dict(report.attributes),
        case.kind,
    )
    return case


def assess(
    session: Session,
    principal: Principal,
    report: IncidentReport,
    now: datetime,
    *,
    snapshot: RegistrySnapshot | None = None,
) -> Assessed:
    """Find a report's place, category and danger.

    Parameters
    ----------
    principal
        Needs Action.REPORT in the place's areas.
    snapshot
        As for `gis.areas.resolver.resolve_request`.

    Raises
    ------
    InvalidInput, OutsideGrids, NotFound, Forbidden
        A field is wrong; the place is none of ours; the principal may not report there.
    """
    _check(report)
    at = report.at or now
    location, answer, steps = resolve_location(
        session,
        report.placed_at or at,
        lon=report.lon,
        lat=report.lat,
        crs=report.crs,
        address=report.address,
        area=report.area,
        register=snapshot,
    )
    principal.require(Action.REPORT, location.area_ids)
    (edition_id, table, rule_set), post_holders = _circumstances(session, location, now)
    edition = editions.active_edition(session, edition_id)
    danger = catalogue_danger.heard(session, report.description, edition, table)
    service, clear = "", True
    suggestions, category_steps = list[Suggestion](), list[DecisionStep]()
    if report.category:
        kind, service = find_service(session, edition, report.category, location.county)
    else:
        suggestions = catalogue_danger.likely(edition, report.description, danger)
        kind, clear, category_steps = _category(edition, danger, suggestions)
    severity = catalogue_danger.URGENT if danger else report.severity or kind.severity
    how = [*steps, *category_steps, *([alert.danger_step(danger)] if danger else [])]
    if (placed := report.placed_at) is not None:
        how.insert(0, routing_step("point", "placed_by_later", day=f"{placed:%Y-%m-%d}"))
    return Assessed(
        location,
        answer,
        at,
        edition.id,
        rule_set,
        post_holders,
        kind,
        service,
        clear,
        severity,
        danger,
        suggestions,
        how,
    )


def _circumstances(
    session: Session, location: IncidentLocation, now: datetime
) -> tuple[tuple[int | None, ...], list[PostHolder]]:
    """Return the ids of the catalogue, the table of dangers and the rules in force, and the posts.

    Each id is None where there is none.
    """
    params = post_holder_params(location.area_ids, location.building_id, now)
    rows = execute_raw(session, CIRCUMSTANCES_SQL, params).fetchall()
    return rows[0][:3], [PostHolder(*row[3:]) for row in rows if row[3] is not None]


def _category(
    edition: editions.Edition, danger: Danger | None, suggestions: list[Suggestion]
) -> tuple[CategoryRow, bool, list[DecisionStep]]:
    """Return the category that words mean, whether it is certain, and how that was decided."""
    if danger is not None:  # somebody goes at once, whatever it is filed under
        kind = edition.categories.get(danger.category, edition.fallback)
        return kind, True, [routing_step("category", "danger_kind", zh=kind.zh, en=kind.en)]
    if suggestions and is_sure(edition, suggestions[0]):
        kind, because = edition.category(suggestions[0].code), "、".join(suggestions[0].because)
        return (
            kind,
            True,
            [routing_step("category", "suggested", zh=kind.zh, en=kind.en, because=because)],
        )
    return edition.fallback, False, [routing_step("category", "unclear")]


def is_sure(edition: editions.Edition, best: Suggestion) -> bool:
    """Return whether words alone may decide.

    By a large share of what fits, and one of the category's own keywords.
    """
    return best.share >= MIN_CATEGORY_SHARE and not set(best.because).isdisjoint(
        edition.categories[best.code].words
    )


def moment_error(name: str, moment: datetime | None) -> FieldError | None:
    """Return what is wrong with a moment that no clock can show in every zone."""
    if moment is None or moment.year in YEARS:
        return None
    return FieldError(name, "input.not_time", {"value": moment.isoformat()})


def _check(report: IncidentReport) -> None:
    wrong = []
    if error := moment_error("reported_at", report.at):
        wrong.append(error)
    if not report.category and is_blank(report.description):
        wrong.append(FieldError("category", "report.category_missing"))
    if len(report.description) > MAX_DESCRIPTION_CHARS:
        wrong.append(
            FieldError(
                "description",
                "field.too_long",
                {"count": len(report.description), "limit": MAX_DESCRIPTION_CHARS},
            )
        )
    for name, value, allowed in (
        ("severity", report.severity, SEVERITIES),
        ("channel", report.channel, CHANNELS),
    ):
        if value not in (*allowed, *([""] if name == "severity" else [])):
            wrong.append(
                FieldError(name, "field.none_of", {"value": value[:40], "allowed": allowed})
            )
    if error := attributes_error(report.attributes):
        wrong.append(error)
    for name, longest in (("address", 200), ("name", 80), ("phone", 40), ("email", 200)):
        if len(getattr(report, name)) > longest:
            wrong.append(FieldError(name, "field.longer_than", {"limit": longest}))
    if wrong:
        raise invalid_fields(wrong)


MAX_ATTRIBUTES_BYTES = 20_000


# GeoReport v2 has them for every service: a photo's address, and answers that nobody asked for
UNASKED = "unasked"
OPEN311_ATTRIBUTES = frozenset({"media_url", UNASKED})


# kind of principal -> channels it may name; who works on incidents may also say how a resident came
# to them
CHANNELS_BY_KIND = {
    "anonymous": frozenset({"api", "web", "mini_program"}),
    "reporter": frozenset({"api", "web", "mini_program"}),
    "account": frozenset({"api", "web", "mini_program"}),
    "key": frozenset({"api", "web", "mini_program", "open311", "phone", "in_person"}),
}


STAFF_CHANNELS = frozenset({"phone", "in_person", "patrol", "woodpecker", "import"})


STAFF_ACTIONS = (Action.READ, Action.HANDLE, Action.DISPATCH)


def require_admissible(
    principal: Principal,
    area_ids: list[int],
    channel: str,
    severity: str,
    attributes: dict[str, object],
    category: CategoryRow,
) -> None:
    """Require that a report says of itself only what its sender may say.

    Its answers are checked against the category's questions.

    The system's own jobs (devices, imports, the command line) may say everything.

    Raises
    ------
    InvalidInput
        The channel is another kind of caller's; the severity is not set by who dispatches there; an
        attribute is none of the category's questions.
    """
    if principal.kind == "system":
        return
    errors = []
    channels = CHANNELS_BY_KIND[principal.kind]
    if principal.is_allowed_any(STAFF_ACTIONS, area_ids):
        channels |= STAFF_CHANNELS
    if channel not in channels:
        errors.append(
            FieldError(
                "channel",
                "report.channel_not_yours",
                {"channel": channel, "allowed": sorted(channels)},
            )
        )
    if severity and not principal.is_allowed(Action.DISPATCH, area_ids):
        errors.append(FieldError("severity", "report.severity_not_yours"))
    questions = {str(question["code"]) for question in category.attributes}
    if channel == "open311":
        questions |= OPEN311_ATTRIBUTES
    errors += [
        FieldError(
            f"attributes.{name[:40]}", "report.attribute_unknown", {"category": category.code}
        )
        for name in attributes
        if name not in questions
    ]
    if errors:
        raise invalid_fields(errors[:20])


def attributes_error(attributes: object) -> FieldError | None:
    """Return what is wrong with the size, the nesting or a value of attributes."""
    try:
        size = len(orjson.dumps(attributes))
    except TypeError:
        return FieldError("attributes", "report.attributes_nested")
    if size > MAX_ATTRIBUTES_BYTES:
        return FieldError(
            "attributes",
            "report.attributes_too_large",
            {"size": size, "limit": MAX_ATTRIBUTES_BYTES},
        )
    return next(find_unstorable(attributes, "attributes"), None)
