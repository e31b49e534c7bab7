"""KML, KMZ and DXF: outlines and their texts, and what is refused in words."""

import zipfile

import pytest
import shapely

from gis.errors import InvalidInput, TooLarge
from gis.files import dxf, unpacking
from gis.files.vector import read_vector

KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{head}<Folder><name>grids</name>
<Placemark><name>{{{{7*7}}}}</name><ExtendedData><Data name="code"><value>520402007012001</value>
</Data></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>
105.95,26.23,812 105.96,26.23,812 105.96,26.24,812 105.95,26.24,812 105.95,26.23,812
</coordinates></LinearRing></outerBoundaryIs><innerBoundaryIs><LinearRing><coordinates>
105.952,26.232,0 105.954,26.232,0 105.954,26.234,0 105.952,26.232,0
</coordinates></LinearRing></innerBoundaryIs></Polygon></Placemark>
<Placemark><name>门口</name><Point><coordinates>105.95,26.23</coordinates></Point></Placemark>
</Folder></Document></kml>"""


def polyline(layer, corners, closed=True):
    points = "".join(f"10\n{x}\n20\n{y}\n" for x, y in corners)
    head = f"0\nLWPOLYLINE\n8\n{layer}\n100\nAcDbEntity\n100\nAcDbPolyline\n90\n{len(corners)}\n"
    return f"{head}70\n{int(closed)}\n{points}"


def words(layer, x, y, content):
    return f"0\nTEXT\n8\n{layer}\n10\n{x}\n20\n{y}\n30\n0\n40\n2.5\n1\n{content}\n"


def square(x, y, side=100):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def hatch(layer, corners):
    edges = "".join(f"10\n{x}\n20\n{y}\n" for x, y in corners)
    return (
        f"0\nHATCH\n8\n{layer}\n10\n0\n20\n0\n30\n0\n2\nSOLID\n70\n1\n71\n0\n91\n1\n92\n2\n72\n0\n73\n1\n"
        f"93\n{len(corners)}\n{edges}97\n0\n75\n0\n76\n1\n98\n0\n"
    )


ARC = "0\nARC\n8\n道路\n10\n5\n20\n5\n40\n3\n50\n0\n51\n90\n"
CIRCLE = "0\nCIRCLE\n8\n道路\n10\n5\n20\n5\n40\n3\n"
EAST, NORTH = 595_000, 2_902_000  # EPSG:4544


def lines_of(path, layer=None):
    drawn = dxf.read_drawing(path, path.name, layer, 1000)
    codes, names = drawn.columns.values()
    rows = zip(codes, names, drawn.shapes, strict=True)
    return [(code, name, round(shape.area)) for code, name, shape in rows]


@pytest.fixture
def drawing(tmp_path):
    """A maker of DXF drawings in GBK, as CAD programs save them in China."""

    def make(*entities):
        head = "0\nSECTION\n2\nHEADER\n9\n$DWGCODEPAGE\n3\nANSI_936\n0\nENDSEC\n"
        body = f"{head}0\nSECTION\n2\nENTITIES\n{''.join(entities)}0\nENDSEC\n0\nEOF\n"
        path = tmp_path / "grids.dxf"
        path.write_bytes(body.encode("gb18030"))
        return path

    return make


def test_areas_without_lines_round_them_are_outlines(drawing):
    path = drawing(
        hatch("网格", square(EAST, NORTH)),
        hatch("网格", square(EAST + 100, NORTH)),
        words("网格", EAST + 50, NORTH + 50, "520402007012001"),
    )
    assert lines_of(path) == [("520402007012001", None, 10_000), (None, None, 10_000)]
    filled = drawing(polyline("界", square(EAST, NORTH)), hatch("填充", square(EAST, NORTH, 90)))
    assert lines_of(filled) == [(None, None, 10_000)]  # not called SOLID, as its pattern is


def test_closed_lines_are_outlines_and_texts_in_them_code_and_name(drawing):
    path = drawing(
        polyline("网格", square(EAST, NORTH)),
        polyline("网格", square(EAST + 100, NORTH)),
        polyline(
            "网格", [(EAST, NORTH + 300), (EAST + 50, NORTH + 300), (EAST, NORTH + 350)], False
        ),
        words("注记", EAST + 10, NORTH + 10, "花园网格"),
        words("注记", EAST + 10, NORTH + 30, "520402007012001"),
        words("注记", EAST + 10, NORTH + 50, "352"),
        words("注记", EAST + 110, NORTH + 10, "甲"),
        words("注记", EAST + 110, NORTH + 20, "乙"),
        ARC,
    )
    file = read_vector(path, "EPSG:4544")
    assert file.columns == {
        "code": ["520402007012001", None, None],
        "name": ["花园网格", None, None],
    }
    assert file.shapes[2] is None and file.faults[2].code == "map_file.open_line"
    assert file.faults[2].params["gap"] == "50.00"
    assert [note.code for note in file.notes][-1:] == ["map_file.several_texts"]
    west, south, east, north = shapely.bounds(file.shapes[0])
    assert 105 < west < east < 107 and 26 < south < north < 27


def test_a_line_that_is_closed_but_for_a_hair_is_closed(drawing):
    corners = [*square(EAST, NORTH), (EAST, NORTH + 0.1)]
    file = read_vector(drawing(polyline("网格", corners, closed=False)), "EPSG:4544")
    assert file.repairs[0].code == "map_file.ring_closed" and file.shapes[0].is_valid


def test_a_drawing_needs_a_system_and_one_layer_with_outlines(drawing):
    several = drawing(
        polyline("网格", square(EAST, NORTH)), polyline("小区", square(EAST, NORTH)), CIRCLE, ARC
    )
    with pytest.raises(InvalidInput, match="crs"):
        read_vector(several)
    with pytest.raises(InvalidInput, match=r"小区.*网格.*道路"):
        read_vector(several, "EPSG:4544")
    with pytest.raises(InvalidInput, match="建筑"):
        read_vector(several, "EPSG:4544", "建筑")
    assert len(read_vector(several, "EPSG:4544", "网格").shapes) == 1
    with pytest.raises(InvalidInput, match="no closed line"):
        read_vector(drawing(ARC), "EPSG:4544")


def test_kml_with_holes_and_heights_is_read_flat_and_its_names_are_text(tmp_path):
    path = tmp_path / "grids.kml"
    path.write_text(KML.format(head=""))
    file = read_vector(path)
    assert file.columns["Name"] == ["{{7*7}}", "门口"]
    assert file.columns["code"] == ["520402007012001", None]
    assert len(file.shapes[0].interiors) == 1 and not file.shapes[0].has_z
    assert set(file.columns) == {"Name", "code"}


def test_kmz_is_unpacked_within_limits(tmp_path, monkeypatch):
    path = tmp_path / "grids.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML.format(head=""))
        archive.writestr("files/other.kml", "x")
    assert len(read_vector(path).shapes) == 2
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML.format(head=" " * 3_000_000))
    monkeypatch.setattr(unpacking, "MIN_UNZIPPED_BYTES", 1_000_000)
    with pytest.raises(TooLarge, match="unpacks to more than 1 MB"):
        read_vector(path)


def test_an_archive_that_says_less_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "grids.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML.format(head=" " * 3_000_000))
        size = archive.infolist()[0].file_size
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), bytes([10, 0, 0, 0])))
    with pytest.raises(InvalidInput, match="cannot be unpacked"):
        read_vector(path)


@pytest.mark.parametrize(
    "head", ["<!DOCTYPE x [<!ENTITY a 'b'>]>", " " * (1 << 20) + "<!ENTITY a 'b'>"]
)
def test_kml_that_declares_entities_is_refused(tmp_path, head):
    path = tmp_path / "grids.kml"
    path.write_text(KML.format(head=head))
    with pytest.raises(InvalidInput, match="declares XML entities"):
        read_vector(path)


@pytest.mark.parametrize("name", ["a.kml", "a.kmz", "a.dxf"])
def test_another_content_than_the_ending_says_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"AutoCAD Binary DXF\r\n")
    with pytest.raises(InvalidInput):
        read_vector(path, "EPSG:4544")


def test_a_line_within_another_is_its_hole_and_a_line_drawn_twice_is_one(drawing):
    inner = square(EAST + 20, NORTH + 20, 50)
    west, east, south, north = EAST + 300, EAST + 350, NORTH, NORTH + 50
    bow_tie = [(west, south), (east, north), (east, south), (west, north)]
    path = drawing(
        polyline("网格", square(EAST, NORTH)),
        polyline("网格", inner),
        polyline("网格", [*reversed(inner), inner[-1]]),  # the hole again
        words("网格", EAST + 5, NORTH + 5, "520402007012001 外网格"),
        words("网格", EAST + 40, NORTH + 40, "内网格 13800138000"),
        polyline("网格", bow_tie),
    )
    assert lines_of(path)[:2] == [
        ("520402007012001", "外网格", 7500),
        (None, "内网格 13800138000", 2500),
    ]


def test_a_drawing_in_utf8_is_read_as_such_and_open_lines_are_placed(drawing):
    path = drawing(
        polyline("网格", square(EAST, NORTH)), words("网格", EAST + 5, NORTH + 5, "花园网格")
    )
    path.write_bytes(path.read_bytes().decode("gb18030").encode())
    assert lines_of(path) == [(None, "花园网格", 10_000)]
    with pytest.raises(InvalidInput, match=rf"apart, the last at x {EAST}.00, y {NORTH + 100}.00"):
        lines_of(drawing(polyline("网格", square(EAST, NORTH), closed=False)))
