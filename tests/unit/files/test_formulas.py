"""What a written table neutralises, a read table restores."""

from hypothesis import given
from hypothesis import strategies as st

from gis.files.cells import parse_words
from gis.files.formulas import cell_text, is_formula

WORDS = st.text(
    st.one_of(
        st.sampled_from("=+-@'＝\u200d\ufeff\t 垃圾"),
        st.characters(exclude_categories=["Cc", "Cs"]),
    )
).map(str.strip)


@given(WORDS)
def test_any_text_is_safe_and_comes_back(words: str) -> None:
    cell = cell_text(words)
    assert not is_formula(str(cell)) and parse_words(cell) == words
