"""What all pages share: the bar on top, the reader's language, headers, values for scripts."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, make_response, render_template, url_for

from gis.files.datasets import has_made_up_data
from gis.messages import LIST_SEPARATORS
from web.http import i18n
from web.http.db import session
from web.pages.shell.content_security import with_csp
from web.pages.shell.script_messages import messages_digest
from web.security.csrf import csrf_token


def page_basics() -> dict[str, Any]:
    """Return what every script finds as `page`: language, time zone, and the addresses it needs.

    Notes
    -----
    `messages` is the address of the translated texts, None for English, which needs none.
    """
    language, root = i18n.chosen(), url_for("map.index").rstrip("/")
    digest = messages_digest(language)
    return {
        "language": language,
        "timezone": current_app.config["SETTINGS"].timezone.key,
        "messages": None
        if language == "en"
        else url_for("shell.messages", language=language, v=digest),
        "api": root + "/api/v1",
        "root": root,
    }


def render_page(
    template: str,
    *,
    script: str = "",
    data: Mapping[str, Any] | None = None,
    cacheable: bool = False,
    **values: object,
) -> Response:
    """Return a page in the shell.

    Parameters
    ----------
    template
        Extends shell/shell.html.
    script
        Asset to run as a module, as "desk/desk.js"; it finds `data` as `page` of dom.js, with
        `page_basics`.
    cacheable
        Whether browsers may keep the page and ask if it changed; it then holds no CSRF token.
    values
        Variables of the template, beside `language`, `list_separator`, `nonce`, `page`, `made_up`
        and `shard_county`, which is set where each has a database of its own.
    """
    language = i18n.chosen()
    nonce = secrets.token_urlsafe(16)
    csrf = {} if cacheable else {"csrf": csrf_token()}
    html = render_template(
        template,
        language=language,
        list_separator=LIST_SEPARATORS[language],
        nonce=nonce,
        script=script,
        page={**page_basics(), **csrf, **(data or {})},
        made_up=has_made_up_data(session()),
        shard_county=current_app.config["SETTINGS"].county,
        **values,
    )
    response = with_csp(make_response(html), nonce)
    if not cacheable:
        response.headers["Cache-Control"] = "no-store"
    return response
