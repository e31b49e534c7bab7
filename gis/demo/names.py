"""Made-up names: of people, compounds and streets. Common syllables, put together by chance."""

from random import Random

FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国文辉力云海燕鹏飞波斌宇浩凯健俊帆雪琳晨阳梅鑫琴林峰青松学苑春晓东志远嘉欣怡思雨子涵梓萱佳慧雅婷"
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


def person_name(dice: Random) -> str:
    """A made-up name: one family name, one or two given syllables."""
    return dice.choice(FAMILY) + "".join(dice.sample(GIVEN, 1 + (dice.random() < 0.7)))


def _nth(words: tuple[str, ...], number: int) -> str:
    """The words in turn; further rounds carry an ordinal, so that names stay apart."""
    round_, place = divmod(number, len(words))
    return words[place] + (
        "" if not round_ else "东西南北中"[round_ - 1] if round_ <= 5 else str(round_)
    )


def street_name(number: int, arterial: bool) -> str:
    """The street's name by its number: 大道 for arterials, 路 for others."""
    return _nth(STREET, number) + ("大道" if arterial else "路")


def estate_name(number: int) -> str:
    """The compound's name by its number."""
    return _nth(ESTATE, number) + ESTATE_END[number * 7 % len(ESTATE_END)]


def lane_name(number: int) -> str:
    """A lane of an old quarter."""
    return _nth(LANE, number) + "巷"
