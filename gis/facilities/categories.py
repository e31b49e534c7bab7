"""What a facility is for: the categories, their words and colours, and the OSM tags that mean each.

A new category is one entry here. Colours are the Okabe-Ito set (Okabe & Ito 2008, "Color Universal
Design"), one for a family of categories; the pictogram tells the members of a family apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gis.palette import OKABE_ITO

RED, PINK, SKY = OKABE_ITO["vermilion"], OKABE_ITO["purple"], OKABE_ITO["sky"]
ORANGE, GREEN, BLUE, BLACK = OKABE_ITO["orange"], OKABE_ITO["green"], OKABE_ITO["blue"], OKABE_ITO["black"]

# Objects a name pattern may speak for: a bus stop called after the 街道办事处 is still a bus stop.
NAMED_BY = ("amenity", "office", "government", "healthcare", "social_facility", "shop", "building", "landuse")
NOT_PUBLIC = frozenset({"private", "no", "residents", "members", "permit"})


@dataclass(frozen=True)
class Category:
    """One kind of service.

    key: Stored in `facility.category`.
    zh, en: The words on screen.
    colour: Of its family.
    rank: Order in lists and of labels, most important first.
    osm: Tags that mean it, as "amenity=bank,atm"; "shop=*" is any other value of the key.
    name: Pattern of Chinese names that mean it whatever the tag in NAMED_BY says.
    open_only: Taken only when `access` does not keep the public out.
    """

    key: str
    zh: str
    en: str
    colour: str
    rank: int
    osm: tuple[str, ...]
    name: str = ""
    open_only: bool = False


# First come, first served: an object with the tags of two categories gets the upper one.
CATEGORIES: tuple[Category, ...] = (
    Category("party_centre", "党群服务中心", "party and masses service centre", RED, 10, (),
             name="党群(服务|活动|工作)|党员活动(中心|室)"),
    Category("government", "政务服务", "government service", RED, 30,
             ("amenity=townhall", "office=government,administrative"),
             name="政务(服务)?(中心|大厅)|便民服务(中心|大厅|站)|(居|村)(民)?委(员)?会|街道办事处|(乡|镇)人民政府"),
    Category("police", "派出所", "police station", RED, 40, ("amenity=police",), name="派出所|警务(室|站)"),
    Category("elder_care", "养老服务", "care for the elderly", PINK, 60,
             ("amenity=nursing_home", "social_facility=nursing_home,assisted_living", "social_facility:for=senior"),
             name="养老|敬老院|老年(公寓|大学|活动|食堂)|日间照料"),
    Category("clinic", "卫生服务", "clinic", PINK, 20,
             ("amenity=clinic,doctors,dentist", "healthcare=clinic,doctor,doctors,dentist,centre,vaccination_centre"),
             name="卫生(服务)?(中心|站|所|室)$|诊所"),
    Category("hospital", "医院", "hospital", PINK, 50, ("amenity=hospital", "healthcare=hospital")),
    Category("pharmacy", "药店", "pharmacy", PINK, 55, ("amenity=pharmacy", "healthcare=pharmacy", "shop=pharmacy")),
    Category("kindergarten", "幼儿园", "kindergarten", SKY, 75, ("amenity=kindergarten,childcare",), name="幼儿园|托儿所"),
    Category("school", "学校", "school", SKY, 70, ("amenity=school",)),
    Category("delivery", "快递驿站", "parcel pick-up", BLACK, 130,
             ("amenity=parcel_locker", "shop=outpost", "vending=parcel_pickup", "office=courier"),
             name="菜鸟驿站|快递|丰巢"),
    Category("market", "菜市场", "food market", ORANGE, 80,
             ("amenity=marketplace", "shop=greengrocer,butcher,seafood,marketplace"), name="菜(市)?场$|农贸市场|集贸市场"),
    Category("convenience", "便利店/超市", "convenience store, supermarket", ORANGE, 90,
             ("shop=convenience,supermarket,general,grocery,kiosk",)),
    Category("food", "餐饮", "food and drink", ORANGE, 100,
             ("amenity=restaurant,fast_food,cafe,food_court,canteen,ice_cream,bar,pub,biergarten",
              "shop=bakery,pastry,deli")),
    Category("repair", "维修便民", "repair and household help", BLACK, 110,
             ("shop=hairdresser,laundry,dry_cleaning,tailor,shoe_repair,locksmith,repair,copyshop,bicycle,car_repair",
              "craft=shoemaker,shoe_repair,locksmith,key_cutter,tailor,electronics_repair,watchmaker,plumber,"
              "electrician,handyman", "amenity=bicycle_repair_station")),
    Category("bank_post", "银行邮政", "bank, post office", BLACK, 120,
             ("amenity=bank,atm,post_office,bureau_de_change,money_transfer",)),
    Category("culture", "文化活动", "culture and activities", GREEN, 140,
             ("amenity=library,community_centre,social_centre,arts_centre,theatre,cinema,public_bookcase,"
              "events_venue", "tourism=museum,gallery"), open_only=True),
    Category("sport", "体育健身", "sport and fitness", GREEN, 150,
             ("leisure=sports_centre,sports_hall,fitness_centre,fitness_station,pitch,stadium,swimming_pool,"
              "swimming_area,track,ice_rink,dance",), open_only=True),
    Category("park", "公园", "park, playground", GREEN, 160,
             ("leisure=park,playground,nature_reserve,dog_park",), open_only=True),
    Category("toilet", "公共厕所", "public toilet", BLACK, 170, ("amenity=toilets",), open_only=True),
    Category("transit", "公交地铁", "bus and metro", BLUE, 180,
             ("highway=bus_stop", "railway=station,halt,tram_stop,subway_entrance",
              "amenity=bus_station,ferry_terminal", "public_transport=station")),
    Category("parking", "停车充电", "parking, charging", BLUE, 190,
             ("amenity=parking,charging_station,bicycle_parking,motorcycle_parking,fuel,bicycle_rental",),
             open_only=True),
    Category("shop", "其他商店", "other shop", ORANGE, 200, ("shop=*",)),
)  # fmt: skip

CATEGORY_BY_KEY = {category.key: category for category in CATEGORIES}
NO_SHOP = frozenset({"no", "vacant", "disused"})


def _tags() -> dict[tuple[str, str], int]:
    """(key, value) of every rule, with the place of its category in the table."""
    found: dict[tuple[str, str], int] = {}
    for place, category in enumerate(CATEGORIES):
        for rule in category.osm:
            key, values = rule.split("=")
            for value in values.split(","):
                found.setdefault((key, value), place)
    return found


_TAGS = _tags()
OSM_KEYS = tuple(sorted({key for key, _ in _TAGS} | set(NAMED_BY)))  # an object without any of them is no facility
_NAMES = tuple((place, re.compile(c.name)) for place, c in enumerate(CATEGORIES) if c.name)


def classify_tags(tags: Mapping[str, str]) -> str | None:
    """The category that an OSM object's tags mean, or None when it is no facility.

    A name that says more than the tag wins (社区卫生服务中心 mapped as a hospital is a clinic);
    then the first category of the table with a matching tag; "shop=*" comes last.
    """
    named = tags.get("name:zh") or tags.get("name") or ""
    places = [_TAGS[pair] for pair in tags.items() if pair in _TAGS]
    if named and any(key in tags for key in NAMED_BY) and "highway" not in tags and "railway" not in tags:
        by_name = next((place for place, pattern in _NAMES if pattern.search(named)), None)
        if by_name is not None and _speaks(tags, places):
            places = [by_name]
    if not places and tags.get("shop", "no") not in NO_SHOP:
        places = [_TAGS["shop", "*"]]
    if not places:
        return None
    category = CATEGORIES[min(places)]
    if category.open_only and (tags.get("access") in NOT_PUBLIC or tags.get("foot") in NOT_PUBLIC):
        return None
    return category.key


def _speaks(tags: Mapping[str, str], places: list[int]) -> bool:
    """Whether a name may decide: not for parking, transit, food and other places named after a neighbour."""
    settled = {CATEGORIES[place].key for place in places}
    return not settled & {"transit", "parking", "toilet", "food", "park", "sport", "bank_post", "convenience"}
