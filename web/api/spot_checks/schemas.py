"""Spot checks as the API takes and shows them."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from gis.incidents.lifecycle import spot_checks
from gis.incidents.reading.spot_checks import SpotSample


class SpotChecksIn(BaseModel):
    """Which samples."""

    week: str = Field(max_length=10, description="ISO week", examples=["2026-W48"])
    area: str = Field("", max_length=40, description="Code; only communities in it")


class SpotDrawIn(SpotChecksIn):
    """What to draw."""

    model_config = {"extra": "forbid"}

    seed: str = Field(
        "", max_length=spot_checks.MAX_SEED_CHARS, description="Empty: a random one; it is stored"
    )
    share: float = Field(spot_checks.DEFAULT_SHARE, description="Of what was closed, above 0 to 1")
    minimum: int = Field(spot_checks.DEFAULT_MINIMUM, description="At least so many")


class SpotVerdictIn(BaseModel):
    """What the look on the spot showed."""

    model_config = {"extra": "forbid"}

    verdict: str = Field(max_length=20, examples=["real"])
    note: str = Field("", max_length=spot_checks.MAX_NOTE_CHARS, description="All but real need it")
    replaces: str | None = Field(
        None,
        max_length=40,
        description="`checked_at` of the verdict that was seen, empty: none; if there is another"
        " by now, 409. Left out: whichever there is",
    )


def sample_to_json(sample: SpotSample) -> dict[str, Any]:
    """Return a sample as JSON, with how many were real of those looked at."""
    return asdict(sample) | {"confirmed": asdict(sample.confirmed)}
