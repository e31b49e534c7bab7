"""A saved map opened from the disk: names are text, whatever they hold."""

from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as NotYet

from layers.layer import MapView
from layers.registry import MAP_LAYERS
from layers.saved_map import saved_map

pytestmark = pytest.mark.browser

HOSTILE = "{{7*7}}{% raw %}{#${7*7}`</script><img src=x onerror=hit()>\\\"'"


def test_a_hostile_name_is_shown_letter_by_letter(desk, tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [105.95, 26.23]},
        "properties": {"name": HOSTILE, "code": "1", "category": "clinic"},
    }
    facilities = next(layer for layer in MAP_LAYERS if layer.name == "facilities")
    page = tmp_path / "map.html"
    page.write_text(
        saved_map(
            [(facilities, {"features": [feature]})],
            MapView((105.95, 26.23, 105.95, 26.23), 16),
            language="zh",
            title=HOSTILE,
            notes=[HOSTILE],
        ),
        encoding="utf-8",
    )
    desk.goto(page.as_uri())
    box = desk.locator(".folium-map").bounding_box()
    for _ in range(40):  # the map may still be drawing when the mouse comes; then it comes again
        desk.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + 40)
        desk.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
        try:
            desk.locator(".leaflet-tooltip").wait_for(timeout=2000)
            break
        except NotYet:
            continue
    assert desk.locator(".leaflet-tooltip").inner_text().strip() == HOSTILE
    assert (
        desk.locator("h1").inner_text() == HOSTILE
        and desk.locator(".saved p").inner_text() == HOSTILE
    )
    assert desk.said == []
