"""Errors as responses: one table from our errors to statuses, as RFC 9457 problems or as pages.

The message of a domain error is safe to show. An unexpected error is a plain 500 with a number by
which the log finds it.
"""

import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

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
from gis.messages import Message, render
from gis.ops import cluster
from gis.settings import Settings
from web.http import i18n

# error -> status and the name its `type` ends with; the nearest class on the error's line of
# descent counts
PROBLEM_BY_ERROR: dict[type[WanggeError], tuple[int, str]] = {
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

# HTTP status -> what Werkzeug's own errors say, where its words are not the best
DETAIL = {
    400: "http.bad_request",
    404: "http.address_unknown",
    405: "http.method_not_allowed",
    408: "http.body_late",
    413: "http.body_too_large",
    415: "http.not_json",
}
MIN_FREE_BYTES = 1 << 20
ERROR_PAGE = "wangge_error_page"  # extension of the application: draws an error in the shell

log = structlog.get_logger("wangge")


def init_app(app: APIFlask) -> None:
    """Answer every error by the table above."""
    app.register_error_handler(WanggeError, handle_domain_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(OperationalError, handle_database_error)
    app.register_error_handler(DataError, handle_data_error)
    app.register_error_handler(RecursionError, handle_nesting_error)
    app.register_error_handler(Exception, handle_unexpected_error)
    app.error_processor(handle_request_error)
    # error_processor claims Werkzeug's errors too; ours knows pages
    app.register_error_handler(HTTPException, handle_http_error)


# --- our own errors -------------------------------------------------------------------------------


def handle_domain_error(error: WanggeError) -> Response:
    """Answer one of our own errors."""
    status, kind = problem_type(error)
    extra = error.extra | {"code": error.code, "params": error.json_params()}
    return problem_response(
        status,
        kind,
        error.title,
        error.detail,
        zh=in_chinese(error),
        errors=error.errors,
        extra=extra,
    )


def problem_type(error: WanggeError) -> tuple[int, str]:
    """Return the status of one of our own errors, and the name its `type` ends with."""
    return next(PROBLEM_BY_ERROR[cls] for cls in type(error).__mro__ if cls in PROBLEM_BY_ERROR)


def in_chinese(error: WanggeError) -> str:
    """Return one of our own errors as a Chinese sentence."""
    return error.detail_in("zh")


def localised_detail(error: WanggeError) -> str:
    """Return one of our own errors in the reader's language."""
    return in_chinese(error) if i18n.chosen() == "zh" else error.detail


def error_to_json(error: WanggeError) -> dict[str, Any]:
    """Return an error inside results, with the members of problem+json."""
    errors = errors_to_json(error.errors)
    return {
        "title": error.title,
        "detail": error.detail,
        **({"errors": errors} if errors else {}),
        **error.extra,
    }


def errors_to_json(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """Return the single fields, rows or shapes as JSON."""
    return [{"field": error.field, "message": error.message} for error in errors]


# --- errors of the framework and the database -----------------------------------------------------


def handle_http_error(error: HTTPException) -> Response:
    """Answer HTTP errors of Flask and Werkzeug, such as unknown addresses and wrong methods."""
    if error.code is None or error.code < 400:
        return current_app.make_response(error.get_response())
    name = HTTP_STATUS_CODES.get(error.code, "Error")
    code = DETAIL.get(error.code)
    if code:
        response = message_response(error.code, "about:blank", name, Message(code))
    else:
        is_ours = error.code >= 500
        cause = Message("http.server_error") if is_ours else Message("http.request_refused")
        zh = render(cause, "zh")
        response = problem_response(
            error.code, "about:blank", name, http_error_detail(error), zh=zh
        )
    for key, value in error.get_headers():
        if key not in ("Content-Type", "Content-Length"):
            response.headers[key] = value
    return response


def http_error_detail(error: HTTPException) -> str:
    """Return what is wrong, in English, of an error of Flask or Werkzeug."""
    code = DETAIL.get(error.code or 0)
    return render(Message(code)) if code else error.description or error.name


def handle_request_error(error: HTTPError) -> Response:
    """Answer an error of APIFlask; what pydantic finds wrong is an `InvalidFields` already."""
    if error.status_code == 422:
        return handle_domain_error(InvalidInput("http.request_refused"))
    name = HTTP_STATUS_CODES.get(error.status_code, "Error")
    zh = render(Message(DETAIL.get(error.status_code, "http.request_refused")), "zh")
    return problem_response(
        error.status_code, "about:blank", name, str(error.message or name), zh=zh
    )


def handle_database_error(error: OperationalError) -> Response:
    """Answer that the database went away or refused us.

    The reason is for the log, not for the reader.
    """
    if code := storage_error_code(error):
        return unstored_response(error, code)
    number = secrets.token_hex(6)
    log.error(
        "database",
        id=number,
        endpoint=request.endpoint,
        reason=type(error.orig).__name__,
        exc_info=error,
    )
    return message_response(
        503,
        "not-available",
        Unavailable.title,
        Message("service.database_lost"),
        extra={"id": number},
    )


def storage_error_code(error: Exception) -> str:
    """Return the code for an error that says nothing can be stored now; empty for any other."""
    if is_disk_full(error):
        return "service.disk_full"
    return "service.read_only" if private.is_read_only(error) else ""


def is_disk_full(error: Exception) -> bool:
    """Return whether a disk is full: the error says so, or nothing is left where we write.

    Notes
    -----
    A database that cannot write its log ends without saying why, and libraries hide the
    cause of what they report.
    """
    if private.is_disk_full(error):
        return True
    settings: Settings = current_app.config["SETTINGS"]
    folders = (settings.var, cluster.private_base(settings), Path(tempfile.gettempdir()))
    return private.get_free_bytes(*folders) < MIN_FREE_BYTES


def unstored_response(error: Exception, code: str) -> Response:
    """Answer that the disk is full, or takes no changes; whatever the request began was undone."""
    number = secrets.token_hex(6)
    log.error("cannot store", id=number, endpoint=request.endpoint, reason=type(error).__name__)
    return message_response(
        503, "not-available", Unavailable.title, Message(code), extra={"id": number}
    )


def handle_data_error(error: DataError) -> Response:
    """Answer a value that PostgreSQL cannot hold, as a NUL in text or a number beyond bigint."""
    log.warning("unfit", endpoint=request.endpoint, exc_info=error)
    return handle_domain_error(InvalidInput("input.unstorable_value"))


def handle_nesting_error(error: RecursionError) -> Response:
    """Answer JSON within JSON within JSON, deeper than anything is meant."""
    return handle_domain_error(InvalidInput("input.nested_too_deeply"))


def handle_unexpected_error(error: Exception) -> Response:
    """Answer anything else: a plain 500 with a number; what happened is in the log under it."""
    if code := storage_error_code(error):
        return unstored_response(error, code)
    number = secrets.token_hex(6)
    log.error("unexpected", id=number, endpoint=request.endpoint, exc_info=error)
    return message_response(
        500,
        "about:blank",
        "Internal Server Error",
        Message("service.unexpected"),
        extra={"id": number},
    )


# --- the answer -----------------------------------------------------------------------------------


def message_response(
    status: int,
    kind: str,
    title: str,
    message: Message,
    *,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """Return an error that is a message of the catalogue as a response; as `problem_response`."""
    extra = {**extra, "code": message.code}
    return problem_response(
        status, kind, title, render(message), zh=render(message, "zh"), extra=extra
    )


def problem_response(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    zh: str,
    errors: Iterable[FieldError] = (),
    extra: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """Return an error as a response: a page for people's browsers, problem+json for everybody else.

    Parameters
    ----------
    kind
        Name the `type` ends with, or about:blank when the status says it all.
    detail, zh
        What is wrong and what would be right, in English and in Chinese.
    extra
        More members of the problem.
    """
    if _wants_page():
        response = _page(status, title, detail, zh, extra.get("id"))
    else:
        body: dict[str, object] = {
            "type": kind if kind == "about:blank" else f"/problems/{kind}",
            "title": title,
        }
        body |= {"status": status, "detail": detail, "zh": zh}
        body |= {name: value for name, value in extra.items() if name not in body}
        if fields := errors_to_json(errors):
            body["errors"] = fields
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
    return (
        accepts.best_match(["application/problem+json", "application/json", "text/html"])
        == "text/html"
    )


def _page(status: int, title: str, detail: str, zh: str, number: object) -> Response:
    """Return the page of an error: in the shell, else alone, else bare."""
    try:
        values = {
            "status": status,
            "id": number,
            "title": gettext(title),
            "detail": zh if i18n.chosen() == "zh" else detail,
        }
        try:
            return make_response(current_app.extensions[ERROR_PAGE](values), status)
        except Exception as error:  # the shell asks the database, which may be what has failed
            log.warning("error page", reason=type(error).__name__)
            alone = render_template("shell/error_alone.html", language=i18n.chosen(), **values)
            return make_response(alone, status)
    except Exception as error:  # an error page that fails must not hide the error
        log.error("error page", exc_info=error)
        bare = (
            f"<!doctype html><meta charset=utf-8><title>{status}</title>"
            f"<h1>{escape(title)}</h1><p>{escape(detail)}</p>"
        )
        return make_response(bare, status)
