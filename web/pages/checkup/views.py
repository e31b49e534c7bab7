"""`/checkup`: check-up sheets of communities: read, print on A4, write a visit down."""

from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.areas.offered_areas import list_subtree
from gis.errors import InvalidInput, TooLarge
from gis.facilities import checkup, checkup_table, checkup_visits
from gis.facilities.checkup import Finding
from gis.facilities.checkup_visits import Visit
from gis.facilities.models import VISIT_RESULTS
from gis.facilities.standards import COMPLETE, TIERS
from gis.files.photos import MAX_PHOTOS
from gis.messages import label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.db import session
from web.http.errors import localised_detail
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.sanitising import parse_photos

bp = Blueprint("checkup_page", __name__)

MAX_SHOWN_PLACES = 6  # facilities and buildings named in an item; the spreadsheet has more


@bp.get("/checkup")
def communities() -> Response:
    """List the communities whose sheet the account may read."""
    by = require(Action.FIGURES)
    areas = list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ())
    return render_page(
        "checkup/communities.html",
        communities=[area for area in areas if area["level"] == "community"],
    )


@bp.get("/checkup/<community>")
def sheet(community: str) -> Response:
    """Show the sheet of a community by the standards of `tier`."""
    return _page(require(Action.FIGURES), community, _tier(request.args.get("tier", COMPLETE)))


@bp.post("/checkup/<community>")
@body_limit(PHOTO_FORM_MAX_BYTES)
def add_visit(community: str) -> Response:
    """Write a visit down, or show the sheet with what is wrong."""
    by, now = require(Action.HANDLE), params.parse_datetime(None)
    form, tier = request.form, _tier(request.form.get("tier", COMPLETE))
    try:
        attached = parse_photos("photo")
        checkup_visits.add_visit(
            session(),
            by,
            community,
            checkup_visits.VisitInput(
                tier=tier,
                item=form.get("item", ""),
                result=form.get("result", ""),
                location=form.get("where", ""),
                note=form.get("note", ""),
                visited_at=params.parse_datetime(form.get("visited_at"), "visited_at"),
            ),
            now,
            attached,
        )
    except (InvalidInput, TooLarge) as error:
        session().rollback()
        response = _page(by, community, tier, error=localised_detail(error))
        response.status_code = 413 if isinstance(error, TooLarge) else 422
        return response
    session().commit()
    flash(_("The visit is written down."))
    address = url_for("checkup_page.sheet", community=community, tier=tier)
    return cast(Response, redirect(address, 303))


def _tier(value: str) -> str:
    """Return a tier of the address.

    Raises
    ------
    InvalidInput
        `field.none_of`: there is no such tier.
    """
    if value not in TIERS:
        raise params.invalid_field("tier", "field.none_of", value=value[:40], allowed=list(TIERS))
    return value


def _page(by: Principal, code: str, tier: str, error: str = "") -> Response:
    now, language = params.parse_datetime(None), i18n.chosen()
    community = checkup_visits.read_community(session(), by, code, now)
    result = checkup.check_up(session(), community, now, tier)
    visits = checkup_visits.list_visits(session(), by, community, tier, now)
    return render_page(
        "checkup/checkup.html",
        sheet=result,
        rows=[_row(finding, visits, language) for finding in result.findings],
        columns={
            name: label(f"checkup_column.{name}", language)
            for name in checkup_table.CHECKUP_COLUMNS
        },
        tiers={key: checkup_table.tier_name(key, language) for key in TIERS},
        results={key: label(f"checkup_result.{key}", language) for key in VISIT_RESULTS},
        may_write=checkup_visits.may_write(session(), by, community, now),
        error=error,
        max_photos=MAX_PHOTOS,
        form=request.form,
        today=now.date().isoformat(),
        table=url_for("checkups.table", community=community.code, tier=tier),
    )


def _row(finding: Finding, visits: list[Visit], language: str) -> dict[str, Any]:
    """Return an item as the page shows it."""
    seen = [visit for visit in visits if visit.item == finding.standard.item]
    zone = current_app.config["SETTINGS"].timezone
    values = checkup_table.cells(finding, seen, language, zone, MAX_SHOWN_PLACES)
    return dict(zip(checkup_table.CHECKUP_COLUMNS, values, strict=True)) | {
        "key": finding.standard.item,
        "photos": [photo.id for visit in seen for photo in visit.photos],
        "note": finding.standard.note if language == "zh" else "",
        "state": finding.result,
    }
