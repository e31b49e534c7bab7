"""A report of one area: its mark, who has which facility, where one is missing, where to build."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.facilities.access_classes import AccessClasses, count_classes
from gis.facilities.access_score import AreaScore, score
from gis.facilities.access_store import require_categories
from gis.facilities.building_coverage import BuildingCoverage, read_by_category
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circles import require_limit
from gis.facilities.coverage_gaps import Gap, list_gaps
from gis.facilities.coverage_summary import AreaCoverage, sum_up
from gis.facilities.planning_land import land_of_area
from gis.facilities.siting_request import SitingAnswer, SitingRequest
from gis.facilities.siting_search import site

MAX_REPORTED_SITES = 5  # in a report


@dataclass(frozen=True)
class ReportQuery:
    """What a report is about.

    Attributes
    ----------
    area
        Code of a county, street, community or grid.
    category
        Key of `gis.facilities.categories`: the service of the map and of the gaps.
    minutes
        Walk that counts as served, 1 to 60.
    profile
        Who walks.
    sites
        How many new places are sought, 0 to MAX_REPORTED_SITES.
    open_at
        Only facilities open at this moment count, in the time zone of the place; None: all.
    """

    area: str
    category: str
    minutes: int = 15
    profile: str = "adult"
    sites: int = 0
    open_at: datetime | None = None


@dataclass(frozen=True)
class AreaReport:
    """The figures of an area.

    Attributes
    ----------
    name
        Of the area.
    buildings
        With their walks to the category that was asked about.
    by_category
        Coverage by key, of the category that was asked about and of every one of which the data
        hold a facility, anywhere.
    classes
        Households by class of minutes.
    score
        The mark of the area; None where nothing can be said.
    gaps
        The buildings that are not served, those with most people first.
    siting
        New places; None where none are sought.
    """

    query: ReportQuery
    name: str
    buildings: BuildingCoverage
    by_category: dict[str, AreaCoverage]
    classes: AccessClasses
    score: AreaScore | None
    gaps: list[Gap]
    siting: SitingAnswer | None

    @property
    def coverage(self) -> AreaCoverage:
        """Coverage of the category that was asked about."""
        return self.by_category[self.query.category]


def area_report(session: Session, query: ReportQuery, at: datetime) -> AreaReport:
    """Compute the report of an area.

    Parameters
    ----------
    at
        Whose boundaries count.

    Raises
    ------
    InvalidInput
        A category, profile or number is not possible, or the area is a unit or has no land.
    NotFound
        No area has the code.
    Unavailable
        No walking network is loaded.
    """
    if not 0 <= query.sites <= MAX_REPORTED_SITES:
        raise invalid_field("sites", "siting.sites_out_of_range", low=0, high=MAX_REPORTED_SITES)
    require_limit(query.minutes)
    require_categories([query.category])
    by_category = read_by_category(
        session, [*CATEGORY_BY_KEY], query.profile, query.area, open_at=query.open_at
    )
    buildings = by_category[query.category]
    level, name = session.execute(
        text("SELECT level, name FROM area WHERE code = :code"), {"code": query.area}
    ).one()
    marks = score(session, query.area, query.profile, by=level, open_at=query.open_at)
    mark = next(iter(marks), None)
    siting = None
    if query.sites:
        request = SitingRequest(
            query.category, query.sites, query.minutes, query.profile, open_at=query.open_at
        )
        siting = site(session, request, land=land_of_area(session, query.area, at))
    return AreaReport(
        query,
        name,
        buildings,
        {
            key: sum_up(session, by_category[key], [key], query.minutes)
            for key in (query.category, *(mark.by_category if mark else ()))
        },
        count_classes(buildings, query.minutes),
        mark,
        list_gaps(session, buildings, query.minutes),
        siting,
    )
