"""Logins for QGIS: roles of the database that read the views and nothing else."""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import psycopg
from psycopg import sql
from pyproj import CRS
from sqlalchemy.engine import make_url

from gis.db import STORAGE_SRID, engine
from gis.errors import NotFound, Unavailable, invalid_field
from gis.ops import cluster
from gis.ops.cluster import DatabaseUrls
from gis.ops.qgis.install import prepare
from gis.ops.qgis.style import STYLE, renderer_xml, scale_attributes
from gis.ops.qgis.views import GEOMETRY, GROUP, LONGEST_QUERY, MOST_CONNECTIONS, SCHEMA, VIEWS
from gis.settings import Settings

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class QgisLogin:
    """How to reach the views, as the form of QGIS asks for it.

    Host is a name or the folder of a Unix socket.
    """

    host: str
    port: int
    database: str
    user: str
    password: str


def grant_login(settings: Settings, addresses: DatabaseUrls, name: str) -> QgisLogin:
    """Make a login role that may read the views, or give the one of that name a new password.

    Parameters
    ----------
    addresses
        Of a migrated database.
    name
        Lower-case letters, digits and underscores; the role is called wangge_qgis_NAME_PATTERN.

    Raises
    ------
    InvalidInput
        The name cannot be one.
    Unavailable
        Our role may not make roles; the message says what somebody who may has to do.
    """
    role, password = _role(name), secrets.token_urlsafe(18)
    with psycopg.connect(_keeper(settings, addresses)) as connection:
        have = {
            row[0]
            for row in connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)", [GROUP, role]
            )
        }
        # only its digest goes to the server, and into its log
        secret = connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        try:
            if GROUP not in have:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(GROUP)))
            make = sql.SQL("ALTER ROLE {}" if role in have else "CREATE ROLE {}").format(
                sql.Identifier(role)
            )
            connection.execute(
                sql.SQL("{} LOGIN PASSWORD {} CONNECTION LIMIT {}").format(
                    make, secret, MOST_CONNECTIONS
                )
            )
            for setting, value in (
                ("default_transaction_read_only", "on"),
                ("statement_timeout", LONGEST_QUERY),
            ):
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(
                        sql.Identifier(role), sql.Identifier(setting), value
                    )
                )
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(GROUP), sql.Identifier(role))
            )
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not(role, error) from None
    with engine(addresses.owner).begin() as owner:
        prepare(owner)
    return QgisLogin(*_where(settings, addresses), role, password)


def revoke_login(settings: Settings, addresses: DatabaseUrls, name: str) -> None:
    """Drop a login role and end its connections.

    Raises
    ------
    InvalidInput
        The name cannot be one.
    NotFound
        There is no such role.
    Unavailable
        Our role may not drop it.
    """
    role = _role(name)
    with psycopg.connect(_keeper(settings, addresses), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
            raise NotFound("qgis.login_unknown", name=name)
        try:
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            with suppress(
                psycopg.errors.InsufficientPrivilege
            ):  # then they end with the next question they ask
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                    [role],
                )
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not(role, error) from None


def list_logins(addresses: DatabaseUrls) -> list[str]:
    """The names that have access."""
    with psycopg.connect(addresses.owner) as connection:
        rows = connection.execute(
            "SELECT m.rolname FROM pg_auth_members g JOIN pg_roles m ON m.oid = g.member"
            " JOIN pg_roles r ON r.oid = g.roleid"
            " WHERE r.rolname = %s AND m.rolcanlogin AND m.rolname LIKE %s ORDER BY 1",
            [GROUP, GROUP.replace("_", r"\_") + r"\_%"],
        ).fetchall()
    return [row[0].removeprefix(f"{GROUP}_") for row in rows]


def _role(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise invalid_field("name", "qgis.name_invalid", name=name)
    return f"{GROUP}_{name}"


def _keeper(settings: Settings, addresses: DatabaseUrls) -> str:
    """The address that may make roles: the private cluster's superuser, elsewhere the owner, if
    anybody.
    """
    if settings.database_url:
        return (
            make_url(addresses.owner)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False)
        )
    place = cluster.cluster_location(settings)
    port = cluster.running_port(place)
    assert port is not None  # addresses were asked of it
    return place.url(cluster.SUPERUSER, port)


def _where(settings: Settings, addresses: DatabaseUrls) -> tuple[str, int, str]:
    """Host, port and database.

    Of the private cluster its loopback address, for QGIS cannot enter its socket.
    """
    url = make_url(addresses.owner)
    host = url.query.get("host", "") if settings.database_url else "127.0.0.1"
    port = url.port or url.query.get("port", 5432)
    return url.host or str(host) or "127.0.0.1", int(str(port)), url.database or ""


def _may_not(role: str, error: psycopg.Error) -> Unavailable:
    return Unavailable(
        "qgis.role_forbidden", reason=str(error).splitlines()[0], group=GROUP, role=role
    )


# from the top of the map downwards; those at rest are there and not shown at first
LAYER_ORDER = (
    "facility",
    "unit",
    "grid_history",
    "grid",
    "community",
    "street",
    "county",
    "walk_edge",
    "building",
)


HIDDEN_LAYERS = ("grid_history", "street", "county")


def layer_file(access: QgisLogin) -> str:
    """A layer definition (.qlr) of QGIS with every view, its key and its style.

    QGIS asks for the password itself.
    """
    words = {
        "dbname": access.database,
        "host": access.host,
        "port": str(access.port),
        "user": access.user,
        "key": "id",
    }
    server = " ".join(f"{name}='{_quoted(value)}'" for name, value in words.items())
    land = escape(CRS(STORAGE_SRID).to_wkt())  # QGIS takes a system by its number alone for none
    tree, layers = [], []
    for name in LAYER_ORDER:
        view = VIEWS[name]
        kind = {"Line": "LineString", "Polygon": "MultiPolygon"}.get(view.geometry, view.geometry)
        source = escape(
            f'{server} srid={STORAGE_SRID} type={kind} table="{SCHEMA}"."{name}" ({GEOMETRY})',
            {'"': "&quot;"},
        )
        checked = "Qt::Unchecked" if name in HIDDEN_LAYERS else "Qt::Checked"
        tree.append(
            f'<layer-tree-layer id="wangge_{name}" name={quoteattr(view.zh)}'
            f' providerKey="postgres" source="{source}"'
            f' checked="{checked}" expanded="0"/>'
        )
        layers.append(
            f'<maplayer type="vector" geometry="{view.geometry}"'
            f" {scale_attributes(view)}><id>wangge_{name}</id>"
            f"<datasource>{source}</datasource><layername>{escape(view.zh)}</layername>"
            f'<srs><spatialrefsys nativeFormat="Wkt"><wkt>{land}</wkt><srid>{STORAGE_SRID}</srid>'
            f"<authid>EPSG:{STORAGE_SRID}</authid></spatialrefsys></srs>"
            f'<provider encoding="UTF-8">postgres</provider>{renderer_xml(view)}</maplayer>'
        )
    return (
        "<!DOCTYPE qgis-layer-definition>\n<qlr>"
        f'<layer-tree-group name="{STYLE}" checked="Qt::Checked"'
        f' expanded="1">{"".join(tree)}</layer-tree-group>'
        f"<maplayers>{''.join(layers)}</maplayers></qlr>\n"
    )


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace("'", r"\'")
