"""Services of a life circle that are trades, not places: water, help, payment, repair."""

import pytest

from gis.facilities.categories import CATEGORIES
from gis.facilities.category_tags import classify_tags
from gis.facilities.category_words import key_of_word


@pytest.mark.parametrize(
    ("tags", "category"),
    [
        ({"shop": "water", "name": "康泉桶装水"}, "water"),
        ({"amenity": "vending_machine", "vending": "water"}, "water"),
        ({"shop": "convenience", "name": "送水超市"}, "convenience"),  # known by what it mostly is
        ({"office": "company", "name": "好帮手家政服务有限公司"}, "housekeeping"),
        ({"craft": "cleaning"}, "housekeeping"),
        ({"office": "company", "name": "供电局营业厅"}, "payment"),
        ({"shop": "yes", "name": "便民缴费点"}, "payment"),
        ({"amenity": "payment_centre"}, "payment"),
        ({"amenity": "bank", "name": "农业银行缴费点"}, "bank_post"),
        ({"shop": "locksmith"}, "repair"),
        ({"shop": "laundry", "name": "洁净洗衣"}, "repair"),
        ({"highway": "bus_stop", "name": "家政学校"}, "transit"),
    ],
)
def test_osm_objects_have_their_category(tags: dict[str, str], category: str) -> None:
    assert classify_tags(tags) == category


@pytest.mark.parametrize(
    ("word", "category"),
    [
        ("送水站", "water"),
        ("家政服务", "housekeeping"),
        ("缴费", "payment"),
        ("供电营业厅", "payment"),
        ("维修", "repair"),
        ("Bill payment", "payment"),
        ("家政/维修", None),
    ],
)
def test_words_in_files_have_their_category(word: str, category: str | None) -> None:
    assert key_of_word(word) == category


def test_no_two_categories_share_a_rank_or_a_name() -> None:
    for field in ("key", "zh", "en", "rank"):
        values = [getattr(category, field) for category in CATEGORIES]
        assert len(set(values)) == len(values)
