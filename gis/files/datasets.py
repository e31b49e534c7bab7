"""Which load stands in the database: the digest of its file and its row in `dataset`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.basemap.models import Dataset
from gis.files.report import LoadReport


def file_sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, in hex; the file is read in pieces.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_loaded(session: Session, kind: str, digest: str) -> bool:
    """Return whether the last committed load of this kind was exactly this file."""
    return session.scalar(select(Dataset.digest).where(Dataset.kind == kind)) == digest


def find_source(session: Session, kind: str) -> str | None:
    """Return the file, or seed and size, of the last committed load of a kind.

    None when there was none.
    """
    return session.scalar(select(Dataset.source).where(Dataset.kind == kind))


def forget_load(session: Session, kind: str) -> None:
    """Delete the record of a load whose data are gone."""
    session.execute(delete(Dataset).where(Dataset.kind == kind))


def has_made_up_data(session: Session) -> bool:
    """Return whether some of what is loaded is invented."""
    return bool(session.scalar(select(exists().where(Dataset.made_up))))


def record_report(session: Session, path: Path, report: LoadReport) -> None:
    """Record a table that was loaded whole; one of which a row was refused leaves no record."""
    if not report.refused:
        record_load(session, report.kind, path, file_sha256(path), report.counts, "")


def record_load(
    session: Session,
    kind: str,
    path_or_source: Path | str,
    digest: str,
    counts: Mapping[str, int],
    attribution: str,
    made_up: bool = False,
) -> None:
    """Record a load in place of the last one of its kind.

    Loading the same file again keeps the record.

    Parameters
    ----------
    kind
        Osm, areas:grid, households, facilities, people, elevation or town.
    path_or_source
        A path, of which the file name is stored, or a text such as seed and size.
    digest
        SHA-256 of the file, or of the text.
    counts
        Rows by kind.
    attribution
        The credit to print on maps; empty if none is due.
    made_up
        Whether the data is invented, which every page states.
    """
    row = {
        "source": path_or_source.name if isinstance(path_or_source, Path) else path_or_source,
        "digest": digest,
        "attribution": attribution,
        "made_up": made_up,
        "counts": dict(counts),
    }
    if is_loaded(session, kind, digest):
        return
    statement = insert(Dataset).values(kind=kind, **row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Dataset.kind],
            set_={name: statement.excluded[name] for name in (*row, "loaded_at")},
        )
    )
