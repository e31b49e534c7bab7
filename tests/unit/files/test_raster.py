"""Heights out of rasters: exact on a plane in every system, refused where they are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from gis import crs
from gis.errors import InvalidInput
from gis.files import raster as raster_file
from gis.files.raster import read_raster
from tests.support.rasters import ZONE, read_in_process, write_raster
from tests.support.walk_networks import SOUTH, WEST, to_degrees

X, Y = crs.get_transformer(4490, ZONE).transform(WEST, SOUTH)
NORTH_UP = Affine(10, 0, X - 500, 0, -10, Y + 1500)
SIZE = (200, 200)


def plane(x, y):
    """Rises 10 % to the east and 2 % to the north."""
    return 100 + 0.1 * (x - X) + 0.02 * (y - Y)


def heights(path: Path, points, crs_name: str | None = None):
    """Heights, system and codes of the notes."""
    degrees = np.array([to_degrees(*point) for point in points])
    read = read_in_process(path, degrees, crs_name)
    return read.metres, read.crs, [note.code for note in read.notes]


PLACES = [(0, 0), (13, 77), (333.3, 1234.5), (900, -300)]
TRUTH = [100 + 0.1 * east + 0.02 * north for east, north in PLACES]


@pytest.mark.parametrize(
    "transform",
    [
        NORTH_UP,
        Affine(10, 0, X - 500, 0, 10, Y - 500),  # south up
        Affine.translation(X, Y - 1200) @ Affine.rotation(33) @ Affine.scale(10),
        Affine(-10, 0, X + 1500, 0, -10, Y + 1500),  # east to west
    ],
)  # fmt: skip
def test_a_plane_is_exact_however_the_raster_lies(tmp_path, transform):
    path = write_raster(tmp_path / "a.tif", plane, transform, SIZE)
    metres, system, notes = heights(path, PLACES)
    assert metres == pytest.approx(TRUTH, abs=1e-6)
    assert (system, notes) == ("EPSG:4544", [])


@pytest.mark.parametrize("epsg", [4326, 4490, 32648, 4523, 4507, 4545, 3857, 2431])
def test_every_system_gives_the_same_heights(tmp_path, epsg):
    corner = crs.get_transformer(4490, epsg).transform(WEST, SOUTH)
    step = 1e-4 if epsg in (4326, 4490) else 10
    transform = Affine(step, 0, corner[0] - 50 * step, 0, -step, corner[1] + 150 * step)
    path = write_raster(tmp_path / "a.tif", plane, transform, SIZE, epsg=epsg)
    metres, system, notes = heights(path, PLACES)
    assert metres == pytest.approx(TRUTH, abs=2e-3)
    assert system == f"EPSG:{epsg}"
    assert notes == (["map_file.older_datum"] if epsg == 2431 else [])


def test_a_raster_that_names_no_system_is_told_it_and_one_that_does_is_not_contradicted(tmp_path):
    path = write_raster(tmp_path / "a.tif", plane, NORTH_UP, SIZE, epsg=None)
    with pytest.raises(InvalidInput, match="coordinate system is not known"):
        heights(path, PLACES)
    assert heights(path, PLACES, "EPSG:4544")[0] == pytest.approx(TRUTH, abs=1e-6)
    other = heights(path, PLACES, "EPSG:4545")[0]  # the wrong zone lies elsewhere
    assert np.isnan(other).all()
    named = write_raster(tmp_path / "b.tif", plane, NORTH_UP, SIZE)
    with pytest.raises(InvalidInput, match="the crs stated with it 4545"):
        heights(named, PLACES, "EPSG:4545")


def test_a_raster_over_a_shifted_map_is_read_where_it_belongs(tmp_path):
    lon, lat = crs.from_storage(WEST, SOUTH, "gcj02")
    transform = Affine(1e-4, 0, lon - 0.01, 0, -1e-4, lat + 0.01)
    path = write_raster(
        tmp_path / "a.tif", lambda x, y: (x - lon) * 1e4, transform, SIZE, epsg=4326,
        surface_epsg=4326,
    )  # fmt: skip
    assert heights(path, [(0, 0)], "gcj02")[0] == pytest.approx([0], abs=1e-3)


def test_whole_numbers_scales_and_holes(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", lambda x, y: plane(x, y) * 10, NORTH_UP, SIZE, dtype="int16",
        hole=lambda x, y: (abs(x - X) < 60) & (abs(y - Y) < 60), compress="deflate", tiled=True,
        blockxsize=32, blockysize=32,
    )  # fmt: skip
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.units = (0.1,), ("metre",)
    metres, _, _ = heights(path, [*PLACES, (64.9, 0), (65.1, 0), (1495, 0), (1496, 0)])
    assert np.isnan(metres).tolist() == [True, False, False, False, True, False, False, True]
    assert metres[1:4] == pytest.approx(TRUTH[1:], abs=0.1)


def test_marks_for_no_height_that_nobody_declared_are_no_heights(tmp_path):
    path = write_raster(
        tmp_path / "a.tif",
        lambda x, y: np.where(x > X, plane(x, y), 3.4e38),
        NORTH_UP,
        SIZE,
        dtype="float32",
    )
    metres, _, notes = heights(path, [(-50, 0), (50, 0), (2, 0)])
    assert np.isnan(metres).tolist() == [True, False, True]
    assert notes == ["elevation.cells_dropped"]


def bands(path):
    with rasterio.open(
        path, "w", driver="GTiff", width=9, height=9, count=3, dtype="uint8", crs="EPSG:4544",
        transform=NORTH_UP,
    ):  # fmt: skip
        pass


def palette(path):
    write_raster(path, plane, NORTH_UP, (9, 9), dtype="uint8")
    with rasterio.open(path, "r+") as raster:
        raster.write_colormap(1, {0: (0, 0, 0), 1: (9, 9, 9)})


def feet(path):
    write_raster(path, plane, NORTH_UP, (9, 9))
    with rasterio.open(path, "r+") as raster:
        raster.units = ("ft",)


def cut(path):
    write_raster(path, plane, NORTH_UP, SIZE)
    path.write_bytes(path.read_bytes()[:100_000])


def scrambled(path):
    write_raster(path, plane, NORTH_UP, SIZE, compress="deflate")
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 3000] = b"\xff" * 3000
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (bands, "elevation.several_bands"),
        (palette, "elevation.no_heights"),
        (lambda path: write_raster(path, plane, NORTH_UP, (9, 9), dtype="complex64"),
         "elevation.no_heights"),
        (feet, "elevation.not_metres"),
        (lambda path: write_raster(path, plane, Affine.identity(), (9, 9)),
         "elevation.without_place"),
        (lambda path: write_raster(path, plane, Affine(1, 2, X, 2, 4, Y), (9, 9)),
         "elevation.without_place"),
        (lambda path: write_raster(path, plane, NORTH_UP, (1, 9)), "elevation.too_small"),
        (cut, "elevation.damaged"),
        (scrambled, "elevation.damaged"),
        (lambda path: path.write_bytes(b"II*\0" + b"nothing of a raster"), "elevation.damaged"),
    ],
)  # fmt: skip
def test_what_is_no_raster_of_heights_is_refused_with_the_reason(tmp_path, make, code):
    path = tmp_path / "a.tif"
    make(path)
    with pytest.raises(InvalidInput) as refusal:
        heights(path, PLACES)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.tif", b"", "file.is_empty"),
        ("a.tif", b"PK\x03\x04 a zip", "map_file.wrong_signature"),
        ("a.asc", b"ncols 4", "elevation.wrong_ending"),
        ("b", b"II*\0", "elevation.wrong_ending"),
        ("none.tif", None, "file.not_found"),
    ],
)
def test_what_is_no_geotiff_is_refused_before_it_is_opened(tmp_path, name, content, code):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as refusal:
        read_raster(tmp_path / name, np.empty((0, 2)))
    assert refusal.value.code == code


def test_one_huge_piece_is_refused_and_ten_gigabytes_are_read(tmp_path, monkeypatch):
    lumps = tmp_path / "lump.tif"
    options = {"driver": "GTiff", "count": 1, "crs": "EPSG:4544", "sparse_ok": True}
    with rasterio.open(
        lumps, "w", width=30_000, height=30_000, dtype="uint8", transform=NORTH_UP,
        compress="deflate", tiled=True, blockxsize=8192, blockysize=8192, **options,
    ):  # fmt: skip
        pass
    with pytest.raises(InvalidInput) as refusal:
        heights(lumps, PLACES)
    assert refusal.value.code == "elevation.not_tiled"
    large = tmp_path / "large.tif"
    transform = Affine(1, 0, X - 25_000, 0, -1, Y + 25_000)
    with rasterio.open(
        large, "w", width=50_000, height=50_000, dtype="float32", transform=transform,
        bigtiff="yes", tiled=True, **options,
    ) as raster:  # fmt: skip
        window = rasterio.windows.Window(25_000, 24_000, 1000, 1000)
        row, column = np.mgrid[24_000:25_000, 25_000:26_000] + 0.5
        cells = plane(*(transform @ (column, row))).astype("float32")
        raster.write(cells, 1, window=window)
    # ten gigabytes of cells, in no more memory than windows and libraries take
    small = replace(raster_file.RASTER_LIMITS, memory_bytes=700_000_000)
    monkeypatch.setattr(raster_file, "RASTER_LIMITS", small)
    corners = [(east, north) for east in (-24_000, 24_000) for north in (-24_000, 24_000)]
    points = [(13, 77), (333.3, 834.5), (500, 999 - 0.5), *corners]
    read = read_raster(large, np.array([to_degrees(*point) for point in points]))
    truth = [102.84, 150.02, 169.97, 0, 0, 0, 0]
    assert read.metres == pytest.approx(truth, abs=1e-3)
