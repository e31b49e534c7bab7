"""Things to put on a map."""

import shapely
from geoalchemy2.shape import from_shape

from gis.ops.metadata import Facility

EVIL = '<img src=x onerror="alert(1)">`${alert(1)}`\'</script><script>alert(2)</script>'


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    """The tile that holds a point."""
    from math import asinh, floor, pi, radians, tan

    size = 2**z
    return z, floor((lon + 180) / 360 * size), floor((1 - asinh(tan(radians(lat))) / pi) / 2 * size)


def facility(session, code, category, lon, lat, name=""):
    created = Facility(
        code=code,
        category=category,
        name=name,
        county="520402",
        geom=from_shape(shapely.Point(lon, lat), 4490),
    )
    session.add(created)
    session.flush()
    return created
