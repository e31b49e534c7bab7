"""Return the licences of everything that is installed, as docs/licences.md lists them."""

import json
import re
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from gis.settings import ROOT

DOCUMENT = ROOT / "docs" / "licences.md"
# packages whose metadata name no licence: what their licence file says
FROM_LICENCE_FILE = {"pyrage": "MIT"}
MAX_LICENCE_CHARS = 80
# brought by package-lock.json for other systems or as a peer, and in no file that is served
HEADER = """# Third-party licences

Written by `./wangge dev licences` from the metadata of the installed packages and from
`package-lock.json`; a test fails when a package is missing. The licence of Wangge itself is its
owner's to choose and is not decided here. `psycopg` is LGPL-3.0-only and is used unchanged, as a
library. Map data: © OpenStreetMap contributors, ODbL.
"""


class Licence(NamedTuple):
    """A package, its version and its licence as it says itself (SPDX where it gives one)."""

    package: str
    version: str
    licence: str


def pinned_packages() -> dict[str, str]:
    """Return version by package of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", line) for line in lines)
    return {match[1]: match[2] for match in pins if match}


def python_licences() -> Iterator[Licence]:
    """Yield the pinned Python packages.

    Raises
    ------
    LookupError
        A package is not installed, or its metadata name no licence.
    """
    for package, version in sorted(pinned_packages().items(), key=lambda item: item[0].lower()):
        yield Licence(package, version, licence_of(package))


def licence_of(package: str) -> str:
    """Return the licence that an installed package declares.

    Raises
    ------
    LookupError
        It declares none, and neither does FROM_LICENCE_FILE.
    """
    declared = metadata.metadata(
        package
    ).json  # keys in lower case; "license" may be the text of the licence
    classifiers = [
        line.split(" :: ")[-1]
        for line in declared.get("classifier", [])
        if line.startswith("License")
    ]
    free_text = str(declared.get("license", "")).strip()
    candidates = [
        str(declared.get("license_expression", "")),
        free_text
        if 0 < len(free_text) <= MAX_LICENCE_CHARS and not free_text.startswith("Copyright")
        else "",
        ", ".join(line for line in classifiers if line != "OSI Approved"),
        FROM_LICENCE_FILE.get(package, ""),
    ]
    licence = next(filter(None, candidates), None)
    if licence is None:
        raise LookupError(
            f"{package} declares no licence: read its licence file and add it to FROM_LICENCE_FILE"
        )
    return licence


def browser_licences() -> Iterator[Licence]:
    """Yield the packages of package-lock.json."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    for path, package in sorted(lock["packages"].items()):
        if path:
            yield Licence(
                path.rpartition("node_modules/")[2], package["version"], package.get("license", "")
            )


def document() -> str:
    """Return the text of docs/licences.md."""
    parts = [HEADER]
    for title, licences in (
        ("Python (requirements.txt)", python_licences()),
        ("Browser (package-lock.json)", browser_licences()),
    ):
        rows = (
            f"| {licence.package} | {licence.version} | {licence.licence} |" for licence in licences
        )
        parts.append(
            "\n".join(
                [f"## {title}\n", "| package | version | licence |", "| --- | --- | --- |", *rows]
            )
            + "\n"
        )
    return "\n".join(parts)
