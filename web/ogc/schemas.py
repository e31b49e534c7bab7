"""The parameters and documents of OGC API – Features."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gis.db import STORAGE_SRID
from gis.errors import invalid_field
from layers.collections import Box, Collection, Period
from web.http.params import parse_datetime

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
STORAGE_CRS = f"http://www.opengis.net/def/crs/EPSG/0/{STORAGE_SRID}"  # latitude first
CRS_URIS = (CRS84, STORAGE_CRS)
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
)
MAX_PAGE_ITEMS = 10_000  # of one page; who asks for more gets so many (Part 1, 7.15.2)
MAX_OFFSET = 10_000_000


class ItemIn(BaseModel):
    """How one feature is answered."""

    model_config = ConfigDict(extra="allow")  # unknown names are refused with those that are known

    crs: str = Field(CRS84, description="URI of the system of the coordinates: CRS84 or EPSG:4490")
    f: str | None = Field(None, description="Ignored: every answer is JSON", max_length=20)
    lang: str | None = Field(None, description="Language of titles: zh or en", max_length=10)


class ItemsIn(ItemIn):
    """Which features of a collection; any queryable is a parameter as well."""

    bbox: str | None = Field(
        None,
        description="Four or six numbers in bbox-crs; west > east spans 180 degrees",
        max_length=200,
    )
    bbox_crs: str = Field(CRS84, alias="bbox-crs", description="URI of the system of bbox")
    datetime_: str | None = Field(
        None,
        alias="datetime",
        description="An instant, or start/end with .. for an open end; default: now",
        max_length=80,
        examples=["2026-03-03T00:00:00Z", "2026-01-01T00:00:00Z/.."],
    )
    limit: Annotated[int, Field(ge=1, description=f"Of a page; {MAX_PAGE_ITEMS} at most")] = 100
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET, description="Features to skip")] = 0


def parse_crs(text: str, field: str) -> str:
    """Return the URI of a coordinate reference system; also where it stands in <>.

    Raises
    ------
    InvalidInput
        It is none of `CRS_URIS`.
    """
    uri = text.strip().strip("<>")
    if uri not in CRS_URIS:
        raise invalid_field(field, "ogc.crs_unknown", value=text[:100], allowed=[*CRS_URIS])
    return uri


def parse_box(text: str, crs: str) -> Box:
    """Return west, south, east, north of a box in one of `CRS_URIS`; heights are left out.

    Raises
    ------
    InvalidInput
        They are not four or six numbers in that order, or not on Earth.
    """
    try:
        values = [float(part) for part in text.split(",")]
        low, high = values[: len(values) // 2][:2], values[len(values) // 2 :][:2]
        if len(values) not in (4, 6):
            raise ValueError
    except ValueError:
        raise invalid_field("bbox", "ogc.bbox_malformed", value=text[:80]) from None
    if crs != CRS84:
        low, high = low[::-1], high[::-1]
    if not (-180 <= low[0] <= 180 and -180 <= high[0] <= 180 and -90 <= low[1] <= high[1] <= 90):
        raise invalid_field("bbox", "input.bbox_out_of_range", value=text[:80])
    return low[0], low[1], high[0], high[1]


def parse_period(text: str | None, now: datetime) -> Period:
    """Return the period of a `datetime` parameter (RFC 3339, Part 1, 7.15.4); without one, now.

    Raises
    ------
    InvalidInput
        It is no moment and no interval, or ends before it begins.
    """
    if text is None:
        return Period(now, now)
    ends = text.split("/")
    if len(ends) > 2 or all(end in ("", "..") for end in ends):
        raise invalid_field("datetime", "ogc.interval_malformed", value=text[:80])
    if len(ends) == 1:
        moment = parse_datetime(text, "datetime")
        return Period(moment, moment)
    start, end = (None if e in ("", "..") else parse_datetime(e, "datetime") for e in ends)
    if start and end and start > end:
        raise invalid_field("datetime", "ogc.interval_malformed", value=text[:80])
    return Period(start, end)


def link(href: str, rel: str, media_type: str, title: str = "") -> dict[str, str]:
    """Return a link of a document."""
    return {"href": href, "rel": rel, "type": media_type} | ({"title": title} if title else {})


def collection_document(
    root: str,
    collection: Collection,
    titles: tuple[str, str],
    extent: tuple[Box | None, datetime | None],
) -> dict[str, Any]:
    """Return the description of a collection.

    Parameters
    ----------
    root
        Address of the service's OGC API, without a slash at the end.
    titles
        Title and description.
    extent
        As `layers.collections.read_extent` returns it.
    """
    here = f"{root}/collections/{collection.name}"
    box, since = extent
    document: dict[str, Any] = {
        "id": collection.name,
        "title": titles[0],
        "description": titles[1],
        "itemType": "feature",
        "crs": [*CRS_URIS],
        "storageCrs": STORAGE_CRS,
        "links": [
            link(here, "self", "application/json"),
            link(f"{here}/items", "items", "application/geo+json"),
            link(
                f"{here}/queryables",
                "http://www.opengis.net/def/rel/ogc/1.0/queryables",
                "application/schema+json",
            ),
        ],
    }
    spatial = {"spatial": {"bbox": [box], "crs": CRS84}} if box else {}
    temporal = {"temporal": {"interval": [[utc_text(since), None]]}} if since else {}
    return document | ({"extent": spatial | temporal} if spatial or temporal else {})


def utc_text(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC, as clients of the standard read it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def feature(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `layers.collections.read_items` as a GeoJSON feature."""
    return {
        "type": "Feature",
        "id": row["code"],
        "geometry": orjson.Fragment(row["geometry"]),
        "properties": {
            name: utc_text(value) if isinstance(value, datetime) else value
            for name, value in row.items()
            if name != "geometry"
        },
    }


def queryables_document(href: str, title: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON Schema of the properties that features can be chosen by."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": href,
        "type": "object",
        "title": title,
        "properties": {
            name: {"title": name, "type": kind, "x-ogc-role": "id"}
            if name == "code"
            else {"title": name, "type": kind}
            for name, kind in types.items()
        },
        "additionalProperties": False,
    }


def require_known(parameters: ItemIn, queryable: Sequence[str] = ()) -> dict[str, str]:
    """Return the queryables among the parameters of a request, by name.

    Raises
    ------
    InvalidInput
        A name is neither of the standard nor queryable (Part 1, 7.15.8).
    """
    extra = parameters.model_extra or {}
    unknown = next((name for name in extra if name not in queryable), None)
    if unknown is not None:
        fields = type(parameters).model_fields
        allowed = [*(field.alias or key for key, field in fields.items()), *queryable]
        raise invalid_field(
            unknown[:40], "ogc.parameter_unknown", name=unknown[:40], allowed=allowed
        )
    return {name: str(value) for name, value in extra.items()}
