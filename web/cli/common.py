"""What the commands share: settings, the database, a session."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy.orm import Session

from gis import private
from gis.accounts import disclosures
from gis.db import audit_context, engine, reading_engine
from gis.errors import InvalidInput, Unavailable
from gis.files.report import LoadReport
from gis.messages import Message
from gis.ops import cluster, schema
from gis.rights.principal import system_principal
from gis.settings import Settings
from gis.spread import SPREAD
from gis.years import Year, read_year

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DRY_RUN = "Dry run: nothing was changed. Add --commit to apply."
DASK = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Compute with Dask: local, local:N or the tcp:// or tls:// address of a scheduler.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
YES_OPTION = click.option("--yes", is_flag=True, help="Do it without asking.")


def local_now() -> datetime:
    """Return the present moment in the deployment's zone."""
    return datetime.now(Settings.from_env().timezone)


def local_text(at: datetime | str | None, spec: str = "%Y-%m-%d %H:%M") -> str:
    """Format a moment by the clock of the deployment, to the minute; empty for None."""
    if at is None:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(Settings.from_env().timezone):{spec}}"


def local_day(at: datetime | str | None) -> str:
    """Format the day of a moment by the clock of the deployment; empty for None."""
    return local_text(at, "%Y-%m-%d")


def local_year(number: int | None) -> Year:
    """Return a year by the clock of the deployment; the present one for None.

    Raises
    ------
    InvalidInput
        Nothing is counted for it.
    """
    return read_year(number, local_now(), Settings.from_env().timezone)


class Moment(click.ParamType):
    """A moment, of the deployment's zone where it names none.

    `now`; ISO 8601; or a day as offices write it, with or without a time.
    """

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment that a value names; fail if it is no time."""
        from gis.areas.locate_input import read_time
        from gis.files.cells import CellError
        from gis.files.moments import parse_local_datetime

        if isinstance(value, datetime):
            return value
        if value == "now":
            return local_now()
        zone = Settings.from_env().timezone
        try:
            return parse_local_datetime(value).replace(tzinfo=zone)
        except CellError as no_day:
            try:
                return read_time(value, zone)
            except InvalidInput:
                self.fail(str(no_day), param, ctx)


MOMENT = Moment()


def refused(report: LoadReport) -> None:
    """Print what is wrong, if anything is.

    Raises
    ------
    SystemExit
        Something is; the exit code is 1.
    """
    for row in report.refused:
        click.echo(f"{row.where}{', ' if row.field else ''}{row.field}: {row.reason}", err=True)
    if report.refused:
        click.echo(f"{len(report.refused)} problems; nothing was changed", err=True)
        raise SystemExit(1)


def open_database(settings: Settings | None = None) -> cluster.DatabaseUrls:
    """Return the addresses of the database, started, at this code's schema.

    Raises
    ------
    Unavailable
        It cannot be reached or started, or its schema is another. Only `db migrate`, `demo` and
        `test` migrate.
    """
    addresses = cluster.database_urls(settings or Settings.from_env())
    with engine(addresses.app).connect() as connection:
        require_schema(schema.current(connection))
    return addresses


def make_private(settings: Settings) -> None:
    """Close what others may read in the folder of the deployment, and say so."""
    tightened, left = private.tighten(settings.var) if settings.var.is_dir() else (0, [])
    if tightened:
        click.echo(
            f"wangge: others could read {tightened:,} files or folders in {settings.var};"
            f" they cannot now",
            err=True,
        )
    for path in left:
        click.echo(
            f"wangge: others can read {path}, which belongs to another user: chmod go= it", err=True
        )


def user() -> str:
    """Return who runs the command, as the history names them."""
    return (
        f"command line:"
        f" {os.environ.get('SUDO_USER') or os.environ.get('USER') or f'uid {os.getuid()}'}"
    )


def require_schema(version: str | None) -> None:
    """Raise Unavailable unless the database stands at this code's schema.

    The message says what to run.

    Raises
    ------
    Unavailable
        It is empty, older or newer.
    """
    if version == (newest := schema.head()):
        return
    if version is None:
        raise Unavailable("database.empty")
    if not schema.is_known(version):
        raise Unavailable("database.schema_newer", version=version)
    raise Unavailable("database.schema_older", version=version, needed=newest)


@contextmanager
def session_scope(reason: str = "") -> Iterator[Session]:
    """Yield a session for a command, signed in the history with the user's login.

    Never commit by itself.
    """
    with Session(engine(open_database().app)) as session:
        with audit_context(session, user(), reason):
            yield session
        session.rollback()


@contextmanager
def reading_scope() -> Iterator[Session]:
    """Yield a session for a command that writes nothing, and reads one state of the database."""
    with Session(reading_engine(engine(open_database().app))) as session:
        yield session


@contextmanager
def dask_scope(session: Session, address: str | None) -> Iterator[Session]:
    """Yield the session that reads what workers of Dask read; the session itself without address.

    What computes with either session has their help. Only the session given may write.
    """
    if address is None:
        yield session
        return
    from gis.ops.dask_spread import WORKERS_S, dask_spread

    def wait() -> None:
        click.echo(
            f"wangge: no worker at {address}; waiting up to {WORKERS_S:.0f} s for one", err=True
        )

    bind = session.get_bind()
    with dask_spread(address, bind.engine, wait) as spread:
        session.info[SPREAD] = spread.session.info[SPREAD] = spread
        try:
            yield spread.session
        finally:
            del session.info[SPREAD]


def record_disclosure(
    session: Session,
    kind: str,
    subject: Message,
    *,
    areas: Sequence[int] = (),
    incident_id: UUID | None = None,
    reason: str = "",
) -> None:
    """Write down, and commit, that the command shows something.

    As `gis.accounts.disclosures.record`.
    """
    disclosures.record(
        session,
        system_principal(user()),
        kind,
        subject,
        areas=areas,
        incident_id=incident_id,
        reason=reason,
        source=f"command line on {socket.gethostname()}",
    )
    session.commit()


def progress_bar(name: str) -> Callable[..., None]:
    """Return a progress callback (done, total) that draws a bar on stderr if it is a terminal."""
    from tqdm import tqdm

    drawn = tqdm(desc=name, file=sys.stderr, leave=False, disable=None)

    def progress(done: int, total: int | None = None) -> None:
        drawn.total = total
        drawn.update(done - drawn.n)

    return progress


def progress_line() -> Callable[[str, int], None]:
    """Return a progress callback (label, count) that keeps one line on a terminal's stderr."""
    from tqdm import tqdm

    drawn = tqdm(file=sys.stderr, leave=False, disable=None)

    def progress(label: str, count: int) -> None:
        drawn.set_description(label, refresh=False)
        drawn.n = count
        drawn.refresh()

    return progress
