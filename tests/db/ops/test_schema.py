"""The schema: models and migrations agree, constraints hold, history remembers, roles
are separate.
"""

from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from gis.db import allow_boundary_writes, audit_context
from gis.db import engine as engine_for
from gis.jobs.maintenance import PHOTO_TABLES
from gis.ops import cluster, functions, migration, schema
from gis.ops.history import EVENT_COLUMNS, RECORDED_TABLES, UNCOPIED_TABLES, HistoryEntry
from gis.ops.metadata import Area, Base, Boundary, Person, Revision, Role
from gis.rights.roles import ROLES
from gis.settings import Settings
from tests.support.deployment import new_database

JAN, FEB, MAR = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
SQUARE = "SRID=4490;MULTIPOLYGON(((106 26, 106.01 26, 106.01 26.01, 106 26.01, 106 26)))"


def county(session, code="520402"):
    allow_boundary_writes(session)
    area = Area(code=code, level="county", name="西秀区", county=code)
    revision = Revision(
        title="t", state="published", author="test", published_at=JAN, effective=JAN
    )
    session.add_all([area, revision])
    session.flush()
    return area, revision


def boundary(area, revision, start, end, shape=SQUARE):
    return Boundary(
        area_id=area.id,
        revision_id=revision.id,
        geom=shape,
        valid_time=Range(start, end, bounds="[)"),
    )


def test_migrations_go_up_down_and_up_and_agree_with_the_models(own_var):
    addresses = cluster.start(Settings(var=own_var), throw_away=True)
    for to in ("head", "base", "head"):
        migration.migrate(addresses, to)
    with engine_for(addresses.owner).connect() as connection:
        assert schema.current(connection) == schema.head()
        scripts = ScriptDirectory.from_config(migration.config())
        assert [each.revision for each in scripts.walk_revisions()][::-1] == [*schema.versions()]
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, parents: (
                    name != "layer_styles"
                    and (kind != "schema" or name in (None, "public", "personal"))
                ),
                "include_object": lambda o, name, kind, reflected, other: (
                    name != "spatial_ref_sys"
                    and alembic_helpers.include_object(o, name, kind, reflected, other)
                ),
                "compare_type": True,
            },
        )
        assert compare_metadata(context, Base.metadata) == []
    engine_for(addresses.owner).dispose()
    engine_for(addresses.app).dispose()


FUNCTION_DEFINITIONS_SQL = """
SELECT p.proname, pg_get_functiondef(p.oid)
FROM pg_proc p
WHERE p.pronamespace IN ('public'::regnamespace, 'personal'::regnamespace)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.proname
"""


def test_every_function_of_the_database_is_as_its_file_says(addresses):
    with psycopg.connect(addresses.owner) as connection:
        installed = connection.execute(FUNCTION_DEFINITIONS_SQL).fetchall()
        for name in functions.function_names():
            connection.execute(functions.function_sql(name).encode())
        assert connection.execute(FUNCTION_DEFINITIONS_SQL).fetchall() == installed
        assert [name for name, _ in installed] == functions.function_names()
        connection.rollback()


def test_every_table_and_column_has_a_comment_in_the_database(session):
    bare = session.execute(
        text("""
        SELECT c.oid::regclass::text, a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0
            AND NOT a.attisdropped
        WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace,
            'personal'::regnamespace)
          AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
          AND col_description(c.oid, a.attnum) IS NULL
        UNION ALL
        SELECT c.oid::regclass::text, '' FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace,
            'personal'::regnamespace)
          AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
              AND obj_description(c.oid) IS NULL
    """)
    ).all()
    assert bare == []


def test_every_geometry_column_has_a_gist_index_and_the_storage_srid(session):
    rows = session.execute(
        text("""
        SELECT f_table_name, f_geometry_column, srid,
               EXISTS (SELECT FROM pg_indexes i WHERE i.tablename = f_table_name
                       AND i.indexdef LIKE '%gist (' || f_geometry_column || ')%')
        FROM geometry_columns WHERE f_table_schema IN ('public', 'personal')
    """)
    ).all()
    assert len(rows) >= 9
    assert [row for row in rows if row[2] != 4490 or not row[3]] == []


