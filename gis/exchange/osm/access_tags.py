"""Who may walk where, as tables over OSM tags.

`docs/walking.md` shows the same tables and a test compares them.

The rules follow OSM's documented defaults for foot (wiki: "OSM tags for routing/Access
restrictions", worldwide table) and the key hierarchy access < foot. Each choice beyond that page
stands beside its rule.
"""

from collections.abc import Mapping
from typing import Literal

Tags = Mapping[str, str]
Access = Literal["open", "ends", "closed"]

# Kinds of way (highway=*) that are open to walkers unless tags say otherwise. Trunk roads are (the
# worldwide default; in Chinese towns they are ordinary big streets), unless they are motor roads.
# sidewalk=separate closes nothing: people cross.
WALKABLE = frozenset(
    {
        "trunk",
        "trunk_link",
        "primary",
        "primary_link",
        "secondary",
        "secondary_link",
        "tertiary",
        "tertiary_link",
        "unclassified",
        "residential",
        "living_street",
        "service",
        "track",
        "road",
        "pedestrian",
        "path",
        "footway",
        "steps",
        "corridor",
        "platform",
        "elevator",
        "via_ferrata",
        "ladder",
    }
)
# Closed to walkers unless foot says they may.
ON_PERMISSION = frozenset(
    {"cycleway", "bridleway", "busway", "bus_guideway", "motorway", "motorway_link"}
)
# Lines without highway=* that people walk on (where trains and boats stop). Ferries (route=ferry)
# are not walked.
ALSO_WALKABLE = frozenset(
    {("railway", "platform"), ("public_transport", "platform"), ("man_made", "pier")}
)
# Outlines that people walk all over, besides highways with area=yes or as a multipolygon. Parks and
# gardens are not among them: they hold water, beds and fences, so they are walked on their paths
# and entered through their gates. A closed highway without area=yes is a loop of way; these are
# areas by themselves.
WALKED_AREAS = frozenset(
    {
        ("railway", "platform"),
        ("public_transport", "platform"),
        ("man_made", "pier"),
        ("place", "square"),
        ("leisure", "common"),
        ("leisure", "playground"),
        ("leisure", "fitness_station"),
        ("leisure", "outdoor_seating"),
        ("leisure", "bandstand"),
    }
)

# Keys whose value yes marks a way or wall as planned or removed.
# construction=minor is open.
NOT_STANDING = ("proposed", "construction", "abandoned", "demolished", "razed", "removed")

# Bridges and tunnels that do not separate a walker from the ground: boardwalks, and passages
# through houses.
GROUND_BRIDGES = frozenset({"no", "boardwalk", "low_water_crossing"})
GROUND_TUNNELS = frozenset({"no", "building_passage", "avalanche_protector"})

# Values of foot=*, else of access=*: open to all, to those whose door is behind, or to no walker.
# Other values are ignored. foot takes precedence over access.
VALUES: dict[Access, frozenset[str]] = {
    "open": frozenset({"yes", "designated", "permissive", "official", "public", "discouraged"}),
    "ends": frozenset(
        {
            "private",
            "residents",
            "resident",
            "permit",
            "destination",
            "customers",
            "delivery",
            "members",
            "employees",
            "students",
            "staff",
            "visitors",
            "key",
        }
    ),
    "closed": frozenset(
        {
            "no",
            "military",
            "agricultural",
            "forestry",
            "restricted",
            "use_sidepath",
            "emergency",
            "official_only",
        }
    ),
}

# Barriers on a node that stop every walker unless foot or access opens them; any other (gate,
# bollard, stile, turnstile, kissing gate…) is passed on foot. locked=yes closes a gate, but
# residents have the key of theirs.
NODE_WALLS = frozenset(
    {
        "wall",
        "city_wall",
        "retaining_wall",
        "fence",
        "hedge",
        "guard_rail",
        "ditch",
        "debris",
        "wire_fence",
        "barrier_board",
        "log",
    }
)
# Barriers drawn as a line that stop a straight leg from a door to the street. Guard rails, kerbs,
# ditches and lines of bollards do not: they are stepped over or have gaps that maps leave out.
LINE_WALLS = frozenset(
    {"wall", "city_wall", "retaining_wall", "fence", "wire_fence", "hedge", "noise_barrier"}
)
# Openings in a wall, and gates in the outline of grounds.
GATES = frozenset(
    {
        "gate",
        "entrance",
        "lift_gate",
        "swing_gate",
        "sliding_gate",
        "sliding_beam",
        "turnstile",
        "kissing_gate",
        "wicket_gate",
        "full-height_turnstile",
        "hampshire_gate",
        "stile",
        "bollard",
        "sally_port",
    }
)


