"""`load elevation FILE.tif`: slopes of the walking network from a raster of heights."""

import hashlib
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, Unavailable
from gis.files.datasets import file_sha256, find_source, forget_load, record_load
from gis.files.raster import read_raster
from gis.files.report import LoadReport
from gis.network.elevation import (
    clear_slopes,
    edge_slopes,
    read_edge_lines,
    sample_edges,
    store_slopes,
)
from gis.network.models import WalkNetwork

ELEVATION_KIND = "elevation"


def load_elevation(
    session: Session, path: Path, crs: str | None = None, attribution: str = ""
) -> LoadReport:
    """Read the heights of the stored walking network out of a GeoTIFF, in place of former ones.

    Parameters
    ----------
    crs
        The system of the raster, where it names none or its map is shifted.
    attribution
        Credit to print on maps: source, licence and date of the raster.

    Raises
    ------
    InvalidInput
        As `gis.files.raster.read_raster`; or the raster has no height for any edge.
    Unavailable
        No walking network is loaded.

    Notes
    -----
    The heights belong to the network that is stored: a load of another map drops them, and says so.
    An edge with a point without height is walked as on the level.
    """
    report = LoadReport(ELEVATION_KIND, path.name)
    # locked, so that no other map replaces it meanwhile
    if session.scalar(select(WalkNetwork.version).with_for_update()) is None:
        raise Unavailable("network.not_loaded")
    edges = read_edge_lines(session)
    samples = sample_edges(edges)
    heights = read_raster(path, samples.points, crs)
    slopes = edge_slopes(edges, samples, heights.metres)
    has_height = slopes.are_known
    if not has_height.any():
        raise InvalidInput("elevation.covers_nothing", file=path.name, crs=heights.crs)
    if not store_slopes(session, edges, slopes):
        report.note("elevation.already_loaded")
    report.crs = heights.crs
    report.messages += heights.notes
    report.counts = {
        "walk_edges": len(has_height),
        "edges_with_heights": int(has_height.sum()),
        "edges_level": int((~has_height).sum()),
        "metres_up_and_down": round(
            float(slopes.rise[has_height].sum() + slopes.fall[has_height].sum())
        ),
    }
    share = 100 * edges.length[has_height].sum() / edges.length.sum()
    report.note("elevation.covers", percent=f"{share:.1f}")
    digest = hashlib.sha256(f"{file_sha256(path)} {crs} {attribution}".encode()).hexdigest()
    record_load(session, ELEVATION_KIND, path, digest, report.counts, attribution)
    return report


def drop_elevation(session: Session) -> LoadReport:
    """Drop the heights of the walking network, so that walks are as on the level."""
    report = LoadReport(ELEVATION_KIND, find_source(session, ELEVATION_KIND) or "")
    report.counts = {"edges_level": clear_slopes(session)}
    forget_load(session, ELEVATION_KIND)
    return report
