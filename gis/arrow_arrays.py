"""Arrow arrays of numbers and texts, and their numbers as numpy arrays.

For `pyarrow.array`, `pyarrow.scalar` and `to_numpy` pyarrow imports pandas, which takes half a
second and 40 MB of a command that locates a file.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Arrow's own allocator holds what is freed: 30 MB of a million points that are located
pa.set_memory_pool(pa.system_memory_pool())


def from_numpy(values: NDArray[Any]) -> pa.Array:
    """Return numbers or truth values as an Arrow array without nulls."""
    packed = values.dtype == bool
    data = np.packbits(values, bitorder="little") if packed else np.ascontiguousarray(values)
    buffers = [None, pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def to_numpy(array: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Return the numbers or truth values of an array without nulls."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_boolean(array.type):
        return to_numpy(array.cast(pa.int8())).astype(bool)
    kind = np.dtype(str(array.type))
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


def texts(values: Sequence[str | None]) -> pa.LargeStringArray:
    """Return texts as an Arrow array; None is null."""
    builder = pa.lib.StringBuilder()
    builder.append_values(values)
    return builder.finish().cast(pa.large_string())


def text_scalar(value: str) -> pa.LargeStringScalar:
    """Return a text as an Arrow scalar of the type of `texts`."""
    return texts([value])[0]


def take(values: Sequence[str], rows: NDArray[np.int64]) -> pa.LargeStringArray:
    """Return the texts at the given rows."""
    return texts(values).take(from_numpy(rows.reshape(-1)))
