"""Errors as answers: one table from our errors to statuses, `application/problem+json` (RFC 9457) or a page.

A domain error's words are safe to show. Anything unexpected is a plain 500 with a number by which the log
finds it, and nothing of what happened inside.
"""

import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import orjson
import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, current_app, make_response, render_template, request
from flask_babel import gettext
from markupsafe import escape
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from gis import private
from gis.errors import (
    CODE_PATTERN,
    AuthenticationRequired,
    Conflict,
    FieldError,
    Forbidden,
    InvalidFields,
    InvalidInput,
    NotFound,
    OutsideGrids,
    RateLimited,
    TooLarge,
    Unavailable,
    WanggeError,
)
from gis.ops import cluster
from gis.settings import Settings
from web.http import i18n
from web.said import chinese

# error -> status and the name its `type` ends with; the nearest class on the error's line of descent counts
STATUS: dict[type[WanggeError], tuple[int, str]] = {
    InvalidInput: (422, "invalid-input"),
    InvalidFields: (422, "invalid-input"),
    NotFound: (404, "not-found"),
    OutsideGrids: (404, "outside-grids"),
    Conflict: (409, "conflict"),
    AuthenticationRequired: (401, "sign-in-needed"),
    Forbidden: (403, "not-allowed"),
    RateLimited: (429, "too-many"),
    TooLarge: (413, "too-large"),
    Unavailable: (503, "not-available"),
    WanggeError: (400, "bad-request"),
}

# what Werkzeug's own errors say, where its words are not the best
DETAIL = {
    400: "The request cannot be read; a body must be valid JSON, sent as application/json.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    408: "The body of the request did not arrive in time; send it again.",
    413: "The request is larger than the service accepts.",
    415: "The body must be JSON, sent as application/json.",
}

DISK_FULL = "The disk of the service is full; nothing was stored. Tell the operator and try again later."
READ_ONLY = "The service takes no changes at the moment; nothing was stored. Tell the operator and try again later."
LEAST_FREE_BYTES = 1 << 20

# what a missing field's message adds to "is missing"
MISSING = {"crs": "; say wgs84, cgcs2000, gcj02 or bd09: there is no default"}

log = structlog.get_logger("wangge")


