"""Addresses as people write them, against a small town whose every answer is known: forms times
buildings.
"""

import csv
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from gis.areas.resolver import locate
from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.errors import InvalidInput
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.incidents.routing.location import resolve_location
from gis.places.address import parse_address
from gis.places.lookup import number_pattern, numeral
from gis.places.naming import Estate, compare_estate, other_community
from gis.search import search
from tests.support import build
from tests.support.build import LAT, LON

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FAR_OFF = 0.01  # degrees: another grid


class Forms:
    """青竹苑: walk-ups 1 to 4 and tower 5.

    新青竹苑, 青竹苑二期 and 松柏里 in other grids; a house of 柳树巷.
    """

    def __init__(self, session: Session) -> None:
        town = build.Town(session)
        self.session = session
        self.grid = town.grid("001")
        self.slabs = [
            town.building(f"{n}号楼", 0.0003 * n - 0.0002, 0.0002, 0.0001, estate="青竹苑")
            for n in (1, 2)
        ]
        self.slab = self.slabs[1]
        self.tower = town.building("5号楼", 0.0006, 0.0006, 0.0001, estate="青竹苑")
        town.unit(self.grid, "01", [(self.slabs[0], None, None, None)])
        # stairwell 1 is split by storeys, 2 is whole, 3 whole with the lower half of 4
        self.units = {
            "02": town.unit(self.grid, "02", [(self.slab, "1", 1, 3)]),
            "03": town.unit(
                self.grid, "03", [(self.slab, "1", 4, 6), (self.slab, "2", None, None)]
            ),
            "04": town.unit(
                self.grid, "04", [(self.slab, "3", None, None), (self.slab, "4", 1, 4)]
            ),
            "05": town.unit(self.grid, "05", [(self.slab, "4", 5, 6)]),
        }
        for nth in range(8):
            town.unit(self.grid, f"{11 + nth}", [(self.tower, "1", 4 * nth + 1, 4 * nth + 4)])
        other = town.grid("002", 10)
        for n, (estate, name) in enumerate(
            [
                ("新青竹苑", "2号楼"),
                ("青竹苑二期", "2号楼"),
                ("松柏里", "7号楼"),
                ("松柏里", "2号楼"),
                ("", "8号"),
            ]
        ):
            created = town.building(
                name, FAR_OFF + 0.00015 * n, 0.0002, 0.0001, estate=estate, code=f"o{n}"
            )
            created.address = "柳树巷8号" if not estate else ""
            town.unit(other, f"{n + 21}", [(created, None, None, None)])
        session.flush()
        self.register = read_snapshot(session, NOW)

    def ask(self, address: str, *, tower: bool = False, register: bool = True) -> tuple[str, str]:
        """Building and the end of the unit's code (or open) for an address, the point in the middle
        of a building.
        """
        lon, lat = (0.00065, 0.00065) if tower else (0.00045, 0.00025)
        stored: RegistrySnapshot | None = self.register if register else None
        answer = locate(
            self.session, LON + lon, LAT + lat, "wgs84", address=address, at=NOW, snapshot=stored
        )
        assert answer.building is not None
        return answer.building.name, answer.unit.code[-2:] if answer.unit else "open"


@pytest.fixture
def forms(session):
    return Forms(session)


def unit_in_slab(stairwell: int, storey: int) -> str:
    return {1: "02" if storey < 4 else "03", 2: "03", 3: "04", 4: "04" if storey < 5 else "05"}[
        stairwell
    ]


