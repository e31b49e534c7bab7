"""boundaries change by revisions only; the table where QGIS looks for styles."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Whoever tries learns the way. A transaction that publishes says so: set_config('wangge.publishing', 'on', true).
REFUSE_EDIT = """
CREATE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE =
    '边界不能直接改表，要通过边界修订来改：打开边界编辑页面；或导出 GeoPackage（./wangge dump grids 文件.gpkg），'
    '在 QGIS 中改好后作为草案上传（./wangge revision from-file 文件）。 / '
    'Boundaries are edited as a boundary revision, not in the tables: open the editor page, or dump a GeoPackage '
    '(./wangge dump grids FILE.gpkg), edit it in QGIS and upload it as a draft (./wangge revision from-file FILE).';
END $$
"""
UNLESS = "current_setting('wangge.publishing', true) IS DISTINCT FROM 'on'"
IDENTITY = ("code", "level", "parent_id", "retired_at")  # of an area; its name may change at any time

# As QGIS itself makes it, so that it finds the styles and a planner's own may be saved beside them.
LAYER_STYLES = """
CREATE TABLE IF NOT EXISTS layer_styles (
  id serial PRIMARY KEY, f_table_catalog varchar, f_table_schema varchar, f_table_name varchar,
  f_geometry_column varchar, stylename text, styleqml xml, stylesld xml, useasdefault boolean, description text,
  owner varchar(63) DEFAULT CURRENT_USER, ui xml, update_time timestamp DEFAULT CURRENT_TIMESTAMP
);
ALTER TABLE layer_styles ADD COLUMN IF NOT EXISTS type varchar;
COMMENT ON TABLE layer_styles IS 'Styles of layers, in the columns QGIS expects.'
"""
COMMENTS = {
    "id": "Surrogate key.",
    "f_table_catalog": "Name of the database.",
    "f_table_schema": "Schema of the view.",
    "f_table_name": "The view the style is for.",
    "f_geometry_column": "Its geometry column.",
    "stylename": "Name of the style.",
    "styleqml": "The style as QGIS writes it.",
    "stylesld": "The style as SLD; empty.",
    "useasdefault": "Whether QGIS opens the layer with it.",
    "description": "What it shows.",
    "owner": "The database role that stored it.",
    "ui": "A form of QGIS; empty.",
    "update_time": "When it was stored.",
    "type": "Point, Line or Polygon; empty: whatever the layer is.",
}


def upgrade() -> None:
    op.execute(REFUSE_EDIT)
    op.execute(
        "CREATE TRIGGER refuse_edit BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON boundary "
        f"FOR EACH STATEMENT WHEN ({UNLESS}) EXECUTE FUNCTION refuse_edit()"
    )
    old, new = (", ".join(f"{row}.{column}" for column in IDENTITY) for row in ("OLD", "NEW"))
    op.execute(
        f"CREATE TRIGGER refuse_edit BEFORE UPDATE ON area FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}) "
        f"AND {UNLESS}) EXECUTE FUNCTION refuse_edit()"
    )
    for statement in LAYER_STYLES.split(";\n"):
        op.execute(statement)
    for column, words in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN layer_styles.{column} IS '{words}'")


def downgrade() -> None:
    op.execute("DROP SCHEMA IF EXISTS qgis CASCADE")  # the views: see gis/ops/qgis.py
    op.execute("DROP TABLE layer_styles")
    op.execute("DROP TRIGGER refuse_edit ON area")
    op.execute("DROP TRIGGER refuse_edit ON boundary")
    op.execute("DROP FUNCTION refuse_edit()")
