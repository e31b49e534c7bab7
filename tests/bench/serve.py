"""Serve `tests.bench.app` as `./wangge serve` does; arguments: port and number of workers."""

import sys

from gis.settings import Settings
from web.cli import serve
from web.cli.common import open_database

if __name__ == "__main__":
    serve.WORKER = "tests.bench.app:gateway"
    settings = Settings.from_env()
    port, workers = map(int, sys.argv[1:])
    addresses = open_database(settings)
    serve.run(settings, addresses, host="127.0.0.1", port=port, workers=workers, jobs=False)
