"""The command line: `./wangge COMMAND`.

Commands are imported when called, so that each starts quickly.
"""

import gc
import importlib
import os
import signal
import sys
from typing import Any

import click

from gis import private
from gis.errors import WanggeError, invalid_field
from gis.storable import MAX_BIGINT, find_unstorable
from web.docstrings import without_raises

DISK_FULL_MESSAGE = "the disk is full; nothing was changed. Free some space and try again"

SHARED_MESSAGE = (
    "accounts, keys, kinds and tables of rules are all counties': change them without WANGGE_COUNTY"
)

# Objects that are new before Python looks for garbage among them, and how often it then looks among
# older ones. At Python's own 700 a quarter of the time that a command starts is spent looking
# through modules, which stay.
GC_THRESHOLDS = (50_000, 20, 50)

# command -> its line in the list; each lives in web/cli/<name>.py as `command`
COMMANDS = {
    "demo": "Everything from a fresh checkout to a served map.",
    "test": "Run the whole test suite on a throw-away database.",
    "setup": "The steps from an empty deployment to one that works, and what is missing.",
    "db": "The private database: start, stop, status, migrate, backup, restore.",
    "load": (
        "Import OSM, elevation, areas, households, facilities, people …; rehearses unless --commit."
    ),
    "template": "Write an empty spreadsheet to fill in and load.",
    "dump": "Export a layer; the format follows the file's ending.",
    "qgis": "Let planners look at the maps in QGIS: access, revoke, list.",
    "revision": (
        "Boundary drafts: begin, do, preview, publish, withdraw, rebase, revert, from-file."
    ),
    "town": "Make a made-up town of any size from a seed.",
    "locate": "Say who answers for a place, or for a file of places.",
    "account": "Accounts of people: add, list, grant, withdraw, password, block, unblock, link.",
    "key": "Keys of programs: add, list, rotate, revoke.",
    "post": "Posts: list, plan, hand over, leave.",
    "person": "A person's own data on their request: export, correct, erase.",
    "device": "Devices that raise alarms: add, list, block, unblock, secret.",
    "circles": "Recompute the service circles.",
    "coverage": "Who has a facility within some minutes' walk, and who has not.",
    "coverage-report": "The coverage of one area as a report, .html or .pdf.",
    "sheet": "The map sheet of a grid, or of all grids of a community, to print.",
    "paper": "A paper that is handed up, or a form of an office filled in with it.",
    "siting": "Where new facilities serve most people, and who loses if one closes.",
    "serve": "Serve the map and the API.",
    "worker": "Run the jobs alone: overdue matters, notices, cleaning (serve runs them too).",
    "notices": "Notices: receivers, what waits, what is dead, send again.",
    "hotline": "Exchange orders with a hotline such as 12345: exchange, orders.",
    "policy": "Numbers of the loop that a county sets: show, set.",
    "formula": "Formulas of points and stars, by county and year: show, dump, publish, close.",
    "organisation": "Organisations and their members: set, list, join, leave, members.",
    "discussion": "Proposals put to residents: propose, slips, vote, list, withdraw, conclude.",
    "duty": "Duties with yearly targets: list, visits, visit.",
    "taker": "Who takes orders, and how evenly: list.",
    "kind": "Kinds of roles, facilities, skills …: add, list, rename, target, retire, restore.",
    "catalogue": "The catalogue of categories: show, check, load, dump, suggest.",
    "profiles": "Walking profiles: show, check, load, dump.",
    "calendar": "Working calendar: holidays, weekends worked, hours: show, check, load, dump.",
    "danger": "Words of danger and emergency numbers: show, check, load, dump, try.",
    "standards": "What standards ask of facilities: show, dump, load.",
    "checkup": "The check-up sheet of a community: print, write a visit down.",
    "rules": "Routing rules: show, check, load, test, activate, dump.",
    "incidents": "Report, list and show incidents; the figures.",
    "spot-check": "Spot checks of what was closed in a week: draw, list.",
    "screenshots": "Take the pictures of the README from a served demo.",
    "dev": "For contributors: lint, types, check, migration, translate, reference, licences.",
    "bench": "Measure, beside peers, and write docs/BENCHMARKS.md.",
}


class _Text(click.types.StringParamType):
    """Words in the encoding of the terminal; paths, which may have any bytes, are another type."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the words.

        Raises
        ------
        InvalidInput
            They are in another encoding, as GBK where UTF-8 is expected.
        """
        text: str = super().convert(value, param, ctx)
        if any(find_unstorable(text, "")):
            name = param.human_readable_name if param else "words"
            raise invalid_field(name, "input.not_utf8")
        return text


class _WholeNumber(click.types.IntParamType):
    """A whole number that the database holds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail if it is beyond every column."""
        number: int = super().convert(value, param, ctx)
        if abs(number) > MAX_BIGINT:
            self.fail(f"{number} is too large.", param, ctx)
        return number


TEXT, WHOLE_NUMBER = _Text(), _WholeNumber()


def load_command(name: str) -> click.Command:
    """Import a command of the table."""
    command: click.Command = importlib.import_module(f"web.cli.{name.replace('-', '_')}").command
    waiting = [command]
    while waiting:
        each = waiting.pop()
        each.help = without_raises(each.help or "")
        for parameter in each.params:
            if parameter.type is click.STRING:
                parameter.type = TEXT
            elif parameter.type is click.INT:
                parameter.type = WHOLE_NUMBER
        waiting += each.commands.values() if isinstance(each, click.Group) else ()
    return command


class Commands(click.Group):
    """The commands of the table above, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command when it is called."""
        if cmd_name not in COMMANDS:
            return None
        return load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=True,
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Wangge 网格: grid management of urban communities."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _end(number: int, _: object) -> None:
    """End as Ctrl-C does, once: what is half done is taken back, what is temporary removed."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    """Run a command; a refused input exits with 1 and its reason on stderr, wrong usage with 2."""
    os.umask(
        private.UMASK
    )  # whatever a command writes is for its owner only, unless it says otherwise
    gc.set_threshold(*GC_THRESHOLDS)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)
    try:
        cli(prog_name="./wangge")
    except WanggeError as error:
        click.echo(f"wangge: {error.detail}", err=True)
        for field_error in (
            error.errors if len(error.errors) > 1 else ()
        ):  # one alone is in the detail already
            click.echo(f"  {field_error.field}: {field_error.message}", err=True)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("WANGGE_COUNTY") and private.is_forbidden(error):
            click.echo(f"wangge: {SHARED_MESSAGE}", err=True)
            sys.exit(1)
        if not private.is_disk_full(error):
            raise
        click.echo(f"wangge: {DISK_FULL_MESSAGE}", err=True)
        sys.exit(1)
