"""first tables."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


# Coordinates on the 1e-7 degree lattice, up to the rounding of a double. Names are qualified, since a restore
# checks rows with an empty search path.
ON_PRECISION = """
CREATE FUNCTION on_precision(shape geometry) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(bool_and(abs(x * 1e7 - round(x * 1e7)) < 1e-4 AND abs(y * 1e7 - round(y * 1e7)) < 1e-4), true)
  FROM (SELECT public.ST_X(d.geom) AS x, public.ST_Y(d.geom) AS y FROM public.ST_DumpPoints(shape) d) points
$$
"""

# Statement triggers see all rows of a COPY at once. SECURITY DEFINER: the application itself cannot write history.
REMEMBER = """
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  author text := coalesce(nullif(current_setting('wangge.who', true), ''), session_user);
  reason text := coalesce(current_setting('wangge.why', true), '');
  keys text[] := string_to_array(TG_ARGV[1], ',');
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, new)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k), j ->> 'county', 'insert', j
    FROM (SELECT to_jsonb(n) AS j FROM new_rows n) rows;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, old)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k), j ->> 'county', 'delete', j
    FROM (SELECT to_jsonb(o) AS j FROM old_rows o) rows;
  ELSE
    INSERT INTO history (who, why, table_name, row_key, county, op, old, new)
    SELECT author, reason, TG_ARGV[0], key, coalesce(n.j, o.j) ->> 'county', 'update', o.j, n.j
    FROM (SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
          FROM (SELECT to_jsonb(x) AS j FROM old_rows x) r) o
    FULL JOIN (SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
               FROM (SELECT to_jsonb(x) AS j FROM new_rows x) r) n USING (key)
    WHERE o.j IS DISTINCT FROM n.j;
  END IF;
  RETURN NULL;
END $$
"""

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$
"""

