"""What every page but the map shares: the bar on top, the reader's language, strict headers, values
for its script.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, render_template, url_for

from gis.files.datasets import has_made_up_data
from web.http import i18n
from web.http.db import session
from web.pages.shell.content_security import with_csp
from web.pages.shell.script_messages import messages_digest
from web.security.csrf import csrf_token
from web.security.session import principal


def page_basics() -> dict[str, Any]:
    """Return what every script finds as `page`: language, address of its texts (None: English),
    other addresses.
    """
    language, root = i18n.chosen(), url_for("map.index").rstrip("/")
    digest = messages_digest(language)
    return {
        "language": language,
        "messages": None
        if language == "en"
        else url_for("shell.messages", language=language, v=digest),
        "api": root + "/api/v1",
        "root": root,
    }


def render_page(
    template: str, *, script: str = "", data: Mapping[str, Any] | None = None, **values: object
) -> Response:
    """Return a page in the shell.

    Parameters
    ----------
    template
        Extends shell/shell.html.
    script
        Asset to run as a module, as "desk/desk.js"; it finds `data` as `page` of dom.js, with
        `page_basics`.
    values
        More for the template, which also has `language`, `me`, `nonce`.
    """
    language = i18n.chosen()
    nonce = secrets.token_urlsafe(16)
    values_for_script = {**page_basics(), "csrf": csrf_token(), **(data or {})}
    html = render_template(
        template,
        language=language,
        me=principal(),
        nonce=nonce,
        script=script,
        page=values_for_script,
        made_up=has_made_up_data(session()),
        **values,
    )
    response = with_csp(make_response(html), nonce)
    response.headers["Cache-Control"] = "no-store"
    return response
