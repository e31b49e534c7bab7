"""The round trip through another program: download, edit, upload as a draft.

A torn file says where it is torn.
"""

import pyogrio
import pytest
import shapely
from shapely import Polygon
from sqlalchemy import select

from gis.areas.models import Area
from gis.boundaries import draft_grids, drafts, preview, publish
from gis.boundaries.draft_identity import draft_names
from gis.errors import InvalidInput
from gis.exchange.area_file import ReadOptions
from gis.exchange.boundary_file import draft_from_file
from gis.exchange.dump import dump
from gis.shapes import polygon_coverage
from tests.support import build, draft_town
from tests.support.draft_town import BASE, LEAD, S, X, Y, code, shapes_of

town = draft_town.town  # the fixture


@pytest.fixture
def file(session, town, tmp_path):
    """The grids as somebody downloads them."""
    path = tmp_path / "grids.gpkg"
    dump(session, "grids", path, None)
    return path


def edited(file, change):
    """The file with its features changed, as QGIS saves them: {code: polygon}, or a list of (code,
    name, polygon).
    """
    frame = pyogrio.read_dataframe(file)
    rows = change({row.code: row.geometry for row in frame.itertuples()})
    rows = (
        [(grid_code, None, shape) for grid_code, shape in rows.items()]
        if isinstance(rows, dict)
        else rows
    )
    out = file.with_name("edited.gpkg")
    shapes = [
        shapely.MultiPolygon([shape]) if isinstance(shape, Polygon) else shape
        for _, _, shape in rows
    ]
    pyogrio.write_dataframe(
        type(frame)(
            {
                "code": [grid_code for grid_code, _, _ in rows],
                "name": [name for _, name, _ in rows],
            },
            geometry=shapes,
            crs=frame.crs,
        ),
        out,
    )
    return out


def part(west, south, east, north):
    return shapely.box(X + west * S, Y + south * S, X + east * S, Y + north * S)


def test_the_file_as_it_was_makes_no_draft(session, file):
    result = draft_from_file(session, LEAD, file, "nothing")
    assert result.draft is None and result.report.refused == []
    assert result.report.counts["unchanged"] == 9


def test_a_moved_border_becomes_a_draft_that_publishes(session, file):
    def move(grids):
        return grids | {code(4): part(0, 1, 1.2, 2), code(5): part(1.2, 1, 2, 2)}

    result = draft_from_file(session, LEAD, edited(file, move), "QGIS 调整")
    assert (result.new, result.gone) == ([], [])
    assert set(result.changed) >= {code(4), code(5)}
    assert set(result.changed) <= {
        code(i) for i in (1, 2, 4, 5, 7, 8)
    }  # neighbours take the new corner
    grids = {item.code: item for item in preview.preview(session, LEAD, result.draft.id).grids}
    assert set(grids) == {code(4), code(5)}
    publish.publish(session, LEAD, result.draft.id, "实地核实", None)
    session.commit()
    later = shapes_of(session)
    assert later[code(4)].area == pytest.approx(1.2 * S * S, rel=1e-6)
    assert polygon_coverage.is_valid(list(later.values()))


def test_split_features_with_one_code_and_features_without_one_get_new_codes(session, file):
    def split(grids):
        rows = [
            (item, None, shape) for item, shape in grids.items() if item not in (code(5), code(9))
        ]
        rows += [(code(5), "a", part(1, 1, 1.6, 2)), (code(5), "a", part(1.6, 1, 2, 2))]
        return [*rows, (code(9), None, part(2, 2, 3, 2.5)), (None, "新网格", part(2, 2.5, 3, 3))]

    result = draft_from_file(session, LEAD, edited(file, split), "拆分")
    assert result.new == [code(10), code(11)]
    assert any("had the code" in note for note in result.report.notes) and any(
        "had no code" in note for note in result.report.notes
    )
    publish.publish(session, LEAD, result.draft.id, "拆分", None)
    session.commit()
    later = shapes_of(session)
    assert later[code(5)].area == pytest.approx(0.6 * S * S, rel=1e-6)
    assert {code(10), code(11)} <= set(later) and polygon_coverage.is_valid(list(later.values()))


