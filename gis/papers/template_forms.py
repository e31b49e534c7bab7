"""What the child process does with a form; imports little, since every form starts one."""

from collections.abc import Mapping, Sequence

from gis.papers.template_names import Cell


def read_here(content: bytes, ending: str, file: str) -> list[str]:
    """Return the fields of a form; called in the child process only.

    Raises
    ------
    InvalidInput, TooLarge
        It is no form that may be kept.
    """
    from gis.papers.template_archive import check_archive

    check_archive(content, ending, file)
    if ending == ".docx":
        from gis.papers.template_document import document_fields

        return document_fields(content)
    from gis.papers.template_workbook import workbook_fields

    return workbook_fields(content, file)


def fill_here(
    content: bytes,
    ending: str,
    mapping: Mapping[str, str],
    figures: Mapping[str, Cell],
    rows: Sequence[Mapping[str, Cell]],
) -> bytes:
    """Return a form filled in; called in the child process only."""
    if ending == ".docx":
        from gis.papers.template_document import filled_document

        return filled_document(content, mapping, figures, rows)
    from gis.papers.template_workbook import filled_workbook

    return filled_workbook(content, mapping, figures, rows)
