"""Changes of notices: receivers added and removed, retries, notices seen, old ones deleted."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import delete, select, text, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from gis.areas.identity import find_present_area_id
from gis.errors import Conflict, NotFound, invalid_field
from gis.notices import mail, webhook
from gis.notices.models import Notice, NoticeTarget
from gis.notices.notice_text import TOPICS
from gis.notices.queries import OWN_NOTICE_SQL, own_params
from gis.rights.principal import Principal

CHECK = {"webhook": webhook.check_address, "email": mail.check_address}
MIN_SECRET_CHARS = 16


def add_target(
    session: Session,
    kind: str,
    address: str,
    topics: Sequence[str] = (),
    area: str = "",
    secret: str = "",
) -> NoticeTarget:
    """Add a webhook or a mail address that notices are sent to from now on.

    Parameters
    ----------
    kind
        webhook or email.
    topics
        Topics, as incident.dispatch; empty means all.
    area
        Code of the area whose incidents are notified; empty means everywhere.
    secret
        Key that webhooks are signed with; generated if empty.

    Raises
    ------
    InvalidInput
        Address, topic, area or secret is wrong.
    Conflict
        The same receiver exists already.
    """
    CHECK[kind](address)
    unknown = [topic for topic in topics if topic not in TOPICS]
    if unknown:
        raise invalid_field("topic", "field.none_of", value=unknown[0][:40], allowed=TOPICS)
    if secret and len(secret) < MIN_SECRET_CHARS:
        raise invalid_field(
            "secret", "notice_target.secret_too_short", count=len(secret), limit=MIN_SECRET_CHARS
        )
    area_id = find_present_area_id(session, area) if area else None
    if area and area_id is None:
        raise invalid_field("area", "field.area_unknown", code=area[:40])
    same = select(NoticeTarget.id).where(
        NoticeTarget.active,
        NoticeTarget.address == address,
        NoticeTarget.area_id.is_not_distinct_from(area_id),
    )
    if (duplicate_id := session.scalar(same)) is not None:
        raise Conflict("notice_target.exists", address=address, target=str(duplicate_id))
    target = NoticeTarget(
        kind=kind,
        address=address,
        topics=sorted(set(topics)),
        area_id=area_id,
        secret=(secret or secrets.token_urlsafe(32)) if kind == "webhook" else "",
    )
    session.add(target)
    session.flush()
    return target


def remove_target(session: Session, target_id: int) -> int:
    """Remove a receiver and return how many notices were waiting for it; these are dead now.

    Raises
    ------
    NotFound
        There is no such receiver.
    """
    find_target(session, target_id).active = False
    waiting = (Notice.target_id == target_id) & (Notice.state == "waiting")
    return _count(
        session,
        update(Notice).where(waiting).values(state="dead", last_error="the receiver was removed"),
    )


def find_target(session: Session, target_id: int) -> NoticeTarget:
    """Return a receiver that notices are sent to.

    Raises
    ------
    NotFound
        There is no such receiver.
    """
    target = session.get(NoticeTarget, target_id)
    if target is None or not target.active:
        raise NotFound("notice_target.unknown", target=str(target_id))
    return target


def retry_notices(session: Session, notice_id: int | None, now: datetime) -> int:
    """Send a dead or waiting notice again at once, and return how many there are.

    Parameters
    ----------
    notice_id
        None means all dead notices.

    Raises
    ------
    NotFound
        There is no such notice, or its receiver was removed.
    """
    which = [
        Notice.target_id.in_(select(NoticeTarget.id).where(NoticeTarget.active)),
        Notice.state == "dead" if notice_id is None else Notice.state.in_(("dead", "waiting")),
        *([] if notice_id is None else [Notice.id == notice_id]),
    ]
    count = _count(
        session, update(Notice).where(*which).values(state="waiting", attempts=0, next_try_at=now)
    )
    if notice_id is not None and not count:
        raise NotFound("notice_target.nothing_to_retry", notice=str(notice_id))
    return count


def mark_seen(
    session: Session, principal: Principal, ids: Sequence[int] | None, until: int | None = None
) -> int:
    """Mark the principal's own notices as seen, and return how many were not seen before.

    Parameters
    ----------
    ids
        Numbers of the notices; None means all up to `until`.
    """
    which = "id = ANY(CAST(:ids AS bigint[]))" if ids is not None else "id <= :until"
    query = text(
        f"UPDATE notice n SET state = 'seen' WHERE {OWN_NOTICE_SQL} AND state = 'waiting'"  # noqa: S608
        f" AND {which}"
    )
    return cast(
        CursorResult[object],
        session.execute(query, own_params(principal) | {"ids": ids, "until": until}),
    ).rowcount


# the states whose notices are deleted, and after how long
NOTICE_RETENTION = (
    (("sent",), timedelta(days=30)),
    (("seen",), timedelta(days=90)),
    (("dead",), timedelta(days=180)),
    (("waiting",), timedelta(days=365)),  # not opened in the app
)


def delete_expired(session: Session, now: datetime, most: int = 5000) -> int:
    """Delete expired notices, at most so many of each state.

    The caller commits and calls again until nothing is deleted.
    """
    count = 0
    for states, age in NOTICE_RETENTION:
        old = (
            select(Notice.id)
            .where(Notice.state.in_(states), Notice.at < now - age)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        count += _count(session, delete(Notice).where(Notice.id.in_(old)))
    return count


def _count(session: Session, change: object) -> int:
    return cast(CursorResult[object], session.execute(change)).rowcount  # type: ignore[call-overload]
