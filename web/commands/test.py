"""`./wangge test`: the whole suite, on a throw-away cluster of its own."""

import os
import subprocess
import sys

import click

from gis.settings import ROOT


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> None:
    """Run the tests; WORDS go to pytest."""
    # a deployment's own settings must not reach the tests
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WANGGE_VAR", "DATABASE_"))}
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=env).returncode)
