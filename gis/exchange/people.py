"""Loading the people who hold posts, their posts, and their leave.

One row is one post, or one leave.
"""

import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path

from sqlalchemy.orm import Session

from gis.exchange.columns import PEOPLE_COLUMNS
from gis.exchange.people_store import list_person_ids, write_leaves, write_people, write_posts
from gis.exchange.post_rows import ROLE_BY_WORD, PostChange, PostLoader, find_role
from gis.files import datasets
from gis.files.header import plain_name
from gis.files.report import LoadReport
from gis.files.tables import Row, Table, finish_reading, no_check, read_table
from gis.incidents.reading import unanswered
from gis.settings import Settings

# Texts that mark a vacant post.
VACANT_PATTERN = re.compile(
    r"[(（\[【]?(?:空缺|暂缺|缺编|缺员|缺|空岗|空|待定|待补|待招|待聘|待配|待选|待任|招聘中|未配备|未定|无|暂无|[-—/]+)[)）\]】]?"
)


def load_people(
    session: Session, path: Path, crs: str | None = None, *, timezone: tzinfo = Settings.timezone
) -> LoadReport:
    """Load people, posts and leave from a table.

    `gis.exchange.columns.PEOPLE` says what it may hold.

    A person is known by the staff number. A new holder closes the post of the old one at the new
    first day, except in roles that several share (`PostRole.shared`). People, posts and leave that
    are not in the file stay.

    Parameters
    ----------
    crs
        Not used; every load takes it.
    timezone
        In which the days of the file begin.

    Returns
    -------
    The report. Where a row is refused nothing is written at all.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table.
    """
    report = LoadReport("people", path.name)
    load_people_table(session, read_table(path, PEOPLE_COLUMNS, report), report, timezone)
    datasets.record_report(session, path, report)
    return report


def load_people_table(
    session: Session,
    table: Table,
    report: LoadReport,
    timezone: tzinfo,
    check: Callable[[PostLoader, Sequence[PostChange]], None] = no_check,
) -> None:
    """Load people, posts and leave from an open table; see `load_people`.

    Parameters
    ----------
    check
        Called with the loader and the posts that change before anything is written; may refuse
        more.
    """
    rows = [_with_vacancies(row, report) for row in table.rows]
    if "to" in table.columns and plain_name(table.columns["to"]) == table.columns["to"] != "to":
        end = table.columns["to"]
        report.note("post_row.end_excluded", column=end)
    loader = PostLoader(session, rows, timezone)
    for row in rows:
        report.refused += [table.refuse(row.number, *fault) for fault in loader.take(row)]
        _note_role(row, report)
        if (
            row["person"]
            and row["phone"]
            and row["phone"] != (stored := loader.people[row["person"]][1])
        ):
            report.note_row("post_row.second_telephone", row.number, f"{row['phone']}: {stored}")
        before, after = loader.names.get(row["person"] or ""), row["name"]
        if before and after and before != after:
            report.note_row("post_row.renamed", row.number, f"{row['person']} {before} → {after}")
    posts, leaves, conflicts = loader.arrange()
    report.refused += [
        table.refuse(conflict.row, conflict.field, conflict.reason) for conflict in conflicts
    ]
    check(loader, posts)
    if finish_reading(report):
        write_people(session, loader.people, report)
        ids = list_person_ids(session, list(loader.people.keys() | loader.names.keys()))
        write_posts(session, posts, ids, report)
        write_leaves(session, leaves, ids, report)
        report.messages += unanswered.note(session, loader.now)


def _note_role(row: Row, report: LoadReport) -> None:
    """Note that a remark beside a role is left out."""
    word = row["role"] or ""
    if word.lower() not in ROLE_BY_WORD and (role := find_role(word)):
        report.note_row("post_row.role_remark", row.number, f"{word}: {role.zh}")


def _with_vacancies(row: Row, report: LoadReport) -> Row:
    """Return a row whose person is empty where words say that the post is vacant."""
    word = row["name"] or row["person"]  # a bare row number beside the name is not a post
    if not word or not row["role"] or not VACANT_PATTERN.fullmatch(word):
        return row
    report.note_row("post_row.vacant", row.number, word)
    return Row(
        row.number,
        {key: value for key, value in row.values.items() if key not in ("person", "name", "phone")},
    )
