"""Stars of communities: of shares, not of counts; too few are not rated; a closed year stays."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import update
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.credit.closing import close_year
from gis.credit.formulas import formulas_of, publish
from gis.credit.points import list_points
from gis.credit.rules import DEFAULT_RULES, MINIMUM, THRESHOLDS, Rule
from gis.credit.stars import CommunityStars, list_stars, too_few_text
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.incidents.models import Incident
from gis.incidents.working_time import ZONE
from gis.papers.data import PaperData
from gis.papers.document import paper_document
from gis.papers.workbook import paper_workbook
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from gis.years import Year
from tests.support.paper_town import PaperTown, at

YEAR = Year(2026, ZONE)
US = system_principal("test")
STEPS = tuple(Rule(key, "", 20 * step) for step, key in enumerate(THRESHOLDS, 1))
RULES = (Rule("in_time", "", 30), Rule("completion", "", 10), *STEPS, Rule(MINIMUM, "", 1))


@pytest.fixture
def town(session: Session) -> PaperTown:
    """A community with three incidents: one closed, one taken, one that waits."""
    return PaperTown(session)


def offer(town: PaperTown, *rules: Rule, base: int = 0) -> None:
    """Publish a formula."""
    county = town.town.county.code
    publish(town.session, US, "stars", county, YEAR, rules, base=base, now=at("08:00"))


def stars(
    town: PaperTown, by: Principal = US, area: str = "", now: datetime | None = None
) -> list[CommunityStars]:
    """The communities that somebody sees."""
    formulas = formulas_of(town.session, "stars", 2026, [town.town.county.code])
    return list_stars(town.session, by, YEAR, formulas, area, now=now or at("15:00"))


def test_stars_are_of_shares_and_each_reads_whole_communities_only(town: PaperTown) -> None:
    assert stars(town) == []  # no formula
    offer(town, *RULES)
    town.town.area("community", "520402007013", "东兴社区", town.town.street)
    first, second = stars(town)
    # in time 1 of 2 weighs 30, closed 1 of 3 weighs 10: (15 + 10 / 3) / 40
    assert (first.rating.score, first.rating.stars, first.now) == (45.8, 3, None)
    assert (second.rating.score, second.rating.stars) == (None, None)
    assert (
        too_few_text(second, "en") == "not rated, of too few: handled in time 0, completion rate 0"
    )
    for area, codes in (
        (town.town.county, ["520402007012", "520402007013"]),
        (town.town.community, ["520402007012"]),
        (town.grids[0], []),  # its figures are of a part of the community
    ):
        by = Principal("account", "a", {Action.FIGURES: frozenset({area.id})})
        assert [row.code for row in stars(town, by)] == codes
        assert [row.code for row in stars(town, US, area.code)] == codes
    offer(town, *RULES[:-1], Rule(MINIMUM, "", 3), base=1)
    assert stars(town)[0].rating.too_few == ("in_time",)
    called = stars(town)[0].shares["followed_up"]
    town.do(town.ids[2], "handle", "10:20", "网格员2", note="清了")
    due = update(Incident).where(Incident.id == town.ids[2])
    town.session.execute(due.values(follow_up_due_at=at("14:00")))  # nobody called
    late = stars(town)[0].shares["followed_up"]
    assert (called.n, called.of, late.n, late.of) == (1, 1, 1, 2)


def test_a_city_has_the_stars_and_points_of_its_counties(town: PaperTown) -> None:
    session, county = town.session, town.town.county
    city, empty = (
        Area(code=code, level="city", name=name, county=code)
        for code, name in (("520400", "安顺市"), ("520300", "遵义市"))
    )
    session.add_all([city, empty])
    session.flush()
    county.parent = city
    session.flush()
    offer(town, *RULES)
    for area, count in ((city, 1), (empty, 0)):
        assert len(stars(town, US, area.code)) == count
    assert len(town.fill("stars", area=city.code, period="2026").rows) == 1
    us, now, rules = US, at("15:00"), DEFAULT_RULES["points"]
    session.execute(update(Incident).values(role="volunteer_team"))  # who took them are volunteers
    formula = publish(session, us, "points", county.code, YEAR, rules, base=0, now=now)
    for area, owners in ((city, 2), (empty, 0)):
        assert len(list_points(session, us, YEAR, [formula], area.code)) == owners


def test_a_closed_year_keeps_its_stars_beside_those_of_now(town: PaperTown) -> None:
    offer(town, *RULES)
    after = datetime(2027, 1, 5, tzinfo=UTC)
    # the two that are not done are late by then: in time 1 of 3
    close_year(town.session, US, "stars", town.town.county.code, YEAR, after)
    (row,) = stars(town, now=after)
    assert (row.rating.score, row.shares["in_time"].of, row.now) == (33.3, 3, None)
    town.do(town.ids[0], "reopen", "15:00", "赵社工", note="又堆了")
    (late,) = stars(town, now=after)
    assert (late.rating, late.shares) == (row.rating, row.shares)
    assert late.now and late.now.score == 0.0


def test_the_paper_of_stars_is_filled_from_the_formula(town: PaperTown) -> None:
    def fill(period: str = "2026") -> PaperData:
        return town.fill("stars", None, period=period)

    with pytest.raises(NotFound):
        fill()
    offer(town, *DEFAULT_RULES["stars"][:-1], Rule(MINIMUM, "", 1))
    with pytest.raises(InvalidInput):
        fill("2026-11")
    data = fill()
    (row,) = data.rows
    assert row.values["area_name"] == "西兴社区" and row.values["stars"] is None
    assert "满意率 0件" in str(row.values["reason"])
    assert {each.key: each.value for each in data.figures}["not_rated"] == 1
    address = data.cell_path(row, "in_time")
    assert "metric=in_time" in address and "per=community" in address and "key=" in address
    town.session.get(Incident, (town.town.county.code, town.ids[0])).rating = 5  # type: ignore[union-attr]
    town.session.flush()
    with pytest.raises(Forbidden):
        town.fill("stars", town.who("网格长"), period="2026")
    data = fill()
    (row,) = data.rows
    sheet = load_workbook(BytesIO(paper_workbook(data, "https://w.example"))).active
    assert sheet is not None and paper_document(data, "https://w.example").startswith(b"PK")
    assert "西兴社区" in {cell.value for column in sheet.columns for cell in column}
    assert (row.values["score"], row.values["stars"]) == (80.0, 4)
