"""Exchange with a hotline such as 12345: pull its orders, tell it what becomes of them.

    GET  URL/orders?since=CURSOR        {"orders": [ORDER, …], "next": CURSOR, "more": false}
    POST URL/orders/NUMBER/states       {"event", "state", "state_zh", "at", "note"}

Both with `Authorization: Bearer KEY`. An order is filed once, by its number; a step is told until
the hotline has taken it (2xx), under the same `Idempotency-Key` each time; one that it refuses
(4xx) is told again when something more has happened to its order. While the other side is down
nothing moves on: the next run goes on where this one ended. `remarks` of an order, also of a known
one, become notes of its incident, each once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from sqlalchemy import Engine, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.errors import WanggeError
from gis.exchange.incident_rows import category_by_word
from gis.incidents.lifecycle.foreign_notes import add_foreign_note
from gis.incidents.lifecycle.history import Past, file_past
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS, IncidentReport
from gis.incidents.models import ExternalOrder, ExternalSystem, Incident
from gis.incidents.states import MOVES_SHOWN_TO_REPORTER, NOTES_SHOWN_TO_REPORTER, state_labels
from gis.messages import label
from gis.rights.principal import Principal, system_principal
from gis.settings import SHANGHAI, Hotline

HOTLINE_TIMEOUT_S = 15.0
MAX_PAGES = 20  # of orders in one run
MAX_REPORTED_STEPS = 500  # told in one run
ORDERS_AT_ONCE = 100  # filed in one transaction
MAX_ORDER_NUMBER_CHARS = 100
MAX_CURSOR_CHARS = 1000

log = logging.getLogger(__name__)

# steps that the reporter may know, in their order; an order of a refusal has one. What the hotline
# took no step of waits until something more has happened.
STEPS_SQL = """
SELECT number, id, state, at, note, last_id FROM (
SELECT steps.*, max(id) OVER (PARTITION BY number) AS last_id FROM (
SELECT o.number, o.held_up_event_id, e.id, e.to_state AS state, e.at,
  CASE WHEN e.move = ANY(:worded) THEN e.note ELSE '' END AS note
FROM external_order o JOIN incident_event e ON e.incident_id = o.incident_id
WHERE o.system = :system AND e.id > o.told_event_id AND e.move <> 'report'
  AND (e.from_state <> e.to_state AND e.move = ANY(:shown)
    OR e.move = ANY(:worded) AND e.note <> '')
UNION ALL
SELECT o.number, o.held_up_event_id, 1, 'refused', o.pulled_at, o.refusal
FROM external_order o
WHERE o.system = :system AND o.incident_id IS NULL AND o.told_event_id = 0
) steps) s WHERE last_id > held_up_event_id ORDER BY id LIMIT :limit
"""


def is_storable(value: str) -> bool:
    """Return whether the database takes a text: no NUL, no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("not storable")
    return value


def _in_a_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


Words = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_in_a_zone)]


class Remark(BaseModel):
    """What the hotline adds to an order: its number there, and its words."""

    number: Words = Field(min_length=1, max_length=MAX_ORDER_NUMBER_CHARS)
    content: Words = Field(min_length=1)


class Order(BaseModel):
    """An order as the hotline sends it; a point, else an address, else the code of an area.

    Moments without an offset are Chinese time.
    """

    number: str = Field(min_length=1, max_length=MAX_ORDER_NUMBER_CHARS)
    content: Words
    accepted_at: Moment
    category: Words = ""
    lon: float | None = None
    lat: float | None = None
    crs: Words | None = None
    address: Words = ""
    area: Words = ""
    due_at: Moment | None = None
    name: Words = ""
    phone: Words = ""


class Page(BaseModel):
    """Orders since a cursor, the cursor after them, and whether there are more."""

    orders: list[dict[str, Any]]
    next: Words = Field(max_length=MAX_CURSOR_CHARS)
    more: bool = False


class HotlineError(Exception):
    """The hotline cannot be reached or did not answer as agreed; the text holds no secret."""


@dataclass(frozen=True)
class Exchanged:
    """What came of a run: orders filed, refused, steps told; error: why it ended early."""

    filed: int = 0
    refused: int = 0
    told: int = 0
    error: str = ""


