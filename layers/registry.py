"""Every layer, in the order it is painted, and the sets that one tile request brings together."""

from layers.areas import BUILDINGS, COMMUNITIES, COUNTIES, GRIDS, STREETS, UNITS
from layers.basemap import BASEMAP
from layers.facilities import CIRCLES, FACILITIES
from layers.layer import Layer
from layers.service_area import BEYOND, SERVED

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

# What the map asks for, in the order painted. What is served comes on its own, of one category and
# one limit, when a reader chooses them.
SERVICE = "service"
SOURCES: dict[str, tuple[Layer, ...]] = {
    "base": TILE_SETS["base"],
    SERVICE: (SERVED, BEYOND),
    "city": TILE_SETS["city"],
}
MAP_LAYERS: tuple[Layer, ...] = tuple(layer for layers in SOURCES.values() for layer in layers)
