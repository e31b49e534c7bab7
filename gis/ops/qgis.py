"""What QGIS sees of the database: views without personal data, their styles, and the roles that may read them.

The views lie in the schema `qgis`, which holds nothing but what `VIEWS` says: it is dropped and made anew when that
changes. Everything in it is read-only; boundaries change by boundary revisions.

A login role may read these views and nothing else. It is a member of the group `GROUP`, which is shared by all
databases of a server; a server whose owner role may not make roles works without QGIS until somebody makes them.
"""

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from xml.sax.saxutils import escape, quoteattr

import psycopg
from psycopg import sql
from pyproj import CRS
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from gis.db import STORAGE_SRID, engine
from gis.errors import NotFound, Unavailable, invalid_field
from gis.facilities.categories import CATEGORIES
from gis.ops import cluster
from gis.ops.cluster import DatabaseUrls
from gis.palette import AREA_OUTLINE_COLOURS, BASEMAP_COLOURS, TEXT_COLOURS, WHITE
from gis.settings import Settings

SCHEMA, GEOMETRY = "qgis", "shape"
GROUP = "wangge_qgis"  # login roles are called GROUP_name
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
STYLE = "网格 wangge"  # name of our styles; those with another name are left alone
FACES = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Source Han Sans SC")  # the first there is, is taken
MOST_CONNECTIONS, LONGEST_QUERY = 20, "120s"  # of one login role


@dataclass(frozen=True)
class Style:
    """How QGIS draws a view at first.

    colour: Of the outline, the line or the label; of points it comes from `by`.
    width: Of the line, mm.
    fill: Of polygons; empty: outline only.
    dashed: A broken line.
    size: Of the names, points.
    shown, named: Scales (1 to so many) from which on the layer and the names appear; 0: at every scale.
    by: Column whose values have colours of their own, and these: value -> (words, colour).
    """

    colour: str
    width: float = 0.3
    fill: str = ""
    dashed: bool = False
    size: float = 9
    shown: int = 0
    named: int = 0
    by: str = ""
    values: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """A view: its words, what its columns are, and the query whose columns they are, in this order.

    columns: Column -> (Chinese, English). The first is the key: unique, and the same for a thing for ever.
    geometry: Point, Line or Polygon, as QGIS names the type of a style.
    """

    zh: str
    en: str
    columns: Mapping[str, tuple[str, str]]
    query: str
    style: Style
    geometry: str = "Polygon"
    label: str = "name"


@dataclass(frozen=True)
class QgisLogin:
    """How to reach the views, as the form of QGIS asks for it; host is a name or the folder of a Unix socket."""

    host: str
    port: int
    database: str
    user: str
    password: str


KEY = {"id": ("主键", "Key of the row: the Feature id to choose in QGIS")}
AREA = {
    **KEY,
    "code": ("编码", "Code of the area; it outlives every redrawing"),
    "name": ("名称", "The name people use"),
    "parent": ("上级编码", "Code of the area one level up"),
    "valid_from": ("生效时间", "Since when this shape holds"),
    "revision": ("边界修订", "Number of the boundary revision that drew it"),
    "households": ("户数", "Homes in it"),
    "area_m2": ("面积（平方米）", "Geodesic area, square metres"),
    GEOMETRY: ("边界", "The land, EPSG:4490"),
}

PARENT = """
  (SELECT p.code FROM public.area p WHERE p.id = coalesce(
    (SELECT d.parent_id FROM public.dated_parent d WHERE d.area_id = a.id AND d.valid @> {at}), a.parent_id)) AS parent"""
