"""The figures as a table of a file: the numbers of the page, a column for each."""

from collections.abc import Sequence

from flask_babel import gettext

from gis.incidents.reading.statistics import (
    HOUR_FIGURES,
    METRICS,
    RATES,
    StatisticsRow,
    metric_label,
)

CellValue = str | int | float


def table_header(language: str, *, compared: bool) -> list[str]:
    """Return the headers of `table_values`."""
    header = []
    for name in METRICS:
        label = metric_label(name, language)
        header.append(label)
        if name in RATES:
            header += [
                gettext("%(what)s: counted", what=label),
                gettext("%(what)s: of", what=label),
            ]
        if compared:
            header.append(gettext("%(what)s: before", what=label))
            if name in RATES:
                header += [
                    gettext("%(what)s: counted before", what=label),
                    gettext("%(what)s: of before", what=label),
                ]
    return header


def table_values(
    row: StatisticsRow, before: StatisticsRow | None, *, compared: bool
) -> list[CellValue]:
    """Return the values of a row; a rate of few is left empty, as the page shows its count only.

    Rates are from 0 to 1. Hours are medians.
    """
    values: list[CellValue] = []
    for name in METRICS:
        values += _values(name, row)
        if compared:
            values += _values(name, before) if before else [""] * (3 if name in RATES else 1)
    return values


def _values(name: str, row: StatisticsRow) -> Sequence[CellValue]:
    if name in RATES:
        rate = row.rates[name]
        return ["" if rate.is_small or rate.value is None else rate.value, rate.n, rate.of]
    value = getattr(row, name)
    return ["" if value is None else round(value, 2) if name in HOUR_FIGURES else value]
