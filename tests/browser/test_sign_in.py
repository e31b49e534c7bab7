"""Signing in on a phone, as a person does it."""

import pytest
from playwright.sync_api import expect

from gis.demo import accounts
from tests.support.browser import serious, sign_in, signed

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


def test_a_form_sent_after_signing_out_elsewhere_says_so_and_leads_back(desk, site, served):
    sign_in(desk, site, served.var, "admin", "/accounts?new=1")
    desk.locator("#username").fill("zhaoliu")
    other = desk.context.new_page()
    other.goto(site + "/password")
    other.locator(".me summary").click()
    other.locator(".me-list form button").click()
    expect(other.locator(".me-in")).to_be_visible()
    desk.locator(".acc-form button[type=submit]").last.click()
    expect(desk.get_by_role("alert")).to_have_text(
        "登录已失效，刚才提交的内容没有保存。请重新登录后再填写一次。"
    )
    admin = next(
        item
        for item in accounts.read(served.var / accounts.ACCOUNTS_FILE)
        if item.username == "admin"
    )
    signed.pop((site, "admin"), None)  # its session has ended
    desk.locator("#username").fill("admin")
    desk.locator("#password").fill(admin.password)
    desk.keyboard.press("Enter")
    desk.wait_for_url(site + "/accounts?new=1")
