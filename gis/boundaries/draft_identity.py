"""Names and codes of areas as a draft has them, folded over its operations in order."""

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation
from gis.boundaries.identity_operations import RECODING, names_given
from gis.boundaries.operation_fields import OperationSpec
from gis.db import cached_text

# The name of an area, including a planned one.
NEWEST_NAME_SQL = """coalesce((SELECT n.name FROM planned_name n WHERE n.area_id = a.id
  ORDER BY n.effective DESC LIMIT 1), a.name)"""
# The areas of a level that stand below some parents.
SIBLINGS_SQL = f"""
SELECT a.code, {NEWEST_NAME_SQL} AS name FROM area a
WHERE a.level = :level AND (a.retired_at IS NULL OR a.retired_at > clock_timestamp())
  AND left(a.code, :digits) = ANY(:parents)
"""  # noqa: S608  our own text


def draft_names(done: Iterable[Operation]) -> dict[str, str]:
    """Return the names that a draft gives, by code; those of codes it gives up are left out."""
    names: dict[str, str] = {}
    for operation in done:
        names |= {code: str(grid["name"]) for code, grid in new_grids_of(operation).items()}
        names |= names_given(operation.op)
        if operation.op["op"] in RECODING:
            code, was = str(operation.op["code"]), operation.op["was"]
            new_name = operation.op.get("name") or was[code]  # type: ignore[index]
            names.pop(code, None)
            names[str(operation.op["new_code"])] = str(new_name)
    return names


def new_grids_of(operation: Operation) -> Mapping[str, Mapping[str, str]]:
    """Return the new grids of an operation: code to name and parent."""
    return operation.new_grids  # type: ignore[return-value]


def recoded(done: Iterable[Operation]) -> dict[str, str]:
    """Return the last code of each grid that a draft gives another one, by its first code.

    A grid that has its first code back in the end is left out; so is one that the draft itself
    creates, and one whose land another grid takes later on: nothing of it goes on.
    """
    last: dict[str, str] = {}
    born: set[str] = set()
    for operation in done:
        if operation.op["op"] in RECODING:
            code, new_code = str(operation.op["code"]), str(operation.op["new_code"])
            first_code = next((key for key, value in last.items() if value == code), code)
            if first_code not in born:
                last[first_code] = new_code
        ended = {code for code, shape in operation.geometries.items() if shape is None}
        last = {first_code: code for first_code, code in last.items() if code not in ended}
        born |= operation.new_grids.keys()
    return {first_code: code for first_code, code in last.items() if first_code != code}


def lasting_lineage(
    steps: Iterable[Sequence[str]], lasting: Container[str]
) -> list[tuple[str, str, str]]:
    """Return the lineage of grids over all steps, without those created and ended in them.

    Parameters
    ----------
    steps
        (kind, from, to) in order.
    lasting
        The codes of grids that stood before the draft or stand after it.

    Returns
    -------
    (kind, from, to), sorted by codes. A grid that changed its code on the way to another is merged
    into it, or split; it is recoded if nothing else befell it.
    """
    into: dict[str, dict[str, str]] = {}
    for kind, start, end in steps:
        into.setdefault(start, {})[end] = kind
    return [
        (kind, start, end)
        for start in sorted(into)
        if start in lasting
        for end, kind in sorted(_ends(into, start, lasting).items())
    ]


def _ends(
    into: Mapping[str, Mapping[str, str]], start: str, lasting: Container[str]
) -> dict[str, str]:
    """Return the lasting grids that the steps from a grid end in, by code, each with the kind."""
    ends: dict[str, str] = {}
    ahead, passed = deque([(start, "recoded")]), {start}
    while ahead:
        code, kind = ahead.popleft()
        for end, step in into.get(code, {}).items():
            whole = step if kind == "recoded" else kind
            if end in lasting and end != start:
                ends.setdefault(end, whole)
            elif end not in passed:
                passed.add(end)
                ahead.append((end, whole))
    return ends


def first_code(done: Iterable[Operation], op: OperationSpec) -> str | None:
    """Return the code before a draft of the grid that an operation recodes; None if it is that."""
    if op["op"] not in RECODING:
        return None
    return next((first for first, last in recoded(done).items() if last == op["code"]), None)


def settled_grids(done: Iterable[Operation]) -> dict[str, str]:
    """Return the grid of each unit that a draft settles, by codes; it follows the grid's code."""
    grids: dict[str, str] = {}
    for operation in done:
        op = operation.op
        if op["op"] == "settle":
            grids.pop(str(op["unit"]), None)
            if "grid" in op:
                grids[str(op["unit"])] = str(op["grid"])
        elif op["op"] in RECODING:
            grids = {
                unit: str(op["new_code"]) if grid == op["code"] else grid
                for unit, grid in grids.items()
            }
    return grids


def left_to_majority(done: Sequence[Operation]) -> set[str]:
    """Return the units whose settlement a draft takes back."""
    grids = settled_grids(done)
    units = {str(item.op["unit"]) for item in done if item.op["op"] == "settle"}
    return {unit for unit in units if unit not in grids}


def sibling_names(
    session: Session,
    done: Sequence[Operation],
    drawn: Mapping[str, object | None],
    codes: Sequence[str],
) -> dict[str, str]:
    """Return the names in a draft of some areas and of all beside them, by code.

    Parameters
    ----------
    session
        Open session; only read.
    done
        The operations of the draft so far.
    drawn
        Its shapes so far; None: the grid has no area any longer.
    codes
        Codes of areas of any level.
    """
    names: dict[str, str] = {}
    parents: dict[Level, set[str]] = {}
    for code in codes:
        if (level := patterns.level_of(code)) is not None:
            above = patterns.parent_level(level)
            parents.setdefault(level, set()).add(
                "" if above is None else patterns.ancestor_code(code, above)
            )
    for level, within in parents.items():
        digits = max(map(len, within))
        params = {"level": level, "digits": digits, "parents": sorted(within)}
        rows = session.execute(cached_text(SIBLINGS_SQL), params)
        names |= {row.code: row.name for row in rows}
    names |= draft_names(done)
    return {code: name for code, name in names.items() if drawn.get(code, "") is not None}