def unit_in_tower(storey: int) -> str:
    return str(11 + (storey - 1) // 4)


BUILDING = (
    "{b}号楼",
    "{b}栋",
    "{b}幢",
    "{b}座",
    "{b}#",
    "{b}#楼",
    "{c}号楼",
    "第{c}栋",
    "青竹苑{b}号楼",
    "青竹苑小区{b}栋",
    "西兴社区·青竹苑·{b}栋·",
    "西航街道西兴社区青竹苑{c}幢",
    "西兴青竹苑{b}号",
    "我家住青竹苑{b}号楼",
    "地址:青竹苑{b}棟",
    "青竹苑{b}號樓",
    "垂柳路66号青竹苑{b}栋",
    "青竹苑 {b} 号楼 ",
)
INSIDE = (
    "{s}单元{f}0{d}室",
    "{s}单元{f}0{d}号",
    "{s}单元{f}0{d}",
    "{s}单元{f}0{d}东户",
    "{s}单元{f}0{d}室门口漏水",
    "{t}单元{r}室",
    "第{t}单元第{u}层",
    "{s}单元{u}楼",
    "{s}單元{f}層0{d}號",
    "{s}单元{f}层{f}0{d}",
    "{s}单元{f}楼{d}号",
    "{s}梯{f}0{d}",
    "{s}-{f}0{d}",
    "-{s}-{f}0{d}",
    "{s}单元{f}-{d}",
    "{s}单元{f}0{d} 13900001234",
    "{s}单元{f}F",
    "{s}单元{f}0{d},电话0851-33445566",
    "{s}单元-{f}0{d}",
    "{s}单元{f}0{d}的水管爆了",
)
BARE = (
    "{s}单元{f}0{d}",
    "{s}单元{f}0{d}号",
    "{t}单元{u}楼",
    "{s}梯{f}楼{d}号",
    "青竹苑{b}-{s}-{f}0{d}",
    "{b}-{s}-{f}0{d}",
)
SPOKEN = "零一二三四五六七八九"


def written() -> dict[str, tuple[str, bool]]:
    """Each way of writing: its right unit, and whether it is in the tower."""
    right: dict[str, tuple[str, bool]] = {}
    inside = [building + part for building in BUILDING for part in INSIDE]
    for number, form in enumerate([*inside, *BARE]):
        storey, door = number % 6 + 1, number % 2 + 1
        stairwell = number // 6 % 4 + 1
        text = form.format(
            b=2,
            c="二",
            s=stairwell,
            t=SPOKEN[stairwell],
            f=storey,
            u=SPOKEN[storey],
            d=door,
            r=SPOKEN[storey] + "零" + SPOKEN[door],
        )
        is_unclear = (
            form.endswith("单元-{f}0{d}") and storey == 1 and stairwell in (1, 4)
        )  # may be below ground
        right[text] = "open" if is_unclear else unit_in_slab(stairwell, storey), False
    for number, building in enumerate(BUILDING):
        storey = 10 + number % 20
        for part in (
            "{f}02",
            "{f}-2",
            "{f}楼",
            "{u}层",
            "{f}F",
            "1单元{f}03",
            "1-{f}03",
            "{f}楼3号",
            "B座{f}01",
            "9单元{f}01",
        ):
            text = building.format(b=5, c="五") + part.format(f=storey, u=numeral(storey))
            right[text] = unit_in_tower(storey), True
        right[building.format(b=5, c="五") + "顶楼"] = "18", True
        for part in ("-1层", "负一层", "地下室", "B1", "地下2层", "-2楼"):
            right[building.format(b=5, c="五") + part] = "open", True
    return right


def test_hundreds_of_ways_of_writing_find_their_unit_and_never_another_building(forms):
    right = written()
    assert len(right) > 500
    wrong = {}
    for text, (unit, tower) in right.items():
        building, result = forms.ask(text, tower=tower)
        if (building, result) != ("5号楼" if tower else "2号楼", unit):
            wrong[text] = building, result, unit
    assert wrong == {}
    for text in list(right)[::40]:  # from the database as from memory
        assert forms.ask(text, tower=right[text][1]) == forms.ask(
            text, tower=right[text][1], register=False
        )


OPEN = (
    "1号商铺",
    "1号门面",
    "1号铺",
    "1号门",
    "1号岗",
    "1号岗亭",
    "1号车位",
    "1号车库",
    "1号电梯",
    "1号快递柜",
    "1号箱",
    "1#电梯",
    "1#商铺",
    "垂柳路1号",
    "垂柳路1号附5号",
    "人民大道1号",
    "1号楼和2号楼之间",
    "1、2号楼",
    "1号楼对面",
    "1号楼旁边",
    "青竹苑1号商铺",
    "青竹苑1号车位",
    "青竹苑1号电梯",
    "新青竹苑1号楼",
    "新青竹苑2号楼3单元501",
    "青竹苑二期2号楼3单元501",
    "青竹苑·二期·2号楼3单元501",
    "青竹苑，二期，2号楼3单元501",
    "青竹苑(二期)2号楼3单元501",
    "老青竹苑2号楼3单元501",
    "青竹苑B区2号楼3单元501",
    "松柏里2号楼3单元501",
    "2-501",
    "2栋501-502",
    "两栋楼",
    "1栋楼都停水",
    "青竹1号楼",
    "2、3单元",
    "2单元和3单元之间",
    "二三单元",
    "9号楼3单元501",
    "99单元501",
    "漏水",
    "13900001234",
    "楼道灯坏了",
    "",
)


def test_what_names_no_place_leaves_the_point_and_its_candidates(forms):
    assert {text: forms.ask(text) for text in OPEN} == dict.fromkeys(OPEN, ("2号楼", "open"))


SEVERAL = {
    # in the slab: stairwell 1 changes its unit behind storey 3, stairwell 4 behind storey 4
    False: (
        "青竹苑2号楼1单元三楼401",
        "1单元301、401",
        "1单元301和402室",
        "1单元3楼到5楼",
        "1单元2楼和6楼之间",
        "1单元3至4层",
        "1单元3-4楼",
        "4单元402/502",
        "4单元401-501",
        "4单元4层及5层",
        "4单元402室跟502室",
        "2号楼4单元4楼或5楼",
        "4单元四五楼",
        "4单元402号,501号",
        "4单元402,501",
        "1单元302室漏到201室和4楼",
        "1单元底楼和顶楼",
        "1单元第三、第四层",
        "1单元3楼401室",
        "2-1-3-401",
        "1单元3-1、4-1",
        "4單元４０２、５０２室",
        "1单元-102",
        "1单元-1-1",
        "4单元-102号",
        "1单元1楼和负一楼",
        "3单元401、4单元402",
        "2单元501和4单元501",
        "4单元402 5楼声控灯",
        "1单元倒数第二层",
        "4单元4楼半",
        "4单元402隔壁501",
        "1单元402楼下301",
        "1单元B1和1楼",
    ),
    # in the tower: a unit has storeys 1 to 4, 5 to 8 and so on
    True: (
        "12、13楼",
        "12-13楼",
        "5号楼12-13层",
        "12楼至13楼",
        "8楼和29楼",
        "803和1203",
        "0803、1203",
        "5栋804-904",
        "5号楼8F和9F",
        "5栋16-2-1",
        "5号楼-1-16",
        "5栋1-16",
        "5栋-103",
        "4层503",
        "5号楼十二层1301",
        "5号楼803、903、1003",
        "5栋5楼和顶楼",
        "5栋顶楼和底楼",
        "5号楼8楼与9楼之间",
        "803室和楼下4楼",
        "5号楼1-803、1-903",
        "5栋5楼和50楼",
        "5栋3层到二十层",
        "3楼-5楼",
        "3楼~18楼",
        "5号楼9楼~2楼",
        "青竹苑5号楼8、9楼",
        "青竹苑12楼和13楼",
        "5栋1-803、1-1203",
        "二十四五层",
        "-103",
        "-1-3",
        "5栋负102",
    ),
}
SAME_UNIT = {
    False: {
        "1单元401、501": "03",
        "1单元4楼到6楼": "03",
        "1单元301和302": "02",
        "2单元三楼401": "03",
        "3单元-101": "04",
        "4单元401-402": "04",
        "4单元5楼501": "05",
        "2单元1楼至顶楼": "03",
        "1单元四五楼": "03",
        "1单元6楼顶楼": "03",
        "4单元5层1号和2号": "05",
        "1单元负一层101": "open",
    },
    True: {
        "9、10楼": "13",
        "9-12层": "13",
        "5栋901和1201": "13",
        "5号楼6层和8层之间": "12",
        "5栋9楼1203": "13",
        "5号楼25层2503": "17",
        "5号楼2503,119已到": "17",
        "5号楼2503、3个人被困": "17",
        "5号楼2503-1": "17",
        "5栋1-9-2": "13",
        "5号楼2503(共32层)": "17",
        "二十六七层": "17",
    },
}


def test_several_storeys_or_rooms_leave_the_unit_open_unless_they_are_of_one_unit(forms):
    for tower, texts in SEVERAL.items():
        name = "5号楼" if tower else "2号楼"
        result = {text: forms.ask(text, tower=tower) for text in texts}
        assert result == dict.fromkeys(texts, (name, "open"))
        right = {text: (name, unit) for text, unit in SAME_UNIT[tower].items()}
        assert {text: forms.ask(text, tower=tower) for text in right} == right


@given(
    st.permutations([3, 7, 12, 20, 31]),
    st.sampled_from("、，和与及至到~-/或跟"),
    st.sampled_from(["楼", "层", "F", "01室", "02", "03号"]),
)
def test_two_storeys_are_never_one(storeys, sign, word):
    initial, second = storeys[:2]
    for text in (
        f"5栋{initial}{word}{sign}{second}{word}",
        f"5号楼1单元{initial}楼{second}02",
        f"5号楼{initial}层{second}02室",
    ):
        address = parse_address(text)
        assert (address.building, address.floor, address.room) == ("5", None, ""), text
        assert set(address.storeys) == {initial, second}, text


# What stands around an address on a report: bays and shops, moments, brackets, landmarks, leaks,
# other estates.
AROUND = {
    False: {
        "车位105": "open",
        "105车位": "open",
        "2号楼105车位": "open",
        "车库203号": "open",
        "商铺302": "open",
        "302门面": "open",
        "快递柜105": "open",
        "B1-203车位": "open",
        "3单元101商铺": "04",
        "2024-05-06 4单元402": "04",
        "12:30 2栋4单元402": "04",
        "4单元402:没水": "04",
        "4单元402tel:13900001234": "04",
        "4单元402电话0851-3344 5566": "04",
        "4单元4零2": "04",
        "4单元402#": "04",
        "2.4.402": "04",
        "【青竹苑】2-4-402": "04",
        "“青竹苑”2栋4单元402": "04",
        "菜市场旁边青竹苑2栋4单元402": "04",
        "本小区2栋4单元402": "04",
        "2栋4单元402,靠近1号楼": "04",
        "2栋4单元402(对面是1栋)": "04",
        "4单元402漏到502": "open",
        "4单元502的水渗到402": "open",
        "4单元4楼以上": "open",
        "4单元5楼及以上": "05",
        "1单元3楼以下": "02",
        "1单元4楼以下": "open",
        "松柏2号楼4单元402": "open",
        "人民医院2号楼4单元402": "open",
        "第三小学2号楼4单元402": "open",
        "学苑社区2号楼4单元402": "open",
        "请派人到社区2号楼4单元402": "04",
    },
    True: {
        "5栋2503#": "17",
        "5栋5楼以上": "open",
        "5栋29楼以上": "18",
        "5栋4楼以下": "11",
        "5栋2503漏到803": "open",
        "5栋楼顶和5楼": "open",
        "220V": "open",
    },
}


def test_what_stands_around_an_address_changes_neither_building_nor_storey(forms):
    for tower, right in AROUND.items():
        name = "5号楼" if tower else "2号楼"
        assert {text: forms.ask(text, tower=tower) for text in right} == {
            k: (name, v) for k, v in right.items()
        }


def test_the_reason_names_the_storeys_and_the_candidates(forms):
    def unit(address: str) -> tuple[str, str, set[str]]:
        result = locate(
            forms.session, LON + 0.00065, LAT + 0.00065, "wgs84", address=address, at=NOW
        )
        item = next(item for item in result.how if item.step == "unit")
        return item.zh, item.en, {candidate.code[-2:] for candidate in result.unit_candidates}

    zh, en, candidates = unit("5号楼8楼1203")
    assert zh.startswith("地址的“8楼” “1203”是不同的楼层或房号，2个十联户单元可选")
    assert en.startswith("“8楼” “1203” of the address are different storeys or rooms; 2 units")
    assert candidates == {"12", "13"}
    assert unit("5栋8楼到14楼")[2] == {"12", "13", "14"}
    zh, en, candidates = unit("5栋-1-16")
    assert (
        zh.startswith("地址的“-1-16”可以读作不同的楼层，8个")
        and "may be read as different storeys" in en
    )
    assert len(candidates) == 8


def test_another_building_is_taken_only_when_it_is_named_outright(forms):
    for text in ("1号楼", "青竹苑1栋", "1#", "青竹苑1", "1号楼2单元201", "第一幢", "青竹苑1-2-201"):
        assert forms.ask(text) == ("1号楼", "01"), text
    assert forms.ask("1楼") == forms.ask("1号") == forms.ask("1号2单元201") == ("2号楼", "open")
    assert forms.ask("1-201") == ("2号楼", "02")


# building at whose middle the point is, text, building that is meant
OUTRIGHT = (
    ("h15", "文庙路17号", "h17"),
    ("h15", "文庙路17号301", "h17"),
    ("h15", "文庙路15号3楼", "h15"),
    ("h15", "文庙路19号", "h15"),
    ("hm", "文庙路17号", "hm"),  # whose own street number nobody knows
    ("h17", "惠民大厦802", "hm"),
    ("h17", "惠民大厦8楼电梯困人", "hm"),
    ("h17", "惠民大厦旁边", "h17"),
    ("e2", "二期3栋", "e3"),
    ("e2", "锦绣家园2期3栋", "e3"),
    ("e2", "锦绣家园Ⅱ期3栋", "e3"),
    ("e2", "锦绣家园一期3栋", "e2"),
    ("ya", "B-2501", "yb"),
    ("ya", "A-1803", "ya"),
    ("ya", "B座2501", "yb"),
)


def test_houses_named_buildings_sections_and_letters_are_other_buildings(session):
    town = build.Town(session)
    grid = town.grid("001")
    places = {}
    for n, (code, estate, name, address) in enumerate(
        [
            ("h15", "", "", "文庙路15号"),
            ("h17", "", "", "文庙路17号"),
            ("hm", "", "惠民大厦", ""),
            ("e2", "锦绣家园二期", "2栋", ""),
            ("e3", "锦绣家园二期", "3栋", ""),
            ("ya", "御景湾", "A座", ""),
            ("yb", "御景湾", "B座", ""),
        ]
    ):
        places[code] = 0.0001 + 0.0002 * n
        built = town.building(name, places[code], 0.0002, 0.0001, estate=estate, code=code)
        built.address = address
        town.unit(grid, f"{n + 1:02d}", [(built, None, None, None)])
    session.flush()
    register = read_snapshot(session, NOW)
    for at, text, right in OUTRIGHT:
        where = LON + places[at] + 0.00005, LAT + 0.00025
        answer = locate(session, *where, "wgs84", address=text, at=NOW, snapshot=register)
        assert answer.building is not None
        assert (text, answer.building.code) == (text, right)
    days = [parse_address(f"{day}2单元201漏水") for day in ("3月5号", "11月12号", "三月五号")]
    assert {(day.building, day.stairwell, day.room) for day in days} == {("", "2", "201")}


def test_the_reason_quotes_what_the_address_says(forms):
    def reasons(address: str) -> str:
        result = locate(
            forms.session,
            LON + 0.00065,
            LAT + 0.00065,
            "wgs84",
            address=address,
            at=NOW,
            snapshot=forms.register,
        )
        return next(item.zh for item in result.how if item.step == "unit")

    result = locate(
        forms.session, LON + 0.00045, LAT + 0.00025, "wgs84", address="新青竹苑1号楼", at=NOW
    )
    assert "“新青竹苑1号楼”" in next(
        item.zh for item in result.how if item.rule == "address_unmatched"
    )
    assert "“2503室”（25层）" in reasons("5号楼2503室")
    assert "没有地址所写的“9单元”" in reasons("5号楼9单元2503")
    assert "“-1层”在地下" in reasons("5号楼-1层")
    assert "“40楼”" in reasons("5号楼40楼") and "8个" in reasons("5号楼40楼")


@pytest.mark.parametrize(
    "prefix, estate, right",
    [
        ("青竹苑", "青竹苑", Estate.SAME),
        ("青竹苑小区", "青竹苑", Estate.SAME),
        ("我家在青竹苑", "青竹苑", Estate.SAME),
        ("青竹", "青竹小区", Estate.SAME),
        ("松柏里", "松柏里", Estate.SAME),
        ("西兴社区松柏里", "松柏里", Estate.SAME),
        ("新青竹苑", "青竹苑", Estate.OTHER),
        ("青竹苑二期", "青竹苑", Estate.OTHER),
        ("青竹苑,二期,", "青竹苑", Estate.OTHER),
        ("青竹苑小区,东区", "青竹苑", Estate.OTHER),
        ("青竹苑小区,", "青竹苑", Estate.SAME),
        ("青竹苑", "青竹苑二期", Estate.OTHER),
        ("青竹苑南区", "青竹苑", Estate.OTHER),
        ("大松柏里", "松柏里", Estate.OTHER),
        ("桃花园", "", Estate.OTHER),
        ("", "青竹苑", Estate.UNSAID),
        ("我们小区", "青竹苑", Estate.UNSAID),
        ("垂柳路66号", "青竹苑", Estate.UNSAID),
        ("西航街道西兴社区", "青竹苑", Estate.UNSAID),
    ],
)
def test_estates_are_compared_as_whole_names(prefix, estate, right):
    assert compare_estate(prefix, estate) is right


def test_only_a_named_community_is_another_one():
    assert other_community(parse_address("学苑社区3号楼"), "西兴社区")
    for text in ("我们社区3号楼", "西兴社区3号楼", "在西兴社区", "小区3号楼", "社区门口"):
        assert not other_community(parse_address(text), "西兴社区"), text


def test_reports_search_and_loads_read_addresses_alike(forms):
    def reported(address: str) -> tuple[str | None, str]:
        where, result, _ = resolve_location(forms.session, NOW, address=address)
        return result.building.name if result.building and where.building_id else None, where.areas[
            -1
        ][2]

    grid = forms.grid.code
    assert reported("青竹苑2栋3单元501") == ("2号楼", grid + "04")
    assert reported("西兴社区青竹苑二号楼3-501")[1] == grid + "04"
    assert reported("西兴社区柳树巷8号") == ("8号", forms.grid.code[:-1] + "225")
    # the estate, the community and a landmark decide the area, and claim no building
    assert reported("青竹苑门口") == reported("青竹苑2号楼对面") == (None, grid)
    assert reported("西兴社区2号楼") == (None, grid[:-3])
    for text, phrase in (
        ("2号楼", "several places"),
        ("老青竹苑2号楼", "names no building"),
        ("漏水", "names no building"),
    ):
        with pytest.raises(InvalidInput, match=phrase):
            resolve_location(forms.session, NOW, address=text)

    for text in ("青竹苑2号楼", "青竹苑二栋", "青竹苑小区2幢1单元", "西兴社区青竹苑2-1-101"):
        assert [hit.code for hit in search(forms.session, text, NOW)] == [forms.slab.code], text
    assert [hit.code for hit in search(forms.session, "柳树巷8号", NOW)] == ["o4"]

    texts = [
        "青竹苑2号楼",
        "西兴社区青竹苑小区二栋3单元501",
        "柳树巷8号",
        "新青竹苑2栋",
        "老青竹苑2栋",
        "青竹苑1号商铺",
    ]
    loaded = find_buildings(forms.session, [BuildingQuery(address=text) for text in texts])
    assert [isinstance(building, BuildingNotFound) for building in loaded] == [False] * 4 + [
        True
    ] * 2
    assert loaded[0] == loaded[1] == forms.slab.id
    assert (
        find_buildings(
            forms.session,
            [BuildingQuery(name="青竹苑二栋"), BuildingQuery(estate="青竹苑小区", name="2#")],
        )
        == [forms.slab.id] * 2
    )
    in_one_cell = [
        BuildingQuery(name="青竹苑2号楼"),
        BuildingQuery(estate="青竹苑小区", name="青竹苑2栋"),
    ]
    assert find_buildings(forms.session, in_one_cell) == [forms.slab.id] * 2
    others = [
        BuildingQuery(name="老青竹苑2栋"),
        BuildingQuery(estate="青竹苑", name="三期2栋"),
        BuildingQuery(name="青竹苑2号商铺"),
    ]
    assert all(
        isinstance(building, BuildingNotFound) for building in find_buildings(forms.session, others)
    )


def test_names_of_buildings_are_looked_up_in_every_way_of_writing():
    import re

    names = ["3号楼", "三栋", "03#", "桂花苑3号楼", "３号楼", "3"]
    assert all(re.search(number_pattern("3"), name, re.IGNORECASE) for name in names)
    assert not any(
        re.search(number_pattern("3"), name) for name in ("13号楼", "十三栋", "3A栋", "综合楼")
    )


KINDS = (
    "1",
    "号",
    "栋",
    "-",
    " ",
    "一",
    "3栋",
    "3号楼",
    "2-",
    "1 ",
    "路3号",
    "3楼",
    "2和",
    "之间3栋",
    "负",
    "社区",
    "138-",
    "祥和苑",
)


def test_reading_takes_time_in_proportion_to_the_length():
    for kind in KINDS:
        start = time.thread_time()
        parse_address((kind * 30_000)[:30_000])
        # the square of the length would take ten times as long and more
        assert time.thread_time() - start < 1.5, kind


@pytest.mark.shared
def test_the_cases_are_right(served, shared, tmp_path):
    rows = list(
        csv.DictReader((shared.parent / "cases/truth/addresses.csv").open(encoding="utf-8"))
    )
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "lon", "lat", "crs", "address"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert served.run("locate", "--batch", str(source), str(target)).returncode == 0
    result = {row["id"]: row for row in csv.DictReader(target.open(encoding="utf-8"))}
    for row in rows:
        answer = result[row["id"]]
        assert answer["building"] == row["right_building"], row
        assert (answer["unit"] or "open") in row["right_unit"].split(" or "), row
