"""`/setup`: the steps from an empty deployment to one that works, for its administrators."""

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from flask import Blueprint, Response, current_app, request
from sqlalchemy.orm import Session

from gis.areas.models import LEVELS_OVER_COUNTY, Level
from gis.crs import SUPPORTED_CRS
from gis.db import audit_context
from gis.errors import Forbidden, InvalidInput, NotFound, WanggeError, invalid_field
from gis.exchange.area_file import ReadOptions
from gis.exchange.areas import load_areas
from gis.exchange.buildings import load_buildings
from gis.exchange.facilities import load_facilities
from gis.exchange.households import load_households
from gis.exchange.people import load_people
from gis.exchange.templates import write_template
from gis.files.report import LoadReport
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.messages import label
from gis.ops.first_accounts import create_first_accounts
from gis.ops.setup import STEP_BY_KEY, Step, next_step, read_steps
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.settings import Settings
from web.http import i18n
from web.http.body_limit import body_limit
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.http.params import parse_datetime
from web.http.uploads import uploaded_file
from web.pages.setup.cards import cards
from web.pages.shell.page import render_page
from web.security import guard

bp = Blueprint("setup_page", __name__)

MAX_SETUP_BYTES = 20 * 1024 * 1024  # of a file; larger ones by the command line
MAX_NEW_ACCOUNTS = 200  # at one press: each takes some 50 ms
TOP_LEVELS = ("county", "street", "community")  # which are entered without a map
COUNTY_LEVELS = (Level.COUNTY, *reversed(LEVELS_OVER_COUNTY))  # of the first step

Loader = Callable[[Session, Path, str | None], LoadReport]
LOADERS: dict[str, Loader] = {
    "buildings": lambda db, path, crs: load_buildings(
        db, path, crs, place="later", timezone=_settings().timezone
    ),
    "households": load_households,
    "people": lambda db, path, crs: load_people(db, path, timezone=_settings().timezone),
    "facilities": load_facilities,
}


@bp.get("/setup")
def steps() -> Response:
    """Show the steps with what is there, what is missing, and what to do next."""
    _require()
    return _page()


@bp.get("/setup/<kind>.xlsx")
def template(kind: str) -> Response:
    """Send the empty spreadsheet of a kind of load.

    Raises
    ------
    NotFound
        No step loads such a table.
    """
    _require()
    if kind not in LOADERS and kind != "areas":
        raise NotFound("setup.no_such_file", kind=kind[:40])

    def write(path: Path) -> None:
        path.unlink(missing_ok=True)
        write_template(kind, path)

    return attachment(f"{kind}.xlsx", write)


@bp.post("/setup/<key>")
@body_limit(MAX_SETUP_BYTES)
def load(key: str) -> Response:
    """Load the file of a step, or the area that its form names; rehearse unless `do` is load.

    Raises
    ------
    NotFound
        No step of that key loads anything.
    """
    by = _require()
    step = STEP_BY_KEY.get(key)
    if step is None or not step.loads:
        raise NotFound("setup.no_such_step", key=key[:40])
    try:
        with audit_context(session(), by.actor, "setup page"):
            report = _area_of_form(step) if request.form.get("code") else _file(step)
            if report.refused or request.form.get("do") != "load":
                session().rollback()
            else:
                _follow(step)
                session().commit()
                report.committed = True
    except WanggeError as error:
        session().rollback()
        return _page(key=key, error=_sentence(error))
    return _page(key=key, report=report)


@bp.post("/setup/accounts")
def make_accounts() -> Response:
    """Make accounts for all who hold a post and have none; only this answer has the passwords."""
    by = _require()
    with audit_context(session(), by.actor, "setup page"):
        created = create_first_accounts(session(), by, parse_datetime(None), MAX_NEW_ACCOUNTS)
        response = render_page(
            "setup/passwords.html", cards=cards(created, i18n.chosen()), address=request.host_url
        )
        session().commit()
    return response


def _page(key: str = "", report: LoadReport | None = None, error: str = "") -> Response:
    """Return the page, with what became of the load of a step; refusals with status 422."""
    language = i18n.chosen()
    states = read_steps(session(), parse_datetime(None), language)
    response = render_page(
        "setup/setup.html",
        states=states,
        upcoming=next_step(states),
        key=key,
        report=report,
        refused=[each.text_in(language) for each in report.refused[:50]] if report else [],
        notes=report.notes_in(language) if report else [],
        error=error,
        systems=SUPPORTED_CRS,
        kinds=[*LOADERS],
        top_levels=TOP_LEVELS,
        county_levels=COUNTY_LEVELS,
        most=MAX_NEW_ACCOUNTS,
        label=lambda code: label(code, language),
    )
    if error or (report and report.refused):
        response.status_code = 422
    return response


def _require() -> Principal:
    """Return who asks, if they administer everything.

    Raises
    ------
    Forbidden
        They administer some areas only.
    """
    by = guard.require(Action.ACCOUNTS)
    if by.areas_by_action[Action.ACCOUNTS] is not None:
        raise Forbidden("setup.administrators_only")
    return by


def _settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])


def _file(step: Step) -> LoadReport:
    """Load the file that was sent.

    Raises
    ------
    InvalidInput
        The system of coordinates is none of ours.
    """
    crs = request.form.get("crs") or None
    if crs is not None and crs not in SUPPORTED_CRS:
        raise invalid_field("crs", "field.not_one_of", allowed=[*SUPPORTED_CRS])
    kind, level = step.loads.partition(":")[0], _level(step)
    with uploaded_file("input.file_missing", max_suffixes=2) as file:
        if level:
            report = load_areas(session(), file.path, level, ReadOptions(crs=crs))
        else:
            report = LOADERS[kind](session(), file.path, crs)
        report.source = file.name
    return report


def _level(step: Step) -> str:
    """Return the level of the areas of a step, empty for none; the form says it over counties."""
    level, stated = step.loads.partition(":")[2], request.form.get("level")
    return stated if level == Level.COUNTY and stated in COUNTY_LEVELS else level


def _area_of_form(step: Step) -> LoadReport:
    """Load one area without a map, as the table of one row that the form is.

    Raises
    ------
    InvalidInput
        The level comes from a map.
    """
    level = _level(step)
    if level not in (*TOP_LEVELS, *COUNTY_LEVELS):
        raise InvalidInput("setup.no_such_step", key=step.key)
    row = {name: request.form.get(name, "").strip() for name in ("code", "name", "parent")}
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{level}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name for name in row if row[name]])
            writer.writeheader()
            writer.writerow({name: value for name, value in row.items() if value})
        report = load_areas(session(), path, level)
    return report


def _follow(step: Step) -> None:
    """Let open incidents follow to where new boundaries put them."""
    if step.loads.startswith("areas"):
        now: datetime = parse_datetime(None)
        reassign_after_boundary_change(session(), now)


def _sentence(error: WanggeError) -> str:
    """Return what is wrong in the reader's language."""
    if not error.errors:
        return localised_detail(error)
    return " ".join(each.message_in(i18n.chosen()) for each in error.errors)
