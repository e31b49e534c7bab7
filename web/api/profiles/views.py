"""Who walks how fast, and what hinders them."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.messages import has_label, label
from gis.network import profile_table
from gis.network.profiles import ProfileValue
from web.http.db import session
from web.http.responses import conditional_response

bp = APIBlueprint("profiles", __name__, url_prefix="/api/v1", tag="Facilities")


class ProfileValueOut(BaseModel):
    """A quantity of a profile."""

    quantity: str
    value: float
    unit: str
    source: str
    note: str


class ProfileOut(BaseModel):
    """Somebody who walks. What has no value costs nothing and closes nothing."""

    name: str = Field(description="As the parameter profile takes it")
    zh: str
    en: str
    values: list[ProfileValueOut]


class ProfilesOut(BaseModel):
    """The table in force."""

    edition: int = Field(description="0: the one that comes with the program")
    profiles: list[ProfileOut]


@bp.get("/profiles")
@bp.output(ProfilesOut)
@bp.doc(summary="Walking profiles, each value with its unit and source")
def profiles() -> Response:
    """Return the table of walking profiles in force."""
    number = profile_table.active_edition_id(session())
    by_name: dict[str, list[ProfileValue]] = {}
    for row in profile_table.edition_rows(session(), number):
        by_name.setdefault(row.profile, []).append(row)
    answer = [
        {
            "name": name,
            **{language: _label(name, language) for language in ("zh", "en")},
            "values": [
                {key: value for key, value in row._asdict().items() if key != "profile"}
                for row in rows
            ],
        }
        for name, rows in by_name.items()
    ]
    return conditional_response({"edition": number, "profiles": answer})


def _label(name: str, language: str) -> str:
    """Return the name on screen; the key where somebody added a profile without a label."""
    return label(f"profile.{name}", language) if has_label(f"profile.{name}", language) else name
