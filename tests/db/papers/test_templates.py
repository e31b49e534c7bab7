"""Forms of the street: kept, mapped once, and filled with each of the papers."""

import io
from collections.abc import Callable
from typing import Any

import docx
import pytest
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from gis.credit.formulas import publish
from gis.credit.rules import DEFAULT_RULES
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.working_time import ZONE
from gis.papers import template_reader, templates
from gis.papers.data import value_text
from gis.papers.fill import PAPER_BY_KEY
from gis.papers.template_names import ROW_PREFIX
from gis.rights.principal import system_principal
from gis.years import Year
from tests.support.forms import excel_form, word_form
from tests.support.paper_town import HOSTILE, WEEK, PaperTown, at

# paper -> lines, headers of the row that repeats: as on the forms of streets
FORMS: dict[str, tuple[str, str]] = {
    "ledger": ("{{标题}} 件数 {{合计}}，办结 {{办结数}}", "编号 类别 事件内容 地址 状态"),
    "daily": ("{{社区}} {{开始日期}} 今日新增 {{今日新增}}", "网格 新增 办结"),
    "weekly": ("{{期间}} 新增 {{本周新增}} 上周 {{上周新增}}", "名称 新增 办结 按时办结率"),
    "monthly": ("{{统计周期}} {{满意度}} {{结案率}}", "名称 新增 超期数 满意率"),
    "members": ("党员 {{人数}} 接单 {{接单总数}}", "党员姓名 社区 接单"),
    "follow_ups": ("回访 {{回访数}} 满意 {{满意数}}", "回访日期 类别 是否解决 评分 内容"),
    "buildings": ("楼栋 {{楼栋数}} 户数 {{总户数}}", "小区名称 楼号 户数 人口 楼栋长"),
    "roster": ("网格员 {{网格员人数}} 空缺 {{空岗}}", "网格 职务 姓名"),
    "diary": ("{{单位}} {{日期}}", "时间 工作内容 地点 办理结果"),
    "stars": ("{{标题}} {{期间}}", "社区 编码"),
}


@pytest.fixture
def town(session: Session, monkeypatch: pytest.MonkeyPatch) -> PaperTown:
    """A town whose forms are read in this process, since each other one takes half a second."""

    def run(function: Callable[..., Any], *args: object, **_: object) -> Any:
        return function(*args)

    monkeypatch.setattr(template_reader, "run", run)
    return PaperTown(session)


def keep(
    town: PaperTown, paper: str, content: bytes, name: str = "表", ending: str = ".docx"
) -> int:
    street = town.who("街道")
    file = (f"表{ending}", content)
    return templates.add_template(town.session, street, town.town.street.code, paper, name, file).id


def test_a_form_of_each_paper_is_filled(town: PaperTown) -> None:
    street, year = town.who("街道"), Year(2026, ZONE)
    county, rules = town.town.county.code, DEFAULT_RULES["stars"]
    by = system_principal("test")
    publish(town.session, by, "stars", county, year, rules, base=0, now=at("08:00"))
    assert FORMS.keys() == PAPER_BY_KEY.keys() and len(FORMS) == 10
    for paper, (line, header) in FORMS.items():
        columns = header.split()
        form = word_form([line], columns, [f"{{{{ row.{name} }}}}" for name in columns])
        number = keep(town, paper, form, f"{paper}表")
        kept = templates.get_template(town.session, street, number)
        assert kept.unmapped == []
        person = town.town.person("网格员1").code if paper == "diary" else ""
        data = town.fill(paper, person=person, period="2026" if paper == "stars" else WEEK)
        ending, content = templates.fill_template(town.session, street, number, data)
        document = docx.Document(io.BytesIO(content))
        assert ending == ".docx"
        assert not any("{{" in part.text for part in document.paragraphs)
        keys = [kept.mapping[ROW_PREFIX + name] for name in columns]
        right = [
            ["" if row.values[key] is None else value_text(row.values[key]) for key in keys]
            for row in data.rows
        ]
        table = document.tables[0].rows[1:]
        assert [[cell.text for cell in row.cells] for row in table] == right and right
        cells = {f"A{nth}": f"{{row.{name}}}" for nth, name in enumerate(columns[:1], 3)}
        number = keep(town, paper, excel_form(cells), f"{paper}表格", ".xlsx")
        _, content = templates.fill_template(town.session, street, number, data)
        sheet = load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        filled = [sheet.cell(nth, 1).value for nth in range(3, 3 + len(right))]
        assert [value_text(value) for value in filled] == [row[0] for row in right], paper