def exchange(engine: Engine, hotline: Hotline, now: datetime) -> Exchanged:
    """Pull what is new and tell what is not told yet; no transaction is open meanwhile."""
    filed = refused = sent = 0
    error = ""
    headers = {"Authorization": f"Bearer {hotline.key}", "User-Agent": "wangge"}
    with httpx.Client(headers=headers, timeout=HOTLINE_TIMEOUT_S, trust_env=False) as client:
        try:
            filed, refused = _pull(engine, client, hotline, now)
        except HotlineError as failed:
            error = str(failed)
        try:
            sent = _tell(engine, client, hotline)
        except HotlineError as failed:
            error = error or str(failed)
    with Session(engine) as session, session.begin():
        moment = {} if error else {"exchanged_at": now}
        _keep(session, hotline.name, last_error=error, **moment)
    if error:
        log.warning("exchange with %s: %s", hotline.name, error)
    return Exchanged(filed, refused, sent, error)


def _pull(engine: Engine, client: httpx.Client, hotline: Hotline, now: datetime) -> tuple[int, int]:
    """File new orders, some in one transaction; return how many were filed and refused.

    A page that was not filed whole is asked for again: orders and remarks known are passed over.

    Raises
    ------
    HotlineError
        The service cannot be reached, refuses, or sends what cannot be read.
    """
    filed = refused = 0
    for _ in range(MAX_PAGES):
        with Session(engine) as session:
            cursor = session.scalar(
                select(ExternalSystem.cursor).where(ExternalSystem.name == hotline.name)
            )
        answer = _send(client, "GET", f"{hotline.url}/orders", params={"since": cursor or ""})
        try:
            page = Page.model_validate(answer.json())
        except ValueError as error:
            raise HotlineError(f"its orders cannot be read: {str(error)[:200]}") from None
        actor = f"hotline {hotline.name}"
        by = system_principal(actor)
        for offset in range(0, len(page.orders), ORDERS_AT_ONCE):
            orders = page.orders[offset : offset + ORDERS_AT_ONCE]
            with Session(engine) as session, session.begin(), audit_context(session, actor):
                results = [file_order(session, hotline.name, order, now, by) for order in orders]
                for order in orders:
                    add_remarks(session, hotline.name, order, now, by)
            filed += results.count(True)
            refused += results.count(False)
        with Session(engine) as session, session.begin():
            _keep(session, hotline.name, cursor=page.next)
        if not page.more:
            break
    return filed, refused


def file_order(
    session: Session, system: str, order: Mapping[str, Any], now: datetime, principal: Principal
) -> bool | None:
    """File an order; return whether it was filed, None if it had come before or has no number.

    What cannot be filed is kept with its reason, which the hotline is told, so that it can send it
    elsewhere.
    """
    number = str(order.get("number") or "")
    if not 0 < len(number) <= MAX_ORDER_NUMBER_CHARS or not is_storable(number):
        log.warning("an order of %s has no number", system)
        return None
    new = insert(ExternalOrder).values(system=system, number=number, pulled_at=now)
    if session.scalar(new.on_conflict_do_nothing().returning(ExternalOrder.number)) is None:
        return None
    values: dict[str, Any]
    try:
        with session.begin_nested():
            values = {"incident_id": _file(session, system, order, now, principal)}
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        values = {"refusal": label("hotline.order_malformed", "zh") + fields}
    except WanggeError as error:
        values = {"refusal": error.detail_in("zh")}
    session.execute(
        update(ExternalOrder)
        .where(ExternalOrder.system == system, ExternalOrder.number == number)
        .values(**values)
    )
    return "incident_id" in values


def _file(
    session: Session, system: str, raw: Mapping[str, Any], now: datetime, principal: Principal
) -> UUID:
    order = Order.model_validate(raw)
    report = IncidentReport(
        category=category_by_word(session, order.category) if order.category else "",
        description=order.content,
        lon=order.lon,
        lat=order.lat,
        crs=order.crs,
        address=order.address,
        area=order.area,
        channel="phone",
        attributes={"external_system": system, "external_number": order.number},
        name=order.name,
        phone=order.phone,
        at=min(order.accepted_at, now),
    )
    return file_past(session, principal, report, Past(due=order.due_at, promised=order.due_at), now)


def add_remarks(
    session: Session, system: str, order: Mapping[str, Any], now: datetime, principal: Principal
) -> None:
    """Add the remarks of an order that was filed to its incident, each once.

    What is no remark is passed over and logged.
    """
    remarks = order.get("remarks") or ()
    number = str(order.get("number") or "")
    if not isinstance(remarks, list | tuple) or not remarks or not is_storable(number):
        return
    query = select(ExternalOrder.incident_id).where(
        ExternalOrder.system == system, ExternalOrder.number == number
    )
    incident_id = session.scalar(query)
    if incident_id is None:
        return
    for raw in remarks:
        try:
            remark = Remark.model_validate(raw)
            with session.begin_nested():
                note = remark.content.strip()[:MAX_DESCRIPTION_CHARS]
                add_foreign_note(session, principal, incident_id, note, remark.number, now)
        except (ValidationError, WanggeError) as error:
            log.warning("a remark on %s of %s was not taken: %s", number, system, error)


