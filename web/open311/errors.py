"""Errors of Open311: their status and sentence, as the specification has them."""

import secrets

import structlog
from flask import request
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from gis.errors import (
    AuthenticationRequired,
    Forbidden,
    NotFound,
    OutsideGrids,
    RateLimited,
    TooLarge,
    Unavailable,
    WanggeError,
)
from gis.messages import label
from web.http.errors import http_error_detail, storage_error_code

# error -> HTTP status, as the specification has them
STATUS_BY_ERROR: dict[type[WanggeError], int] = {
    OutsideGrids: 400,
    NotFound: 404,
    Forbidden: 403,
    AuthenticationRequired: 403,
    RateLimited: 429,
    TooLarge: 413,
    Unavailable: 503,
    WanggeError: 400,
}


log = structlog.get_logger("wangge")


def describe_error(error: Exception) -> tuple[int, str]:
    """Return status and English sentence of an error.

    What is unexpected is logged under a number.
    """
    if isinstance(error, HTTPException):
        return int(error.code or 500), http_error_detail(error)
    if isinstance(error, WanggeError):
        return next(
            STATUS_BY_ERROR[cls] for cls in type(error).__mro__ if cls in STATUS_BY_ERROR
        ), error.detail
    if isinstance(error, DataError):
        log.warning("unfit", endpoint=request.endpoint, exc_info=error)
        return 400, label("input.unstorable_value")
    number = secrets.token_hex(6)
    log.error("unexpected", id=number, endpoint=request.endpoint, exc_info=error)
    is_lost, storage_code = isinstance(error, OperationalError), storage_error_code(error)
    code = storage_code or ("service.database_lost" if is_lost else "service.unexpected")
    return 503 if is_lost or storage_code else 500, f"{label(code)} ({number})"
