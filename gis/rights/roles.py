"""The roles of grid management as a table, one row a role.

A new role is one row here and its label `role.KEY` in the message catalogue, then `./wangge db
migrate`.
"""

from dataclasses import dataclass
from functools import cached_property

from gis.messages import has_label, label


@dataclass(frozen=True)
class PostRole:
    """A role that a person or an organisation has for an area or a building.

    Attributes
    ----------
    level
        Level of the area, or building, that such a post is attached to.
    rank
        Order in an answer, and height in escalation; low is nearest.
    access_role
        Role of `gis.rights.actions.ACCESS_ROLES` in the post's area; a building's posts see what
        they hold.
    first_contact_order
        Position in the order in which people are contacted, and incidents escalated; None if it is
        not part of it.
    shared
        Whether several people can have it for one area or building at a time; else a new holder
        replaces the old one.
    public
        Whether it is an office or an organisation, whose responsibility is public; the name of its
        holder is not.
    aliases_zh
        Other words for it in files.
    other_levels
        Levels of area that such a post may be attached to as well.
    title
        Name of the kind that people added below it, where one is meant.
    """

    key: str
    level: str
    rank: int
    access_role: str
    first_contact_order: int | None
    shared: bool
    public: bool
    aliases_zh: tuple[str, ...]
    other_levels: tuple[str, ...] = ()
    title: str = ""

    @cached_property
    def zh(self) -> str:
        """The Chinese label."""
        return self.title or role_label(self.key, "zh")

    @cached_property
    def en(self) -> str:
        """The English label."""
        return role_label(self.key, "en")


ROLES = (
    PostRole("unit_head", "unit", 10, "unit_head", 1, False, False, ("联户长（十联户）",)),
    PostRole("building_head", "building", 20, "order_taker", None, False, False, ()),
    PostRole(
        "building_sponsor",
        "building",
        22,
        "order_taker",
        None,
        False,
        False,
        ("包保", "包保干部", "两委成员", "两委包保"),
    ),
    PostRole("block_head", "building", 24, "order_taker", None, False, False, ()),
    PostRole("grid_worker", "grid", 30, "grid_worker", 2, True, False, ("专职网格员",)),
    PostRole("grid_leader", "grid", 32, "grid_leader", 3, False, False, ()),
    PostRole(
        "grid_party_leader",
        "grid",
        34,
        "grid_worker",
        None,
        False,
        False,
        ("党小组组长", "网格党小组长"),
    ),
    # one community and one grid
    PostRole("contact_leader", "grid", 36, "order_taker", None, False, False, (), ("community",)),
    PostRole("community_worker", "community", 40, "dispatcher", 4, True, False, ("社工", "社工岗")),
    PostRole(
        "community_secretary",
        "community",
        42,
        "dispatcher",
        5,
        False,
        False,
        ("社区书记", "社区党支部书记"),
    ),
    PostRole("party_member", "community", 44, "order_taker", None, True, False, ("双报到党员",)),
    PostRole("volunteer_team", "community", 46, "order_taker", None, True, True, ("志愿者队伍",)),
    PostRole("property_company", "building", 26, "order_taker", None, False, True, ("物业公司",)),
    PostRole("street_team", "street", 48, "order_taker", None, True, False, ("1+1+2",)),
    PostRole("liaison_officer", "street", 50, "street", 6, True, False, ()),
    PostRole("enforcement_squad", "street", 52, "order_taker", None, False, True, ("执法中队",)),
    PostRole("street_office", "street", 54, "street", 7, False, True, ("街道党工委办公室",)),
    PostRole("command_centre", "county", 60, "command_centre", 8, False, True, ()),
)

ROLE_BY_KEY = {role.key: role for role in ROLES}
ACCESS_ROLE_BY_POST = {role.key: role.access_role for role in ROLES}
# The roles by order of first contact and of escalation, nearest first.
FIRST_CONTACT_ROLES = tuple(
    role.key
    for role in sorted(ROLES, key=lambda role: role.first_contact_order or 0)
    if role.first_contact_order is not None
)


def role_label(key: str, language: str = "en") -> str:
    """Return the label of a role or access role; the key itself if the catalogue has none."""
    code = f"role.{key}"
    return label(code, language) if has_label(code, language) else key


def organisation_name(role: str, area_name: str) -> str:
    """Return the name of the organisation that a post stands for.

    西航街道 and 街道党工委 are 西航街道党工委.
    """
    title = ROLE_BY_KEY[role].zh
    overlap = next(
        (size for size in range(len(title), 0, -1) if area_name.endswith(title[:size])), 0
    )
    return area_name + title[overlap:]
