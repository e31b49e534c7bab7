"""The check-up sheet of a community as a spreadsheet, and its words in both languages."""

import math
from collections.abc import Sequence
from datetime import tzinfo
from io import BytesIO
from pathlib import Path

import PIL.Image
from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.units import pixels_to_EMU, pixels_to_points, points_to_pixels
from openpyxl.worksheet.worksheet import Worksheet

from gis import private
from gis.errors import InvalidInput
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.checkup import MAX_NAMED_PLACES, CheckupSheet, Finding, NearFacility
from gis.facilities.checkup_visits import Visit
from gis.facilities.standards import REQUIRED, TIERS, Standard, range_text
from gis.files.formulas import cell_text
from gis.files.photos import file_path
from gis.messages import Message, label, render

CHECKUP_COLUMNS = (
    "item",
    "required",
    "asked",
    "result",
    "where",
    "households_beyond",
    "people_beyond",
    "left_out",
    "visits",
    "photos",
    "source",
)
WIDTHS = (24, 8, 18, 14, 40, 12, 12, 30, 40, 28, 36)  # characters
PHOTO_SIDE = 96  # pixels of a photo in the spreadsheet at most
PHOTO_GAP = 4  # pixels
PHOTOS_ABREAST, MAX_PHOTOS_DRAWN = 2, 10  # of an item: a row is at most 409 points high
LINE_POINTS = 15  # height of a line of text
MAX_ROW_POINTS = 409


def _in(language: str, names: tuple[str, str]) -> str:
    return names[0] if language == "zh" else names[1]


def item_name(standard: Standard, language: str) -> str:
    """Return the name of an item."""
    return _in(language, (standard.zh, standard.en))


def tier_name(tier: str, language: str) -> str:
    """Return the name of a tier."""
    return _in(language, TIERS[tier])


def required_name(standard: Standard, language: str) -> str:
    """Return whether an item must, should or may be there."""
    return _in(language, REQUIRED[standard.required])


def asked_text(standard: Standard, language: str) -> str:
    """Return what a standard asks of an item: distance, time, floor area and land."""
    parts = []
    if standard.metres is not None:
        parts.append(f"≤ {standard.metres:,} m")
    if standard.minutes is not None:
        parts.append(render(Message("checkup.minutes", {"minutes": standard.minutes}), language))
    for code, numbers in (
        ("checkup.floor_area", standard.area_m2),
        ("checkup.land", standard.land_m2),
    ):
        if numbers:
            at_least = "≥ " if len(numbers) == 1 else ""
            parts.append(render(Message(code, {"m2": at_least + range_text(numbers)}), language))
    return ("；" if language == "zh" else "; ").join(parts)


def result_text(finding: Finding, language: str) -> str:
    """Return what the data say of an item, with the reason when they cannot say."""
    result_label = label(f"checkup_result.{finding.result}", language)
    if not finding.reason:
        return result_label
    reason = label(f"checkup_reason.{finding.reason}", language)
    return f"{result_label}：{reason}" if language == "zh" else f"{result_label}: {reason}"


def facility_text(facility: NearFacility, language: str) -> str:
    """Return a facility with its code, and how far it is from the nearest home."""
    category = CATEGORY_BY_KEY.get(facility.category)
    fallback = _in(language, (category.zh, category.en)) if category else facility.category
    parts = [facility.code]
    if facility.inside:
        parts.append(label("checkup.inside", language))
    if facility.walk_m is not None:
        parts.append(f"{facility.walk_m:,.0f} m")
    comma = "，" if language == "zh" else ", "
    inside = comma.join(parts)
    name = facility.name or fallback
    return f"{name}（{inside}）" if language == "zh" else f"{name} ({inside})"


def visit_text(visit: Visit, language: str, zone: tzinfo) -> str:
    """Return a visit in one line: day, result, where, note, who."""
    parts = [
        f"{visit.visited_at.astimezone(zone):%Y-%m-%d}",
        label(f"checkup_result.{visit.result}", language),
        visit.location,
        visit.note,
        visit.author,
    ]
    return " · ".join(part for part in parts if part)


def more_text(listed: Sequence[str], count: int, language: str) -> str:
    """Return some lines, and how many more there are."""
    lines = list(listed)
    if count > len(lines):
        message = Message("checkup.more", {"count": count - len(lines)})
        lines.append(render(message, language))
    return "\n".join(lines)


