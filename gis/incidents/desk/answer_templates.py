"""Words that the desk of an area often writes in a note, by category."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, delete, false, func, or_, select, update
from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id
from gis.areas.models import Area
from gis.errors import NotFound, invalid_field
from gis.incidents.catalogue import editions
from gis.incidents.models import AnswerTemplate, Incident
from gis.people.area_chains import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal


@dataclass(frozen=True)
class TemplateView:
    """A template.

    area: Code; it is used there and in everything below. category: Code or its beginning; empty:
    any.
    """

    id: int
    area: str
    area_name: str
    category: str
    title: str
    text: str
    author: str
    changed_at: datetime


@dataclass(frozen=True)
class TemplateContent:
    """What is written of a template."""

    area: str
    category: str
    title: str
    text: str


def _templates() -> Select[int, str, str, str, str, str, str, datetime]:
    return select(
        AnswerTemplate.id,
        Area.code.label("area"),
        Area.name.label("area_name"),
        AnswerTemplate.category,
        AnswerTemplate.title,
        AnswerTemplate.text,
        AnswerTemplate.author,
        AnswerTemplate.changed_at,
    ).join(Area, Area.id == AnswerTemplate.area_id)


def list_templates(session: Session, by: Principal) -> list[TemplateView]:
    """List the templates of the desks that the asker works at, by area, category and title.

    Raises
    ------
    Forbidden
        The asker may dispatch nowhere.
    """
    by.require(Action.DISPATCH)
    query = _templates().order_by(Area.code, AnswerTemplate.category, AnswerTemplate.title)
    areas = by.areas_by_action[Action.DISPATCH]
    if areas is not None:
        codes = session.scalars(select(Area.code).where(Area.id.in_(areas)))
        query = query.where(or_(false(), *(Area.code.startswith(code) for code in codes)))
    return [TemplateView(**row) for row in session.execute(query).mappings()]


def list_fitting_templates(session: Session, incident_id: UUID) -> list[TemplateView]:
    """List the templates for an incident: of its areas and category, the nearest first.

    The caller has checked that the asker sees the incident.
    """
    query = (
        _templates()
        .join(Incident, AnswerTemplate.area_id == func.any(Incident.area_ids))
        .where(
            Incident.id == incident_id,
            func.starts_with(Incident.category, AnswerTemplate.category),
        )
        .order_by(
            func.length(AnswerTemplate.category).desc(),
            func.length(Area.code).desc(),
            AnswerTemplate.title,
        )
    )
    return [TemplateView(**row) for row in session.execute(query).mappings()]


def create_template(session: Session, by: Principal, content: TemplateContent) -> TemplateView:
    """Write a new template.

    Raises
    ------
    InvalidInput
        Area or category is unknown.
    Forbidden
        The asker may not dispatch there.
    """
    row = AnswerTemplate(**_values(session, by, content))
    session.add(row)
    session.flush()
    return _view(session, row.id)


def replace_template(
    session: Session, by: Principal, template_id: int, content: TemplateContent
) -> TemplateView:
    """Write a template anew.

    Raises
    ------
    NotFound
        There is none.
    Forbidden
        The asker may not dispatch where it is, or is to be.
    InvalidInput
        Area or category is unknown.
    """
    _require_writable(session, by, template_id)
    values = _values(session, by, content) | {"changed_at": func.now()}
    session.execute(update(AnswerTemplate).where(AnswerTemplate.id == template_id).values(**values))
    return _view(session, template_id)


def delete_template(session: Session, by: Principal, template_id: int) -> None:
    """Delete a template.

    Raises
    ------
    NotFound
        There is none.
    Forbidden
        The asker may not dispatch where it is.
    """
    _require_writable(session, by, template_id)
    session.execute(delete(AnswerTemplate).where(AnswerTemplate.id == template_id))


def _require_writable(session: Session, by: Principal, template_id: int) -> None:
    by.require(Action.DISPATCH)
    area = session.scalar(select(AnswerTemplate.area_id).where(AnswerTemplate.id == template_id))
    if area is None:
        raise NotFound("answer_template.unknown")
    by.require(Action.DISPATCH, area_chain(session, area, None, datetime.now(UTC)))


def _values(session: Session, by: Principal, content: TemplateContent) -> dict[str, object]:
    by.require(Action.DISPATCH)
    area = find_area_id(session, content.area)
    if area is None:
        raise invalid_field("area", "field.area_unknown", code=content.area[:40])
    by.require(Action.DISPATCH, area_chain(session, area, None, datetime.now(UTC)))
    codes = editions.active_edition(session).categories
    if not any(code.startswith(content.category) for code in codes):
        raise invalid_field("category", "answer_template.category_unknown", code=content.category)
    return {
        "area_id": area,
        "category": content.category,
        "title": content.title,
        "text": content.text,
        "author": by.actor,
    }


def _view(session: Session, template_id: int) -> TemplateView:
    row = session.execute(_templates().where(AnswerTemplate.id == template_id)).mappings().one()
    return TemplateView(**row)
