"""Which paper a page is asked for, as it stands in the address, and the paper."""

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import current_app, request

from gis.papers.data import PaperData, PaperRequest
from gis.papers.fill import PAPER_BY_KEY, fill
from gis.papers.period import period_at
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.security.guard import require
from web.security.session import principal

DEFAULT_PAPER = "weekly"
DIARY = "diary"


@dataclass(frozen=True)
class PaperQuery(PaperRequest):
    """The question in the address."""

    def address(self, **changes: object) -> str:
        """Return the part of the address behind the question mark, with some fields changed."""
        return urlencode({name: value for name, value in (asdict(self) | changes).items() if value})

    def fill(self, by: Principal) -> PaperData:
        """Return the paper as it is now; see `gis.papers.fill.fill`."""
        now, zone = params.parse_datetime(None), current_app.config["SETTINGS"].timezone
        return fill(session(), by, self, now, zone, i18n.chosen())


def parse_query() -> PaperQuery:
    """Return the question of the address; the period without one is the present one."""
    key = request.args.get("paper", DEFAULT_PAPER)
    kind = PAPER_BY_KEY[key].period if key in PAPER_BY_KEY else "day"
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    return PaperQuery(
        key,
        request.args.get("area", ""),
        request.args.get("period") or period_at(kind, today),
        request.args.get("person", ""),
    )


def require_reader() -> Principal:
    """Return who may read papers: of figures, or the diary of their own work."""
    return require(Action.FIGURES if principal().is_allowed(Action.FIGURES) else Action.HANDLE)
