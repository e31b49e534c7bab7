"""Rates of counted incidents."""

from hypothesis import given
from hypothesis import strategies as st

from gis.incidents.reading.statistics import RateCount


def test_a_rate_is_not_rounded_twice() -> None:
    assert f"{RateCount(5, 130).value:.1%}" == "3.8%"  # 0.0385 would be 3.9 %
    assert RateCount(0, 0).value is None


@given(st.integers(1, 1000), st.data())
def test_a_rate_is_shown_as_the_quotient_is(of: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, of))
    value = RateCount(n, of).value
    assert value is not None
    assert f"{value:.1%}" == f"{n / of:.1%}"
