"""Pages on the narrowest phone, in a real Chromium: 320 pixels, which is also a desk at 400 %."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import opened, serious, sign_in
from tests.support.served import Deployment

pytestmark = pytest.mark.browser

WIDTH = 320
# the counts of a busy patch, and an address that breaks nowhere
MANY = """() => {
  for (const count of document.querySelectorAll('[data-tab] b')) count.textContent = '128';
  for (const place of document.querySelectorAll('.wrk-where')) place.firstChild.textContent = 'x'.repeat(80);
}"""


@pytest.fixture
def narrow(browser) -> Iterator[Page]:
    """The narrowest phone."""
    yield from opened(browser, viewport={"width": WIDTH, "height": 640}, has_touch=True)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("username", "address"),
    [
        ("worker", "/work"),
        ("dispatcher", "/figures"),
        ("dispatcher", "/organisations"),
        ("auditor", "/disclosures"),
        ("centre", "/screen"),
    ],
)
def test_nothing_is_beside_the_screen(
    narrow: Page, site: str, served: Deployment, username: str, address: str, language: str
) -> None:
    sign_in(narrow, site, served.var, username)
    narrow.goto(f"{site}{address}?lang={language}")
    if address == "/work":
        expect(narrow.locator("body[data-ready]")).to_be_attached()
        box = narrow.locator("#show-map").bounding_box()
        assert box["x"] + box["width"] <= WIDTH
        assert box["width"] >= 44
        narrow.evaluate(MANY)
    narrow.wait_for_load_state("networkidle" if address != "/work" else "load")
    for element in ("document.documentElement", "document.body"):
        assert narrow.evaluate(f"{element}.scrollWidth") <= WIDTH
    assert serious(narrow) == []
