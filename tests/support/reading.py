"""Tables are read in the process of the test: the child that reads them is what test_sandbox
tests.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gis.errors import InvalidInput, WanggeError
from gis.files import sandbox, text_tables, workbooks


def iterate_inside(
    function: Callable[..., Any], *args: object, name: str = "the file", **_: object
) -> Iterator[Any]:
    """Yield what a function yields, with the refusals of `sandbox.iterate`."""
    try:
        yield from function(*args) if inspect.isgeneratorfunction(function) else [function(*args)]
    except WanggeError:
        raise
    except MemoryError:
        raise InvalidInput(sandbox.TOO_LARGE, file=name) from None
    except Exception:
        raise InvalidInput(sandbox.UNEXPECTED, file=name) from None


@pytest.fixture
def reading_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read tables in this process; extracts and boundaries in a child, as their readers need."""
    in_child = sandbox.iterate

    def iterate(function: Callable[..., Any], *args: object, **options: Any) -> Iterator[Any]:
        read = (
            iterate_inside
            if function.__module__ in (text_tables.__name__, workbooks.__name__)
            else in_child
        )
        yield from read(function, *args, **options)

    monkeypatch.setattr(sandbox, "iterate", iterate)