def test_two_boundaries_of_an_area_may_touch_in_time_but_not_overlap(session):
    area, revision = county(session)
    session.add_all([boundary(area, revision, JAN, FEB), boundary(area, revision, FEB, None)])
    session.flush()
    session.add(boundary(area, revision, datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), FEB))
    with pytest.raises(IntegrityError, match="one_shape_at_a_time"):
        session.flush()


@pytest.mark.parametrize(
    ("shape", "constraint"),
    [
        ("SRID=4490;MULTIPOLYGON(((0 0, 1 1, 1 0, 0 1, 0 0)))", "shape_is_valid"),
        ("SRID=4490;MULTIPOLYGON EMPTY", "shape_is_valid"),
        (
            (
                "SRID=4490;MULTIPOLYGON(((106 26, 106.01 26, 106.01 26.01, 106.000000051 26.01,"
                " 106 26)))"
            ),
            "shape_on_precision",
        ),
    ],
)
def test_bad_shapes_are_refused_by_the_database(session, shape, constraint):
    area, revision = county(session)
    session.add(boundary(area, revision, JAN, None, shape))
    with pytest.raises(IntegrityError, match=constraint):
        session.flush()


def test_history_remembers_who_when_why_old_and_new_for_every_statement(session):
    with audit_context(session, "网格长 张三", "renamed by the street"):
        area, _ = county(session)
        session.execute(text("UPDATE area SET name = '新名' WHERE id = :id"), {"id": area.id})
        session.execute(
            text("UPDATE area SET name = '新名' WHERE id = :id"), {"id": area.id}
        )  # changes nothing
    rows = session.scalars(
        select(HistoryEntry)
        .where(HistoryEntry.table_name == "area", HistoryEntry.row_key == str(area.id))
        .order_by(HistoryEntry.id)
    ).all()
    assert [(row.op, row.who, row.why, row.county) for row in rows] == [
        ("insert", "网格长 张三", "renamed by the street", "520402"),
        ("update", "网格长 张三", "renamed by the street", "520402"),
    ]
    assert rows[1].old["name"] == "西秀区"
    assert rows[1].new["name"] == "新名"


def test_files_of_photos_are_of_tables_that_the_sweep_looks_into():
    photos = {
        table.name
        for table in Base.metadata.tables.values()
        if {"sha256", "media_type"} <= set(table.columns.keys())
    }
    assert photos == set(PHOTO_TABLES)


def test_history_covers_every_table_of_its_list(session):
    stored = set(
        session.scalars(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'remember_update'")
        ).all()
    )
    assert stored == set(RECORDED_TABLES)


def test_the_triggers_of_the_history_have_the_words_of_its_lists(session):
    rows = session.execute(
        text(
            "SELECT tgrelid::regclass::text AS name, tgargs FROM pg_trigger"
            " WHERE tgname IN ('remember_insert', 'remember_update')"
        )
    ).all()
    assert len(rows) == 2 * len(RECORDED_TABLES)
    for name, arguments in rows:
        _, key, *more = bytes(arguments).decode().rstrip("\0").split("\0")
        assert key == ",".join(RECORDED_TABLES[name]), name
        assert ("changes" in more) == (name in UNCOPIED_TABLES), name
        assert more[1:] == ([",".join(EVENT_COLUMNS)] if name == "incident" else []), name


