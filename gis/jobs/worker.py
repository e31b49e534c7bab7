"""The jobs and their schedule, in procrastinate, and the worker that runs them.

The work to be done is in our own tables; a job only checks them. A job that was missed, lost with
its worker or run twice therefore does no harm: the next one does what is due.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import procrastinate
from procrastinate import exceptions, jobs
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis.db import CONNECTION_LIMITS
from gis.db import engine as engine_of
from gis.exchange import hotline
from gis.jobs import circles, maintenance, questionnaires
from gis.notices import delivery
from gis.settings import Settings

log = logging.getLogger(__name__)

# queue -> number of its concurrent jobs, and which finished ones are deleted at once
JOB_QUEUES = {
    "clock": (2, "never"),  # kept for a day, for the moment of the last run
    "circles": (1, "successful"),  # may take minutes
    "post": (1, "successful"),
    "receivers": (16, "successful"),  # as many may hang before others wait
}
MAX_CATCH_UP_S = 24 * 3600  # a job missed for less is run by the next worker
SHUTDOWN_GRACE_S = 2.0  # after which jobs in progress are asked to end when the worker stops


def make_app(url: str, settings: Settings) -> procrastinate.App:
    """Return the jobs of a database.

    Parameters
    ----------
    url
        `postgresql://…` of the application's role.
    """
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        min_size=1,
        max_size=8,
        kwargs={
            "options": "-c search_path=jobs",
            "application_name": "wangge jobs",
            **CONNECTION_LIMITS,
        },
    )
    app = procrastinate.App(connector=connector, periodic_defaults={"max_delay": MAX_CATCH_UP_S})
    engine = redact_errors(engine_of(url))
    # the names of tasks and queues are stored in the database

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep", queue="clock", queueing_lock="sweep")
    def run_due(timestamp: int) -> None:
        maintenance.run_due(engine, datetime.now(UTC))

    @app.periodic(cron="* * * * *")
    @app.task(name="hotline", queue="receivers", queueing_lock="hotline")
    def exchange_orders(timestamp: int) -> None:
        if settings.hotline is not None:
            hotline.exchange(engine, settings.hotline, datetime.now(UTC))

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="questionnaires", queue="clock", queueing_lock="questionnaires")
    def send_questionnaires(timestamp: int) -> None:
        questionnaires.send_due(engine, settings, datetime.now(UTC))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="circles", queue="circles", queueing_lock="circles", pass_context=True)
    def follow_changes(context: procrastinate.JobContext, timestamp: int) -> None:
        circles.follow(engine, context.should_abort)

    _add_cleaning(app, engine, settings)
    _add_delivery(app, engine, settings)
    return app


def _add_cleaning(app: procrastinate.App, engine: Engine, settings: Settings) -> None:
    """Add the jobs that delete what is kept no longer."""

    @app.periodic(cron="17 19 * * *")  # 03:17 in China
    @app.task(name="clean", queue="clock", queueing_lock="clean")
    def purge_expired(timestamp: int) -> None:
        maintenance.purge_expired(engine, datetime.now(UTC), settings.var)

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="tidy", queue="clock", queueing_lock="tidy")
    async def purge_stalled_jobs(timestamp: int) -> None:
        for job in await app.job_manager.get_stalled_jobs():  # their worker died
            await app.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
        await app.job_manager.delete_old_jobs(
            24, include_failed=True, include_cancelled=True, include_aborted=True
        )


def _add_delivery(app: procrastinate.App, engine: Engine, settings: Settings) -> None:
    """Add the jobs that deliver notices, one job for each receiver at a time."""

    @app.periodic(cron="* * * * * */3")
    @app.task(name="post", queue="post", queueing_lock="post")
    async def deliver_due(timestamp: int) -> None:
        for target in await asyncio.to_thread(list_due_targets):
            try:
                await deliver_to.configure(queueing_lock=f"receiver {target}").defer_async(
                    target=target
                )
            except exceptions.AlreadyEnqueued:
                continue

    def list_due_targets() -> list[int]:
        with Session(engine) as session:
            return delivery.due_targets(session, datetime.now(UTC))

    @app.task(name="deliver", queue="receivers", pass_context=True)
    def deliver_to(context: procrastinate.JobContext, target: int) -> None:
        delivery.deliver(engine, settings, target, context.should_abort)


def redact_errors(engine: Engine) -> Engine:
    """Return the engine with errors that do not show parameters, such as positions, in the log."""
    redacted = engine.execution_options()
    redacted.hide_parameters = True
    return redacted


async def run(app: procrastinate.App) -> None:
    """Run jobs until cancelled; jobs in progress may finish first.

    Raises
    ------
    ExceptionGroup
        The connection to the database was lost.
    """
    async with app.open_async(), asyncio.TaskGroup() as group:
        for queue in JOB_QUEUES:
            group.create_task(_work_off(app, queue))


async def _work_off(app: procrastinate.App, queue: str) -> None:
    most, deletes = JOB_QUEUES[queue]
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=most,
        delete_jobs=deletes,
        install_signal_handlers=False,
        shutdown_graceful_timeout=SHUTDOWN_GRACE_S,
    )
    # a worker ends by itself only if its connection is lost; `keep_running` starts all again
    raise ConnectionError(f"queue {queue} lost its connection")


async def keep_running(make: Callable[[], procrastinate.App]) -> None:
    """Call `run` until cancelled, again whenever the connection to the database was lost."""
    threads = ThreadPoolExecutor(sum(most for most, _ in JOB_QUEUES.values()))
    asyncio.get_running_loop().set_default_executor(threads)
    pause = 1.0
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await run(make())
        except* Exception as failed:
            pause = 1.0 if asyncio.get_running_loop().time() - began > 60 else min(pause * 2, 30.0)
            log.error("jobs stopped (%s); again in %.0f s", first_of(failed), pause)
        await asyncio.sleep(pause)


def first_of(failed: BaseException) -> str:
    """Return type and text of the first of several failures."""
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return f"{type(failed).__name__}: {failed}"
