"""Tokens against forged forms."""

from flask import Response
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from gis.errors import Forbidden
from web.http import errors
from web.security.session import principal

csrf_protect = CSRFProtect()


def csrf_token() -> str:
    """Return the token that a signed-in page's forms and scripts send back.

    Empty for nobody, who needs none.
    """
    return generate_csrf() if principal().kind == "account" else ""


def answer_csrf_failure(_: CSRFError) -> Response:
    """Answer a form without its token, or with an old one."""
    return errors.handle_domain_error(Forbidden("sign_in.form_expired"))
