"""Locating a file of points: the resolver of `locate`, for a million points at a time.

The points are located in parts of neighbours, each with the part of the register that it needs, so
that the memory does not grow with the register.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from sqlalchemy.orm import Session

from gis.areas.batch_answers import FileRegister, LocatedRows, locate_tables
from gis.areas.batch_csv import format_rows
from gis.areas.batch_lines import HEADER, Ints
from gis.areas.points_csv import stream_bytes
from gis.areas.points_file import PointsFile, read_points
from gis.areas.points_rows import PIECE_ROWS
from gis.arrow_arrays import texts
from gis.errors import InvalidInput
from gis.files.table_writer import require_replaceable
from gis.people.queries import PeopleIndex
from gis.people.reading import read_people
from gis.spread import spread_of


@dataclass(frozen=True)
class BatchCounts:
    """How many rows a file had, and how many of them got a grid."""

    rows: int
    located: int


Progress = Callable[[int, int], None]
LARGE_FILE_BYTES = 5_000_000  # from which on all people are read, once, rather than by part


def locate_file(
    session: Session,
    source: Path,
    target: Path,
    at: datetime,
    progress: Progress = lambda done, total: None,
) -> BatchCounts:
    """Locate every point of a file.

    The answer file replaces `target` only when it is complete.

    Parameters
    ----------
    session
        Open session; only read.
    source
        CSV, UTF-8 (with or without BOM) or GB18030, with the columns id, lon, lat, crs and
        optionally address and at. Degrees in the row's `crs`; an empty `at` means the parameter
        `at`.
    target
        CSV, UTF-8 with the columns of `HEADER`, rows in the same order: codes, `people` as
        role:name joined by semicolons (an empty name if the post is vacant), `how` as step:rule. A
        row that cannot be located has only its `error`.
    at
        Default moment, with time zone; times of the file without one are read in it.
    progress
        Called with the number of rows done and the number of all rows.

    Raises
    ------
    InvalidInput
        The file cannot be read, has other columns or is `target`, or `target` is a device.
    """
    if source.exists() and target.exists() and target.samefile(source):
        raise InvalidInput("points_file.target_is_source", file=target)
    require_replaceable(target)
    with ThreadPoolExecutor(1) as reader:  # a child reads the file, and PostgreSQL the people
        reading = reader.submit(read_points, source, PIECE_ROWS)
        is_large = source.is_file() and source.stat().st_size > LARGE_FILE_BYTES
        people = read_people(session) if is_large and spread_of(session) is None else None
        points = reading.result()
    lines, row_lines, located = _in_parts(session, points, at, people, progress)
    with _replacing(target) as file:
        file.write((",".join(HEADER) + "\n").encode())
        for rows in format_rows(points.ids.combine_chunks(), lines, row_lines):
            file.write(rows)
    return BatchCounts(len(points.ids), located)


def _in_parts(
    session: Session,
    points: PointsFile,
    at: datetime,
    people: PeopleIndex | None,
    progress: Progress,
) -> tuple[pa.LargeStringArray, Ints, int]:
    """Answer the parts of a file, as `locate_tables`; by workers where there are some.

    A row's answer does not depend on the others.

    Returns
    -------
    The lines, which of them is that of each row of the file, and how many rows have a grid.
    """
    if spread := spread_of(session):
        tasks = (PointsTask(stream_bytes(part), at) for part in points.parts)
        answers = spread.each(locate_part, tasks)
    else:
        answers = locate_tables(FileRegister(session, people), points.parts, at)
    total = len(points.ids)
    lines, row_lines = [texts([])], np.full(total, -1, dtype=np.int64)
    first, located, done = 0, 0, 0
    for part in answers:
        row_lines[part.rows] = part.row_lines + first
        lines.append(part.lines)
        first += len(part.lines)
        located += part.located
        done += len(part.rows)
        progress(done, total)
    return pa.concat_arrays(lines), row_lines, located


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that takes the place of `target` when it is complete.

    Raises
    ------
    InvalidInput
        The folder cannot be written to.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InvalidInput("points_file.not_writable", file=target, reason=error.strerror) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class PointsTask:
    """Rows of a file of points as a stream of Arrow, and the default moment."""

    rows: bytes
    at: datetime


def locate_part(session: Session, task: PointsTask) -> LocatedRows:
    """Answer a part of a file, as `locate_tables`."""
    (answers,) = locate_tables(
        FileRegister(session), [pa.ipc.open_stream(task.rows).read_all()], task.at
    )
    return answers


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
