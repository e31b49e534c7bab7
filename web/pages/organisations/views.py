"""`/organisations` and `/takers`: who belongs where, who takes orders, and how evenly."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.areas.hierarchy import list_upper_areas
from gis.db import audit_context
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.exchange.organisations import write_organisation_table
from gis.incidents import organisations, takers
from gis.incidents.catalogue import editions
from gis.incidents.kind_edits import list_roots
from gis.incidents.reading import organisations as reading
from gis.kinds import read_kinds
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from web.http import i18n
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.http.params import parse_datetime
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("organisations_page", __name__)

ORGANISATION_FIELDS = (
    "code", "name", "kind", "number", "parent", "area", "estate", "facility", "head", "head_name",
    "head_phone", "phone", "address", "hours",
)  # fmt: skip
MEMBER_FIELDS = ("person", "name", "phone", "role")
TAKER_FIELDS = ("person", "name", "phone", "area", "role", "hours", "address", "consent_by")


@bp.get("/organisations")
def list_organisations() -> Response:
    """List organisations; one, with its members, where its code stands in the address."""
    return _organisations_page(require(Action.DISPATCH))


@bp.post("/organisations")
def save_organisation() -> Response:
    """Enter an organisation, or change it."""
    by, form = require(Action.POSTS), _form(ORGANISATION_FIELDS)

    def write(now: datetime) -> None:
        stated = organisations.OrganisationInput(
            **form, skills=_skills(), active=not request.form.get("inactive")
        )
        organisations.save_organisation(session(), by, stated, now)

    problem = _written(by, write)
    if problem:
        return _organisations_page(by, problem=problem, form=form)
    return _back(url_for("organisations_page.list_organisations", code=form["code"]))


@bp.post("/organisations/<code>/members")
def save_member(code: str) -> Response:
    """Let somebody belong to an organisation, or end it, as the pressed button (`do`) says."""
    by, form = require(Action.POSTS), _form(MEMBER_FIELDS)

    def write(now: datetime) -> None:
        ends = now if request.form.get("do") == "end" else None
        organisations.save_member(
            session(),
            by,
            code,
            now=now,
            **form | {"role": form["role"] or None},
            takes_orders=bool(request.form.get("takes_orders")),
            ends=ends,
        )

    problem = _written(by, write)
    if problem:
        return _organisations_page(by, problem=problem, code=code)
    return _back(url_for("organisations_page.list_organisations", code=code))


@bp.get("/takers")
def list_takers() -> Response:
    """List who takes orders, with what they took in a year, and how evenly."""
    return _takers_page(require(Action.NAMES))


@bp.post("/takers")
def save_taker() -> Response:
    """Enter somebody who takes orders, or change what is stored."""
    by, form = require(Action.POSTS), _form(TAKER_FIELDS)

    def write(now: datetime) -> None:
        consent = request.form.get("consent", "")
        stated = takers.TakerInput(
            **form,
            skills=_skills(),
            consent=parse_datetime(consent, "consent") if consent else None,
            active=not request.form.get("inactive"),
        )
        takers.save_taker(session(), by, stated, now)

    problem = _written(by, write)
    if problem:
        return _takers_page(by, problem=problem, form=form)
    return _back(url_for("organisations_page.list_takers"))


@bp.get("/organisations/<any(organisations, members, takers):kind>.xlsx")
def export(kind: str) -> Response:
    """Send the list in the form that loads again; that it was is recorded."""
    by, now = require(Action.EXPORT), parse_datetime(None)
    zone = current_app.config["SETTINGS"].timezone

    def write(path: Path) -> None:
        write_organisation_table(session(), by, kind, path, now, zone)

    response = attachment(f"{kind}-{now:%Y%m%d-%H%M}.xlsx", write)
    record_export(by, f"list of {kind} (.xlsx)", "")
    return response


def _form(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: request.form.get(name, "").strip() for name in names}


def _skills() -> list[str]:
    return request.form.getlist("skill")


def _written(by: Principal, write: Callable[[datetime], None]) -> str:
    """Do a write and commit; return what is wrong, empty if nothing is."""
    try:
        with audit_context(session(), by.actor, "organisations page"):
            write(parse_datetime(None))
            session().commit()
    except (InvalidInput, Forbidden, NotFound) as error:
        session().rollback()
        return localised_detail(error)
    flash(_("It was saved."))
    return ""


def _back(address: str) -> Response:
    return cast(Response, redirect(address, 303))


def _choices() -> dict[str, Any]:
    """Return the areas and skills that forms offer."""
    language = i18n.chosen()
    edition = editions.active_edition(session())
    skills = {
        category.skill: category.zh if language == "zh" else category.en
        for category in edition.categories.values()
        if category.skill
    }
    skills |= {kind.key: kind.name(language) for kind in read_kinds(session(), "skill").rows}
    return {"areas": list_upper_areas(session()), "skills": skills}


def _organisations_page(
    by: Principal, *, problem: str = "", form: dict[str, str] | None = None, code: str = ""
) -> Response:
    now, language = parse_datetime(None), i18n.chosen()
    rows = reading.list_organisations(session(), by, now, active=False)
    code = code or request.args.get("code", "")
    chosen = next((row for row in rows if row.code == code), None)
    kinds = {
        root.key: root.zh if language == "zh" else root.en
        for root in list_roots(session())["organisation"]
    }
    own_kinds = {row.key: row.name(language) for row in read_kinds(session(), "organisation").rows}
    named = chosen is not None and by.is_allowed(Action.NAMES)
    members = reading.list_members(session(), by, now, code) if named else []
    values = {name: getattr(chosen, name, None) or "" for name in ORGANISATION_FIELDS}
    response = render_page(
        "organisations/organisations.html",
        rows=rows,
        chosen=chosen,
        members=members,
        kinds=kinds | own_kinds,
        form=form or values,
        problem=problem,
        new="new" in request.args,
        may_change=by.is_allowed(Action.POSTS),
        may_export=by.is_allowed(Action.EXPORT),
        **_choices(),
    )
    response.status_code = 422 if problem else 200
    return response


def _takers_page(
    by: Principal, *, problem: str = "", form: dict[str, str] | None = None
) -> Response:
    now, language = parse_datetime(None), i18n.chosen()
    rows = reading.list_takers(session(), by, now, now - timedelta(days=365))
    chosen = next((row for row in rows if row.person == request.args.get("person")), None)
    values = {name: getattr(chosen, name, None) or "" for name in TAKER_FIELDS}
    response = render_page(
        "organisations/takers.html",
        rows=rows,
        chosen=chosen,
        fairness=reading.fairness([row.orders for row in rows if row.active]),
        roles={
            key: ROLE_BY_KEY[key].zh if language == "zh" else ROLE_BY_KEY[key].en
            for key in takers.TAKER_ROLES
        },
        form=form or values,
        problem=problem,
        new="new" in request.args,
        may_change=by.is_allowed(Action.POSTS),
        may_export=by.is_allowed(Action.EXPORT),
        today=f"{now:%Y-%m-%d}",
        **_choices(),
    )
    response.status_code = 422 if problem else 200
    return response
