"""What the operator sees: a log line and figures for every request.

No query strings and no filled-in paths, since they hold positions and names; the route says what
was asked.
"""

import logging
import sys
import time
from contextlib import suppress
from typing import Any, TextIO, cast

import orjson
import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUEST_COUNT = Counter("wangge_requests", "Requests answered.", ("endpoint", "method", "status"))
REQUEST_SECONDS = Histogram(
    "wangge_request_seconds",
    "Time to answer, seconds.",
    ("endpoint",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
UNLOGGED = frozenset(
    {"health.healthz", "health.readyz", "health.metrics", "static", "shell.versioned"}
)  # counted, but no line each
HTTP_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

log = structlog.get_logger("wangge.requests")


def as_json(line: Any, **_: Any) -> str:
    """Return a log line as JSON."""
    return orjson.dumps(line, default=str).decode()


class Surviving:
    """A stream that drops lines it cannot write, so that a full disk does not fail requests."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write, or lose, a line."""
        with suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be."""
        with suppress(OSError, ValueError):
            self.stream.flush()


def say(text: str) -> None:
    """Say a line on stderr, if it can be written."""
    stream = Surviving(sys.stderr)
    stream.write(f"{text}\n")
    stream.flush()


def configure(level: int = logging.INFO) -> None:
    """Log to stderr: a line for people on a terminal, one line of JSON elsewhere."""
    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
            *([] if people else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer()
            if people
            else structlog.processors.JSONRenderer(as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, Surviving(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def init_app(app: Flask) -> None:
    """Time, count and log every request."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        spent = time.perf_counter() - g.get("started", time.perf_counter())
        endpoint = request.endpoint or "none"
        method = request.method if request.method in HTTP_METHODS else "other"
        REQUEST_COUNT.labels(endpoint, method, response.status_code).inc()
        REQUEST_SECONDS.labels(endpoint).observe(spent)
        if endpoint not in UNLOGGED:
            route = request.url_rule.rule if request.url_rule else None
            log.info(
                "request",
                method=method,
                route=route,
                status=response.status_code,
                ms=round(spent * 1000, 2),
            )
        return response
