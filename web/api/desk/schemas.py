"""Saved filters and templates of answers as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS
from web.api.incidents.schemas import ListIn

MAX_LIST_NAME_CHARS = 40


def filled(value: str) -> str:
    """Return a text without the space around it.

    Raises
    ------
    ValueError
        Nothing is left; it names the code of the message.
    """
    if not value.strip():
        raise ValueError("input.missing")
    return value.strip()


class FiltersIn(ListIn):
    """Which incidents; another parameter is refused, or more would be listed than was meant."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class SavedFilterIn(BaseModel):
    """Filters and what they are called."""

    model_config = {"extra": "forbid"}

    name: Annotated[str, AfterValidator(filled)] = Field(max_length=MAX_LIST_NAME_CHARS)
    filters: FiltersIn = Field(description="Parameters of GET /incidents; without limit and cursor")


class SavedFilterOut(BaseModel):
    """A saved filter."""

    id: int
    name: str
    filters: dict[str, Any] = Field(description="Parameters of GET /incidents, by name")
    count: int | None = Field(
        description="How many fit now; null: it names what is no longer, or is not counted yet"
    )


class SavedFiltersOut(BaseModel):
    """One's own, by name."""

    items: list[SavedFilterOut]


class TemplateIn(BaseModel):
    """What a template says, and where."""

    model_config = {"extra": "forbid"}

    area: str = Field(max_length=40, description="Code of the area whose desk uses it")
    category: str = Field("", max_length=20, description="Code, or its beginning; empty: any")
    title: Annotated[str, AfterValidator(filled)] = Field(max_length=MAX_LIST_NAME_CHARS)
    text: Annotated[str, AfterValidator(filled)] = Field(max_length=MAX_DESCRIPTION_CHARS)


class TemplateOut(BaseModel):
    """A template of an answer."""

    id: int
    area: str
    area_name: str
    category: str
    title: str
    text: str
    author: str
    changed_at: datetime


class TemplatesOut(BaseModel):
    """Templates of answers."""

    items: list[TemplateOut]
