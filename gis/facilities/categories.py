"""The categories of facilities: names, colours and icons, and the tags and words that mean each.

A new category is one entry here. Colours are the Okabe-Ito set (Okabe & Ito 2008, "Color Universal
Design"), one for a family of categories; the icon distinguishes the members of a family.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gis.palette import BLACK, OKABE_ITO

RED, PINK, SKY = OKABE_ITO["vermilion"], OKABE_ITO["purple"], OKABE_ITO["sky"]
ORANGE, GREEN, BLUE = (
    OKABE_ITO["orange"],
    OKABE_ITO["green"],
    OKABE_ITO["blue"],
)

# What the capacity of a facility counts -> the tags of OSM that state it, the surest first.
CAPACITY_TAGS: Mapping[str, tuple[str, ...]] = {
    "places": ("capacity:persons", "capacity"),
    "beds": ("beds", "capacity:beds", "capacity:persons", "capacity"),
    "doctors": ("staff_count:doctors",),
}
MAX_CAPACITY = 1_000_000


@dataclass(frozen=True)
class Category:
    """A category of facilities.

    Attributes
    ----------
    key
        Value of `facility.category`.
    zh, en
        Labels.
    icon
        File of Maki (Mapbox), an icon of 15 x 15 pixels.
    colour
        Colour of its family.
    rank
        Order in lists and of labels, most important first.
    osm
        Tags that mean it, as "amenity=bank,atm"; "shop=*" is any other value of the key.
    name
        Pattern of Chinese names that mean it whatever the tag in NAMED_BY says.
    open_only
        Whether it needs an `access` tag that lets the public in, or none.
    aliases
        Other words for it in files, between blanks: the whole word, without brackets. A word of two
        categories stands in no list, and is refused.
    endings
        Pattern of the ends of longer words: 西航社区卫生服务站 ends as a clinic does.
    capacity_unit
        What the capacity of its facilities counts: a key of CAPACITY_TAGS.
    sharers
        Who shares it: people, or the elders or children among them where households say.
    from_zoom
        First zoom of a map that shows them unasked; nearer for what stands at every corner.
    """

    key: str
    zh: str
    en: str
    icon: str
    colour: str
    rank: int
    osm: tuple[str, ...]
    name: str = ""
    open_only: bool = False
    aliases: str = ""
    endings: str = ""
    capacity_unit: str = "places"
    sharers: str = "people"
    from_zoom: int = 18


# An object with the tags of two categories gets the upper one.
CATEGORIES: tuple[Category, ...] = (
    Category(
        "party_centre",
        "党群服务中心",
        "party and masses service centre",
        "star",
        RED,
        10,
        (),
        name="党群(服务|活动|工作)|党员活动(中心|室)",
        aliases=(
            "党群中心 党群服务站 党群活动中心 党员活动室 新时代文明实践站"
            " 新时代文明实践中心 文明实践站"
        ),
        endings="党群服务中心|党群服务站",
        from_zoom=17,
    ),
    Category(
        "government",
        "政务服务",
        "government service",
        "town-hall",
        RED,
        30,
        ("amenity=townhall", "office=government,administrative"),
        name="政务(服务)?(中心|大厅)|便民服务(中心|大厅|站)|(居|村)(民)?委(员)?会|街道办事处|(乡|镇)人民政府",
        aliases=(
            "政务 政务中心 便民服务 便民服务中心 便民服务站 办事大厅 居委会 社区居委会"
            " 村委会 街道办 街道办事处"
        ),
        endings="政务服务中心|便民服务中心|居委会|居民委员会|村民委员会|街道办事处",
        from_zoom=17,
    ),
    Category(
        "police",
        "派出所",
        "police station",
        "police",
        RED,
        40,
        ("amenity=police",),
        name="派出所|警务(室|站)",
        aliases="警务室 警务站 社区警务室 公安派出所",
        endings="派出所|警务室",
        from_zoom=17,
    ),
    Category(
        "elder_care",
        "养老服务",
        "care for the elderly",
        "heart",
        PINK,
        60,
        (
            "amenity=nursing_home",
            "social_facility=nursing_home,assisted_living",
            "social_facility:for=senior",
        ),
        name="养老|敬老院|老年(公寓|大学|活动|食堂)|日间照料",
        aliases="养老 养老院 养老机构 养老服务站 养老服务中心 敬老院 老年公寓 日间照料中心 社区养老"
        " 老年食堂 托老所 "
        "居家养老服务中心 居家养老服务站 老年活动中心 老年人活动中心",
        endings="养老院|敬老院|日间照料中心|养老服务中心|养老服务站",
        capacity_unit="beds",
        sharers="elders",
        from_zoom=17,
    ),
    Category(
        "clinic",
        "卫生服务",
        "clinic",
        "doctor",
        PINK,
        20,
        (
            "amenity=clinic,doctors,dentist",
            "healthcare=clinic,doctor,doctors,dentist,centre,vaccination_centre",
        ),
        name="卫生(服务)?(中心|站|所|室)$|诊所",
        aliases="卫生站 卫生室 卫生所 卫生院 社区卫生站 社区卫生室 社区卫生服务站 社区卫生服务中心"
        " 卫生服务站 "
        "卫生服务中心 诊所 村卫生室 医务室 社区医院 社区诊所 牙科诊所 口腔诊所"
        " 中医诊所 门诊 门诊部 预防接种点",
        endings="卫生服务中心|卫生服务站|卫生室|卫生站|诊所|门诊部",
        capacity_unit="doctors",
        from_zoom=17,
    ),
    Category(
        "hospital",
        "医院",
        "hospital",
        "hospital",
        PINK,
        50,
        ("amenity=hospital", "healthcare=hospital"),
        aliases="综合医院 中医院 人民医院 专科医院 妇幼保健院 三甲医院 二级医院",
        endings="医院",
        capacity_unit="beds",
        from_zoom=17,
    ),
    Category(
        "pharmacy",
        "药店",
        "pharmacy",
        "pharmacy",
        PINK,
        55,
        ("amenity=pharmacy", "healthcare=pharmacy", "shop=pharmacy"),
        aliases="药房 大药房 药铺 零售药店 医药店 药品零售",
        endings="药房|药店",
    ),
    Category(
        "kindergarten",
        "幼儿园",
        "kindergarten",
        "playground",
        SKY,
        75,
        ("amenity=kindergarten,childcare",),
        name="幼儿园|托儿所",
        aliases="幼儿园所 托儿所 托育 托育机构 托育中心 幼托 幼托机构",
        endings="幼儿园|托儿所",
        sharers="children",
        from_zoom=17,
    ),
    Category(
        "school",
        "学校",
        "school",
        "school",
        SKY,
        70,
        ("amenity=school",),
        aliases="小学 中学 初中 高中 中小学 职业学校 九年一贯制学校",
        endings="小学|中学|学校",
        from_zoom=17,
    ),
    Category(
        "delivery",
        "快递驿站",
        "parcel pick-up",
        "post",
        BLACK,
        130,
        ("amenity=parcel_locker", "shop=outpost", "vending=parcel_pickup", "office=courier"),
        name="菜鸟驿站|快递|丰巢",
        aliases="快递 快递站 快递点 快递柜 快递站点 菜鸟驿站 驿站 丰巢 快递服务站 智能快递柜",
        endings="快递驿站|菜鸟驿站|快递柜",
        from_zoom=19,
    ),
    Category(
        "market",
        "菜市场",
        "food market",
        "grocery",
        ORANGE,
        80,
        ("amenity=marketplace", "shop=greengrocer,butcher,seafood,marketplace"),
        name="菜(市)?场$|农贸市场|集贸市场",
        aliases="农贸市场 集贸市场 菜场 生鲜市场 生鲜店 蔬菜店",
        endings="农贸市场|菜市场",
        from_zoom=17,
    ),
    Category(
        "convenience",
        "便利店/超市",
        "convenience store, supermarket",
        "convenience",
        ORANGE,
        90,
        ("shop=convenience,supermarket,general,grocery,kiosk",),
        aliases="便利店 超市 小超市 小卖部 便民超市 百货超市 连锁超市 商超 生活超市",
        endings="超市|便利店",
    ),
    Category(
        "food",
        "餐饮",
        "food and drink",
        "restaurant",
        ORANGE,
        100,
        (
            "amenity=restaurant,fast_food,cafe,food_court,canteen,ice_cream,bar,pub,biergarten",
            "shop=bakery,pastry,deli",
        ),
        aliases="餐馆 餐厅 饭店 小吃店 早餐店 食堂 社区食堂 快餐店 餐饮店 餐饮服务 面馆 火锅店",
    ),
    Category(
        "repair",
        "维修便民",
        "repair and household help",
        "hardware",
        BLACK,
        110,
        (
            "shop=hairdresser,laundry,dry_cleaning,tailor,shoe_repair,locksmith,repair,copyshop,bicycle,car_repair",
            "craft=shoemaker,shoe_repair,locksmith,key_cutter,tailor,electronics_repair,watchmaker,plumber,"
            "electrician,handyman",
            "amenity=bicycle_repair_station",
        ),
        aliases="维修 家电维修 维修点 便民维修 开锁 洗衣店 裁缝铺 修鞋 理发店",
    ),
    Category(
        "water",
        "送水",
        "water delivery",
        "water",
        BLACK,
        112,
        ("shop=water", "vending=water"),
        name="送水|桶装水",
        aliases="送水站 送水点 送水服务 桶装水 桶装水站 饮用水配送 售水机 自动售水机",
        endings="送水站|桶装水",
        from_zoom=19,
    ),
    Category(
        "housekeeping",
        "家政",
        "housekeeping",
        "home",
        BLACK,
        114,
        ("craft=cleaning", "office=cleaning", "shop=housekeeping"),
        name="家政|保洁服务",
        aliases="家政服务 家政公司 家政服务站 家政服务中心 保洁 保洁服务 月嫂 钟点工",
        endings="家政|家政服务",
    ),
    Category(
        "payment",
        "缴费",
        "bill payment",
        "commercial",
        BLACK,
        116,
        ("amenity=payment_centre,payment_terminal", "office=water_utility,power_utility"),
        name=r"缴费(厅|点|处|站|大厅|中心)|(供电|电力|燃气|天然气|供水|自来水|供热|热力)\S{0,8}营业(厅|所|网点)",
        aliases="缴费点 缴费处 缴费厅 缴费大厅 便民缴费 便民缴费点 水电缴费 供电营业厅 燃气营业厅"
        " 自来水营业厅 电力营业厅",
        endings="缴费点|缴费处|缴费厅",
        from_zoom=19,
    ),
    Category(
        "bank_post",
        "银行邮政",
        "bank, post office",
        "bank",
        BLACK,
        120,
        ("amenity=bank,atm,post_office,bureau_de_change,money_transfer",),
        aliases="银行 邮局 邮政 银行网点 邮政网点 邮政所 自助银行 储蓄所",
        endings="银行|邮局",
    ),
    Category(
        "culture",
        "文化活动",
        "culture and activities",
        "library",
        GREEN,
        140,
        (
            "amenity=library,community_centre,social_centre,arts_centre,theatre,cinema,public_bookcase,"
            "events_venue",
            "tourism=museum,gallery",
        ),
        open_only=True,
        aliases=(
            "文化站 文化活动室 文化活动中心 图书室 图书馆 文化室 农家书屋 文化馆 综合文化服务中心"
        ),
        endings="图书馆|文化站|文化活动中心",
    ),
    Category(
        "sport",
        "体育健身",
        "sport and fitness",
        "fitness-centre",
        GREEN,
        150,
        (
            "leisure=sports_centre,sports_hall,fitness_centre,fitness_station,pitch,stadium,swimming_pool,"
            "swimming_area,track,ice_rink,dance",
        ),
        open_only=True,
        aliases="健身房 健身点 体育场 体育馆 健身广场 健身场地 健身路径 篮球场 体育设施 运动场",
    ),
    Category(
        "park",
        "公园",
        "park, playground",
        "park",
        GREEN,
        160,
        ("leisure=park,playground,nature_reserve,dog_park",),
        open_only=True,
        aliases="游园 口袋公园 街心公园 小游园 公园绿地",
        endings="公园",
        from_zoom=17,
    ),
    Category(
        "toilet",
        "公共厕所",
        "public toilet",
        "toilet",
        BLACK,
        170,
        ("amenity=toilets",),
        open_only=True,
        aliases="公厕 厕所 卫生间 公共卫生间",
        endings="公厕|公共厕所",
        from_zoom=19,
    ),
    Category(
        "transit",
        "公交地铁",
        "bus and metro",
        "bus",
        BLUE,
        180,
        (
            "highway=bus_stop",
            "railway=station,halt,tram_stop,subway_entrance",
            "amenity=bus_station,ferry_terminal",
            "public_transport=station",
        ),
        aliases="公交站 公交站点 公交车站 公交站台 地铁站 公交 车站 汽车站",
        endings="公交站|地铁站",
        from_zoom=19,
    ),
    Category(
        "parking",
        "停车充电",
        "parking, charging",
        "parking",
        BLUE,
        190,
        (
            "amenity=parking,charging_station,bicycle_parking,motorcycle_parking,fuel,bicycle_rental",
        ),
        open_only=True,
        aliases="停车场 停车位 充电桩 充电站 停车 公共停车场 地下停车场 非机动车停车棚",
        endings="停车场|充电站|充电桩",
        from_zoom=19,
    ),
    Category(
        "shop",
        "其他商店",
        "other shop",
        "shop",
        ORANGE,
        200,
        ("shop=*",),
        aliases="商店 店铺 零售店 百货店 五金店 服装店",
        from_zoom=19,
    ),
)

CATEGORY_BY_KEY = {category.key: category for category in CATEGORIES}
