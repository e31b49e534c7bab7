"""A planner gets from a question to a printed page with the two best sites in under two minutes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gis.ops import cluster
from gis.settings import Settings
from tests.support.browser import serious, sign_in
from tests.support.served import Deployment, serving

pytestmark = pytest.mark.browser

LIMIT_S = 120


@pytest.fixture
def beijing(migrated_var: Path, shared: Path) -> Iterator[Deployment]:
    """A served deployment of a real extract with real grids; people and households made up."""
    cluster.start(Settings(var=migrated_var), throw_away=True)
    loaded = Deployment(migrated_var).load_extract(shared / "beijing_cau_2026")
    assert loaded.returncode == 0, loaded.stderr
    with serving(migrated_var, "--no-jobs") as url:
        yield Deployment(migrated_var, url)


def print_the_two_best_sites(page: Page, deployment: Deployment, target: Path) -> float:
    """Go the planner's way, from signing in to the printed report; return the seconds it took."""
    started = time.monotonic()
    sign_in(page, deployment.url, deployment.var, "planner", "/coverage")
    controls = page.locator("#controls")
    controls.locator("[name=what]").select_option("clinic")
    controls.locator("[name=profile]").select_option("elder")
    controls.locator("[name=minutes]").select_option("15")
    area = controls.locator("[name=area] option:not([value=''])").first.get_attribute("value")
    controls.locator("[name=area]").select_option(area)
    expect(page.locator("#answer[aria-busy=false] .cov-share")).to_be_visible()

    # which buildings have no clinic within 15 minutes for an elder
    page.locator("#tab-gaps").click()
    worst = page.locator(".cov-gap-table tbody tr").first
    expect(worst).to_be_visible()
    building = worst.locator("button").inner_text()

    # the two best sites, and the page that is printed
    page.locator("#tab-siting").click()
    page.locator("#siting-form [name=sites]").fill("2")
    page.locator("#siting-form button").click()
    expect(page.locator(".cov-sites li")).to_have_count(2)
    page.get_by_role("link", name="含这些新址的报告").click()
    sites = page.locator(".rep-sites tbody tr")
    expect(sites).to_have_count(2)
    expect(page.locator(".rep-map svg text").first).to_have_text("1")
    expect(page.locator(".rep-gaps")).to_contain_text(building.split(" · ")[0].strip())
    assert serious(page) == []
    page.emulate_media(media="print")
    expect(page.locator(".rep-tools")).to_be_hidden()
    target.write_bytes(page.pdf(format="A4"))
    assert target.read_bytes().startswith(b"%PDF-")
    assert page.said == []
    return time.monotonic() - started


def test_in_the_made_up_town(desk: Page, served: Deployment, tmp_path: Path) -> None:
    assert print_the_two_best_sites(desk, served, tmp_path / "report.pdf") < LIMIT_S


@pytest.mark.shared
def test_with_a_real_extract(desk: Page, beijing: Deployment, tmp_path: Path) -> None:
    assert print_the_two_best_sites(desk, beijing, tmp_path / "report.pdf") < LIMIT_S
