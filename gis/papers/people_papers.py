"""Papers of people: the roster, party members on duty, follow-up visits, a worker's diary."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound, TooLarge
from gis.incidents.catalogue import editions
from gis.incidents.reading.statistics import grouped_statistics
from gis.incidents.reading.statistics_sql import Scope
from gis.incidents.states import TRANSITIONS, move_labels
from gis.messages import label
from gis.papers.data import EVERY, MAX_PAPER_ROWS, Content, Figure, Question, Row, marked_figures
from gis.papers.incident_papers import area_query
from gis.people.area_chains import area_chain
from gis.people.posts import PostRow, posts_of
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import internal, visibility_clause

ROSTER_COLUMNS = ("area_name", "code", "role", "holder", "deputy", "since", "on_leave")
ROSTER_ROLES = ("grid_leader", "grid_worker", "unit_head")
ROSTER_FIGURES = (EVERY, "held", "vacant", "on_leave", *ROSTER_ROLES)
MEMBER = "party_member"
MEMBER_COUNTS = ("reported", "closed", "overdue", "in_time", "satisfaction")
MEMBER_COLUMNS = ("holder", "person", "area_name", "since", *MEMBER_COUNTS)
MEMBER_FIGURES = (EVERY, "active", "orders")
VISIT_COLUMNS = (
    "at", "number", "category", "address", "area_name", "outcome", "solved", "rating", "reasons",
    "note",
)  # fmt: skip
VISIT_FIGURES = (EVERY, "reached", "solved", "not_solved", "satisfied", "not_satisfied")
CONTENT_FROM = 4  # stars from which who was visited is satisfied
DIARY_COLUMNS = ("at", "move", "number", "category", "area_name", "address", "note")
DIARY_MOVES = ("visit", "note", "take", "handle", "return", "follow_up")
DIARY_FIGURES = (EVERY, *(f"move_{name}" for name in DIARY_MOVES))
# what becomes of a matter by itself is nobody's work
DONE_BY_NOBODY = [
    name
    for name, each in TRANSITIONS.items()
    if each.by == Action.SYSTEM and name not in ("hand_out", "finish_part")
]
LEADS = (Action.SUPERVISE, Action.DISPATCH)  # one of them where the person works


def read_roster(session: Session, by: Principal, question: Question) -> Content:
    """Return the posts of the area and of all areas in it, as they stand at the moment."""
    rows = [
        _roster_row(post, question)
        for post in _posts(session, by, question)
        if post.level != "building"
    ]
    return Content(marked_figures(rows, *ROSTER_FIGURES), rows)


def _roster_row(post: PostRow, question: Question) -> Row:
    is_away = _is_away(post, question.moment)
    marks = {post.role, "held"} if post.holder else {"vacant"}  # a roster counts people
    return Row(
        {
            "area_name": post.area_name,
            "code": post.area,
            "role": post.role_zh if question.language == "zh" else post.role_en,
            "holder": (post.holder or {}).get("name", ""),
            "deputy": (post.deputy or {}).get("name", ""),
            "since": _day(post.valid_from, question),
            "on_leave": _yes(is_away, question.language) if is_away else "",
        },
        frozenset(marks | ({"on_leave"} if is_away else set())),
    )


def _posts(session: Session, by: Principal, question: Question) -> list[PostRow]:
    """Return the posts in the area that stand at the moment of the paper.

    Raises
    ------
    TooLarge
        They are more than a paper holds.
    """
    posts = posts_of(
        session, by, question.area, question.moment, within=True, limit=MAX_PAPER_ROWS + 1
    )
    if len(posts) > MAX_PAPER_ROWS:
        raise TooLarge("paper.too_many_rows", limit=MAX_PAPER_ROWS)
    return [post for post in posts if post.valid_from <= question.moment]


def read_members(session: Session, by: Principal, question: Question) -> Content:
    """Return the party members on duty, with what each of them held of the period's incidents."""
    period = question.period
    scope = Scope(
        period.since, period.until, question.now, "person", question.area, period.zone.key
    )
    posts = [post for post in _posts(session, by, question) if post.role == MEMBER and post.holder]
    counted = {row.key: row for row in grouped_statistics(session, by, scope)[1]}
    rows = []
    for post in posts:
        holder = post.holder or {}
        own = counted.get(holder["code"])
        values = {
            name: (own.rates.get(name) or getattr(own, name)) if own else None
            for name in MEMBER_COUNTS
        }
        values |= {"reported": own.reported if own else 0, "closed": own.closed if own else 0}
        rows.append(
            Row(
                {
                    "holder": holder["name"],
                    "person": holder["code"],
                    "area_name": post.area_name,
                    "since": _day(post.valid_from, question),
                    **values,
                },
                frozenset({"active", "orders"} if own else ()),
                area_query(question, "person") | {"key": holder["code"]},
            )
        )
    orders = sum(own.reported for own in counted.values() if own.key in _codes(posts))
    return Content([*marked_figures(rows, EVERY, "active"), Figure("orders", orders)], rows)


