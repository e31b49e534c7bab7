"""`/desk`: the dispatcher's desk: inbox, one matter with its reasons, dispatch, supervise, bulk moves; live."""

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _
from sqlalchemy import text

from gis.errors import Forbidden
from gis.incidents.catalogue import editions
from gis.incidents.models import SEVERITIES
from gis.rights.access import Action, Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.report.views import base_map
from web.pages.shell.page import render_page
from web.pages.work.views import require_worker, shared, words
from web.security.guard import principal

bp = Blueprint("desk", __name__)

# who has something to look at here
USES = (Action.DISPATCH, Action.SUPERVISE, Action.READ)


@bp.get("/desk")
def desk() -> Response:
    """The page; its filters, and `incident`, are in its address, and what it shows it asks the API for."""
    by = require_incident_reader()
    edition = editions.active_edition(session())
    figures = overview(session(), params.parse_datetime(None))
    data = shared() | {
        "words": words() | desk_words(),
        "categories": [
            {"code": one.code, "zh": one.zh, "en": one.en, "major_zh": one.major_zh, "major_en": one.major_en}
            for one in edition.categories.values()
        ],
        "areas": areas(by),
        "severities": list(SEVERITIES),
        "may": {
            "dispatch": by.may(Action.DISPATCH) or by.operates,
            "contacts": by.may(Action.CONTACTS) or by.operates,
        },
        # a mere operator sees only what nobody else can act on
        "unanswered": url_for("unanswered_page.listed") if by.operates and not by.may(Action.READ) else None,
    }
    return render_page(
        "desk.html",
        script="desk.js",
        data=data,
        parts=base_map(figures),
        figures=figures,
        desks=waits_at().items(),
    )


def waits_at() -> dict[str, str]:
    """Where a matter waits, as one chooses it: `gis.incidents.reading.queues.QUEUES`."""
    return {
        "operator": _("The operator"), "county": _("The county"), "street": _("The street"),
        "community": _("The community"), "holder": _("Who holds it"), "post": _("Who stands in"),
        "offered": _("Those it is offered to"), "nobody": _("Nobody"),
    }  # fmt: skip


def require_incident_reader() -> Principal:
    """Who asks, when they may see incidents of places.

    Raises:
        SignInNeeded, Forbidden: Nobody, or somebody who may not.
    """
    by = principal()
    if by.operates:  # what nobody else can act on waits for the operator
        return by
    for action in USES:
        if by.may(action):
            return require_worker(action)
    if by.kind == "anonymous":
        return require_worker(Action.READ)
    raise Forbidden("the desk is for those who dispatch or look on")


AREAS = """
WITH RECURSIVE down AS (
  SELECT id, code, name, level, code AS path, 0 AS depth FROM area WHERE id = ANY(:areas) AND (retired_at IS NULL OR retired_at > now())
  UNION ALL
  SELECT a.id, a.code, a.name, a.level, down.path || ' ' || a.code, depth + 1 FROM area a JOIN down ON a.parent_id = down.id
  WHERE a.level <> 'unit' AND (a.retired_at IS NULL OR a.retired_at > now()) AND depth < 4
)
SELECT code, name, level, min(depth) AS depth, min(path) AS path FROM down
GROUP BY code, name, level ORDER BY path LIMIT 2000
"""


def areas(by: Principal, action: Action = Action.READ) -> list[dict[str, object]]:
    """The areas somebody may do something in, with what is in them, as a tree in one list."""
    seen = by.may_in.get(action) or frozenset()
    rows = session().execute(text(AREAS), {"areas": sorted(seen)})
    return [{"code": row.code, "name": row.name, "level": row.level, "depth": row.depth} for row in rows]


def desk_words() -> dict[str, str]:
    """What desk.js puts on screen besides what incident.js does."""
    return {
        "all": _("All states"),
        "all_kinds": _("All kinds"),
        "open": _("Open"),
        "none": _("Nothing fits these filters."),
        "none_next": _("Take a filter away to see more."),
        "none_at_all": _("Nothing has been reported here yet."),
        "none_operator": _("Nothing waits here: every open matter is with somebody of its place. See also:"),
        "unanswered": _("Places nobody answers for"),
        "clear": _("Clear the filters"),
        "more": _("Show more"),
        "shown": _("{n} shown, {all} in all"),
        "new_some": _("{n} new: show them"),
        "chosen": _("{n} chosen"),
        "bulk_none": _("These have no move in common."),
        "bulk_done": _("{move}: {n} done"),
        "bulk_failed": _("{n} not done"),
        "choose": _("Choose {what}"),
        "choose_one": _("Choose a matter on the left to see it here."),
        "candidates": _("Give it to"),
        "suggested": _("Suggested"),
        "by_rule": _("As the rule says"),
        "by_rule_why": _("whoever the routing rule finds now"),
        "push": _("Push as an order"),
        "push_why": _("whoever claims it first; unclaimed in time it comes back"),
        "load": _("{n} open"),
        "away": _("on leave"),
        "stands_in": _("stands in"),
        "vacant": _("vacant"),
        "skilled": _("has the skill"),
        "duplicates": _("Alike and near"),
        "link": _("Link to it"),
        "show_contact": _("Show contact"),
        "contact_reason": _("Why you need the contact (kept for auditors)"),
        "category": _("Kind"),
        "severity": _("Severity"),
        "sev_low": _("Low"),
        "sev_normal": _("Normal"),
        "sev_high": _("Serious"),
        "sev_urgent": _("Urgent"),
        "as_it_is": _("as it is"),
        "changed": _("changed"),
        "asked_by": _("asked by {who}"),
        "offered": _("offered to {n}"),
        "offline_list": _("No connection. This is the list last seen; it is asked again by itself."),
        "moved": _("Done: {move}"),
        "by_way_order": _("Order"),
        "rule": _("Rule"),
        "reporter_words": _("In the reporter's words"),
        "area_all": _("All areas"),
        "no_words": _("No words given"),
    }
