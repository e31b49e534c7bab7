"""Opening hours at a moment: OSM syntax, Chinese words, holidays, and what cannot be said."""

from datetime import UTC, datetime

import pytest

from gis.facilities.hours import is_open, to_osm
from gis.settings import SHANGHAI

THURSDAY = datetime(2026, 11, 26, 10, 0, tzinfo=SHANGHAI)
SUNDAY = datetime(2026, 11, 29, 10, 0, tzinfo=SHANGHAI)
NATIONAL_DAY = datetime(2026, 10, 1, 10, 0, tzinfo=SHANGHAI)  # a Thursday
WORKED_SATURDAY = datetime(2026, 10, 10, 10, 0, tzinfo=SHANGHAI)  # for the National Day


@pytest.mark.parametrize(
    ("text", "osm"),
    [
        ("每天9:00-17:00", "Mo-Su 09:00-17:00"),
        ("周一至周五 8:30-12:00,14:00-17:30", "Mo-Fr 08:30-12:00,14:00-17:30"),
        ("24小时", "24/7"),
        ("24小时营业", "24/7"),
        ("全天24小时", "24/7"),
        ("营业时间：9：00—21：30", "Mo-Su 09:00-21:30"),
        ("周一至五上午8点半到12点、下午2:30-5:30", "Mo-Fr 08:30-12:00,14:30-17:30"),
        ("星期一到星期六 07:00~19:00；星期日休息", "Mo-Sa 07:00-19:00; Su off"),
        ("周一、三、五 9:00-11:00", "Mo,We,Fr 09:00-11:00"),
        ("周六日10:00-16:00", "Sa,Su 10:00-16:00"),
        ("工作日9:00-17:00", "Mo-Fr 09:00-17:00; PH off"),
        ("工作日9:00-17:00，节假日10:00-16:00", "Mo-Fr 09:00-17:00; PH 10:00-16:00"),
        ("每天9:00-17:00（周一闭馆）", "Mo-Su 09:00-17:00; Mo off"),
        ("每天9:00-17:00，法定节假日除外", "Mo-Su 09:00-17:00; PH off"),
        ("早8点到晚8点", "Mo-Su 08:00-20:00"),
        ("晚上6点-凌晨2点", "Mo-Su 18:00-02:00"),
        ("每天 22:00-06:00", "Mo-Su 22:00-06:00"),
        ("9:00-17:00 夏季至18:00", None),
        ("早上开门", None),
        ("电话预约", None),
        ("周一至周五", None),
        ("8:00-12:00;14:00-18:00", None),
        ("每天25:00-26:00", None),
        ("周日休息", None),
        ("9-17", None),
    ],
)
def test_chinese_words_become_osm_syntax_where_they_are_sure(text: str, osm: str | None) -> None:
    assert to_osm(text) == osm


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("Mo-Fr 08:30-12:00,14:00-17:30", THURSDAY, True),
        ("Mo-Fr 08:30-12:00,14:00-17:30", THURSDAY.replace(hour=13), False),
        ("Mo-Fr 08:30-12:00", SUNDAY, False),
        ("24/7", SUNDAY, True),
        ("每天9:00-17:00", SUNDAY, True),
        ("每天9:00-17:00", SUNDAY.replace(hour=17), False),
        ("每天 22:00-06:00", SUNDAY.replace(hour=3), True),
        # holidays
        ("Mo-Fr 08:00-17:00; PH off", NATIONAL_DAY, False),
        ("Mo-Fr 08:00-17:00; PH off", THURSDAY, True),
        ("Mo-Fr 08:00-17:00", NATIONAL_DAY, True),
        ("Su,PH 10:00-12:00", NATIONAL_DAY, True),
        ("Su,PH 10:00-12:00", THURSDAY, False),
        ("Mo-Su 18:00-02:00; PH off", datetime(2026, 10, 8, 1, 0, tzinfo=SHANGHAI), None),
        ("Mo-Su 18:00-02:00; PH off", datetime(2026, 10, 8, 20, 0, tzinfo=SHANGHAI), True),
        ("工作日9:00-17:00", NATIONAL_DAY, False),
        ("工作日9:00-17:00", THURSDAY, True),
        # what cannot be said
        ("工作日9:00-17:00", WORKED_SATURDAY, None),
        ("Mo-Fr 08:00-17:00; PH off", datetime(2099, 10, 1, 10, 0, tzinfo=SHANGHAI), None),
        ("", THURSDAY, None),
        ("电话预约", THURSDAY, None),
        ('"by appointment"', THURSDAY, None),
        ('Mo-Fr 09:00-17:00 "需预约"', THURSDAY, True),
        ("Mo-Fr 09:00-17:00 unknown", THURSDAY, None),
        ("sunrise-sunset", THURSDAY, None),
        ("SH off; Mo-Fr 08:00-17:00", THURSDAY, None),
        ("08:00-20:00+", THURSDAY, True),
        ("08:00-20:00+", THURSDAY.replace(hour=21), None),
        ("nonsense", THURSDAY, None),
        ("Mo-Fr 08:00-17:00," * 100, THURSDAY, None),
    ],
)
def test_open_closed_or_unknown(text: str, at: datetime, expected: bool | None) -> None:
    assert is_open(text, at, SHANGHAI) is expected


def test_the_moment_is_taken_where_the_facility_stands() -> None:
    assert is_open("每天9:00-17:00", datetime(2026, 11, 26, 1, 30, tzinfo=UTC), SHANGHAI) is True
    assert is_open("每天9:00-17:00", datetime(2026, 11, 26, 0, 30, tzinfo=UTC), SHANGHAI) is False