def _codes(posts: list[PostRow]) -> set[str]:
    return {post.holder["code"] for post in posts if post.holder}


VISITS_SQL = """
SELECT e.at, e.note, e.detail, i.id, i.category, c.zh AS category_zh, i.address, g.name AS area_name
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE e.move = 'follow_up' AND e.at >= :since AND e.at < :until
  AND i.area_ids && in_counties(ARRAY[CAST(:area AS bigint)])
  AND {visible} AND {inside}
ORDER BY e.at, e.id LIMIT :limit
"""


def read_visits(session: Session, by: Principal, question: Question) -> Content:
    """Return the follow-up visits made in the period, and what was said at them."""
    question.require(by, Action.READ)
    visible, params = visibility_clause(by, "i")
    query = VISITS_SQL.format(visible=visible, inside=internal(by))
    rows = [
        _visit(session, row, question)
        for row in _events(session, query, params | {"area": question.area_id}, question)
    ]
    return Content(marked_figures(rows, *VISIT_FIGURES), rows)


def _visit(session: Session, row: Any, question: Question) -> Row:
    detail, language = row["detail"], question.language
    solved, rating = detail.get("solved"), detail.get("rating")
    marks = {
        "reached": detail["outcome"] == "reached",
        "solved": solved is True,
        "not_solved": solved is False,
        "satisfied": rating is not None and rating >= CONTENT_FROM,
        "not_satisfied": rating is not None and rating < CONTENT_FROM,
    }
    reasons = [label(f"dissatisfaction.{name}", language) for name in detail.get("reasons", ())]
    return Row(
        _incident_cells(session, row, question)
        | {
            "outcome": label(f"follow_up_outcome.{detail['outcome']}", language),
            "solved": "" if solved is None else _yes(solved, language),
            "rating": rating,
            "reasons": "、".join(reasons),
        },
        frozenset(name for name, is_counted in marks.items() if is_counted),
        {},
        row["id"],
    )


# What a person did on incidents, and the visits of their duties: those have a day and no time.
DIARY_SQL = """
SELECT e.at, e.note, e.move, i.id, i.category, c.zh AS category_zh, i.address, g.name AS area_name
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE e.person_id = :person AND e.at >= :since AND e.at < :until AND e.move <> ALL(:by_nobody)
  AND (e.person_id = :me OR {visible} AND {inside})
UNION ALL
SELECT CAST(v.day AS timestamp) AT TIME ZONE :zone, v.note, 'visit', NULL, '', '',
  b.estate || b.name, a.name
FROM duty_visit v JOIN area a ON a.id = v.area_id LEFT JOIN building b ON b.id = v.building_id
WHERE v.person_id = :person AND v.day BETWEEN :first AND :last
  AND (v.person_id = :me OR CAST(:areas AS bigint[]) IS NULL
    OR v.area_ids && CAST(:areas AS bigint[]))
ORDER BY at LIMIT :limit
"""
PERSON_POSTS_SQL = """
SELECT p.area_id, p.building_id FROM post p
WHERE :person IN (p.holder_id, p.deputy_id)
  AND p.valid_time && tstzrange(CAST(:since AS timestamptz), CAST(:until AS timestamptz))
"""


