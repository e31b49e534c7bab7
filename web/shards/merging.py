"""Requests that are about several counties: cut, asked of each, and put together in order."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

import orjson
from werkzeug.wrappers import Response

from gis.ops.shards.finder import MAIN_DATABASE
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
    environ.pop("HTTP_ACCEPT_ENCODING", None)  # it is put together before it is packed
    if body is not None:
        data = orjson.dumps(body)
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


MERGES: dict[tuple[str, str], Merge] = {
    ("GET", "health.metrics"): metrics,
    ("GET", "health.readyz"): readiness,
    ("POST", "locate.locate_many"): locate_many,
}