# Sub-queries of the list of columns are only worked out when the column is asked for: drawing a map asks for none.
IN_FORCE = """
SELECT a.id, a.code, a.name, {parent}, lower(b.valid) AS valid_from, b.revision_id AS revision,
  ({households}) AS households, round(public.ST_Area(b.shape::public.geography)::numeric)::bigint AS area_m2, b.shape
FROM public.area a JOIN public.boundary b ON b.area_id = a.id AND b.valid @> now()
WHERE a.level = '{level}' AND (a.retired_at IS NULL OR a.retired_at > now())"""
DATED = """
SELECT b.id, a.code, a.name, {parent}, lower(b.valid) AS valid_from, upper(b.valid) AS valid_to,
  b.revision_id AS revision, round(public.ST_Area(b.shape::public.geography)::numeric)::bigint AS area_m2, b.shape
FROM public.area a JOIN public.boundary b ON b.area_id = a.id WHERE a.level = 'grid'"""
# homes by where they stand, as everywhere: by the middle of their building
STANDING = """
  SELECT count(*) FROM public.building h JOIN public.household o ON o.building_id = h.id
  WHERE h.shape && b.shape AND public.ST_Covers(b.shape, public.ST_PointOnSurface(h.shape))"""
OWN = "SELECT count(*) FROM public.household o WHERE o.unit_id = a.id"


def _area(level: str, zh: str, en: str, style: Style) -> View:
    households = OWN if level == "unit" else STANDING
    query = IN_FORCE.format(level=level, households=households, parent=PARENT.format(at="now()"))
    return View(zh, en, AREA, query, style)


VIEWS = {
    "county": _area(
        "county", "区县", "Counties as they are now", Style(AREA_OUTLINE_COLOURS["community"], 1.0, size=14)
    ),
    "street": _area(
        "street",
        "街道",
        "Streets and townships as they are now",
        Style(AREA_OUTLINE_COLOURS["community"], 0.8, size=13),
    ),
    "community": _area(
        "community",
        "社区",
        "Communities as they are now",
        Style(AREA_OUTLINE_COLOURS["community"], 0.6, size=12, named=150_000),
    ),
    "grid": _area("grid", "网格", "Grids as they are now", Style(AREA_OUTLINE_COLOURS["grid"], 0.4, named=30_000)),
    "unit": _area(
        "unit",
        "十联户",
        "Ten-household units as they are now",
        Style(AREA_OUTLINE_COLOURS["unit"], 0.3, dashed=True, shown=25_000, named=3_000),
    ),
    "grid_history": View(
        "网格历史",
        "Every shape a grid had, has or will have",
        {
            **KEY,
            "code": ("编码", "Code of the grid"),
            "name": ("名称", "The name people use today"),
            "parent": ("上级编码", "Code of its community when this shape began to hold"),
            "valid_from": ("生效时间", "Since when this shape holds"),
            "valid_to": ("失效时间", "Until when it held, that moment not included; empty: still"),
            "revision": ("边界修订", "Number of the boundary revision that drew it"),
            "area_m2": ("面积（平方米）", "Geodesic area, square metres"),
            GEOMETRY: ("边界", "The land, EPSG:4490"),
        },
        DATED.format(parent=PARENT.format(at="lower(b.valid)")),
        Style(TEXT_COLOURS["quiet"], 0.25, dashed=True, named=15_000),
    ),
    "building": View(
        "楼栋",
        "Buildings by their footprint",
        {
            **KEY,
            "code": ("编码", "Code of the building"),
            "name": ("楼号", "Name or number as written at the door"),
            "estate": ("小区", "Name of the compound"),
            "address": ("地址", "Street and house number"),
            "kind": ("用途", "Use: residential, school, shop…"),
            "floors": ("层数", "Storeys above ground"),
            "households": ("户数", "Homes in it"),
            GEOMETRY: ("轮廓", "Footprint with its holes, EPSG:4490"),
        },
        """
        SELECT h.id, h.code, h.name, h.estate, h.address, h.kind, h.floors,
          (SELECT count(*) FROM public.household o WHERE o.building_id = h.id) AS households, h.shape
        FROM public.building h""",
        Style(BASEMAP_COLOURS["building_edge"], 0.15, fill=BASEMAP_COLOURS["building"], shown=40_000, named=4_000),
    ),
    "facility": View(
        "设施",
        "Places people walk to for a service",
        {
            **KEY,
            "code": ("编码", "Code of the facility"),
            "category": ("类别", "Key of its category"),
            "name": ("名称", "Name as signed"),
            "address": ("地址", "Street and house number"),
            "opening_hours": ("开放时间", "OpenStreetMap opening_hours syntax"),
            GEOMETRY: ("位置", "Where it is, of a building a point in it; EPSG:4490"),
        },
        """
        SELECT f.id, f.code, f.category, f.name, f.address, f.opening_hours, (CASE public.ST_Dimension(f.shape)
          WHEN 0 THEN f.shape ELSE public.ST_PointOnSurface(f.shape) END)::public.geometry(Point, 4490) AS shape
        FROM public.facility f""",
        Style(
            TEXT_COLOURS["text"],
            shown=60_000,
            named=8_000,
            by="category",
            values=tuple((one.key, one.zh, one.colour) for one in CATEGORIES),
        ),
        geometry="Point",
    ),
    "walk_edge": View(
        "步行路网",
        "The walkable streets and paths between two junctions",
        {
            **KEY,
            "way_id": ("OSM 路号", "OpenStreetMap way it is a piece of"),
            "name": ("路名", "Street name"),
            "kind": ("类型", "OpenStreetMap highway value; plaza, across, link: on and beside areas"),
            "length": ("长度（米）", "Geodesic length, metres"),
            "steps": ("台阶", "Steps: not for wheels"),
            "structure": ("桥隧", "bridge, tunnel, storey; empty on the ground"),
            GEOMETRY: ("线", "The line, EPSG:4490"),
        },
        "SELECT e.id, e.way_id, e.name, e.kind, e.length, e.steps, e.structure, e.shape FROM public.walk_edge e",
        Style(TEXT_COLOURS["street"], 0.3, shown=60_000, named=8_000),
        geometry="Line",
    ),
}

