"""Every command's function takes what its options and arguments give it."""

import importlib
import inspect
from collections.abc import Iterator

import click
import pytest

from web.cli import COMMANDS


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name, those within groups too."""
    waiting = [(name, importlib.import_module(f"web.cli.{name}").command) for name in COMMANDS]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        if isinstance(command, click.Group):
            waiting += [(f"{name} {key}", child) for key, child in command.commands.items()]


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=name) for name, command in sorted(all_commands())]
)
def test_a_command_takes_what_it_is_given(command: click.Command) -> None:
    if command.callback is None:
        return
    options = {option.name for option in command.params if option.expose_value}
    inspect.signature(inspect.unwrap(command.callback)).bind(**dict.fromkeys(options))
