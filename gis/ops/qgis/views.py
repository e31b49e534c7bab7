"""The database as QGIS sees it: views without personal data, and their styles.

The views lie in the schema `qgis`, which holds only what `VIEWS` defines: it is dropped and created
again when that changes. They are read-only; boundaries change by boundary revisions.

A login role may read these views and nothing else. It is a member of `GROUP`, which all databases
of a server share. If the owner's role may not create roles, the service works without QGIS until an
administrator creates them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gis.facilities.categories import CATEGORIES
from gis.palette import AREA_OUTLINE_COLOURS, BASEMAP_COLOURS, TEXT_COLOURS

SCHEMA, SHAPE_COLUMN = "qgis", "shape"
GROUP = "wangge_qgis"  # login roles are called GROUP_name
MAX_LOGIN_CONNECTIONS, QUERY_TIMEOUT = 20, "120s"  # of one login role
KEY = {"id": ("主键", "Key of the row: the Feature id to choose in QGIS")}


@dataclass(frozen=True)
class Style:
    """The initial style of a view.

    Attributes
    ----------
    colour
        Of the outline, the line or the label; for points it comes from `by`.
    width
        Of the line, millimetres.
    fill
        Of polygons; empty means outline only.
    dashed
        Whether the line is broken.
    size
        Of the labels, points.
    layer_scale, label_scale
        Denominators of the scales from which the layer and its labels appear; 0 means every scale.
    by
        Column whose values have their own colours.
    values
        Its values, each with label and colour.
    """

    colour: str
    width: float = 0.3
    fill: str = ""
    dashed: bool = False
    size: float = 9
    layer_scale: int = 0
    label_scale: int = 0
    by: str = ""
    values: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """A view: labels, columns, and the query whose columns they are, in this order.

    Attributes
    ----------
    columns
        Chinese and English description by column. The first is the key: unique, and permanent.
    geometry
        Point, Line or Polygon, as QGIS names the type of a style.
    """

    zh: str
    en: str
    columns: Mapping[str, tuple[str, str]]
    query: str
    style: Style
    geometry: str = "Polygon"
    label: str = "name"


AREA_FIELDS = {
    **KEY,
    "code": ("编码", "Code of the area; it outlives every redrawing"),
    "name": ("名称", "The name people use"),
    "parent": ("上级编码", "Code of the area one level up"),
    "valid_from": ("生效时间", "Since when this shape holds"),
    "revision": ("边界修订", "Number of the boundary revision that drew it"),
    "households": ("户数", "Homes in it"),
    "area_m2": ("面积（平方米）", "Geodesic area, square metres"),
    SHAPE_COLUMN: ("边界", "The land, EPSG:4490"),
}

PARENT_SQL = """
  (SELECT p.code FROM public.area p
   WHERE p.id = coalesce(
     (SELECT d.parent_id FROM public.dated_parent d
      WHERE d.area_id = a.id AND d.valid_time @> {at}),
     a.parent_id)) AS parent"""
# PostgreSQL evaluates the sub-queries of the columns only if these are selected; drawing a map
# selects none of them.
IN_FORCE = """
SELECT a.id, a.code, a.name, {parent}, lower(b.valid_time) AS valid_from,
  b.revision_id AS revision, ({households}) AS households,
  round(public.ST_Area(b.geom::public.geography)::numeric)::bigint AS area_m2, b.geom AS shape
FROM public.area a
JOIN public.boundary b ON b.area_id = a.id AND b.valid_time @> now()
WHERE a.level = '{level}' AND (a.retired_at IS NULL OR a.retired_at > now())"""
DATED = """
SELECT b.id, a.code, a.name, {parent}, lower(b.valid_time) AS valid_from,
  upper(b.valid_time) AS valid_to, b.revision_id AS revision,
  round(public.ST_Area(b.geom::public.geography)::numeric)::bigint AS area_m2, b.geom AS shape
