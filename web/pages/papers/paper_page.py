"""The page of a paper: what is chosen, and what stands in it."""

from datetime import datetime
from typing import Any

from flask import Response, current_app, url_for

from gis.areas.offered_areas import list_subtree
from gis.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unavailable, WanggeError
from gis.papers.data import EVERY, PaperData, field_label, paper_label, value_text
from gis.papers.files import PAPER_FORMATS
from gis.papers.fill import PAPER_BY_KEY, PAPER_TABLE, require_file
from gis.papers.period import KINDS, period_at
from gis.papers.templates import KEEPS, list_templates
from gis.papers.words import heading, lines_of_heading
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n
from web.http.db import session
from web.http.errors import localised_detail
from web.pages.papers.query import PaperQuery
from web.pages.shell.page import render_page

SHOWN_ROWS = 200  # on the page; files have all
# error -> status of the page that says it
STATUSES = {Forbidden: 403, NotFound: 404, InvalidInput: 422, TooLarge: 422, Unavailable: 200}


def papers_page(
    by: Principal, query: PaperQuery, error: WanggeError | None = None, *, is_asked: bool = True
) -> Response:
    """Return the page with a paper, or with what is wrong.

    Parameters
    ----------
    is_asked
        Whether the paper is filled in; else there are only the choices.
    """
    areas = list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ())
    data: PaperData | None = None
    if is_asked and error is None:
        try:
            data = query.fill(by)
        except tuple(STATUSES) as refused:
            error = refused
    language = i18n.chosen()
    counts = by.is_allowed(Action.FIGURES)
    response = render_page(
        "papers/papers.html",
        query=query,
        papers=[(paper, paper_label(paper.key, language)) for paper in PAPER_TABLE]
        if counts
        else [],
        chosen=PAPER_BY_KEY.get(query.paper),
        areas=areas,
        periods=_periods(),
        error=localised_detail(error) if error else "",
        forms=list_templates(session(), by) if counts else [],
        may_keep=by.is_allowed_any(KEEPS),
        formats=PAPER_FORMATS,
        may_take=data is not None and _may_take(by, data),
        asked=is_asked,
        **(shown_paper(data) if data else {}),
    )
    response.status_code = STATUSES.get(type(error), 422) if error else 200
    return response


def _may_take(by: Principal, data: PaperData) -> bool:
    try:
        require_file(by, data)
    except Forbidden:
        return False
    return True


def _periods() -> dict[str, str]:
    """Return the names of the periods that today lies in, by their kind."""
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    return {kind: period_at(kind, today) for kind in KINDS}


def shown_paper(data: PaperData, figure: str = EVERY) -> dict[str, Any]:
    """Return what the page shows of a paper: of its rows those that a figure counts."""
    language = data.question.language
    rows = data.marked(figure)
    base = url_for("map.index").rstrip("/")
    return {
        "filled": True,
        "title": heading(data),
        "lines": lines_of_heading(data),
        "figures": [
            (
                field_label(each.key, language),
                value_text(each.value),
                base + data.figure_path(each),
            )
            for each in data.figures
        ],
        "header": [field_label(name, language) for name in data.columns],
        "rows": [
            [
                (value_text(row.values[name]), base + path if path else "")
                for name in data.columns
                for path in (data.cell_path(row, name),)
            ]
            for row in rows[:SHOWN_ROWS]
        ],
        "hidden_rows": max(len(rows) - SHOWN_ROWS, 0),
    }
