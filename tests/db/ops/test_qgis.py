"""QGIS: what its restricted role sees, that it sees nothing else, and that nobody edits boundaries
past a revision.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from pyproj import CRS
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries.store import publish_shapes
from gis.db import engine
from gis.errors import InvalidInput, NotFound, Unavailable
from gis.facilities.models import Facility
from gis.network.models import WalkEdge, WalkNode
from gis.ops import cluster, migration, qgis
from gis.ops.cluster import DatabaseUrls
from gis.settings import Settings
from tests.support import build
from tests.support.build import LAT, LON, SIDE
from tests.support.deployment import PreparedDeployments
from web.cli import cli

WORDS = ("边界修订", "boundary revision", "./wangge revision from-file")
TYPES = {"Polygon": "MULTIPOLYGON", "Line": "LINESTRING", "Point": "POINT"}
ROWS = {
    "community": 1,
    "grid": 2,
    "unit": 1,
    "grid_history": 3,
    "building": 1,
    "facility": 1,
    "walk_edge": 1,
}


@dataclass(frozen=True)
class QgisTown:
    settings: Settings
    addresses: DatabaseUrls
    access: qgis.QgisLogin

    def connect(self, access: qgis.QgisLogin | None = None) -> psycopg.Connection:
        item = access or self.access
        return psycopg.connect(
            host=item.host,
            port=item.port,
            dbname=item.database,
            user=item.user,
            password=item.password,
            autocommit=True,
        )


@pytest.fixture(scope="module")
def qgis_town(prepared: PreparedDeployments) -> Iterator[QgisTown]:
    """A small town in a database of its own, and a planner with access to it."""
    with prepared.migrated() as var:
        settings = Settings(var=var)
        addresses = cluster.start(settings, throw_away=True)
        with Session(engine(addresses.app)) as session:
            town = build.Town(session)
            town.boundary(town.community, build.square(LON, LAT, 2 * SIDE, SIDE))
            initial = town.grid("001")
            second = town.area("grid", town.community.code + "002", "第002网格", town.community)
            until = build.FROM.replace(year=2024)
            town.boundary(second, build.square(LON + SIDE, LAT, 0.5 * SIDE, SIDE), end=until)
            town.boundary(second, build.square(LON + SIDE, LAT), start=until)
            tower = town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
            unit = town.unit(initial, "01", [(tower, "2", None, None)])
            town.boundary(unit, build.square(LON + 0.0002, LAT + 0.0002, 0.0002))
            for room in ("201", "301"):
                town.household(tower, room, "2", unit)
            town.household(tower, "401", "1")
            town.post("grid_leader", initial, "张三")
            square = f"SRID=4490;{build.square(LON, LAT, 0.0001)}"
            session.add(
                Facility(code="F1", county="520402", category="clinic", name="诊所", geom=square)
            )
            session.add_all(
                [
                    WalkNode(id=n, geom=f"SRID=4490;POINT({LON + n / 1e3} {LAT})", component=0)
                    for n in (1, 2)
                ]
            )
            session.flush()
            line = f"SRID=4490;LINESTRING({LON + 1 / 1e3} {LAT}, {LON + 2 / 1e3} {LAT})"
            session.add(
                WalkEdge(
                    id=1, u=1, v=2, length_m=100.0, kind="residential", name="迎宾路", geom=line
                )
            )
            session.commit()
        yield QgisTown(settings, addresses, qgis.grant_login(settings, addresses, "planner"))
        engine(addresses.app).dispose()
        engine(addresses.owner).dispose()


def test_the_planner_sees_every_view_with_its_rows_and_a_key(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        for name, view in qgis.VIEWS.items():
            cursor = planner.execute(f"SELECT * FROM qgis.{name}")
            assert [column.name for column in cursor.description or ()] == list(view.columns), name
            rows = cursor.fetchall()
            assert len(rows) == ROWS.get(name, 0), name
            assert len({row[0] for row in rows}) == len(rows)


def test_what_the_columns_say(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        grids = planner.execute(
            "SELECT code, name, parent, households, area_m2, valid_from, ST_AsText(shape)"
            " FROM qgis.grid ORDER BY code"
        ).fetchall()
        assert [row[:4] for row in grids] == [
            ("520402007012001", "第001网格", "520402007012", 3),
            ("520402007012002", "第002网格", "520402007012", 0),
        ]
        assert grids[0][4] == pytest.approx(11070, rel=0.01)
        assert (grids[0][5], grids[1][5]) == (build.FROM, build.FROM.replace(year=2024))
        assert shapely.from_wkt(grids[0][6]).equals(build.square(LON, LAT))
        history = planner.execute(
            "SELECT valid_to IS NULL, area_m2 FROM qgis.grid_history WHERE code LIKE '%002'"
            " ORDER BY valid_from"
        ).fetchall()
        assert [row[0] for row in history] == [False, True]
        assert history[1][1] == pytest.approx(2 * history[0][1], rel=0.01)
        assert planner.execute("SELECT households, parent FROM qgis.unit").fetchall() == [
            (2, "520402007012001")
        ]
        assert planner.execute("SELECT estate, name, households FROM qgis.building").fetchall() == [
            ("桂花苑", "3号楼", 3)
        ]


def test_qgis_reads_types_comments_and_styles_where_it_looks_for_them(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        values = planner.execute(
            "SELECT f_table_name, f_geometry_column, type, srid, coord_dimension"
            " FROM geometry_columns WHERE f_table_schema = 'qgis'"
        ).fetchall()
        assert set(values) == {
            (name, "shape", TYPES[view.geometry], 4490, 2) for name, view in qgis.VIEWS.items()
        }
        bare = planner.execute(
            "SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c"
            " ON c.oid = a.attrelid "
            "WHERE c.relnamespace = 'qgis'::regnamespace AND a.attnum > 0"
            " AND (col_description(c.oid, a.attnum) IS NULL "
            "OR obj_description(c.oid) IS NULL)"
        ).fetchall()
        assert bare == []
        for name, view in qgis.VIEWS.items():
            # as QGIS asks for the style of a layer it opens
            rows = planner.execute(
                "SELECT styleQML FROM layer_styles WHERE f_table_catalog = %s"
                " AND f_table_schema = 'qgis' AND f_table_name = %s "
                "AND f_geometry_column = 'shape' AND (type = %s OR type IS NULL) "
                "ORDER BY CASE WHEN useAsDefault THEN 1 ELSE 2 END, update_time DESC LIMIT 1",
                [qgis_town.access.database, name, view.geometry],
            ).fetchall()
            style = ET.fromstring(rows[0][0])
            assert style.tag == "qgis" and style.get("labelsEnabled") == "1"
            assert style.find("./renderer-v2/symbols/symbol/layer/prop") is not None
            written = style.find("./labeling/settings/text-style")
            assert written is not None and written.get("fieldName") in view.columns
            assert written.get("fontFamily") == "Noto Sans CJK SC"
            named = {alias.get("field") for alias in style.iter("alias")}
            assert named == set(view.columns) - {"shape"}
        grid = ET.fromstring(qgis.qml(qgis.VIEWS["grid"]))
        props = {prop.get("k"): prop.get("v") for prop in grid.iter("prop")}
        assert (props["style"], props["outline_color"]) == (
            "no",
            "47,109,176,255",
        )  # the outline alone
        markers = ET.fromstring(qgis.qml(qgis.VIEWS["facility"])).findall(
            "./renderer-v2/categories/category"
        )
        assert {"养老服务", "卫生服务"} <= {marker.get("label") for marker in markers}


@pytest.mark.skipif(
    "PostgreSQL" not in pyogrio.list_drivers(), reason="this GDAL was built without PostgreSQL"
)
def test_gdal_opens_the_views(qgis_town: QgisTown) -> None:
    item = qgis_town.access
    where = (
        f"PG:host={item.host} port={item.port} dbname={item.database} user={item.user}"
        f" password={item.password} schemas=qgis"
    )
    assert {row[0] for row in pyogrio.list_layers(where)} == set(qgis.VIEWS)
    grids = pyogrio.read_dataframe(where, layer="grid")
    assert (len(grids), grids.crs.to_epsg()) == (2, 4490)


def test_the_planner_can_read_nothing_else(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        tables = planner.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        assert {
            ("personal", "person"),
            ("public", "household"),
            ("public", "history"),
            ("public", "incident"),
        } <= set(tables)
        readable = set()
        for schema_name, name in tables:
            try:
                planner.execute(f'SELECT FROM "{schema_name}"."{name}" LIMIT 1')
                readable.add(f"{schema_name}.{name}")
            except psycopg.errors.InsufficientPrivilege:
                continue
        postgis = {"public.spatial_ref_sys", "public.geometry_columns", "public.geography_columns"}
        assert (
            readable == {f"qgis.{name}" for name in qgis.VIEWS} | {"public.layer_styles"} | postgis
        )
        # no function answers with the rights of another
        assert (
            planner.execute(
                "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.prosecdef"
                " AND p.prorettype <> 'trigger'::regtype "
                "AND p.pronamespace <> 'pg_catalog'::regnamespace"
                " AND has_schema_privilege(p.pronamespace, 'USAGE') "
                "AND has_function_privilege(p.oid, 'EXECUTE') AND NOT EXISTS "
                "(SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            ).fetchall()
            == []
        )


def test_no_name_of_a_person_is_in_any_view(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        for name in (*(f"qgis.{view}" for view in qgis.VIEWS), "layer_styles"):
            assert (
                planner.execute(f"SELECT FROM {name} v WHERE v::text LIKE '%张三%'").fetchall()
                == []
            )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE qgis.grid SET name = 'x'",
        "DELETE FROM qgis.grid",
        "INSERT INTO qgis.facility (code) VALUES ('x')",
        "UPDATE boundary SET geom = geom",
        "DELETE FROM layer_styles",
        "CREATE TABLE public.mine (id int)",
        "CREATE VIEW qgis.mine AS SELECT 1",
        "SELECT set_config('wangge.publishing', 'on', true); INSERT INTO boundary DEFAULT VALUES",
        "SET ROLE wangge_owner",
    ],
)
def test_the_planner_cannot_write(qgis_town: QgisTown, statement: str) -> None:
    with qgis_town.connect() as planner:
        planner.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            planner.execute(statement)


def test_qgis_itself_knows_that_it_may_not_edit(qgis_town: QgisTown) -> None:
    with qgis_town.connect() as planner:
        for name in qgis.VIEWS:
            rights = planner.execute(
                "SELECT has_table_privilege(v, 'DELETE') OR has_any_column_privilege(v, 'UPDATE')"
                " OR has_table_privilege(v, 'INSERT')"
                " FROM (SELECT %s) q(v)",
                [f"qgis.{name}"],
            ).fetchone()
            assert rights == (False,)


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE boundary SET valid_time = valid_time",
        "DELETE FROM boundary",
        (
            "INSERT INTO boundary (area_id, revision_id, geom, valid_time)"
            " SELECT area_id, revision_id, geom, valid_time FROM boundary"
        ),
        "COPY boundary FROM STDIN",
        "UPDATE area SET retired_at = now() WHERE level = 'grid'",
        "UPDATE area SET code = code || 'x'",
        "UPDATE area SET parent_id = id WHERE level = 'grid'",
    ],
)
def test_a_direct_edit_is_refused_with_the_words_that_say_how(
    qgis_town: QgisTown, role: str, statement: str
) -> None:
    with (
        psycopg.connect(getattr(qgis_town.addresses, role)) as connection,
        pytest.raises(psycopg.errors.RestrictViolation) as raised,
    ):
        if statement.startswith("COPY"):
            with connection.cursor().copy(statement):
                pass
        else:
            connection.execute(statement)
    assert all(word in str(raised.value) for word in WORDS)


def test_whoever_may_write_to_a_view_gets_the_same_words(qgis_town: QgisTown) -> None:
    with (
        psycopg.connect(qgis_town.addresses.owner) as owner,
        pytest.raises(psycopg.errors.RestrictViolation, match="边界修订"),
    ):
        owner.execute("UPDATE qgis.grid SET shape = shape")


def test_names_of_areas_change_and_publishing_still_works(qgis_town: QgisTown) -> None:
    with Session(engine(qgis_town.addresses.app)) as session:
        session.execute(text("UPDATE area SET name = name, code = code, parent_id = parent_id"))
        code = "520402007012002"
        shapes = publish_shapes(
            session,
            {code: build.square(LON + SIDE, LAT, 1.5 * SIDE, SIDE)},
            title="t",
            author="test",
        )
        assert shapes is not None
        session.rollback()
        with pytest.raises(
            Exception, match="边界修订"
        ):  # what one transaction said is forgotten in the next
            session.execute(text("UPDATE boundary SET valid_time = valid_time"))
        session.rollback()


def test_a_second_access_rotates_the_password_and_revoking_ends_it(qgis_town: QgisTown) -> None:
    initial = qgis.grant_login(qgis_town.settings, qgis_town.addresses, "zhang_san")
    second = qgis.grant_login(qgis_town.settings, qgis_town.addresses, "zhang_san")
    assert (initial.user, initial.password != second.password) == ("wangge_qgis_zhang_san", True)
    with pytest.raises(psycopg.OperationalError, match="password"):
        qgis_town.connect(initial)
    assert qgis.list_logins(qgis_town.addresses) == ["planner", "zhang_san"]
    with qgis_town.connect(second) as open_one:
        qgis.revoke_login(qgis_town.settings, qgis_town.addresses, "zhang_san")
        with pytest.raises(psycopg.OperationalError):
            open_one.execute("SELECT FROM qgis.grid")
    with pytest.raises(psycopg.OperationalError):
        qgis_town.connect(second)
    with pytest.raises(NotFound, match="no access called zhang_san"):
        qgis.revoke_login(qgis_town.settings, qgis_town.addresses, "zhang_san")


@pytest.mark.parametrize("name", ["", "Zhang", "a b", "x;drop", "张三", "a" * 40, "1a"])
def test_odd_names_are_refused(qgis_town: QgisTown, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        qgis.grant_login(qgis_town.settings, qgis_town.addresses, name)


def test_a_server_where_we_may_make_no_roles_says_what_to_do(qgis_town: QgisTown) -> None:
    settings = Settings(
        var=qgis_town.settings.var,
        database_url=qgis_town.addresses.app,
        database_owner_url=qgis_town.addresses.owner,
    )
    with pytest.raises(
        Unavailable, match=r"CREATE ROLE wangge_qgis_other LOGIN .* IN ROLE wangge_qgis;.*migrate"
    ):
        qgis.grant_login(settings, qgis_town.addresses, "other")


def test_on_a_server_of_others_the_owner_makes_the_roles(qgis_town: QgisTown) -> None:
    private = cluster.cluster_location(qgis_town.settings)
    port = cluster.running_port(private)
    assert port is not None
    theirs = private.url(cluster.SUPERUSER, port)
    settings = Settings(
        var=qgis_town.settings.var, database_url=qgis_town.addresses.app, database_owner_url=theirs
    )
    addresses = cluster.database_urls(settings)
    created = qgis.grant_login(settings, addresses, "other")
    assert (created.host, created.port, created.database) == (
        str(private.sockets),
        port,
        cluster.DATABASE,
    )
    with qgis_town.connect(created) as planner:
        assert planner.execute("SELECT count(*) FROM qgis.grid").fetchone() == (2,)
    qgis.revoke_login(settings, addresses, "other")
    engine(theirs).dispose()


def test_the_file_of_layers_names_every_view_its_key_and_no_password(qgis_town: QgisTown) -> None:
    odd = replace(qgis_town.access, user="it's")
    for access in (qgis_town.access, odd):
        written = qgis.layer_file(access)
        assert access.password not in written
        root = ET.fromstring(written)
        layers = {item.findtext("id"): item for item in root.iter("maplayer")}
        assert (
            {f"wangge_{name}" for name in qgis.VIEWS}
            == set(layers)
            == {item.get("id") for item in root.iter("layer-tree-layer")}
        )
        for name, view in qgis.VIEWS.items():
            layer = layers[f"wangge_{name}"]
            source = layer.findtext("datasource") or ""
            assert f'table="qgis"."{name}" (shape)' in source
            assert "key='id'" in source and "srid=4490" in source
            assert (layer.get("geometry"), layer.findtext("layername")) == (view.geometry, view.zh)
            assert layer.find("renderer-v2/symbols/symbol") is not None
            assert CRS.from_wkt(layer.findtext("srs/spatialrefsys/wkt") or "").to_epsg() == 4490
    assert r"user='it\'s'" in qgis.layer_file(odd)


def test_the_commands(qgis_town: QgisTown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANGGE_VAR", str(qgis_town.settings.var))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    completed = CliRunner().invoke(cli, ["qgis", "access", "li_si", "--json"])
    assert completed.exit_code == 0, completed.output
    access = qgis.QgisLogin(**json.loads(completed.stdout))
    assert access.user == "wangge_qgis_li_si"
    with qgis_town.connect(access) as planner:
        assert planner.execute("SELECT count(*) FROM qgis.grid").fetchone() == (2,)
    completed_command = CliRunner().invoke(
        cli, ["qgis", "access", "li_si", "--layers", str(tmp_path / "town.qlr")]
    )
    assert ET.parse(tmp_path / "town.qlr").getroot().tag == "qlr"
    assert all(
        phrase in completed_command.output
        for phrase in ("127.0.0.1", "wangge_qgis_li_si", "Feature id", "from-file")
    )
    nowhere = CliRunner().invoke(
        cli, ["qgis", "access", "li_si", "--layers", str(tmp_path / "no" / "town.qlr")]
    )
    assert isinstance(nowhere.exception, InvalidInput)
    assert "li_si" in CliRunner().invoke(cli, ["qgis", "list"]).output
    assert CliRunner().invoke(cli, ["qgis", "revoke", "li_si"]).exit_code == 0
    assert json.loads(CliRunner().invoke(cli, ["qgis", "list", "--json"]).stdout) == ["planner"]


def test_migrating_again_keeps_the_views_and_a_planners_own_style(qgis_town: QgisTown) -> None:
    stored = "SELECT 'qgis.grid'::regclass::oid::int, (SELECT count(*) FROM layer_styles)"
    with psycopg.connect(qgis_town.addresses.owner, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO layer_styles (f_table_schema, f_table_name, stylename)"
            " VALUES ('qgis', 'grid', 'mine')"
        )
        old_row = owner.execute(stored).fetchone()
        migration.migrate(qgis_town.addresses)
        assert owner.execute(stored).fetchone() == old_row
        owner.execute("DELETE FROM layer_styles WHERE stylename = 'mine'")


def test_views_that_a_restore_took_away_come_back_with_their_rights(qgis_town: QgisTown) -> None:
    with psycopg.connect(qgis_town.addresses.owner, autocommit=True) as owner:
        owner.execute("DROP VIEW qgis.grid, qgis.unit")
    migration.migrate(qgis_town.addresses)
    with qgis_town.connect() as planner:
        assert planner.execute("SELECT count(*) FROM qgis.grid").fetchone() == (2,)


def test_the_migration_goes_down_and_up_again(qgis_town: QgisTown) -> None:
    from alembic import command

    with engine(qgis_town.addresses.owner).begin() as connection:
        command.downgrade(migration.config(connection), "0004")
        left = (
            "SELECT to_regnamespace('qgis'), to_regclass('layer_styles'), (SELECT count(*)"
            " FROM pg_trigger WHERE tgname = 'refuse_edit')"
        )
        assert tuple(connection.execute(text(left)).one()) == (None, None, 0)
    migration.migrate(qgis_town.addresses)
    with qgis_town.connect() as planner:
        assert planner.execute("SELECT count(*) FROM qgis.grid").fetchone() == (2,)
        assert planner.execute("SELECT count(*) FROM layer_styles").fetchone() == (len(qgis.VIEWS),)
