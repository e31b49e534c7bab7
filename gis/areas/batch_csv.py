"""Rows of the answers to a file of points as bytes of CSV."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CSV_CHUNK_ROWS = 5_000  # rows joined and written together


SPECIAL_CHARS = frozenset(',"\r\n')


def take_strings(values: Iterable[str], rows: Ints) -> pa.LargeStringArray:
    """Return the strings at the given rows as an Arrow array."""
    return pa.array(values, pa.large_string()).take(pa.array(rows.reshape(-1)))


def text_scalar(value: str) -> pa.Scalar:
    """Return a text as an Arrow scalar of the type that `take_strings` returns."""
    return pa.scalar(value, pa.large_string())


def format_rows(ids: pa.StringArray, lines: list[str], row_lines: Ints) -> Iterator[pa.Buffer]:
    """Yield the rows of the answer file as bytes: each id with its line."""
    ids = csv_cells(ids.cast(pa.large_string()))
    texts = pa.array(lines, pa.large_string())

    def join(begin: int) -> pa.Buffer:
        part = slice(begin, begin + CSV_CHUNK_ROWS)
        row_texts = texts.take(pa.array(row_lines[part]))
        whole = pc.binary_join_element_wise(ids[part], row_texts, text_scalar(""))
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


def csv_cells(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Values as CSV wants them."""
    if pc.any(pc.match_substring_regex(texts, '[,"\r\n]')).as_py():
        return pa.array([csv_cell(text) for text in texts.to_pylist()], pa.large_string())
    return texts


def csv_cell(text: str) -> str:
    """Return a value quoted as CSV requires."""
    if SPECIAL_CHARS.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