def test_a_form_of_excel_is_filled_with_the_words_of_people_as_they_are(town: PaperTown) -> None:
    cells = {"A1": "{标题}", "B1": "{合计}", "A3": "{row.编号}", "B3": "{row.事件内容}"}
    number = keep(town, "ledger", excel_form(cells), ending=".xlsx")
    _, content = templates.fill_template(
        town.session, town.who("街道"), number, town.fill("ledger")
    )
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert (sheet["A1"].value, sheet["B1"].value) == ("西兴社区事件台账", 3)
    assert HOSTILE in [row[1].value for row in sheet.iter_rows(min_row=3)]


def test_what_is_not_recognised_is_chosen_once(town: PaperTown) -> None:
    street = town.who("街道")
    number = keep(town, "weekly", word_form(["{{ 当期件 }} {{ 签字 }}"]))
    form = templates.get_template(town.session, street, number)
    assert form.unmapped == ["当期件", "签字"]
    data = town.fill("weekly")
    with pytest.raises(Conflict):
        templates.fill_template(town.session, street, number, data)
    for wrong in ({"当期件": "password"}, {"别的": "reported"}, {"当期件": "name"}):
        with pytest.raises(InvalidInput):
            templates.map_fields(town.session, street, number, wrong)
    chosen = {"当期件": "reported", "签字": templates.EMPTY}
    assert templates.map_fields(town.session, street, number, chosen).unmapped == []
    _, content = templates.fill_template(town.session, street, number, data)
    assert docx.Document(io.BytesIO(content)).paragraphs[0].text == "3 "
    with pytest.raises(Conflict):
        templates.fill_template(town.session, street, number, town.fill("daily"))


def test_forms_are_of_an_area(town: PaperTown) -> None:
    number = keep(town, "weekly", word_form(["{{ 新增 }}"]))
    community, leader = town.who("赵社工"), town.who("网格长")
    assert not templates.get_template(town.session, community, number).is_own
    for refused in (
        lambda: templates.map_fields(town.session, community, number, {}),
        lambda: templates.delete_template(town.session, community, number),
        lambda: keep_as(town, "网格长"),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert templates.list_templates(town.session, leader)[0].id == number
    with pytest.raises(Forbidden):
        templates.list_templates(town.session, town.who("网格员1"))
    with pytest.raises(Conflict):
        keep(town, "daily", word_form(["{{ 新增 }}"]))
    code = town.town.community.code
    assert templates.find_template(town.session, community, "weekly", "表", code) == number
    templates.delete_template(town.session, town.who("街道"), number)
    with pytest.raises(NotFound):
        templates.get_template(town.session, community, number)


def keep_as(town: PaperTown, name: str) -> object:
    content = word_form(["{{ 新增 }}"])
    code = town.town.community.code
    return templates.add_template(
        town.session, town.who(name), code, "weekly", "表", ("表.docx", content)
    )


def test_a_form_that_is_none_is_refused(town: PaperTown) -> None:
    form = word_form(["{{ 新增 }}"])
    for name, paper, file, content in (
        ("", "weekly", "表.docx", form),
        ("表", "moon", "表.docx", form),
        ("表", "weekly", "表.docm", form),
        ("表", "weekly", "表.docx", word_form(["没有字段"])),
    ):
        with pytest.raises(InvalidInput):
            templates.add_template(
                town.session,
                town.who("街道"),
                town.town.street.code,
                paper,
                name,
                (file, content),
            )
