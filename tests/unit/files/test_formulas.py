"""What a written table neutralises, a read table restores."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from gis.files.cells import parse_words
from gis.files.formulas import cell_text, is_formula
from gis.files.table_writer import write_values

WORDS = st.text(
    st.one_of(
        st.sampled_from("=+-@'＝\u200d\ufeff\t 垃圾"),
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    )
).map(str.strip)


@given(WORDS)
def test_any_text_is_safe_and_comes_back(message: str) -> None:
    cell = cell_text(message)
    assert not is_formula(str(cell)) and parse_words(cell) == message


def test_no_words_break_a_workbook(tmp_path: Path) -> None:
    write_values(tmp_path / "a.xlsx", ["words"], [["垃\ufffe圾\uffff\x0b"]])
    sheet = load_workbook(tmp_path / "a.xlsx").active
    assert sheet.cell(2, 1).value == "垃圾"
