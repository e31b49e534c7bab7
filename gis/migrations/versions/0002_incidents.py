"""incidents."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


# As in 0001, and secrets stay out of the history.
SECRET = "ARRAY['password_hash', 'secret', 'secret_hash', 'tracking_hash']"
REMEMBER = """
CREATE OR REPLACE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

# The state of an incident is what its events say: an event that the table of moves does not allow is refused,
# and one that it allows changes the state. Nothing else does.
APPLY_EVENT = """
CREATE FUNCTION apply_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old incident%ROWTYPE;
BEGIN
  SELECT * INTO old FROM incident WHERE county = NEW.county AND id = NEW.incident_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no incident %', NEW.incident_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF (NEW.from_state, NEW.from_pending) IS DISTINCT FROM (old.state, old.pending)
     OR NEW.move = 'resume' AND NEW.to_state <> old.before
     OR NOT EXISTS (SELECT FROM incident_move m WHERE m.move = NEW.move
       AND (m.from_state, m.from_pending, m.to_state, m.to_pending)
         = (NEW.from_state, NEW.from_pending, NEW.to_state, NEW.to_pending)) THEN
    RAISE EXCEPTION 'incident %: % (%) is not changed by % from % (%) to % (%)', NEW.incident_id, old.state, old.pending,
      NEW.move, NEW.from_state, NEW.from_pending, NEW.to_state, NEW.to_pending
      USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
  END IF;
  UPDATE incident SET state = NEW.to_state, pending = NEW.to_pending, version = version + 1, changed_at = NEW.at,
    before = CASE WHEN NEW.to_state = 'suspended' AND NEW.from_state <> 'suspended' THEN NEW.from_state WHEN NEW.move = 'resume' THEN '' ELSE before END,
    closed_at = CASE WHEN NEW.to_state NOT IN ('closed', 'void') THEN NULL
                     WHEN NEW.from_state = NEW.to_state THEN closed_at ELSE NEW.at END
  WHERE county = NEW.county AND id = NEW.incident_id;
  PERFORM pg_notify('wangge_incident', NEW.id || ' ' || NEW.incident_id);
  RETURN NEW;
END $$
"""

GUARD_STATE = """
CREATE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state, NEW.pending, NEW.before) IS DISTINCT FROM ('reported', '', '') THEN
      RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF pg_trigger_depth() < 2 AND (NEW.state, NEW.pending, NEW.before, NEW.version, NEW.closed_at)
        IS DISTINCT FROM (OLD.state, OLD.pending, OLD.before, OLD.version, OLD.closed_at) THEN
    RAISE EXCEPTION 'the state of an incident changes by events: insert into incident_event'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
REMEMBERED = {
    "incident": ("county", "id"), "catalogue_edition": ("id",), "incident_category": ("id",), "rule_set": ("id",),
    "routing_rule": ("id",), "order_taker": ("person_id",), "device": ("id",), "notice_target": ("id",),
    "personal.account": ("id",), "personal.access_grant": ("id",), "personal.api_key": ("id",),
}
ANNOUNCED = (
    "catalogue_edition", "incident_category", "rule_set", "routing_rule", "order_taker", "personal.account",
    "personal.access_grant", "personal.api_key", "notice_target",
)
KEPT = (
    ("incident", "incidents are made void, never deleted", "DELETE OR TRUNCATE"),
    ("incident_event", "what happened to an incident is never changed; add an event", "UPDATE OR DELETE OR TRUNCATE"),
)


def remember(strip: str) -> None:
    """(Re)write the history's trigger function."""
    words = REMEMBER
    for row in ("n", "o", "x"):
        words = words.replace(f"to_jsonb({row}) AS j", f"to_jsonb({row}){strip} AS j")
    op.execute(words)


