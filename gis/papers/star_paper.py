"""The table of stars (星级评定表): communities of an area in a year, by the published formula."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, any_, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.credit.formulas import formulas_of
from gis.credit.rules import STAR_SHARES
from gis.credit.stars import CommunityStars, list_stars, too_few_text
from gis.errors import NotFound, invalid_field
from gis.papers.data import EVERY, Content, Question, Row, marked_figures
from gis.papers.incident_papers import area_query
from gis.rights.principal import Principal
from gis.years import Year

STAR_COLUMNS = ("area_name", "code", *STAR_SHARES, "score", "stars", "reason")
RATED, NOT_RATED = "rated_communities", "not_rated"
STAR_FIGURES: Sequence[str] = (
    EVERY, RATED, NOT_RATED, *(f"with_stars_{count}" for count in range(1, 6)),
)  # fmt: skip


def read_stars(session: Session, by: Principal, question: Question) -> Content:
    """Return the communities of the area with shares, score and stars in the year.

    Raises
    ------
    InvalidInput
        The period is no year.
    NotFound
        No formula is published for the year.
    """
    period = question.period
    if not period.text.isdecimal():
        raise invalid_field("period", "paper.year_needed")
    within = func.in_counties([question.area_id], type_=ARRAY(BigInteger()))
    counties = set(session.scalars(select(Area.county).where(Area.id == any_(within))))
    year = Year(period.first.year, period.zone)
    formulas = formulas_of(session, "stars", year.number, counties)
    if not formulas:
        raise NotFound("formula.none", year=period.text)
    communities = list_stars(session, by, year, formulas, question.area, now=question.now)
    rows = [_row(community, question) for community in communities]
    return Content(marked_figures(rows, *STAR_FIGURES), rows)


def _row(community: CommunityStars, question: Question) -> Row:
    rating = community.rating
    marks = {NOT_RATED} if rating.stars is None else {RATED, f"with_stars_{rating.stars}"}
    return Row(
        {
            "area_name": community.name,
            "code": community.code,
            **community.shares,
            "score": rating.score,
            "stars": rating.stars,
            "reason": too_few_text(community, question.language),
        },
        frozenset(marks),
        area_query(question, "community") | {"key": community.code},
    )
