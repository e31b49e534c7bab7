"""Words to category: the likeliest three, and why."""

import time

import pytest

from gis.incidents import catalogue
from gis.incidents.catalogue import Edition
from gis.incidents.suggest import accuracy, suggest

# everyday sentences, written without the catalogue's examples at hand
SENTENCES = [
    ("06010", "三栋后面堆了好多生活垃圾，苍蝇乱飞"),
    ("06010", "楼道拐角有人乱扔垃圾袋，味道太大了"),
    ("06011", "隔壁装修完，建筑垃圾倒在花园边上没人拉走"),
    ("06011", "路口被人偷倒了一车渣土"),
    ("06013", "小区主干道坑坑洼洼，骑车摔了一跤"),
    ("06013", "井盖松动，车一过就哐当响"),
    ("06028", "楼下KTV凌晨两点还在放音响，孩子没法睡"),
    ("06028", "广场舞声音太吵了，能不能管管"),
    ("06034", "车棚里那辆僵尸车能不能拖走"),
    ("06036", "对门把鞋柜纸箱都堆放在楼道里"),
    ("06038", "顶楼有人养鸡，早上四点就打鸣"),
    ("06040", "我家车位前面被别人装了地锁"),
    ("06042", "南门的垃圾桶满了，袋子都掉地上了"),
    ("06045", "一楼把绿化带铲掉种菜"),
    ("06051", "盲道砖断了一截，盲人没法走"),
    ("06001", "六楼在楼顶搭建彩钢棚"),
    ("07001", "电梯里全是开锁的小广告"),
    ("08001", "对面工地夜间施工，吵到十二点"),
    ("08004", "工地没洒水，扬尘把车都盖白了"),
    ("09001", "校门口好多流动摊贩卖零食"),
    ("09005", "水果店把筐子都摆到外面人行道上"),
    ("09009", "有辆汽车违停挡住了单元门"),
    ("09010", "电动车乱放，把楼梯口堵得死死的"),
    ("09012", "消防通道停满了车，万一着火怎么办"),
    ("10001", "楼前坡道结冰了，老人不敢出门"),
    ("10002", "一根电线从杆子上掉下来了，就悬在路中间"),
    ("C0101", "和邻居因为漏水赔偿的事吵架"),
    ("C0102", "隔壁夫妻吵架动手了"),
    ("C0103", "物业乱收费，业委会也不管"),
    ("P0101", "半夜有可疑的陌生人在撬锁"),
    ("P0102", "楼上有人高空抛物，差点砸到孩子"),
    ("F0101", "有人把电动车推上楼飞线充电"),
    ("F0101", "楼道的灭火器过期好几年了"),
    ("F0102", "走廊里有股煤气味"),
    ("S0101", "我失业半年了，想找工作"),
    ("S0102", "医保卡怎么报销住院费"),
    ("S0103", "家里困难，想办低保"),
    ("S0104", "独居老人想订送餐"),
    ("S0105", "厨房水管漏水，找人维修"),
    ("S0106", "帮我送一桶桶装水上来"),
    ("Q0101", "请问孩子入学需要办什么手续"),
]  # fmt: skip


@pytest.fixture(scope="module")
def edition() -> Edition:
    """The catalogue that comes with the project."""
    rows, report = catalogue.parse(catalogue.DEFAULT)
    assert report.refused == []
    return Edition(-2, "default", {row.code: row for row in rows})


def test_three_suggestions_nearly_always_have_the_right_one(edition: Edition) -> None:
    found = accuracy(edition, SENTENCES)
    assert found.three >= 0.9, found.missed
    assert found.first >= 0.75, found.first


def test_it_says_why(edition: Edition) -> None:
    best = suggest(edition, "楼道里飞线充电太危险")[0]
    assert best.code == "F0101"
    assert "飞线充电" in best.because
    assert 0 < best.share <= 1


def test_shares_do_not_add_up_to_more_than_all(edition: Edition) -> None:
    for _, words in SENTENCES:
        found = suggest(edition, words)
        assert len(found) <= 3
        assert sum(one.share for one in found) <= 1.001
        assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)


@pytest.mark.parametrize("words", ["", "  ", "啊", "？？？", "\u200b", "😀😀", "qwertyuiop"])
def test_words_that_say_nothing_suggest_nothing(edition: Edition, words: str) -> None:
    assert suggest(edition, words) == []


def test_english_names_are_known(edition: Edition) -> None:
    assert suggest(edition, "there is exposed rubbish behind the house")[0].code == "06010"


def test_residents_are_not_offered_what_devices_raise(edition: Edition) -> None:
    assert all(not one.code.startswith("D") for one in suggest(edition, "烟感报警", public=True))
    assert suggest(edition, "烟感报警")[0].code == "D0101"


def test_a_long_text_costs_little(edition: Edition) -> None:
    suggest(edition, "垃圾")
    began = time.perf_counter()
    for _ in range(20):
        suggest(edition, "楼下有一堆垃圾没人清理。" * 400)
    assert (time.perf_counter() - began) / 20 < 0.05
