"""Questionnaires: after closing, and once more weeks later, the reporter is asked by mail.

A mail has the tracking link, where they rate, and no words of the report. Whoever has rated gets
none. A mail is claimed before it is sent, so that two workers never send the same; one that fails
is tried again for `GIVE_UP_AFTER`.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, text, update
from sqlalchemy.orm import Session

from gis.accounts.credentials import derive_tracking_secret, hash_secret, signing_key
from gis.db import audit_context
from gis.errors import InvalidInput
from gis.incidents.models import Incident
from gis.incidents.reading.reporters import find_contact
from gis.messages import LOCALES, label
from gis.notices import mail
from gis.notices.webhook import DeliveryError
from gis.settings import Settings

ACTOR = "job questionnaires"
RETRY_AFTER, GIVE_UP_AFTER = timedelta(hours=1), timedelta(days=3)
MAX_MAILS = 200  # in one run

log = logging.getLogger(__name__)

CLAIM = """
UPDATE incident SET questionnaire_at = CAST(:now AS timestamptz) + CAST(:retry AS interval)
WHERE (county, id) IN (
  SELECT county, id FROM incident
  WHERE questionnaire_at <= :now AND state = 'closed' AND rating IS NULL
  ORDER BY questionnaire_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING county, id, split_from, tracking_hash, closed_at
"""


def send_due(engine: Engine, settings: Settings, now: datetime) -> int:
    """Send the questionnaires that are due, and return how many were sent.

    None without a mail server and a public address (WANGGE_SMTP_HOST, WANGGE_ADDRESS).
    """
    if settings.smtp is None or settings.address is None:
        return 0
    return sum(_send(engine, settings, row, now) for row in _claimed(engine, now))


def _claimed(engine: Engine, now: datetime) -> Iterator[Row[Any]]:
    """Yield incidents whose questionnaire is due, each claimed for a while."""
    for _ in range(MAX_MAILS):
        with Session(engine) as session, session.begin(), audit_context(session, ACTOR):
            row = session.execute(text(CLAIM), {"now": now, "retry": RETRY_AFTER}).one_or_none()
        if row is None:
            return
        yield row


def _send(engine: Engine, settings: Settings, row: Row[Any], now: datetime) -> bool:
    second = row.closed_at + timedelta(days=settings.questionnaire_days)
    is_first = settings.questionnaire_days == 0 or now < second
    due, later = (row.closed_at, second) if is_first else (second, None)
    if settings.questionnaire_days == 0:
        later = None
    secret = _secret(settings, row)
    address = _address(engine, row) if secret else ""
    if secret is None or not address:
        _plan_next(engine, row.id, None)
        return False
    is_sent = False
    if now < due + GIVE_UP_AFTER:
        is_sent = _deliver(settings, row.id, secret, address, due)
        if not is_sent:
            return False  # claimed: tried again after a while
    _plan_next(engine, row.id, later)
    return is_sent


def _secret(settings: Settings, row: Row[Any]) -> str | None:
    """Return the tracking secret of a report; None: it was not filed through the API."""
    key = signing_key(settings.var)
    secrets = (derive_tracking_secret(key, number) for number in (row.id, row.split_from) if number)
    return next((secret for secret in secrets if hash_secret(secret) == row.tracking_hash), None)


def _address(engine: Engine, row: Row[Any]) -> str:
    """Return the reporter's mail address; empty if they left none, or none that can be right."""
    with Session(engine) as session:
        address = find_contact(session, row.county, row.id).get("email", "")
    try:
        mail.check_address(address)
    except InvalidInput:
        return ""
    return address


def _deliver(
    settings: Settings, incident_id: UUID, secret: str, address: str, due: datetime
) -> bool:
    """Send one questionnaire; False if the server did not take it."""
    key = f"questionnaire-{incident_id}-{due:%Y%m%d%H%M%S}"
    url = f"{settings.address}/track/{incident_id}#{secret}"
    subject = " ".join(label("questionnaire.subject", language) for language in LOCALES)
    paragraphs = [label("questionnaire.text", language) for language in LOCALES]
    try:
        mail.send_text(settings, address, subject, [*paragraphs, url], key=key, at=due)
    except DeliveryError as error:
        log.warning("questionnaire of incident %s failed: %s", incident_id, error)
        return False
    return True


def _plan_next(engine: Engine, incident_id: UUID, at: datetime | None) -> None:
    """Set when the next questionnaire is sent, unless the reporter rated meanwhile."""
    with Session(engine) as session, session.begin(), audit_context(session, ACTOR):
        session.execute(
            update(Incident)
            .where(
                Incident.id == incident_id,
                Incident.questionnaire_at.is_not(None),
                Incident.rating.is_(None),
            )
            .values(questionnaire_at=at),
            execution_options={"synchronize_session": False},
        )
