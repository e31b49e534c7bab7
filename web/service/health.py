"""Running it: is it alive, is it ready, and its figures for Prometheus."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from gis import private
from gis.areas.hierarchy import has_boundaries
from gis.errors import FieldError, Unavailable
from gis.incidents.reading.unanswered import unanswered
from gis.jobs.queries import last_run
from gis.messages import Message
from gis.notices.queries import count_late
from gis.ops import cluster, schema
from gis.ops.server_check import unarchived_note
from gis.settings import Settings, read_shards
from web.http import worker_metrics
from web.http.db import session
from web.http.errors import storage_error_code
from web.http.openapi import alternative_response
from web.http.replica import replica_note
from web.http.snapshot import register_note

bp = APIBlueprint("health", __name__, tag="Running it")

newest_migration = lru_cache(maxsize=1)(schema.head)


class HealthOut(BaseModel):
    """One word."""

    status: str


class ReadyOut(BaseModel):
    """Ready, or degraded: answers are right, but something makes them slow.

    And the space that is left.
    """

    status: Literal["ready", "degraded"]
    free_bytes: int
    notes: list[str] | None = Field(None, description="When degraded, by what")


@bp.get("/healthz")
@bp.output(HealthOut)
@bp.doc(summary="The process answers")
def healthz() -> Response:
    """Asks nothing of the database: a supervisor restarts the process when this fails."""
    return Response(
        b'{"status":"ok"}', mimetype="application/json", headers={"Cache-Control": "no-store"}
    )


@bp.get("/readyz")
@bp.output(ReadyOut)
@bp.doc(summary="Requests can be answered", responses={503: "Not ready; `errors` says why"})
def readyz() -> Response:
    """Check the database, its schema, that areas are loaded, and the space on disk.

    A balancer waits for this. `free_bytes` is the space left on the fullest disk that is written
    to, ready or not; `degraded` when changes do not reach the register in memory, a replica does
    not answer or is behind, so that it is not used, or the log is not archived any more.

    Raises
    ------
    Unavailable
        Something is missing; each reason is named.
    """
    free = get_free_bytes()
    reasons = [*missing_components(), *lacks_space(free)]
    if reasons:
        messages = [Message(reason.code, reason.params) for reason in reasons]
        raise Unavailable(
            "service.not_ready", reasons, extra={"free_bytes": free}, reasons=messages
        )
    archive_note = unarchived_note(session().connection())
    notes = [note for note in (register_note(), replica_note(), archive_note) if note]
    body = (
        {"status": "degraded", "free_bytes": free, "notes": notes}
        if notes
        else {"status": "ready", "free_bytes": free}
    )
    return Response(
        orjson.dumps(body), mimetype="application/json", headers={"Cache-Control": "no-store"}
    )


def get_free_bytes() -> int:
    """Return the space left where this deployment writes: its folder, and its own database."""
    settings: Settings = current_app.config["SETTINGS"]
    return private.get_free_bytes(settings.var, cluster.private_base(settings))


def lacks_space(free: int) -> list[FieldError]:
    """Return the disk as an error, when it has less room than the setting says."""
    least = current_app.config["SETTINGS"].min_free_mb
    if free >= least * 1_000_000:
        return []
    return [FieldError("disk", "service.disk_low", {"free": round(free / 1e6), "needed": least})]


def missing_components() -> list[FieldError]:
    """Return what is missing; nothing when ready."""
    try:
        connection = session().connection()
        version = schema.current(connection)
        if version != (newest := newest_migration()):
            return [
                FieldError(
                    "schema", "service.schema_outdated", {"version": str(version), "needed": newest}
                )
            ]
        has_shards = bool(read_shards(current_app.config["SETTINGS"].var))
        if not has_shards and not has_boundaries(session()):
            return [FieldError("areas", "service.areas_missing")]
    except SQLAlchemyError as error:
        return [FieldError("database", storage_error_code(error) or "service.database_unreachable")]
    return []


@bp.get("/metrics")
@bp.doc(
    summary="Figures for Prometheus",
    responses=alternative_response("text/plain", {"type": "string"}),
)
def metrics() -> Response:
    """Return requests and their times over all workers, and when the jobs last ran.

    By route, method and status; nothing about people.
    """
    return Response(
        worker_metrics.render() + render_last_run() + render_waiting(),
        mimetype=None,
        content_type=CONTENT_TYPE_LATEST,
    )


def render_last_run() -> bytes:
    """Return when jobs last looked for what is due, for an alarm when that is long ago.

    0 is never.
    """
    try:
        last = last_run(session())
    except SQLAlchemyError:
        return b""  # the database has its own alarm
    name = "wangge_last_sweep_timestamp_seconds"
    return (
        f"# HELP {name} When overdue matters were last looked for.\n# TYPE {name} gauge\n{name}"
        f" {last.timestamp() if last else 0:.3f}\n"
    ).encode()


def render_waiting() -> bytes:
    """Return what waits for the operator or a receiver, and how many operators there are."""
    now = datetime.now(UTC)
    try:
        queue, late = unanswered(session(), now), count_late(session(), now)
    except SQLAlchemyError:
        return b""
    figures = (
        (
            "wangge_unanswered_grids",
            "Grids nobody answers for, up to the county.",
            len(queue.places),
        ),
        ("wangge_operator_queue", "Open incidents that wait at the operator.", queue.waiting),
        ("wangge_operators", "Accounts that see the operator's queue.", queue.operators),
        ("wangge_late_notices", "Notices to webhooks and mail that wait for over an hour.", late),
    )
    lines = (
        f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{name} {float(value)}\n"
        for name, help_text, value in figures
    )
    return "".join(lines).encode()
