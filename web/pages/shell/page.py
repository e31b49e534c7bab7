"""What every page but the map shares: the bar on top, the reader's language, strict headers, values for its script."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, render_template, url_for
from sqlalchemy import text

from web.http import i18n
from web.http.db import session
from web.pages.map.views import asset_digest, with_csp
from web.security.csrf import csrf_token
from web.security.session import principal

MADE_UP = text("SELECT EXISTS (SELECT FROM dataset WHERE made_up)")


def render_page(
    template: str, *, script: str = "", data: Mapping[str, Any] | None = None, **values: object
) -> Response:
    """A page in the shell.

    Args:
        template: Extends shell.html.
        script: Module of web/static/app to run, as "desk.js"; it finds `data` as `page` of dom.js, with `language`,
            `words` and `api` filled in where the caller gives none.
        values: More for the template, which also has `language`, `me`, `nonce`, `release`.
    """
    chosen = i18n.chosen()
    nonce = secrets.token_urlsafe(16)
    root = url_for("map.index").rstrip("/")
    given = {
        "language": chosen,
        "words": {},
        "api": root + "/api/v1",
        "root": root,
        "csrf": csrf_token(),
        **(data or {}),
    }
    written = render_template(
        template, language=chosen, me=principal(), nonce=nonce, release=asset_digest(), script=script, page=given,
        made_up=session().scalar(MADE_UP), **values,
    )  # fmt: skip
    response = with_csp(make_response(written), nonce)
    response.headers["Cache-Control"] = "no-store"
    return response
