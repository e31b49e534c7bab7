"""A constant's name has one meaning in the product, and names say what a thing is."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gis.settings import ROOT
from tests.support import syntax

PRODUCT = ("gis", "layers", "web")
# Names of one kind of thing, of which each module has its own, and the reason.
OWN_OF_MODULE = {
    "COLUMNS": "the columns of the table that the module reads",
    "EDITIONS": "the stored editions of the table that the module is about",
    "PAGE_ROWS": "rows on a page of the list that the module shows",
    "REFUSALS": "what the routes of the module refuse, for OpenAPI",
    "WRITE_REFUSALS": "the same, of routes that change something",
}
# words that say how a value came about, not what it is
WEAK_PATTERN = re.compile(
    "_*(found|one|told|asked|given|kept|made|wanted|here|there|known|words|said|shown|own|more|held"
    "|near|far|why|who|rest|first|before|after|place|spot)_*",
    re.IGNORECASE,
)
MAX_WEAK_SHARE = 0.01
# definitions, and the field that holds the name each binds
NAME_FIELDS: dict[type, str] = {
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ClassDef: "name",
    ast.ExceptHandler: "name",
    ast.arg: "arg",
    ast.alias: "asname",
}


def modules(root: Path, packages: tuple[str, ...]) -> Iterator[tuple[str, Sequence[ast.AST]]]:
    """Yield path and nodes of each module, but those of migrations."""
    for package in packages:
        for file in sorted((root / package).rglob("*.py")):
            if "versions" not in file.parts:
                path = file.relative_to(root).as_posix()
                yield path, syntax.nodes(file.read_text(encoding="utf-8"))


def constants(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names in capitals that a module binds itself."""
    targets: list[ast.expr] = []
    module = nodes[0]
    assert isinstance(module, ast.Module)
    for node in module.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign) and node.value:
            targets.append(node.target)
    return {
        name.id
        for target in targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id.isupper()
    }


def shared_constants(trees: Iterator[tuple[str, Sequence[ast.AST]]]) -> dict[str, list[str]]:
    """Return the constants that several modules bind, with the modules."""
    paths = defaultdict(list)
    for path, nodes in trees:
        for name in constants(nodes):
            paths[name].append(path)
    return {name: where for name, where in paths.items() if len(where) > 1}


def bound_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the name of each definition, parameter and assignment."""
    for node in nodes:
        kind = type(node)
        if kind in (ast.Name, ast.Attribute):
            if type(node.ctx) is ast.Store:
                yield node.id if kind is ast.Name else node.attr
        elif name := getattr(node, NAME_FIELDS.get(kind, ""), None):
            yield name


def test_a_constant_has_one_meaning() -> None:
    """A value that several modules need has one home; different things have different names."""
    shared = shared_constants(modules(ROOT, PRODUCT))
    assert {name: where for name, where in shared.items() if name not in OWN_OF_MODULE} == {}
    assert shared.keys() == OWN_OF_MODULE.keys(), "the list is no longer than it must be"


def test_weak_words_are_rare() -> None:
    trees = modules(ROOT, PRODUCT)
    names = Counter(name for _, nodes in trees for name in bound_names(nodes))
    weak = {name: count for name, count in names.items() if WEAK_PATTERN.fullmatch(name)}
    assert sum(weak.values()) < MAX_WEAK_SHARE * names.total(), weak


def test_a_second_meaning_is_named() -> None:
    twice = [
        ("a.py", [ast.parse("LIMIT_S: int = 1\nA, B = 1, 2")]),
        ("b.py", [ast.parse("B = 3")]),
    ]
    assert shared_constants(iter(twice)) == {"B": ["a.py", "b.py"]}
    source = "def told(given):\n    self.kept = found = 1\n    for here, there in x: pass"
    names = [*bound_names(ast.walk(ast.parse(source)))]
    assert sorted(names) == ["found", "given", "here", "kept", "there", "told"]
    assert WEAK_PATTERN.fullmatch("_GIVEN") and not WEAK_PATTERN.fullmatch("first_day")
