"""What stands in a paper: named figures and a table of rows, each with how to get it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from gis.incidents.reading.statistics import RateCount
from gis.messages import has_label, label
from gis.papers.period import Period
from gis.rights.actions import Action
from gis.rights.principal import Principal

Value = str | int | float | RateCount | None
MAX_PAPER_ROWS = 5000  # of one paper
EVERY = "rows"  # the mark of all rows


@dataclass(frozen=True)
class PaperRequest:
    """Which paper is asked for.

    paper: Key. area: Code; of a diary it does not count. period: A day, a week, a month or a year,
    as `parse_period` reads it. person: Code, for a diary; empty: that of who asks.
    """

    paper: str
    area: str
    period: str
    person: str = ""


@dataclass(frozen=True)
class Question:
    """Which paper of where and when. person: Code, for a paper of a person. language: Of texts.

    chains: Ids of the area and all above it; over counties those of each county. Of a paper of a
    person none.
    """

    area: str
    area_id: int
    area_name: str
    level: str
    chains: Sequence[Sequence[int]]
    period: Period
    now: datetime
    language: str
    person: str = ""

    @property
    def moment(self) -> datetime:
        """The moment of which what stands still is told: the end of the period, or now.

        Posts change hands at the first moment of a month: that one is the next month's.
        """
        return min(self.period.end, self.now)

    def require(self, by: Principal, action: Action) -> None:
        """Raise Forbidden unless an action is allowed in the whole area."""
        for chain in self.chains:
            by.require(action, chain)


@dataclass(frozen=True)
class Row:
    """A row of a paper.

    values: By column. marks: The figures that count it. query: What `/figures/rows` is asked for
    the incidents behind its figures; empty: they are the row itself. incident: That it is of.
    """

    values: Mapping[str, Value]
    marks: frozenset[str] = frozenset()
    query: Mapping[str, str] = field(default_factory=dict)
    incident: UUID | None = None


@dataclass(frozen=True)
class Figure:
    """A named figure. query: What `/figures/rows` is asked; empty: rows of the paper it marks."""

    key: str
    value: Value
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """The figures and rows of a paper. person: Name of whom it is of, for a paper of a person."""

    figures: Sequence[Figure]
    rows: Sequence[Row]
    person: str = ""


@dataclass(frozen=True)
class PaperData:
    """A paper that is filled in. columns: Of its rows, in order. subject: Area or person."""

    key: str
    question: Question
    columns: Sequence[str]
    figures: Sequence[Figure]
    rows: Sequence[Row]
    subject: str

    def marked(self, figure: str) -> list[Row]:
        """Return the rows that a figure counts."""
        return [row for row in self.rows if figure == EVERY or figure in row.marks]

    @property
    def query(self) -> dict[str, str]:
        """What the page of papers is asked for this one."""
        question = self.question
        query = {"paper": self.key, "area": question.area, "period": question.period.text}
        return query | ({"person": question.person} if question.person else {})

    def figure_path(self, figure: Figure) -> str:
        """Return the path and query of the page with the rows behind a figure."""
        if figure.query:
            return f"/figures/rows?{urlencode(figure.query)}"
        return f"/papers/rows?{urlencode(self.query | {'figure': figure.key})}"

    def cell_path(self, row: Row, column: str) -> str:
        """Return the path and query of the page behind a cell; empty: it is no figure."""
        if column == "number" and row.incident is not None:
            return f"/desk?{urlencode({'incident': row.incident, 'state': ''})}"
        if row.query and has_label(f"metric.{column}") and row.values[column] is not None:
            return f"/figures/rows?{urlencode({**row.query, 'metric': column})}"
        return ""


def marked_figures(rows: Sequence[Row], *keys: str) -> list[Figure]:
    """Return a figure for each key: how many rows it marks."""
    return [Figure(key, sum(key == EVERY or key in row.marks for row in rows)) for key in keys]


def field_label(key: str, language: str) -> str:
    """Return what a figure or column is called."""
    for family in ("paper_field", "metric", "list_column"):
        if has_label(f"{family}.{key}", language):
            return label(f"{family}.{key}", language)
    return key


def paper_label(key: str, language: str) -> str:
    """Return what a paper is called."""
    return label(f"paper.{key}", language)


def value_text(value: Value) -> str:
    """Return a value as it is written in a text; a rate of few as a count."""
    if value is None:
        return "—"
    if isinstance(value, RateCount):
        if value.value is None:
            return "—"
        return f"{value.n} / {value.of}" if value.is_small else f"{value.value * 100:.1f}%"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