def value_access(value: str) -> Access | None:
    """Return what a value of foot=* or access=* means.

    Of a list such as private;customers the freest counts.
    """
    parts = {part.strip().lower() for part in value.split(";")}
    return next((access for access, values in VALUES.items() if parts & values), None)


def way_access(tags: Tags) -> Access:
    """Return who may walk on a way.

    foot=* decides first, then the kind of way, then military=* and access=*. Motorways, cycleways
    and trunk roads that are motor roads are closed unless foot=* opens them; ways being built,
    planned or disused are closed whatever their tags say.
    """
    highway = tags.get("highway", "")
    if highway and highway not in WALKABLE and highway not in ON_PERMISSION:
        return "closed"
    if any(tags.get(key) == "yes" for key in NOT_STANDING):
        return "closed"
    if not highway and not (ALSO_WALKABLE | WALKED_AREAS).intersection(tags.items()):
        return "closed"
    foot = value_access(tags.get("foot", ""))
    if foot:
        return foot
    if highway in ON_PERMISSION or "military" in tags:
        return "closed"
    if tags.get("motorroad") == "yes" and tags.get("sidewalk", "") not in {
        "yes",
        "both",
        "left",
        "right",
    }:
        return "closed"
    return value_access(tags.get("access", "")) or "open"


def gate_access(tags: Tags) -> Access:
    """Return who may pass a node of a way.

    Walls and locked gates are closed; a residents' gate is open to those behind it.
    """
    if tags.get("barrier", "no") == "no":
        return "open"
    stated = value_access(tags.get("foot", "")) or value_access(tags.get("access", ""))
    if stated == "ends" or (tags.get("foot") and stated):
        return stated
    if stated == "closed" or tags.get("locked") == "yes" or tags["barrier"] in NODE_WALLS:
        return "closed"
    return "open"


def stops_leg(tags: Tags) -> bool:
    """Return whether a line is a wall or fence that a straight leg cannot cross.

    Walls off the ground do not count.
    """
    if structure(tags) or any(tags.get(key) == "yes" for key in NOT_STANDING):
        return False
    opened = (
        value_access(tags.get("foot", "")) == "open"
        or value_access(tags.get("access", "")) == "open"
    )
    return tags.get("barrier") in LINE_WALLS and not opened


def walked_line(tags: Tags) -> bool:
    """Return whether a line is a walkable way, if its access allows."""
    return "highway" in tags or bool(ALSO_WALKABLE.intersection(tags.items()))


def walked_area(tags: Tags, *, closed: bool) -> bool:
    """Return whether a closed way or multipolygon is walkable over all of its area.

    Its access is not considered.
    """
    if not closed or tags.get("area") == "no":
        return False
    if "highway" in tags:
        return tags.get("area") == "yes" or tags.get("type") == "multipolygon"
    return bool(WALKED_AREAS.intersection(tags.items()))


def structure(tags: Tags) -> str:
    """Return bridge, tunnel, or storey for a way off the ground.

    Empty on it, where one steps to what lies beside it.
    """
    if tags.get("bridge", "no") not in GROUND_BRIDGES:
        return "bridge"
    if tags.get("tunnel", "no") not in GROUND_TUNNELS:
        return "tunnel"
    layers = {tags.get(key, "0").lstrip("+") for key in ("layer", "level")} - {"0", "0.0", ""}
    inside = any(tags.get(key, "no") != "no" for key in ("indoor", "covered_way"))
    return (
        "storey"
        if layers or inside or tags.get("location") in {"underground", "overground"}
        else ""
    )
