"""A paper as .docx: its figures with their addresses, then its rows."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from gis.files.formulas import xml_text
from gis.papers.data import PaperData, field_label, value_text
from gis.papers.words import heading, lines_of_heading

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CHINESE_FONT = "SimSun"  # 宋体, which the word processors of offices have
TEXT_SIZE = 18  # half points


def paper_document(data: PaperData, root: str) -> bytes:
    """Return a paper as a document on lying A4 pages.

    Parameters
    ----------
    root
        Address of the service, which the links of the figures begin with; empty: without links.
    """
    from docx import Document  # takes 0.2 s, and every command imports this module
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm

    language = data.question.language
    document: Any = Document()
    _use_chinese_font(document)
    section = document.sections[0]
    section.orientation, section.page_width, section.page_height = (
        WD_ORIENT.LANDSCAPE,
        Mm(297),
        Mm(210),
    )
    section.left_margin = section.right_margin = Mm(15)
    document.add_heading(xml_text(heading(data)), 1)
    for line in lines_of_heading(data):
        document.add_paragraph(xml_text(line))
    links = [
        document.part.relate_to(root + data.figure_path(figure), f"{RELATIONS}/hyperlink", True)
        if root
        else ""
        for figure in data.figures
    ]
    figures = [
        (
            _text(field_label(figure.key, language)),
            _text(value_text(figure.value), link),
        )
        for figure, link in zip(data.figures, links, strict=True)
    ]
    rows = ([_text(value_text(row.values[name])) for name in data.columns] for row in data.rows)
    header = [_text(field_label(name, language)) for name in data.columns]
    _add_table(document, figures)
    document.add_paragraph()
    _add_table(document, [header, *rows], header=True)
    content = BytesIO()
    document.save(content)
    return content.getvalue()


def _use_chinese_font(document: Any) -> None:
    from docx.oxml.ns import qn

    for name in ("Normal", "Heading 1"):
        style = document.styles[name]
        style.font.name = CHINESE_FONT
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), CHINESE_FONT)


def _text(text: str, link: str = "") -> str:
    """Return a run of text as XML, with a hyperlink by its relation where there is one."""
    size = f'<w:rPr><w:sz w:val="{TEXT_SIZE}"/></w:rPr>'
    run = f'<w:r>{size}<w:t xml:space="preserve">{escape(xml_text(text))}</w:t></w:r>'
    return f'<w:hyperlink r:id="{link}">{run}</w:hyperlink>' if link else run


def _add_table(document: Any, rows: Iterable[Sequence[str]], *, header: bool = False) -> None:
    """Add a table of runs; written as XML, since cells one by one take a second a hundred rows."""
    from docx.oxml import parse_xml

    borders = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    lines = [
        "<w:tr>"
        + ("<w:trPr><w:tblHeader/></w:trPr>" if header and number == 0 else "")
        + "".join(f"<w:tc><w:p>{cell}</w:p></w:tc>" for cell in row)
        + "</w:tr>"
        for number, row in enumerate(rows)
    ]
    width = max((line.count("<w:tc>") for line in lines), default=1)
    table = parse_xml(
        f'<w:tbl xmlns:w="{NAMESPACE}" xmlns:r="{RELATIONS}"><w:tblPr>'
        f'<w:tblW w:w="5000" w:type="pct"/><w:tblBorders>{borders}</w:tblBorders></w:tblPr>'
        f"<w:tblGrid>{'<w:gridCol/>' * width}</w:tblGrid>{''.join(lines)}</w:tbl>"
    )
    body = document.element.body
    body.insert(len(body) - 1, table)  # before the properties of the section
