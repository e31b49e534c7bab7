"""A really served made-up pilot and a real Chromium."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from gis import cluster, schema
from gis.db import engine
from gis.facilities.circles import recompute
from gis.settings import ROOT, Settings
from gis.town.load import make_town
from tests.conftest import deployment_folder
from web.commands.serve import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of a served made-up pilot; one grid has a name with script in it."""
    with deployment_folder() as folder:
        settings = Settings(var=folder)
        addresses = cluster.start(settings, throw_away=True)
        schema.migrate(addresses)
        with Session(engine(addresses.app)) as session:
            make_town(session)
            recompute(session)
            session.commit()
        engine(addresses.app).dispose()
        env = os.environ | {"WANGGE_VAR": str(folder), "PYTHONUNBUFFERED": "1"}
        log = (folder / "serve.log").open("w+")
        server = subprocess.Popen(
            [sys.executable, "-m", "web", "serve", "--port", str(free_port("127.0.0.1", 8200))],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            yield wait_for(server, folder / "serve.log")
        finally:
            server.terminate()
            server.wait(20)


def wait_for(server: subprocess.Popen, log) -> str:
    """The address the server says, once it answers."""
    for _ in range(150):
        found = re.search(r"http://[\d.]+:\d+", log.read_text())
        if found:
            try:
                urllib.request.urlopen(f"{found[0]}/readyz", timeout=2)
                return found[0]
            except OSError:
                pass
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def desk(browser):
    """A page on a desk; what it said on its console is in `.said`, where it asked in `.asked`."""
    yield from opened(browser, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser):
    """A page on a phone."""
    yield from opened(browser, viewport={"width": 390, "height": 844}, has_touch=True, device_scale_factor=2)


def opened(browser, **options):
    context = browser.new_context(**options)
    page = context.new_page()
    page.said, page.asked = [], []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.said.append(message.text))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
