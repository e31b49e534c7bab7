"""Operations on names, codes and communities of grids, and on the grids of ten-household units.

None of them moves a border. A grid that gets another code, and with it perhaps another community,
is another area from then on: the old one ends with lineage, as codes are never used again. No
database.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from shapely.geometry.base import BaseGeometry

from gis.areas import codes as patterns
from gis.areas.models import Level
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.operation_model import OperationResult, OperationType, Surroundings
from gis.errors import InvalidInput, NotFound, invalid_field
from gis.shapes.edits import GridGeometries

RECODING = ("move_to", "recode")  # operations after which a grid goes on under another code


def names_given(op: OperationSpec) -> dict[str, str]:
    """Return the names that a renaming gives, by code; of other operations nothing."""
    if op["op"] != "rename":
        return {}
    return dict(op["names"]) if "names" in op else {op["code"]: op["name"]}


def require_own_names(
    names: Mapping[str, str], siblings: Mapping[str, str], gone: Sequence[str] = ()
) -> None:
    """Refuse names that another area of the same parent has.

    Parameters
    ----------
    names
        The new names by code.
    siblings
        The names of these areas and of those beside them, by code, before.
    gone
        Codes that stand no more.

    Raises
    ------
    InvalidInput
        Another area has one of the names, or two of the new ones are the same.
    """
    new_names = {code: name for code, name in siblings.items() if code not in gone} | dict(names)
    for code, other in name_faults(list(names), new_names).items():
        raise invalid_field("name", "rename.name_taken", name=names[code], code=code, other=other)


def name_faults(codes: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return another area of the same parent with the same name, for those codes that have one.

    Names that sound alike are the same: width, case and spaces do not part them.

    Parameters
    ----------
    codes
        Codes of the areas.
    names
        Names by code, of these and of all beside them.
    """
    holders: dict[tuple[str, str], list[str]] = {}
    for code, name in names.items():
        holders.setdefault((_parent_code(code), _as_heard(name)), []).append(code)
    faults = {}
    for code in codes:
        alike = holders[_parent_code(code), _as_heard(names[code])]
        others = [other for other in alike if other != code]
        if others:
            faults[code] = others[0]
    return faults


def _as_heard(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _parent_code(code: str) -> str:
    level = patterns.level_of(code)
    above = None if level is None else patterns.parent_level(level)
    return "" if above is None else patterns.ancestor_code(code, above)


def _rename(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    names = {code: " ".join(name.split()) for code, name in names_given(op).items()}
    siblings = surroundings.sibling_names(list(names))
    for code in names:
        if code not in siblings or patterns.level_of(code) in (None, Level.UNIT):
            raise NotFound("rename.unknown_area", code=code)
    if all(siblings[code] == name for code, name in names.items()):
        raise InvalidInput("rename.same_name", names=sorted(names.values())[:5])
    require_own_names(names, siblings)
    fields = {"names": names} if "names" in op else {"name": names[op["code"]]}
    return OperationResult(op | fields | {"was": {code: siblings[code] for code in names}}, {})


def _recode(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code, parent = op["code"], patterns.ancestor_code(op["code"], Level.COMMUNITY)
    return _under_another_code(op, geometries, surroundings, code, parent)


def _move_to(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code, parent = op["code"], op["parent"]
    if patterns.ancestor_code(code, Level.COMMUNITY) == parent:
        raise invalid_field("parent", "recode.same_community", code=code, community=parent)
    new_code = op.get("new_code") or next(surroundings.fresh_codes(parent), "")
    if not new_code:
        raise invalid_field("new_code", "operation.no_code_left", community=parent)
    op = op | {"new_code": new_code}
    return _under_another_code(op, geometries, surroundings, code, parent)


def _under_another_code(
    op: OperationSpec,
    geometries: GridGeometries,
    surroundings: Surroundings,
    code: str,
    parent: str,
) -> OperationResult:
    new_code = op["new_code"]
    if code not in geometries:
        raise NotFound("recode.unknown_grid", code=code)
    if new_code == code:
        raise invalid_field("new_code", "recode.same_code", code=code)
    if new_code in geometries:
        raise invalid_field("new_code", "recode.code_in_use", code=new_code)
    siblings = surroundings.sibling_names([code, new_code])
    was = siblings.get(code, code)
    name = " ".join(op.get("name", was).split())
    require_own_names({new_code: name}, siblings, [code])
    op = op | ({"name": name} if "name" in op else {}) | {"was": {code: was}}
    return OperationResult(
        op,
        {code: None, new_code: geometries[code]},
        {new_code: parent},
        {new_code: name},
        [("recoded", code, new_code)],
    )


def _settle(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Settle a unit on a grid that holds part of it; without a grid, leave it to the majority.

    Raises
    ------
    NotFound
        There is no such grid.
    """
    if "grid" in op:
        if op["grid"] not in geometries:
            raise NotFound("settle.unknown_grid", code=op["grid"])
        require_part(op["unit"], op["grid"], surroundings.unit_grids(op["unit"]))
    return OperationResult(op, {})


def require_part(unit: str, grid: str, households: Mapping[str, int]) -> None:
    """Refuse a grid that holds no home of a unit; of a unit without homes, none of its buildings.

    Parameters
    ----------
    households
        By code of the grid; grids with buildings only count 0.

    Raises
    ------
    InvalidInput
        The grid holds no part of the unit; those that do are named.
    """
    if not holds_part(grid, households):
        raise invalid_field(
            "grid", "settle.no_home_there", unit=unit, grid=grid, grids=sorted(households)
        )


def holds_part(grid: str, households: Mapping[str, int]) -> bool:
    """Return whether a grid holds part of a unit, by the unit's households in each grid."""
    return households.get(grid, 0) > 0 or (grid in households and not any(households.values()))


def _nothing(op: OperationSpec) -> list[BaseGeometry]:
    return []


def _nothing_but_names(op: OperationSpec) -> list[BaseGeometry]:
    if (op.keys() & {"code", "name", "names"}) not in ({"code", "name"}, {"names"}):
        raise invalid_field("name", "rename.name_or_names")
    return []


IDENTITY_OPERATIONS: dict[str, OperationType] = {
    "rename": OperationType(
        {"code": False, "name": False, "names": False, "was": False},
        lambda op: list(names_given(op)),
        _nothing_but_names,
        _rename,
        "operation.rename",
    ),
    "recode": OperationType(
        {"code": True, "new_code": True, "name": False, "was": False},
        lambda op: [op["code"]],
        _nothing,
        _recode,
        "operation.recode",
    ),
    "move_to": OperationType(
        {"code": True, "parent": True, "new_code": False, "name": False, "was": False},
        lambda op: [op["code"]],
        _nothing,
        _move_to,
        "operation.move_to",
    ),
    "settle": OperationType(
        {"unit": True, "grid": False},
        lambda op: [op["grid"]] if "grid" in op else [],
        _nothing,
        _settle,
        "operation.settle",
    ),
}
