"""Coordinate systems of map files, and the conversion of their points to storage."""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis import crs as systems
from gis.crs import STORAGE_SRID
from gis.errors import FieldError, InvalidInput
from gis.files.cells import CRS_ALIASES
from gis.messages import Message

WGS84_EQUIVALENT_EPSG = {4326, 4490}  # EPSG codes whose degrees are taken as stored


Conversion = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def parse_crs_option(crs: str | None) -> str | int | None:
    """Return a name of `gis.crs.SUPPORTED_CRS`, or an EPSG code.

    Raises
    ------
    InvalidInput
        It is neither.
    """
    if crs is None:
        return None
    text = crs.strip().lower()
    if name := CRS_ALIASES.get(text):
        return {"epsg:4326": 4326, "4326": 4326, "epsg:4490": 4490, "4490": 4490}.get(text, name)
    if match := re.fullmatch(r"(?:epsg:)?(\d{4,6})", text):
        return int(match[1])
    names = systems.SUPPORTED_CRS
    errors = [FieldError("crs", "field.crs_unknown", {"crs": crs, "systems": names})]
    raise InvalidInput("map_file.crs_unknown", errors, crs=crs, systems=names)


def conversion_to_storage(
    name: str, of_file: str | None, given_crs: str | int | None, notes: list[Message]
) -> tuple[Conversion, str]:
    """Return the conversion from the file's system to the storage system, and the system's name."""
    crs, shift, label = _read_system(name, of_file, given_crs)
    to_degrees = _transform(crs, name, notes)
    if not shift:
        return to_degrees, label

    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        degrees = to_degrees(xy)
        return np.column_stack(systems.to_storage(degrees[:, 0], degrees[:, 1], shift))

    return convert, label


def conversion_from_storage(
    name: str, of_file: str | None, given_crs: str | int | None, notes: list[Message]
) -> tuple[Conversion, str]:
    """Return the conversion from the storage system to the file's system, and the system's name."""
    crs, shift, label = _read_system(name, of_file, given_crs)
    from_degrees = _transform(crs, name, notes, inverse=True)
    if not shift:
        return from_degrees, label

    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return from_degrees(np.column_stack(systems.from_storage(xy[:, 0], xy[:, 1], shift)))

    return convert, label


def _read_system(
    name: str, of_file: str | None, given_crs: str | int | None
) -> tuple[CRS | None, str, str]:
    """Return the system of a file (None: degrees as stored), its shift if any, and its name.

    Raises
    ------
    InvalidInput
        Neither the file nor the caller names the system, or they contradict each other.
    """
    if of_file is None and given_crs is None:
        code = (
            "map_file.prj_missing"
            if name.lower().endswith((".shp", ".zip"))
            else "map_file.crs_missing"
        )
        raise InvalidInput(code, [FieldError("crs", "field.crs_not_known")], file=name)
    file_crs = _crs(of_file) if of_file else None
    if given_crs in systems.OBFUSCATED_CRS:
        # A map drawn over shifted tiles: the file names the unshifted system, but its coordinates
        # are shifted.
        says = f"; the file says {_name(file_crs)}" if file_crs is not None else ""
        drawn_in = file_crs if file_crs is not None and file_crs.is_projected else None
        return drawn_in, str(given_crs), f"{given_crs} (as told{says})"
    if given_crs is None:
        return file_crs, "", _name(file_crs)
    meant = _crs(
        given_crs if isinstance(given_crs, int) else {"wgs84": 4326, "cgcs2000": 4490}[given_crs]
    )
    if file_crs is not None and not _alike(file_crs, meant):
        raise InvalidInput(
            "map_file.crs_contradicts", file=name, file_crs=_name(file_crs), crs=str(given_crs)
        )
    return meant, "", f"{_name(meant)} (as told)"


def _crs(code: str | int) -> CRS:
    try:
        crs = CRS.from_user_input(code)
    except CRSError as error:
        raise InvalidInput("map_file.crs_not_known", crs=str(code)[:60]) from error
    return crs.sub_crs_list[0] if crs.is_compound else crs  # without its heights


def _name(crs: CRS | None) -> str:
    if crs is None:
        return ""
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code}" if code else crs.name


def _alike(crs: CRS, other: CRS) -> bool:
    codes = {crs.to_epsg(min_confidence=70), other.to_epsg(min_confidence=70)}
    return codes <= WGS84_EQUIVALENT_EPSG or (len(codes) == 1 and None not in codes)


def _transform(
    crs: CRS | None, name: str, notes: list[Message], *, inverse: bool = False
) -> Conversion:
    """Return the conversion of a system to the storage system, or back from it.

    Raises
    ------
    InvalidInput
        The system has no place on the earth.
    """
    if crs is None or crs.to_epsg(min_confidence=70) in WGS84_EQUIVALENT_EPSG:
        return lambda xy: xy
    if not (crs.is_geographic or crs.is_projected):
        raise InvalidInput("map_file.crs_without_place", file=name, crs=_name(crs))
    source, target = (STORAGE_SRID, crs) if inverse else (crs, STORAGE_SRID)
    change = Transformer.from_crs(source, target, always_xy=True)
    ellipsoid = crs.ellipsoid
    if ellipsoid is not None and abs(ellipsoid.semi_major_metre - 6378137) > 1:
        notes.append(Message("map_file.older_datum", {"crs": _name(crs)}))
    return lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1]))
