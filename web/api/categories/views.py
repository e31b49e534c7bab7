"""The catalogue of categories, and the likeliest of them for some words."""

from dataclasses import asdict
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import MAX_CLASSIFIED_CHARS
from gis.rights.actions import Action
from web.http.db import session
from web.http.responses import conditional_response
from web.security.session import principal

bp = APIBlueprint("categories", __name__, url_prefix="/api/v1", tag="Incidents")


class WordsIn(BaseModel):
    """What happened, in words."""

    words: Annotated[
        str, Field(max_length=MAX_CLASSIFIED_CHARS, description="As a resident would say it")
    ]


class CategoryOut(BaseModel):
    """A kind of matter."""

    code: str
    old_code: str = Field(description="Its code in the older edition; empty when it had none")
    zh: str
    en: str
    kind: str = Field(description="incident, or order")
    severity: str
    attributes: list[dict[str, Any]] = Field(
        description="Questions of its own, as in Open311 GeoReport v2"
    )


class GroupOut(BaseModel):
    """A major group."""

    code: str
    zh: str
    en: str
    categories: list[CategoryOut]


class CatalogueOut(BaseModel):
    """The edition in force."""

    edition: str
    groups: list[GroupOut]


class SuggestionOut(BaseModel):
    """A likely category."""

    code: str
    zh: str
    en: str
    share: float = Field(description="0 to 1, of all that fits")
    because: list[str] = Field(description="The words that point to it")


class DangerOut(BaseModel):
    """What words tell of danger."""

    kind: str
    zh: str
    en: str
    call: list[str] = Field(description="Emergency numbers, the first one first")
    because: list[str] = Field(description="The words that tell of it")
    advice_zh: str
    advice_en: str


class SuggestionsOut(BaseModel):
    """The likeliest, best first; empty when the words fit nothing."""

    items: list[SuggestionOut]
    danger: DangerOut | None = Field(
        None, description="Danger that the words tell of: urgent, whatever the category"
    )


class DangerKindOut(BaseModel):
    """A danger that is told from words."""

    kind: str
    zh: str
    en: str
    call: list[str]


class DangerTableOut(BaseModel):
    """The table of danger in force."""

    edition: int
    numbers: list[str] = Field(description="Every emergency number of the table")
    kinds: list[DangerKindOut]
    rows: list[dict[str, Any]] = Field(
        description="The whole table, for who may edit rules; else empty"
    )


@bp.get("/categories")
@bp.output(CatalogueOut)
@bp.doc(summary="The catalogue of categories")
def categories() -> Response:
    """By major group, in the order of the table.

    What only devices and staff file is for those who read incidents.
    """
    edition = editions.active_edition(session())
    everything = principal().is_allowed(Action.READ)
    groups: dict[str, dict[str, Any]] = {}
    for category in edition.categories.values():
        if category.public or everything:
            group = groups.setdefault(
                category.major,
                {
                    "code": category.major,
                    "zh": category.major_zh,
                    "en": category.major_en,
                    "categories": [],
                },
            )
            fields = ("code", "old_code", "zh", "en", "kind", "severity", "attributes")
            group["categories"].append({key: getattr(category, key) for key in fields})
    return conditional_response({"edition": edition.name, "groups": list(groups.values())})


@bp.get("/categories/suggest")
@bp.input(WordsIn, location="query")
@bp.output(SuggestionsOut)
@bp.doc(summary="The likeliest categories for some words")
def suggested(query_data: WordsIn) -> Response:
    """Three at most, each with the words that point to it. The person chooses."""
    danger = catalogue_danger.heard(session(), query_data.words)
    public = not principal().is_allowed(Action.READ)
    items = catalogue_danger.likely(
        editions.active_edition(session()), query_data.words, danger, public=public
    )
    return conditional_response({"items": items, "danger": catalogue_danger.in_words(danger)})


@bp.get("/danger")
@bp.output(DangerTableOut)
@bp.doc(summary="Dangers that are told from words, and whom to call")
def dangers() -> Response:
    """Each danger once.

    Whoever may edit rules gets the whole table; `./wangge danger` loads another one.
    """
    number = catalogue_danger.EDITIONS.active_id(session())
    table = catalogue_danger.EDITIONS.rows(session(), number)
    kinds: dict[str, dict[str, Any]] = {}
    for row in table:
        if row.use == "danger":
            kind = kinds.setdefault(
                row.kind, {"kind": row.kind, "zh": row.zh, "en": row.en, "call": []}
            )
            kind["call"] += [telephone for telephone in row.call if telephone not in kind["call"]]
    rows = [asdict(row) for row in table] if principal().is_allowed(Action.RULES) else []
    return conditional_response(
        {
            "edition": number,
            "numbers": catalogue_danger.numbers(session()),
            "kinds": list(kinds.values()),
            "rows": rows,
        }
    )