# from the top of the map downwards; those at rest are there and not shown at first
LAYER_ORDER = ("facility", "unit", "grid_history", "grid", "community", "street", "county", "walk_edge", "building")
HIDDEN_LAYERS = ("grid_history", "street", "county")


# --- the views and their styles: by the owner of the tables ---


def clear(connection: Connection) -> None:
    """Drop the views, so that they are in no migration's way."""
    connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def prepare(connection: Connection) -> None:
    """Make the views where they are missing or older than this code, store their styles, grant the group its rights.

    Args:
        connection: Of the owner of the tables, in a database at the newest migration.
    """
    connection.execute(text("LOCK TABLE layer_styles IN SHARE ROW EXCLUSIVE MODE"))  # one at a time
    if not _current(connection):
        clear(connection)
        for statement in (*_statements(), f"COMMENT ON SCHEMA {SCHEMA} IS '{_digest()}'"):
            connection.exec_driver_sql(statement)
    connection.execute(
        text("DELETE FROM layer_styles WHERE f_table_schema = :schema AND stylename = :style"),
        {"schema": SCHEMA, "style": STYLE},
    )
    connection.execute(
        text("""
        INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, stylename,
          styleqml, useasdefault, description)
        VALUES (current_database(), :schema, :name, :geometry, :style, XMLPARSE(DOCUMENT :qml), true, :words)
        """),
        [
            {"schema": SCHEMA, "name": name, "geometry": GEOMETRY, "style": STYLE, "qml": qml(view),
             "words": f"{view.zh} {view.en}"}
            for name, view in VIEWS.items()
        ],
    )  # fmt: skip
    if connection.scalar(text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :group)"), {"group": GROUP}):
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {GROUP}")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {GROUP}")
        connection.exec_driver_sql(f"GRANT SELECT ON layer_styles TO {GROUP}")


