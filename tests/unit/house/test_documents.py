"""The documents say what there is, and only that: commands, routes, settings, metrics, licences,
and each other.
"""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner
from PIL import Image

from dev import licences, reference
from gis.boundaries.operations import OPERATION_TYPES
from gis.errors import Unavailable
from gis.messages import LOCALES, LOCALES_PATH
from gis.settings import ROOT
from tests.support import syntax
from web.cli.screenshots import PICTURES
from web.cli.screenshots import command as screenshots

DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
GUIDES = [path for path in DOCUMENTS if path.name not in ("CHANGELOG.md", "reference.md")]
CODE_FOLDERS = ("gis", "layers", "web", "dev", "tests")
SETTING_PATTERN = re.compile(r"\b(?:WANGGE|DATABASE)_[A-Z][A-Z_]*[A-Z]\b")
# read by the launcher and the suite, or set for a process's own children; no deployment chooses
# them
INTERNAL_SETTINGS = {"WANGGE_PG_BIN", "WANGGE_FIGURES", "WANGGE_FIELDS"}
CITED_DOCUMENT_PATTERN = re.compile(r"(?<![\w/-])((?:[\w.-]+/)*[\w-]+\.md)\b")
CITED_DECISION_PATTERN = re.compile(r"\bdecisions?[ /](\d{1,4})\b")
MAX_CHANGELOG_CHARS = 200


@cache
def text_of(path: Path) -> str:
    """Return the text of a document."""
    return path.read_text(encoding="utf-8")


def is_hint(path: Path) -> bool:
    """Return whether a name is an example, as docs/how-to/add-a-….md."""
    return "…" in str(path) or "<" in str(path)


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every comment and docstring of a module."""
    source = path.read_text(encoding="utf-8")
    if ".md" not in source and "ecision" not in source:
        return  # nothing is cited, and reading tokens takes long
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in syntax.nodes(source):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def is_there(name: str, beside: Path) -> bool:
    """Return whether a cited document is in the repository."""
    return any((folder / name).exists() for folder in (ROOT, ROOT / "docs", beside))


def routes_as_patterns() -> list[re.Pattern[str]]:
    """Return the paths of the application, with anything in the place of a parameter."""
    paths = {name.split(" ", 1)[1] for name in reference.routes()}
    return [
        re.compile(re.sub(r"<[^>]+>", "[^/]+", path.replace(".", r"\.")) + "/?") for path in paths
    ]


def test_the_reference_is_what_the_code_says() -> None:
    assert text_of(reference.DOCUMENT) == reference.document(), "run ./wangge dev reference"


def test_the_list_of_licences_is_complete() -> None:
    assert text_of(licences.DOCUMENT) == licences.document(), "run ./wangge dev licences"


def test_every_operation_of_a_draft_is_in_the_guide_with_its_fields() -> None:
    guide = text_of(ROOT / "docs" / "guide-programs.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", guide, re.MULTILINE))
    missing = [
        (name, field)
        for name, kind in OPERATION_TYPES.items()
        for field in kind.fields
        if field not in ("was", "regions") and f"`{field}`" not in rows.get(name, "")
    ]
    assert missing == []


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    table = text_of(ROOT / "docs" / "operations.md").split("## Settings")[1]
    documented: set[str] = set()
    for row in (line for line in table.splitlines() if line.startswith("| `")):
        names = re.findall(r"`([A-Z_]+)`", row.split("|")[1])
        stem = names[0].rpartition("_")[0]  # `WANGGE_SMTP_HOST`, `_PORT` is WANGGE_SMTP_PORT too
        documented |= {stem + name if name.startswith("_") else name for name in names}
    source = (ROOT / "gis" / "settings.py").read_text(encoding="utf-8")
    read = set(SETTING_PATTERN.findall(source))
    read |= {f"WANGGE_SMTP_{part}" for part in ("HOST", "FROM", "PORT")}  # put together in the code
    assert documented == read - INTERNAL_SETTINGS


def test_every_metric_is_in_the_reference() -> None:
    sources = [ROOT / "web" / "service" / "health.py", ROOT / "web" / "http" / "observability.py"]
    named = {
        name
        for path in sources
        for name in re.findall(r'"(wangge_\w+)"', path.read_text(encoding="utf-8"))
    }
    assert named == set(reference.metrics())


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_only_settings_and_metrics_there_are(path: Path) -> None:
    recorded = (
        set(SETTING_PATTERN.findall((ROOT / "gis" / "settings.py").read_text(encoding="utf-8")))
        | INTERNAL_SETTINGS
    )
    recorded |= {f"WANGGE_SMTP_{part}" for part in ("HOST", "FROM", "PORT")}
    assert set(SETTING_PATTERN.findall(text_of(path))) - recorded == set()
    metrics = set(reference.metrics())
    named = set(
        re.findall(r"\bwangge_[a-z_]+_(?:seconds|grids|queue|operators|requests)\b", text_of(path))
    )
    assert {name for name in named if name.removesuffix("_total") not in metrics} == set()


def test_every_command_in_a_document_is_there() -> None:
    commands = reference.commands()
    groups = {name.rsplit(" ", count)[0] for name in commands for count in (1, 2)} - {*commands}
    gone = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in GUIDES
        for initial, second in re.findall(
            r"\./wangge ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b(?![./]))?", text_of(path)
        )
        for name in [f"{initial} {second}" if initial in groups and second else initial]
        if name not in commands and name not in groups
    ]
    assert gone == []


def test_every_api_path_in_a_document_is_there() -> None:
    patterns = routes_as_patterns()
    gone = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in GUIDES
        for address in re.findall(
            r"(?<=[ `'0-9])(/(?:api/v1|open311/v2|tiles)/[\w{}./<>:-]*[\w}>])", text_of(path)
        )
        for plain in [re.sub(r"\{[^}]*\}", "x", address)]
        if not any(pattern.fullmatch(plain) for pattern in patterns)
    ]
    assert gone == []


def test_no_comment_cites_a_document_that_is_not_there() -> None:
    decisions = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    gone = []
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in comments(path):
                cited = [
                    name
                    for name in CITED_DOCUMENT_PATTERN.findall(text)
                    if not is_there(name, path.parent)
                ]
                cited += [
                    name
                    for name in CITED_DECISION_PATTERN.findall(text)
                    if name.zfill(4) not in decisions
                ]
                gone += [f"{path.relative_to(ROOT)}:{line}: {name}" for name in cited]
    assert gone == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_decisions_of_a_document_lead_somewhere(path: Path) -> None:
    decisions = {file.name[:4] for file in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(path))
    broken = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    broken += [
        number
        for number in CITED_DECISION_PATTERN.findall(text_of(path))
        if number.zfill(4) not in decisions
    ]
    assert broken == []


def test_each_decision_has_its_number_and_is_listed() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len({path.name[:4] for path in files}) == len(files)
    index = text_of(ROOT / "docs" / "decisions" / "README.md")
    assert [path.name for path in files] == re.findall(r"\]\((\d{4}[\w-]+\.md)\)", index)


def test_the_changelog_is_by_version_and_short() -> None:
    text = text_of(ROOT / "CHANGELOG.md")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert headings[1].startswith(f"{version} — ")
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Fixed",
        "Removed",
        "Breaking",
    }
    assert [line for line in text.splitlines() if len(line) > MAX_CHANGELOG_CHARS] == []


def pins(name: str) -> dict[str, str]:
    """Return version by package of a file of requirements."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    result = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s\\;]+)", line) for line in lines)
    return {match[1].lower().replace("_", "-"): match[2] for match in result if match}


