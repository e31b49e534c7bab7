"""Stars of communities: shares of their incidents, weighed by a published formula.

A share does not grow with the size of a community. One with too few incidents for a share that
the formula weighs is not rated. An incident counts in the year of its report, where it lies now.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.credit.formulas import Formula
from gis.credit.models import StarShare
from gis.credit.rules import MINIMUM, STAR_SHARES, THRESHOLDS
from gis.incidents.reading.filters import area_id
from gis.incidents.reading.statistics import RateCount, grouped_statistics, metric_label
from gis.incidents.reading.statistics_sql import Scope
from gis.messages import Message, render
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year

NO_SHARE = RateCount(0, 0)
Shares = Mapping[str, RateCount]

# communities of counties that a principal may read figures of as a whole
STAR_COMMUNITIES_SQL = """
WITH RECURSIVE up AS (
  SELECT id AS community, id, parent_id FROM area
  WHERE level = 'community' AND county = ANY(:counties)
    AND (retired_at IS NULL OR retired_at > :since)
  UNION ALL SELECT up.community, a.id, a.parent_id FROM up JOIN area a ON a.id = up.parent_id
)
SELECT a.id, a.code, a.name, a.county FROM up JOIN area a ON a.id = up.community
GROUP BY a.id
HAVING (CAST(:areas AS bigint[]) IS NULL OR array_agg(up.id) && CAST(:areas AS bigint[]))
  AND (CAST(:area AS bigint) IS NULL OR :area = ANY(array_agg(up.id)))
ORDER BY a.code
"""


@dataclass(frozen=True)
class Rating:
    """What a formula makes of shares.

    score: 0 to 100. stars: 1 to 5. too_few: Shares that are of fewer than the formula asks; then
    there is neither score nor stars.
    """

    score: float | None
    stars: int | None
    too_few: tuple[str, ...]


@dataclass(frozen=True)
class CommunityStars:
    """A community with its shares and its stars.

    now: Of a year that is closed, what the same formula would make of it today, where that is
    another rating; else None.
    """

    code: str
    name: str
    county: str
    shares: Shares
    rating: Rating
    now: Rating | None


def rate(formula: Formula, shares: Shares) -> Rating:
    """Return the score of shares: their mean by weight, to one digit, and the stars that it is.

    One star, and one more for each threshold reached.
    """
    values = {rule.fact: rule.value for rule in formula.rules}
    weights = {name: values[name] for name in STAR_SHARES if name in values}
    too_few = tuple(name for name in weights if shares.get(name, NO_SHARE).of < values[MINIMUM])
    if too_few:
        return Rating(None, None, too_few)
    weighted = sum(weight * shares[name].n / shares[name].of for name, weight in weights.items())
    score = round(100 * weighted / sum(weights.values()), 1)
    return Rating(score, 1 + sum(score >= values[key] for key in THRESHOLDS), ())


def too_few_text(community: CommunityStars, language: str) -> str:
    """Return why a community is not rated; empty if it is."""
    if not community.rating.too_few:
        return ""
    few = [
        Message(
            "formula_text.few",
            {"share": metric_label(name, language), "of": community.shares[name].of},
        )
        for name in community.rating.too_few
    ]
    return render(Message("formula_text.too_few", {"shares": few}), language)


def list_stars(
    session: Session,
    by: Principal,
    year: Year,
    formulas: Mapping[str, Formula],
    area: str = "",
    *,
    now: datetime,
) -> list[CommunityStars]:
    """List the communities with their stars, by code.

    Parameters
    ----------
    by
        Needs Action.FIGURES; communities of which it may read the figures as a whole are listed.
    formulas
        By county; a community of a county without one is left out.
    area
        Code; only communities in it.

    Raises
    ------
    Forbidden
        The principal may not read figures.
    InvalidInput
        There is no such area.
    """
    by.require(Action.FIGURES)
    allowed = by.areas_of([Action.FIGURES])
    params = {
        "counties": sorted(formulas),
        "since": year.since,
        "areas": None if allowed is None else sorted(allowed),
        "area": area_id(session, area) if area else None,
    }
    communities = session.execute(text(STAR_COMMUNITIES_SQL), params).all()
    current = _shares(session, by, year, area, now) if communities else {}
    stored = _stored(session, formulas.values())
    rows = []
    for row in communities:
        formula, shares = formulas[row.county], current.get(row.code, {})
        closed = formula.closed_at is not None
        handed_up = stored.get((formula.id, row.id), {}) if closed else shares
        rating, today = rate(formula, handed_up), rate(formula, shares)
        late = today if today != rating else None
        rows.append(
            CommunityStars(
                row.code,
                row.name,
                row.county,
                {name: handed_up.get(name, NO_SHARE) for name in STAR_SHARES},
                rating,
                late,
            )
        )
    return rows


def _shares(
    session: Session, by: Principal, year: Year, area: str, now: datetime
) -> dict[str, Shares]:
    """Return the shares of each community (code) as the figures have them now."""
    scope = Scope(year.since, year.until, now, "community", area, year.zone.key)
    groups = grouped_statistics(session, by, scope)[1]
    return {group.key: group.rates for group in groups if group.key}


def _stored(
    session: Session, formulas: Collection[Formula]
) -> dict[tuple[int, int], dict[str, RateCount]]:
    """Return the shares that were stored of closed years, by edition and area."""
    closed = [formula.id for formula in formulas if formula.closed_at is not None]
    shares: dict[tuple[int, int], dict[str, RateCount]] = {}
    for row in session.scalars(select(StarShare).where(StarShare.edition_id.in_(closed))):
        shares.setdefault((row.edition_id, row.area_id), {})[row.metric] = RateCount(row.n, row.of)
    return shares


def store_stars(
    session: Session, by: Principal, year: Year, formula: Formula, now: datetime
) -> None:
    """Store the shares of a year as they are now, for a formula that is being closed."""
    codes = select(Area.code, Area.id).where(Area.county == formula.county)
    ids = dict(session.execute(codes).all())
    rows = [
        {"edition_id": formula.id, "area_id": ids[row.code], "metric": name}
        | {"n": share.n, "of": share.of}
        for row in list_stars(session, by, year, {formula.county: formula}, now=now)
        for name, share in row.shares.items()
    ]
    if rows:
        session.execute(insert(StarShare), rows)
