"""Telephone numbers in cells: blanks in mobile numbers, and leading zeros that Excel removed."""

import re
import unicodedata

from gis.files.cells import Guess, Marked, parse_code

MOBILE_PATTERN = re.compile(r"1[3-9]\d{9}")
# 0 and an area code of two digits (10, 2x) with eight digits, or of three (3xx to 9xx) with seven
# or eight
ZERO_LOST_PATTERN = re.compile(r"(?:10|2\d)[2-8]\d{7}|[3-9]\d{2}[2-8]\d{6,7}")
WRONG_LENGTH_PATTERN = re.compile(
    r"[1-9]\d{8,9}|1[3-9]\d{8}|1[3-9]\d{10}|[1-9]\d{11,}|[\d*]*\*[\d*]*"
)
NO_AREA_PATTERN = re.compile(r"[48]00\d{7}")  # service numbers have no zero in front


def parse_telephone(value: object) -> str | Guess:
    """Return a telephone number as text.

    Raises
    ------
    CellError
        Digits are lost, or Excel has made a date of it.
    """
    was_number = isinstance(value.value if isinstance(value, Marked) else value, float | int)
    text = parse_code(value)
    digits = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", text))
    digits = re.sub(r"^(?:\+|00)?86(?=1[3-9]\d{9}$)", "", digits)
    if MOBILE_PATTERN.fullmatch(digits):
        return digits
    if ZERO_LOST_PATTERN.fullmatch(digits) and not NO_AREA_PATTERN.fullmatch(digits):
        whole = f"0{digits if was_number else text}"
        return Guess(whole, "cell.telephone_zero_lost", f"{text}: {whole}")
    if re.fullmatch(r"[-—–/\\无]+|没有|无电话|空号?|不详", text):
        return Guess(None, "cell.no_telephone", text)
    if WRONG_LENGTH_PATTERN.fullmatch(digits) and not NO_AREA_PATTERN.fullmatch(digits):
        return Guess(text, "cell.telephone_length", text)
    return text