def test_even_the_owner_cannot_rewrite_history_or_delete_an_area(addresses):
    with psycopg.connect(addresses.owner) as connection:
        for statement in (
            "DELETE FROM history",
            "UPDATE history SET who = 'x'",
            "TRUNCATE history",
            "DELETE FROM area",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation), connection.transaction():
                connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE area",
        "DELETE FROM area",
        "INSERT INTO history (who, table_name, row_key, op) VALUES ('x', 'x', 'x', 'insert')",
        "ALTER TABLE area DISABLE TRIGGER ALL",
        "UPDATE role SET zh = 'x'",
    ],
)
def test_the_application_cannot_change_the_schema_or_the_history(session, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        session.execute(text(statement))


def test_the_application_is_neither_superuser_nor_owner(session):
    row = session.execute(
        text("""SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls,
                EXISTS (SELECT FROM pg_tables WHERE tableowner = current_user) FROM pg_roles
                    WHERE rolname = current_user""")
    ).one()
    assert tuple(row) == (False, False)


def test_the_table_of_roles_is_in_the_database(session):
    rows = session.execute(select(Role.key, Role.zh, Role.en, Role.attached_to, Role.rank)).all()
    assert {tuple(row) for row in rows} == {
        (role.key, role.zh, role.en, role.level, role.rank) for role in ROLES
    }


def test_a_code_is_never_used_again(session):
    county(session)
    session.add(Area(code="520402", level="county", name="别的", county="520402"))
    with pytest.raises(IntegrityError, match="uq_area_code"):
        session.flush()


def test_a_person_needs_a_name(session):
    session.add(Person(code="p1", name="  "))
    with pytest.raises(IntegrityError, match="has_name"):
        session.flush()


def test_an_unsigned_change_carries_the_database_role(session):
    area, _ = county(session)
    assert (
        session.scalar(
            select(HistoryEntry.who).where(
                HistoryEntry.table_name == "area", HistoryEntry.row_key == str(area.id)
            )
        )
        == cluster.APP
    )


def test_deleting_an_area_by_the_application_is_an_error(session):
    county(session)
    with pytest.raises(DBAPIError):
        session.execute(text("DELETE FROM area"))


def test_user_names_in_full_width_become_those_that_are_looked_up(addresses):
    with new_database(addresses) as urls:
        stored = ["ａｄｍｉｎ", "ａdmin", "ｌi", "li", "zhang"]
        with engine_for(urls.owner).begin() as connection:
            command.downgrade(migration.config(connection), "0055")
            for name in stored:
                connection.execute(
                    text(
                        "INSERT INTO personal.account (username, password_hash) VALUES (:name, '')"
                    ),
                    {"name": name},
                )
        migration.migrate(urls)
        with engine_for(urls.app).connect() as connection:
            names = connection.scalars(
                text("SELECT username FROM personal.account ORDER BY id")
            ).all()
        # the first of two who become one; nobody loses a name to another
        assert names == ["admin", "ａdmin", "ｌi", "li", "zhang"]


def test_leave_that_overlaps_becomes_one(addresses):
    with new_database(addresses) as urls:
        with engine_for(urls.owner).begin() as connection:
            command.downgrade(migration.config(connection), "0056")
            connection.execute(
                text(
                    "INSERT INTO personal.person (id, code, name)"
                    " VALUES (1, 'a', '甲'), (2, 'b', '乙')"
                )
            )
            for person, first, last in ((1, 1, 8), (1, 1, 8), (1, 5, 10), (1, 12, 14), (2, 2, 3)):
                connection.execute(
                    text(
                        "INSERT INTO leave (person_id, valid_time) VALUES (:person,"
                        " tstzrange(make_date(2026, 12, :first), make_date(2026, 12, :last)))"
                    ),
                    {"person": person, "first": first, "last": last},
                )
        migration.migrate(urls)
        with engine_for(urls.app).connect() as connection:
            days = connection.execute(
                text(
                    "SELECT person_id, extract(day FROM lower(valid_time))::int,"
                    " extract(day FROM upper(valid_time))::int FROM leave ORDER BY 1, 2"
                )
            ).all()
        assert [tuple(row) for row in days] == [(1, 1, 10), (1, 12, 14), (2, 2, 3)]
