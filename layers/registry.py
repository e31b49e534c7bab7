"""Every layer, in the order it is painted, and the sets that one tile request brings together."""

from layers.areas import BUILDINGS, COMMUNITIES, COUNTIES, GRIDS, STREETS, UNITS
from layers.basemap import BASEMAP
from layers.facilities import CIRCLES, FACILITIES
from layers.layer import Layer

LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        *BASEMAP,
        BUILDINGS,
        CIRCLES,
        UNITS,
        GRIDS,
        COMMUNITIES,
        STREETS,
        COUNTIES,
        FACILITIES,
    )
}

# name in the address of a tile -> the layers inside
TILE_SETS: dict[str, tuple[Layer, ...]] = {
    "base": (*BASEMAP, BUILDINGS),
    "city": (UNITS, GRIDS, COMMUNITIES, FACILITIES),
    **{name: (layer,) for name, layer in LAYERS.items()},
}

# What the map asks for. Circles are heavy and seldom shown, so they come on their own, when asked
# for.
SOURCES = ("base", "circles", "city")
MAP_LAYERS: tuple[Layer, ...] = tuple(
    layer for name in SOURCES for layer in TILE_SETS[name]
)  # in the order painted