def cells(
    finding: Finding,
    visits: Sequence[Visit],
    language: str,
    zone: tzinfo,
    most: int = MAX_NAMED_PLACES,
) -> list[str | int | None]:
    """Return the cells of an item, in the order of CHECKUP_COLUMNS.

    Parameters
    ----------
    most
        Facilities and buildings named; the others are counted.
    """
    households, people = finding.beyond or (None, None)
    facilities = [facility_text(facility, language) for facility in finding.facilities[:most]]
    buildings = [f"{building.name} {building.households}" for building in finding.left_out[:most]]
    source = finding.standard.source
    if finding.standard.secondary:
        source += f" {label('checkup.secondary', language)}"
    return [
        item_name(finding.standard, language),
        required_name(finding.standard, language),
        asked_text(finding.standard, language),
        result_text(finding, language),
        more_text(facilities, finding.facility_count, language),
        households,
        people,
        more_text(buildings, finding.left_out_count, language),
        "\n".join(visit_text(visit, language, zone) for visit in visits),
        "",  # photos are drawn there
        source,
    ]


def write_sheet(
    sheet: CheckupSheet,
    visits: Sequence[Visit],
    path: Path,
    language: str,
    zone: tzinfo,
    var: Path,
) -> None:
    """Write a check-up sheet as .xlsx, ready to print on A4 across, photos in its cells.

    Parameters
    ----------
    var
        The deployment's folder, where photos lie; one whose file is gone is left out.

    Raises
    ------
    InvalidInput
        The file name has another ending.
    """
    if path.suffix.lower() != ".xlsx":
        raise InvalidInput("checkup.written_ending", file=path.name)
    book = Workbook()
    page = book.active
    title = f"{sheet.community.name} {sheet.community.code} {tier_name(sheet.tier, language)}"
    page.append([cell_text(title)])
    page["A1"].font = Font(bold=True, size=14)
    counts = {"households": f"{sheet.households:,}", "people": f"{sheet.people:,}"}
    page.append([render(Message("checkup.counts", counts), language)])
    page.append([label(f"checkup_column.{name}", language) for name in CHECKUP_COLUMNS])
    for cell in page[3]:
        cell.font = Font(bold=True)
    for finding in sheet.findings:
        seen = [visit for visit in visits if visit.item == finding.standard.item]
        page.append([cell_text(value) for value in cells(finding, seen, language, zone)])
        _draw_photos(page, page.max_row, seen, language, var)
    for row in page.iter_rows(min_row=3):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for number, width in enumerate(WIDTHS):
        page.column_dimensions[get_column_letter(number + 1)].width = width
    page.freeze_panes = "B4"
    page.print_title_rows = "3:3"
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    book.save(private.create_file(path))


def _draw_photos(
    page: Worksheet, row: int, visits: Sequence[Visit], language: str, var: Path
) -> None:
    """Draw the photos of an item in the cell of its row, and make the row as high as it needs."""
    photos = [photo for visit in visits for photo in visit.photos]
    files = [file_path(var, photo.id, photo.media_type, thumbnail=True) for photo in photos]
    files = [file for file in files if file.is_file()]
    if not files:
        return
    column, left_over = CHECKUP_COLUMNS.index("photos"), len(files) - MAX_PHOTOS_DRAWN
    top = 0.0
    if left_over > 0:
        page.cell(
            row, column + 1, render(Message("checkup.more_photos", {"count": left_over}), language)
        )
        top = points_to_pixels(LINE_POINTS)
    step = PHOTO_SIDE + PHOTO_GAP
    for number, file in enumerate(files[:MAX_PHOTOS_DRAWN]):
        line, abreast = divmod(number, PHOTOS_ABREAST)
        image, size = _small_jpeg(file)
        start = AnchorMarker(
            column,
            pixels_to_EMU(PHOTO_GAP + abreast * step),
            row - 1,
            pixels_to_EMU(top + PHOTO_GAP + line * step),
        )
        image.anchor = OneCellAnchor(_from=start, ext=size)
        page.add_image(image)
    lines = math.ceil(min(len(files), MAX_PHOTOS_DRAWN) / PHOTOS_ABREAST)
    text_lines = max(
        sum(math.ceil((2 * len(line) + 1) / width) for line in str(cell.value or "").split("\n"))
        for cell, width in zip(page[row], WIDTHS, strict=True)
    )
    height = max(pixels_to_points(top + PHOTO_GAP + lines * step), text_lines * LINE_POINTS)
    page.row_dimensions[row].height = min(height, MAX_ROW_POINTS)


def _small_jpeg(file: Path) -> tuple[Image, XDRPositiveSize2D]:
    """Return a picture for a spreadsheet, which knows no WebP, and its size there."""
    drawn = BytesIO()
    with PIL.Image.open(file) as picture:
        picture.convert("RGB").save(drawn, "JPEG", quality=85)
        picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        width, height = picture.size
    return Image(drawn), XDRPositiveSize2D(pixels_to_EMU(width), pixels_to_EMU(height))
