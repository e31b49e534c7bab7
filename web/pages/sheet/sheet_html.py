"""Printed map sheets of grids as one HTML document, laid out for A4 or A3 paper."""

from dataclasses import dataclass
from datetime import datetime

from flask import current_app, render_template
from flask_babel import gettext as _

from gis.boundaries.sheets import GridSheet, SheetSet
from gis.files.datasets import has_made_up_data
from gis.rights.roles import role_label
from gis.settings import ROOT
from gis.shapes.bounding_lines import SIDES, Limit
from layers.overview import overview
from layers.sheet_map import sheet_map
from web.http.db import session
from web.pages.shell.tokens import tokens_css

SHEET_CSS = ROOT / "web" / "pages" / "sheet" / "static" / "sheet.css"
LEADER = "grid_leader"  # stated as vacant when nobody holds it


@dataclass(frozen=True)
class Paper:
    """A size of paper, lying: its name in CSS, and width and height of the map on it in mm."""

    css: str
    width: float
    height: float


PAPERS = {"A4": Paper("A4 landscape", 196, 157), "A3": Paper("A3 landscape", 304, 251)}


def sheets_document(sheets: SheetSet, paper: str, language: str, at: datetime) -> str:
    """Return the sheets as one HTML document that needs nothing else.

    Several grids are preceded by an overview of all.

    Parameters
    ----------
    paper
        A key of `PAPERS`.
    at
        Moment of the boundaries, and date of the sheet.
    """
    size = PAPERS[paper]
    sheet_list: list[GridSheet | None] = list(sheets.sheets)
    if len(sheet_list) > 1:
        sheet_list.insert(0, None)
    extent = (size.width, size.height)
    pages = [
        (sheet, sheet_map(session(), sheets, sheet, extent, at, _title(sheets, sheet)))
        for sheet in sheet_list
    ]
    return render_template(
        "sheet/sheet.html",
        language=language,
        paper=size,
        style=tokens_css() + SHEET_CSS.read_text(encoding="utf-8"),
        sheets=sheets,
        pages=[(sheet, drawn, _title(sheets, sheet)) for sheet, drawn in pages],
        sides=_side_labels(),
        limits={sheet.code: _limits(sheets, sheet) for sheet in sheets.sheets},
        posts={sheet.code: _posts(sheet, language) for sheet in sheets.sheets},
        made_up=has_made_up_data(session()),
        printed=at.astimezone(current_app.config["SETTINGS"].timezone),
        attributions=overview(session(), at).attributions,
    )


def _title(sheets: SheetSet, sheet: GridSheet | None) -> str:
    return f"{sheets.above[-1]} {sheet.name}" if sheet else str(sheets.above[-1])


def _side_labels() -> dict[str, str]:
    """Return the label of each side, in the order of 四至."""
    return dict(zip(SIDES, (_("East"), _("South"), _("West"), _("North")), strict=True))


def _limits(sheets: SheetSet, sheet: GridSheet) -> dict[str, str]:
    """Return what bounds a grid by side, in words."""
    return {
        side: _(", ").join(_limit(limit, sheets) for limit in limits)
        for side, limits in sheet.limits.items()
    }


def _limit(limit: Limit, sheets: SheetSet) -> str:
    if limit.kind == "line":
        return limit.name
    if limit.kind == "neighbour":
        return sheets.names.get(limit.name, limit.name)
    return str(_("no grid beyond"))


def _posts(sheet: GridSheet, language: str) -> list[tuple[str, str]]:
    """Return role and holder of each post, the grid leader's also when it is vacant."""
    rows = [
        (role_label(post.role, language), post.holder["name"] if post.holder else str(_("vacant")))
        for post in sheet.posts
    ]
    if not any(post.role == LEADER for post in sheet.posts):
        rows.insert(0, (role_label(LEADER, language), str(_("vacant"))))
    return rows