def _statements() -> list[str]:
    made = [f"CREATE SCHEMA {SCHEMA}"]
    for name, view in VIEWS.items():
        made += [
            f"CREATE VIEW {SCHEMA}.{name} AS {view.query}",
            f"CREATE TRIGGER refuse_edit INSTEAD OF INSERT OR UPDATE OR DELETE ON {SCHEMA}.{name} "
            "FOR EACH ROW EXECUTE FUNCTION public.refuse_edit()",
            _comment(f"VIEW {SCHEMA}.{name}", f"{view.zh}：{view.en}. Read-only; its key is id."),
        ]
        made += [
            _comment(f"COLUMN {SCHEMA}.{name}.{column}", f"{zh}：{en}.") for column, (zh, en) in view.columns.items()
        ]
    return made


def _comment(on: str, words: str) -> str:
    return f"COMMENT ON {on} IS {sql.Literal(words).as_string(None)}"


def _digest() -> str:
    return "Views for QGIS, made by wangge " + sha256("\n".join(_statements()).encode()).hexdigest()[:16]


def _current(connection: Connection) -> bool:
    """Whether the views are those of this code; a restore takes them away and leaves the schema."""
    found = connection.execute(
        text("""
        SELECT obj_description(n.oid), (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'v')
        FROM pg_namespace n WHERE n.nspname = :schema
        """),
        {"schema": SCHEMA},
    ).first()
    return found is not None and tuple(found) == (_digest(), len(VIEWS))


# --- styles ---


def qml(view: View) -> str:
    """The style of a view as a QGIS document: outlines first, names in a Chinese face over them, Chinese headings."""
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
        f'<qgis version="3.22" {_switches(view)}>{_drawn(view)}</qgis>'
    )


def layer_file(access: QgisLogin) -> str:
    """A layer definition (.qlr) of QGIS with every view, its key and its style; QGIS asks for the password itself."""
    words = {"dbname": access.database, "host": access.host, "port": str(access.port), "user": access.user, "key": "id"}
    server = " ".join(f"{name}='{_quoted(value)}'" for name, value in words.items())
    land = escape(CRS(STORAGE_SRID).to_wkt())  # QGIS takes a system by its number alone for none
    tree, layers = [], []
    for name in LAYER_ORDER:
        view = VIEWS[name]
        kind = {"Line": "LineString", "Polygon": "MultiPolygon"}.get(view.geometry, view.geometry)
        source = escape(
            f'{server} srid={STORAGE_SRID} type={kind} table="{SCHEMA}"."{name}" ({GEOMETRY})', {'"': "&quot;"}
        )
        checked = "Qt::Unchecked" if name in HIDDEN_LAYERS else "Qt::Checked"
        tree.append(
            f'<layer-tree-layer id="wangge_{name}" name={quoteattr(view.zh)} providerKey="postgres" source="{source}"'
            f' checked="{checked}" expanded="0"/>'
        )
        layers.append(
            f'<maplayer type="vector" geometry="{view.geometry}" {_switches(view)}><id>wangge_{name}</id>'
            f"<datasource>{source}</datasource><layername>{escape(view.zh)}</layername>"
            f'<srs><spatialrefsys nativeFormat="Wkt"><wkt>{land}</wkt><srid>{STORAGE_SRID}</srid>'
            f"<authid>EPSG:{STORAGE_SRID}</authid></spatialrefsys></srs>"
            f'<provider encoding="UTF-8">postgres</provider>{_drawn(view)}</maplayer>'
        )
    return (
        "<!DOCTYPE qgis-layer-definition>\n<qlr>"
        f'<layer-tree-group name="{STYLE}" checked="Qt::Checked" expanded="1">{"".join(tree)}</layer-tree-group>'
        f"<maplayers>{''.join(layers)}</maplayers></qlr>\n"
    )


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace("'", r"\'")


