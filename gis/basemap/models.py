"""Tables of the basemap's features, and of the loads."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, geometry, key


class BasemapFeature(Base):
    """A street, water, green, railway or land-use shape for the basemap tiles."""

    __tablename__ = "basemap_feature"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('street', 'water', 'waterway', 'green', 'rail', 'landuse', 'place')",
            name="kind_known",
        ),
        {"comment": "A shape the basemap draws."},
    )

    id: Mapped[int] = key()
    kind: Mapped[str] = mapped_column(
        index=True, comment="street, water, waterway, green, rail, landuse or place."
    )
    subkind: Mapped[str] = mapped_column(
        server_default="", comment="The OSM value, as primary or residential."
    )
    name: Mapped[str] = mapped_column(server_default="", comment="Name, Chinese preferred.")
    min_zoom: Mapped[int] = mapped_column(comment="Lowest zoom it is drawn at.")
    geom: Mapped[WKBElement] = mapped_column(
        geometry("GEOMETRY"), comment="Point, line or polygon, EPSG:4490."
    )
    source: Mapped[str] = mapped_column(server_default="", comment="The load it came from.")


class Dataset(Base):
    """A committed load: source of the data and its attribution."""

    __tablename__ = "dataset"
    __table_args__ = ({"comment": "A committed load: what, from which file, whom to credit."},)

    kind: Mapped[str] = mapped_column(
        primary_key=True, comment="osm, areas:grid, households, facilities, people or town."
    )
    source: Mapped[str] = mapped_column(comment="File name, or seed and size of the made-up town.")
    digest: Mapped[str] = mapped_column(comment="SHA-256 of the file, or of the seed and size.")
    attribution: Mapped[str] = mapped_column(server_default="", comment="Credit to print on maps.")
    made_up: Mapped[bool] = mapped_column(
        server_default="false", comment="Invented data: said on every page."
    )
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, comment="Rows by table.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was committed."
    )
