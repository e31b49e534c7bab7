"""The worked example of docs/high-availability: its files are whole, filled in by hand and by the
trial alike (./wangge bench --only failover).
"""

import re
import subprocess
from pathlib import Path

import pytest

from gis.settings import ROOT
from tests.bench import ha_cluster, ha_files
from tests.bench.ha_files import FILES, NODE_FILES, PLACEHOLDER, SCRIPTS, SERVICE_FILES

PAGE = (ROOT / "docs" / "high-availability.md").read_text(encoding="utf-8")
VALUES = FILES / "values.sed"
TEMPLATES = sorted(path for path in FILES.iterdir() if path != VALUES)
NAMES = {name for path in TEMPLATES for name in PLACEHOLDER.findall(path.read_text("utf-8"))}


def by_sed(path: Path) -> str:
    """A file as an administrator fills it in."""
    command = ["sed", "-f", str(VALUES), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def number(text: str, name: str) -> int:
    """A number of the settings of Patroni."""
    match = re.search(rf"^ +{name}: (\d+)$", text, re.MULTILINE)
    assert match, name
    return int(match[1])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_placeholder_is_left_by_the_documented_command(path: Path) -> None:
    assert PLACEHOLDER.findall(by_sed(path)) == []


def test_the_values_to_edit_are_those_that_the_files_hold() -> None:
    assert set(PLACEHOLDER.findall(VALUES.read_text("utf-8"))) - {"NAMES"} == NAMES


def test_the_trial_fills_in_the_documented_files_and_no_others(tmp_path: Path) -> None:
    assert {*NODE_FILES, *SERVICE_FILES} == {path.name for path in TEMPLATES}
    shared = ha_files.shared_values(tmp_path)
    values = ha_files.node_values(shared, 2, tmp_path)
    assert values.keys() >= NAMES
    assert values["POSTGRES"] == values["POSTGRES2"] != values["POSTGRES1"]
    for path in TEMPLATES:
        assert PLACEHOLDER.findall(ha_files.fill(path.read_text("utf-8"), values)) == []


def test_a_name_without_a_value_is_said() -> None:
    with pytest.raises(KeyError, match="ELSEWHERE"):
        ha_files.fill("host: @ELSEWHERE@", {"HERE": "here"})


def test_the_page_names_every_file_and_only_files_that_exist() -> None:
    named = set(re.findall(r"\]\(high-availability/([\w.-]+)\)", PAGE))
    assert named == {path.name for path in FILES.iterdir()}


def test_a_lost_leader_is_replaced_in_time_and_none_is_replaced_for_a_moment() -> None:
    text = (FILES / "patroni.yml").read_text("utf-8")
    ttl, wait, retry = (number(text, name) for name in ("ttl", "loop_wait", "retry_timeout"))
    assert wait + 2 * retry <= ttl <= 20  # what Patroni asks for; 30 s are promised


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_run(name: str) -> None:
    path = FILES / name
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n"], input=by_sed(path), text=True, check=True)


@pytest.mark.parametrize(
    ("answer", "histories", "code"),
    [
        (0, ["00000002"], 0),
        (45, ["00000003", "0000000A"], 0),  # another machine's end of a timeline that is over
        (45, ["00000002"], 45),  # of the present one: two machines write it
        (45, [], 45),
        (82, ["0000000A"], 82),
    ],
)
def test_only_another_end_of_a_timeline_that_is_over_is_left_as_it_is(
    tmp_path: Path, answer: int, histories: list[str], code: int
) -> None:
    program = tmp_path / "pgbackrest"
    program.write_text(f"#!/bin/sh\nexit {answer}\n")
    program.chmod(0o755)
    (tmp_path / "pg_wal").mkdir()
    for name in histories:
        (tmp_path / "pg_wal" / f"{name}.history").touch()
    script = by_sed(FILES / "pgbackrest-push")
    done = subprocess.run(
        ["sh", "-c", script, "pgbackrest-push", "pg_wal/000000020000000000000009"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.returncode == code


def test_what_is_missing_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ha_cluster.PROGRAMS, "no-such-program", "its-package")
    with pytest.raises(
        ha_cluster.CannotRun, match=r"missing .*its-package.*apt-get install .*its-package"
    ):
        ha_cluster.require_programs()