# Delivered at commit: whoever keeps an answer in memory knows that it is old.
ANNOUNCE = """
CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('wangge_changed', TG_TABLE_NAME);
  RETURN NULL;
END $$
"""

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
REMEMBERED = {
    "area": ("id",), "boundary": ("id",), "revision": ("id",), "building": ("id",), "stairwell": ("id",),
    "household": ("county", "id"), "unit_part": ("id",), "personal.person": ("id",), "post": ("id",),
    "leave": ("id",), "facility": ("id",), "dataset": ("kind",),
}
ANNOUNCED = (
    "area", "boundary", "building", "stairwell", "unit_part", "household", "personal.person", "post", "leave",
    "facility", "service_circle", "walk_network", "basemap_feature", "dataset",
)
KEPT = (
    ("history", "the history is append-only", "UPDATE OR DELETE OR TRUNCATE"),
    ("area", "areas are retired, never deleted: set retired_at", "DELETE OR TRUNCATE"),
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS personal")
    op.execute(ON_PRECISION)
    op.create_table('area',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Division code (6, 9 or 12 digits), grid = community + 3 digits; text.'),
    sa.Column('level', sa.Text(), nullable=False, comment='county, street, community, grid or unit.'),
    sa.Column('name', sa.Text(), nullable=False, comment='The name people use.'),
    sa.Column('county', sa.Text(), nullable=False, comment='Code of its county, the key work is spread by.'),
    sa.Column('parent_id', sa.BigInteger(), nullable=True, comment='The area one level up.'),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True, comment='Since when it is no longer used; rows are never deleted.'),
    sa.CheckConstraint("(level = 'county') = (parent_id IS NULL)", name=op.f('ck_area_only_counties_are_roots')),
    sa.CheckConstraint("code <> '' AND code = btrim(code)", name=op.f('ck_area_code_is_clean')),
    sa.CheckConstraint("level IN ('county', 'street', 'community', 'grid', 'unit')", name=op.f('ck_area_level_known')),
    sa.ForeignKeyConstraint(['parent_id'], ['area.id'], name=op.f('fk_area_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_area')),
    sa.UniqueConstraint('code', name=op.f('uq_area_code')),
    comment='An area as people know it; its code is never used again for another.'
    )
    op.create_index(op.f('ix_area_county_level'), 'area', ['county', 'level'], unique=False)
    op.create_index(op.f('ix_area_parent_id'), 'area', ['parent_id'], unique=False)
    op.create_table('basemap_feature',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('kind', sa.Text(), nullable=False, comment='street, water, waterway, green, rail, landuse or place.'),
    sa.Column('subkind', sa.Text(), server_default='', nullable=False, comment='The OSM value, as primary or residential.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='Name, Chinese preferred.'),
    sa.Column('min_zoom', sa.Integer(), nullable=False, comment='Lowest zoom it is drawn at.'),
    sa.Column('shape', Geometry(srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Point, line or polygon, EPSG:4490.'),
    sa.Column('source', sa.Text(), server_default='', nullable=False, comment='The load it came from.'),
    sa.CheckConstraint("kind IN ('street', 'water', 'waterway', 'green', 'rail', 'landuse', 'place')", name=op.f('ck_basemap_feature_kind_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_basemap_feature')),
    comment='A shape the basemap draws.'
    )
    op.create_index('idx_basemap_feature_shape', 'basemap_feature', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_basemap_feature_kind'), 'basemap_feature', ['kind'], unique=False)
    op.create_table('building',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Code of the building; for OSM w123 or r123.'),
    sa.Column('county', sa.Text(), nullable=True, comment='Code of the county it stands in.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='Name or number as written at the door, as 3号楼.'),
    sa.Column('estate', sa.Text(), server_default='', nullable=False, comment='Name of the compound (小区) it belongs to.'),
    sa.Column('address', sa.Text(), server_default='', nullable=False, comment='Street and house number.'),
    sa.Column('kind', sa.Text(), server_default='', nullable=False, comment="Use: residential, school, shop… (OSM's building value)."),
    sa.Column('floors', sa.Integer(), nullable=True, comment='Storeys above ground.'),
    sa.Column('shape', Geometry(geometry_type='MULTIPOLYGON', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Footprint with its holes, EPSG:4490.'),
    sa.Column('entrance', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True, comment='Where people walk in, when known.'),
    sa.Column('source', sa.Text(), server_default='', nullable=False, comment='The load it came from.'),
    sa.CheckConstraint('ST_IsValid(shape) AND NOT ST_IsEmpty(shape)', name=op.f('ck_building_shape_is_valid')),
    sa.CheckConstraint('floors > 0', name=op.f('ck_building_has_floors')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_building')),
    sa.UniqueConstraint('code', name=op.f('uq_building_code')),
    comment='A building by its footprint; several units may stand on one.'
    )
    op.create_index('idx_building_entrance', 'building', ['entrance'], postgresql_using='gist')
    op.create_index('idx_building_shape', 'building', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_building_county'), 'building', ['county'], unique=False)
    op.create_table('dataset',
    sa.Column('kind', sa.Text(), nullable=False, comment='osm, areas:grid, households, facilities, people or town.'),
    sa.Column('source', sa.Text(), nullable=False, comment='File name, or seed and size of the made-up town.'),
    sa.Column('digest', sa.Text(), nullable=False, comment='SHA-256 of the file, or of the seed and size.'),
    sa.Column('attribution', sa.Text(), server_default='', nullable=False, comment='Credit to print on maps.'),
    sa.Column('made_up', sa.Boolean(), server_default='false', nullable=False, comment='Invented data: said on every page.'),
    sa.Column('counts', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='Rows by table.'),
    sa.Column('loaded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was committed.'),
    sa.PrimaryKeyConstraint('kind', name=op.f('pk_dataset')),
    comment='A committed load: what, from which file, whom to credit.'
    )
    op.create_table('facility',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Code of the facility; for OSM n123, w123 or r123.'),
    sa.Column('county', sa.Text(), nullable=True, comment='Code of the county it stands in.'),
    sa.Column('category', sa.Text(), nullable=False, comment='Key of gis/facilities/categories.py.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='Name as signed.'),
    sa.Column('address', sa.Text(), server_default='', nullable=False, comment='Street and house number.'),
    sa.Column('opening_hours', sa.Text(), server_default='', nullable=False, comment='OSM opening_hours syntax.'),
    sa.Column('contact', sa.Text(), server_default='', nullable=False, comment='Public telephone.'),
    sa.Column('shape', Geometry(srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Point or polygon, EPSG:4490.'),
    sa.Column('entrance', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True, comment='Where people walk in, when known.'),
    sa.Column('source', sa.Text(), server_default='', nullable=False, comment='The load it came from.'),
    sa.CheckConstraint("GeometryType(shape) IN ('POINT', 'POLYGON', 'MULTIPOLYGON')", name=op.f('ck_facility_point_or_polygon')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_facility')),
    sa.UniqueConstraint('code', name=op.f('uq_facility_code')),
    comment='A place people walk to for a service.'
    )
    op.create_index('idx_facility_entrance', 'facility', ['entrance'], postgresql_using='gist')
    op.create_index('idx_facility_shape', 'facility', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_facility_county_category'), 'facility', ['county', 'category'], unique=False)
    op.create_table('history',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When the transaction began.'),
    sa.Column('who', sa.Text(), nullable=False, comment='Person or program (wangge.who), else the database role.'),
    sa.Column('why', sa.Text(), server_default='', nullable=False, comment='The reason given (wangge.why).'),
    sa.Column('table_name', sa.Text(), nullable=False, comment='Which table.'),
    sa.Column('row_key', sa.Text(), nullable=False, comment='Primary key of the row, parts joined by a slash.'),
    sa.Column('county', sa.Text(), nullable=True, comment='County of the row, where it has one.'),
    sa.Column('op', sa.Text(), nullable=False, comment='insert, update or delete.'),
    sa.Column('old', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='The row before.'),
    sa.Column('new', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='The row after.'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history')),
    comment='Append-only: what changed, by whom, when, why; old and new.'
    )
    op.create_index(op.f('ix_history_table_name_row_key'), 'history', ['table_name', 'row_key'], unique=False)
    op.create_table('person',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Staff number or other stable key of the load.'),
    sa.Column('name', sa.Text(), nullable=False, comment='Full name.'),
    sa.Column('phone', sa.Text(), server_default='', nullable=False, comment='Duty telephone; masked unless the asker may see it.'),
    sa.CheckConstraint("btrim(name) <> ''", name=op.f('ck_person_has_name')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('code', name=op.f('uq_person_code')),
    schema='personal',
    comment='People who hold posts; residents are not in here.'
    )
    op.create_table('revision',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('title', sa.Text(), nullable=False, comment='What the change is, in a few words.'),
    sa.Column('state', sa.Text(), nullable=False, comment='draft, published or withdrawn.'),
    sa.Column('author', sa.Text(), nullable=False, comment='Who drew it: account, program or load.'),
    sa.Column('reason', sa.Text(), nullable=True, comment='Why it was published.'),
    sa.Column('base', sa.BigInteger(), nullable=True, comment='The published revision it starts from.'),
    sa.Column('effective', sa.DateTime(timezone=True), nullable=True, comment='From when its boundaries hold.'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When the draft began.'),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True, comment='When it was published.'),
    sa.CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name=op.f('ck_revision_published_has_time')),
    sa.CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name=op.f('ck_revision_state_known')),
    sa.ForeignKeyConstraint(['base'], ['revision.id'], name=op.f('fk_revision_base')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_revision')),
    comment='A set of boundary changes published together.'
    )
    op.create_table('role',
    sa.Column('key', sa.Text(), nullable=False, comment='English key, as grid_leader.'),
    sa.Column('zh', sa.Text(), nullable=False, comment='The word on screen, as 网格长.'),
    sa.Column('en', sa.Text(), nullable=False, comment='The English word.'),
    sa.Column('attached_to', sa.Text(), nullable=False, comment='Level of area, or building, that such a post is attached to.'),
    sa.Column('rank', sa.Integer(), nullable=False, comment='Order in an answer, nearest to the household first.'),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_role')),
    comment='The roles of grid management, kept in step with gis/rights/roles.py.'
    )
    op.create_table('walk_network',
    sa.Column('singleton', sa.Boolean(), server_default='true', nullable=False, comment='Always true.'),
    sa.Column('version', sa.Text(), nullable=False, comment='Digest of nodes and edges.'),
    sa.Column('nodes', sa.Integer(), nullable=False, comment='Number of nodes.'),
    sa.Column('edges', sa.Integer(), nullable=False, comment='Number of edges.'),
    sa.Column('source', sa.Text(), nullable=False, comment='The load it came from.'),
    sa.Column('loaded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was loaded.'),
    sa.CheckConstraint('singleton', name=op.f('ck_walk_network_one_row')),
    sa.PrimaryKeyConstraint('singleton', name=op.f('pk_walk_network')),
    comment='The version of the walking network that is loaded; one row.'
    )
    op.create_table('walk_node',
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False, comment='OSM node id, or a running number.'),
    sa.Column('shape', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Where, EPSG:4490.'),
    sa.Column('component', sa.Integer(), nullable=False, comment='Connected part it belongs to; 0 is the largest, others are islands.'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_walk_node')),
    comment='A junction or end of walkable ways.'
    )
    op.create_index('idx_walk_node_shape', 'walk_node', ['shape'], postgresql_using='gist')
    op.create_table('boundary',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('area_id', sa.BigInteger(), nullable=False, comment='Whose shape it is.'),
    sa.Column('revision_id', sa.BigInteger(), nullable=False, comment='The revision that drew it.'),
    sa.Column('shape', Geometry(geometry_type='MULTIPOLYGON', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='The land, EPSG:4490, on the 1e-7 degree lattice.'),
    sa.Column('valid', postgresql.TSTZRANGE(), nullable=False, comment='In force from (inclusive) to (exclusive; empty: still).'),
    postgresql.ExcludeConstraint((sa.column('area_id'), '='), (sa.column('valid'), '&&'), using='gist', name='one_shape_at_a_time'),
    sa.CheckConstraint('NOT isempty(valid) AND NOT lower_inf(valid)', name=op.f('ck_boundary_dates_in_order')),
    sa.CheckConstraint('ST_IsValid(shape) AND NOT ST_IsEmpty(shape)', name=op.f('ck_boundary_shape_is_valid')),
    sa.CheckConstraint('lower_inc(valid) AND NOT upper_inc(valid)', name=op.f('ck_boundary_half_open')),
    sa.CheckConstraint('on_precision(shape)', name=op.f('ck_boundary_shape_on_precision')),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_boundary_area_id')),
    sa.ForeignKeyConstraint(['revision_id'], ['revision.id'], name=op.f('fk_boundary_revision_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_boundary')),
    comment='One shape of an area over a half-open range of time.'
    )
    op.create_index('idx_boundary_shape', 'boundary', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_boundary_revision_id'), 'boundary', ['revision_id'], unique=False)
    op.create_table('leave',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('person_id', sa.BigInteger(), nullable=False, comment='Who is away.'),
    sa.Column('valid', postgresql.TSTZRANGE(), nullable=False, comment='Away from (inclusive) to (exclusive).'),
    sa.CheckConstraint('NOT isempty(valid) AND NOT lower_inf(valid)', name=op.f('ck_leave_dates_in_order')),
    sa.CheckConstraint('lower_inc(valid) AND NOT upper_inc(valid)', name=op.f('ck_leave_half_open')),
    sa.ForeignKeyConstraint(['person_id'], ['personal.person.id'], name=op.f('fk_leave_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leave')),
    comment='When a person is away; the deputy stands in.'
    )
    op.create_index(op.f('ix_leave_person_id'), 'leave', ['person_id'], unique=False)
    op.create_table('post',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county.'),
    sa.Column('role', sa.Text(), nullable=False, comment='Key of the role.'),
    sa.Column('area_id', sa.BigInteger(), nullable=True, comment='The area answered for.'),
    sa.Column('building_id', sa.BigInteger(), nullable=True, comment='Or the building.'),
    sa.Column('holder_id', sa.BigInteger(), nullable=True, comment='Who holds it; empty: vacant.'),
    sa.Column('deputy_id', sa.BigInteger(), nullable=True, comment='Who stands in on leave or vacancy.'),
    sa.Column('valid', postgresql.TSTZRANGE(), nullable=False, comment='Held from (inclusive) to (exclusive; empty: still).'),
    sa.CheckConstraint('NOT isempty(valid) AND NOT lower_inf(valid)', name=op.f('ck_post_dates_in_order')),
    sa.CheckConstraint('holder_id <> deputy_id', name=op.f('ck_post_deputy_is_another')),
    sa.CheckConstraint('lower_inc(valid) AND NOT upper_inc(valid)', name=op.f('ck_post_half_open')),
    sa.CheckConstraint('num_nonnulls(area_id, building_id) = 1', name=op.f('ck_post_one_place')),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_post_area_id')),
    sa.ForeignKeyConstraint(['building_id'], ['building.id'], name=op.f('fk_post_building_id')),
    sa.ForeignKeyConstraint(['deputy_id'], ['personal.person.id'], name=op.f('fk_post_deputy_id')),
    sa.ForeignKeyConstraint(['holder_id'], ['personal.person.id'], name=op.f('fk_post_holder_id')),
    sa.ForeignKeyConstraint(['role'], ['role.key'], name=op.f('fk_post_role')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post')),
    comment='A role for one area or building, its holder and deputy, from when to when.'
    )
    op.create_index(op.f('ix_post_area_id'), 'post', ['area_id'], unique=False)
    op.create_index(op.f('ix_post_building_id'), 'post', ['building_id'], unique=False)
    op.create_index(op.f('ix_post_county'), 'post', ['county'], unique=False)
    op.create_index(op.f('ix_post_deputy_id'), 'post', ['deputy_id'], unique=False)
    op.create_index(op.f('ix_post_holder_id'), 'post', ['holder_id'], unique=False)
    op.create_table('service_circle',
    sa.Column('facility_id', sa.BigInteger(), nullable=False, comment='Whose circle.'),
    sa.Column('profile', sa.Text(), nullable=False, comment='Who walks: adult, elder, wheelchair.'),
    sa.Column('minutes', sa.Integer(), nullable=False, comment='The limit, minutes.'),
    sa.Column('speed', sa.Double(), nullable=False, comment='Walking speed, metres a second.'),
    sa.Column('network_version', sa.Text(), nullable=False, comment='Digest of the walking network it was computed on.'),
    sa.Column('origin_digest', sa.Text(), nullable=False, comment="Digest of the facility's place; another one means recompute."),
    sa.Column('off_network', sa.Boolean(), nullable=False, comment='The facility is more than 100 m from any street.'),
    sa.Column('households', sa.Integer(), nullable=False, comment='Households within the limit, by exact distance.'),
    sa.Column('people', sa.Integer(), nullable=False, comment='People within the limit, by exact distance.'),
    sa.Column('shape', Geometry(geometry_type='MULTIPOLYGON', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='The circle, EPSG:4490; empty when off the network.'),
    sa.Column('computed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was computed.'),
    sa.CheckConstraint('ST_IsValid(shape)', name=op.f('ck_service_circle_shape_is_valid')),
    sa.CheckConstraint('minutes > 0 AND speed > 0', name=op.f('ck_service_circle_limits_positive')),
    sa.ForeignKeyConstraint(['facility_id'], ['facility.id'], name=op.f('fk_service_circle_facility_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('facility_id', 'profile', 'minutes', name=op.f('pk_service_circle')),
    comment="The ground within some minutes' walk of a facility, on one version of the network."
    )
    op.create_index('idx_service_circle_shape', 'service_circle', ['shape'], postgresql_using='gist')
    op.create_table('stairwell',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('building_id', sa.BigInteger(), nullable=False, comment='Its building.'),
    sa.Column('name', sa.Text(), nullable=False, comment='Number as written, as 2.'),
    sa.ForeignKeyConstraint(['building_id'], ['building.id'], name=op.f('fk_stairwell_building_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stairwell')),
    sa.UniqueConstraint('building_id', 'name', name=op.f('uq_stairwell_building_id_name')),
    comment='A stairwell (单元) of a building.'
    )
    op.create_table('walk_edge',
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False, comment='Running number in the load.'),
    sa.Column('way_id', sa.BigInteger(), nullable=True, comment='OSM way it is a piece of.'),
    sa.Column('u', sa.BigInteger(), nullable=False, comment='Node at the start of the line.'),
    sa.Column('v', sa.BigInteger(), nullable=False, comment='Node at the end of the line.'),
    sa.Column('length', sa.Double(), nullable=False, comment='Geodesic length, metres.'),
    sa.Column('kind', sa.Text(), nullable=False, comment='OSM highway value, or plaza for the edge of a pedestrian area.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='Street name, Chinese preferred.'),
    sa.Column('steps', sa.Boolean(), server_default='false', nullable=False, comment='Steps: not for wheels.'),
    sa.Column('structure', sa.Text(), server_default='', nullable=False, comment='bridge, tunnel or empty.'),
    sa.Column('shape', Geometry(geometry_type='LINESTRING', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='The line from u to v, EPSG:4490.'),
    sa.CheckConstraint('length > 0', name=op.f('ck_walk_edge_length_positive')),
    sa.ForeignKeyConstraint(['u'], ['walk_node.id'], name=op.f('fk_walk_edge_u')),
    sa.ForeignKeyConstraint(['v'], ['walk_node.id'], name=op.f('fk_walk_edge_v')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_walk_edge')),
    comment='A walkable piece of way between two nodes, usable both ways.'
    )
    op.create_index('idx_walk_edge_shape', 'walk_edge', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_walk_edge_u'), 'walk_edge', ['u'], unique=False)
    op.create_index(op.f('ix_walk_edge_v'), 'walk_edge', ['v'], unique=False)
    op.create_table('household',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of its county, part of the key.'),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key within the county.'),
    sa.Column('building_id', sa.BigInteger(), nullable=False, comment='Its building.'),
    sa.Column('stairwell_id', sa.BigInteger(), nullable=True, comment='Its stairwell, when the building has any.'),
    sa.Column('floor', sa.Integer(), nullable=True, comment='Storey, from 1.'),
    sa.Column('room', sa.Text(), nullable=False, comment='Room as written at the door, as 501.'),
    sa.Column('people', sa.Integer(), nullable=False, comment='How many live there.'),
    sa.Column('unit_id', sa.BigInteger(), nullable=True, comment='Its ten-household unit.'),
    sa.CheckConstraint('people >= 0 AND people < 100', name=op.f('ck_household_people_plausible')),
    sa.ForeignKeyConstraint(['building_id'], ['building.id'], name=op.f('fk_household_building_id')),
    sa.ForeignKeyConstraint(['stairwell_id'], ['stairwell.id'], name=op.f('fk_household_stairwell_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['area.id'], name=op.f('fk_household_unit_id')),
    sa.PrimaryKeyConstraint('county', 'id', name=op.f('pk_household')),
    sa.UniqueConstraint('county', 'building_id', 'stairwell_id', 'room', name=op.f('uq_household_county_building_id_stairwell_id_room'), postgresql_nulls_not_distinct=True),
    comment='A home: where it is and how many people live there; no names.'
    )
    op.create_index(op.f('ix_household_building_id'), 'household', ['building_id'], unique=False)
    op.create_index(op.f('ix_household_unit_id'), 'household', ['unit_id'], unique=False)
    op.create_table('unit_part',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('unit_id', sa.BigInteger(), nullable=False, comment='The unit (an area).'),
    sa.Column('building_id', sa.BigInteger(), nullable=False, comment='Its building.'),
    sa.Column('stairwell_id', sa.BigInteger(), nullable=True, comment='The stairwell; empty: every one.'),
    sa.Column('floor_from', sa.Integer(), nullable=True, comment='Lowest floor, inclusive; empty: every one.'),
    sa.Column('floor_to', sa.Integer(), nullable=True, comment='Highest floor, inclusive.'),
    sa.CheckConstraint('(floor_from IS NULL) = (floor_to IS NULL) AND floor_from <= floor_to', name=op.f('ck_unit_part_floors_in_order')),
    sa.ForeignKeyConstraint(['building_id'], ['building.id'], name=op.f('fk_unit_part_building_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['stairwell_id'], ['stairwell.id'], name=op.f('fk_unit_part_stairwell_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['area.id'], name=op.f('fk_unit_part_unit_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unit_part')),
    sa.UniqueConstraint('unit_id', 'building_id', 'stairwell_id', 'floor_from', 'floor_to', name='uq_unit_part_whole', postgresql_nulls_not_distinct=True),
    comment='Which building, stairwell or floors a ten-household unit stands on.'
    )
    op.create_index(op.f('ix_unit_part_building_id'), 'unit_part', ['building_id'], unique=False)
    op.create_index(op.f('ix_unit_part_unit_id'), 'unit_part', ['unit_id'], unique=False)

    for function in (REMEMBER, REFUSE, ANNOUNCE):
        op.execute(function)
    for table, columns in REMEMBERED.items():
        name = table.split(".")[-1]
        for event, tables in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {tables} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION remember('{name}', '{','.join(columns)}')"
            )
    for table in ANNOUNCED:
        op.execute(
            f"CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION announce()"
        )
    for table, words, events in KEPT:
        op.execute(
            f"CREATE TRIGGER keep BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse('{words}')"
        )


def downgrade() -> None:
    op.drop_index(op.f('ix_unit_part_unit_id'), table_name='unit_part')
    op.drop_index(op.f('ix_unit_part_building_id'), table_name='unit_part')
    op.drop_table('unit_part')
    op.drop_index(op.f('ix_household_unit_id'), table_name='household')
    op.drop_index(op.f('ix_household_building_id'), table_name='household')
    op.drop_table('household')
    op.drop_index(op.f('ix_walk_edge_v'), table_name='walk_edge')
    op.drop_index(op.f('ix_walk_edge_u'), table_name='walk_edge')
    op.drop_index('idx_walk_edge_shape', table_name='walk_edge')
    op.drop_table('walk_edge')
    op.drop_table('stairwell')
    op.drop_index('idx_service_circle_shape', table_name='service_circle')
    op.drop_table('service_circle')
    op.drop_index(op.f('ix_post_holder_id'), table_name='post')
    op.drop_index(op.f('ix_post_deputy_id'), table_name='post')
    op.drop_index(op.f('ix_post_county'), table_name='post')
    op.drop_index(op.f('ix_post_building_id'), table_name='post')
    op.drop_index(op.f('ix_post_area_id'), table_name='post')
    op.drop_table('post')
    op.drop_index(op.f('ix_leave_person_id'), table_name='leave')
    op.drop_table('leave')
    op.drop_index(op.f('ix_boundary_revision_id'), table_name='boundary')
    op.drop_index('idx_boundary_shape', table_name='boundary')
    op.drop_table('boundary')
    op.drop_index('idx_walk_node_shape', table_name='walk_node')
    op.drop_table('walk_node')
    op.drop_table('walk_network')
    op.drop_table('role')
    op.drop_table('revision')
    op.drop_table('person', schema='personal')
    op.drop_index(op.f('ix_history_table_name_row_key'), table_name='history')
    op.drop_table('history')
    op.drop_index(op.f('ix_facility_county_category'), table_name='facility')
    op.drop_index('idx_facility_shape', table_name='facility')
    op.drop_index('idx_facility_entrance', table_name='facility')
    op.drop_table('facility')
    op.drop_table('dataset')
    op.drop_index(op.f('ix_building_county'), table_name='building')
    op.drop_index('idx_building_shape', table_name='building')
    op.drop_index('idx_building_entrance', table_name='building')
    op.drop_table('building')
    op.drop_index(op.f('ix_basemap_feature_kind'), table_name='basemap_feature')
    op.drop_index('idx_basemap_feature_shape', table_name='basemap_feature')
    op.drop_table('basemap_feature')
    op.drop_index(op.f('ix_area_parent_id'), table_name='area')
    op.drop_index(op.f('ix_area_county_level'), table_name='area')
    op.drop_table('area')
    for function in ("remember()", "refuse()", "announce()", "on_precision(geometry)"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP SCHEMA personal")
