"""Shards that were removed: their databases stay, and may come back under the number they have."""

import json
from collections.abc import Mapping
from pathlib import Path

from gis import private

REMOVED_FILE = "shards-removed.json"


def read(var: Path) -> dict[str, int]:
    """Return the numbers of the shards that were removed, by county."""
    try:
        numbers: dict[str, int] = json.loads((var / REMOVED_FILE).read_text())
    except FileNotFoundError:
        return {}
    return numbers


def write(var: Path, numbers: Mapping[str, int | None]) -> None:
    """Write which shards were removed; None: it is back."""
    kept = {county: number for county, number in numbers.items() if number is not None}
    if kept != read(var):
        private.write_file(var / REMOVED_FILE, json.dumps(kept))