def _tell(engine: Engine, client: httpx.Client, hotline: Hotline) -> int:
    """Tell the hotline the steps it does not know, in their order; return how many it took.

    A step that it refuses (4xx) holds up its own order alone, until something more has happened to
    that or somebody says to try again.
    """
    params = {
        "system": hotline.name,
        "shown": [*MOVES_SHOWN_TO_REPORTER],
        "worded": [*NOTES_SHOWN_TO_REPORTER],
        "limit": MAX_REPORTED_STEPS,
    }
    with Session(engine) as session:
        steps = session.execute(text(STEPS_SQL), params).all()
    sent, held_up = 0, set()
    for step in steps:
        if step.number in held_up:
            continue
        is_refusal = step.state == "refused"
        zh = label("hotline.refused", "zh") if is_refusal else state_labels(step.state)[0]
        body = {
            "event": str(step.id),
            "state": step.state,
            "state_zh": zh,
            "at": step.at.isoformat(),
            "note": step.note,
        }
        url = f"{hotline.url}/orders/{quote(step.number, safe='')}/states"
        # a header holds ASCII only
        key = {"Idempotency-Key": f"wangge-{quote(step.number)}-{step.id}"}
        try:
            _send(client, "POST", url, json=body, headers=key)
        except StepRefused as error:
            log.warning("%s refused a step of %s: %s", hotline.name, step.number, error)
            held_up.add(step.number)
            values = {"held_up_event_id": step.last_id, "step_refusal": f"{step.state}: {error}"}
            _write_order(engine, hotline.name, step.number, values)
            continue
        _write_order(
            engine, hotline.name, step.number, {"told_event_id": step.id, "step_refusal": ""}
        )
        sent += 1
    return sent


def _write_order(engine: Engine, system: str, number: str, values: Mapping[str, Any]) -> None:
    is_order = (ExternalOrder.system == system, ExternalOrder.number == number)
    with Session(engine) as session, session.begin():
        session.execute(update(ExternalOrder).where(*is_order).values(**values))


def retry_steps(session: Session, number: str = "") -> int:
    """Have the steps that were refused told again, of one order or of all; return of how many."""
    refused = update(ExternalOrder).where(ExternalOrder.step_refusal != "")
    if number:
        refused = refused.where(ExternalOrder.number == number)
    rows = session.execute(refused.values(held_up_event_id=0).returning(ExternalOrder.number))
    return len(rows.all())


class StepRefused(HotlineError):
    """The hotline answered that it does not take this one."""


def _send(client: httpx.Client, method: str, url: str, **options: Any) -> httpx.Response:
    try:
        answer = client.request(method, url, **options)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HotlineError(f"cannot be reached: {type(error).__name__}") from None
    if answer.is_success:
        return answer
    is_refusal = 400 <= answer.status_code < 500 and answer.status_code not in (401, 403, 408, 429)
    raise (StepRefused if is_refusal else HotlineError)(f"answered {answer.status_code}")


def _keep(session: Session, name: str, **values: Any) -> None:
    """Write what is known of a system."""
    row = insert(ExternalSystem).values(name=name, **values)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))


@dataclass(frozen=True)
class OrderRow:
    """An order as it is listed; state: of its incident, None where it was refused.

    step_refusal: Why the hotline takes no step of it; empty: it does.
    """

    system: str
    number: str
    pulled_at: datetime
    incident_id: UUID | None
    state: str | None
    refusal: str
    step_refusal: str


def list_orders(session: Session, *, refused: bool, limit: int) -> list[OrderRow]:
    """List orders, the newest first; only those refused here or there, or all."""
    order, incident = ExternalOrder, Incident
    query = (
        select(
            order.system,
            order.number,
            order.pulled_at,
            order.incident_id,
            incident.state,
            order.refusal,
            order.step_refusal,
        )
        .outerjoin(incident, incident.id == order.incident_id)
        .order_by(order.pulled_at.desc(), order.number)
        .limit(limit)
    )
    if refused:
        query = query.where(or_(order.incident_id.is_(None), order.step_refusal != ""))
    return [OrderRow(*row) for row in session.execute(query)]
