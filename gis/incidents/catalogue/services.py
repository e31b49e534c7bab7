"""Services that people added: each is filed under a category of the catalogue and asks a skill."""

from dataclasses import replace

from sqlalchemy.orm import Session

from gis.incidents.catalogue.editions import CategoryRow, Edition
from gis.kinds import KindTable, read_kinds


def find_service(
    session: Session, edition: Edition, word: str, county: str | None
) -> tuple[CategoryRow, str]:
    """Return the category that a code or the name of a service means, and the service's name.

    The skill asked for is the one of the service's name, else that of its category.

    Parameters
    ----------
    county
        Code of the county where it is asked for.

    Returns
    -------
    The name is empty where the word is the code of a category.

    Raises
    ------
    InvalidInput
        There is neither such a category nor such a service.
    """
    kind = None if word in edition.categories else read_kinds(session, "service").find(word, county)
    if kind is None or kind.parent not in edition.categories:
        return edition.category(word), ""
    category = edition.category(kind.parent)
    skill = read_kinds(session, "skill").find(kind.zh, county)
    return replace(category, skill=skill.key if skill else category.skill), kind.zh


def skill_name(skills: KindTable, edition: Edition, skill: str) -> str:
    """Return what a skill is called in Chinese: as people added it, else as the catalogue says."""
    kind = skills.find(skill)
    return kind.zh if kind and kind.key == skill else edition.skill_zh(skill)
