"""No function of the product grows past 50 lines beside its docstring, no module past 400."""

import ast
from pathlib import Path

from gis.settings import ROOT

MAX_FUNCTION_LINES = 50
MAX_MODULE_LINES = 400
TABLES = {"gis/facilities/categories.py"}  # one entry a facility category


def too_long(root: Path) -> list[str]:
    """Return every module and function beyond its limit, as file: name: lines."""
    return [
        f"{file.relative_to(root)}: {name}: {lines}"
        for package in ("gis", "layers", "web", "dev")
        for file in sorted((root / package).rglob("*.py"))
        if "versions" not in file.parts
        for name, lines in measure(file.relative_to(root).as_posix(), file.read_text("utf-8"))
    ]


def measure(path: str, source: str) -> list[tuple[str, int]]:
    """Return what of a module is beyond its limit, with its lines."""
    lines = source.count("\n")
    long = [("module", lines)] if lines > MAX_MODULE_LINES and path not in TABLES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                long.append((node.name, length))
    return long


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's docstring."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def test_functions_and_modules_stay_short() -> None:
    assert too_long(ROOT) == []


def test_a_long_function_and_module_are_named() -> None:
    body = "    x = 1\n" * MAX_FUNCTION_LINES
    assert measure("a.py", f'def f():\n    """Say.\n\n    More.\n    """\n{body}') == [("f", 51)]
    assert measure("a.py", "\n" * 401) == [("module", 401)]
    assert measure("gis/facilities/categories.py", "\n" * 401) == []
