"""QGIS styles of the views (QML)."""

from xml.sax.saxutils import escape, quoteattr

from gis.ops.qgis.views import SHAPE_COLUMN, View
from gis.palette import TEXT_COLOURS, WHITE

STYLE_NAME = "网格 wangge"  # name of our styles; others are left alone
# fonts of labels; QGIS takes the first that is installed
FACES = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Source Han Sans SC")
GEOMETRY_TYPES = ("Point", "Line", "Polygon")  # by their number in QGIS


def qml(view: View) -> str:
    """Return the style of a view as a QGIS document, with labels and headings in Chinese."""
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
        f'<qgis version="3.22" {scale_attributes(view)}>{renderer_xml(view)}</qgis>'
    )


def renderer_xml(view: View) -> str:
    """Return the renderer, labels and aliases of a view as XML elements.

    Properties are written as `prop`, which QGIS reads from version 2 on.
    """
    style = view.style
    if style.by:
        symbols = [
            _symbol(view, number, colour) for number, (_, _, colour) in enumerate(style.values)
        ]
        entries = "".join(
            (
                f'<category render="true" symbol="{number}" value={quoteattr(value)}'
                f" label={quoteattr(label)}/>"
            )
            for number, (value, label, _) in enumerate(style.values)
        )
        renderer = (
            f'<renderer-v2 type="categorizedSymbol"'
            f' attr="{style.by}"><categories>{entries}</categories>'
            f"<symbols>{''.join(symbols)}</symbols></renderer-v2>"
        )
    else:
        symbol = _symbol(view, 0, style.colour)
        renderer = f'<renderer-v2 type="singleSymbol"><symbols>{symbol}</symbols></renderer-v2>'
    aliases = "".join(
        f'<alias index="{number}" field="{column}" name={quoteattr(zh)}/>'
        for number, (column, (zh, _)) in enumerate(view.columns.items())
        if column != SHAPE_COLUMN
    )
    return (
        f"{renderer}{_labels(view)}<aliases>{aliases}</aliases>"
        f"<previewExpression>{escape(view.label)}</previewExpression>"
        f"<layerGeometryType>{GEOMETRY_TYPES.index(view.geometry)}</layerGeometryType>"
    )


def scale_attributes(view: View) -> str:
    """Return the XML attributes of a layer: read-only, labelled, and its range of scales."""
    scale = view.style.layer_scale
    scales = f' hasScaleBasedVisibilityFlag="1" minScale="{scale}" maxScale="0"' if scale else ""
    return f'labelsEnabled="1" readOnly="1" styleCategories="AllStyleCategories"{scales}'


def _symbol(view: View, number: int, colour: str) -> str:
    style = view.style
    line = "dash" if style.dashed else "solid"
    kind, layer, props = {
        "Point": (
            "marker",
            "SimpleMarker",
            {
                "name": "circle",
                "color": _rgba(colour),
                "outline_color": "255,255,255,255",
                "outline_width": "0.2",
                "size": "2.4",
                "size_unit": "MM",
            },
        ),
        "Line": (
            "line",
            "SimpleLine",
            {
                "line_color": _rgba(colour),
                "line_style": line,
                "line_width": str(style.width),
                "line_width_unit": "MM",
                "joinstyle": "round",
                "capstyle": "round",
            },
        ),
        "Polygon": (
            "fill",
            "SimpleFill",
            {
                "style": "solid" if style.fill else "no",
                "color": _rgba(style.fill or WHITE),
                "outline_color": _rgba(colour),
                "outline_style": line,
                "outline_width": str(style.width),
                "outline_width_unit": "MM",
                "joinstyle": "round",
            },
        ),
    }[view.geometry]
    written = "".join(f'<prop k="{key}" v="{value}"/>' for key, value in props.items())
    return (
        f'<symbol type="{kind}" name="{number}" alpha="1" clip_to_extent="1">'
        f'<layer class="{layer}" enabled="1" pass="0" locked="0">{written}</layer></symbol>'
    )


def _labels(view: View) -> str:
    style = view.style
    colour = TEXT_COLOURS["quiet"] if style.fill else style.colour
    families = "".join(f'<family name="{face}"/>' for face in FACES)
    placement = {
        "Point": (
            'placement="6" predefinedPositionOrder="BR,TR,B,TL,BL,R,L" dist="1.5" distUnits="MM"'
        ),
        "Line": 'placement="3" placementFlags="9"',
        "Polygon": 'placement="1" quadOffset="4" centroidInside="1" centroidWhole="0"',
    }[view.geometry]
    return (
        '<labeling type="simple"><settings calloutType="simple">'
        f'<text-style fieldName="{view.label}" isExpression="0" fontFamily="{FACES[0]}"'
        f' fontSize="{style.size}" fontSizeUnit="Point"'
        f' textColor="{_rgba(colour)}" textOpacity="1"><families>{families}</families>'
        '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM"'
        ' bufferColor="255,255,255,255"'
        ' bufferOpacity="0.85"/></text-style>'
        f"<placement {placement}/>"
        f'<rendering drawLabels="1" scaleVisibility="{int(bool(style.label_scale))}" scaleMin="0"'
        f' scaleMax="{style.label_scale}"'
        ' obstacle="1" obstacleType="1" mergeLines="1" displayAll="0"/></settings></labeling>'
    )


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
