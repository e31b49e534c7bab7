"""The table of papers, and how one is filled in for an area and a period."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.errors import invalid_field
from gis.papers import building_paper, incident_papers, people_papers, star_paper
from gis.papers.data import Content, PaperData, PaperRequest, Question
from gis.papers.period import parse_period
from gis.people.area_chains import area_chains
from gis.rights.actions import Action
from gis.rights.principal import Principal


@dataclass(frozen=True)
class Paper:
    """A paper. What it is called is `paper.KEY` in the catalogue of messages.

    period: The kind that it is usually of, one of `period.KINDS`. is_of_person: Whether it is of a
    person and not of an area. is_export: Whether a file of it takes Action.EXPORT, since it names
    people or holds what they wrote.
    """

    key: str
    period: str
    read: Callable[[Session, Principal, Question], Content]
    figures: Sequence[str]
    columns: Sequence[str]
    is_of_person: bool = False
    is_export: bool = True


PAPER_TABLE = (
    Paper(
        "ledger",
        "month",
        incident_papers.read_ledger,
        incident_papers.LEDGER_FIGURES,
        incident_papers.LEDGER_COLUMNS,
    ),
    *(
        Paper(
            key,
            period,
            incident_papers.read_report,
            incident_papers.REPORT_FIGURES,
            incident_papers.REPORT_COLUMNS,
            is_export=False,
        )
        for key, period in (("daily", "day"), ("weekly", "week"), ("monthly", "month"))
    ),
    Paper(
        "members",
        "month",
        people_papers.read_members,
        people_papers.MEMBER_FIGURES,
        people_papers.MEMBER_COLUMNS,
    ),
    Paper(
        "follow_ups",
        "month",
        people_papers.read_visits,
        people_papers.VISIT_FIGURES,
        people_papers.VISIT_COLUMNS,
    ),
    Paper(
        "stars",
        "year",
        star_paper.read_stars,
        star_paper.STAR_FIGURES,
        star_paper.STAR_COLUMNS,
        is_export=False,
    ),
    Paper(
        "buildings",
        "day",
        building_paper.read_buildings,
        building_paper.FIGURES,
        building_paper.COLUMNS,
    ),
    Paper(
        "roster",
        "day",
        people_papers.read_roster,
        people_papers.ROSTER_FIGURES,
        people_papers.ROSTER_COLUMNS,
    ),
    Paper(
        "diary",
        "day",
        people_papers.read_diary,
        people_papers.DIARY_FIGURES,
        people_papers.DIARY_COLUMNS,
        is_of_person=True,
        is_export=False,
    ),
)
PAPER_BY_KEY = {paper.key: paper for paper in PAPER_TABLE}


def find_paper(key: str) -> Paper:
    """Return a paper.

    Raises
    ------
    InvalidInput
        There is none of the key.
    """
    if key not in PAPER_BY_KEY:
        allowed = list(PAPER_BY_KEY)
        raise invalid_field("paper", "field.none_of", value=key[:40], allowed=allowed)
    return PAPER_BY_KEY[key]


def fill(
    session: Session,
    by: Principal,
    request: PaperRequest,
    now: datetime,
    zone: ZoneInfo,
    language: str = "zh",
) -> PaperData:
    """Return a paper of an area and a period, as far as the principal may see what stands in it.

    Parameters
    ----------
    by
        Needs Action.FIGURES in the area, and for a ledger or visits Action.READ, for a paper that
        names people Action.NAMES. A diary is for its person and for who leads them.

    Raises
    ------
    InvalidInput
        There is no such paper or area, or the period is none.
    NotFound
        The diary is of nobody that the principal may read of, or no formula is published for the
        stars of the year.
    Forbidden
        It is not for the principal.
    TooLarge
        It has more rows than a paper holds.
    """
    paper, area = find_paper(request.paper), request.area
    dates = parse_period(request.period, zone)
    if paper.is_of_person:
        question = Question("", 0, "", "", (), dates, now, language, request.person)
    else:
        row = session.execute(
            select(Area.id, Area.code, Area.name, Area.level).where(Area.code == area)
        ).one_or_none()
        if row is None:
            raise invalid_field("area", "field.area_unknown", code=area[:40])
        chains = area_chains(session, row.id, min(dates.end, now))
        question = Question(row.code, row.id, row.name, row.level, chains, dates, now, language)
        question.require(by, Action.FIGURES)
    content = paper.read(session, by, question)
    subject = content.person or question.area_name
    return PaperData(paper.key, question, paper.columns, content.figures, content.rows, subject)


def require_file(by: Principal, data: PaperData) -> None:
    """Let through who may take a paper away as a file.

    Raises
    ------
    Forbidden
        Taking data out of its area is not allowed.
    """
    if PAPER_BY_KEY[data.key].is_export:
        data.question.require(by, Action.EXPORT)
