"""Addresses as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.labels import building_of
from gis.places.address import (
    Address,
    floor_of_room,
    label_of_building,
    normalise_label,
    parse_address,
    parse_number,
)

WRITTEN = {
    # text: place, building, stairwell, floor, room
    "西兴社区3号楼2单元501室": ("西兴社区", "3", "2", 5, "501"),
    "西兴社区 3号楼 2单元 501 室": ("西兴社区", "3", "2", 5, "501"),
    "桂花苑3号楼2单元五楼": ("桂花苑", "3", "2", 5, ""),
    "西兴社区桂花苑3幢501": ("西兴社区桂花苑", "3", "", 5, "501"),
    "3栋二单元五楼": ("", "3", "2", 5, ""),
    "3-2-501": ("", "3", "2", 5, "501"),
    "３－２－５０１": ("", "3", "2", 5, "501"),
    "3—2—501": ("", "3", "2", 5, "501"),
    "桂花苑·3·2·501": ("桂花苑", "3", "2", 5, "501"),
    "桂花苑·二期·3号楼": ("桂花苑二期", "3", "", None, ""),
    "桂花苑3-2-501": ("桂花苑", "3", "2", 5, "501"),
    "3-2-5-501": ("", "3", "2", 5, "501"),
    "3-501": ("", "", "3", 5, "501"),
    "三号楼二单元": ("", "3", "2", None, ""),
    "３号楼２单元５０１": ("", "3", "2", 5, "501"),
    "3#2单元501": ("", "3", "2", 5, "501"),
    "3#楼2-501": ("", "3", "2", 5, "501"),
    "3楼2单元5楼": ("", "3", "2", 5, ""),
    "A座1203": ("", "A", "", 12, "1203"),
    "a座1203室": ("", "A", "", 12, "1203"),
    "甲栋乙单元301": ("", "甲", "乙", 3, "301"),
    "新村二十一号楼十层": ("新村", "21", "", 10, ""),
    "第十二栋第三单元十二层1203号": ("", "12", "3", 12, "1203"),
    "北京路12号3栋501": ("北京路12号", "3", "", 5, "501"),
    "12号501室": ("", "", "", None, ""),
    "西兴一村三号楼2门302号": ("西兴一村", "3", "2", 3, "302"),
    "2号楼一单元六〇一": ("", "2", "1", 6, "601"),
    "3号楼0501室": ("", "3", "", 5, "501"),
    "3号楼负一层": ("", "3", "", -1, ""),
    "3号楼地下2层": ("", "3", "", -2, ""),
    "二单元": ("", "", "2", None, ""),
    "五楼": ("", "", "", 5, ""),
    "501": ("", "", "", 5, "501"),
    "百合苑3号楼2单元501": ("百合苑", "3", "2", 5, "501"),
    "千禧苑三号楼二单元": ("千禧苑", "3", "2", None, ""),
    "百货大楼6楼": ("百货大楼", "", "", 6, ""),
    "百灵小区": ("百灵小区", "", "", None, ""),
    "2栋二千五百零三室": ("", "2", "", 25, "2503"),
    "两千五百零三": ("", "", "", 25, "2503"),
    "3号\u200b楼2单\ufeff元501": ("", "3", "2", 5, "501"),
    "桂花苑": ("桂花苑", "", "", None, ""),
    "": ("", "", "", None, ""),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_an_address_is_read_as_people_mean_it(text):
    address = parse_address(text)
    assert (
        address.prefix,
        address.building,
        address.stairwell,
        address.floor,
        address.room,
    ) == WRITTEN[text]


def numeral(value: int) -> str:
    """A number below a thousand in Chinese numerals, as spoken."""
    signs = "零一二三四五六七八九"
    hundreds, tens, ones = value // 100, value // 10 % 10, value % 10
    text = f"{signs[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else signs[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (signs[ones] if ones else "")


@given(st.integers(1, 999))
def test_numerals_and_digits_are_the_same_number(value):
    assert parse_number(numeral(value)) == parse_number(str(value)) == value
    assert (
        normalise_label(f"第{numeral(value)}单元") == normalise_label(f"{value:03d}") == str(value)
    )


def full_width(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign in "0123456789#-" else sign for sign in text)


BUILDINGS = st.one_of(st.integers(1, 199).map(str), st.sampled_from("ABCF甲乙丙"))
ROOMS = st.builds(lambda floor, door: f"{floor}{door:02d}", st.integers(1, 48), st.integers(1, 20))
ADDRESSES = st.builds(
    lambda place, building, stairwell, room: Address(
        place, building, stairwell, floor_of_room(room), room
    ),
    st.sampled_from(["", "西兴社区", "学苑社区桂花苑", "阳光花园"]),
    BUILDINGS,
    st.one_of(st.just(""), st.integers(1, 30).map(str)),
    st.one_of(st.just(""), ROOMS),
)


def parts(address: Address) -> tuple[object, ...]:
    return (address.prefix, address.building, address.stairwell, address.floor, address.room)


@given(ADDRESSES, st.sampled_from(["号楼", "栋", "幢", "座", "#楼"]), st.booleans(), st.booleans())
def test_writing_an_address_and_reading_it_gives_it_back(address, word, wide, spoken):
    assert parts(parse_address(str(address))) == parts(address)
    building, stairwell = address.building, address.stairwell
    if spoken:
        building = numeral(int(building)) if building.isdecimal() else building
        stairwell = numeral(int(stairwell)) if stairwell else ""
    text = (
        f"{address.prefix} {building}{word}"
        + (f"{stairwell}单元" if stairwell else "")
        + address.room
    )
    assert parts(parse_address(full_width(text) if wide else text)) == parts(address)


@given(BUILDINGS, st.integers(1, 30).map(str), ROOMS)
def test_dashes_say_the_same_as_words(building, stairwell, room):
    dashes, description = f"{building}-{stairwell}-{room}", f"{building}号楼{stairwell}单元{room}室"
    assert (
        parts(parse_address(dashes))
        == parts(parse_address(description))
        == ("", building, stairwell, floor_of_room(room), room)
    )


@given(st.text(max_size=40))
def test_nothing_people_type_breaks_the_reading(text):
    address = parse_address(text)
    assert (normalise_label(address.building), normalise_label(address.room)) == (
        address.building,
        address.room,
    )
    assert all(
        len(part) <= len(address.text)
        for part in (address.prefix, address.building, address.stairwell)
    )


def test_a_room_tells_its_floor_only_where_it_can():
    assert [
        floor_of_room(room) for room in ("501", "1203", "12", "5", "001", "99901", "501A", "")
    ] == [
        5,
        12,
        None,
        None,
        None,
        None,
        5,
        None,
    ]


def test_a_building_is_known_by_the_number_in_its_name():
    names = ["3号楼", "三号楼", "桂花苑3号楼", "B座", "03栋", "综合楼", "", "12"]
    assert [label_of_building(name) for name in names] == ["3", "3", "3", "B", "3", "", "", "12"]


def test_a_building_of_a_letter_is_named_as_at_its_door() -> None:
    assert building_of("A") == "A座" and building_of("3") == "3号楼"
    assert str(parse_address("富康苑A座1203").building) == "A"
