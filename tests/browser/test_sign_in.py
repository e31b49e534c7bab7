"""Signing in on a phone, as a person does it."""

import pytest
from playwright.sync_api import expect

from gis.demo import accounts
from tests.support.browser import serious

pytestmark = pytest.mark.browser


def test_a_grid_worker_signs_in_and_out_on_a_phone(phone, site, served):
    worker = next(
        item
        for item in accounts.read(served.var / accounts.ACCOUNTS_FILE)
        if item.username == "worker"
    )
    phone.goto(site + "/?lang=zh&off=clinic")
    phone.locator(".me-in").click()
    expect(phone.locator("#username")).to_be_focused()
    phone.locator("#username").fill("worker")
    phone.locator("#password").fill("not the password")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("alert")).to_be_visible()
    expect(phone.locator("#username")).to_have_value("worker")
    assert serious(phone) == []
    phone.locator("#password").fill(worker.password)
    phone.keyboard.press("Enter")
    phone.wait_for_url(site + "/work")  # the page of a grid worker
    phone.locator(".me summary").click()
    menu = phone.locator(".me-list")
    expect(menu).to_contain_text(worker.zh)
    box = menu.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert all(item.bounding_box()["height"] >= 44 for item in menu.locator("a, button").all())
    phone.goto(site + "/password")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390 and serious(phone) == []
    phone.locator(".me summary").click()
    menu.locator("form button").click()
    expect(phone.locator(".me-in")).to_be_visible()
    assert not [
        item for item in phone.said if "401" not in item
    ]  # the wrong password is the one refusal
