"""Names of people as lists have them."""

import re

from gis.files.cells import CellError, parse_text

TWO_NAMES_PATTERN = re.compile(
    r"(?!(?:欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|夏侯|端木|司空|南宫|独孤)\s)"
    r"[\u3400-\u9fff·]{2,}(?:\s+[\u3400-\u9fff·]{2,})+"
)
# What input methods write between the parts of a name such as 古丽巴哈尔·艾力: one sign, many
# codes, of which national identity cards have U+00B7.
DOT_PATTERN = re.compile(
    r"(?<=[\u3400-\u9fff])\s*[\u00b7\u0387\u2022\u2027\u2219\u22c5\u25cf\u30fb\uff65.\uff0e\u3002]\s*"
    r"(?=[\u3400-\u9fff])"
)


def one_dot(text: str) -> str:
    """Return a text with U+00B7 for each dot between two Chinese characters."""
    return DOT_PATTERN.sub("·", text)


def parse_person_name(value: object) -> str:
    """Return a name without the blanks that align it in a printed list: 张　三 is 张三.

    Of a name with a dot in it, 古丽巴哈尔•艾力, every way of writing the dot is one.

    Raises
    ------
    CellError
        It holds two names: 张三 李四.
    """
    name = one_dot(parse_text(value))
    if TWO_NAMES_PATTERN.fullmatch(name):
        raise CellError("register_cell.several_people")
    return re.sub(r"\s+", "", name) if re.fullmatch(r"[\u3400-\u9fff\s·]+", name) else name
