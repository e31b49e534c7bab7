"""Pages in the few colours of the reader (Windows high contrast), in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import opened, signed_in
from tests.support.served import Deployment

pytestmark = pytest.mark.browser

COLOURS = """element => {
  const style = getComputedStyle(element);
  return [style.backgroundColor, style.borderBottomColor];
}"""
# what a colour of the reader comes to here
SYSTEM = """name => {
  const probe = document.createElement('i');
  probe.style.cssText = `forced-color-adjust: none; color: ${name}`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}"""


@pytest.fixture
def contrast(browser) -> Iterator[Page]:
    """A desk with the reader's own colours."""
    yield from opened(browser, viewport={"width": 1440, "height": 900}, forced_colors="active")


def assert_one_stands_out(page: Page, tabs: Locator, chosen: Locator) -> None:
    highlight, canvas = (page.evaluate(SYSTEM, name) for name in ("Highlight", "Canvas"))
    assert highlight != canvas
    selected = chosen.element_handle()
    for tab in tabs.element_handles():
        is_chosen = page.evaluate("([one, other]) => one === other", [tab, selected])
        background, underline = tab.evaluate(COLOURS)
        assert (background == highlight) is is_chosen
        assert underline == (highlight if is_chosen else canvas)


@pytest.mark.parametrize(
    ("username", "address", "tabs", "chosen", "other"),
    [
        ("worker", "/work", ".wrk-tabs button", "[aria-selected=true]", "#tab-done"),
        ("dispatcher", "/desk", "#tabs button", "[aria-current]", "[data-state=closed]"),
        ("dispatcher", "/", "[role=tab]", "[aria-selected=true]", "#tab-layers"),
    ],
)
def test_the_chosen_tab_stands_out(
    contrast: Page,
    site: str,
    served: Deployment,
    username: str,
    address: str,
    tabs: str,
    chosen: str,
    other: str,
) -> None:
    page = contrast
    if address == "/":
        page.goto(site + address)
        expect(page.locator("body")).to_have_attribute("data-map", "drawn")
    else:
        signed_in(page, site, served, username, address)
    items = page.locator(tabs)
    current = items.and_(page.locator(chosen))
    expect(current).to_have_count(1)
    assert_one_stands_out(page, items, current)
    items.and_(page.locator(other)).click()
    expect(items.and_(page.locator(other)).and_(page.locator(chosen))).to_be_visible()
    page.mouse.move(0, 0)
    assert_one_stands_out(page, items, current)
