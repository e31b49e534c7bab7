"""A stand-in for a pooler in transaction mode: everything passes but notifications, which it drops
when told to.
"""

import socket
import struct
import threading
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

NOTIFICATION = b"A"  # the kind of message that brings a notification to a client


class Pooler:
    """A proxy before a server on a Unix socket.

    `url` is its address, `dropped` counts what it did not deliver.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._server = f"{unquote(query['host'][0])}/.s.PGSQL.{query['port'][0]}"
        self._door = socket.create_server(("127.0.0.1", 0))
        port = self._door.getsockname()[1]
        sign_in = parts.netloc.rpartition("@")[0]
        self.url = f"postgresql://{sign_in}@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"
        self.delivers = True
        self.dropped = 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Pooler":
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()
        self.cut()

    def cut(self) -> None:
        """End every connection."""
        for end in self._sockets:
            with suppress(OSError):  # ended already
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._sockets.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return  # closed
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._sockets += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # cut

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        """Pass on what the server says, message by message: a kind, a length, a body."""
        stream = server.makefile("rb")
        try:
            while len(head := stream.read(5)) == 5:
                body = stream.read(struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == NOTIFICATION and not self.delivers:
                    self.dropped += 1
                else:
                    client.sendall(head + body)
            client.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass  # cut
