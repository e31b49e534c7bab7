"""What people write for the category of a facility, beside its own names: 社区卫生服务站 is a clinic."""

import re
import unicodedata

from gis.facilities.categories import CATEGORIES

# The whole word, without brackets; a word of two categories is in no list, and is refused.
WORDS_BY_CATEGORY = {
    "party_centre": "党群中心 党群服务站 党群活动中心 党员活动室 新时代文明实践站 新时代文明实践中心 文明实践站",
    "government": "政务 政务中心 便民服务 便民服务中心 便民服务站 办事大厅 居委会 社区居委会 村委会 街道办 街道办事处",
    "police": "警务室 警务站 社区警务室 公安派出所",
    "elder_care": "养老 养老院 养老机构 养老服务站 养老服务中心 敬老院 老年公寓 日间照料中心 社区养老 老年食堂 托老所 "
    "居家养老服务中心 居家养老服务站 老年活动中心 老年人活动中心",
    "clinic": "卫生站 卫生室 卫生所 卫生院 社区卫生站 社区卫生室 社区卫生服务站 社区卫生服务中心 卫生服务站 卫生服务中心 诊所 "
    "村卫生室 医务室 社区医院 社区诊所 牙科诊所 口腔诊所 中医诊所 门诊 门诊部 预防接种点",
    "hospital": "综合医院 中医院 人民医院 专科医院 妇幼保健院 三甲医院 二级医院",
    "pharmacy": "药房 大药房 药铺 零售药店 医药店 药品零售",
    "kindergarten": "幼儿园所 托儿所 托育 托育机构 托育中心 幼托 幼托机构",
    "school": "小学 中学 初中 高中 中小学 职业学校 九年一贯制学校",
    "delivery": "快递 快递站 快递点 快递柜 快递站点 菜鸟驿站 驿站 丰巢 快递服务站 智能快递柜",
    "market": "农贸市场 集贸市场 菜场 生鲜市场 生鲜店 蔬菜店",
    "convenience": "便利店 超市 小超市 小卖部 便民超市 百货超市 连锁超市 商超 生活超市",
    "food": "餐馆 餐厅 饭店 小吃店 早餐店 食堂 社区食堂 快餐店 餐饮店 餐饮服务 面馆 火锅店",
    "repair": "维修 家电维修 维修点 便民维修 家政 家政服务 开锁 洗衣店 裁缝铺 修鞋 理发店",
    "bank_post": "银行 邮局 邮政 银行网点 邮政网点 邮政所 自助银行 储蓄所",
    "culture": "文化站 文化活动室 文化活动中心 图书室 图书馆 文化室 农家书屋 文化馆 综合文化服务中心",
    "sport": "健身房 健身点 体育场 体育馆 健身广场 健身场地 健身路径 篮球场 体育设施 运动场",
    "park": "游园 口袋公园 街心公园 小游园 公园绿地",
    "toilet": "公厕 厕所 卫生间 公共卫生间",
    "transit": "公交站 公交站点 公交车站 公交站台 地铁站 公交 车站 汽车站",
    "parking": "停车场 停车位 充电桩 充电站 停车 公共停车场 地下停车场 非机动车停车棚",
    "shop": "商店 店铺 零售店 百货店 五金店 服装店",
}
# Ends of longer words: 西航社区卫生服务站 ends as a clinic does.
ENDINGS_BY_CATEGORY = {
    "party_centre": "党群服务中心|党群服务站",
    "government": "政务服务中心|便民服务中心|居委会|居民委员会|村民委员会|街道办事处",
    "police": "派出所|警务室",
    "elder_care": "养老院|敬老院|日间照料中心|养老服务中心|养老服务站",
    "clinic": "卫生服务中心|卫生服务站|卫生室|卫生站|诊所|门诊部",
    "hospital": "医院",
    "pharmacy": "药房|药店",
    "kindergarten": "幼儿园|托儿所",
    "school": "小学|中学|学校",
    "delivery": "快递驿站|菜鸟驿站|快递柜",
    "market": "农贸市场|菜市场",
    "convenience": "超市|便利店",
    "bank_post": "银行|邮局",
    "culture": "图书馆|文化站|文化活动中心",
    "park": "公园",
    "toilet": "公厕|公共厕所",
    "transit": "公交站|地铁站",
    "parking": "停车场|充电站|充电桩",
}

OWN_NAMES = {name.lower(): one.key for one in CATEGORIES for name in (one.key, one.zh, one.en)}
_PARTS = {part: one.key for one in CATEGORIES for part in one.zh.split("/")}
_WORDS = {word: key for key, words in WORDS_BY_CATEGORY.items() for word in words.split()}
_ENDINGS = {key: re.compile(f"(?:{endings})$") for key, endings in ENDINGS_BY_CATEGORY.items()}


def find_category(word: str) -> str | None:
    """Return the key of the category that a word means; None where it means none, or more than one."""
    text = unicodedata.normalize("NFKC", word).lower().strip()
    if key := OWN_NAMES.get(text):
        return key
    text = re.sub(r"\(.*?\)|\s", "", text)
    if key := _PARTS.get(text) or _WORDS.get(text):
        return key
    keys = {key for part in re.split(r"[/、,;]|和|及", text) if part for key in _keys(part)}
    return keys.pop() if len(keys) == 1 else None


def _keys(word: str) -> set[str]:
    """Return the keys of all categories that a word may mean, by itself or by its end."""
    exact = OWN_NAMES.get(word) or _PARTS.get(word) or _WORDS.get(word)
    return {exact} if exact else {key for key, ending in _ENDINGS.items() if ending.search(word)}
