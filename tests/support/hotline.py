"""A hotline that answers what was recorded, and remembers what it was told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "hotline-key"


@dataclass
class FakeHotline:
    """What it answers, and what it was told.

    pages: Cursor -> answer. told: (number, Idempotency-Key, body), each as it came. status: It
    answers with that instead. refuses: Numbers whose steps it does not take. loses: Answers that
    are lost after it has taken a step.
    """

    pages: dict[str, dict[str, Any]]
    told: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    status: int = 0
    refuses: set[str] = field(default_factory=set)
    loses: int = 0
    url: str = ""

    def states(self, number: str) -> list[str]:
        """Return the states it was told of an order, in their order, each step once."""
        steps = {key: body["state"] for told, key, body in self.told if told == number}
        return list(steps.values())


@contextmanager
def serving(hotline: FakeHotline) -> Iterator[FakeHotline]:
    """Serve a hotline on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            since = parse_qs(urlsplit(self.path).query).get("since", [""])[0]
            empty = {"orders": [], "next": since, "more": False}
            self.answer(200, hotline.pages.get(since, empty))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            number = unquote(self.path.split("/")[-2])
            if number in hotline.refuses:
                self.answer(404, {})
                return
            if not hotline.status:
                hotline.told.append((number, self.headers["Idempotency-Key"], body))
            if hotline.loses:
                hotline.loses -= 1
                self.connection.close()
                return
            self.answer(204, None)

        def answer(self, status: int, body: Any) -> None:
            if self.headers["Authorization"] != f"Bearer {KEY}":
                status = 401
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(hotline.status or status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hotline.url = f"http://127.0.0.1:{server.server_port}/gateway"
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    try:
        yield hotline
    finally:
        server.shutdown()
        server.server_close()
