"""A paper as one HTML document that needs nothing else, laid out for lying A4 pages."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from gis.errors import TooLarge
from gis.files.formulas import xml_text
from gis.files.pdf import html_to_pdf
from gis.papers.data import PaperData, field_label, value_text
from gis.papers.words import heading, lines_of_heading

STYLE = Path(__file__).with_name("page.css")
MAX_PDF_ROWS = 400  # these take about five seconds
PAGE_LANGUAGES = {"zh": "zh-Hans-CN", "en": "en"}


def paper_pdf(data: PaperData, root: str) -> bytes:
    """Return a paper as PDF.

    Parameters
    ----------
    root
        Address of the service, which the links of the figures begin with; empty: without links.

    Raises
    ------
    TooLarge
        It has more rows than are laid out in time.
    Unavailable
        This machine cannot lay out pages.
    """
    if len(data.rows) > MAX_PDF_ROWS:
        raise TooLarge("paper.too_many_for_pdf", limit=MAX_PDF_ROWS)
    return html_to_pdf(paper_html(data, root))


def paper_html(data: PaperData, root: str) -> str:
    """Return a paper as HTML."""
    language = data.question.language
    values = (
        (figure.key, _link(value_text(figure.value), root, data.figure_path(figure)))
        for figure in data.figures
    )
    figures = "".join(
        f"<div><dt>{_text(field_label(key, language))}</dt><dd>{value}</dd></div>"
        for key, value in values
    )
    rows = (
        (
            _link(value_text(row.values[name]), root, data.cell_path(row, name))
            for name in data.columns
        )
        for row in data.rows
    )
    header = (_text(field_label(name, language)) for name in data.columns)
    return (
        f'<!doctype html><html lang="{PAGE_LANGUAGES[language]}"><head><meta charset="utf-8">'
        f"<title>{_text(heading(data))}</title>"
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"<h1>{_text(heading(data))}</h1><p>{_text(' '.join(lines_of_heading(data)))}</p>"
        f"<dl>{figures}</dl><table><thead>{_line(header, 'th')}</thead>"
        f"<tbody>{''.join(_line(row, 'td') for row in rows)}</tbody></table></body></html>"
    )


def _text(text: str) -> str:
    return escape(xml_text(text))


def _link(text: str, root: str, path: str) -> str:
    if not (root and path):
        return _text(text)
    return f'<a href="{escape(root + path)}">{_text(text)}</a>'


def _line(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"
