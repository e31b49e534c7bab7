"""`./wangge screenshots`: the pictures of the README, taken from the running product."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import dist
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from gis.errors import Unavailable
from gis.settings import ROOT, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUMS = ("chromium-headless-shell", "chromium", "google-chrome")
PATIENCE_MS = 60_000
DRAWN = "body[data-map=drawn], body[data-ready]"
DESK_SIZE_PX, PHONE_SIZE_PX = (1440, 900), (390, 844)


# the corner in the middle of the editor's map that most grids of one community share: its place in
# degrees and pixels, and the codes of the grids
SHARED_CORNER = """() => {
  const { map, coverage } = window.wangge, box = map.getContainer().getBoundingClientRect();
  const corners = [...coverage.owners].filter(([, owners]) => owners.size > 2).map(([key, owners]) => {
    const [lon, lat] = key.split(',').map((n) => n / 1e7), at = map.latLngToContainerPoint([lat, lon]);
    return { lon, lat, codes: [...owners].sort(), x: at.x + box.x, y: at.y + box.y };
  });
  const far = ({ x, y }) => Math.hypot(x - box.x - box.width / 2, y - box.y - box.height / 2);
  return corners.filter(({ codes }) => codes.every((code) => code.startsWith(codes[0].slice(0, 12)))).sort((a, b) => far(a) - far(b))[0];
}"""  # noqa: E501  another language


def drag_corner(page: "Page") -> None:
    """Drag a corner of the opened draft that several grids share, and wait until it is stored."""
    page.wait_for_selector("body[data-ready]")
    page.uncheck("#ed-snap")
    corner = page.evaluate(SHARED_CORNER)
    page.mouse.move(corner["x"] - 20, corner["y"] - 20)
    page.mouse.move(corner["x"], corner["y"], steps=8)
    page.wait_for_selector(".ed-handle")
    page.mouse.down()
    page.mouse.move(corner["x"] + 40, corner["y"] + 24, steps=8)
    page.mouse.up()
    page.wait_for_selector("#ed-step-count:not(:empty)")


class Picture(NamedTuple):
    """A picture: the page it shows, its size in CSS pixels, and what is done before it is taken.

    username: The demo account that is signed in; empty: nobody. begin: What is filled in and
    clicked before the page is drawn: selector and text; no text is a click. act: What is done on
    the drawn page.
    """

    name: str
    address: str
    size: tuple[int, int] = DESK_SIZE_PX
    username: str = ""
    begin: tuple[tuple[str, str], ...] = ()
    act: Callable[["Page"], None] | None = None


PICTURES = (
    Picture("map", "/?p={lon},{lat}&c={lon},{lat},17", username="centre"),
    Picture("within", "/?category=clinic"),
    Picture("phone", "/?category=pharmacy&minutes=10", PHONE_SIZE_PX),
    Picture("work", "/work", PHONE_SIZE_PX, "worker"),
    Picture("desk", "/desk", DESK_SIZE_PX, "dispatcher"),
    Picture(
        "editor",
        "/editor",
        (1280, 800),
        "planner",
        (
            ("main form input:not([type=hidden])", "春季调整"),
            ("main form button", ""),
        ),
        drag_corner,
    ),
)


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="A served demo.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "docs" / "images",
    show_default="docs/images",
)
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.argument("names", nargs=-1)
def command(url: str, folder: Path, language: str, names: tuple[str, ...]) -> None:
    """Take the pictures of the README (all, or those NAMED) from a served demo.

    The demo accounts are read from the deployment's folder. Needs Playwright and Chromium, which
    the tests need too.

    Raises
    ------
    UsageError
        There is no such picture.
    """
    unknown = set(names) - {picture.name for picture in PICTURES}
    if unknown:
        raise click.UsageError(f"no such picture: {', '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    url = url.rstrip("/")
    passwords = _passwords()
    with _browser() as browser:
        for picture in PICTURES:
            if not names or picture.name in names:
                file = folder / f"{picture.name}.png"
                _take(browser, url, picture, language, passwords, file)
                click.echo(f"{file} {picture.size[0]}×{picture.size[1]}", err=True)


def _passwords() -> dict[str, str]:
    """Return the passwords of the demo accounts.

    Raises
    ------
    Unavailable
        There are none.
    """
    from gis.demo import accounts

    file = Settings.from_env().var / accounts.ACCOUNTS_FILE
    if not file.exists():
        raise Unavailable("screenshots.no_accounts", file=str(file))
    return {account.username: account.password for account in accounts.read(file)}


@contextmanager
def _browser() -> Iterator["Browser"]:
    """Start a Chromium.

    Raises
    ------
    Unavailable
        Playwright or Chromium is not installed.
    """
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Unavailable("screenshots.no_playwright") from None
    if program is None:
        raise Unavailable("screenshots.no_chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def _take(
    browser: "Browser",
    url: str,
    picture: Picture,
    language: str,
    passwords: dict[str, str],
    file: Path,
) -> None:
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if picture.size == PHONE_SIZE_PX else 1,
        has_touch=picture.size == PHONE_SIZE_PX,
        timezone_id=Settings.from_env().timezone.key,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        context.request.get(f"{url}/?lang={language}")  # remembered in a cookie
        if picture.username:
            _sign_in(context, url, picture.username, passwords)
        page.goto(url + _fill_in(context, url, picture.address))
        for selector, text in picture.begin:
            field = page.locator(selector).first
            if text:
                field.fill(text)
            else:
                field.click()
        if picture.act:
            picture.act(page)
        _settle(page)
        page.screenshot(path=file)
    finally:
        context.close()


def _settle(page: "Page") -> None:
    """Wait until the page is drawn and nothing is being looked up."""
    page.wait_for_selector(DRAWN, state="attached")
    page.wait_for_selector(".skeleton", state="detached")
    page.wait_for_timeout(1500)  # tiles fade in and panels slide


def _fill_in(context: Any, url: str, address: str) -> str:
    """Return an address with the place of a building in it, one in the middle of the town."""
    if "{lon}" not in address:
        return address
    buildings = context.request.get(f"{url}/api/v1/search?q=3号楼&limit=50").json()["items"]
    places = [(building["lon"], building["lat"]) for building in buildings] or [(0.0, 0.0)]
    middle = tuple(sum(axis) / len(places) for axis in zip(*places, strict=True))
    lon, lat = min(places, key=lambda building: dist(building, middle))
    return address.format(lon=f"{lon:.6f}", lat=f"{lat:.6f}")


def _sign_in(context: Any, url: str, username: str, passwords: dict[str, str]) -> None:
    form = context.request.get(f"{url}/sign-in").text()
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    context.request.post(
        f"{url}/sign-in",
        form={
            "csrf_token": token[1] if token else "",
            "username": username,
            "password": passwords[username],
        },
        max_redirects=0,
    )
