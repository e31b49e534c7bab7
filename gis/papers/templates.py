"""Forms of the street: sent once, their fields mapped once, filled in as often as needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.errors import Conflict, InvalidInput, NotFound, invalid_field
from gis.papers.data import PaperData, field_label
from gis.papers.fill import PAPER_BY_KEY, find_paper
from gis.papers.models import PaperTemplate
from gis.papers.template_names import EMPTY, ROW_PREFIX, recognised
from gis.papers.template_reader import FORM_ENDINGS, filled, read_fields
from gis.papers.words import FACTS_OF_PAPER
from gis.people.area_chains import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_FORM_NAME_CHARS = 80
MAX_TEMPLATES = 100  # of an area
# one of them in an area allows changing its forms
KEEPS = (Action.DISPATCH, Action.RULES, Action.ACCOUNTS)


@dataclass(frozen=True)
class TemplateView:
    """A form. area: Code. is_own: Whether the asker may change it. unmapped: Without a choice."""

    id: int
    area: str
    area_name: str
    paper: str
    name: str
    ending: str
    fields: Sequence[str]
    mapping: Mapping[str, str]
    author: str
    changed_at: datetime
    is_own: bool

    @property
    def unmapped(self) -> list[str]:
        """The fields for which nothing was recognised or chosen."""
        return [name for name in self.fields if name not in self.mapping]


def choices(paper: str, language: str, *, row: bool) -> dict[str, str]:
    """Return what a field of a form of a paper may mean, by key, with what it is called."""
    row_of_table = PAPER_BY_KEY[paper]
    keys = row_of_table.columns if row else (*FACTS_OF_PAPER, *row_of_table.figures)
    return {key: field_label(key, language) for key in keys}


def list_templates(session: Session, by: Principal) -> list[TemplateView]:
    """List the forms of the asker's areas, of those above, and of those below.

    Raises
    ------
    Forbidden
        The asker may read figures nowhere.
    """
    by.require(Action.FIGURES)
    query = (
        select(PaperTemplate, Area.code, Area.name)
        .join(Area, Area.id == PaperTemplate.area_id)
        .order_by(Area.code, PaperTemplate.name)
    )
    rows = list(session.execute(query))
    allowed = by.areas_by_action[Action.FIGURES]
    if allowed is not None:
        mine = list(session.scalars(select(Area.code).where(Area.id.in_(allowed))))
        rows = [
            row
            for row in rows
            if any(own.startswith(row.code) or row.code.startswith(own) for own in mine)
        ]
    return [_view(session, by, row.PaperTemplate, row.code, row.name) for row in rows]


def get_template(session: Session, by: Principal, template_id: int) -> TemplateView:
    """Return a form.

    Raises
    ------
    NotFound
        There is none that the asker may use.
    """
    for template in list_templates(session, by):
        if template.id == template_id:
            return template
    raise NotFound("paper_template.unknown")


def find_template(session: Session, by: Principal, paper: str, name: str, area: str) -> int:
    """Return the id of a form of a paper by its name, the nearest to an area; empty: any of them.

    Raises
    ------
    NotFound
        No area from there upwards has one of the name.
    """
    fitting = [
        template
        for template in list_templates(session, by)
        if (template.paper, template.name) == (paper, name)
        and (not area or area.startswith(template.area))
    ]
    if not fitting:
        raise NotFound("paper_template.unknown")
    return max(fitting, key=lambda template: len(template.area)).id


def add_template(
    session: Session, by: Principal, area: str, paper: str, name: str, file: tuple[str, bytes]
) -> TemplateView:
    """Keep a form; its fields are recognised as far as they can be.

    Parameters
    ----------
    file
        Its name and content.

    Raises
    ------
    InvalidInput
        Area, paper or name are none, or the file is no form that may be kept.
    Forbidden
        The forms of the area are not the asker's to change.
    Conflict
        The area has a form of the name, or too many.
    """
    by.require_any(KEEPS)
    row = session.execute(select(Area.id, Area.code, Area.name).where(Area.code == area)).first()
    if row is None:
        raise invalid_field("area", "field.area_unknown", code=area[:40])
    by.require_any(KEEPS, area_chain(session, row.id, None, datetime.now(UTC)))
    title = " ".join(name.split())
    if not 0 < len(title) <= MAX_FORM_NAME_CHARS:
        raise invalid_field("name", "paper_template.name_length", limit=MAX_FORM_NAME_CHARS)
    find_paper(paper)
    taken = session.scalars(select(PaperTemplate.name).where(PaperTemplate.area_id == row.id)).all()
    if title in taken:
        raise Conflict("paper_template.name_taken", name=title)
    if len(taken) >= MAX_TEMPLATES:
        raise Conflict("paper_template.too_many", limit=MAX_TEMPLATES)
    file_name, content = file
    ending = next((end for end in FORM_ENDINGS if file_name.lower().endswith(end)), None)
    if ending is None:
        raise InvalidInput("paper_template.wrong_ending", file=file_name[:100])
    fields = read_fields(content, ending, file_name)
    if not fields:
        raise InvalidInput("paper_template.no_fields", file=file_name[:100])
    figures, columns = choices(paper, "zh", row=False), choices(paper, "zh", row=True)
    template = PaperTemplate(
        area_id=row.id,
        paper=paper,
        name=title,
        ending=ending,
        content=content,
        fields=fields,
        mapping=recognised(fields, figures, columns),
        author=by.actor,
    )
    session.add(template)
    session.flush()
    return _view(session, by, template, row.code, row.name)


def map_fields(
    session: Session, by: Principal, template_id: int, mapping: Mapping[str, str]
) -> TemplateView:
    """Say what each field of a form means; a hyphen: it stays empty.

    Raises
    ------
    NotFound
        There is no such form.
    Forbidden
        It is not the asker's to change.
    InvalidInput
        A field is not of the form, or means what the paper does not have.
    """
    template = _own_template(session, by, template_id)
    known = {row: choices(template.paper, "zh", row=row) for row in (False, True)}
    for name, key in mapping.items():
        allowed = [EMPTY, *known[name.startswith(ROW_PREFIX)]]
        if name not in template.fields or key not in allowed:
            raise invalid_field("mapping", "field.none_of", value=key[:40], allowed=allowed)
    session.execute(
        update(PaperTemplate)
        .where(PaperTemplate.id == template_id)
        .values(mapping=dict(mapping), changed_at=func.now())
    )
    session.expire_all()
    return get_template(session, by, template_id)


def delete_template(session: Session, by: Principal, template_id: int) -> None:
    """Delete a form.

    Raises
    ------
    NotFound
        There is no such form.
    Forbidden
        It is not the asker's to change.
    """
    _own_template(session, by, template_id)
    session.execute(delete(PaperTemplate).where(PaperTemplate.id == template_id))


def fill_template(
    session: Session, by: Principal, template_id: int, data: PaperData
) -> tuple[str, bytes]:
    """Return the ending and content of a form filled in with a paper.

    Raises
    ------
    NotFound
        There is no such form.
    Conflict
        It is of another paper, or for some of its fields nothing was chosen yet.
    """
    template = get_template(session, by, template_id)
    if template.paper != data.key:
        raise Conflict("paper_template.other_paper", name=template.name)
    if template.unmapped:
        raise Conflict("paper_template.unmapped", name=template.name, fields=template.unmapped[:10])
    content = session.scalar(select(PaperTemplate.content).where(PaperTemplate.id == template_id))
    assert content is not None
    file = template.name + template.ending
    return template.ending, filled(content, template.ending, file, template.mapping, data)


def _own_template(session: Session, by: Principal, template_id: int) -> TemplateView:
    template = get_template(session, by, template_id)
    if not template.is_own:
        by.require_any(KEEPS, ())
    return template


def _view(
    session: Session, by: Principal, row: PaperTemplate, code: str, name: str
) -> TemplateView:
    chain = area_chain(session, row.area_id, None, datetime.now(UTC))
    return TemplateView(
        row.id,
        code,
        name,
        row.paper,
        row.name,
        row.ending,
        row.fields,
        row.mapping,
        row.author,
        row.changed_at,
        by.is_allowed_any(KEEPS, chain),
    )
