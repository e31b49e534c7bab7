"""Cells of registers: what a remark says of its row, and which numbers tell people apart."""

import time
from collections.abc import Callable

import pytest

from gis.exchange.registers.cells import (
    Contact,
    parse_closed,
    parse_contact,
    parse_gone,
    parse_identity,
    parse_left,
    parse_status,
)
from gis.exchange.registers.ranges import split_buildings
from gis.files.cells import CellError, Guess
from gis.files.person_names import parse_person_name


@pytest.mark.parametrize(
    ("parse", "out", "unclear", "present"),
    [
        (
            parse_status,
            "死亡 已迁出 2024年3月已迁出 已搬走至二社区 全家已搬走 长期外出，已搬走 户口已迁出",
            "户主已故，妻在 父亲已故 死亡证明待办 拟于明年迁出 2024年迁入，原已注销户口",
            "未迁出 在册 没有搬走",
        ),
        (
            parse_left,
            "离职 2020年退休 因病去世 组织关系已转出",
            "退休后返聘 接替已离职的张三 待离职",
            "非离职 在岗",
        ),
        (parse_closed, "停业 暂停营业 2025.3关闭", "原停业现营业", "未关闭 营业"),
        (parse_gone, "已拆除 在建", "拟拆除 原址拆除重建", "平房 未拆除"),
    ],
)
def test_a_remark_counts_where_it_is_of_the_row(
    parse: Callable[[object], object], out: str, unclear: str, present: str
) -> None:
    assert [text for text in out.split() if not isinstance(parse(text), str)] == []
    assert [text for text in unclear.split() if not isinstance(parse(text), Guess)] == []
    assert [text for text in present.split() if parse(text) is not None] == []


@pytest.mark.parametrize("dot", "·•．.・‧●。")
def test_the_dot_of_a_name_is_one_however_it_is_typed(dot: str) -> None:
    assert parse_person_name(f"古丽巴哈尔{dot}艾力") == "古丽巴哈尔·艾力"
    assert parse_person_name("J. Smith") == "J. Smith"
    contact = parse_contact(f"阿卜杜拉{dot}买买提 13900010001")
    assert isinstance(contact, Contact) and contact.name == "阿卜杜拉·买买提"


def test_two_names_are_not_one() -> None:
    for text in ("张三 李四", "张三\n李小四", "张三　李四 13900001001", "张三13900001001李四"):
        with pytest.raises(CellError, match="several"):
            parse_contact(text)
    for text in ("张 三", "张　三 男", "张三 党员", "张三（女）", "张三 男 13900001001"):
        assert parse_contact(text).name == "张三", text
    assert parse_contact("欧阳 娜娜").name == "欧阳娜娜"


def test_what_is_no_number_makes_nobody_the_same_person() -> None:
    for text in ("无", "520402********0011", "5.20402E+17", "000000000000000000", "办理中"):
        assert parse_identity(text) is None, text
    for text in ("520402195001010011", "520402500101001", "E12345678", "H12345678(9)"):
        assert parse_identity(text), text


def test_digits_in_a_remark_do_not_hold_the_reader_up() -> None:
    began = time.process_time()
    for digits in ("520402198801011234", "1" * 5_000):
        assert parse_status(f"{digits}卡，已迁出") == "迁出"
        assert parse_gone(f"{digits}号拆") is None
    assert time.process_time() - began < 1


def test_a_cell_that_lists_too_much_names_no_buildings() -> None:
    began = time.process_time()
    for cell in ("十一" * 60_000, "1、" * 60_000, "十一" * 60_000 + "-2栋"):
        assert split_buildings(cell) == []
    assert time.process_time() - began < 1
