-- Refuse an edit of a boundary in the tables and say how boundaries are edited; trigger before it.
-- A transaction that publishes says so: set_config('wangge.publishing', 'on', true).
-- Why SQL: QGIS and psql write to the tables without our code; whoever tries learns the way.
CREATE OR REPLACE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE =
    '边界不能直接改表，要通过边界修订来改：打开边界编辑页面；'
    '或导出 GeoPackage（./wangge dump grids 文件.gpkg），'
    '在 QGIS 中改好后作为草案上传（./wangge revision from-file 文件）。 / '
    'Boundaries are edited as a boundary revision, not in the tables: open the editor page, or '
    'dump a GeoPackage (./wangge dump grids FILE.gpkg), edit it in QGIS and upload it as a draft '
    '(./wangge revision from-file FILE).';
END $$
