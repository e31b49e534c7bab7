"""`/organisations` and `/takers`: who belongs where, who takes orders, and how evenly."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.areas.offered_areas import list_upper_areas
from gis.db import audit_context
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.exchange.organisations import write_organisation_table
from gis.incidents import organisations, takers
from gis.incidents.catalogue import editions
from gis.incidents.kind_edits import list_roots
from gis.incidents.reading import organisations as reading
from gis.kinds import list_kinds
from gis.messages import Message
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
from web.security.readers import require_one

bp = Blueprint("organisations_page", __name__)

ORGANISATION_FIELDS = (
    "code", "name", "kind", "number", "parent", "area", "estate", "facility", "head", "head_name",
    "head_phone", "phone", "address", "hours",
)  # fmt: skip
MEMBER_FIELDS = ("person", "name", "phone", "role")
TAKER_FIELDS = (
    "person", "name", "phone", "area", "role", "hours", "address", "consent", "consent_by",
)  # fmt: skip


@bp.get("/organisations")
def list_organisations() -> Response:
    """List organisations; one, with its members, where its code stands in the address."""
    return _organisations_page(require_one(reading.LISTING))


@bp.post("/organisations")
def save_organisation() -> Response:
    """Enter an organisation, or change it."""
    by, form, ticks = require(Action.POSTS), _form(ORGANISATION_FIELDS), _ticks()

    def write(now: datetime) -> None:
        texts = form | {"head": _head(by, form, now)}
        stated = organisations.OrganisationInput(
            **texts, skills=ticks["skills"], active=not ticks["inactive"]
        )
        organisations.save_organisation(session(), by, stated, now)

    problem = _written(by, write)
    if problem:
        return _organisations_page(by, problem=problem, form=form | ticks)
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
            organisations.MembershipInput(
                code,
                takes_orders=bool(request.form.get("takes_orders")),
                ends=ends,
                **form | {"role": form["role"] or None},
            ),
            now,
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
    by, form, ticks = require(Action.POSTS), _form(TAKER_FIELDS), _ticks()

    def write(now: datetime) -> None:
        fields = form | {"consent": _consent(by, form, now)}
        stated = takers.TakerInput(**fields, skills=ticks["skills"], active=not ticks["inactive"])
        takers.save_taker(session(), by, stated, now)

    problem = _written(by, write)
    if problem:
        return _takers_page(by, problem=problem, form=form | ticks)
    return _back(url_for("organisations_page.list_takers"))


@bp.get("/organisations/<any(organisations, members, takers):kind>.xlsx")
def export(kind: str) -> Response:
    """Send the list in the form that loads again; that it was is recorded."""
    by, now = require(Action.EXPORT), parse_datetime(None)
    zone = current_app.config["SETTINGS"].timezone

    def write(path: Path) -> None:
        write_organisation_table(session(), by, kind, path, now, zone)

    response = attachment(f"{kind}-{now:%Y%m%d-%H%M}.xlsx", write)
    record_export(by, Message("shown.organisations", {"kind": kind}), "")
    return response


def _form(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: request.form.get(name, "").strip() for name in names}


def _ticks() -> dict[str, Any]:
    return {
        "skills": request.form.getlist("skill"),
        "inactive": bool(request.form.get("inactive")),
    }


def _head(by: Principal, form: Mapping[str, str], now: datetime) -> str:
    """Return the staff number of the stored head; empty where the form names somebody else."""
    rows = reading.list_organisations(session(), by, now, active=False)
    named = next((row.head_name for row in rows if row.code == form["code"]), None)
    return form["head"] if form["head_name"] == named else ""


def _consent(by: Principal, form: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when somebody agreed: the stored moment where the form has its day."""
    rows = reading.list_takers(session(), by, now, now)
    stored = next((row.consent_at for row in rows if row.person == form["person"]), None)
    if form["consent"] == _day(stored):
        return stored
    return parse_datetime(form["consent"], "consent") if form["consent"] else None


def _day(moment: datetime | None) -> str:
    """Return a day in the deployment's zone."""
    zone = current_app.config["SETTINGS"].timezone
    return f"{moment.astimezone(zone):%Y-%m-%d}" if moment else ""


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
    """Return the areas and skills that forms offer; retired skills to what has them."""
    language = i18n.chosen()
    edition = editions.active_edition(session())
    skills = {
        category.skill: category.zh if language == "zh" else category.en
        for category in edition.categories.values()
        if category.skill
    }
    own = list_kinds(session(), "skill")
    skills |= {kind.key: kind.name(language) for kind in own}
    return {
        "areas": list_upper_areas(session()),
        "skills": skills,
        "retired_skills": {kind.key for kind in own if not kind.active},
    }


def _organisations_page(
    by: Principal, *, problem: str = "", form: dict[str, Any] | None = None, code: str = ""
) -> Response:
    now, language = parse_datetime(None), i18n.chosen()
    rows = reading.list_organisations(session(), by, now, active=False)
    code = code or request.args.get("code", "")
    chosen = next((row for row in rows if row.code == code), None)
    kinds = {
        root.key: root.zh if language == "zh" else root.en
        for root in list_roots(session())["organisation"]
    }
    own = list_kinds(session(), "organisation")
    kinds |= {kind.key: kind.name(language) for kind in own}
    named = chosen is not None and by.is_allowed(Action.NAMES)
    members = reading.list_members(session(), by, now, code) if named else []
    values = _stored(chosen, ORGANISATION_FIELDS)
    response = render_page(
        "organisations/organisations.html",
        rows=rows,
        chosen=chosen,
        members=members,
        kinds=kinds,
        retired_kinds={kind.key for kind in own if not kind.active},
        form=form or values,
        problem=problem,
        new="new" in request.args,
        may_change=by.is_allowed(Action.POSTS),
        may_export=by.is_allowed(Action.EXPORT),
        **_choices(),
    )
    response.status_code = 422 if problem else 200
    return response


def _stored(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a form shows of a stored row, or of None."""
    values = {name: getattr(row, name, None) or "" for name in names}
    return values | {"skills": row.skills if row else [], "inactive": bool(row and not row.active)}


def _takers_page(
    by: Principal, *, problem: str = "", form: dict[str, Any] | None = None
) -> Response:
    now, language = parse_datetime(None), i18n.chosen()
    rows = reading.list_takers(session(), by, now, now - timedelta(days=365))
    chosen = next((row for row in rows if row.person == request.args.get("person")), None)
    values = _stored(chosen, TAKER_FIELDS) | {
        "consent": _day(chosen.consent_at if chosen else None)
    }
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
        day=_day,
        **_choices(),
    )
    response.status_code = 422 if problem else 200
    return response
