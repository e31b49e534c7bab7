"""A database server on a machine of its own, which can vanish: no packet comes back from it.

The machine is a network namespace; what listens there hands everything on to the socket of a
private cluster, which needs no network.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.served import until

PORT = 5432
HAND_ON = """
import asyncio, sys

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()

async def serve(reader, writer):
    far_reader, far_writer = await asyncio.open_unix_connection(sys.argv[3])
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True)
class FarServer:
    """The server, by its name as a machine and the address of this one there."""

    name: str
    near: str
    url: str

    def vanish(self) -> None:
        """Answer nothing any more, not even that a port is closed."""
        _ip("-n", self.name, "route", "add", "blackhole", f"{self.near}/32")

    def come_back(self) -> None:
        """Answer again."""
        _ip("-n", self.name, "route", "del", "blackhole", f"{self.near}/32")


@contextmanager
def far_server(url: str) -> Iterator[FarServer]:
    """Put a private cluster, by its URL over a socket, on a machine of its own."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root can make a machine, with the program ip")
    number = secrets.randbelow(1 << 14) * 4  # within the network that is for measurements
    network = f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    near, far = (f"{network.rpartition('.')[0]}.{(number & 255) + host}" for host in (1, 2))
    name = f"wangge{number}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        pytest.skip("no network can be made here")
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
    handing = None
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "far", "netns", name)
        _ip("address", "add", f"{near}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "address", "add", f"{far}/30", "dev", "far")
        _ip("-n", name, "link", "set", "far", "up")
        handing = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-c", HAND_ON, far, str(PORT), socket],
            stdout=subprocess.PIPE,
        )
        assert handing.stdout is not None and handing.stdout.readline() == b"ready\n"
        login = parts.netloc.rpartition("@")[0]
        yield FarServer(name, near, f"postgresql://{login}@{far}:{PORT}{parts.path}")
    finally:
        if handing is not None:
            handing.kill()
            handing.communicate()
        subprocess.run(["ip", "netns", "del", name], check=True)
        until(lambda: subprocess.run(["ip", "link", "show", name], capture_output=True).returncode)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
