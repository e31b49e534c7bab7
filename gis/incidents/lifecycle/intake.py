"""A report before it is filed: whether it can be right, where it is, what it is about and whether it tells of danger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep
from gis.areas.locate_result import LocateResult
from gis.areas.snapshot import RegistrySnapshot
from gis.errors import FieldError, invalid_fields
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import Suggestion
from gis.incidents.catalogue.editions import CategoryRow
from gis.incidents.danger.reader import Danger
from gis.incidents.lifecycle import alert
from gis.incidents.lifecycle.admission import attributes_error, require_admissible
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.routing.post_holders import IncidentLocation, resolve_location, step
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_DESCRIPTION_CHARS = 4000  # characters of a description or a note
MIN_CATEGORY_SHARE = 0.25  # share of the likeliest category from which on words alone decide


@dataclass(frozen=True)
class IncidentReport:
    """What somebody reports. A point (lon, lat in `crs`), else an address, else the code of an area.

    category: Code in the active edition; empty: told from the words. severity: One of SEVERITIES; empty: as the rule
    and category say. name, phone, email: How to reach who reports; kept apart from everything else.
    at: When it was reported, for imports; None is now. Its place is that of then; it goes to who is there now, and its
    clock begins now: nobody is late with what nobody had.
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


@dataclass(frozen=True)
class Assessed:
    """A report with its place and what it is about.

    at: The moment it was reported. clear: Whether its category is certain. how: How place and category were decided.
    """

    where: IncidentLocation
    answer: LocateResult
    at: datetime
    edition_id: int
    kind: CategoryRow
    clear: bool
    severity: str
    danger: Danger | None
    suggestions: list[Suggestion]
    how: list[DecisionStep]


def admit(
    session: Session, by: Principal, given: IncidentReport, now: datetime, *, register: RegistrySnapshot | None = None
) -> Assessed:
    """Assess a report that somebody sends in, and check what it says of itself against who sends it.

    Raises:
        InvalidInput, OutsideGrids, NotFound, Forbidden: As `assess` and `admission.require_admissible`.
    """
    case = assess(session, by, given, now, register=register)
    require_admissible(by, case.where.area_ids, given.channel, given.severity, dict(given.attributes), case.kind)
    return case


def assess(
    session: Session, by: Principal, given: IncidentReport, now: datetime, *, register: RegistrySnapshot | None = None
) -> Assessed:
    """Find a report's place, category and danger.

    Args:
        by: Needs Action.REPORT in the place's areas. register: As for `gis.areas.resolver.locate`.

    Raises:
        InvalidInput: A field is missing or wrong. OutsideGrids, NotFound: The place is none of ours.
        Forbidden: The asker may not report there.
    """
    _check(given)
    at = given.at or now
    edition = editions.active_edition(session)
    danger = catalogue_danger.heard(session, given.description)
    suggestions = [] if given.category else catalogue_danger.likely(edition, given.description, danger)
    where, answer, steps = resolve_location(
        session, at, lon=given.lon, lat=given.lat, crs=given.crs, address=given.address, area=given.area,
        register=register,
    )  # fmt: skip
    by.need(Action.REPORT, where.area_ids)
    kind, clear, why = _category(edition, given, danger, suggestions)
    severity, how = given.severity or kind.severity, [*steps, *why]
    if danger is not None:
        severity = catalogue_danger.URGENT
        how.append(alert.danger_step(danger))
    return Assessed(where, answer, at, edition.id, kind, clear, severity, danger, suggestions, how)


def _category(
    edition: editions.Edition, given: IncidentReport, danger: Danger | None, suggestions: list[Suggestion]
) -> tuple[CategoryRow, bool, list[DecisionStep]]:
    """The category of a report, whether it is certain, and how that was decided."""
    if given.category:
        return edition.category(given.category), True, []
    if danger is not None:  # somebody goes at once, whatever it is filed under
        kind = edition.categories.get(danger.category, edition.fallback)
        return kind, True, [step("category", "danger_kind", zh=kind.zh, en=kind.en)]
    if suggestions and is_sure(edition, suggestions[0]):
        kind, because = edition.category(suggestions[0].code), "、".join(suggestions[0].because)
        return kind, True, [step("category", "suggested", zh=kind.zh, en=kind.en, because=because)]
    return edition.fallback, False, [step("category", "unclear")]


def is_sure(edition: editions.Edition, best: Suggestion) -> bool:
    """Whether words alone may decide: much of what fits, and by one of the category's own words."""
    return best.share >= MIN_CATEGORY_SHARE and not set(best.because).isdisjoint(edition.categories[best.code].words)


def _check(given: IncidentReport) -> None:
    wrong = []
    if not given.category and not given.description.strip():
        wrong.append(FieldError("category", "report.category_missing"))
    if len(given.description) > MAX_DESCRIPTION_CHARS:
        wrong.append(
            FieldError(
                "description", "field.too_long", {"count": len(given.description), "limit": MAX_DESCRIPTION_CHARS}
            )
        )
    for name, value, known in (("severity", given.severity, SEVERITIES), ("channel", given.channel, CHANNELS)):
        if value not in (*known, *([""] if name == "severity" else [])):
            wrong.append(FieldError(name, "field.none_of", {"value": value[:40], "allowed": known}))
    if error := attributes_error(given.attributes):
        wrong.append(error)
    for name, longest in (("address", 200), ("name", 80), ("phone", 40), ("email", 200)):
        if len(getattr(given, name)) > longest:
            wrong.append(FieldError(name, "field.longer_than", {"limit": longest}))
    if wrong:
        raise invalid_fields(wrong)
