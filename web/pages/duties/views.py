"""`/duties`: duties with yearly targets and their lights, and the form to write visits down."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.db import audit_context
from gis.duties import actions, queries
from gis.duties.targets import LIGHTS
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.exchange.visits import write_visits
from gis.incidents.states import State, state_labels
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import FIRST_YEAR, Year
from web.http import i18n
from web.http.db import session
from web.http.downloads import attachment, list_table, wants_table
from web.http.errors import localised_detail, problem_type
from web.http.params import local_zone, parse_datetime, parse_year
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.readers import require_figures_or_own, storable_id

bp = Blueprint("duties_page", __name__)

VISIT_FIELDS = ("place", "day", "note", "incident")
MAX_SHOWN_DUTIES = 200
MAX_WORDS_CHARS = 60  # of what is looked for


@bp.get("/duties")
def list_duties() -> Response:
    """List the duties of a year, which may stand in the address; as .xlsx where asked."""
    by = require_figures_or_own()
    year = parse_year(request.args.get("year", ""))
    return _table(by, year) if wants_table() else _page(by, year)


@bp.get("/duties/visits.xlsx")
def export_visits() -> Response:
    """Send the visits of a year in the form that loads again; that it was is recorded."""
    by = require_figures_or_own()
    year = parse_year(request.args.get("year", ""))

    def write(path: Path) -> None:
        write_visits(session(), by, path, year)

    response = attachment(f"visits-{year.number}.xlsx", write)
    record_export(by, Message("shown.visits", {"year": str(year.number)}))
    return response


@bp.post("/duties/visits")
def add_visit() -> Response:
    """Write a visit down."""
    by = require_figures_or_own()
    form = {name: request.form.get(name, "").strip() for name in VISIT_FIELDS}

    def write() -> None:
        level, _sign, place = form["place"].partition("|")
        code, _sign, person = place.partition("|")
        stated = actions.VisitInput(
            day=parse_datetime(form["day"], "day").date() if form["day"] else None,
            person=person,
            note=form["note"],
            incidents=[form["incident"]] if form["incident"] else [],
            area="" if level == "building" else code,
            building=code if level == "building" else "",
        )
        actions.record_visit(session(), by, stated, parse_datetime(None), local_zone())

    return _written(by, write, _("The visit was written down."), form)


@bp.post("/duties/visits/<int:visit_id>")
def change_visit(visit_id: int) -> Response:
    """Link an incident to a visit or take it away, as the pressed button (`do`) says."""
    by, number = require_figures_or_own(), storable_id(visit_id)

    def write() -> None:
        if request.form.get("do") == "remove":
            actions.remove_visit(session(), by, number)
        else:
            incident = request.form.get("incident", "")
            actions.link_incident(session(), by, number, incident, local_zone())

    return _written(by, write, _("It was saved."), {})


def _written(by: Principal, write: Callable[[], None], done: str, form: dict[str, str]) -> Response:
    """Do a write and commit; show the page with what is wrong, if anything is."""
    year = parse_year(request.form.get("year", ""))
    try:
        with audit_context(session(), by.actor, "duties page"):
            write()
            session().commit()
    except (InvalidInput, Forbidden, NotFound, Conflict) as error:
        session().rollback()
        response = _page(by, year, problem=localised_detail(error), form=form)
        response.status_code = problem_type(error)[0]
        return response
    flash(done)
    address = url_for("duties_page.list_duties", year=year.number)
    return cast(Response, redirect(address, 303))


def _table(by: Principal, year: Year) -> Response:
    """Return the duties of a year as a file."""
    language = i18n.chosen()
    names = (
        "Duty", "Full name", "Staff number", "Places", "Visits", "Visits needed",
        "Problems solved", "Problems needed", "Light",
    )  # fmt: skip
    cells = [
        (
            row.zh if language == "zh" else row.en,
            row.name or "",
            row.person or "",
            "、".join(place["name"] for place in row.places),
            row.visits.done,
            row.visits.needed,
            row.solved.done,
            row.solved.needed,
            label(f"duty_light.{row.light}", language) if row.person else _("vacant"),
        )
        for row in queries.list_duties(session(), by, year, parse_datetime(None))
    ]
    response = list_table(f"duties-{year.number}", [_(name) for name in names], cells)
    record_export(by, Message("shown.duties", {"year": str(year.number), "count": len(cells)}))
    return response


def _page(
    by: Principal,
    year: Year,
    *,
    problem: str = "",
    form: dict[str, str] | None = None,
) -> Response:
    language, today = i18n.chosen(), parse_datetime(None).astimezone(year.zone).date()
    words = request.args.get("words", "").strip()[:MAX_WORDS_CHARS]
    every = queries.list_duties(session(), by, year, parse_datetime(None))
    fitting = [row for row in every if _has(row, words.lower())]
    rows = fitting[:MAX_SHOWN_DUTIES]
    places = {
        f"{place['level']}|{place['code']}|{row.person}": (
            place["name"] if row.mine else f"{row.name} · {place['name']}"
        )
        for row in (*(row for row in every if row.mine), *rows)
        for place in row.places
        if row.mine or (row.person and by.is_allowed(Action.DISPATCH))
        if not place["retired"]
    }
    return render_page(
        "duties/duties.html",
        year=year.number,
        this_year=today.year,
        first_year=FIRST_YEAR,
        rows=rows,
        count=len(fitting),
        words=words,
        max_words=MAX_WORDS_CHARS,
        visits=queries.list_visits(session(), by, year),
        places=places,
        linkable=queries.list_linkable(session(), by),
        lights={key: label(f"duty_light.{key}", language) for key in LIGHTS},
        states={state.value: state_labels(state)[language == "en"] for state in State},
        today=today,
        max_note=actions.MAX_DUTY_NOTE_CHARS,
        problem=problem,
        form=form or {},
    )


def _has(row: queries.DutyRow, words: str) -> bool:
    """Return whether a duty's kind, person or places have some words, in lower case."""
    names = (row.zh, row.en, row.name, row.person, *(p["name"] for p in row.places))
    return not words or any(words in (name or "").lower() for name in names)
