"""A report of one area: its mark, who has which facility, where one is missing, where to build."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.facilities.access_classes import AccessClasses, access_classes
from gis.facilities.access_score import AreaScore, score
from gis.facilities.access_store import read_labels
from gis.facilities.building_coverage import BuildingCoverage, read_buildings
from gis.facilities.categories import CATEGORIES
from gis.facilities.coverage_gaps import Gap, gaps
from gis.facilities.coverage_summary import AreaCoverage, coverage, sum_up
from gis.facilities.planning_land import land_of_area
from gis.facilities.siting_request import SitingAnswer, SitingRequest
from gis.facilities.siting_search import site

MAX_SITES = 5  # in a report


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
        How many new places are sought, 0 to MAX_SITES.
    """

    area: str
    category: str
    minutes: int = 15
    profile: str = "adult"
    sites: int = 0


@dataclass(frozen=True)
class AreaReport:
    """The figures of an area.

    Attributes
    ----------
    name
        Of the area.
    coverage
        Of the category that was asked about.
    by_category
        Coverage by key, of every category of which the data hold a facility, anywhere.
    classes
        Households by class of minutes.
    score
        The mark of the area; None where nothing can be said.
    gaps
        The buildings that are not served, those with most people first.
    siting
        New places; None where none are sought.
    network_version, computed_at, flat
        Of the walks.
    """

    query: ReportQuery
    name: str
    coverage: AreaCoverage
    by_category: dict[str, AreaCoverage]
    classes: AccessClasses
    score: AreaScore | None
    gaps: list[Gap]
    siting: SitingAnswer | None
    network_version: str
    computed_at: datetime
    flat: bool


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
    if not 0 <= query.sites <= MAX_SITES:
        raise invalid_field("sites", "siting.sites_out_of_range", low=0, high=MAX_SITES)
    asked = ([query.category], query.minutes, query.profile)
    summary = coverage(session, *asked, area=query.area)
    buildings = read_buildings(session, [query.category], query.profile, query.area)
    level, name = session.execute(
        text("SELECT level, name FROM area WHERE code = :code"), {"code": query.area}
    ).one()
    marks = score(session, query.area, query.profile, by=level)
    siting = None
    if query.sites:
        request = SitingRequest(query.category, query.sites, query.minutes, query.profile)
        siting = site(session, request, land=land_of_area(session, query.area, at))
    return AreaReport(
        query,
        name,
        summary.totals,
        _by_category(session, buildings, query.minutes),
        access_classes(session, *asked, area=query.area),
        next(iter(marks), None),
        gaps(session, *asked, area=query.area),
        siting,
        summary.network_version,
        summary.computed_at,
        summary.flat,
    )


def _by_category(
    session: Session, buildings: BuildingCoverage, minutes: int
) -> dict[str, AreaCoverage]:
    """Return the coverage of each category of which the data hold a facility, most daily first."""
    ordered = sorted(CATEGORIES, key=lambda category: category.rank)
    labels = read_labels(session, buildings.walker, [category.key for category in ordered])
    return {
        key: sum_up(session, buildings.with_labels(each), [key], minutes)
        for key, each in labels.items()
        if (each.facility >= 0).any()
    }
