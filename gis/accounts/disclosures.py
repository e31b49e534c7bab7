"""The log of personal data shown: reporters' contacts, their photos, exports.

A row is committed before anything is shown. The database refuses to change or delete it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.messages import PARAMETER, Message, render, sentence
from gis.rights.actions import Action
from gis.rights.principal import Principal

DISCLOSURE_KINDS = ("contact", "photo", "export")
MAX_DISCLOSURE_REASON_CHARS = 400
# What is shown: codes `shown.<key>` of the catalogue. Their English sentences are kept, and the
# API gives these; `subject_in` says one in another language.
SUBJECTS = (
    "contact",
    "photo",
    "thumbnail",
    "grids",
    "comparison",
    "preview",
    "checkup",
    "paper",
    "paper_form",
    "gaps_within",
    "changes",
    "coverage_report",
    "coverage_report_page",
    "map_sheet",
    "visits",
    "duties",
    "community_workers",
    "buildings",
    "points",
    "point_events",
    "stars",
    "figures",
    "disclosures",
    "rule_set",
    "danger",
    "incidents",
    "incidents_filtered",
    "coverage_map",
    "gaps",
    "spot_checks",
    "discussions",
    "keys",
    "accounts",
    "organisations",
    "layer",
    "layer_within",
    "layer_at",
    "layer_within_at",
    "person_copy",
)
PHRASES = ("file", "filters", "state")  # parameters of SUBJECTS that may have blanks
MIN_REASON_CHARS = 2  # letters or digits: 回访 says why, a full stop does not


@dataclass(frozen=True)
class DisclosureView:
    """A disclosure.

    Attributes
    ----------
    who
        The reader, as the history names them.
    source
        Network address, or machine of the command line.
    reason
        As the reader stated it.
    """

    id: int
    at: datetime
    who: str
    kind: str
    subject: str
    incident: UUID | None
    source: str
    reason: str


@dataclass(frozen=True)
class Filters:
    """Filters of the list of disclosures.

    Attributes
    ----------
    kind
        One of DISCLOSURE_KINDS; empty means all.
    since, until
        Half-open range of moments.
    """

    kind: str = ""
    who: str = ""
    incident: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def require_reason(reason: str) -> str:
    """Return the reason for reading a contact, trimmed.

    Raises
    ------
    InvalidInput
        It is missing, has too few letters, or is too long.
    """
    stated = " ".join(reason.split())
    if not stated:
        raise invalid_field("reason", "field.reason_missing")
    if sum(letter.isalnum() for letter in stated) < MIN_REASON_CHARS:
        raise invalid_field("reason", "disclosure.reason_says_nothing", reason=stated[:20])
    return check_length(stated)


def check_length(reason: str) -> str:
    """Return an optional reason, trimmed.

    Raises
    ------
    InvalidInput
        It is too long.
    """
    stated = " ".join(reason.split())
    if len(stated) > MAX_DISCLOSURE_REASON_CHARS:
        raise invalid_field(
            "reason", "field.too_long", count=len(stated), limit=MAX_DISCLOSURE_REASON_CHARS
        )
    return stated


INSERT_DISCLOSURE_SQL = """
INSERT INTO personal.disclosure (who, kind, subject, incident_id, areas, source, reason)
VALUES (:who, :kind, :subject, :incident, CAST(:areas AS bigint[]), :source, :reason)
"""


def record(
    session: Session,
    principal: Principal,
    kind: str,
    subject: Message,
    *,
    source: str,
    areas: Iterable[int] = (),
    incident_id: UUID | None = None,
    reason: str = "",
) -> None:
    """Record that personal data is about to be shown; commit before it is shown.

    Parameters
    ----------
    kind
        One of DISCLOSURE_KINDS.
    subject
        What is shown, one of SUBJECTS.
    source
        Network address or machine it is sent to.
    areas
        Ids of the areas it lies in; empty means everywhere.
    """
    session.execute(
        text(INSERT_DISCLOSURE_SQL),
        {
            "who": principal.actor,
            "kind": kind,
            "subject": render(subject),
            "incident": incident_id,
            "areas": sorted(areas),
            "source": source,
            "reason": check_length(reason),
        },
    )


def subject_in(subject: str, language: str) -> str:
    """Return in a language of `gis.messages` what a row says was shown."""
    for code, pattern in _patterns():
        if match := pattern.fullmatch(subject):
            return render(Message(code, match.groupdict()), language)
    return subject


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return what the English sentence of each subject looks like, those with most words first."""
    codes = [f"shown.{key}" for key in SUBJECTS]
    parts = {code: PARAMETER.split(sentence(code)) for code in codes}  # texts, and names between
    codes.sort(key=lambda code: -sum(map(len, parts[code][::2])))
    return [(code, _pattern(parts[code])) for code in codes]


def _pattern(parts: Sequence[str]) -> re.Pattern[str]:
    values = {name: ".+" if name in PHRASES else r"\S+" for name in parts[1::2]}
    return re.compile(
        "".join(
            f"(?P<{part}>{values[part]})" if place % 2 else re.escape(part)
            for place, part in enumerate(parts)
        )
    )


LIST_SQL = """
SELECT d.id, d.at, d.who, d.kind, d.subject, d.incident_id AS incident, d.source, d.reason
FROM personal.disclosure d
WHERE (:everywhere OR d.areas = '{}' OR d.areas && CAST(:areas AS bigint[]))
  AND (:kind = '' OR d.kind = :kind)
  AND (:who = '' OR strpos(lower(d.who), :who) > 0)
  AND (CAST(:incident AS uuid) IS NULL OR d.incident_id = :incident)
  AND (CAST(:since AS timestamptz) IS NULL OR d.at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR d.at < :until)
  AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
ORDER BY d.id DESC
LIMIT :limit
"""


def list_disclosures(
    session: Session, principal: Principal, filters: Filters, limit: int, cursor: int | None = None
) -> list[DisclosureView]:
    """List disclosures, newest first.

    Parameters
    ----------
    principal
        Needs Action.HISTORY; sees disclosures in those areas, and exports of everything.
    cursor
        List only rows with a smaller number.

    Raises
    ------
    Forbidden
        The principal may not read the history.
    InvalidInput
        There is no such kind.
    """
    principal.require(Action.HISTORY)
    if filters.kind and filters.kind not in DISCLOSURE_KINDS:
        raise invalid_field(
            "kind", "field.none_of", value=filters.kind[:40], allowed=DISCLOSURE_KINDS
        )
    areas = principal.areas_by_action[Action.HISTORY]
    params = {
        "everywhere": areas is None,
        "areas": sorted(areas or ()),
        "kind": filters.kind,
        "who": filters.who.lower(),
        "incident": filters.incident,
        "since": filters.since,
        "until": filters.until,
        "before": cursor,
        "limit": limit,
    }
    return [DisclosureView(**row) for row in session.execute(text(LIST_SQL), params).mappings()]
