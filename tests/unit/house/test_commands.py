"""Every function of a command or a route takes what its options or its path give it.

Its help or description says nothing of the classes that it raises.
"""

import inspect
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import click
import pytest

from gis.settings import ROOT, Settings
from web.app import create_app
from web.cli import COMMANDS, load_command
from web.cli.serve import wake_on_signals

PREPROCESSED = {"kind"}  # taken off the path before a view of Open311 is called


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name, those within groups too."""
    waiting = [(name, load_command(name)) for name in COMMANDS]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        if isinstance(command, click.Group):
            waiting += [(f"{name} {key}", child) for key, child in command.commands.items()]


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=name) for name, command in sorted(all_commands())]
)
def test_a_command_takes_what_it_is_given(command: click.Command) -> None:
    assert "Raises" not in (command.help or "")  # it is for who reads the code
    if command.callback is None:
        return
    options = {option.name for option in command.params if option.expose_value}
    inspect.signature(inspect.unwrap(command.callback)).bind(**dict.fromkeys(options))


def test_every_view_takes_the_parameters_of_its_path(tmp_path: Path) -> None:
    app = create_app(Settings(var=tmp_path), "postgresql://nobody@127.0.0.1:1/none")
    refused = []
    for rule in app.url_map.iter_rules():
        parameters = inspect.signature(app.view_functions[rule.endpoint]).parameters
        taken = {
            name
            for name, parameter in parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }
        if len(taken) == len(parameters) and not rule.arguments - PREPROCESSED <= taken:
            refused.append(f"{rule.rule}: {rule.endpoint}")
    assert refused == []


def test_the_description_of_the_api_leaves_out_what_views_raise(tmp_path: Path) -> None:
    app = create_app(Settings(var=tmp_path), "postgresql://nobody@127.0.0.1:1/none")
    with app.app_context():
        operations = [
            operation for path in app.spec["paths"].values() for operation in path.values()
        ]
    descriptions = [operation.get("description", "") for operation in operations]
    assert [text for text in descriptions if "Raises" in text] == []
    assert any("For who may export, draft or publish there." in text for text in descriptions)


def test_only_migrate_demo_and_restore_change_a_schema() -> None:
    calls = {
        path.relative_to(ROOT).as_posix()
        for folder in ("gis", "layers", "web")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\bmigration\.migrate\(", path.read_text(encoding="utf-8"))
    }
    # `restore` migrates the database that it makes beside the one in use, `db shard` an empty one
    assert calls == {
        "web/cli/db.py",
        "web/cli/demo.py",
        "gis/ops/backup.py",
        "gis/ops/shards/registry.py",
    }


def test_a_signal_to_any_thread_wakes_the_server() -> None:
    server = SimpleNamespace(interrupt_signal=False, main_loop_interrupt=Event())
    stopping = Event()
    other = Thread(target=stopping.wait, daemon=True)
    other.start()
    former = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with wake_on_signals(server):
            assert other.ident is not None
            signal.pthread_kill(other.ident, signal.SIGTERM)
            assert server.main_loop_interrupt.wait(10)
            assert server.interrupt_signal
    finally:
        signal.signal(signal.SIGTERM, former)
        stopping.set()