FROM public.area a
JOIN public.boundary b ON b.area_id = a.id
WHERE a.level = 'grid'"""
# homes by the centre of their building, as everywhere
HOUSEHOLDS_INSIDE = """
  SELECT count(*)
  FROM public.building h
  JOIN public.household o ON o.building_id = h.id
  WHERE h.geom && b.geom AND public.ST_Covers(b.geom, public.ST_PointOnSurface(h.geom))"""
HOUSEHOLDS_OF_UNIT = "SELECT count(*) FROM public.household o WHERE o.unit_id = a.id"


def _area(level: str, zh: str, en: str, style: Style) -> View:
    households = HOUSEHOLDS_OF_UNIT if level == "unit" else HOUSEHOLDS_INSIDE
    query = IN_FORCE.format(
        level=level, households=households, parent=PARENT_SQL.format(at="now()")
    )
    return View(zh, en, AREA_FIELDS, query, style)


VIEWS = {
    "county": _area(
        "county",
        "区县",
        "Counties as they are now",
        Style(AREA_OUTLINE_COLOURS["community"], 1.0, size=14),
    ),
    "street": _area(
        "street",
        "街道",
        "Streets and townships as they are now",
        Style(AREA_OUTLINE_COLOURS["community"], 0.8, size=13),
    ),
    "community": _area(
        "community",
        "社区",
        "Communities as they are now",
        Style(AREA_OUTLINE_COLOURS["community"], 0.6, size=12, label_scale=150_000),
    ),
    "grid": _area(
        "grid",
        "网格",
        "Grids as they are now",
        Style(AREA_OUTLINE_COLOURS["grid"], 0.4, label_scale=30_000),
    ),
    "unit": _area(
        "unit",
        "十联户",
        "Ten-household units as they are now",
        Style(
            AREA_OUTLINE_COLOURS["unit"], 0.3, dashed=True, layer_scale=25_000, label_scale=3_000
        ),
    ),
    "grid_history": View(
        "网格历史",
        "Every shape a grid had, has or will have",
        {
            **KEY,
            "code": ("编码", "Code of the grid"),
            "name": ("名称", "The name people use today"),
            "parent": ("上级编码", "Code of its community when this shape began to hold"),
            "valid_from": ("生效时间", "Since when this shape holds"),
            "valid_to": ("失效时间", "Until when it held, that moment not included; empty: still"),
            "revision": ("边界修订", "Number of the boundary revision that drew it"),
            "area_m2": ("面积（平方米）", "Geodesic area, square metres"),
            SHAPE_COLUMN: ("边界", "The land, EPSG:4490"),
        },
        DATED.format(parent=PARENT_SQL.format(at="lower(b.valid_time)")),
        Style(TEXT_COLOURS["quiet"], 0.25, dashed=True, label_scale=15_000),
    ),
    "building": View(
        "楼栋",
        "Buildings by their footprint",
        {
            **KEY,
            "code": ("编码", "Code of the building"),
            "name": ("楼号", "Name or number as written at the door"),
            "estate": ("小区", "Name of the compound"),
            "address": ("地址", "Street and house number"),
            "kind": ("用途", "Use: residential, school, shop…"),
            "floors": ("层数", "Storeys above ground"),
            "households": ("户数", "Homes in it"),
            SHAPE_COLUMN: ("轮廓", "Footprint with its holes, EPSG:4490"),
        },
        """
        SELECT h.id, h.code, h.name, h.estate, h.address, h.kind, h.floors,
          (SELECT count(*) FROM public.household o WHERE o.building_id = h.id) AS households,
          h.geom AS shape
        FROM public.building h""",
        Style(
            BASEMAP_COLOURS["building_edge"],
            0.15,
            fill=BASEMAP_COLOURS["building"],
            layer_scale=40_000,
            label_scale=4_000,
        ),
    ),
    "facility": View(
        "设施",
        "Places people walk to for a service",
        {
            **KEY,
            "code": ("编码", "Code of the facility"),
            "category": ("类别", "Key of its category"),
            "name": ("名称", "Name as signed"),
            "address": ("地址", "Street and house number"),
            "opening_hours": ("开放时间", "OpenStreetMap opening_hours syntax"),
            SHAPE_COLUMN: ("位置", "Where it is, of a building a point in it; EPSG:4490"),
        },
        """
        SELECT f.id, f.code, f.category, f.name, f.address, f.opening_hours,
          (CASE public.ST_Dimension(f.geom) WHEN 0 THEN f.geom
            ELSE public.ST_PointOnSurface(f.geom) END)::public.geometry(Point, 4490) AS shape
        FROM public.facility f""",
        Style(
            TEXT_COLOURS["text"],
            layer_scale=60_000,
            label_scale=8_000,
            by="category",
            values=tuple((category.key, category.zh, category.colour) for category in CATEGORIES),
        ),
        geometry="Point",
    ),
    "walk_edge": View(
        "步行路网",
        "The walkable streets and paths between two junctions",
        {
            **KEY,
            "way_id": ("OSM 路号", "OpenStreetMap way it is a piece of"),
            "name": ("路名", "Street name"),
            "kind": (
                "类型",
                "OpenStreetMap highway value; plaza, across, link: on and beside areas",
            ),
            "length": ("长度（米）", "Geodesic length, metres"),
            "steps": ("台阶", "Steps: not for wheels"),
            "structure": ("桥隧", "bridge, tunnel, storey; empty on the ground"),
            SHAPE_COLUMN: ("线", "The line, EPSG:4490"),
        },
        "SELECT e.id, e.way_id, e.name, e.kind, e.length_m AS length, e.steps, e.structure,"
        " e.geom AS shape"
        " FROM public.walk_edge e",
        Style(TEXT_COLOURS["street"], 0.3, layer_scale=60_000, label_scale=8_000),
        geometry="Line",
    ),
}
