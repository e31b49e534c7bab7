"""The launcher and the command line: lists, exit codes, from any folder, quick when nothing is to
be set up.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gis.settings import ROOT
from tests.support.machine import slowdown
from web.cli import COMMANDS, cli

WANGGE = ROOT / "wangge"


def run(*arguments, cwd=ROOT, **env):
    return subprocess.run(
        [WANGGE, *arguments],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_alone_it_lists_every_command():
    done = run()
    assert done.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "test"])
def test_every_command_has_help(name):
    result = CliRunner().invoke(cli, [name, "--help"], prog_name="./wangge")
    assert result.exit_code == 0, result.output
    assert f"Usage: ./wangge {name}" in result.output


def test_wrong_usage_exits_with_2():
    assert run("no-such-command").returncode == 2
    assert run("db", "no-such-word").returncode == 2


def test_it_works_from_any_folder_and_through_a_link(tmp_path):
    link = tmp_path / "grid"
    link.symlink_to(WANGGE)
    done = subprocess.run([link, "db", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_second_start_adds_less_than_a_third_of_a_second():
    def took(command):
        started = time.monotonic()
        subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
        return time.monotonic() - started

    # the least of several: what it takes when nothing else is in its way
    with_launcher = min(took([WANGGE]) for _ in range(7))
    bare = min(took([sys.executable, "-c", ""]) for _ in range(7))
    assert with_launcher - bare < 0.3 * max(slowness(), slowdown())


def slowness() -> float:
    """How much slower than usual this machine is just now: a bare shell takes about 2 ms."""
    started = time.monotonic()
    for _ in range(20):
        subprocess.run(["sh", "-c", ":"], check=True)
    return (time.monotonic() - started) / 20 / 0.002 / 2


def test_an_unreachable_server_is_one_sentence_and_exit_1(tmp_path):
    done = run(
        "db",
        "migrate",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        WANGGE_VAR=str(tmp_path),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("wangge: the server of DATABASE_URL cannot be reached")
    assert "Traceback" not in done.stderr


def test_without_postgresql_it_says_what_to_type_and_exits_with_1(tmp_path):
    """The launcher's own words, with its search finding nothing and no right to install."""
    script = WANGGE.read_text()
    cut = script.index("if ! fresh; then")
    crippled = tmp_path / "wangge"
    crippled.write_text(
        script[:cut] + "find_postgres() { return 1; }\nmay_install() { return 1; }\nneed_postgres\n"
    )
    done = subprocess.run(["sh", crippled], capture_output=True, text=True)
    assert done.returncode == 1
    for phrase in ("sudo apt-get install", "sudo dnf install", "brew install", "DATABASE_URL"):
        assert phrase in done.stderr


def test_the_launcher_is_posix_sh():
    assert subprocess.run(["sh", "-n", WANGGE]).returncode == 0
    assert WANGGE.read_text().startswith("#!/bin/sh\n")


def test_no_download_address_is_in_the_lock_file():
    assert "http" not in re.sub(
        r'"(funding|url|homepage)": "[^"]*"', "", Path(ROOT / "package-lock.json").read_text()
    )


def test_every_key_names_a_table_that_a_fresh_python_knows():
    # commands import little; what a matter needs to be filed must not depend on what they import
    program = (
        "from sqlalchemy import insert; from sqlalchemy.orm import configure_mappers\n"
        "from gis.incidents.models.orders import OrderOffer\n"
        "configure_mappers()\n"
        "print(*(key.column.table for key in OrderOffer.__table__.foreign_keys))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "personal.person" in done.stdout, done.stderr
