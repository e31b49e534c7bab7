"""A docstring names what its function raises, one class a line of the section Raises.

ruff's DOC501 is not enough: in `raise invalid_field(…)` it takes the function for a class, and it
counts what the function itself catches.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gis.settings import ROOT
from tests.support import syntax

SECTION = re.compile(r"^Raises\n------\n(.*?)(?=\n\n\S|\Z)", re.DOTALL | re.MULTILINE)
FACTORY = re.compile(r"\bdef (\w+)\((?:[^()]|\([^()]*\))*\) -> ([A-Z]\w+):")
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def read_sources(root: Path) -> dict[str, str]:
    """Return the source of every module of the product by file."""
    return {
        file.relative_to(root).as_posix(): file.read_text("utf-8")
        for package in ("gis", "layers", "web", "dev")
        for file in sorted((root / package).rglob("*.py"))
        if "versions" not in file.parts
    }


def undocumented(sources: Mapping[str, str]) -> list[str]:
    """Return what a function raises and its docstring does not name, as "file: function: class"."""
    everywhere = dict(pair for source in sources.values() for pair in FACTORY.findall(source))
    return [
        f"{file}: {node.name}: {kind}"
        for file, source in sources.items()
        if "raise " in source
        for node in syntax.nodes(source)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (docstring := ast.get_docstring(node)) is not None
        for kind in sorted(
            {*raised(node.body, everywhere | dict(FACTORY.findall(source)))} - documented(docstring)
        )
    ]


def documented(docstring: str) -> set[str]:
    """Return the classes of a docstring's section Raises."""
    section = SECTION.search(docstring)
    return set(re.findall(r"^\w+$", section[1], re.MULTILINE)) if section else set()


def raised(
    body: Sequence[ast.AST], factories: Mapping[str, str], handled: Collection[str] = ()
) -> Iterator[str]:
    """Yield the classes that statements raise, or raise again, and do not catch.

    Parameters
    ----------
    factories
        The class of the error that a function builds, by its name.
    handled
        The classes that a `raise` alone raises again.
    """
    for node in body:
        if isinstance(node, ast.Raise) and node.exc is None:
            yield from handled
        elif isinstance(node, ast.Raise):
            is_call = isinstance(node.exc, ast.Call)
            name = ast.unparse(node.exc.func if is_call else node.exc).split(".")[-1]
            kind = factories.get(name, name) if is_call else name
            if kind[0].isupper():
                yield kind
        elif isinstance(node, ast.Try):
            caught = {name for handler in node.handlers for name in classes(handler)}
            inside = raised(node.body, factories, handled)
            yield from (kind for kind in inside if not caught & {kind, "Exception"})
            yield from raised([*node.handlers, *node.orelse, *node.finalbody], factories, handled)
        elif isinstance(node, ast.ExceptHandler):
            yield from raised(node.body, factories, classes(node) - {"Exception", "BaseException"})
        elif isinstance(node, ast.stmt | ast.match_case) and not isinstance(node, SCOPES):
            yield from raised([*ast.iter_child_nodes(node)], factories, handled)


def classes(handler: ast.ExceptHandler) -> set[str]:
    """Return the names of the classes that a handler catches."""
    return set(re.findall(r"\w+(?=[,)]|$)", ast.unparse(handler.type) if handler.type else ""))


def test_docstrings_name_what_is_raised() -> None:
    assert undocumented(read_sources(ROOT)) == []


def test_an_undocumented_error_is_named() -> None:
    errors = "def refusal(a: tuple[int, ...] = ()) -> InvalidInput:\n    pass\n"
    source = '''
def f():
    """Do.

    Raises
    ------
    NotFound
        It is not there.

    Notes
    -----
    Conflict
    """
    def inner():
        raise KeyError
    try:
        raise ValueError
    except ValueError:
        raise refusal("x") from None
    except (socket.timeout, OSError) as error:
        if f:
            raise
        raise error
    else:
        if f:
            raise errors.Conflict("x")
        raise NotFound
'''
    missing = ["Conflict", "InvalidInput", "OSError", "timeout"]
    assert undocumented({"a.py": source, "b.py": errors}) == [
        f"a.py: f: {name}" for name in missing
    ]
