"""Forms of Word: their fields, and the form filled in.

Only in the child process of `gis.files.sandbox`. What stands between the braces of a form is never
compiled: each field is looked up in the mapping that was chosen, and only the name of a value of
ours reaches the template engine.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

from docxtpl import DocxTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gis.errors import InvalidInput
from gis.files.formulas import xml_text
from gis.papers.template_names import MAX_FORM_FIELD_CHARS, ROW_PREFIX, Cell, field_name

TAG_PATTERN = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
BROKEN_PATTERN = re.compile(r"\{[{%#]")
LOOP_START_PATTERN = re.compile(r"-?\s*for\s+(?:row|行)\s+in\s+(?:rows|行表)\s*-?")
LOOP_END_PATTERN = re.compile(r"-?\s*endfor\s*-?")
ROW = "row"  # the variable of the loop


class _Form(DocxTemplate):
    """A form whose fields are replaced before the template engine sees them."""

    def __init__(self, content: bytes, replace: Callable[[str], str]) -> None:
        super().__init__(BytesIO(content))
        self.replace_field = replace

    def patch_xml(self, src_xml: str) -> str:
        """Return XML with one tag for each field, its text replaced."""
        return _replaced(super().patch_xml(src_xml), self.replace_field)

    def render_xml_part(
        self, src_xml: str, part: object, context: Mapping[str, Any], jinja_env: Any = None
    ) -> str:
        """Return XML with values; braces in them stay as they are."""
        self.current_rendering_part = part
        filled: str = self.resolve_listing(jinja_env.from_string(src_xml).render(context))
        return filled

    def render_properties(self, context: object, jinja_env: object = None) -> None:
        """Leave title and author as they are."""

    def read(self) -> None:
        """Look at the fields of every part."""
        self.render_init()
        self.patch_xml(self.get_xml())
        for uri in (self.HEADER_URI, self.FOOTER_URI):
            for _, part in self.get_headers_footers(uri):
                self.patch_xml(self.get_part_xml(part))


def document_fields(content: bytes) -> list[str]:
    """Return the fields of a form in their order, those of rows with `ROW_PREFIX`.

    Raises
    ------
    InvalidInput
        A field is more than a name, or a row that repeats is not marked as it should be.
    """
    fields: dict[str, None] = {}

    def collect(name: str) -> str:
        fields[name] = None
        return "{{ x }}"

    _Form(content, collect).read()
    return list(fields)


def filled_document(
    content: bytes,
    mapping: Mapping[str, str],
    figures: Mapping[str, Cell],
    rows: Sequence[Mapping[str, Cell]],
) -> bytes:
    """Return a form with values for its fields.

    Parameters
    ----------
    mapping
        Field -> key of a figure, or of a column for those of rows; others stay empty.
    """

    def replace(name: str) -> str:
        key = mapping.get(name, "")
        if name.startswith(ROW_PREFIX):
            return _value(ROW, key) if key in columns else ""
        return _value("figures", key) if key in figures else ""

    columns = set().union(*rows) if rows else set()
    form = _Form(content, replace)
    values = {
        "figures": {key: xml_text(cell[0]) for key, cell in figures.items()},
        "rows": [{key: xml_text(cell[0]) for key, cell in row.items()} for row in rows],
    }
    environment = ImmutableSandboxedEnvironment(autoescape=True)
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    form.render(values, environment, autoescape=True)
    written = BytesIO()
    form.save(written)
    return written.getvalue()


def _value(table: str, key: str) -> str:
    return "{{ " + f"{table}['{key}']" + " }}"


def _replaced(xml: str, replace: Callable[[str], str]) -> str:
    """Return XML with its fields replaced, and its loops as they must be.

    Raises
    ------
    InvalidInput
        A tag is neither a field nor the start or end of the loop over rows.
    """
    within = False

    def tag(match: re.Match[str]) -> str:
        nonlocal within
        if match[1] is not None:
            name = field_name(html.unescape(match[1]))
            is_lost = name.startswith(ROW_PREFIX) and not within
            if not name or len(name) > MAX_FORM_FIELD_CHARS or is_lost:
                raise _wrong(match)
            return replace(name)
        starts = LOOP_START_PATTERN.fullmatch(match[2].strip())
        if not (starts or LOOP_END_PATTERN.fullmatch(match[2].strip())) or bool(starts) == within:
            raise _wrong(match)
        within = bool(starts)
        return "{% for " + ROW + " in rows %}" if starts else "{% endfor %}"

    rest = TAG_PATTERN.sub("", xml)
    if broken := BROKEN_PATTERN.search(rest):
        raise InvalidInput("paper_template.wrong_field", field=_plain(rest[broken.start() :]))
    result = TAG_PATTERN.sub(tag, xml)
    if within:
        raise InvalidInput("paper_template.wrong_field", field="for")
    return result


def _wrong(match: re.Match[str]) -> InvalidInput:
    return InvalidInput("paper_template.wrong_field", field=_plain(match[0]))


def _plain(xml: str) -> str:
    return html.unescape(re.sub(r"<[^<>]*>", "", xml[:2000]))[:60]
