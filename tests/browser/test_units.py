"""The page of ten-household units: a unit is created, floors of a stairwell move there, and every
home is seen in exactly one.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import serious, sign_in

pytestmark = pytest.mark.browser
# six floors, two stairwells, in a community that no other test redraws
GRID, TOWER = "520402100001003", "520402100001003B006"
UNITS = "all => Object.fromEntries(all.map((one) => [one.dataset.unit, one.textContent]))"
DOORS = """all => all.map((one) => [
  one.closest('section').querySelector('header b').textContent,
  one.closest('tr').querySelector('th').textContent, one.textContent, one.title])"""


def homes_by_unit(page):
    """Homes by code of the unit, as its line says them."""
    lines = page.locator("#units > li").evaluate_all(UNITS)
    return {
        code: int(said[1]) if (said := re.search(r"(\d+) 户", text)) else 0
        for code, text in lines.items()
    }


def doors(page):
    """The doors of the building: stairwell, floor, room, name of the unit."""
    return page.locator("#homes .unt-home").evaluate_all(DOORS)


def test_floors_of_a_stairwell_move_to_a_new_unit_and_every_home_is_in_one(desk, planned):
    sign_in(desk, planned.url, planned.var, "planner", f"/units?grid={GRID}")
    expect(desk.locator("body[data-ready]")).to_be_attached()
    before = homes_by_unit(desk)
    total = sum(before.values())
    expect(desk.locator("#total")).to_have_text(
        f"{len(before)} 个十联户共 {total} 户，每户只在一个十联户内"
    )
    desk.get_by_role("button", name="新建十联户").click()
    expect(desk.locator("#status.wrong")).to_contain_text("理由")  # no change without a reason
    desk.get_by_label("变更原因").fill("两层同走一部楼梯")
    desk.get_by_role("button", name="新建十联户").click()
    expect(desk.locator("#status")).to_contain_text("已新建")
    [code] = homes_by_unit(desk).keys() - before.keys()
    new = desk.locator(f'[data-unit="{code}"]')
    expect(new).to_contain_text("尚无住户")
    name = new.locator("b").text_content()

    # floors 3 to 4 of the second stairwell, chosen by two numbers
    desk.get_by_label("选择楼栋").select_option(TOWER)
    stairs = desk.locator(".unt-stairs").filter(has_text="2单元")
    low, high = (stairs.get_by_label("楼层").nth(i) for i in range(2))
    low.fill("3")
    high.fill("4")
    old = doors(desk)
    stairs.get_by_role("button", name="选中这些楼层").click()
    pressed = desk.locator('.unt-home[aria-pressed="true"]')
    expect(pressed).to_have_text(["401", "402", "301", "302"])
    desk.get_by_label("划入").select_option(code)
    desk.get_by_role("button", name="划转 4 户").click()
    expect(desk.locator("#status")).to_have_text(f"已将 4 户划入“{name}”。")
    expect(new).to_contain_text("4 户")
    expect(new).to_contain_text("6号楼 2单元 3–4 层")

    # the four doors are in the new unit, the others where they were, and no home is lost or twice
    after = doors(desk)
    moved = [door for door, was in zip(after, old, strict=True) if door != was]
    assert [(stairs, floor, unit) for stairs, floor, _, unit in moved] == [
        ("2单元", f"{floor}层", name) for floor in (4, 4, 3, 3)
    ]
    names = desk.locator("#units li b").all_text_contents()
    assert {unit for *_, unit in after} <= set(names)
    counts = homes_by_unit(desk)
    assert sum(counts.values()) == total
    assert counts[code] == 4
    expect(desk.locator("#total")).to_have_text(
        f"{len(counts)} 个十联户共 {total} 户，每户只在一个十联户内"
    )
    desk.get_by_text("变更记录").click()
    expect(desk.locator("#changes li").first).to_contain_text("两层同走一部楼梯")
    assert serious(desk) == []
    desk.reload()
    expect(new).to_contain_text("4 户")
    assert not [item for item in desk.said if "422" not in item]
