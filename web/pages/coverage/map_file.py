"""`/coverage/map.html`: the map of coverage as shown, as one file that needs no network."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _

from gis.errors import NotFound
from gis.facilities import path_edits
from gis.facilities.access_classes import MinutesQuery, class_limits
from gis.facilities.access_store import require_categories
from gis.facilities.circles import box_ewkt
from gis.messages import Message, label
from gis.network.profile_table import find_profile
from gis.rights.actions import PLANNING, Action
from gis.rights.principal import Principal
from layers.coverage_map import Comparison, CoverageView, Texts, coverage_map
from layers.folium_map import MIN_ZOOM
from layers.tiles import MAX_ZOOM
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.pages.coverage.class_labels import class_labels
from web.pages.coverage.question import read_choice, read_question
from web.pages.shell.choices import service_name
from web.pages.shell.opening import opening
from web.security.disclosures import record_export
from web.security.guard import require

MAX_EDITS = 10_000  # on one map

bp = Blueprint("coverage_map_file", __name__)


@bp.get("/coverage/map.html")
def map_file() -> Response:
    """Send the map: question, choice, `bbox` and `zoom` stand in the address.

    Of a comparison the names of what changes begin with `with_`.

    Notes
    -----
    Households of buildings are told only where who asks may see figures and take data out; that is
    noted for auditors.
    """
    by, now = require(Action.FIGURES), params.parse_datetime(None)
    category, minutes, profile = read_question()
    categories = require_categories([key.strip() for key in category.split(",")])
    area = request.args.get("area") or None
    query = MinutesQuery(
        categories,
        minutes,
        find_profile(session(), profile).name,
        area,
        params.parse_open_at(request.args.get("at")),
        sites=params.parse_points(request.args.get("sites", ""), "sites"),
    )
    bbox = _bbox()
    zoom = int(params.parse_float(request.args.get("zoom", "15"), "zoom"))
    may_export = by.is_allowed(Action.EXPORT)
    counted = [
        by.areas_by_action[action] if may_export else frozenset()
        for action in (Action.FIGURES, Action.EXPORT)
    ]
    view = CoverageView(
        bbox,
        min(max(zoom, MIN_ZOOM), MAX_ZOOM),
        now,
        read_choice().passes,
        counted,
        _edits(by, now, bbox),
    )
    html = coverage_map(session(), query, view, _texts(query), _comparison(query))
    if may_export:
        record_export(
            by,
            Message("shown.coverage_map", {"category": category, "minutes": minutes}),
            area or "",
        )
    return attachment(f"coverage-{now:%Y%m%d}.html", html)


def _comparison(query: MinutesQuery) -> Comparison | None:
    """Return the other side, as static/sides.js writes what changes; None without any."""
    arguments = request.args
    if "with_straight" in arguments:
        other = replace(query, straight=True)
        return Comparison(other, (_("On foot"), _("Straight circle")))
    if sites := arguments.get("with_sites"):
        other = replace(query, sites=params.parse_points(sites, "with_sites"))
        return Comparison(other, (_("As it is"), _("With the new places")))
    if name := arguments.get("with_profile"):
        other = replace(query, profile=find_profile(session(), name).name)
        return Comparison(other, (_profile_label(query), _profile_label(other)))
    if "with_at" in arguments:
        other = replace(query, open_at=params.parse_open_at(arguments["with_at"] or None))
        return Comparison(other, (_hours_label(query), _hours_label(other)))
    return None


def _edits(
    by: Principal, now: datetime, bbox: tuple[float, float, float, float]
) -> list[dict[str, Any]]:
    """Return what is changed of the paths in a box, to who plans there."""
    if not by.is_allowed_any(PLANNING):
        return []
    rows = path_edits.list_edits(session(), by, now, box=box_ewkt(*bbox), limit=MAX_EDITS)
    named = {
        "close": _("Path closed"),
        "add": _("Path added"),
        "gate": _("Gate on a path"),
    }
    return [
        {
            "type": "Feature",
            "geometry": orjson.loads(row.geometry),
            "properties": {
                "kind": row.kind,
                "name": " · ".join(
                    part for part in (named[row.kind], row.hours, row.reason) if part
                ),
            },
        }
        for row in rows
        if row.state == "in_force"
    ]


def _profile_label(query: MinutesQuery) -> str:
    return label(f"profile.{query.profile}", i18n.chosen())


def _hours_label(query: MinutesQuery) -> str:
    if query.open_at is None:
        return _("at any time")
    return _("open at %(time)s", time=f"{query.open_at:%Y-%m-%d %H:%M}")


def _bbox() -> tuple[float, float, float, float]:
    """Return the box of the address, else that of the deployment.

    Raises
    ------
    NotFound
        There is neither.
    """
    text = request.args.get("bbox")
    bbox = params.parse_bbox(text) if text else opening().bbox
    if bbox is None:
        raise NotFound("map.empty")
    return bbox


def _texts(query: MinutesQuery) -> Texts:
    zone, now = current_app.config["SETTINGS"].timezone, params.parse_datetime(None)
    services = "、".join(service_name(category) for category in query.categories)
    figures = opening(now)
    title = _("%(what)s within %(minutes)s minutes", what=services, minutes=query.minutes)
    return Texts(
        i18n.chosen(),
        f"{figures.names} · {title}" if figures.names else title,
        (
            _profile_label(query),
            _hours_label(query) if query.open_at else "",
            _("Made-up data: people, households and posts here are invented")
            if figures.made_up
            else "",
            _("Saved on %(time)s", time=f"{now.astimezone(zone):%Y-%m-%d %H:%M}"),
        ),
        _("Minutes on foot"),
        _("Households"),
        class_labels(class_limits(query.minutes)),
        lambda n: _("%(n)s min", n=n),
        lambda n: _("%(n)s households", n=n),
    )
