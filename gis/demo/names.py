"""Made-up names of people, compounds and streets, from common syllables in random combination."""

from random import Random

FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于"
    "蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛"
    "闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国文辉力云海燕鹏飞波"
    "斌宇浩凯健俊帆雪琳晨阳梅鑫琴林峰青松学苑春晓东志远嘉欣怡思雨子涵梓萱佳慧雅婷"
)
ESTATE = (
    "桂花",
    "翠屏",
    "金桥",
    "锦绣",
    "阳光",
    "碧水",
    "龙泉",
    "虹山",
    "南山",
    "东升",
    "华严",
    "荷塘",
    "紫荆",
    "杜鹃",
    "瑞丰",
    "康宁",
    "祥和",
    "福安",
    "凤凰",
    "银杏",
    "梧桐",
    "映山",
    "观澜",
    "云岭",
    "和顺",
    "枫林",
    "玉兰",
    "松涛",
    "竹林",
    "清河",
)
ESTATE_END = ("苑", "花园", "小区", "新村", "雅居", "家园", "名居", "里")
STREET = (
    "学府",
    "西航",
    "青松",
    "迎宾",
    "开元",
    "兴业",
    "黔中",
    "凤西",
    "虹湖",
    "屯堡",
    "龙井",
    "玉华",
    "建设",
    "文昌",
    "星火",
    "中山",
    "南马",
    "塔山",
    "北斗",
    "航空",
    "创新",
    "工农",
    "友谊",
    "长安",
    "安宁",
    "金牛",
    "双阳",
    "顺城",
    "若飞",
    "东关",
)
LANE = (
    "石板",
    "水井",
    "榕树",
    "铁匠",
    "豆腐",
    "染坊",
    "米市",
    "戏台",
    "磨坊",
    "药铺",
    "柿子",
    "桥头",
)


def person_name(rng: Random) -> str:
    """Return a made-up name: one family name, one or two given syllables."""
    return rng.choice(FAMILY) + "".join(rng.sample(GIVEN, 1 + (rng.random() < 0.7)))


def _nth(names: tuple[str, ...], number: int) -> str:
    """Return the names in turn; further rounds add an ordinal, so that names are distinct."""
    round_, index = divmod(number, len(names))
    return names[index] + (
        "" if not round_ else "东西南北中"[round_ - 1] if round_ <= 5 else str(round_)
    )


def street_name(number: int, arterial: bool) -> str:
    """Return the name of a street by its number: 大道 for arterials, 路 for others."""
    return _nth(STREET, number) + ("大道" if arterial else "路")


def estate_name(number: int) -> str:
    """Return the name of a compound by its number."""
    return _nth(ESTATE, number) + ESTATE_END[number * 7 % len(ESTATE_END)]


def lane_name(number: int) -> str:
    """Return the name of a lane of an old quarter by its number."""
    return _nth(LANE, number) + "巷"
