"""Logins for QGIS: roles of the database that may read the views and nothing else."""

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
from gis.ops.qgis.style import STYLE_NAME, renderer_xml, scale_attributes
from gis.ops.qgis.views import (
    GROUP,
    MAX_LOGIN_CONNECTIONS,
    QUERY_TIMEOUT,
    SCHEMA,
    SHAPE_COLUMN,
    VIEWS,
)
from gis.settings import Settings

LOGIN_NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class QgisLogin:
    """The connection to the views, with the fields of QGIS's form.

    Attributes
    ----------
    host
        A name, or the folder of a Unix socket.
    """

    host: str
    port: int
    database: str
    user: str
    password: str


def grant_login(settings: Settings, addresses: DatabaseUrls, name: str) -> QgisLogin:
    """Create a login role that may read the views, or give an existing one a new password.

    Parameters
    ----------
    addresses
        Of a migrated database.
    name
        Lower-case letters, digits and underscores; the role is called wangge_qgis_NAME.

    Raises
    ------
    InvalidInput
        The name is not valid.
    Unavailable
        Our role may not create roles; the message says what an administrator has to do.
    """
    role, password = _role(name), secrets.token_urlsafe(18)
    with psycopg.connect(_keeper(settings, addresses)) as connection:
        have = {
            row[0]
            for row in connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)", [GROUP, role]
            )
        }
        # only its digest goes to the server and its log
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
                    make, secret, MAX_LOGIN_CONNECTIONS
                )
            )
            for setting, value in (
                ("default_transaction_read_only", "on"),
                ("statement_timeout", QUERY_TIMEOUT),
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
        The name is not valid.
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
            # without that right its connections end with their next query
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                    [role],
                )
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not(role, error) from None


def list_logins(addresses: DatabaseUrls) -> list[str]:
    """List the names of the logins."""
    with psycopg.connect(addresses.owner) as connection:
        rows = connection.execute(
            "SELECT m.rolname FROM pg_auth_members g JOIN pg_roles m ON m.oid = g.member"
            " JOIN pg_roles r ON r.oid = g.roleid"
            " WHERE r.rolname = %s AND m.rolcanlogin AND m.rolname LIKE %s ORDER BY 1",
            [GROUP, GROUP.replace("_", r"\_") + r"\_%"],
        ).fetchall()
    return [row[0].removeprefix(f"{GROUP}_") for row in rows]


def _role(name: str) -> str:
    if not LOGIN_NAME_PATTERN.fullmatch(name):
        raise invalid_field("name", "qgis.name_invalid", name=name)
    return f"{GROUP}_{name}"


def _keeper(settings: Settings, addresses: DatabaseUrls) -> str:
    """Return the URL of a role that may create roles.

    That is the private cluster's superuser, or on another server the owner, if it has the right.
    """
    if settings.database_url:
        return (
            make_url(addresses.owner)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False)
        )
    private_cluster = cluster.cluster_location(settings)
    port = cluster.running_port(private_cluster)
    assert port is not None  # it is running: the addresses are its
    return private_cluster.url(cluster.SUPERUSER, port)


def _where(settings: Settings, addresses: DatabaseUrls) -> tuple[str, int, str]:
    """Return host, port and database of the server.

    For the private cluster its loopback address, since QGIS cannot enter the folder of its socket.
    """
    url = make_url(addresses.owner)
    host = url.query.get("host", "") if settings.database_url else "127.0.0.1"
    port = url.port or url.query.get("port", 5432)
    return url.host or str(host) or "127.0.0.1", int(str(port)), url.database or ""


def _may_not(role: str, error: psycopg.Error) -> Unavailable:
    return Unavailable(
        "qgis.role_forbidden", reason=str(error).splitlines()[0], group=GROUP, role=role
    )


# from the top of the map downwards; hidden layers are listed and not drawn at first
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
    """Return a layer definition (.qlr) of QGIS with every view, its key and its style.

    It holds no password; QGIS prompts for it.
    """
    connection_params = {
        "dbname": access.database,
        "host": access.host,
        "port": str(access.port),
        "user": access.user,
        "key": "id",
    }
    server = " ".join(f"{name}='{_quoted(value)}'" for name, value in connection_params.items())
    crs_wkt = escape(CRS(STORAGE_SRID).to_wkt())  # QGIS ignores a system given by its number alone
    tree, layers = [], []
    for name in LAYER_ORDER:
        view = VIEWS[name]
        kind = {"Line": "LineString", "Polygon": "MultiPolygon"}.get(view.geometry, view.geometry)
        source = escape(
            f'{server} srid={STORAGE_SRID} type={kind} table="{SCHEMA}"."{name}" ({SHAPE_COLUMN})',
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
            f'<srs><spatialrefsys nativeFormat="Wkt"><wkt>{crs_wkt}</wkt>'
            f"<srid>{STORAGE_SRID}</srid>"
            f"<authid>EPSG:{STORAGE_SRID}</authid></spatialrefsys></srs>"
            f'<provider encoding="UTF-8">postgres</provider>{renderer_xml(view)}</maplayer>'
        )
    return (
        "<!DOCTYPE qgis-layer-definition>\n<qlr>"
        f'<layer-tree-group name="{STYLE_NAME}" checked="Qt::Checked"'
        f' expanded="1">{"".join(tree)}</layer-tree-group>'
        f"<maplayers>{''.join(layers)}</maplayers></qlr>\n"
    )


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace("'", r"\'")
