"""How large the body of a request may be: one limit for all, others for views that take files."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request

DEFAULT_MAX_BYTES = 8 * 1024 * 1024  # 10,000 points to locate are about 1 MB
MAX_SPREADSHEET_BYTES = 2 * 1024 * 1024
PHOTO_FORM_MAX_BYTES = 64 * 1024 * 1024  # a report with its photos

REFUSAL = (
    "wangge.refusal"  # in the environment: the status with which web/gateway.py refuses a body
)

View = TypeVar("View", bound=Callable[..., Any])


def body_limit(max_bytes: int) -> Callable[[View], View]:
    """Give a view a limit of its own; one above the default holds for forms with files only."""

    def mark(view: View) -> View:
        view.max_body_bytes = max_bytes  # type: ignore[attr-defined]
        return view

    return mark


def init_app(app: Flask) -> None:
    """Set the limit before anybody reads the body.

    The guard against forged forms is the first who does.
    """
    app.config.update(MAX_CONTENT_LENGTH=DEFAULT_MAX_BYTES, MAX_FORM_MEMORY_SIZE=DEFAULT_MAX_BYTES)

    @app.url_value_preprocessor
    def set_limit(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if refusal := request.environ.get(REFUSAL):
            abort(refusal)
        view = current_app.view_functions.get(endpoint or "")
        max_bytes = getattr(view, "max_body_bytes", DEFAULT_MAX_BYTES)
        if max_bytes < DEFAULT_MAX_BYTES or request.mimetype == "multipart/form-data":
            request.max_content_length = max_bytes
