"""Coverage of a whole tier of a standard: each of its items, by area."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.facilities.building_coverage import nearest_of, read_by_category, require_level
from gis.facilities.circles import require_limit
from gis.facilities.coverage_summary import CoverageSummary, summarise
from gis.facilities.planned import PlannedFacility
from gis.facilities.standard_editions import active_rows
from gis.facilities.standards import TIERS, WALK_M_PER_MINUTE, Standard


@dataclass(frozen=True)
class ItemCoverage:
    """Who has what an item asks for.

    Attributes
    ----------
    standard
        The item.
    minutes
        The time in which an adult walks its distance; None where it names no distance.
    facilities
        How many the data hold, of all its categories and anywhere. With none of them the shares say
        more about the data than about the place.
    summary
        Coverage for that time; None where only a visit can say, since the item names no distance or
        no category of facilities.
    """

    standard: Standard
    minutes: float | None
    facilities: int
    summary: CoverageSummary | None

    def as_json(self) -> dict[str, object]:
        """Return the item as the API and the command show it."""
        figures = None if self.summary is None else self.summary.as_json()
        return {
            "item": self.standard.item,
            "zh": self.standard.zh,
            "en": self.standard.en,
            "categories": self.standard.categories,
            "metres": self.standard.metres,
            "minutes": None if self.minutes is None else round(self.minutes, 2),
            "required": self.standard.required,
            "secondary": self.standard.secondary,
            "facilities": self.facilities,
            "totals": figures and figures["totals"],
            "areas": figures and figures["areas"],
        }


def tier_coverage(
    session: Session,
    tier: str,
    profile: str = "adult",
    *,
    area: str | None = None,
    by: str = "community",
    open_at: datetime | None = None,
    planned: Sequence[PlannedFacility] = (),
) -> list[ItemCoverage]:
    """Sum up coverage of each item of a tier, in the order of the table.

    Parameters
    ----------
    tier
        A key of `TIERS`. Tiers do not include each other.
    profile
        Who walks. The time is the same for all: that of an adult for the distance of the standard.
    area, by, open_at
        As in `gis.facilities.coverage_summary.coverage`, which also says what is raised.
    planned
        Facilities that count as if they were there.

    Raises
    ------
    InvalidInput
        There is no such tier.
    Unavailable
        No table of standards is loaded.
    """
    if tier not in TIERS:
        raise invalid_field("tier", "input.not_among", value=tier, allowed=[*TIERS])
    rows = session.execute(text("SELECT category, count(*) FROM facility GROUP BY category"))
    counts = {row[0]: row[1] for row in rows}
    standards = active_rows(session, tier)
    level = require_level(by)
    categories = [key for standard in standards for key in standard.categories]
    buildings = (
        read_by_category(session, categories, profile, area, open_at=open_at, planned=planned)
        if categories
        else {}
    )
    items = []
    for standard in standards:
        minutes = None if standard.limit_m is None else standard.limit_m / WALK_M_PER_MINUTE
        summary = None
        if minutes is not None and standard.categories:
            nearest = nearest_of([buildings[key] for key in standard.categories])
            summary = summarise(
                session, nearest, standard.categories, require_limit(minutes), level
            )
        facilities = sum(counts.get(category, 0) for category in standard.categories)
        items.append(ItemCoverage(standard, minutes, facilities, summary))
    return items
