"""The search box."""

from dataclasses import asdict
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from gis.facilities.category_words import find_categories
from gis.search import search
from web.http import params
from web.http.db import session
from web.security.names import areas_with_names
from web.security.session import principal

MAX_CATEGORIES = 4

bp = APIBlueprint("search", __name__, url_prefix="/api/v1", tag="Search")


class SearchIn(BaseModel):
    """What is looked for."""

    q: str = Field(description="Code, name, address or person", examples=["西兴社区3号楼"])
    limit: Annotated[int, Field(ge=1, le=50)] = 10


@bp.get("/search")
@bp.input(SearchIn, location="query")
@bp.doc(summary="Find areas, buildings, facilities and answerable people")
def find(query_data: SearchIn) -> dict[str, Any]:
    """Best fit first, and among what fits as well the asker's own areas.

    Each item carries a point and a rectangle to show it by; `categories` are the keys of the
    categories of facilities that the words mean. Names of places are found by their pinyin too.
    People are found only by who may have their names there.
    """
    hits = search(
        session(),
        query_data.q,
        params.parse_datetime(None),
        query_data.limit,
        areas_with_names(),
        frozenset(area for _, area in principal().roles if area is not None),
    )
    return {
        "query": query_data.q,
        "categories": find_categories(query_data.q)[:MAX_CATEGORIES],
        "items": [asdict(hit) for hit in hits],
    }
