"""The scripts and styles of the pages: files, addresses, and a digest that changes with them.

The digest is a folder of the address, so that what a script imports by a relative address has it
too, and all of it may be cached for good.
"""

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import g, url_for

PAGES_PATH = Path(__file__).resolve().parents[1]
SHARED_PATH = PAGES_PATH.parent / "static" / "shared"
SHARED = "shared"  # in place of a page's name: what several pages use
# what a module imports at once; import() waits until it is wanted
IMPORT_PATTERN = re.compile(
    r"""(?m)^(?:import|\} from|export .* from)\b[^'"\n]*['"]([./][^'"]*)['"]"""
)
LOOK_S = 1.0  # seconds between two looks at the files
VENDOR_FOLDER = "vendor"  # the same for libraries
VENDOR_LOCK = PAGES_PATH.parent / "static" / VENDOR_FOLDER / "installed-package-lock.json"


def list_assets() -> Iterator[Path]:
    """Yield the scripts and styles of all pages, in a fixed order."""
    yield from sorted(SHARED_PATH.glob("*"))
    yield from sorted(PAGES_PATH.glob("*/static/*"))


def asset_path(name: str) -> Path:
    """Return the file of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, file = name.split("/")
    return (SHARED_PATH if page == SHARED else PAGES_PATH / page / "static") / file


def asset_digest() -> str:
    """Return a digest of our scripts, styles and libraries, with which their addresses change.

    Within LOOK_S seconds after a file has changed, and the same all through a request.
    """
    if "asset_digest" not in g:
        g.asset_digest = _digest(_list_times(time.monotonic() // LOOK_S))
    return str(g.asset_digest)


@lru_cache(maxsize=1)
def _list_times(_: float) -> tuple[tuple[Path, int], ...]:
    """Return the files and when each was changed; anew for each number of a look."""
    files = [*list_assets(), *([VENDOR_LOCK] if VENDOR_LOCK.exists() else [])]
    return tuple((file, file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    digest = sha256()
    for file, _ in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def asset_url(name: str) -> str:
    """Return the address of an asset, named as "desk/desk.js" or "shared/dom.js"."""
    page, _, file = name.partition("/")
    path = name if page in (SHARED, VENDOR_FOLDER) else f"pages/{page}/{file}"
    return url_for("shell.versioned", digest=asset_digest(), filename=path)


def imported_urls(name: str) -> list[str]:
    """Return the addresses of what a script imports, and what that imports.

    Browsers are told of them beforehand, or they would hear of one after the other.
    """
    return [asset_url(each) for each in _imports(name, asset_digest())]


@lru_cache(maxsize=128)
def _imports(name: str, _: str) -> tuple[str, ...]:
    """Return the names of the assets that a script imports; anew for each digest of the files."""
    names: dict[str, None] = {}
    waiting = [name]
    while waiting:
        path = asset_path(waiting.pop())
        for imported in IMPORT_PATTERN.findall(path.read_text(encoding="utf-8")):
            target = (path.parent / imported).resolve()
            # in their addresses the pages' scripts stand beside the shared ones
            other = f"shared/{target.name}" if "/shared/" in imported else _name_of(target)
            if other not in names:
                names[other] = None
                waiting.append(other)
    return tuple(names)


def _name_of(path: Path) -> str:
    """Return the name of an asset by its file."""
    page = SHARED if path.parent == SHARED_PATH else path.parent.parent.name
    return f"{page}/{path.name}"
