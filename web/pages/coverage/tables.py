"""`/coverage/tables`: walking profiles and standards, read and edited as spreadsheets."""

import csv
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

from flask import Blueprint, Response, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from gis.db import audit_context
from gis.errors import WanggeError
from gis.facilities import standard_editions, standards
from gis.files.column import Column
from gis.files.editions import Editions
from gis.incidents.routing.rules_store import require_all_counties
from gis.network import profile_table
from gis.rights.actions import Action
from web.http import i18n
from web.http.body_limit import MAX_SPREADSHEET_BYTES, body_limit
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.http.uploads import uploaded_file
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.session import principal

bp = Blueprint("coverage_tables", __name__)


class EditedTable(NamedTuple):
    """A table kept in editions: its title, columns, editions, and what loads one."""

    title: Any
    columns: tuple[Column, ...]
    editions: Editions[Any]
    load: Callable[..., int | None]


EDITED_TABLES = {
    "profiles": EditedTable(
        lazy_gettext("Who walks how fast, and what hinders them"),
        profile_table.COLUMNS,
        profile_table.EDITIONS,
        profile_table.load,
    ),
    "standards": EditedTable(
        lazy_gettext("Which facilities are required, by tier"),
        standards.COLUMNS,
        standard_editions.EDITIONS,
        standard_editions.EDITIONS.load,
    ),
}


@bp.get("/coverage/tables")
def tables() -> Response:
    """Show both tables in force."""
    require(Action.FIGURES)
    return _page()


@bp.get("/coverage/tables/<any(profiles, standards):name>.xlsx")
def file(name: str) -> Response:
    """Send a table as a spreadsheet, to be edited and sent back."""
    require(Action.FIGURES)
    editions = EDITED_TABLES[name].editions
    rows = editions.active_rows(session())
    return attachment(f"{name}.xlsx", lambda path: editions.dump(rows, path))


@bp.post("/coverage/tables/<any(profiles, standards):name>")
@body_limit(MAX_SPREADSHEET_BYTES)
def upload(name: str) -> Response:
    """Make a spreadsheet the table in force, or show what is wrong with it by row and column."""
    by, table = require(Action.RULES), EDITED_TABLES[name]
    require_all_counties(session(), by)
    try:
        with uploaded_file("input.file_missing") as sent:
            rows, report = table.editions.parse(sent.path)
    except WanggeError as error:
        return _page(error=localised_detail(error))
    if report.refused:
        return _page(problems=[cell.text_in(i18n.chosen()) for cell in report.refused])
    with audit_context(session(), by.actor, f"load {name}"):
        number = table.load(session(), rows, sent.name, by.actor)
        session().commit()
    flash(
        _("The same as the table in force.")
        if number is None
        else _("Edition %(n)s is in force.", n=number)
    )
    return cast(Response, redirect(url_for("coverage_tables.tables"), 303))


def _page(**values: Any) -> Response:
    return render_page(
        "coverage/tables.html",
        tables=[
            (name, table.title, _headers(table.columns), _cells(table.editions))
            for name, table in EDITED_TABLES.items()
        ],
        may_edit=principal().is_allowed(Action.RULES),
        **values,
    )


def _headers(columns: tuple[Column, ...]) -> list[str]:
    """Return the headers in the reader's language; a spreadsheet may have either."""
    return [column.zh if i18n.chosen() == "zh" else column.key for column in columns]


def _cells(editions: Editions[Any]) -> list[list[str]]:
    """Return the rows of the table in force as its spreadsheet shows them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        editions.dump(editions.active_rows(session()), path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.reader(file))[1:]
