"""`/credit` and `/stars`: points with the events they are of, and stars; they need no script."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from gis.areas.offered_areas import list_subtree
from gis.credit.formulas import Formula, formulas_of, list_counties
from gis.credit.points import EventPoints, OwnerPoints, list_events, list_points
from gis.credit.rules import STAR_SHARES, rule_label, rule_text
from gis.credit.stars import CommunityStars, list_stars, too_few_text
from gis.errors import InvalidInput
from gis.incidents.catalogue import editions
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year
from web.http import i18n
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.errors import localised_detail
from web.http.params import parse_datetime, parse_year
from web.pages.shell.incident_address import incident_address
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_figures_or_own

bp = Blueprint("credit_page", __name__)

FIRST_LISTED_YEARS = 3  # offered beside the present one and the next


@bp.get("/credit")
def credit() -> Response:
    """List points; the events of one person or team where they stand in the address."""
    by = require_figures_or_own()
    error, year, area = "", parse_year(request.values.get("year", "")), request.args.get("area", "")
    formulas = _formulas(by, "points", year)
    person, team = request.args.get("person", ""), request.args.get("team", "")
    rows, events = list[OwnerPoints](), list[EventPoints]()
    try:
        rows = list_points(session(), by, year, formulas.values(), area)
        if person or team:
            events = list_events(
                session(),
                by,
                year,
                formulas.values(),
                person or team,
                is_team=not person,
                area=area,
            )
    except InvalidInput as refusal:
        error = localised_detail(refusal)
    if wants_table() and not error:
        return _event_table(by, year, events) if person or team else _points_table(by, year, rows)
    chosen = next((row for row in rows if row.code and row.code == (person or team)), None)
    return _page(
        "credit/credit.html",
        by,
        error,
        year,
        area,
        formulas,
        kind="points",
        rows=rows,
        chosen=chosen,
        events=[(row, *_event_words(by, row)) for row in events],
        address=lambda row: url_for(
            "credit_page.credit",
            year=year.number,
            area=area or None,
            **{"team" if row.is_team else "person": row.code},
        ),
    )


@bp.get("/stars")
def stars() -> Response:
    """List communities with shares, score and stars."""
    by = require(Action.FIGURES)
    error, year, area = "", parse_year(request.values.get("year", "")), request.args.get("area", "")
    formulas = _formulas(by, "stars", year)
    rows = list[CommunityStars]()
    try:
        rows = list_stars(session(), by, year, formulas, area, now=parse_datetime(None))
    except InvalidInput as refusal:
        error = localised_detail(refusal)
    language = i18n.chosen()
    weighed = {rule.fact for formula in formulas.values() for rule in formula.rules}
    shares = {name: rule_label(name, "", language) for name in STAR_SHARES if name in weighed}
    if wants_table() and not error:
        return _stars_table(by, year, rows, shares)
    return _page(
        "credit/stars.html",
        by,
        error,
        year,
        area,
        formulas,
        kind="stars",
        rows=[(row, too_few_text(row, language)) for row in rows],
        shares=shares,
        share_address=_share_address(year) if by.is_allowed(Action.READ) else None,
    )


def _formulas(by: Principal, kind: str, year: Year) -> dict[str, Formula]:
    counties = list_counties(session(), by, (Action.FIGURES, Action.HANDLE))
    return formulas_of(session(), kind, year.number, counties)


def _page(
    template: str,
    by: Principal,
    error: str,
    year: Year,
    area: str,
    formulas: Mapping[str, Formula],
    *,
    kind: str,
    **values: Any,
) -> Response:
    language = i18n.chosen()
    names = list_counties(session(), by, (Action.FIGURES, Action.HANDLE, Action.RULES))
    this_year = parse_datetime(None).astimezone(year.zone).year
    response = render_page(
        template,
        error=error,
        year=year.number,
        years=range(this_year + 1, this_year - FIRST_LISTED_YEARS, -1),
        area=area,
        areas=list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ()),
        formulas=[
            (formula, names.get(code, code), [rule_text(rule, language) for rule in formula.rules])
            for code, formula in formulas.items()
        ],
        kind=kind,
        editable=list_counties(session(), by, (Action.RULES,)),
        may_export=by.is_allowed(Action.EXPORT),
        zone=year.zone,
        **values,
    )
    response.status_code = 422 if error else 200
    return response


def _share_address(year: Year) -> Any:
    """Return a function from a community and a share to the address of the matters behind it."""
    since, until = f"{year.number}-01-01", f"{year.number}-12-31"

    def address(code: str, metric: str) -> str:
        return url_for(
            "figures_page.rows",
            since=since,
            until=until,
            per="community",
            area=code,
            key=code,
            metric=metric,
        )

    return address


def _event_words(by: Principal, row: EventPoints) -> tuple[str, str, str]:
    """Return what an event counted for, its kind of matter, and where the matter is looked at."""
    language = i18n.chosen()
    return (
        rule_label(row.fact, row.condition, language),
        editions.category_label(session(), row.category, language, row.category_zh),
        incident_address(by, row.incident),
    )


def _points_table(by: Principal, year: Year, rows: list[OwnerPoints]) -> Response:
    by.require(Action.EXPORT)
    header = [_("Name"), _("Code"), _("Team"), _("Matters"), _("Points"), _("Changed since")]
    lines = [
        (row.name, row.code, _("yes") if row.is_team else "", row.matters, row.points, row.change)
        for row in rows
    ]
    response = list_table(f"points-{year.number}", header, lines)
    record_export(
        by, Message("shown.points", {"year": str(year.number)}), request.args.get("area", "")
    )
    return response


def _event_table(by: Principal, year: Year, rows: list[EventPoints]) -> Response:
    by.require(Action.EXPORT)
    header = [
        _("When"),
        _("For"),
        _("Kind"),
        _("Where"),
        _("Points"),
        _("Changed since"),
        _("Matter"),
    ]
    lines = []
    for row in rows:
        fact, category, _address = _event_words(by, row)
        when = f"{row.at.astimezone(year.zone):%Y-%m-%d %H:%M}"
        matter = row.incident or ""
        lines.append((when, fact, category, row.area_name, row.points, row.change, matter))
    response = list_table(f"points-events-{year.number}", header, lines)
    record_export(
        by, Message("shown.point_events", {"year": str(year.number)}), request.args.get("area", "")
    )
    return response


def _stars_table(
    by: Principal, year: Year, rows: list[CommunityStars], shares: Mapping[str, str]
) -> Response:
    by.require(Action.EXPORT)
    header = [_("Community"), _("Code")]
    for name in shares.values():
        header += [name, _("%(what)s: counted", what=name), _("%(what)s: of", what=name)]
    header += [_("Score"), _("Stars"), _("Remark")]
    lines = []
    for row in rows:
        line: list[object] = [row.name, row.code]
        for name in shares:
            share = row.shares[name]
            line += ["" if share.value is None else share.value, share.n, share.of]
        rating = row.rating
        line += [rating.score, rating.stars, too_few_text(row, i18n.chosen())]
        lines.append(line)
    response = list_table(f"stars-{year.number}", header, lines)
    record_export(
        by, Message("shown.stars", {"year": str(year.number)}), request.args.get("area", "")
    )
    return response