def _drawn(view: View) -> str:
    """How a view is drawn, in elements; properties are `prop`, which every QGIS reads, from 2 on."""
    style = view.style
    if style.by:
        symbols = [_symbol(view, number, colour) for number, (_, _, colour) in enumerate(style.values)]
        entries = "".join(
            f'<category render="true" symbol="{number}" value={quoteattr(value)} label={quoteattr(words)}/>'
            for number, (value, words, _) in enumerate(style.values)
        )
        renderer = (
            f'<renderer-v2 type="categorizedSymbol" attr="{style.by}"><categories>{entries}</categories>'
            f"<symbols>{''.join(symbols)}</symbols></renderer-v2>"
        )
    else:
        symbol = _symbol(view, 0, style.colour)
        renderer = f'<renderer-v2 type="singleSymbol"><symbols>{symbol}</symbols></renderer-v2>'
    aliases = "".join(
        f'<alias index="{number}" field="{column}" name={quoteattr(zh)}/>'
        for number, (column, (zh, _)) in enumerate(view.columns.items())
        if column != GEOMETRY
    )
    return (
        f"{renderer}{_labels(view)}<aliases>{aliases}</aliases>"
        f"<previewExpression>{escape(view.label)}</previewExpression>"
        f"<layerGeometryType>{('Point', 'Line', 'Polygon').index(view.geometry)}</layerGeometryType>"
    )


def _switches(view: View) -> str:
    shown = view.style.shown
    scales = f' hasScaleBasedVisibilityFlag="1" minScale="{shown}" maxScale="0"' if shown else ""
    return f'labelsEnabled="1" readOnly="1" styleCategories="AllStyleCategories"{scales}'


def _symbol(view: View, number: int, colour: str) -> str:
    style = view.style
    line = "dash" if style.dashed else "solid"
    kind, layer, props = {
        "Point": ("marker", "SimpleMarker", {
            "name": "circle", "color": _rgba(colour), "outline_color": "255,255,255,255", "outline_width": "0.2",
            "size": "2.4", "size_unit": "MM",
        }),
        "Line": ("line", "SimpleLine", {
            "line_color": _rgba(colour), "line_style": line, "line_width": str(style.width), "line_width_unit": "MM",
            "joinstyle": "round", "capstyle": "round",
        }),
        "Polygon": ("fill", "SimpleFill", {
            "style": "solid" if style.fill else "no", "color": _rgba(style.fill or WHITE),
            "outline_color": _rgba(colour), "outline_style": line, "outline_width": str(style.width),
            "outline_width_unit": "MM", "joinstyle": "round",
        }),
    }[view.geometry]  # fmt: skip
    written = "".join(f'<prop k="{key}" v="{value}"/>' for key, value in props.items())
    return (
        f'<symbol type="{kind}" name="{number}" alpha="1" clip_to_extent="1">'
        f'<layer class="{layer}" enabled="1" pass="0" locked="0">{written}</layer></symbol>'
    )


def _labels(view: View) -> str:
    style = view.style
    colour = TEXT_COLOURS["quiet"] if style.fill else style.colour
    families = "".join(f'<family name="{face}"/>' for face in FACES)
    place = {
        "Point": 'placement="6" predefinedPositionOrder="BR,TR,B,TL,BL,R,L" dist="1.5" distUnits="MM"',
        "Line": 'placement="3" placementFlags="9"',
        "Polygon": 'placement="1" quadOffset="4" centroidInside="1" centroidWhole="0"',
    }[view.geometry]
    return (
        '<labeling type="simple"><settings calloutType="simple">'
        f'<text-style fieldName="{view.label}" isExpression="0" fontFamily="{FACES[0]}" fontSize="{style.size}" fontSizeUnit="Point"'
        f' textColor="{_rgba(colour)}" textOpacity="1"><families>{families}</families>'
        '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255"'
        ' bufferOpacity="0.85"/></text-style>'
        f"<placement {place}/>"
        f'<rendering drawLabels="1" scaleVisibility="{int(bool(style.named))}" scaleMin="0" scaleMax="{style.named}"'
        ' obstacle="1" obstacleType="1" mergeLines="1" displayAll="0"/></settings></labeling>'
    )


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"


# --- roles: by whoever may make roles ---


