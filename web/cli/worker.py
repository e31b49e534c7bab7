"""`./wangge worker`: the jobs, in a process of their own.

`./wangge serve` runs one beside the web service.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from types import ModuleType

import click

from gis.settings import Settings
from web.cli.common import open_database

# the libraries tell each lost connection several times over
LOG_LEVELS = {
    "gis": logging.INFO,
    "procrastinate.utils": logging.CRITICAL,
    "psycopg.pool": logging.CRITICAL,
}
LONGEST_END = 5.0  # seconds from being stopped to being gone


@click.command()
@click.option("--beside", type=int, hidden=True, help="Stop when this process is gone.")
def command(beside: int | None) -> None:
    """Run the jobs until stopped: overdue matters, unclaimed orders, notices, circles, cleaning.

    As many may run as are wanted, on any machine; none does what another does.
    """
    from gis.jobs import worker

    if beside is not None:
        os.setpgrp()  # Ctrl-C in the terminal is for the server, which then stops us
    settings = Settings.from_env()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for name, level in LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)
    addresses = open_database(settings)
    if beside is None:
        click.echo("wangge: running jobs; stop with Ctrl-C", err=True)
    asyncio.run(until_stopped(worker, addresses.listening, settings, beside))


async def until_stopped(
    worker: ModuleType, url: str, settings: Settings, beside: int | None
) -> None:
    """Run until a signal, or until the process beside is gone."""
    running = asyncio.ensure_future(worker.keep_running(lambda: worker.make_app(url, settings)))

    def stop() -> None:
        # a receiver that hangs is not waited for: what is not written down as sent is sent again
        last = threading.Timer(LONGEST_END, os._exit, [0])
        last.daemon = True
        last.start()
        running.cancel()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop)
    while not running.done():
        await asyncio.wait([running], timeout=1)
        if beside is not None and os.getppid() != beside:
            beside = None
            stop()
    if not running.cancelled():
        running.result()
