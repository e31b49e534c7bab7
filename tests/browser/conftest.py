"""A really served made-up pilot and a real Chromium."""

import shutil

import pytest

from tests.support.browser import PATIENCE_MS, opened, patient, reopened
from tests.support.served import Deployment

# The shell has no window, tabs and their pages to draw: a page takes half the time of Chromium's.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def site(served: Deployment) -> str:
    """The address of the served made-up pilot."""
    return served.url


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium-headless-shell fonts-noto-cjk")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}


@pytest.fixture(scope="session")
def desks(browser):
    """The browser of a desk, whose files the tests share."""
    return patient(browser, **DESK)


@pytest.fixture(scope="session")
def phones(browser):
    """The browser of a phone, whose files the tests share."""
    return patient(browser, **PHONE)


@pytest.fixture
def desk(desks):
    """A page on a desk; what it said on its console is in `.said`, where it asked in `.asked`."""
    yield from reopened(desks)


@pytest.fixture
def phone(phones):
    """A page on a phone."""
    yield from reopened(phones)


@pytest.fixture
def own_desk(browser):
    """A desk of a test that sets the clock: it stays set in all later pages of the browser."""
    yield from opened(browser, **DESK)


@pytest.fixture
def own_phone(browser):
    """A phone of a test that sets the clock."""
    yield from opened(browser, **PHONE)
