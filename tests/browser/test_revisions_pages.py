"""Boundary revisions under two hands, later, and taken back, as their pages show it."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.support import revision_pages
from tests.support.browser import serious
from tests.support.revision_pages import merge, three

pytestmark = pytest.mark.browser


planner = revision_pages.planner  # the fixture


def test_a_conflict_offers_the_rebase_then_later_publication_and_the_way_back(planner, tmp_path):
    middle, item, other = three(planner, tmp_path)
    mine, theirs = (
        merge(planner, "我的合并", middle, item),
        merge(planner, "别处先发布的合并", middle, other),
    )
    planner.api("POST", f"/revisions/{theirs}/publish", {"reason": "先到"})

    planner.goto(f"{planner.root}/revisions/{mine}")
    expect(planner.locator("#rev-conflict")).to_contain_text(f"修订 {theirs}")
    expect(planner.locator("#rev-publish")).to_be_disabled()
    expect(planner.locator("#rev-problems li").first).to_contain_text("不能发布")
    assert serious(planner) == []
    planner.locator("#rev-conflict button").click()
    expect(planner.locator("#rev-publish")).to_be_enabled()
    expect(planner.locator("#rev-totals div").first).to_be_visible()
    expect(planner.locator("#rev-conflict")).to_be_hidden()

    # a grid of the table goes to its place on the map
    expect(planner.locator("#rev-legend li")).not_to_have_count(2)  # old, new, and where land goes
    planner.evaluate("wangge.map.setZoom(12, {animate: false})")
    planner.locator(".rev-go").first.click()
    assert planner.evaluate("wangge.map.getZoom()") > 12

    with planner.expect_download() as download:
        planner.get_by_role("link", name="Excel").click()
    assert download.value.suggested_filename == f"revision-{mine}.xlsx"

    # from a day in the future
    day = (datetime.now() + timedelta(days=40)).strftime("%Y-%m-%d")
    planner.locator("#rev-publish").click()
    planner.locator("[name=reason]").fill("与新楼同日")
    planner.locator("[name=effective]").fill(f"{day}T00:00")
    planner.locator("#rev-publish-form [type=submit]").click()
    expect(planner.locator(".rev-state")).to_have_text("已发布")
    expect(planner.locator(".rev-top em")).to_contain_text(
        f"{day} 00:00"
    )  # by the clocks of the place
    planner.goto(f"{planner.root}/revisions?state=published")
    listed = planner.locator(".rev-list li", has_text="我的合并").first
    expect(listed.locator("em")).to_contain_text(f"{day} 00:00")
    expect(listed).to_contain_text("与新楼同日")

    # and taken back by a new draft, which is then given up
    planner.goto(f"{planner.root}/revisions/{mine}")
    planner.locator("#rev-revert").click()
    planner.wait_for_url(lambda url: not url.endswith(f"/{mine}"))
    expect(planner.locator(".rev-state")).to_have_text("草案")
    expect(planner.locator("#rev-steps li")).not_to_have_count(0)
    planner.locator("#rev-withdraw").click()
    expect(planner.locator(".rev-state")).to_have_text("已撤回")
    assert not planner.said


def test_a_list_and_a_preview_on_paper_show_everything(planner, tmp_path):
    planner.goto(f"{planner.root}/revisions")
    assert serious(planner) == []
    created = planner.api("GET", "/revisions")["items"]
    number = created[0]["id"] if created else merge(planner, "打印", *three(planner, tmp_path)[:2])
    planner.goto(f"{planner.root}/revisions/{number}")
    expect(planner.locator("#rev-moved details").first).to_be_attached()
    planner.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert planner.locator("#rev-moved details:not([open])").count() == 0
    planner.emulate_media(media="print")
    expect(planner.locator(".rev-top .rev-acts")).to_be_hidden()
    planner.evaluate("dispatchEvent(new Event('afterprint'))")