def upgrade() -> None:
    remember(f" - {SECRET}")
    op.create_table('catalogue_edition',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('name', sa.Text(), nullable=False, comment='As GB/T 47678.5-2026, or 2027-03 of the city.'),
    sa.Column('state', sa.Text(), nullable=False, comment='draft, active or retired.'),
    sa.Column('source', sa.Text(), server_default='', nullable=False, comment='The file it came from.'),
    sa.Column('loaded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was loaded.'),
    sa.CheckConstraint("state IN ('draft', 'active', 'retired')", name=op.f('ck_catalogue_edition_state_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogue_edition')),
    sa.UniqueConstraint('name', name=op.f('uq_catalogue_edition_name')),
    comment='One edition of the catalogue of categories; one is active.'
    )
    op.create_index('one_active_edition', 'catalogue_edition', ['state'], unique=True, postgresql_where=sa.text("state = 'active'"))
    op.create_table('device',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Its number at the maker.'),
    sa.Column('kind', sa.Text(), nullable=False, comment='smoke, door, camera, wristband, thrown_object or parking.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='Where it hangs, in words.'),
    sa.Column('county', sa.Text(), nullable=True, comment='Code of the county.'),
    sa.Column('shape', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Where it is, EPSG:4490.'),
    sa.Column('address', sa.Text(), server_default='', nullable=False, comment='Building, stairwell, floor.'),
    sa.Column('category', sa.Text(), nullable=False, comment='Code of the category its alarms are filed under.'),
    sa.Column('secret', sa.Text(), nullable=False, comment='Key its messages are signed with (HMAC-SHA256).'),
    sa.Column('active', sa.Boolean(), server_default='true', nullable=False, comment='Alarms are taken.'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device')),
    sa.UniqueConstraint('code', name=op.f('uq_device_code')),
    comment='A device that raises alarms, with its place and the category they are filed under.'
    )
    op.create_index('idx_device_shape', 'device', ['shape'], postgresql_using='gist')
    op.create_table('idempotency',
    sa.Column('owner', sa.Text(), nullable=False, comment='Who sent it, and to which address.'),
    sa.Column('key', sa.Text(), nullable=False, comment='Idempotency-Key.'),
    sa.Column('request_hash', sa.LargeBinary(), nullable=False, comment='SHA-256 of the body.'),
    sa.Column('status', sa.Integer(), nullable=True, comment='HTTP status answered.'),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='The body answered.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When; kept for a week.'),
    sa.PrimaryKeyConstraint('owner', 'key', name=op.f('pk_idempotency')),
    comment='Writes answered once; the same key gets the same answer.'
    )
    op.create_table('incident_move',
    sa.Column('move', sa.Text(), nullable=False, comment='As take.'),
    sa.Column('from_state', sa.Text(), nullable=False, comment='State before.'),
    sa.Column('from_pending', sa.Text(), nullable=False, comment='Request waiting before; empty: none.'),
    sa.Column('to_state', sa.Text(), nullable=False, comment='State after.'),
    sa.Column('to_pending', sa.Text(), nullable=False, comment='Request waiting after; empty: none.'),
    sa.PrimaryKeyConstraint('move', 'from_state', 'from_pending', 'to_state', 'to_pending', name=op.f('pk_incident_move')),
    comment='The moves of the loop, kept in step with gis/incidents/states.py.'
    )
    op.create_table('api_key',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('name', sa.Text(), nullable=False, comment='The program.'),
    sa.Column('public', sa.Text(), nullable=False, comment="The key's open part, by which it is found."),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=False, comment='SHA-256 of the secret part (256 random bits).'),
    sa.Column('actions', postgresql.ARRAY(sa.Text()), nullable=False, comment='Actions of gis/rights/access.py it may do.'),
    sa.Column('area_ids', postgresql.ARRAY(sa.BigInteger()), nullable=False, comment='Areas it may do them in.'),
    sa.Column('per_minute', sa.Integer(), server_default='600', nullable=False, comment='Requests a minute.'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was made.'),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True, comment='No longer valid from then on; rotation sets it.'),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True, comment='Since when it is refused.'),
    sa.CheckConstraint('per_minute > 0', name=op.f('ck_api_key_rate_positive')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sa.UniqueConstraint('public', name=op.f('uq_api_key_public')),
    schema='personal',
    comment='Keys of programs; only hashes are kept.'
    )
    op.create_table('sign_in',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('username', sa.Text(), nullable=False, comment='As given, lower case.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When.'),
    sa.Column('succeeded', sa.Boolean(), nullable=False, comment='Whether it did.'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in')),
    schema='personal',
    comment='Tries to sign in; counted for the lockout, kept for 90 days.'
    )
    op.create_index(op.f('ix_sign_in_username_at'), 'sign_in', ['username', 'at'], unique=False, schema='personal')
    op.create_table('rule_set',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('name', sa.Text(), nullable=False, comment='What it is called.'),
    sa.Column('state', sa.Text(), nullable=False, comment='draft, active or retired.'),
    sa.Column('author', sa.Text(), server_default='', nullable=False, comment='Who made it.'),
    sa.Column('loaded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was loaded.'),
    sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True, comment='When it was switched on.'),
    sa.CheckConstraint("state IN ('draft', 'active', 'retired')", name=op.f('ck_rule_set_state_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule_set')),
    sa.UniqueConstraint('name', name=op.f('uq_rule_set_name')),
    comment='An ordered set of routing rules; one is active.'
    )
    op.create_index('one_active_rule_set', 'rule_set', ['state'], unique=True, postgresql_where=sa.text("state = 'active'"))
    op.create_table('device_alarm',
    sa.Column('device_id', sa.BigInteger(), nullable=False, comment='The device.'),
    sa.Column('alarm', sa.Text(), nullable=False, comment='Its number of the alarm.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was taken.'),
    sa.Column('incident_id', sa.Uuid(), nullable=False, comment='The incident it is in.'),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_device_alarm_device_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('device_id', 'alarm', name=op.f('pk_device_alarm')),
    comment='Alarms that were taken; the same one again is not filed twice.'
    )
    op.create_table('incident_category',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('edition_id', sa.BigInteger(), nullable=False, comment='The edition it is in.'),
    sa.Column('code', sa.Text(), nullable=False, comment='Five digits for GB/T 47678.5, a letter and digits for community kinds.'),
    sa.Column('old_code', sa.Text(), server_default='', nullable=False, comment='Its code in the older edition, where it had one.'),
    sa.Column('major', sa.Text(), nullable=False, comment='Code of its major group, as 06.'),
    sa.Column('major_zh', sa.Text(), nullable=False, comment='Name of the group, as 市容环境.'),
    sa.Column('major_en', sa.Text(), nullable=False, comment='Name of the group in English.'),
    sa.Column('zh', sa.Text(), nullable=False, comment='Name on screen, as 暴露垃圾.'),
    sa.Column('en', sa.Text(), nullable=False, comment='Name in English.'),
    sa.Column('kind', sa.Text(), nullable=False, comment='incident, or order (点单) that somebody claims.'),
    sa.Column('severity', sa.Text(), server_default='normal', nullable=False, comment='Severity where the report names none.'),
    sa.Column('skill', sa.Text(), server_default='', nullable=False, comment='For orders: the skill asked for, as repairs.'),
    sa.Column('words', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False, comment='Words that point to it.'),
    sa.Column('examples', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False, comment='Reports of its kind.'),
    sa.Column('attributes', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False, comment='Questions of its own, as Open311 describes attributes.'),
    sa.Column('public', sa.Boolean(), server_default='true', nullable=False, comment='Residents may choose it.'),
    sa.Column('position', sa.Integer(), server_default='0', nullable=False, comment='Order in lists.'),
    sa.CheckConstraint("kind IN ('incident', 'order')", name=op.f('ck_incident_category_kind_known')),
    sa.CheckConstraint("severity IN ('low', 'normal', 'high', 'urgent')", name=op.f('ck_incident_category_severity_known')),
    sa.ForeignKeyConstraint(['edition_id'], ['catalogue_edition.id'], name=op.f('fk_incident_category_edition_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_category')),
    sa.UniqueConstraint('edition_id', 'code', name=op.f('uq_incident_category_edition_id_code')),
    comment='A kind of matter in an edition of the catalogue.'
    )
    op.create_table('notice_target',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('kind', sa.Text(), nullable=False, comment='webhook or email.'),
    sa.Column('address', sa.Text(), nullable=False, comment='URL or e-mail address.'),
    sa.Column('secret', sa.Text(), server_default='', nullable=False, comment='Key webhooks are signed with (HMAC-SHA256).'),
    sa.Column('topics', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False, comment='Topics; empty: all.'),
    sa.Column('area_id', sa.BigInteger(), nullable=True, comment='Only incidents of this area.'),
    sa.Column('active', sa.Boolean(), server_default='true', nullable=False, comment='Notices are sent.'),
    sa.CheckConstraint("kind IN ('webhook', 'email')", name=op.f('ck_notice_target_kind_known')),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_notice_target_area_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_target')),
    comment='Where notices go besides the in-app list.'
    )
    op.create_table('order_taker',
    sa.Column('person_id', sa.BigInteger(), nullable=False, comment='Who.'),
    sa.Column('role', sa.Text(), nullable=False, comment='party_member, volunteer_team, property_company.'),
    sa.Column('area_id', sa.BigInteger(), nullable=False, comment='Community or street served.'),
    sa.Column('skills', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False, comment='As repairs, water, labour.'),
    sa.Column('shape', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True, comment='Where they start from, EPSG:4490.'),
    sa.Column('active', sa.Boolean(), server_default='true', nullable=False, comment='Takes orders now.'),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_order_taker_area_id')),
    sa.ForeignKeyConstraint(['person_id'], ['personal.person.id'], name=op.f('fk_order_taker_person_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role'], ['role.key'], name=op.f('fk_order_taker_role')),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_order_taker')),
    comment='Who takes orders (接单), with which skills, from where.'
    )
    op.create_index('idx_order_taker_shape', 'order_taker', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_order_taker_area_id'), 'order_taker', ['area_id'], unique=False)
    op.create_index('ix_order_taker_skills', 'order_taker', ['skills'], unique=False, postgresql_using='gin')
    op.create_table('account',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('username', sa.Text(), nullable=False, comment='Lower case.'),
    sa.Column('password_hash', sa.Text(), nullable=True, comment='argon2id; empty: signs in elsewhere (OIDC) only.'),
    sa.Column('must_change', sa.Boolean(), server_default='false', nullable=False, comment='The password is a first one.'),
    sa.Column('subject', sa.Text(), nullable=True, comment='issuer|sub of the OIDC provider.'),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment='The person whose posts count.'),
    sa.Column('active', sa.Boolean(), server_default='true', nullable=False, comment='May sign in.'),
    sa.Column('stamp', sa.Integer(), server_default='1', nullable=False, comment='Raised to end every session of the account.'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was made.'),
    sa.CheckConstraint("username = lower(btrim(username)) AND username <> ''", name=op.f('ck_account_username_clean')),
    sa.ForeignKeyConstraint(['person_id'], ['personal.person.id'], name=op.f('fk_account_person_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('subject', name=op.f('uq_account_subject')),
    sa.UniqueConstraint('username', name=op.f('uq_account_username')),
    schema='personal',
    comment='Who signs in; rights come from posts and grants.'
    )
    op.create_index(op.f('ix_account_person_id'), 'account', ['person_id'], unique=False, schema='personal')
    op.create_table('routing_rule',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('rule_set_id', sa.BigInteger(), nullable=False, comment='Its set.'),
    sa.Column('position', sa.Integer(), nullable=False, comment='Order; lower is tried first.'),
    sa.Column('name', sa.Text(), nullable=False, comment='What the answer calls it, as 噪声扰民·夜间.'),
    sa.Column('category', sa.Text(), server_default='', nullable=False, comment='Code or its beginning (06); empty: any.'),
    sa.Column('severity', sa.Text(), server_default='', nullable=False, comment='low, normal, high or urgent; empty: any.'),
    sa.Column('area_id', sa.BigInteger(), nullable=True, comment='The area it holds in; empty: any.'),
    sa.Column('time_from', sa.Time(), nullable=True, comment='From this time of day; empty: any.'),
    sa.Column('time_to', sa.Time(), nullable=True, comment='Until before this time; less than time_from: past midnight.'),
    sa.Column('days', sa.Text(), server_default='any', nullable=False, comment='any, working or rest (weekends and holidays).'),
    sa.Column('channel', sa.Text(), server_default='', nullable=False, comment='Channel of the report; empty: any.'),
    sa.Column('way', sa.Text(), server_default='assign', nullable=False, comment='assign to a person, or order to be claimed.'),
    sa.Column('first_role', sa.Text(), nullable=False, comment='The role that goes first.'),
    sa.Column('escalation', postgresql.ARRAY(sa.Text()), nullable=False, comment='Roles one step up each, for vacancies and for supervision when overdue.'),
    sa.Column('accept_min', sa.Integer(), nullable=False, comment='Minutes from report to acceptance.'),
    sa.Column('dispatch_min', sa.Integer(), nullable=False, comment='Minutes from acceptance to dispatch.'),
    sa.Column('take_min', sa.Integer(), nullable=False, comment='Minutes from dispatch to being taken.'),
    sa.Column('handle_min', sa.Integer(), nullable=False, comment='Minutes from being taken to handled.'),
    sa.Column('check_min', sa.Integer(), nullable=False, comment='Minutes from handled to checked, and from checked to closed.'),
    sa.Column('around_the_clock', sa.Boolean(), server_default='false', nullable=False, comment='Minutes of the clock on the wall, not of working time.'),
    sa.CheckConstraint("days IN ('any', 'working', 'rest')", name=op.f('ck_routing_rule_days_known')),
    sa.CheckConstraint("way IN ('assign', 'order')", name=op.f('ck_routing_rule_way_known')),
    sa.CheckConstraint('(time_from IS NULL) = (time_to IS NULL)', name=op.f('ck_routing_rule_times_together')),
    sa.CheckConstraint('least(accept_min, dispatch_min, take_min, handle_min, check_min) > 0', name=op.f('ck_routing_rule_limits_positive')),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_routing_rule_area_id')),
    sa.ForeignKeyConstraint(['first_role'], ['role.key'], name=op.f('fk_routing_rule_first_role')),
    sa.ForeignKeyConstraint(['rule_set_id'], ['rule_set.id'], name=op.f('fk_routing_rule_rule_set_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_routing_rule')),
    sa.UniqueConstraint('rule_set_id', 'position', name=op.f('uq_routing_rule_rule_set_id_position')),
    comment='Who goes first for which matter, and how long each stage may take; the first match wins.'
    )
    op.create_table('incident',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county, the key work is spread by.'),
    sa.Column('id', sa.Uuid(), nullable=False, comment='Random: it tells nothing of how many there are.'),
    sa.Column('reported_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was filed.'),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When the last event came.'),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False, comment='One more with every event; for If-Match.'),
    sa.Column('edition_id', sa.Integer(), nullable=False, comment='Edition of the catalogue it was filed under.'),
    sa.Column('category', sa.Text(), nullable=False, comment='Code of its category in that edition.'),
    sa.Column('severity', sa.Text(), server_default='normal', nullable=False, comment='low, normal, high or urgent.'),
    sa.Column('description', sa.Text(), server_default='', nullable=False, comment="In the reporter's words."),
    sa.Column('address', sa.Text(), server_default='', nullable=False, comment='As given.'),
    sa.Column('channel', sa.Text(), server_default='api', nullable=False, comment='The way it came in.'),
    sa.Column('attributes', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False, comment="Answers to the category's own questions."),
    sa.Column('shape', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry', nullable=False), nullable=False, comment='Where, EPSG:4490.'),
    sa.Column('asked', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='The place as it was given: lon, lat, crs, or code.'),
    sa.Column('areas', postgresql.ARRAY(sa.BigInteger()), nullable=False, comment='Ids of its areas: county, street, community, grid and, when known, unit.'),
    sa.Column('grid_id', sa.BigInteger(), nullable=False, comment='The grid it lies in.'),
    sa.Column('unit_id', sa.BigInteger(), nullable=True, comment='The ten-household unit, when known.'),
    sa.Column('building_id', sa.BigInteger(), nullable=True, comment='The building, when on one.'),
    sa.Column('revision_id', sa.Integer(), nullable=False, comment='Boundary revision that drew the grid.'),
    sa.Column('how', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='How place, rule and person were decided.'),
    sa.Column('rule_id', sa.BigInteger(), nullable=True, comment='The routing rule that sent it.'),
    sa.Column('rule_name', sa.Text(), server_default='', nullable=False, comment='What that rule was called then.'),
    sa.Column('way', sa.Text(), server_default='assign', nullable=False, comment='assign or order.'),
    sa.Column('skill', sa.Text(), server_default='', nullable=False, comment='For orders: the skill asked for.'),
    sa.Column('limits', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='Minutes per state, around_the_clock and escalation, as the rule said when it was filed.'),
    sa.Column('state', sa.Text(), server_default='reported', nullable=False, comment='Where it stands; set by events only.'),
    sa.Column('pending', sa.Text(), server_default='', nullable=False, comment='A request that waits: suspend, extend or void.'),
    sa.Column('before', sa.Text(), server_default='', nullable=False, comment='The state before it was suspended.'),
    sa.Column('role', sa.Text(), nullable=True, comment='Role of who holds it.'),
    sa.Column('area_id', sa.BigInteger(), nullable=True, comment='The area that role is for.'),
    sa.Column('holder_id', sa.BigInteger(), nullable=True, comment='Who holds it; empty: nobody yet.'),
    sa.Column('stage_began', sa.DateTime(timezone=True), nullable=True, comment='When the clock of this stage began.'),
    sa.Column('amber_at', sa.DateTime(timezone=True), nullable=True, comment="80 % of the stage's time is over."),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True, comment="The stage's time is over; empty: no clock runs."),
    sa.Column('spent_min', sa.Double(), nullable=True, comment='Minutes spent of the stage when the clock was stopped.'),
    sa.Column('supervise_at', sa.DateTime(timezone=True), nullable=True, comment='When it goes one level up next.'),
    sa.Column('supervised', sa.Boolean(), server_default='false', nullable=False, comment='督办: somebody above watches it.'),
    sa.Column('supervise_level', sa.Integer(), server_default='0', nullable=False, comment='How many levels up it has gone.'),
    sa.Column('supervisor_role', sa.Text(), nullable=True, comment='The role that watches it now.'),
    sa.Column('parent_id', sa.Uuid(), nullable=True, comment='The incident it repeats; moves with it.'),
    sa.Column('account_id', sa.BigInteger(), nullable=True, comment='Who reported, when signed in.'),
    sa.Column('key_id', sa.BigInteger(), nullable=True, comment='The program that filed it.'),
    sa.Column('tracking_hash', sa.LargeBinary(), nullable=False, comment='SHA-256 of the tracking secret.'),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True, comment='When it was closed or made void.'),
    sa.Column('rating', sa.Integer(), nullable=True, comment='Satisfaction at the last follow-up, 1 to 5.'),
    sa.Column('solved', sa.Boolean(), nullable=True, comment='Whether the reporter says it is solved.'),
    sa.CheckConstraint("pending IN ('', 'suspend', 'extend', 'void')", name=op.f('ck_incident_pending_known')),
    sa.CheckConstraint("severity IN ('low', 'normal', 'high', 'urgent')", name=op.f('ck_incident_severity_known')),
    sa.CheckConstraint("state IN ('reported', 'accepted', 'dispatched', 'taken', 'handled', 'checked', 'closed', 'returned', 'suspended', 'void')", name=op.f('ck_incident_state_known')),
    sa.CheckConstraint("way IN ('assign', 'order')", name=op.f('ck_incident_way_known')),
    sa.CheckConstraint('parent_id <> id', name=op.f('ck_incident_not_its_own_parent')),
    sa.CheckConstraint('rating BETWEEN 1 AND 5', name=op.f('ck_incident_rating_in_range')),
    sa.ForeignKeyConstraint(['account_id'], ['personal.account.id'], name=op.f('fk_incident_account_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_incident_area_id')),
    sa.ForeignKeyConstraint(['building_id'], ['building.id'], name=op.f('fk_incident_building_id')),
    sa.ForeignKeyConstraint(['edition_id', 'category'], ['incident_category.edition_id', 'incident_category.code'], name=op.f('fk_incident_edition_id_category')),
    sa.ForeignKeyConstraint(['grid_id'], ['area.id'], name=op.f('fk_incident_grid_id')),
    sa.ForeignKeyConstraint(['holder_id'], ['personal.person.id'], name=op.f('fk_incident_holder_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['key_id'], ['personal.api_key.id'], name=op.f('fk_incident_key_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['rule_id'], ['routing_rule.id'], name=op.f('fk_incident_rule_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['unit_id'], ['area.id'], name=op.f('fk_incident_unit_id')),
    sa.PrimaryKeyConstraint('county', 'id', name=op.f('pk_incident')),
    comment='A matter somebody reported; its state changes by events only.'
    )
    op.create_index('idx_incident_shape', 'incident', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_incident_account_id'), 'incident', ['account_id'], unique=False)
    op.create_index('ix_incident_areas', 'incident', ['areas'], unique=False, postgresql_using='gin')
    op.create_index(op.f('ix_incident_reported_at_id'), 'incident', ['reported_at', 'id'], unique=False)
    op.create_index(op.f('ix_incident_grid_id'), 'incident', ['grid_id'], unique=False)
    op.create_index(op.f('ix_incident_holder_id_state'), 'incident', ['holder_id', 'state'], unique=False)
    op.create_index(op.f('ix_incident_id'), 'incident', ['id'], unique=True)
    op.create_index(op.f('ix_incident_parent_id'), 'incident', ['parent_id'], unique=False)
    op.create_index('ix_incident_running', 'incident', ['supervise_at'], unique=False, postgresql_where=sa.text('supervise_at IS NOT NULL'))
    op.create_index('ix_incident_unclaimed', 'incident', ['due_at'], unique=False, postgresql_where=sa.text("way = 'order' AND state = 'dispatched'"))
    op.create_table('notice',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was written.'),
    sa.Column('topic', sa.Text(), nullable=False, comment='As incident.dispatched.'),
    sa.Column('county', sa.Text(), nullable=True, comment='Code of the county.'),
    sa.Column('incident_id', sa.Uuid(), nullable=True, comment='The incident it is about.'),
    sa.Column('target_id', sa.BigInteger(), nullable=True, comment='Webhook or e-mail it goes to.'),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment='Or the person who finds it in the app.'),
    sa.Column('account_id', sa.BigInteger(), nullable=True, comment="Or the account (a resident's)."),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='What is told; no names of residents.'),
    sa.Column('state', sa.Text(), server_default='waiting', nullable=False, comment='waiting, sent, dead, or seen in the app.'),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False, comment='Times tried.'),
    sa.Column('next_try_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='Not before.'),
    sa.Column('last_error', sa.Text(), server_default='', nullable=False, comment='What the last try met.'),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'dead', 'seen')", name=op.f('ck_notice_state_known')),
    sa.CheckConstraint('num_nonnulls(target_id, person_id, account_id) = 1', name=op.f('ck_notice_one_receiver')),
    sa.ForeignKeyConstraint(['account_id'], ['personal.account.id'], name=op.f('fk_notice_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['personal.person.id'], name=op.f('fk_notice_person_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['target_id'], ['notice_target.id'], name=op.f('fk_notice_target_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
    comment='The outbox: what is to be told to whom, and how far that is.'
    )
    op.create_index(op.f('ix_notice_account_id_state'), 'notice', ['account_id', 'state'], unique=False)
    op.create_index(op.f('ix_notice_person_id_state'), 'notice', ['person_id', 'state'], unique=False)
    op.create_index('ix_notice_waiting', 'notice', ['target_id', 'id'], unique=False, postgresql_where=sa.text("state = 'waiting' AND target_id IS NOT NULL"))
    op.create_table('access_grant',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='Surrogate key.'),
    sa.Column('account_id', sa.BigInteger(), nullable=False, comment='Whose it is.'),
    sa.Column('role', sa.Text(), nullable=False, comment='Key of gis/rights/access.py: ROLES.'),
    sa.Column('area_id', sa.BigInteger(), nullable=True, comment='Where; empty: everywhere (administrator) or only what is their own (resident).'),
    sa.ForeignKeyConstraint(['account_id'], ['personal.account.id'], name=op.f('fk_access_grant_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['area_id'], ['area.id'], name=op.f('fk_access_grant_area_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_grant')),
    schema='personal',
    comment='An access role of an account for an area.'
    )
    op.create_index(op.f('ix_access_grant_account_id_role_area_id'), 'access_grant', ['account_id', 'role', 'area_id'], unique=True, schema='personal')
    op.create_table('incident_event',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county.'),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False, comment='In their order.'),
    sa.Column('incident_id', sa.Uuid(), nullable=False, comment='The incident.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it happened.'),
    sa.Column('move', sa.Text(), nullable=False, comment='What was done, as take.'),
    sa.Column('from_state', sa.Text(), nullable=False, comment='State before.'),
    sa.Column('to_state', sa.Text(), nullable=False, comment='State after.'),
    sa.Column('from_pending', sa.Text(), server_default='', nullable=False, comment='Request waiting before.'),
    sa.Column('to_pending', sa.Text(), server_default='', nullable=False, comment='Request waiting after.'),
    sa.Column('who', sa.Text(), nullable=False, comment='Account, program or system that did it.'),
    sa.Column('role', sa.Text(), server_default='', nullable=False, comment='In which role.'),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment='Which person, when one; no foreign key, since events never change.'),
    sa.Column('words', sa.Text(), server_default='', nullable=False, comment='What was said.'),
    sa.Column('shape', Geometry(geometry_type='POINT', srid=4490, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True, comment='Where it was done, when told.'),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False, comment='What else belongs to it.'),
    sa.ForeignKeyConstraint(['county', 'incident_id'], ['incident.county', 'incident.id'], name=op.f('fk_incident_event_county_incident_id')),
    sa.PrimaryKeyConstraint('county', 'id', name=op.f('pk_incident_event')),
    comment='What happened to an incident, one row each; append-only.'
    )
    op.create_index('idx_incident_event_shape', 'incident_event', ['shape'], postgresql_using='gist')
    op.create_index(op.f('ix_incident_event_at'), 'incident_event', ['at'], unique=False)
    op.create_index(op.f('ix_incident_event_incident_id_id'), 'incident_event', ['incident_id', 'id'], unique=False)
    op.create_table('order_offer',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county.'),
    sa.Column('incident_id', sa.Uuid(), nullable=False, comment='The order.'),
    sa.Column('person_id', sa.BigInteger(), nullable=False, comment='Who may claim it.'),
    sa.Column('distance_m', sa.Double(), nullable=True, comment='Metres to walk; empty: unknown.'),
    sa.Column('offered_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was shown.'),
    sa.ForeignKeyConstraint(['county', 'incident_id'], ['incident.county', 'incident.id'], name=op.f('fk_order_offer_county_incident_id')),
    sa.ForeignKeyConstraint(['person_id'], ['personal.person.id'], name=op.f('fk_order_offer_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('county', 'incident_id', 'person_id', name=op.f('pk_order_offer')),
    comment='An order shown to somebody who may claim it.'
    )
    op.create_index(op.f('ix_order_offer_incident_id'), 'order_offer', ['incident_id'], unique=False)
    op.create_index(op.f('ix_order_offer_person_id'), 'order_offer', ['person_id'], unique=False)
    op.create_table('reporter',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county.'),
    sa.Column('incident_id', sa.Uuid(), nullable=False, comment='The incident.'),
    sa.Column('name', sa.Text(), server_default='', nullable=False, comment='As given.'),
    sa.Column('phone', sa.Text(), server_default='', nullable=False, comment='As given.'),
    sa.Column('email', sa.Text(), server_default='', nullable=False, comment='As given.'),
    sa.ForeignKeyConstraint(['county', 'incident_id'], ['incident.county', 'incident.id'], name=op.f('fk_reporter_county_incident_id')),
    sa.PrimaryKeyConstraint('county', 'incident_id', name=op.f('pk_reporter')),
    schema='personal',
    comment='How to reach who reported; row security hides it by default.'
    )
    op.create_table('photo',
    sa.Column('county', sa.Text(), nullable=False, comment='Code of the county.'),
    sa.Column('id', sa.Uuid(), nullable=False, comment='Random; also the name of the file.'),
    sa.Column('incident_id', sa.Uuid(), nullable=False, comment='The incident.'),
    sa.Column('event_id', sa.BigInteger(), nullable=False, comment='The event it came with.'),
    sa.Column('media_type', sa.Text(), nullable=False, comment='image/jpeg, image/png or image/webp, found by content.'),
    sa.Column('width', sa.Integer(), nullable=False, comment='Pixels.'),
    sa.Column('height', sa.Integer(), nullable=False, comment='Pixels.'),
    sa.Column('size', sa.Integer(), nullable=False, comment='Bytes of the file as kept.'),
    sa.Column('sha256', sa.LargeBinary(), nullable=False, comment='Of the file as kept.'),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='When it was stored.'),
    sa.ForeignKeyConstraint(['county', 'incident_id'], ['incident.county', 'incident.id'], name=op.f('fk_photo_county_incident_id')),
    sa.PrimaryKeyConstraint('county', 'id', name=op.f('pk_photo')),
    comment='A photo of an incident; its file lies under var/photos.'
    )
    op.create_index(op.f('ix_photo_id'), 'photo', ['id'], unique=True)
    op.create_index(op.f('ix_photo_incident_id'), 'photo', ['incident_id'], unique=False)

    op.add_column('post', sa.Column('takes_from', sa.BigInteger(), nullable=True, comment='The post whose open incidents come along when this one begins; empty: they have, or they stay.'))
    op.create_foreign_key(op.f('fk_post_takes_from'), 'post', 'post', ['takes_from'], ['id'], ondelete='SET NULL')
    op.create_index('ix_post_takes_from', 'post', ['takes_from'], unique=False, postgresql_where=sa.text('takes_from IS NOT NULL'))

    # jobs: procrastinate's own tables, in a schema of their own
    connection = op.get_bind()
    path = connection.exec_driver_sql("SHOW search_path").scalar()
    connection.exec_driver_sql("CREATE SCHEMA jobs")
    connection.exec_driver_sql("SET LOCAL search_path = jobs")
    with connection.connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())  # straight to the driver: its percent signs are no parameters
    connection.exec_driver_sql(f"SET LOCAL search_path = {path}")

    op.execute(APPLY_EVENT)
    op.execute(GUARD_STATE)
    op.execute("CREATE TRIGGER apply_event BEFORE INSERT ON incident_event FOR EACH ROW EXECUTE FUNCTION apply_event()")
    op.execute("CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE ON incident FOR EACH ROW EXECUTE FUNCTION guard_state()")
    for table, keys in REMEMBERED.items():
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION remember('{table}', '{','.join(keys)}')"
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
    # how to reach a reporter is seen only by a transaction that says so; anybody may leave it
    op.execute("ALTER TABLE personal.reporter ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY leave ON personal.reporter FOR INSERT WITH CHECK (true)")
    for action in ("SELECT", "UPDATE", "DELETE"):
        op.execute(
            f"CREATE POLICY unmasked_{action.lower()} ON personal.reporter FOR {action} "
            "USING (current_setting('wangge.contacts', true) = 'on')"
        )


def downgrade() -> None:
    op.execute("DROP SCHEMA jobs CASCADE")
    op.execute("DROP TRIGGER apply_event ON incident_event")
    op.execute("DROP TRIGGER guard_state ON incident")
    op.execute("DROP FUNCTION apply_event()")
    op.execute("DROP FUNCTION guard_state()")
    remember("")
    op.drop_column('post', 'takes_from')
    op.drop_index(op.f('ix_photo_incident_id'), table_name='photo')
    op.drop_index(op.f('ix_photo_id'), table_name='photo')
    op.drop_table('photo')
    op.drop_table('reporter', schema='personal')
    op.drop_index(op.f('ix_order_offer_person_id'), table_name='order_offer')
    op.drop_index(op.f('ix_order_offer_incident_id'), table_name='order_offer')
    op.drop_table('order_offer')
    op.drop_index(op.f('ix_incident_event_incident_id_id'), table_name='incident_event')
    op.drop_index(op.f('ix_incident_event_at'), table_name='incident_event')
    op.drop_index('idx_incident_event_shape', table_name='incident_event')
    op.drop_table('incident_event')
    op.drop_index(op.f('ix_access_grant_account_id_role_area_id'), table_name='access_grant', schema='personal')
    op.drop_table('access_grant', schema='personal')
    op.drop_index('ix_notice_waiting', table_name='notice', postgresql_where=sa.text("state = 'waiting' AND target_id IS NOT NULL"))
    op.drop_index(op.f('ix_notice_person_id_state'), table_name='notice')
    op.drop_index(op.f('ix_notice_account_id_state'), table_name='notice')
    op.drop_table('notice')
    op.drop_index('ix_incident_unclaimed', table_name='incident', postgresql_where=sa.text("way = 'order' AND state = 'dispatched'"))
    op.drop_index('ix_incident_running', table_name='incident', postgresql_where=sa.text('supervise_at IS NOT NULL'))
    op.drop_index(op.f('ix_incident_parent_id'), table_name='incident')
    op.drop_index(op.f('ix_incident_id'), table_name='incident')
    op.drop_index(op.f('ix_incident_holder_id_state'), table_name='incident')
    op.drop_index(op.f('ix_incident_grid_id'), table_name='incident')
    op.drop_index(op.f('ix_incident_reported_at_id'), table_name='incident')
    op.drop_index('ix_incident_areas', table_name='incident', postgresql_using='gin')
    op.drop_index(op.f('ix_incident_account_id'), table_name='incident')
    op.drop_index('idx_incident_shape', table_name='incident')
    op.drop_table('incident')
    op.drop_table('routing_rule')
    op.drop_index(op.f('ix_account_person_id'), table_name='account', schema='personal')
    op.drop_table('account', schema='personal')
    op.drop_index('ix_order_taker_skills', table_name='order_taker', postgresql_using='gin')
    op.drop_index(op.f('ix_order_taker_area_id'), table_name='order_taker')
    op.drop_index('idx_order_taker_shape', table_name='order_taker')
    op.drop_table('order_taker')
    op.drop_table('notice_target')
    op.drop_table('incident_category')
    op.drop_table('device_alarm')
    op.drop_index('one_active_rule_set', table_name='rule_set', postgresql_where=sa.text("state = 'active'"))
    op.drop_table('rule_set')
    op.drop_index(op.f('ix_sign_in_username_at'), table_name='sign_in', schema='personal')
    op.drop_table('sign_in', schema='personal')
    op.drop_table('api_key', schema='personal')
    op.drop_table('incident_move')
    op.drop_table('idempotency')
    op.drop_index('idx_device_shape', table_name='device')
    op.drop_table('device')
    op.drop_index('one_active_edition', table_name='catalogue_edition', postgresql_where=sa.text("state = 'active'"))
    op.drop_table('catalogue_edition')
