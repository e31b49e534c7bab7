"""The scripts and styles of the pages: files, addresses, and a digest that changes with them."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from flask import g, url_for

PAGES_PATH = Path(__file__).resolve().parents[1]
SHARED_PATH = PAGES_PATH.parent / "static" / "shared"
SHARED = "shared"  # in place of a page's name: what several pages use


def list_assets() -> Iterator[Path]:
    """Yield the scripts and styles of all pages, in a fixed order."""
    yield from sorted(SHARED_PATH.glob("*"))
    yield from sorted(PAGES_PATH.glob("*/static/*"))


def asset_path(name: str) -> Path:
    """Return the file of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, file = name.split("/")
    return (SHARED_PATH if page == SHARED else PAGES_PATH / page / "static") / file


def asset_digest() -> str:
    """Return a digest of our scripts and styles, with which their addresses change."""
    if "asset_digest" not in g:
        digest = sha256()
        for file in list_assets():
            digest.update(file.read_bytes())
        g.asset_digest = digest.hexdigest()[:10]
    return str(g.asset_digest)


def asset_url(name: str) -> str:
    """Return the address of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, file = name.split("/")
    if page == SHARED:
        return url_for("static", filename=name, v=asset_digest())
    return url_for("shell.page_asset", page=page, filename=file, v=asset_digest())