def test_a_grid_whose_land_others_took_is_gone_and_one_left_out_stays(session, file):
    def merge(grids):
        others = {
            item: shape for item, shape in grids.items() if item not in (code(5), code(6), code(1))
        }
        return others | {code(5): part(1, 1, 3, 2)}  # 006 taken; 001 only not in the file

    lacking = edited(file, merge)
    refused = draft_from_file(session, LEAD, lacking, "合并")
    assert refused.draft is None and refused.missing == {code(1): "第001网格"}
    assert "第001网格 is not in the file" in refused.report.refused[0].reason
    result = draft_from_file(session, LEAD, lacking, "合并", missing="keep")
    assert result.gone == [code(6)] and code(1) not in result.changed
    publish.publish(session, LEAD, result.draft.id, "合并", None)
    session.commit()
    assert code(6) not in shapes_of(session) and code(1) in shapes_of(session)


def test_a_grid_deleted_in_the_file_ends_when_the_planner_says_so(session, file):
    lacking = edited(file, lambda grids: {k: v for k, v in grids.items() if k != code(9)})
    with pytest.raises(InvalidInput, match="not missing"):
        draft_from_file(session, LEAD, lacking, "x", missing=code(8))
    result = draft_from_file(session, LEAD, lacking, "停用", missing=code(9))
    assert result.gone == [code(9)]
    publish.publish(session, LEAD, result.draft.id, "停用", None)
    assert code(9) not in shapes_of(session)


def test_names_changed_in_the_file_are_renamings_of_the_draft(session, file):
    def rename(grids):
        names = {code(5): "花园网格", code(6): "{{7*7}}", code(7): "第007网格"}
        return [(item, names.get(item), shape) for item, shape in grids.items()]

    result = draft_from_file(session, LEAD, edited(file, rename), "改名")
    assert result.renamed == {code(5): "花园网格", code(6): "{{7*7}}"}
    (step,) = drafts.list_operations(session, result.draft.id)
    assert step.op["op"] == "rename" and step.op["names"] == result.renamed

    def twice(grids):
        return [(item, "同名" if item > code(7) else None, shape) for item, shape in grids.items()]

    refused = draft_from_file(session, LEAD, edited(file, twice), "改名")
    assert [(row.where, row.field) for row in refused.report.refused] == [
        (f"feature 8 (code {code(8)})", "name"),
        (f"feature 9 (code {code(9)})", "name"),
    ]


def test_a_table_of_codes_and_names_renames_and_names_each_row_at_fault(session, town, tmp_path):
    table = tmp_path / "names.csv"
    table.write_text(
        f"网格编码,网格名称\n{code(5)},花园网格\n{code(6)},第006网格\n{BASE},新兴社区\n"
    )
    result = draft_from_file(session, LEAD, table, "改名")
    assert result.renamed == {code(5): "花园网格", BASE: "新兴社区"} and result.draft is not None
    table.write_text(
        f"code,name\n{code(5)},第006网格\n{code(77)},幽灵\n{code(1)},\n{code(2)},a\n{code(2)},b\n"
    )
    refused = draft_from_file(session, LEAD, table, "改名")
    assert refused.draft is None
    assert {row.where.split(" (")[0]: row.message.code for row in refused.report.refused} == {
        "row 2": "rename.name_taken",
        "row 3": "rename.unknown_area",
        "row 4": "field.value_missing",
        "row 6": "area_row.code_twice",
    }


