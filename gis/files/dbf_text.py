"""The text of a Shapefile's attributes: its encoding, and characters that are cut in the middle."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gis.errors import InvalidInput
from gis.files.column import CUT
from gis.messages import Message

ATTRIBUTE_ENCODINGS = ("utf-8", "gb18030")  # tried in this order; GB18030 holds GBK and GB2312


MAX_NAME_BYTES = 10  # of the name of a column of a .dbf


@dataclass(frozen=True)
class AttributeEncoding:
    """How the text of attributes is written; None: as the format says.

    is_cut: Some of it ends within a character, as GDAL cuts names of columns after ten bytes; GDAL
    then reads it byte by byte, and it is decoded here.
    """

    encoding: str | None
    is_cut: bool = False

    @property
    def read_as(self) -> str | None:
        """The encoding for GDAL."""
        return "ISO-8859-1" if self.is_cut else self.encoding

    def name_of(self, name: str) -> str:
        """Return the name of a column; one in Chinese that may be cut ends with an ellipsis."""
        text = self._decoded(name)
        if self.encoding is None or text.isascii():
            return text
        length = len(text.encode(self.encoding, "replace"))
        is_whole = length < MAX_NAME_BYTES and (not self.is_cut or length == len(name))
        return text if is_whole else f"{text}{CUT}"

    def values_of(self, values: list[Any]) -> list[Any]:
        """Return the values of a column, texts without what is left of a cut character."""
        if not self.is_cut:
            return values
        return [self._decoded(value) if isinstance(value, str) else value for value in values]

    def _decoded(self, text: str) -> str:
        if not self.is_cut:
            return text
        return text.encode("latin-1").decode(self.encoding or "utf-8", "ignore")


def dbf_encoding(file: Path, notes: list[Message]) -> AttributeEncoding:
    """Return the text encoding of a Shapefile: that of its .cpg if the text fits, else a guess.

    Raises
    ------
    InvalidInput
        The text fits no encoding that is tried, or the .dbf is damaged.
    """
    dbf = next(
        (part for part in (file.with_suffix(".dbf"), file.with_suffix(".DBF")) if part.exists()),
        None,
    )
    if dbf is None:
        return AttributeEncoding("utf-8")
    pieces = _dbf_text(dbf)
    cpg = next(
        (part for part in (file.with_suffix(".cpg"), file.with_suffix(".CPG")) if part.exists()),
        None,
    )
    declared = cpg.read_text("ascii", "replace").strip().lower() if cpg else ""
    declared = {
        "936": "gb18030",
        "cp936": "gb18030",
        "gbk": "gb18030",
        "gb2312": "gb18030",
        "65001": "utf-8",
    }.get(declared, declared)
    for encoding in dict.fromkeys((*([declared] if declared else []), *ATTRIBUTE_ENCODINGS)):
        if all(_decodes(piece, encoding) for piece in pieces):
            if declared and encoding != declared:
                notes.append(
                    Message("map_file.other_encoding", {"declared": declared, "encoding": encoding})
                )
            elif not declared and encoding != "utf-8":
                notes.append(Message("map_file.guessed_encoding", {"encoding": encoding}))
            is_cut = not all(_decodes(piece, encoding, cuts=1) for piece in pieces)
            return AttributeEncoding(encoding, is_cut)
    raise InvalidInput("map_file.unknown_encoding", file=file.name)


def _dbf_text(dbf: Path) -> list[bytes]:
    """Return the column names and text cells of a .dbf that are not ASCII.

    Source: dBASE III file format.

    Raises
    ------
    InvalidInput
        The file is shorter than its header.
    """
    data = dbf.read_bytes()
    if len(data) < 32:
        raise InvalidInput("map_file.dbf_damaged", file=dbf.name)
    header, width = struct.unpack_from("<HH", data, 8)
    pieces, at, spans = [], 1, []
    for start in range(32, min(header - 1, len(data) - 31), 32):
        if data[start] == 0x0D:
            break
        # GDAL numbers names that are the same once they are cut, and cuts these again
        pieces.append(re.sub(rb"_\d+$", b"", data[start : start + 11].split(b"\0")[0]))
        if data[start + 11 : start + 12] == b"C":
            spans.append((at, at + data[start + 16]))
        at += data[start + 16]
    for record in range(header, len(data) - width + 1, max(width, 1)):
        pieces += [data[record + a : record + b].rstrip(b" \0") for a, b in spans]
    return [piece for piece in pieces if not piece.isascii()]


def _decodes(piece: bytes, encoding: str, cuts: int = 4) -> bool:
    """Return whether bytes are text in an encoding.

    A last character cut off at the column's width is let pass, unless `cuts` is 1.
    """
    for cut in range(cuts):
        try:
            piece[: len(piece) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(piece) - 4:
                return False
        except LookupError:
            return False
        else:
            return True
    return False
