"""What a draft may not take: land of another county, and codes that are another's."""

from datetime import UTC, datetime, timedelta

import pytest
import shapely
from geoalchemy2.shape import from_shape

from gis.areas.models import Area
from gis.boundaries import drafts, preview, publish
from gis.boundaries.painting_view import paintable_buildings
from gis.boundaries.store import publish_shapes
from gis.errors import InvalidInput
from gis.facilities.models import Facility
from tests.support import draft_town
from tests.support.draft_town import BASE, LEAD, S, X, Y, begin, code, land, line, shapes_of

town = draft_town.town  # the fixture

CUT = {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))}


def county_in_the_east(session) -> str:
    """A county with one grid east of the town; returns the code of the grid."""
    above = None
    for level, number in (
        ("county", "520403"),
        ("street", "520403001"),
        ("community", "520403001001"),
        ("grid", "520403001001001"),
    ):
        above = Area(code=number, level=level, name=number, county="520403", parent=above)
        session.add(above)
    session.flush()
    publish_shapes(
        session,
        {above.code: shapely.box(X + 3 * S, Y, X + 5 * S, Y + 3 * S)},
        title="east",
        author="test",
        effective=datetime.now(UTC) - timedelta(days=2),
    )
    return above.code


def test_who_lives_beyond_the_county_is_not_counted(session, town):
    county_in_the_east(session)
    for name, east, county in (
        ("自家", 3 * S - 0.0004, "520402"),
        ("邻县", 3 * S + 0.0001, "520403"),
        ("不知", 3 * S - 0.0008, None),
    ):
        house = town.building(name, east, 1.2 * S, width=0.0001)
        house.county = county
        for room in range(10):
            town.household(house, f"{room + 1}01")
    place = shapely.Point(X + 3 * S + 0.0001, Y + 1.3 * S)
    session.add(
        Facility(
            code="f-east",
            county="520403",
            category="toilet",
            name="邻县公厕",
            geom=from_shape(place, 4490),
        )
    )
    session.commit()
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {"op": "split", "code": code(6), "line": line((1.9, 1.5), (3.1, 1.5))},
    )
    seen = preview.preview(session, LEAD, number)
    assert sum(grid.households[0] for grid in seen.grids) == 20
    assert sum(grid.households[1] for grid in seen.grids) == 20
    assert "f-east" not in {item.code for item in seen.moved}
    within = paintable_buildings(session, LEAD, number, code(6))
    assert {"自家", "不知"} <= {house.name for house in within}
    assert "邻县" not in {house.name for house in within}


def test_land_of_another_county_is_not_taken(session, town):
    east = county_in_the_east(session)
    over = {"op": "add", "geometry": land(3, 0, 4, 1), "parent": BASE}
    with pytest.raises(InvalidInput, match=f"belong to grid {east} of another county") as refusal:
        drafts.add_operation(session, LEAD, begin(session), over)
    zh = refusal.value.detail_in("zh")
    assert east in zh and "另一区县" in zh


def test_land_that_another_county_took_since_is_not_taken_twice(session, town):
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "add", "geometry": land(3, 0, 4, 1), "parent": BASE}
    )
    county_in_the_east(session)
    with pytest.raises(InvalidInput, match="of another county"):
        publish.publish(session, LEAD, number, "好", None)


def test_what_lies_over_another_county_already_can_still_be_edited(session, town):
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "add", "geometry": land(3, 0, 3.5, 3), "parent": BASE}
    )
    publish.publish(session, LEAD, number, "好", None)
    county_in_the_east(session)
    later = begin(session)
    both = {"op": "split", "code": code(10), "line": line((2.9, 1.5), (3.6, 1.4))}
    drafts.add_operation(session, LEAD, later, both)
    publish.publish(session, LEAD, later, "好", None)
    assert {code(10), code(11)} <= shapes_of(session).keys()


def test_taking_back_revives_only_the_codes_of_what_is_taken_back(session, town):
    merges = []
    for initial, second in ((8, 9), (1, 2)):
        merges.append(begin(session))
        merge = {"op": "merge", "codes": [code(initial), code(second)], "into": code(initial)}
        drafts.add_operation(session, LEAD, merges[-1], merge)
        publish.publish(session, LEAD, merges[-1], "好", None)
    back = publish.create_reverting_draft(session, LEAD, merges[1]).id
    with pytest.raises(InvalidInput, match=f"{code(9)}: used already"):
        drafts.add_operation(session, LEAD, back, CUT | {"codes": [code(5), code(9)]})
    other = begin(session)
    assert set(drafts.add_operation(session, LEAD, other, CUT).new_grids) == {code(10)}
    with pytest.raises(InvalidInput, match=f"{code(10)}: reserved by draft {other}"):
        drafts.add_operation(session, LEAD, back, CUT | {"codes": [code(5), code(10)]})
    publish.publish(session, LEAD, back, "好", None)
    assert code(2) in shapes_of(session) and code(9) not in shapes_of(session)
