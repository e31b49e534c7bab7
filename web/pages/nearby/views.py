"""`/nearby`: a household's quarter of an hour, what it reaches on foot, and the walks there."""

from flask import Blueprint, Response, request

from gis.facilities.nearby import RINGS
from gis.network.profile_table import read_profiles
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.choices import profile_choices
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page

bp = Blueprint("nearby_page", __name__)

DEFAULT_PROFILE = "adult"


@bp.get("/nearby")
def nearby() -> Response:
    """Show the page; its address keeps `p=lon,lat`, `profile`, the time `at`, the facility `to`."""
    figures = opening()
    return render_page(
        "nearby/nearby.html",
        script="nearby/nearby.js",
        data={"bbox": figures.bbox, "rings": RINGS, "speeds": _speeds_km_h()},
        parts=base_map(figures, without=("grids", "units")),
        figures=figures,
        rings=RINGS,
        profiles=profile_choices(),
        profile=request.args.get("profile", DEFAULT_PROFILE),
    )


def _speeds_km_h() -> dict[str, float]:
    """Return the speed on the level of each walking profile, in km/h."""
    return {
        key: round(profile.speed_m_s * 3.6, 1) for key, profile in read_profiles(session()).items()
    }
