"""`/papers`: the papers that are handed up, filled in, as files, and the rows behind a figure."""

from typing import cast

from flask import Blueprint, Response, redirect, request, url_for

from gis.messages import Message
from gis.papers.data import EVERY, field_label
from gis.papers.files import PAPER_WRITERS, file_name
from gis.papers.fill import require_file
from gis.rights.actions import Action
from web.http import i18n
from web.http.downloads import attachment
from web.http.request_headers import service_root
from web.pages.papers.paper_page import papers_page, shown_paper
from web.pages.papers.query import DIARY, PaperQuery, parse_query, require_reader
from web.pages.shell.page import render_page
from web.security.disclosures import record_export

bp = Blueprint("papers", __name__)


@bp.get("/papers")
def papers() -> Response:
    """Show a paper of an area and a period; what is chosen stands in the address."""
    by, query = require_reader(), parse_query()
    if not by.is_allowed(Action.FIGURES):  # there is one paper for them
        query = PaperQuery(DIARY, "", query.period, query.person)
    return papers_page(by, query, is_asked="paper" in request.args or query.paper == DIARY)


@bp.get("/diary")
def diary() -> Response:
    """Lead to the diary of who asks, of today."""
    require_reader()
    return cast(Response, redirect(url_for("papers.papers", paper=DIARY)))


@bp.get("/papers/rows")
def rows() -> Response:
    """List the rows of a paper that a figure counts."""
    by, query = require_reader(), parse_query()
    figure = request.args.get("figure", EVERY)
    data = query.fill(by)
    return render_page(
        "papers/rows.html",
        query=query,
        label=field_label(figure, i18n.chosen()),
        count=len(data.marked(figure)),
        **shown_paper(data, figure),
    )


@bp.get("/papers/file.<any(xlsx, docx, pdf):kind>")
def file(kind: str) -> Response:
    """Send a paper as a file; who took it is written down."""
    by, query = require_reader(), parse_query()
    data = query.fill(by)
    require_file(by, data)
    ending = f".{kind}"
    response = attachment(file_name(data, ending), PAPER_WRITERS[ending](data, service_root()))
    record_export(by, Message("shown.paper", {"file": file_name(data, ending)}), query.area)
    return response