def read_diary(session: Session, by: Principal, question: Question) -> Content:
    """Return what a person did on incidents, and visited for duties, in the period.

    Of the principal's own, or read by who leads the person.

    Raises
    ------
    NotFound
        There is no such person, or their diary is not for the principal.
    """
    person, name = _diary_person(session, by, question)
    visible, params = visibility_clause(by, "i")
    query = DIARY_SQL.format(visible=visible, inside=internal(by))
    areas = by.areas_of([Action.READ])
    params |= {
        "person": person,
        "me": by.person_id,
        "by_nobody": DONE_BY_NOBODY,
        "areas": None if areas is None else sorted(areas),
        "first": question.period.first,
        "last": question.period.last,
        "zone": question.period.zone.key,
    }
    rows = [_diary_row(session, row, question) for row in _events(session, query, params, question)]
    return Content(marked_figures(rows, *DIARY_FIGURES), rows, name)


def _diary_row(session: Session, row: Any, question: Question) -> Row:
    if row["id"] is None:
        cells = dict.fromkeys(DIARY_COLUMNS, "") | {
            "at": _day(row["at"], question),
            "move": label("paper_field.move_visit", question.language),
            "area_name": row["area_name"],
            "address": row["address"] or "",
            "note": row["note"],
        }
    else:
        cells = _incident_cells(session, row, question)
        cells["move"] = move_labels(row["move"])[question.language == "en"]
    return Row(cells, frozenset({f"move_{row['move']}"}), {}, row["id"])


def _diary_person(session: Session, by: Principal, question: Question) -> tuple[int, str]:
    """Return id and name of the person whose diary it is; without a code that of who asks.

    Raises
    ------
    NotFound
        There is none, or the principal leads none of the areas where they work.
    """
    find = text("SELECT id, name FROM personal.person WHERE code = :code OR id = :me")
    wanted = {"code": question.person, "me": None if question.person else by.person_id}
    person = session.execute(find, wanted).one_or_none()
    if person is None:
        raise NotFound("paper.person_unknown")
    if person.id == by.person_id or by.kind == "system":
        return person.id, person.name
    posts = {"person": person.id, "since": question.period.since, "until": question.period.until}
    for area, building in session.execute(text(PERSON_POSTS_SQL), posts):
        if by.is_allowed_any(LEADS, area_chain(session, area, building, question.moment)):
            return person.id, person.name
    raise NotFound("paper.person_unknown")


def _events(session: Session, query: str, params: dict[str, Any], question: Question) -> list[Any]:
    """Return the events of the period that a query selects.

    Raises
    ------
    TooLarge
        They are more than a paper holds.
    """
    period = {
        "since": question.period.since,
        "until": question.period.until,
        "limit": MAX_PAPER_ROWS + 1,
    }
    rows = session.execute(text(query), params | period).mappings().all()
    if len(rows) > MAX_PAPER_ROWS:
        raise TooLarge("paper.too_many_rows", limit=MAX_PAPER_ROWS)
    return list(rows)


def _incident_cells(session: Session, row: Any, question: Question) -> dict[str, Any]:
    """Return the cells of an event that its incident gives."""
    name = editions.category_label(session, row["category"], question.language, row["category_zh"])
    return {
        "at": f"{row['at'].astimezone(question.period.zone):%Y-%m-%d %H:%M}",
        "number": str(row["id"]),
        "category": name,
        "address": row["address"],
        "area_name": row["area_name"],
        "note": row["note"],
    }


def _is_away(post: PostRow, at: datetime) -> bool:
    """Return whether the holder of a post is on leave at a moment."""
    return any(
        leave["person"] == (post.holder or {}).get("code")
        and datetime.fromisoformat(str(leave["from"])) <= at
        and (leave["until"] is None or at < datetime.fromisoformat(leave["until"]))
        for leave in post.leave
    )


def _day(moment: datetime, question: Question) -> str:
    return moment.astimezone(question.period.zone).date().isoformat()


def _yes(value: bool, language: str) -> str:
    return label("paper_value.yes" if value else "paper_value.no", language)
