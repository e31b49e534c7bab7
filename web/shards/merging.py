"""Requests that are about several counties: cut, asked of each, and put together in order."""

import json
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

import orjson
from werkzeug.wrappers import Response

from gis.incidents.reading.orders import ORDERS
from gis.ops.shards.finder import MAIN_DATABASE
from web.http.params import Page, encode_cursor
from web.shards.questions import Question, read_point

if TYPE_CHECKING:
    from web.shards.dispatcher import Dispatcher

Merge = Callable[["Dispatcher", Question], WSGIApplication]


def locate_many(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Ask each county of its points, and give the answers in the order of the question.

    What cannot be read, the whole body or a point, is the main application's, which says why.
    """
    points = question.members.get("points")
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        return dispatcher.main
    numbers: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        place = read_point(point)
        county = MAIN_DATABASE if place is None else dispatcher.finder.at(*place)
        numbers.setdefault(county, []).append(number)
    dispatcher.finder.require(*numbers)
    if len(numbers) <= 1:
        return dispatcher.apps[next(iter(numbers), MAIN_DATABASE)]
    results: list[Any] = [None] * len(points)
    for county, rows in numbers.items():
        named = [{"id": number, **points[number]} for number in rows]
        reply = ask(dispatcher, county, question, {**question.members, "points": named})
        if reply.status_code != 200:
            return reply
        for number, result in zip(rows, orjson.loads(reply.data)["results"], strict=True):
            results[number] = result
    reply.data = orjson.dumps({"results": results})
    return reply


def ask(
    dispatcher: "Dispatcher", county: str, question: Question, body: dict[str, Any] | None = None
) -> Response:
    """Ask the application of a county what was asked, with another body."""
    environ = dict(question.environ)
    for name in ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH"):  # of what is put together
        environ.pop(name, None)
    if body is not None:
        data = json.dumps(body).encode()  # with NaN, which orjson would make null
        environ |= {"wsgi.input": BytesIO(data), "CONTENT_LENGTH": str(len(data))}
    return Response.from_app(dispatcher.apps[county], environ, buffered=True)


def readiness(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Say whether the city is served: ready with the main database, degraded without a county.

    A balancer goes on sending to a service whose other counties answer.
    """
    reply = ask(dispatcher, MAIN_DATABASE, question)
    notes = [
        f"county {county} is not ready"
        for county in dispatcher.finder.counties()
        if ask(dispatcher, county, question).status_code != 200
    ]
    if reply.status_code == 200 and notes:
        body = orjson.loads(reply.data)
        notes += body.get("notes", [])
        reply.data = orjson.dumps(body | {"status": "degraded", "notes": notes})
    return reply


COUNTY_FIGURES = (
    "wangge_last_sweep_timestamp_seconds",
    "wangge_late_notices",
    "wangge_operator_queue",
    "wangge_operators",
    "wangge_unanswered_grids",
)


def metrics(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Give the figures of the processes once, and what is of a database for each county."""
    reply = ask(dispatcher, MAIN_DATABASE, question)
    lines = [line for line in reply.get_data(as_text=True).splitlines() if not _is_of_county(line)]
    texts = {
        county: ask(dispatcher, county, question).get_data(as_text=True)
        for county in dispatcher.finder.counties()
    }
    for figure in COUNTY_FIGURES:
        lines += [f"# TYPE {figure} gauge"]
        for county, text in texts.items():
            values = [line for line in text.splitlines() if line.startswith(f"{figure} ")]
            lines += [f'{figure}{{county="{county}"}} {line.split()[1]}' for line in values]
    reply.data = "\n".join([*lines, ""]).encode()
    return reply


def _is_of_county(line: str) -> bool:
    return line.removeprefix("# HELP ").removeprefix("# TYPE ").split(" ")[0] in COUNTY_FIGURES


def incident_list(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """List the incidents of all counties in the order of one list, page by page."""
    if (county := dispatcher.find(question)) is not None:
        return dispatcher.apps[county]
    order = ORDERS.get(question.query.get("sort") or "newest")
    if order is None:
        return dispatcher.apps[dispatcher.finder.counties()[0]]  # it says why
    replies = ask_all(dispatcher, question)
    if (refused := _first_refusal(replies)) is not None:
        return refused
    pages = [orjson.loads(reply.data) for reply in replies]
    keyed = [(order.key(_as_view(item)), item) for page in pages for item in page["items"]]
    keyed.sort(key=lambda pair: order.values(pair[0]), reverse=order.descending)
    limit = int(question.query.get("limit") or Page().limit)
    more = len(keyed) > limit or any(page["next"] for page in pages)
    shown = keyed[:limit]
    body = {
        "items": [item for _, item in shown],
        "next": encode_cursor(shown[-1][0]) if more and shown else None,
    }
    return _replaced(replies[0], body)


def _as_view(item: dict[str, Any]) -> SimpleNamespace:
    """Return an incident of an answer with moments as the orders of lists read them."""
    moments = {
        name: datetime.fromisoformat(item[name]) if item.get(name) else None
        for name in ("reported_at", "due", "suspended_until")
    }
    return SimpleNamespace(**item | moments)


def incident_counts(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Count the incidents of all counties."""
    if (county := dispatcher.find(question)) is not None:
        return dispatcher.apps[county]
    replies = ask_all(dispatcher, question)
    if (refused := _first_refusal(replies)) is not None:
        return refused
    return _replaced(replies[0], _sum([orjson.loads(reply.data) for reply in replies]))


def _sum(values: list[Any]) -> Any:
    """Add numbers, by their names; a moment is the same in all."""
    first = values[0]
    if isinstance(first, str):
        return first
    if isinstance(first, dict):
        return {name: _sum([value[name] for value in values]) for name in first}
    return sum(values)


def ask_all(dispatcher: "Dispatcher", question: Question) -> list[Response]:
    """Ask every county what was asked; none if one does not answer.

    Raises
    ------
    Unavailable
        A county does not answer; the message names it.
    """
    finder = dispatcher.finder
    finder.require(*finder.members)
    counties = [*finder.counties(), *([MAIN_DATABASE] if finder.own_counties() else [])]
    return [ask(dispatcher, county, question) for county in counties]


def _first_refusal(replies: list[Response]) -> Response | None:
    return next((reply for reply in replies if reply.status_code != 200), None)


def _replaced(reply: Response, body: Any) -> Response:
    """Return an answer with another body, which no cache may take for that of one county."""
    reply.data = orjson.dumps(body)
    reply.headers.pop("ETag", None)
    reply.headers["Cache-Control"] = "no-store"
    return reply


def saved_filters(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Give the saved filters of the main database with the counts of the county of who asks."""
    reply = ask(dispatcher, MAIN_DATABASE, question)
    county = dispatcher.of_person(question)
    if reply.status_code != 200 or county is None:
        return reply
    there = ask(dispatcher, county, question)
    if there.status_code == 200:
        counts = {item["id"]: item["count"] for item in orjson.loads(there.data)["items"]}
        items = [
            item | {"count": counts.get(item["id"], item["count"])}
            for item in orjson.loads(reply.data)["items"]
        ]
        return _replaced(reply, {"items": items})
    return reply


def saved_filter(dispatcher: "Dispatcher", question: Question) -> WSGIApplication:
    """Save a filter in the main database, which cannot count what fits it: the list says that."""
    reply = ask(dispatcher, MAIN_DATABASE, question)
    if reply.status_code != 201 or dispatcher.of_person(question) is None:
        return reply
    return _replaced(reply, orjson.loads(reply.data) | {"count": None})


MERGES: dict[tuple[str, str], Merge] = {
    ("GET", "health.metrics"): metrics,
    ("GET", "incidents.count_incidents"): incident_counts,
    ("GET", "incidents.list_incidents"): incident_list,
    ("GET", "today.get_situation"): incident_counts,
    ("GET", "desk_api.list_filters"): saved_filters,
    ("GET", "health.readyz"): readiness,
    ("POST", "desk_api.save"): saved_filter,
    ("POST", "locate.locate_many"): locate_many,
}
