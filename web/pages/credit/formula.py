"""`/formula`: a formula of points or stars: read, edited, tried out, published, and closed."""

from typing import Any, cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.credit.closing import close_year
from gis.credit.formulas import (
    list_counties,
    list_editions,
    proposed_rules,
    publish,
    require_editor,
)
from gis.credit.models import FORMULA_KINDS
from gis.credit.preview import preview, propose
from gis.credit.rules import COUNTABLE, Rule, field_name, parse_amount, rule_label
from gis.db import audit_context
from gis.errors import Conflict, InvalidInput, NotFound, invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year
from web.http import i18n
from web.http.db import session
from web.http.errors import localised_detail
from web.http.params import parse_datetime, parse_year
from web.pages.shell.page import render_page
from web.security.guard import require

bp = Blueprint("formula_page", __name__)

MAX_PREVIEW_ROWS = 100


@bp.get("/formula")
def formula() -> Response:
    """Show the formula of a county and year as a form, with the editions before it."""
    by = require(Action.RULES)
    kind, county, year = _asked(by)
    rules = proposed_rules(session(), kind, county, year.number)
    amounts = {
        field_name(rule.fact, rule.condition): (
            f"{rule.value:g}",
            f"{rule.cap:g}" if rule.cap else "",
        )
        for rule in rules
    }
    return _page(by, kind, county, year, amounts)


@bp.post("/formula")
def change_formula() -> Response:
    """Try a formula out, publish it, or close the year, as the pressed button (`do`) says."""
    by = require(Action.RULES)
    kind, county, year = _asked(by)
    button, now = request.form.get("do"), parse_datetime(None)
    names = [field_name(*each) for each in COUNTABLE[kind]]
    amounts = {
        name: (request.form.get(name, ""), request.form.get(f"cap.{name}", "")) for name in names
    }
    try:
        if button == "close":
            with audit_context(session(), by.actor, "close year"):
                close_year(session(), by, kind, county, year, now)
                session().commit()
            flash(_("The year is closed. Its result stays as it is now."))
        else:
            rules = _rules(kind, amounts)
            if button != "publish":
                return _page(by, kind, county, year, amounts, tried=rules)
            with audit_context(session(), by.actor, "publish formula"):
                base = int(parse_amount(request.form.get("base", ""), "base") or 0)
                publish(session(), by, kind, county, year, rules, base=base, now=now)
                session().commit()
            flash(_("The formula is published and counts for the whole year."))
    except (InvalidInput, Conflict, NotFound) as error:
        session().rollback()
        return _page(by, kind, county, year, amounts, problem=localised_detail(error))
    address = url_for("formula_page.formula", kind=kind, county=county, year=year.number)
    return cast(Response, redirect(address, 303))


def _asked(by: Principal) -> tuple[str, str, Year]:
    """Return the kind, county and year of a request; a county without one is the first of theirs.

    Raises
    ------
    InvalidInput
        The kind, the county or the year is none.
    Forbidden
        The county is not theirs.
    """
    kind = request.values.get("kind", FORMULA_KINDS[0])
    if kind not in FORMULA_KINDS:
        raise invalid_field("kind", "field.none_of", value=kind[:40], allowed=FORMULA_KINDS)
    counties = list_counties(session(), by, (Action.RULES,))
    county = request.values.get("county") or next(iter(counties), "")
    if county and county not in counties:
        require_editor(session(), by, county)
    return kind, county, parse_year(request.values.get("year", ""))


def _rules(kind: str, amounts: dict[str, tuple[str, str]]) -> list[Rule]:
    """Return the rows of the form that have a value.

    Raises
    ------
    InvalidInput
        A value is no number.
    """
    rules = []
    for fact, condition in COUNTABLE[kind]:
        name = field_name(fact, condition)
        value, cap = (parse_amount(text, name) for text in amounts[name])
        if value is not None:
            rules.append(Rule(fact, condition, value, cap))
    return rules


def _page(
    by: Principal,
    kind: str,
    county: str,
    year: Year,
    amounts: dict[str, tuple[str, str]],
    *,
    tried: list[Rule] | None = None,
    problem: str = "",
) -> Response:
    """Return the page; with what is wrong, as status 422.

    Parameters
    ----------
    amounts
        Value and cap of each row, as text.
    tried
        Rules to be tried out.
    """
    language, now = i18n.chosen(), parse_datetime(None)
    listed = list_editions(session(), kind, year.number, [county])
    current = listed[0] if listed else None
    values: dict[str, Any] = {}
    if tried is not None:
        try:
            proposed = propose(kind, county, year, tried, current)
            if by.is_allowed(Action.FIGURES):
                values["differences"] = preview(session(), by, year, current, proposed, now=now)
            values["tried"] = True
        except InvalidInput as error:
            problem = localised_detail(error)
    response = render_page(
        "credit/formula.html",
        kind=kind,
        county=county,
        counties=list_counties(session(), by, (Action.RULES,)),
        year=year.number,
        rows=[
            (
                field_name(*each),
                rule_label(*each, language),
                *amounts.get(field_name(*each), ("", "")),
            )
            for each in COUNTABLE[kind]
        ],
        editions=listed,
        current=current,
        is_over=now >= year.until,
        reads=by.is_allowed(Action.FIGURES),
        problem=problem,
        max_rows=MAX_PREVIEW_ROWS,
        zone=year.zone,
        **values,
    )
    response.status_code = 422 if problem else 200
    return response
