"""`./wangge qgis`: who may look at the maps in QGIS, straight from the database."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from gis import private
from gis.errors import invalid_field
from gis.ops import qgis
from gis.settings import Settings
from web.cli.common import open_database

STEPS = """
In QGIS: Layer > Data Source Manager > PostgreSQL > New, and fill in the above
(Authentication > Basic). Connect, open the schema qgis, choose the layers; where QGIS asks for the
Feature id, it is id. Each opens with its style and Chinese headings, and is read-only. Or drop the
file of --layers on the map and type the password once. The password is shown only now.
在 QGIS 中：图层 > 数据源管理器 > PostgreSQL > 新建，填入以上各项（认证 > 基本）。
连接后打开 qgis 模式，选择图层；如问要素 ID（Feature id），选 id。图层自带样式，只读。
也可把 --layers 写出的文件拖到地图上，输入一次密码。密码只显示这一次。

To change boundaries: ./wangge dump grids FILE.gpkg, edit the file in QGIS,
./wangge revision from-file FILE.gpkg; or use the editor page.
要改边界：先导出 GeoPackage，在 QGIS 中修改后作为草案上传，或使用边界编辑页面。"""
LOOPBACK = """
The database listens on this machine only. From another one, open a tunnel first; host and port
then stay as above:
数据库只在本机监听。从别的电脑连接，先开隧道，主机和端口不变：
  ssh -N -L {port}:127.0.0.1:{port} USER@THIS-MACHINE"""


@click.group()
def command() -> None:
    """Let planners look at the maps in QGIS: access, revoke, list."""


@command.command()
@click.argument("name", default="planner")
@click.option(
    "--layers",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Write a file to drop on QGIS, too: FILE.qlr, every layer in its place,"
        " without the password."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def access(name: str, layers: Path | None, as_json: bool) -> None:
    """Give NAME (planner) a login that sees the views and nothing else; again: a new password.

    Raises
    ------
    InvalidInput
        The folder of the file does not exist.
    """
    if layers and not layers.absolute().parent.is_dir():
        raise invalid_field("layers", "cli.folder_missing", folder=str(layers.absolute().parent))
    settings = Settings.from_env()
    login = qgis.grant_login(settings, open_database(settings), name)
    if layers:
        private.create_file(layers).write_text(qgis.layer_file(login), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(asdict(login), ensure_ascii=False))
        return
    for field, value in asdict(login).items():
        click.echo(f"{field + ':':10}{value}")
    click.echo(STEPS, err=True)
    if login.host == "127.0.0.1":
        click.echo(LOOPBACK.format(port=login.port), err=True)


@command.command()
@click.argument("name", default="planner")
def revoke(name: str) -> None:
    """Take NAME's (planner's) login away and end its connections."""
    settings = Settings.from_env()
    qgis.revoke_login(settings, open_database(settings), name)
    click.echo(f"{name} has no access any more")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """List who has access."""
    logins = qgis.list_logins(open_database())
    if as_json:
        click.echo(json.dumps(logins))
        return
    for name in logins:
        click.echo(name)
    if not logins:
        click.echo("wangge: nobody; ./wangge qgis access NAME makes a login", err=True)
