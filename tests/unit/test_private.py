"""Files that are whole or not there, and folders that outlive nobody."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from gis import private
from gis.settings import ROOT

HOLD = """
import sys, time
from pathlib import Path
from gis import private
with private.scratch_folder(Path(sys.argv[1]), ".work-"):
    print("ready", flush=True)
    time.sleep(60)
"""
COMMAND = """
import signal, time
import web.cli

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the suite itself may run under nohup
signal.signal(signal.SIGINT, signal.default_int_handler)  # or in the background of a script

def cli(**_):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("taken back", flush=True)

web.cli.cli = cli
web.cli.main()
"""


def start(program: str, *words: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path, monkeypatch):
    file = private.write_file(tmp_path / "archive", "before\n")
    assert not file.stat().st_mode & 0o077

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        private.write_file(file, "after\n")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert file.read_text() == "before\n"


def test_a_scratch_folder_outlives_neither_its_use_nor_a_killed_process(tmp_path):
    killed, living = start(HOLD, tmp_path), start(HOLD, tmp_path)
    killed.kill()
    killed.wait()
    ended = []
    with private.scratch_folder(tmp_path, ".work-", ended.append) as own:
        assert not own.stat().st_mode & 0o077
        assert len(ended) == 1 and not ended[0].exists()
        assert len(list(tmp_path.iterdir())) == 2  # its own, and that of the living
    living.kill()
    living.wait()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_ended_takes_back_what_is_half_done(number):
    process = start(COMMAND)
    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=20)
    assert output == "taken back\n"
    assert process.returncode in (128 + number, -number)