def grant_login(settings: Settings, addresses: DatabaseUrls, name: str) -> QgisLogin:
    """Make a login role that may read the views, or give the one of that name a new password.

    Args:
        addresses: Of a migrated database.
        name: Lower-case letters, digits and underscores; the role is called wangge_qgis_NAME.

    Raises:
        InvalidInput: The name cannot be one.
        Unavailable: Our role may not make roles; the message says what somebody who may has to do.
    """
    role, password = _role(name), secrets.token_urlsafe(18)
    with psycopg.connect(_keeper(settings, addresses)) as connection:
        have = {
            row[0]
            for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)", [GROUP, role])
        }
        # only its digest goes to the server, and into its log
        secret = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        try:
            if GROUP not in have:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(GROUP)))
            make = sql.SQL("ALTER ROLE {}" if role in have else "CREATE ROLE {}").format(sql.Identifier(role))
            connection.execute(
                sql.SQL("{} LOGIN PASSWORD {} CONNECTION LIMIT {}").format(make, secret, MOST_CONNECTIONS)
            )
            for setting, value in (("default_transaction_read_only", "on"), ("statement_timeout", LONGEST_QUERY)):
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(role), sql.Identifier(setting), value)
                )
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(GROUP), sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not(role, error) from None
    with engine(addresses.owner).begin() as owner:
        prepare(owner)
    return QgisLogin(*_where(settings, addresses), role, password)


def revoke_login(settings: Settings, addresses: DatabaseUrls, name: str) -> None:
    """Drop a login role and end its connections.

    Raises:
        InvalidInput: The name cannot be one.
        NotFound: There is no such role.
        Unavailable: Our role may not drop it.
    """
    role = _role(name)
    with psycopg.connect(_keeper(settings, addresses), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
            raise NotFound(f"there is no access called {name}; ./wangge qgis list names them")
        try:
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            with suppress(psycopg.errors.InsufficientPrivilege):  # then they end with the next question they ask
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not(role, error) from None


def list_logins(addresses: DatabaseUrls) -> list[str]:
    """The names that have access."""
    with psycopg.connect(addresses.owner) as connection:
        rows = connection.execute(
            "SELECT m.rolname FROM pg_auth_members g JOIN pg_roles m ON m.oid = g.member JOIN pg_roles r ON r.oid = g.roleid"
            " WHERE r.rolname = %s AND m.rolcanlogin AND m.rolname LIKE %s ORDER BY 1",
            [GROUP, GROUP.replace("_", r"\_") + r"\_%"],
        ).fetchall()
    return [row[0].removeprefix(f"{GROUP}_") for row in rows]


def _role(name: str) -> str:
    if not NAME.fullmatch(name):
        raise invalid_field(
            "name", f"{name!r} cannot be one; write a letter, then letters, digits or _, as planner or zhang_san"
        )
    return f"{GROUP}_{name}"


def _keeper(settings: Settings, addresses: DatabaseUrls) -> str:
    """The address that may make roles: the private cluster's superuser, elsewhere the owner, if anybody."""
    if settings.database_url:
        return make_url(addresses.owner).set(drivername="postgresql").render_as_string(hide_password=False)
    place = cluster.cluster_location(settings)
    port = cluster.running_port(place)
    assert port is not None  # addresses were asked of it
    return place.url(cluster.SUPERUSER, port)


def _where(settings: Settings, addresses: DatabaseUrls) -> tuple[str, int, str]:
    """Host, port and database; of the private cluster its loopback address, for QGIS cannot enter its socket."""
    url = make_url(addresses.owner)
    host = url.query.get("host", "") if settings.database_url else "127.0.0.1"
    port = url.port or url.query.get("port", 5432)
    return url.host or str(host) or "127.0.0.1", int(str(port)), url.database or ""


def _may_not(role: str, error: psycopg.Error) -> Unavailable:
    return Unavailable(
        f"our role may not make or change roles on this server ({str(error).splitlines()[0]}); let somebody who may run:"
        f" CREATE ROLE {GROUP} NOLOGIN; CREATE ROLE {role} LOGIN PASSWORD '…' IN ROLE {GROUP};"
        " then ./wangge db migrate gives the group its rights"
    )
