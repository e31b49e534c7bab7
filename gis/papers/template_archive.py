"""What a form from outside may not hold: macros, links to elsewhere, far more than its size."""

import html
import re
import zipfile
from io import BytesIO

from gis.errors import InvalidInput, TooLarge
from gis.files.unpacking import DAMAGED_ARCHIVE

MAX_FORM_BYTES = 5_000_000  # of a form
MAX_FORM_UNPACKED_BYTES = 40_000_000
MAX_FORM_PARTS = 2000
MAIN_PARTS = {".docx": "word/document.xml", ".xlsx": "xl/workbook.xml"}

# names of parts that run, or fetch what is elsewhere
FORBIDDEN_PART_PATTERN = re.compile(
    r"vba|macro|activex|embeddings/|oleobject|externallinks/|connections\.xml|querytable|customui"
    r"|ctrlprop",
    re.IGNORECASE,
)
MACRO_PATTERN = re.compile(rb"macroEnabled|vbaProject", re.IGNORECASE)
# an encoding in which what is looked for would not be recognised, or entities that expand
STRANGE_XML_PATTERN = re.compile(rb"<!(?:DOCTYPE|ENTITY)|\x00|^\xfe\xff|^\xff\xfe", re.IGNORECASE)
RELATION_PATTERN = re.compile(rb"<(?:\w+:)?Relationship\s[^<>]*>")
TARGET_PATTERN = re.compile(rb"""\bTarget\s*=\s*["']([^"']*)""")
# as `{ DDEAUTO … }` in a document; a program follows them when it opens
FIELD_TEXT_PATTERN = re.compile(
    rb"""<w:instrText\b[^<>]*>([^<]*)|\bw:instr\s*=\s*(?:"([^"]*)"|'([^']*)')"""
)
FETCHING_FIELD_PATTERN = re.compile(
    r"DDE|INCLUDE|\bLINK|IMPORT|DATABASE|MACROBUTTON|AUTOTEXT", re.IGNORECASE
)
FORMULA_PATTERN = re.compile(rb"<(?:\w+:)?f\b[^<>]*>([^<]*)")
FETCHING_FORMULA_PATTERN = re.compile(
    r"WEBSERVICE|FILTERXML|\bRTD\b|\bCALL\b|REGISTER|\[\d+\]|\[.*\.xl|\|.*!", re.IGNORECASE
)


def check_archive(content: bytes, ending: str, file: str) -> None:
    """Let through a form of Word or Excel that neither runs nor fetches anything.

    Parameters
    ----------
    ending
        .docx or .xlsx.
    file
        What messages call it.

    Raises
    ------
    InvalidInput
        It is none, is damaged, holds macros or other files, or links to elsewhere.
    TooLarge
        It is larger than a form, packed or unpacked.
    """
    if len(content) > MAX_FORM_BYTES:
        raise TooLarge("paper_template.too_large", file=file, limit=MAX_FORM_BYTES // 1_000_000)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = _unpacked(archive, file)
    except (*DAMAGED_ARCHIVE, OSError, ValueError) as error:
        raise InvalidInput("paper_template.damaged", file=file) from error
    if MAIN_PARTS.get(ending) not in parts:
        raise InvalidInput("paper_template.wrong_kind", file=file)
    if MACRO_PATTERN.search(parts.get("[Content_Types].xml", b"")):
        raise InvalidInput("paper_template.macros", file=file)
    for name, part in parts.items():
        if FORBIDDEN_PART_PATTERN.search(name):
            raise InvalidInput("paper_template.macros", file=file)
        if name.endswith((".xml", ".rels", ".vml")):
            _check_xml(name, part, file)


def _unpacked(archive: zipfile.ZipFile, file: str) -> dict[str, bytes]:
    """Return the parts by name.

    Raises
    ------
    TooLarge
        They are too many, or more than `MAX_FORM_UNPACKED_BYTES`, whatever the archive
        says of them.
    """
    bomb = TooLarge(
        "paper_template.too_large", file=file, limit=MAX_FORM_UNPACKED_BYTES // 1_000_000
    )
    members = archive.infolist()
    if len(members) > MAX_FORM_PARTS or len(set(archive.namelist())) < len(members):
        raise bomb
    parts, left = {}, MAX_FORM_UNPACKED_BYTES
    for member in members:
        with archive.open(member) as packed:
            part = packed.read(left + 1)
        left -= len(part)
        if left < 0:
            raise bomb
        parts[member.filename] = part
    return parts


def _check_xml(name: str, part: bytes, file: str) -> None:
    """Let through a part that refers to nothing outside but pages to be clicked.

    Raises
    ------
    InvalidInput
        It does, or cannot be judged.
    """
    if STRANGE_XML_PATTERN.search(part):
        raise InvalidInput("paper_template.damaged", file=file)
    if name.endswith(".rels"):
        for relation in RELATION_PATTERN.findall(part):
            target = TARGET_PATTERN.search(relation)
            where = html.unescape(target[1].decode("utf-8", "replace")) if target else ""
            is_page = b"/hyperlink" in relation and where.startswith(("https://", "http://", "#"))
            if b"External" in relation and not is_page:
                raise InvalidInput("paper_template.external", file=file, target=where[:60])
        return
    fields = "".join(
        html.unescape(b"".join(match).decode("utf-8", "replace"))
        for match in FIELD_TEXT_PATTERN.findall(part)
    )
    formulas = (
        html.unescape(text.decode("utf-8", "replace")) for text in FORMULA_PATTERN.findall(part)
    )
    fetching = FETCHING_FIELD_PATTERN.search(fields) or next(
        filter(None, map(FETCHING_FORMULA_PATTERN.search, formulas)), None
    )
    if fetching:
        raise InvalidInput("paper_template.external", file=file, target=fetching[0][:60])
