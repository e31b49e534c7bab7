"""What the commands of `./wangge load` share: options, and the circles after a load."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from gis.crs import SUPPORTED_CRS
from gis.errors import Unavailable
from gis.files.report import LoadReport
from gis.messages import Message
from web.cli.common import progress_bar

FILE_ARGUMENT = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
COMMIT = click.option(
    "--commit", is_flag=True, help="Keep what was loaded; without it everything is undone."
)
REPORT_AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="The report as one JSON document on stdout."
)
POINTS = click.option(
    "--crs", type=click.Choice(SUPPORTED_CRS), help="System of the points of rows that name none."
)
PLACE = click.option(
    "--place",
    type=click.Choice(["refuse", "later"]),
    default="refuse",
    show_default=True,
    help="What becomes of a building without a place: later waits for a click on /buildings.",
)


def refresh_circles(session: Session, report: LoadReport) -> None:
    """Bring the service circles and the walks of buildings in step with what was just loaded.

    Without streets there are none.
    """
    from gis.facilities.access_store import recompute_stored
    from gis.facilities.path_edits import find_problems
    from gis.facilities.service_circles import recompute

    try:
        done = recompute(session, progress=progress_bar("circles"))
        recompute_stored(session)
        unfit = find_problems(session)
    except Unavailable as none:
        report.note("load.no_service_circles", reason=Message(none.code, none.params))
        return
    session.commit()
    report.note("load.service_circles", recomputed=done.recomputed, unchanged=done.unchanged)
    if unfit:
        report.note("load.edits_unfit", count=len(unfit), ids=", ".join(map(str, unfit)))


def parse_pair(pair: str) -> tuple[str, str]:
    """Return key and name of an option KEY=NAME.

    Raises
    ------
    BadParameter
        It is not of that form.
    """
    key, sign, name = pair.partition("=")
    if not (key and sign and name):
        raise click.BadParameter(f"{pair!r} is not KEY=NAME, as code=GRIDCODE", param_hint="--map")
    return key.strip(), name.strip()
