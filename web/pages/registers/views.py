"""`/registers`: a register is chosen, its columns confirmed, looked at and loaded."""

from flask import Blueprint, Response
from flask_babel import gettext

from gis.crs import SUPPORTED_CRS
from gis.exchange.registers.fields import REGISTER_KINDS
from gis.exchange.registers.result import kind_label
from gis.exchange.registers.rights import KIND_ACTIONS
from web.http import i18n
from web.pages.shell.page import render_page
from web.security.readers import require_keeper

bp = Blueprint("registers_page", __name__)


@bp.get("/registers")
def registers() -> Response:
    """Show the page to who plans or administers somewhere.

    Raises
    ------
    AuthenticationRequired, Forbidden
        Nobody, or somebody who does neither.
    """
    by = require_keeper()
    kinds = {
        kind: kind_label(kind, i18n.chosen())
        for kind in REGISTER_KINDS
        if by.is_allowed_any(KIND_ACTIONS[kind])
    }
    return render_page(
        "registers/registers.html",
        script="registers/registers.js",
        data={"kinds": kinds},
        kinds=kinds,
        systems=SUPPORTED_CRS,
        proposed=gettext("Proposed from the file"),
    )
