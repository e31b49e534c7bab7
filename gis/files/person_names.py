"""Names of people as lists have them."""

import re

from gis.files.cells import CellError, parse_text

TWO_NAMES_PATTERN = re.compile(
    r"(?!(?:欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|夏侯|端木|司空|南宫|独孤)\s)"
    r"[\u3400-\u9fff·]{2,}(?:\s+[\u3400-\u9fff·]{2,})+"
)


def parse_person_name(value: object) -> str:
    """Return a name without the blanks that align it in a printed list: 张　三 is 张三.

    Raises
    ------
    CellError
        It holds two names: 张三 李四.
    """
    name = parse_text(value)
    if TWO_NAMES_PATTERN.fullmatch(name):
        raise CellError("register_cell.several_people")
    return re.sub(r"\s+", "", name) if re.fullmatch(r"[\u3400-\u9fff\s·]+", name) else name
