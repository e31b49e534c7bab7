"""What the tests with a browser share: signing in, reports to work on, faults that
axe-core finds.
"""

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo import accounts
from gis.incidents.lifecycle import moves, report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import system_principal
from gis.settings import ROOT
from tests.support.served import Deployment
from tests.support.sharded import shard_of, urls_of
from web.shards.questions import COUNTY_COOKIE

BY = system_principal("test")
PATIENCE_MS = 120_000  # for what takes a second: the machine may be busy with eight times as much
MINE = "SELECT person_id FROM personal.account WHERE username = 'worker'"
GRID = (
    f"SELECT a.code FROM post p JOIN area a ON a.id = p.area_id WHERE p.holder_id = ({MINE})"
    f" AND a.level = 'grid' ORDER BY a.code LIMIT 1"
)


@pytest.fixture
def session(served: Deployment) -> Iterator[Session]:
    """The served deployment's own database."""
    with Session(engine(urls_of(served.var).app)) as created:
        yield created


@pytest.fixture
def planned_session(planned: Deployment) -> Iterator[Session]:
    """The database of the deployment that tests may change."""
    with Session(engine(urls_of(planned.var).app)) as created:
        yield created


def filed(session: Session) -> tuple[UUID, str]:
    """A report that lies with the demo's grid worker; its number and the words to tell it by."""
    description, now = f"垃圾没人清 {uuid4().hex[:8]}", datetime.now(UTC)
    created = report.file_report(
        session,
        BY,
        IncidentReport(category="06010", area=session.scalar(text(GRID)), description=description),
        now,
    )
    # of several in one post the least busy goes first: it is to be this one
    session.execute(
        text(f"UPDATE incident SET holder_id = ({MINE}) WHERE id = :id"), {"id": created.id}
    )
    session.commit()
    return created.id, description


def signed_in(page: Page, site: str, served: Deployment, username: str, address: str) -> Page:
    """Sign one of the demo's people in and open a page, until its script has drawn it."""
    sign_in(page, site, served.var, username, address)
    expect(page.locator("body[data-ready]")).to_be_attached()
    return page


def ready(page: Page, address: str) -> Page:
    """Open the map at an address, until it is drawn."""
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-map", "drawn")
    expect(page.locator("canvas.leaflet-tile").first).to_be_visible()
    return page


def picture() -> dict[str, object]:
    target = io.BytesIO()
    Image.new("RGB", (1200, 900), "#5070a0").save(target, "JPEG")
    return {"name": "after.jpg", "mimeType": "image/jpeg", "buffer": target.getvalue()}


def moved(session: Session, number: UUID, name: str = "take", note: str = "") -> None:
    moves.apply_move(session, BY, number, name, datetime.now(UTC), MovePayload(note=note))
    session.commit()


def opened(browser, **options):
    """A page of a browser that knows nothing yet; it ends with the test."""
    context = patient(browser, **options)
    yield watched(context.new_page())
    context.close()


def reopened(context: BrowserContext) -> Iterator[Page]:
    """A page of a browser that others have used: it still has their files, which the server need
    not send and Chromium need not compile again, and nothing that they or the pages stored.
    """
    blank, *_ = context.pages or [context.new_page()]
    assert blank.evaluate("/native code/.test(setTimeout)"), "a test has set this browser's clock"
    page = watched(context.new_page())
    yield page
    for left in context.pages[1:]:  # first, so that none of them stores anything afterwards
        left.close()
    origins = {re.sub(r"^(\w+://[^/]+).*", r"\1", address) for address in page.asked}
    devtools = context.new_cdp_session(blank)
    for origin in origins:
        devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": STORED})
    devtools.detach()
    context.clear_cookies()
    context.set_offline(False)


STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"


def patient(browser, **options) -> BrowserContext:
    """A new context that waits as long as a busy machine takes.

    Its maps stand still at once, unless `reduced_motion` says otherwise: what glides is clicked
    beside.
    """
    context = browser.new_context(**{"reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


def wait_until(page: Page, expression: str, arg: object = None) -> Any:
    """Return what a script says, once that is true.

    `Page.wait_for_function` compiles text in the page, which the pages forbid.
    """
    end = time.monotonic() + PATIENCE_MS / 1000
    while not (result := page.evaluate(expression, arg)):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)
    return result


def wait_for_held(page: Page, held: list[Any]) -> Any:
    """Return the last request that a route holds back, once there is one."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not held:
        if time.monotonic() > end:
            pytest.fail(f"nothing was asked for: {page.locator('body').inner_text()[:500]}")
        page.wait_for_timeout(30)
    return held[-1]


def watched(page: Page) -> Page:
    """The page, noting what it says on its console in `.said` and where it asks in `.asked`."""
    page.said, page.asked = [], []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.said.append(message.text))
    page.on("request", lambda request: page.asked.append(request.url))
    return page


# what the browser holds once somebody has signed in: address and name -> until when it is used
# again, and the cookies; a form and a hash of the password for each test would take half a second
signed: dict[tuple[str, str], tuple[float, list[Any]]] = {}
SIGNED_S = 300


def sign_in(page: Page, site: str, var: Path, username: str, address: str = "") -> None:
    """Sign one of the demo's people in, in Chinese, and open an address, if there is one.

    The form is sent without being drawn, which takes a second; test_sign_in fills it in.
    """
    until, cookies = signed.get((site, username), (0.0, []))
    if time.monotonic() < until:
        page.context.add_cookies(cookies)
    else:
        send_form(page, site, var, username)
        signed[site, username] = time.monotonic() + SIGNED_S, page.context.cookies()
    if address:
        page.goto(site + address)


def send_form(page: Page, site: str, var: Path, username: str) -> None:
    """Send the form of signing in."""
    account = next(
        item for item in accounts.read(var / accounts.ACCOUNTS_FILE) if item.username == username
    )
    form = page.context.request.get(f"{site}/sign-in?lang=zh").text()
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token, form
    answer = page.context.request.post(
        f"{site}/sign-in",
        form={"csrf_token": token[1], "username": username, "password": account.password},
        max_redirects=0,
    )
    assert answer.status == 303, answer.text()
    if (shard := shard_of(var)) is not None:
        choice = {"name": COUNTY_COOKIE, "value": shard.county, "url": site}
        page.context.add_cookies([choice])


FADED_IN = """() => Promise.allSettled(document.getAnimations()
  .filter(({ effect }) => effect.getComputedTiming().iterations < Infinity)
  .map(({ finished }) => finished))"""


def serious(page: Page) -> list[list[str]]:
    """Return what axe-core finds that keeps people out: [rule, first element].

    Not before everything has faded in: what is half transparent has too little contrast.
    """
    page.evaluate(FADED_IN)
    page.evaluate((ROOT / "web/static/vendor/axe-core/axe.min.js").read_text(encoding="utf-8"))
    result: list[list[str]] = page.evaluate(
        "axe.run(document).then((r) => r.violations.filter((v) => ['serious',"
        " 'critical'].includes(v.impact)).map((v) => [v.id, v.nodes[0].html]))"
    )
    return result
