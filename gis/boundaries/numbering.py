"""Codes and names of new grids: codes continue from the last of the community, never used twice."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Revision
from gis.boundaries.identity_operations import RECODING, name_faults, require_own_names
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.operation_model import OperationResult
from gis.db import cached_text
from gis.errors import Conflict, invalid_field
from gis.shapes.polygon_coverage import PolygonLike

# the field of an operation that names the codes of new grids
CODE_FIELDS = {
    "add": "code",
    "cut": "pieces",
    "merge": "into",
    "move_to": "new_code",
    "recode": "new_code",
    "split": "codes",
}


def next_codes(session: Session, code_within: str, taken: Iterable[str]) -> Iterator[str]:
    """Yield unused codes for new grids of a community, in order.

    No grid and no draft has ever had them.

    Parameters
    ----------
    code_within
        Code of the community, or of a grid in it.
    taken
        Codes that the draft has assigned so far.
    """
    community = patterns.ancestor_code(code_within, Level.COMMUNITY)
    query = """
    SELECT code FROM area WHERE code LIKE :under
    UNION SELECT k FROM operation o JOIN revision r ON r.id = o.revision_id,
        jsonb_object_keys(o.new_grids) k
    WHERE r.state = 'draft' AND k LIKE :under"""
    used = {*session.scalars(cached_text(query), {"under": community + "%"}), *taken}
    digits = patterns.CODE_DIGITS[Level.GRID][0] - len(community)
    grids = [int(code[len(community) :]) for code in used if len(code) == len(community) + digits]
    last = max(grids, default=0)
    for value in (*range(last + 1, 10**digits), *range(1, last)):
        code = f"{community}{value:0{digits}d}"
        if code not in used:
            yield code


def lock_codes(session: Session, county: str) -> None:
    """Lock the codes of a county: drafts that request new codes at the same time take turns."""
    session.execute(
        cached_text("SELECT pg_advisory_xact_lock(hashtext('grid codes ' || :county))"),
        {"county": county},
    )


def validate_new_codes(
    session: Session,
    draft: Revision,
    op: OperationSpec,
    geometries: Mapping[str, PolygonLike],
    new: set[str],
) -> None:
    """Refuse invalid or used codes of new grids.

    Parameters
    ----------
    session
        Open session; only read.
    draft
        The draft. One that reverts a publication may give that publication's codes area again by
        redrawing or recoding.
    op
        The operation.
    geometries
        The grids around, by code.
    new
        Codes that the draft has assigned so far.

    Raises
    ------
    InvalidInput
        A code is malformed, outside the community, used before or reserved by another draft.
    """
    revived = _revived(session, draft) if op["op"] in ("redraw", *RECODING) else set()
    field = CODE_FIELDS.get(op["op"], "grids")
    communities = _communities(op, geometries)
    fresh = [code for code in _named_codes(op) if code not in geometries]
    for code in fresh:
        if fault := patterns.code_error(code, Level.GRID):
            raise invalid_field(field, fault.code, **fault.params)
        _require_community(field, code, communities)
    if (
        op["op"] == "merge"
        and communities
        and patterns.ancestor_code(op["into"], Level.COMMUNITY) not in communities
    ):
        raise invalid_field(
            "into",
            "numbering.into_of_another_community",
            grid=op["into"],
            communities=sorted(communities),
        )
    unused = [code for code in fresh if code not in new and code not in revived]
    query = cached_text("SELECT code FROM area WHERE code = ANY(:codes) ORDER BY code")
    if used := list(session.scalars(query, {"codes": unused})):
        raise invalid_field(field, "numbering.codes_used", codes=used[:5])
    _check_reserved(session, draft, field, unused)
    if "parent" in op:
        _community(session, op["parent"])
    for grid in op.get("grids", ()):
        if grid["code"] in fresh and grid.get("parent"):
            _require_community(field, grid["code"], {grid["parent"]})


def _named_codes(op: OperationSpec) -> list[str]:
    """Return the codes that an operation names for grids with area."""
    codes: dict[str, Sequence[str]] = {
        "split": op.get("codes", ()),
        "merge": [op.get("into", "")],
        "add": [op["code"]] if "code" in op else (),
        "cut": [code for codes in op.get("pieces", {}).values() for code in codes],
        "recode": [op.get("new_code", "")],
        "move_to": [op["new_code"]] if "new_code" in op else (),
    }
    return [
        *codes.get(op["op"], ()),
        *(grid["code"] for grid in op.get("grids", ()) if grid.get("geometry") is not None),
    ]


def _communities(op: OperationSpec, geometries: Mapping[str, PolygonLike]) -> set[str]:
    """Return the communities in which new grids may lie; empty means any.

    Raises
    ------
    InvalidInput
        Grids of several communities are merged, and none is named as the parent.
    """
    if op["op"] in ("split", "recode"):
        return {patterns.ancestor_code(op["code"], Level.COMMUNITY)}
    if op["op"] == "cut":
        return {patterns.ancestor_code(code, Level.COMMUNITY) for code in op.get("pieces", ())}
    if op["op"] in ("add", "move_to"):
        return {op["parent"]}
    communities = {
        patterns.ancestor_code(code, Level.COMMUNITY)
        for code in op.get("codes", ())
        if code in geometries
    }
    if op["op"] == "merge" and "parent" in op:
        return {op["parent"]}
    if op["op"] == "merge" and len(communities) > 1:
        raise invalid_field(
            "parent", "numbering.several_communities", communities=sorted(communities)
        )
    return communities


def _require_community(field: str, code: str, communities: set[str]) -> None:
    if communities and patterns.ancestor_code(code, Level.COMMUNITY) not in communities:
        raise invalid_field(
            field, "numbering.not_in_community", code=code, communities=sorted(communities)
        )


def _check_reserved(session: Session, draft: Revision, field: str, codes: list[str]) -> None:
    query = """
    SELECT k, r.id FROM operation o JOIN revision r ON r.id = o.revision_id,
        jsonb_object_keys(o.new_grids) k
    WHERE r.state = 'draft' AND r.id <> :id AND k = ANY(:codes) ORDER BY k, r.id LIMIT 1"""
    row = (
        session.execute(cached_text(query), {"id": draft.id, "codes": codes}).first()
        if codes
        else None
    )
    if row:
        raise invalid_field(field, "numbering.code_reserved", code=row[0], draft=str(row[1]))


def _revived(session: Session, draft: Revision) -> set[str]:
    """Return the codes of the publication that a draft reverts; empty for other drafts."""
    if draft.reverts is None:
        return set()
    query = """
    SELECT k FROM operation o, jsonb_object_keys(o.geometries) k WHERE o.revision_id = :old
    UNION SELECT a.code FROM revision r JOIN boundary b ON b.revision_id = r.id
        OR upper(b.valid_time) = r.effective
      JOIN area a ON a.id = b.area_id WHERE r.id = :old AND a.level = 'grid'"""
    return set(session.scalars(cached_text(query), {"old": draft.reverts}))


def check_free(session: Session, draft: Revision, codes: Iterable[str]) -> None:
    """Refuse to publish new grids under codes that were used since the draft was drawn.

    Raises
    ------
    Conflict
        A code belongs to an area to which the draft does not return its shape.
    """
    query = """
    SELECT a.code FROM area a WHERE a.code = ANY(:codes) AND (a.code <> ALL(:revived) OR EXISTS (
      SELECT FROM boundary b WHERE b.area_id = a.id AND upper_inf(b.valid_time))) ORDER BY a.code"""
    params = {"codes": list(codes), "revived": sorted(_revived(session, draft))}
    if used := list(session.scalars(cached_text(query), params)):
        raise Conflict("numbering.codes_used_since", codes=used[:5])


def _community(session: Session, code: str) -> None:
    level = session.scalar(
        cached_text(
            "SELECT level FROM area WHERE code = :code AND (retired_at IS NULL"
            " OR retired_at > now())"
        ),
        {"code": code},
    )
    if level != Level.COMMUNITY:
        raise invalid_field("parent", "numbering.no_community", code=code)


def made_of(
    session: Session, done: OperationResult, siblings: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the name and the parent of every new grid.

    Parameters
    ----------
    siblings
        The names of the grids in the communities of the new ones, by code.

    Raises
    ------
    InvalidInput
        Another grid of the community has the name, or the parent of one without a name does not
        exist.
    """
    stay = {code: name for code, name in siblings.items() if done.changed.get(code, "") is not None}
    new_grids: dict[str, dict[str, str]] = {}
    for code, origin in done.new_grids.items():
        parent = (
            patterns.ancestor_code(origin, Level.COMMUNITY)
            if len(origin) > len(patterns.ancestor_code(code, Level.COMMUNITY))
            else origin
        )
        name = done.names.get(code)
        if name is None:
            over = session.scalar(
                cached_text("SELECT name FROM area WHERE code = :code"), {"code": parent}
            )
            if over is None:
                raise invalid_field("parent", "numbering.no_community", code=parent)
            number = re.sub(r"^0+(?=\d)", "", code[len(parent) :])
            name = f"{str(over).removesuffix('社区')}第{number}网格"
            if name_faults([code], stay | {code: name}):
                name = f"{str(over).removesuffix('社区')}{code}网格"
        new_grids[code] = {"name": " ".join(name.split()), "parent": parent}
    require_own_names({code: grid["name"] for code, grid in new_grids.items()}, stay)
    return new_grids
