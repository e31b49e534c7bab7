"""Reading a query into a frame."""

from collections.abc import Iterator
from typing import Any

import geopandas
from geopandas import GeoDataFrame
from sqlalchemy import ColumnElement, LargeBinary, Select, SQLColumnExpression, func
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID

GEOMETRY = "geometry"
FRAME_BATCH_ROWS = 5_000
Query = Select[*tuple[Any, ...]]


def read_frame(session: Session, query: Query, index: str | list[str] | None) -> GeoDataFrame:
    """Return the rows of a query as a frame in EPSG:4490.

    Parameters
    ----------
    query
        Has the geometry as WKB under the name `geometry`, see `wkb`.
    index
        The column or columns that become the index; None numbers the rows.
    """
    return geopandas.read_postgis(
        query, session.connection(), geom_col=GEOMETRY, crs=f"EPSG:{STORAGE_SRID}", index_col=index
    )


def read_batches(session: Session, query: Query) -> Iterator[GeoDataFrame]:
    """Yield the rows of a query as frames of at most FRAME_BATCH_ROWS rows.

    Notes
    -----
    Only one frame is in memory at a time. A column of whole numbers is one of floats in a batch
    where a value is missing.
    """
    yield from geopandas.read_postgis(
        query.execution_options(stream_results=True),
        session.connection(),
        geom_col=GEOMETRY,
        crs=f"EPSG:{STORAGE_SRID}",
        chunksize=FRAME_BATCH_ROWS,
    )


def wkb(geometry: SQLColumnExpression[Any]) -> ColumnElement[bytes]:
    """Return a geometry as the column `geometry` of a query for `read_frame`."""
    return func.ST_AsBinary(geometry, type_=LargeBinary).label(GEOMETRY)
