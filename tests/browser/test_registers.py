"""The page of registers: a file is proposed, corrected, looked at, loaded, and loaded again by its
recipe.
"""

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.support.browser import planned_session, serious, sign_in  # noqa: F401

pytestmark = pytest.mark.browser
HEADER = "户号,姓名,与户主关系,身份证号,住址,备注"
HOME = "阳光东名居6号楼1单元108"  # a room that the tower does not have
PERSONS = (f"1,张三,户主,520402195001010011,{HOME},", f"1,李四,妻,,{HOME},")


def choose(page, *lines):
    """Choose a register of residents with some lines."""
    rows = ["青松社区居民台账", HEADER, *PERSONS, *lines, "合计,,,,2人,"]
    body = "\n".join(rows).encode("gb18030")
    page.locator("#file").set_input_files(
        {"name": "台账.csv", "mimeType": "text/csv", "buffer": body}
    )
    page.get_by_role("button", name="读取文件").click()


@pytest.fixture
def home_gone_again(planned_session):  # noqa: F811
    """Take the home that was loaded away again: other tests count those of its grid."""
    yield
    planned_session.execute(text("DELETE FROM household WHERE room = '108' AND unit_id IS NULL"))
    planned_session.commit()


def test_a_register_is_looked_at_loaded_and_loaded_again_by_its_recipe(
    desk, planned, home_gone_again
):
    sign_in(desk, planned.url, planned.var, "planner", "/registers")
    expect(desk.locator("body[data-ready]")).to_be_attached()
    choose(desk, "2,王五,户主,,阳光东名居6号楼,")
    expect(desk.locator("#h-result")).to_have_text("居民台账")
    expect(desk.locator("#refused li")).to_have_text(
        ["第 5 行 住址：住址没有房号；请写如 1号楼1单元301"]
    )
    expect(desk.get_by_role("button", name="导入", exact=True)).to_be_disabled()
    assert "张三" not in desk.locator("main").inner_text()

    choose(desk)
    expect(desk.locator("#rows li").first).to_have_text("2 行可靠")
    expect(desk.locator("#not-kept")).to_contain_text("姓名、与户主关系、身份证号")
    desk.get_by_label("备注").select_option("")
    desk.get_by_role("button", name="按这些列重新预览").click()
    expect(desk.get_by_label("备注")).to_have_value("")
    expect(desk.locator("#changes")).to_contain_text("1 新增")
    desk.get_by_label("把各列记为方案，名称").fill("青松居民")
    desk.get_by_role("button", name="导入", exact=True).click()
    expect(desk.locator("#status")).to_have_text("已导入。")
    expect(desk.locator("#recipes li")).to_contain_text("青松居民（居民台账）")
    assert serious(desk) == []

    desk.locator("#recipe").select_option("青松居民")
    choose(desk)
    expect(desk.locator("#status")).to_have_text("这是预览，尚未保存。")
    expect(desk.locator("#changes")).not_to_contain_text("新增")
    expect(desk.locator("#changes summary")).to_contain_text("减少")  # the stairwell's other homes
    desk.get_by_role("button", name="删除").click()
    expect(desk.locator("#recipes")).to_contain_text("还没有方案")
    assert not [item for item in desk.said if "422" not in item]
