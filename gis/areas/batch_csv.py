"""Rows of the answers to a file of points as bytes of CSV."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from numpy.typing import NDArray

from gis.arrow_arrays import from_numpy, text_scalar, texts

Ints = NDArray[np.int64]

CSV_CHUNK_ROWS = 5_000  # rows joined and written together


SPECIAL_CHARS = frozenset(',"\r\n')


def format_rows(
    ids: pa.StringArray, lines: pa.LargeStringArray, row_lines: Ints
) -> Iterator[pa.Buffer]:
    """Yield the rows of the answer file as bytes: each id with its line."""
    ids, no_gap = csv_cells(ids.cast(pa.large_string())), text_scalar("")

    def join(begin: int) -> pa.Buffer:
        part = slice(begin, begin + CSV_CHUNK_ROWS)
        row_texts = lines.take(from_numpy(row_lines[part]))
        whole = pc.binary_join_element_wise(ids[part], row_texts, no_gap)
        # the texts have no gaps, so their common buffer is the file
        return whole.buffers()[2].slice(0, pc.sum(pc.binary_length(whole)).as_py())

    with ThreadPoolExecutor(2) as pool:
        ahead: deque[Future[pa.Buffer]] = deque()
        for begin in range(0, len(ids), CSV_CHUNK_ROWS):
            ahead.append(pool.submit(join, begin))
            if len(ahead) > 2:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def csv_cells(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    """Values as CSV wants them."""
    written = np.frombuffer(cells.buffers()[2] or b"", np.uint8)
    if any(bool((written == ord(char)).any()) for char in SPECIAL_CHARS):
        return texts([csv_cell(cell) for cell in cells.to_pylist()])
    return cells


def csv_cell(text: str) -> str:
    """Return a value quoted as CSV requires."""
    if SPECIAL_CHARS.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
