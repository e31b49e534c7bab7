"""The scripts and styles of the pages: where they lie, and a digest that changes with them."""

from hashlib import sha256
from pathlib import Path

OWN = Path(__file__).resolve().parents[2] / "static" / "app"


def asset_digest() -> str:
    """Return a digest of our own scripts and styles, so that browsers fetch a new one only when it changed."""
    digest = sha256()
    for file in sorted(OWN.glob("*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]
