"""Figures as people read them: a rate with what it is of, few as a count, beside the period before.

The page and the spreadsheet take their values from here, so they agree.
"""

from dataclasses import dataclass

from flask_babel import gettext

from gis.incidents.reading.statistics import (
    HOUR_FIGURES,
    MIN_RATE_OF,
    RateCount,
    StatisticsRow,
    metric_label,
)
from gis.incidents.reading.statistics_sql import HOUR_EXPRESSIONS

WORSE_WHEN_HIGHER = frozenset({"overdue", "supervised", "returned", *HOUR_FIGURES})
NEUTRAL = frozenset({"reported", "open"})  # neither more nor less is better by itself


@dataclass(frozen=True)
class Cell:
    """A figure of a group.

    value: Number as text, empty where nothing is counted. unit: Behind it, as %. basis: What it is
    of, as "46 / 54". before: The same figure of the period before, with its basis; empty: there is
    none. change: Against it, with sign and unit, where both are of enough. tone: better or worse,
    or empty. share: 0 to 1, for a bar; None where the figure is no rate or of few.
    """

    value: str
    unit: str = ""
    basis: str = ""
    before: str = ""
    change: str = ""
    tone: str = ""
    share: float | None = None


def metric_title(name: str, language: str) -> str:
    """Return what a figure is called, as a heading begins."""
    text = metric_label(name, language)
    return text[:1].upper() + text[1:]


def percent(value: float) -> str:
    """Return a share as a percentage with one digit, without its sign."""
    return f"{value * 100:.1f}"


def fraction(rate: RateCount) -> str:
    """Return a rate as "46 / 54", with blanks that do not break."""
    return f"{rate.n:,}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{rate.of:,}"


def figure_cell(name: str, row: StatisticsRow, before: StatisticsRow | None) -> Cell:
    """Return a figure of a group beside that of the period before; None: there is none."""
    if name in row.rates:
        return _rate_cell(name, row.rates[name], before.rates[name] if before else None)
    if name in HOUR_FIGURES:
        return _hours_cell(name, row, before)
    value, previous = getattr(row, name), getattr(before, name) if before else None
    change, tone = _change(name, value, previous, "{:+,.0f}", "")
    if max(value, previous or 0) < MIN_RATE_OF:
        tone = ""  # of few, one more or less is chance
    return Cell(
        f"{value:,}", before="" if previous is None else f"{previous:,}", change=change, tone=tone
    )


def _rate_cell(name: str, rate: RateCount, before: RateCount | None) -> Cell:
    previous = _rate_text(before) if before and before.of else ""
    if rate.value is None:
        return Cell("", before=previous)
    if rate.is_small:
        return Cell(fraction(rate), before=previous)
    comparable = before.value if before and not before.is_small else None
    change, tone = _change(name, rate.value, comparable, "{:+.1f}", gettext("pp"), 100)
    return Cell(
        percent(rate.value),
        "%",
        fraction(rate),
        previous,
        change,
        tone,
        rate.value,
    )


def _rate_text(rate: RateCount) -> str:
    basis = fraction(rate)
    return basis if rate.is_small or rate.value is None else f"{percent(rate.value)}% ({basis})"


def _hours_cell(name: str, row: StatisticsRow, before: StatisticsRow | None) -> Cell:
    unit, counted = gettext("h"), HOUR_EXPRESSIONS[name][1]
    value, previous = getattr(row, name), getattr(before, name) if before else None
    text = "" if previous is None else f"{previous:.1f} {unit} ({getattr(before, counted)})"
    if value is None:
        return Cell("", before=text)
    count = getattr(row, counted)
    enough = before is not None and min(count, getattr(before, counted)) >= MIN_RATE_OF
    change, tone = _change(name, value, previous if enough else None, "{:+.1f}", unit)
    return Cell(f"{value:.1f}", unit, gettext("of %(n)s", n=f"{count:,}"), text, change, tone)


def _change(
    name: str,
    value: float,
    previous: float | None,
    pattern: str,
    unit: str,
    factor: float = 1,
) -> tuple[str, str]:
    """Return the difference as text, and whether it is better or worse; empty where there is none.

    It is that of the numbers as they are shown, so that who subtracts them gets the same.
    """
    if previous is None:
        return "", ""
    digits = 0 if ".0f" in pattern else 1
    difference = round(round(value * factor, digits) - round(previous * factor, digits), digits)
    if not difference:
        return "±0", ""
    text = pattern.format(difference).replace("-", "−")
    higher_is_worse = name in WORSE_WHEN_HIGHER
    tone = "" if name in NEUTRAL else "worse" if (difference > 0) == higher_is_worse else "better"
    return f"{text} {unit}".strip(), tone
