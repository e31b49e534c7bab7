"""Alembic's entry: runs migrations on the connection it is handed."""

from alembic import context
from geoalchemy2 import alembic_helpers

from gis.db import Base


def ours(obj, name, kind, reflected, compare_to):
    """Leave PostGIS's own tables alone."""
    if (
        kind == "table"
        and reflected
        and compare_to is None
        and (obj.schema in ("tiger", "topology") or name == "spatial_ref_sys")
    ):
        return False
    return alembic_helpers.include_object(obj, name, kind, reflected, compare_to)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=lambda name, kind, parents: (
        name != "layer_styles"
        and (kind != "schema" or name in (None, "public", "personal"))  # that table is QGIS's
    ),
    include_object=ours,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
