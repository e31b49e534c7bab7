"""The scripts and styles of the pages: files, addresses, and a digest that changes with them.

The digest is a folder of the address, so that what a script imports by a relative address has it
too, and all of it may be cached for good.
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import g, url_for

PAGES_PATH = Path(__file__).resolve().parents[1]
SHARED_PATH = PAGES_PATH.parent / "static" / "shared"
SHARED = "shared"  # in place of a page's name: what several pages use
VENDOR = "vendor"  # the same for libraries
VENDOR_LOCK = PAGES_PATH.parent / "static" / VENDOR / "installed-package-lock.json"


def list_assets() -> Iterator[Path]:
    """Yield the scripts and styles of all pages, in a fixed order."""
    yield from sorted(SHARED_PATH.glob("*"))
    yield from sorted(PAGES_PATH.glob("*/static/*"))


def asset_path(name: str) -> Path:
    """Return the file of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, file = name.split("/")
    return (SHARED_PATH if page == SHARED else PAGES_PATH / page / "static") / file


def asset_digest() -> str:
    """Return a digest of our scripts, styles and libraries, with which their addresses change."""
    if "asset_digest" not in g:
        files = [*list_assets(), *([VENDOR_LOCK] if VENDOR_LOCK.exists() else [])]
        g.asset_digest = _digest(tuple((file, file.stat().st_mtime_ns) for file in files))
    return str(g.asset_digest)


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    digest = sha256()
    for file, _ in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def asset_url(name: str) -> str:
    """Return the address of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, _, file = name.partition("/")
    path = name if page in (SHARED, VENDOR) else f"pages/{page}/{file}"
    return url_for("shell.versioned", digest=asset_digest(), filename=path)