def init_app(app: APIFlask) -> None:
    """Answer every error by the table above."""
    app.register_error_handler(WanggeError, handle_domain_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(OperationalError, handle_database_error)
    app.register_error_handler(DataError, handle_data_error)
    app.register_error_handler(RecursionError, handle_nesting_error)
    app.register_error_handler(Exception, handle_unexpected_error)
    app.error_processor(handle_validation_error)
    # error_processor claims Werkzeug's errors too; ours knows pages
    app.register_error_handler(HTTPException, handle_http_error)


def handle_domain_error(error: WanggeError) -> Response:
    """One of our own errors."""
    status, kind = problem_type(error)
    extra = error.extra | ({"code": error.code, "params": error.json_params()} if is_code(error.code) else {})
    return problem_response(status, kind, error.title, error.detail, error.errors, extra, zh=in_chinese(error))


def problem_type(error: WanggeError) -> tuple[int, str]:
    """Status and name of one of our own errors."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def is_code(text: str) -> bool:
    """Return whether a text is a code of the catalogue, not a sentence."""
    return CODE_PATTERN.fullmatch(text) is not None


def in_chinese(error: WanggeError) -> str:
    """One of our own errors as a Chinese sentence."""
    if is_code(error.code) and all(is_code(field.code) for field in error.errors):
        return error.detail_in("zh")
    status, kind = problem_type(error)
    return chinese(kind, status, error.detail, error.errors, error.extra)


def localised_detail(error: WanggeError) -> str:
    """One of our own errors in the reader's language."""
    return in_chinese(error) if i18n.chosen() == "zh" else error.detail


def handle_http_error(error: HTTPException) -> Response:
    """What Flask and Werkzeug raise: unknown addresses, wrong methods, broken bodies, redirects."""
    if error.code is None or error.code < 400:
        return current_app.make_response(error.get_response())
    name = HTTP_STATUS_CODES.get(error.code, "Error")
    response = problem_response(error.code, "about:blank", name, DETAIL.get(error.code, error.description or name))
    for key, value in error.get_headers():
        if key not in ("Content-Type", "Content-Length"):
            response.headers[key] = value
    return response


def handle_validation_error(error: HTTPError) -> Response:
    """APIFlask's errors: pydantic's findings by place and field become our `errors`."""
    fields = [
        FieldError(field, "is missing" + MISSING.get(field, "") if message == "Field required" else message)
        for place in (error.detail.values() if isinstance(error.detail, dict) else ())
        for field, messages in (place.items() if isinstance(place, dict) else ())
        for message in messages
    ]
    if error.status_code == 422:
        more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
        detail = f"{fields[0].field}: {fields[0].message}{more}" if fields else "The input is not valid."
        return problem_response(422, "invalid-input", InvalidInput.title, detail, fields)
    name = HTTP_STATUS_CODES.get(error.status_code, "Error")
    return problem_response(error.status_code, "about:blank", name, str(error.message or name), fields)


def handle_database_error(error: OperationalError) -> Response:
    """The database went away or refused us; the reason is for the log, not for the reader."""
    if sentence := cannot_store(error):
        return unstored(error, sentence)
    number = secrets.token_hex(6)
    log.error("database", id=number, endpoint=request.endpoint, reason=type(error.orig).__name__, exc_info=error)
    return problem_response(
        503, "not-available", Unavailable.title, "The database cannot be reached; try again soon.", (), {"id": number}
    )


def cannot_store(error: Exception) -> str:
    """Return the sentence for an error that says nothing can be stored now; empty for any other."""
    return DISK_FULL if is_full(error) else READ_ONLY if private.is_read_only(error) else ""


def is_full(error: Exception) -> bool:
    """Return whether a disk is full: the error says so, or nothing is left where we write.

    Notes
    -----
    A database that cannot write its log ends without saying why, and libraries hide the cause of what they report.
    """
    if private.is_disk_full(error):
        return True
    settings: Settings = current_app.config["SETTINGS"]
    folders = (settings.var, cluster.private_base(settings), Path(tempfile.gettempdir()))
    return private.get_free_bytes(*folders) < LEAST_FREE_BYTES


def unstored(error: Exception, sentence: str) -> Response:
    """The disk is full, or takes no changes; whatever the request began was undone."""
    number = secrets.token_hex(6)
    log.error("cannot store", id=number, endpoint=request.endpoint, reason=type(error).__name__)
    return problem_response(503, "not-available", Unavailable.title, sentence, (), {"id": number})


def handle_data_error(error: DataError) -> Response:
    """A value that PostgreSQL cannot hold, as text with a NUL in it or a number beyond bigint."""
    log.warning("unfit", endpoint=request.endpoint, exc_info=error)
    return problem_response(
        422, "invalid-input", InvalidInput.title, "A value is not one that can be looked up or stored."
    )


def handle_nesting_error(error: RecursionError) -> Response:
    """JSON within JSON within JSON, deeper than anything is meant."""
    return problem_response(422, "invalid-input", InvalidInput.title, "The JSON is nested too deeply.")


def handle_unexpected_error(error: Exception) -> Response:
    """Anything else: a plain 500 with a number; what happened is in the log under it."""
    if sentence := cannot_store(error):
        return unstored(error, sentence)
    number = secrets.token_hex(6)
    log.error("unexpected", id=number, endpoint=request.endpoint, exc_info=error)
    return problem_response(
        500, "about:blank", "Internal Server Error", "Something went wrong on our side.", (), {"id": number}
    )


def problem_response(
    status: int,
    kind: str,
    title: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    extra: Mapping[str, object] = MappingProxyType({}),
    *,
    zh: str = "",
) -> Response:
    """An error as a response: a page for people's browsers, problem+json for everybody else.

    Args:
        kind: Name the `type` ends with, or about:blank when the status says it all.
        extra: More members of the problem.

    Beside `detail` stands `zh`, for pages: the same in Chinese, in short.
    """
    found = tuple(errors)
    zh = zh or chinese(kind, status, detail, found, extra)
    if _wants_page():
        response = make_response(_page(status, title, detail, zh, extra.get("id")), status)
    else:
        body = {**extra, "type": kind if kind == "about:blank" else f"/problems/{kind}", "title": title}
        body |= {"status": status, "detail": detail, "zh": zh}
        if listed := [{"field": one.field, "message": one.message} for one in found]:
            body["errors"] = listed
        response = make_response(orjson.dumps(body), status)
        response.mimetype = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _wants_page() -> bool:
    if request.path.startswith(("/api/", "/tiles/", "/static/")):
        return False
    accepts = request.accept_mimetypes
    return accepts.best_match(["application/problem+json", "application/json", "text/html"]) == "text/html"


def _page(status: int, title: str, detail: str, zh: str, number: object) -> str:
    try:
        chosen = i18n.chosen()
        translated = gettext(detail) if detail else ""
        words = zh if chosen == "zh" and translated == detail else translated
        said = {"title": gettext(title), "detail": words}
        return render_template("shell/error.html", language=chosen, status=status, id=number, **said)
    except Exception as error:  # an error page that fails must not hide the error
        log.error("error page", exc_info=error)
        return (
            f"<!doctype html><meta charset=utf-8><title>{status}</title><h1>{escape(title)}</h1><p>{escape(detail)}</p>"
        )
