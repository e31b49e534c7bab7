"""The roles of grid management as a table. A new role is one line here, then `./wangge db migrate`."""

from typing import NamedTuple


class PostRole(NamedTuple):
    """key, words on screen, what the post is attached to, and its place in an answer (low: nearest)."""

    key: str
    zh: str
    en: str
    attached_to: str
    rank: int


ROLES = (
    PostRole("unit_head", "联户长", "unit head", "unit", 10),
    PostRole("building_head", "楼栋长", "building head", "building", 20),
    PostRole("building_sponsor", "两委成员包保楼栋", "committee member who vouches for the building", "building", 22),
    PostRole("block_head", "片区长", "block head", "building", 24),
    PostRole("grid_worker", "网格员", "grid worker", "grid", 30),
    PostRole("grid_leader", "网格长", "grid leader", "grid", 32),
    PostRole("grid_party_leader", "网格党小组组长", "grid party-group leader", "grid", 34),
    PostRole("contact_leader", "联系点领导", "contact leader", "grid", 36),
    PostRole("community_worker", "社区工作者", "community worker", "community", 40),
    PostRole("community_secretary", "社区党组织书记", "community party secretary", "community", 42),
    PostRole("party_member", "在职党员", "party member on duty", "community", 44),
    PostRole("volunteer_team", "志愿服务队", "volunteer team", "community", 46),
    PostRole("property_company", "物业", "property company", "building", 26),
    PostRole("liaison_officer", "联络员", "liaison officer", "street", 50),
    PostRole("enforcement_squad", "综合执法中队", "enforcement squad", "street", 52),
    PostRole("street_office", "街道党工委", "street party-work committee", "street", 54),
    PostRole("command_centre", "指挥中心", "command centre", "county", 60),
)

ROLE_BY_KEY = {role.key: role for role in ROLES}

# roles that are an office or an organisation: that it answers is public, who holds the post for it is not
ORGANISATIONS = frozenset(
    {"property_company", "volunteer_team", "enforcement_squad", "street_office", "command_centre"}
)


def organisation_name(role: str, place_name: str) -> str:
    """The name of the organisation that a post stands for: 西航街道 and 街道党工委 are 西航街道党工委."""
    title = ROLE_BY_KEY[role].zh
    overlap = next((size for size in range(len(title), 0, -1) if place_name.endswith(title[:size])), 0)
    return place_name + title[overlap:]
