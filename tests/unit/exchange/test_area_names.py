"""Areas as registers name them."""

from gis.exchange.building_match import MAX_QUERIES_WITH_SUGGESTIONS
from gis.exchange.registers.area_names import AreaNames, NamedArea
from gis.messages import Message


def test_only_the_first_unknown_names_get_suggestions() -> None:
    """Each compares the name with all others."""
    names = AreaNames([NamedArea(1, "1", "学苑第6网格", "grid", None, "520402", True)])
    words = [f"学园第{number}网格" for number in range(10, 10 + MAX_QUERIES_WITH_SUGGESTIONS + 1)]
    answers = [names.find(word, "grid") for word in [*words, words[0]]]
    codes = [answer.code for answer in answers if isinstance(answer, Message)]
    assert codes[-3:] == ["load.with_suggestions", "register.no_area", "load.with_suggestions"]
