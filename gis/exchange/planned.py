"""Planned facilities of a file: an answer of siting, a table, or a map file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import shapely
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, TooLarge
from gis.exchange.candidates import places_of_table, read_candidates
from gis.exchange.columns import CANDIDATES, FACILITY_COLUMNS
from gis.facilities.categories import CATEGORIES, CATEGORY_BY_KEY
from gis.facilities.category_words import key_of_word
from gis.facilities.planned import MAX_PLANNED, PlannedFacility
from gis.facilities.siting_inputs import CandidatePlace
from gis.files.tables import TEXTS, WORKBOOKS
from gis.messages import Message

CATEGORY = next(column for column in FACILITY_COLUMNS if column.key == "category")
COLUMNS = (*CANDIDATES, replace(CATEGORY, needed=False))
MAX_JSON_BYTES = 20_000_000


def read_planned(
    session: Session, path: Path, category: str | None = None, crs: str | None = None
) -> tuple[PlannedFacility, ...]:
    """Read the facilities of a plan.

    Parameters
    ----------
    path
        The JSON of `./wangge siting --json`; a table of facilities with or without their category;
        or a map file of points or parcels, of which a point inside counts.
    category
        Key of the category where the file names none.
    crs
        System of the coordinates where the file names none.

    Raises
    ------
    InvalidInput
        The file cannot be read, or a row of it is no place or says no category.
    TooLarge
        The file is beyond the limits of its format, or plans more than MAX_PLANNED.
    """
    ending = path.suffix.lower()
    if ending == ".json" and (siting := _siting_answer(path)) is not None:
        planned = _sites(path, siting)
    elif ending in TEXTS + WORKBOOKS:
        planned = [
            _planned(path, row.number, row["category"] or category, candidate)
            for row, candidate in places_of_table(session, path, crs, COLUMNS)
        ]
    else:
        planned = [
            _planned(path, number, category, candidate)
            for number, candidate in enumerate(read_candidates(session, path, crs), 1)
        ]
    if len(planned) > MAX_PLANNED:
        raise TooLarge("snapshot.too_many_planned", limit=MAX_PLANNED)
    return tuple(planned)


def _planned(
    path: Path, row: int, category: str | None, candidate: CandidatePlace
) -> PlannedFacility:
    key = key_of_word(category) if category else None
    if key is None:
        params = {"categories": "、".join(choice.zh for choice in CATEGORIES)}
        raise InvalidInput(
            "siting.row_refused",
            file=path.name,
            row=Message("load.row", {"row": str(row)}),
            reason=Message("facility_row.category_unknown", params | {"category": category})
            if category
            else Message("planned.no_category"),
        )
    point = shapely.point_on_surface(candidate.shape)
    return PlannedFacility(key, candidate.code, candidate.name, point.x, point.y)


def _siting_answer(path: Path) -> dict[str, Any] | None:
    """Return an answer of siting; None if the file holds something else, as a map.

    Raises
    ------
    InvalidInput
        There is no such file.
    """
    if not path.is_file():
        raise InvalidInput("file.not_found", file=str(path))
    if path.stat().st_size > MAX_JSON_BYTES:
        return None
    try:
        answer = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) and "sites" in answer else None


def _sites(path: Path, answer: dict[str, Any]) -> list[PlannedFacility]:
    try:
        return [
            PlannedFacility(
                _require_key(answer["category"]),
                str(site["code"]),
                str(site["name"]),
                *_position(site["lon"], site["lat"]),
            )
            for site in answer["sites"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("planned.not_a_siting", file=path.name) from error


def _require_key(value: object) -> str:
    if value not in CATEGORY_BY_KEY:
        raise ValueError(value)
    return str(value)


def _position(lon: float, lat: float) -> tuple[float, float]:
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # and so no NaN
        raise ValueError(lon, lat)
    return float(lon), float(lat)
