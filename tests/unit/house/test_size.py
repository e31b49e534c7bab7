"""No function of the product grows past 50 lines beside its docstring, no module past 400.

No function takes more than eight parameters, but commands: their options are their interface.
"""

import ast
from pathlib import Path

from gis.settings import ROOT
from tests.support import syntax

MAX_FUNCTION_LINES = 50
MAX_MODULE_LINES = 400
MAX_PARAMETERS = 8
TABLES = {"gis/facilities/categories.py"}  # one entry a facility category


def too_long(root: Path) -> list[str]:
    """Return every module and function beyond its limit, as file: name: lines or parameters."""
    return [
        f"{file.relative_to(root)}: {name}: {size}"
        for package in ("gis", "layers", "web", "dev")
        for file in sorted((root / package).rglob("*.py"))
        if "versions" not in file.parts
        for name, size in measure(file.relative_to(root).as_posix(), file.read_text("utf-8"))
    ]


def measure(path: str, source: str) -> list[tuple[str, str]]:
    """Return what of a module is beyond its limit, with its lines or parameters."""
    lines = source.count("\n")
    long = [("module", f"{lines} lines")] if lines > MAX_MODULE_LINES and path not in TABLES else []
    for node in syntax.nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                long.append((node.name, f"{length} lines"))
            count = parameters(node)
            if count > MAX_PARAMETERS and not is_command(node):
                long.append((node.name, f"{count} parameters"))
    return long


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many parameters a function has, without the object or class of a method."""
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    bound = names[:1] in (["self"], ["cls"])
    return len(names) - bound + len(node.args.kwonlyargs)


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function is a command of click, as `@click.command()` makes one."""
    calls = (each.func for each in node.decorator_list if isinstance(each, ast.Call))
    return any(isinstance(each, ast.Attribute) and each.attr == "command" for each in calls)


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's docstring."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def test_functions_and_modules_stay_short() -> None:
    assert too_long(ROOT) == []


def test_a_long_function_and_module_are_named() -> None:
    body = "    x = 1\n" * MAX_FUNCTION_LINES
    assert measure("a.py", f'def f():\n    """Say.\n\n    More.\n    """\n{body}') == [
        ("f", "51 lines")
    ]
    assert measure("a.py", "\n" * 401) == [("module", "401 lines")]
    assert measure("gis/facilities/categories.py", "\n" * 401) == []


def test_a_function_of_nine_parameters_is_named_unless_it_is_a_command() -> None:
    assert measure("a.py", "def f(a, b, c, d, /, e, *, f, g, h): ...") == []
    nine = "def f(a, b, c, d, /, e, *, f, g, h, i): ..."
    assert measure("a.py", nine) == [("f", "9 parameters")]
    method = "class A:\n    def f(self, a, b, c, d, e, f, g, h): ..."
    assert measure("a.py", method) == []
    assert measure("a.py", method.replace("h)", "h, *, i)")) == [("f", "9 parameters")]
    for decorator in ("click.command()", 'group.command("add")'):
        assert measure("a.py", f"@{decorator}\n{nine}") == []
