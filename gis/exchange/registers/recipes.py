"""Recipes: a confirmed mapping under a name, so that next month's register loads in one step."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.errors import NotFound, invalid_field
from gis.exchange.registers.mapping import RegisterMapping, confirmed
from gis.exchange.registers.models import RegisterRecipe

MAX_NAME_CHARS = 100

# The given areas with what is above and below them: whose recipes they may use.
RELATED_SQL = """
WITH RECURSIVE up AS (
  SELECT id, parent_id FROM area WHERE id = ANY(:areas)
  UNION SELECT a.id, a.parent_id FROM area a JOIN up ON a.id = up.parent_id
), down AS (
  SELECT id FROM area WHERE id = ANY(:areas)
  UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
)
SELECT id FROM up UNION SELECT id FROM down
"""


@dataclass(frozen=True)
class RecipeRow:
    """A recipe in a list; area: name of the area it is for, empty for everybody's."""

    id: int
    name: str
    kind: str
    area: str
    author: str
    saved_at: datetime


def list_recipes(session: Session, areas: Collection[int] | None) -> list[RecipeRow]:
    """List the recipes that are used in some areas, by name; None: all."""
    query = (
        select(
            RegisterRecipe.id,
            RegisterRecipe.name,
            RegisterRecipe.kind,
            func.coalesce(Area.name, ""),
            RegisterRecipe.author,
            RegisterRecipe.saved_at,
        )
        .outerjoin(Area, Area.id == RegisterRecipe.area_id)
        .where(_visible(session, areas))
        .order_by(RegisterRecipe.name, RegisterRecipe.id)
    )
    return [RecipeRow(*row) for row in session.execute(query)]


def recipe_mapping(session: Session, name: str, areas: Collection[int] | None) -> RegisterMapping:
    """Return the mapping of the recipe of a name, the reader's own before everybody's.

    Raises
    ------
    NotFound
        There is none of that name.
    """
    recipe = session.scalar(
        select(RegisterRecipe)
        .where(RegisterRecipe.name == name, _visible(session, areas))
        .order_by(RegisterRecipe.area_id.is_(None), RegisterRecipe.id.desc())
        .limit(1)
    )
    if recipe is None:
        raise NotFound("register.no_recipe", name=name)
    return confirmed(recipe.kind, recipe.mapping)


def save_recipe(
    session: Session, name: str, mapping: RegisterMapping, area_id: int | None, author: str
) -> None:
    """Save a mapping under a name, in place of the one of that name and area.

    Raises
    ------
    InvalidInput
        The name is empty or too long.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise invalid_field("recipe", "register.recipe_name", limit=MAX_NAME_CHARS)
    values = {"kind": mapping.kind, "mapping": mapping.to_json(), "author": author}
    statement = insert(RegisterRecipe).values(name=name, area_id=area_id, **values)
    session.execute(
        statement.on_conflict_do_update(
            constraint="uq_register_recipe_area_id_name", set_={**values, "saved_at": func.now()}
        )
    )


def delete_recipe(session: Session, recipe_id: int, areas: Collection[int] | None) -> None:
    """Delete a recipe of the reader's areas.

    Raises
    ------
    NotFound
        There is none with that id in those areas.
    """
    own = RegisterRecipe.area_id.in_(areas) if areas is not None else text("true")
    gone = session.scalar(
        delete(RegisterRecipe)
        .where(RegisterRecipe.id == recipe_id, own)
        .returning(RegisterRecipe.id)
    )
    if gone is None:
        raise NotFound("register.no_recipe", name=str(recipe_id))


def _visible(session: Session, areas: Collection[int] | None) -> ColumnElement[bool]:
    if areas is None:
        return or_(RegisterRecipe.id.isnot(None))
    related = session.scalars(text(RELATED_SQL), {"areas": sorted(areas)}).all()
    return or_(RegisterRecipe.area_id.is_(None), RegisterRecipe.area_id.in_(related))
