"""Copy what the pages use of node_modules to web/static/vendor.

The launcher runs it after `npm ci`.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gis.settings import ROOT
from layers.icons import ICON_BY_CATEGORY

# file or folder in node_modules -> its place in web/static/vendor
FILES = {
    "leaflet/dist/leaflet.js": "leaflet/leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet/leaflet.css",
    "leaflet/dist/images": "leaflet/images",
    "leaflet/LICENSE": "leaflet/LICENSE",
    "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.min.js": "leaflet-geoman/leaflet-geoman.js",
    "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.css": "leaflet-geoman/leaflet-geoman.css",
    "@geoman-io/leaflet-geoman-free/LICENSE": "leaflet-geoman/LICENSE",
    "protomaps-leaflet/dist/protomaps-leaflet.js": "protomaps-leaflet/protomaps-leaflet.js",
    "protomaps-leaflet/LICENSE": "protomaps-leaflet/LICENSE",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui/swagger-ui.css",
    "swagger-ui-dist/LICENSE": "swagger-ui/LICENSE",
    "echarts/dist/echarts.common.min.js": "echarts/echarts.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "echarts/NOTICE": "echarts/NOTICE",
    "axe-core/axe.min.js": "axe-core/axe.min.js",  # for the browser tests
    "@mapbox/maki/LICENSE.txt": "maki/LICENSE.txt",
    **{
        f"@mapbox/maki/icons/{name}.svg": f"maki/{name}.svg"
        for name in sorted(set(ICON_BY_CATEGORY.values()))
    },
}


def main() -> None:
    """Copy every file of the table; a missing one stops the set-up."""
    for source, target in FILES.items():
        folder, to = ROOT / "node_modules" / source, ROOT / "web" / "static" / "vendor" / target
        to.parent.mkdir(parents=True, exist_ok=True)
        if folder.is_dir():
            shutil.copytree(folder, to, dirs_exist_ok=True)
        else:
            shutil.copyfile(folder, to)


if __name__ == "__main__":
    main()
