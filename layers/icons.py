"""Pictograms of facility categories: Maki (Mapbox, CC0) as SVG path data, 15 x 15 units."""

import re
from functools import lru_cache

from gis.facilities.categories import CATEGORIES
from gis.settings import ROOT

VENDOR_PATH = ROOT / "web" / "static" / "vendor"

# category -> file of @mapbox/maki; web/vendor.py copies exactly these
ICON_BY_CATEGORY = {category.key: category.icon for category in CATEGORIES}


@lru_cache(maxsize=1)
def paths() -> dict[str, str]:
    """Return SVG path data by category; empty if the browser assets are not installed."""
    path_by_category = {}
    for category, name in ICON_BY_CATEGORY.items():
        file = VENDOR_PATH / "maki" / f"{name}.svg"
        if file.exists():
            text = file.read_text(encoding="utf-8").replace("&#xA;", " ").replace("&#x9;", " ")
            path_by_category[category] = " ".join(re.findall(r'<path[^>]*\sd="([^"]+)"', text))
    return path_by_category
