"""A paper as a file; the format follows its ending."""

from gis.papers.data import PaperData
from gis.papers.document import paper_document
from gis.papers.page import paper_pdf
from gis.papers.workbook import paper_workbook

PAPER_WRITERS = {".xlsx": paper_workbook, ".docx": paper_document, ".pdf": paper_pdf}
PAPER_FORMATS = tuple(ending[1:] for ending in PAPER_WRITERS)


def file_name(data: PaperData, ending: str) -> str:
    """Return what the file of a paper is called, without blanks."""
    question = data.question
    return f"{data.key}-{question.area or question.person or 'me'}-{question.period.text}{ending}"