def test_a_table_gives_other_codes_and_names_each_row_at_fault(session, town, tmp_path):
    table = tmp_path / "codes.csv"
    table.write_text(
        f"网格编码,新编码,网格名称\n{code(5)},{code(20)},\n{code(6)},{code(21)},花园😀网格\n{code(7)},,南\n"
    )
    result = draft_from_file(session, LEAD, table, "换编码")
    assert result.recoded == {code(5): code(20), code(6): code(21)}
    publish.publish(session, LEAD, result.draft.id, "换编码", None)
    assert {code(20), code(21)} <= shapes_of(session).keys()
    name = session.scalars(select(Area.name).where(Area.code == code(21))).one()
    assert name == "花园😀网格"
    rows = [
        (code(1), code(2), ""),
        (code(2), "abc", ""),
        (code(3), code(5), ""),
        (code(4), "520402007099001", ""),
        (code(8), code(30), "第\u202e八网格"),
        (code(9), code(31), "网" * 300),
    ]
    table.write_text("code,new_code,name\n" + "".join(f"{','.join(row)}\n" for row in rows[:4]))
    refused = draft_from_file(session, LEAD, table, "换编码")
    assert refused.draft is None
    assert [row.where[:5] for row in refused.report.refused] == ["row 2", "row 3", "row 4", "row 5"]
    table.write_text("code,new_code,name\n" + "".join(f"{','.join(row)}\n" for row in rows[4:]))
    refused = draft_from_file(session, LEAD, table, "换编码")
    assert [row.message.code for row in refused.report.refused] == [
        "area_row.name_hidden",
        "area_row.name_too_long",
    ]
    table.write_text(f"code\n{code(1)}\n")
    with pytest.raises(InvalidInput, match="网格名称"):
        draft_from_file(session, LEAD, table, "x")


def test_a_kml_is_matched_by_the_names_of_its_places(session, town, tmp_path):
    def place(name, west, east):
        corners = [(west, 0), (east, 0), (east, 1), (west, 1), (west, 0)]
        ring = " ".join(f"{X + x * S:.7f},{Y + y * S:.7f},0" for x, y in corners)
        return (
            f"<Placemark><name>{name}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )

    path = tmp_path / "grids.kml"
    places = place("第001网格", 0, 1.3) + place(code(2), 1.3, 1.6)
    places += place("花园网格", 1.6, 1.8) + place("第001网格", 1.8, 2)
    path.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>a</name>'
        f"{places}</Folder></Document></kml>"
    )
    result = draft_from_file(session, LEAD, path, "谷歌地球", missing="keep")
    assert result.report.refused == [] and result.renamed == {}
    assert {code(1), code(2)} <= set(result.changed)
    names = draft_names(drafts.list_operations(session, result.draft.id))
    assert [names[item] for item in result.new] == ["花园网格", "西兴第11网格"]
    start, end = "<Document><Folder><name>a</name>", "</Folder></Document>"
    path.write_text(
        f'<kml xmlns="http://www.opengis.net/kml/2.2">{start}{place(code(2), 1, 2)}{end}</kml>'
    )
    shifted = draft_from_file(session, LEAD, path, "偏移", ReadOptions(crs="gcj02"), missing="keep")
    assert (shifted.new, shifted.changed) == ([], [code(2)])  # far from where it stands


def test_a_torn_file_is_refused_with_every_tear_and_mended_within_a_tolerance(session, file):
    def tear(grids):
        # 3 m over the neighbour, and 2 m short of it on the other side
        return grids | {code(5): part(1.02, 1, 2.03, 2)}

    torn = edited(file, tear)
    result = draft_from_file(session, LEAD, torn, "破")
    assert result.draft is None and "overlaps" in result.report.refused[0].reason
    ((initial, second, overlap),) = result.torn.overlaps
    assert {initial, second} == {code(5), code(6)} and overlap.width_m == pytest.approx(3, rel=0.1)
    (gap,) = result.torn.gaps
    assert gap.width_m == pytest.approx(2, rel=0.1) and X + S < gap.label_point[0] < X + 1.02 * S
    mended = draft_from_file(session, LEAD, torn, "补", clean=5)
    assert mended.draft is not None and mended.torn.overlaps == [] and mended.torn.gaps == []
    assert any("mended" in note for note in mended.report.notes)
    shapes = draft_grids.drawn_shapes(drafts.list_operations(session, mended.draft.id))
    assert polygon_coverage.is_valid(
        [shape for shape in ({**shapes_of(session), **shapes}).values() if shape is not None]
    )


def test_a_file_that_cannot_be_taken_says_why(session, file):
    with pytest.raises(InvalidInput, match="clean: must be"):
        draft_from_file(session, LEAD, file, "x", clean=500)
    other = build.square(X + 9 * S, Y)
    away = edited(file, lambda grids: grids | {"520499001001001": other})
    assert any(
        "not known" in row.reason
        for row in draft_from_file(session, LEAD, away, "x").report.refused
    )
