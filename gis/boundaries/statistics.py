"""The figures of a boundary revision, stored with the publication so that they stay unchanged.

Holders and incidents are stored by id, and filled in for each reader: see
`gis.boundaries.preview.seen_by`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import shapely
from sqlalchemy.orm import Session

from gis.areas.models import Publication, RevisionState
from gis.shapes.polygon_coverage import PolygonLike


class PreviewIssue(NamedTuple):
    """An unusual fact. severity: refused (blocks publication) or warning. place: lon, lat."""

    kind: str
    severity: str
    codes: tuple[str, ...]
    zh: str
    en: str
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class GridChange:
    """A grid before and after. change: new, gone or changed.

    Pairs are (before, after), areas in square metres.
    """

    code: str
    name: str
    community: str
    change: str
    area_m2: tuple[float, float]
    households: tuple[int, int]
    people: tuple[int, int]
    buildings: tuple[int, int]
    units: tuple[int, int]
    compactness: tuple[float | None, float | None]
    before: PolygonLike | None
    after: PolygonLike | None


class TransferredPiece(NamedTuple):
    """Area that changes grid; None is the side without a grid.

    Square metres; degrees, EPSG:4490.
    """

    start: str | None
    end: str | None
    area_m2: float
    households: int
    people: int
    shape: PolygonLike


class MovedFeature(NamedTuple):
    """A building, unit, post or facility that changes grid, by codes of grids.

    holder_id: Holder of the post.
    holder: Name of the holder, if the principal may know it.
    """

    kind: str
    code: str
    name: str
    start: str | None
    end: str | None
    households: int = 0
    holder: str | None = None
    holder_id: int | None = None


class CommunityChange(NamedTuple):
    """A community whose land changes, before and after: pairs, areas in square metres."""

    code: str
    name: str
    grids: tuple[int, int]
    households: tuple[int, int]
    people: tuple[int, int]
    area_m2: tuple[float, float]


class BorderCrossing(NamedTuple):
    """Land that goes from one community to another, by their codes."""

    start: str
    end: str
    area_m2: float
    households: int
    people: int


class NameChange(NamedTuple):
    """An area with another name; level is that of its code."""

    code: str
    level: str
    old: str
    new: str


class CodeChange(NamedTuple):
    """A grid that goes on under another code."""

    old: str
    new: str
    name: str


class SettledUnit(NamedTuple):
    """A unit settled on a grid by hand; in_draft: by this revision, else by an earlier one."""

    unit: str
    name: str
    grid: str
    households: dict[str, int]
    in_draft: bool


@dataclass(frozen=True)
class Preview:
    """All changes of a revision.

    incidents: Number of open incidents that change grid, by (from, to); None if hidden.
    incident_ids: Those the principal may see.
    open_incidents: All of them, as (id, from, to); never displayed.
    redrawn: The old and new shapes of all grids that differ, if only by a vertex.
    communities: The communities whose land changes, and `crossings` what goes from which to which.
    """

    revision: int
    title: str
    state: str
    grids: list[GridChange]
    pieces: list[TransferredPiece]
    moved: list[MovedFeature]
    incidents: dict[tuple[str | None, str | None], int] | None
    incident_ids: list[str]
    problems: list[PreviewIssue]
    names: dict[str, str] = field(default_factory=dict)
    open_incidents: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    redrawn: dict[str, tuple[PolygonLike | None, PolygonLike | None]] = field(default_factory=dict)
    communities: list[CommunityChange] = field(default_factory=list)
    crossings: list[BorderCrossing] = field(default_factory=list)
    renamed: list[NameChange] = field(default_factory=list)
    recoded: list[CodeChange] = field(default_factory=list)
    settled: list[SettledUnit] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, int]:
        """How many of each change hands."""
        kinds = Counter(feature.kind for feature in self.moved)
        return {
            "grids": len(self.grids),
            "households": sum(piece.households for piece in self.pieces),
            "people": sum(piece.people for piece in self.pieces),
            "buildings": kinds["building"],
            "units": kinds["unit"],
            "posts": kinds["post"],
            "facilities": kinds["facility"],
            "incidents": sum((self.incidents or {}).values()),
        }


# Lists of a preview whose rows are plain values.
PREVIEW_LISTS: dict[str, Any] = {
    "communities": CommunityChange,
    "crossings": BorderCrossing,
    "renamed": NameChange,
    "recoded": CodeChange,
    "settled": SettledUnit,
}


def store(session: Session, changes: Preview) -> None:
    """Write the figures of a publication, once."""
    session.add(Publication(revision_id=changes.revision, figures=to_json(changes)))
    session.flush()


def stored(session: Session, number: int) -> Preview | None:
    """Return the stored figures of a publication.

    None for loads, and for publications before migration 0011.
    """
    row = session.get(Publication, number)
    return None if row is None else from_json(row.figures)


def to_json(changes: Preview) -> dict[str, Any]:
    """Return a preview as JSON, shapes as WKB in hex."""
    every = replace(
        changes,
        state=RevisionState.PUBLISHED.value,
        grids=[],
        pieces=[],
        moved=[],
        problems=[],
        redrawn={},
        communities=[],
        crossings=[],
        renamed=[],
        recoded=[],
        settled=[],
    )
    return asdict(every) | {
        **{key: [item._asdict() for item in getattr(changes, key)] for key in PREVIEW_LISTS},
        "grids": [
            vars(item) | {"before": _hex(item.before), "after": _hex(item.after)}
            for item in changes.grids
        ],
        "pieces": [item._asdict() | {"shape": _hex(item.shape)} for item in changes.pieces],
        "moved": [item._asdict() for item in changes.moved],
        "problems": [item._asdict() for item in changes.problems],
        "redrawn": {
            code: [_hex(shape) for shape in pair] for code, pair in changes.redrawn.items()
        },
    }


def from_json(figures: Mapping[str, Any]) -> Preview:
    """Return a preview from the JSON of `to_json`."""
    grids = [
        GridChange(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in item.items()
            }
            | {"before": _shape(item["before"]), "after": _shape(item["after"])}
        )
        for item in figures["grids"]
    ]
    problems = [
        PreviewIssue(
            **item
            | {"codes": tuple(item["codes"]), "place": item["place"] and tuple(item["place"])}
        )
        for item in figures["problems"]
    ]
    pieces = [
        TransferredPiece(**item | {"shape": _shape(item["shape"])}) for item in figures["pieces"]
    ]
    return Preview(
        **dict(figures)
        | {
            "grids": grids,
            "pieces": pieces,
            "moved": [MovedFeature(**item) for item in figures["moved"]],
            "problems": problems,
            "open_incidents": [tuple(item) for item in figures["open_incidents"]],
            **{
                key: [_row(kind, item) for item in figures.get(key, ())]
                for key, kind in PREVIEW_LISTS.items()
            },
            "redrawn": {
                code: tuple(_shape(item) for item in pair)
                for code, pair in figures["redrawn"].items()
            },
        }
    )


def _row(kind: Any, item: Mapping[str, Any]) -> Any:
    return kind(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    )


def _hex(shape: PolygonLike | None) -> str | None:
    return None if shape is None else str(shapely.to_wkb(shape, hex=True))


def _shape(wkb: str | None) -> Any:
    return None if wkb is None else shapely.from_wkb(wkb)
