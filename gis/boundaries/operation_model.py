"""The parts of an operation: its kind, its surroundings and its result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shapely.geometry.base import BaseGeometry

from gis.boundaries.household_counts import BuildingHouseholds
from gis.boundaries.operation_fields import OperationSpec
from gis.shapes.edits import ChangedGeometries, GridGeometries
from gis.shapes.polygon_coverage import PolygonLike


@dataclass
class OperationResult:
    """The result of an operation.

    op: The operation with its decisions filled in.
    changed: The new shapes by code, including neighbours that only gained a vertex. None means that
    the grid has no area any longer.
    new_grids: The parent (community) of each new grid by its code.
    names: Names given to new grids, by code.
    lineage: (kind, from, to), where the kind is split, merged or recoded.
    """

    op: OperationSpec
    changed: ChangedGeometries
    new_grids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lineage: list[tuple[str, str, str]] = field(default_factory=list)


class Surroundings(NamedTuple):
    """Queries of an operation about its surroundings.

    fresh_codes: Returns unused codes for a grid or community, in order.
    count_households: Returns the number of households on each of some shapes.
    read_homes: Returns the buildings near some shapes, with their households.
    sibling_names: Returns the names in the draft of some areas and of all beside them, by code;
    areas that no longer stand are left out.
    unit_grids: Returns the households of a ten-household unit by the grid they live in.
    """

    fresh_codes: Callable[[str], Iterator[str]]
    count_households: Callable[[Sequence[PolygonLike]], Sequence[int]]
    read_homes: Callable[[Sequence[PolygonLike]], BuildingHouseholds]
    sibling_names: Callable[[Sequence[str]], Mapping[str, str]]
    unit_grids: Callable[[str], Mapping[str, int]]


class OperationType:
    """One kind of operation.

    fields: Its fields, and whether each is required.
    named: Returns the codes of existing grids that it names.
    drawn: Returns its drawn shapes.
    do: Applies it.
    description: Code of the message that describes it.
    """

    def __init__(
        self,
        fields: Mapping[str, bool],
        named: Callable[[OperationSpec], Sequence[str]],
        drawn: Callable[[OperationSpec], list[BaseGeometry]],
        do: Callable[[OperationSpec, GridGeometries, Surroundings], OperationResult],
        description: str,
    ) -> None:
        self.fields, self.named, self.drawn, self.do, self.description = (
            fields,
            named,
            drawn,
            do,
            description,
        )
