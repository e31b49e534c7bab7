"""QGIS on the database: views without personal data, their styles, and logins that read them."""

from gis.ops.qgis.install import clear, prepare
from gis.ops.qgis.logins import QgisLogin, grant_login, layer_file, list_logins, revoke_login
from gis.ops.qgis.style import qml
from gis.ops.qgis.views import VIEWS

__all__ = [
    "VIEWS",
    "QgisLogin",
    "clear",
    "grant_login",
    "layer_file",
    "list_logins",
    "prepare",
    "qml",
    "revoke_login",
]