def test_the_lock_pins_what_the_launcher_installs() -> None:
    assert pins("requirements.lock") == pins("requirements.txt")
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins("requirements.lock"))


def test_the_project_names_the_packages_that_were_chosen() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chosen = (
        (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# what those bring along")[0]
    )
    named = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    assert named == re.findall(r"^([A-Za-z][\w.\[\]-]*)==", chosen, re.MULTILINE)


def test_pre_commit_checks_what_ci_checks() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    hooks = re.findall(
        r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    assert hooks == re.findall(r"^(\.(?:venv/bin|ci)/\S+.*?) \|\| status=1$", ci, re.MULTILINE)
    assert "repo: http" not in (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")


def test_no_test_imports_another() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        if name.startswith("tests.") and re.search(r"\.(test_\w+|conftest)(\.|$)", name)
    ]
    assert wrong == []


def test_the_guide_calls_the_controls_of_the_desk_as_the_page_does() -> None:
    named = set(re.findall("【([^】]+)】", text_of(ROOT / "docs/guide-dispatchers.md")))
    with (LOCALES_PATH / LOCALES["zh"] / "LC_MESSAGES" / "messages.po").open("rb") as file:
        texts = {entry.string for entry in read_po(file)}
    assert sorted(name for name in named if name not in texts) == []
    assert len(named) > 30


def test_the_pictures_of_the_readme_are_those_that_the_command_takes() -> None:
    sizes = {picture.name: picture.size for picture in PICTURES}
    for readme in ("README.md", "README.zh.md"):
        shown = re.findall(r"docs/images/(\w+)\.png", (ROOT / readme).read_text(encoding="utf-8"))
        assert shown and set(shown) <= set(sizes)
    for file in (ROOT / "docs" / "images").glob("*.png"):
        with Image.open(file) as picture:
            width, height = picture.size
        wide, high = sizes[file.stem]
        assert (width / wide, height / high) in {(1, 1), (2, 2)}, file.name


def test_without_a_demo_the_pictures_say_what_to_run() -> None:
    refused = CliRunner().invoke(screenshots, [])
    assert isinstance(refused.exception, Unavailable) and "./wangge demo" in str(refused.exception)
