"""Every route with who may ask it, and a world with somebody of every role to ask."""

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis.accounts.credentials import hash_secret
from gis.accounts.models import AccessGrant, Account, ApiKey
from gis.boundaries import drafts
from gis.facilities import checkup_visits
from gis.files import photos as photo_store
from gis.files.photo_files import SanitisedPhoto
from gis.incidents import photos
from gis.incidents.lifecycle import report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.ops.metadata import Area
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import ANONYMOUS, Principal, account_principal, system_principal
from tests.support import build
from web.api.events import views
from web.security import readers
from web.security.session import TimedCache

NOW = datetime.now(UTC)
MARK = "只有本社区知道的事"  # the words of the hidden incident
A = Action


# role of a post in the home areas, or an access role given for the county; None: nobody, or nothing
# given
POSTS = {
    "unit head": "unit_head",
    "grid worker": "grid_worker",
    "grid leader": "grid_leader",
    "community dispatcher": "community_worker",
    "street": "street_office",
    "command centre": "command_centre",
}


GRANTS = {
    "planner": "planner",
    "auditor": "auditor",
    "administrator": "administrator",
    "resident": None,
}
KEYS = {
    "key with no action": (),
    "key with the loop": (A.REPORT, A.READ, A.NOTE, A.NAMES, A.HANDLE, A.DISPATCH, A.FIGURES),
}


ASKERS = ("anonymous", *GRANTS, *POSTS, *KEYS)


class Asker(NamedTuple):
    """Somebody with a client of their own. headers: What goes with every write."""

    name: str
    by: Principal
    client: FlaskClient
    headers: dict[str, str]


Who = Callable[[Asker], str]


def anybody(asker: Asker) -> str:
    """Everybody, also without an account."""
    return "yes"


def none(asker: Asker) -> str:
    """Nobody without a secret or signature that no role has; or there is no such thing."""
    return "none"


def known(asker: Asker) -> str:
    """Who is signed in is told that there is no such thing."""
    return "sign in" if asker.by.kind == "anonymous" else "none"


def unsigned(asker: Asker) -> str:
    """Nobody without a signature or secret, and who has none is told to show it."""
    return "sign in"


def signed_in(asker: Asker) -> str:
    """Everybody but nobody."""
    return "sign in" if asker.by.kind == "anonymous" else "yes"


def account(asker: Asker) -> str:
    """People; programs have no account."""
    return "yes" if asker.by.kind == "account" else "sign in"


def program(action: Action) -> Who:
    """Programs whose key allows an action; an account's session does not count here."""
    return lambda asker: "yes" if asker.by.kind == "key" and asker.by.is_allowed(action) else "no"


def may(action: Action, everywhere: bool = False) -> Who:
    """Who is allowed an action somewhere, or without limit of area."""

    def who(asker: Asker) -> str:
        allowed = asker.by.is_allowed(action) and not (
            everywhere and asker.by.areas_by_action[action] is not None
        )
        return "yes" if allowed else "sign in" if asker.by.kind == "anonymous" else "no"

    return who


def may_one(*actions: Action) -> Who:
    """Who is allowed one of some actions somewhere."""
    return lambda asker: next(
        (result for action in actions if (result := may(action)(asker)) == "yes"),
        may(actions[0])(asker),
    )


keeps_buildings = may_one(*KEEPING)


def hears(asker: Asker) -> str:
    """People, for what is their own; programs that work on incidents."""
    return "yes" if asker.by.kind == "account" else may_one(*views.FEED_ACTIONS)(asker)


def sees(asker: Asker) -> str:
    """Who sees the home incident; to others it is not there."""
    if asker.by.kind == "anonymous":
        return "sign in"
    return "yes" if asker.by.is_allowed(A.READ) else "none"


def sees_photo(asker: Asker) -> str:
    """As `sees`; a photo's address says nothing to nobody either."""
    return "yes" if asker.by.is_allowed(A.READ) else "none"


def dispatches(asker: Asker) -> str:
    """Who sees the home incident and may dispatch it.

    Who may not dispatch anywhere is told so first.
    """
    result = may(A.DISPATCH)(asker)
    return sees(asker) if result == "yes" or asker.by.operates else result


def keeps(asker: Asker) -> str:
    """People; programs keep their own filters."""
    return {"anonymous": "sign in", "account": "yes"}.get(asker.by.kind, "no")


def prints(asker: Asker) -> str:
    """As `desks`, of an incident that they see."""
    result = desks(asker)
    return sees(asker) if result == "yes" else result


def of_nothing(who: Who) -> Who:
    """As `who`, for something that is not there."""
    return lambda asker: "none" if who(asker) == "yes" else who(asker)


def desks(asker: Asker) -> str:
    """Who sees incidents of places, and the operator, whose queue is there."""
    return "yes" if asker.by.operates else may(A.READ)(asker)


def notes(asker: Asker) -> str:
    """Who sees the home incident and may add a note to it."""
    result = sees(asker)
    return "no" if result == "yes" and not asker.by.is_allowed(A.NOTE) else result


def reaches(asker: Asker) -> str:
    """Who sees the home incident and may reach who reported it."""
    result = sees(asker)
    return "no" if result == "yes" and not asker.by.is_allowed(A.CONTACTS) else result


def figures_without_network(asker: Asker) -> str:
    """Who may see figures is told that there is no network; the others that they may not."""
    allowed = may(A.FIGURES)(asker)
    return "none" if allowed == "yes" else allowed


def reads_figures(asker: Asker) -> str:
    """Who may see figures, and the incidents behind them."""
    allowed = may(A.FIGURES)(asker)
    return may(A.READ)(asker) if allowed == "yes" else allowed


def spot_checked(asker: Asker) -> str:
    """As `may(A.SUPERVISE)`, of what is not there."""
    allowed = may(A.SUPERVISE)(asker)
    return "none" if allowed == "yes" else allowed


PAPER = "area=520402007012&period=2026-W47"
GRID_ROLES = ("unit head", "grid worker", "grid leader")


def checks_up(asker: Asker) -> str:
    """Who may read figures of the whole home community; a grid leader may of the grid only."""
    return "no" if asker.name in GRID_ROLES else may(A.FIGURES)(asker)


def sees_visit_photo(asker: Asker) -> str:
    """As `checks_up`; a photo's address says nothing of a community whose sheet is not theirs."""
    return "none" if may(A.FIGURES)(asker) != checks_up(asker) else checks_up(asker)


def visits(asker: Asker) -> str:
    """Who reads the check-up of the home community and may handle incidents there."""
    answer = may(A.HANDLE)(asker)
    return checks_up(asker) if answer == "yes" else answer


def reads_report(asker: Asker) -> str:
    """Who may read figures of the whole home community; there is no network to report of."""
    answer = checks_up(asker)
    return "none" if answer == "yes" else answer


def exports_report(asker: Asker) -> str:
    """As `reads_report`, of those who may also take data out."""
    allowed = may(A.EXPORT)(asker)
    return reads_report(asker) if allowed == "yes" else allowed


def exports_figures(asker: Asker) -> str:
    """Who may read figures of the whole home community and take data out."""
    allowed = may(A.EXPORT)(asker)
    return checks_up(asker) if allowed == "yes" else allowed


def exports_without_network(asker: Asker) -> str:
    """As `figures_without_network`, of those who may also take data out."""
    allowed = may(A.EXPORT)(asker)
    return figures_without_network(asker) if allowed == "yes" else allowed


plans = may_one(A.DRAFT, A.PUBLISH)  # and sees the home draft, since both rights reach over it


def plans_walks(asker: Asker) -> str:
    """As `plans`, of what is not there: no walking network (see `classify`), no such door."""
    answer = plans(asker)
    return "none" if answer == "yes" else answer


def draws(asker: Asker) -> str:
    """Nobody: the home draft is somebody else's to edit."""
    return "sign in" if asker.by.kind == "anonymous" else "no"


class Row(NamedTuple):
    """Who may ask a route, and what is sent. query: Behind the question mark.

    {id} and the like are filled in.
    """

    who: Who
    query: str = ""
    json: Any = None
    form: Any = None
    path: dict[str, Any] = {}  # noqa: RUF012  never changed


POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}
FAR_AWAY = f"lon={POINT['lon'] + 50 * build.SIDE}&lat={POINT['lat']}&crs=cgcs2000"
AT = f"lon={POINT['lon']}&lat={POINT['lat']}&crs=cgcs2000"
RULE = {
    "name": "test",
    "way": "assign",
    "first_role": "grid_worker",
    "escalation": ["grid_leader"],
    "accept_min": 1,
    "dispatch_min": 1,
    "take_min": 1,
    "handle_min": 1,
    "check_min": 1,
}


COMMUNITY = {"community": "520402007012"}
FILE = {"file": (b"id,lon\n", "x.csv")}
PROPOSAL = {
    "area": COMMUNITY["community"],
    "title": "装电梯",
    "proposal": "在3号楼装一部电梯。",
    "closes_at": f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%dT%H:%MZ}",
    "quorum": 50,
}
TEMPLATE = {"area": COMMUNITY["community"], "title": "已清运", "text": "今天清完。"}
TABLE: dict[str, Row] = {
    # the map and its data: the same for everybody; names of people apart (see below)
    "GET /": Row(anybody),
    "GET /map.html": Row(anybody, "bbox=105.949,26.229,105.953,26.232&zoom=16"),
    "GET /static/<path:filename>": Row(anybody, path={"filename": "shared/base.css"}),
    "GET /static/v/<digest>/<path:filename>": Row(
        anybody, path={"digest": "0", "filename": "pages/desk/desk.js"}
    ),
    "GET /static/tokens.css": Row(anybody),
    "GET /static/messages/<language>.json": Row(anybody, path={"language": "zh"}),
    "GET /tiles/service/<category>/<int:minutes>/<int:z>/<int:x>/<int:y>.mvt": Row(
        anybody, path={"category": "clinic", "minutes": 15, "z": 14, "x": 13012, "y": 6938}
    ),
    "GET /tiles/<layer>/<int:z>/<int:x>/<int:y>.mvt": Row(
        anybody, path={"layer": "base", "z": 14, "x": 13012, "y": 6938}
    ),
    "GET /api/v1/layers": Row(anybody),
    "GET /api/v1/layers/<layer>": Row(
        anybody, "bbox=105.949,26.229,105.953,26.232", path={"layer": "grids"}
    ),
    "GET /api/v1/areas": Row(anybody),
    "GET /api/v1/areas/<code>": Row(anybody),
    "GET /api/v1/areas/<code>/children": Row(anybody),
    "GET /api/v1/areas/<code>/history": Row(anybody),
    "GET /api/v1/areas/difference": Row(anybody, "from=2026-01-01&to=2026-02-01"),
    "GET /api/v1/locate": Row(anybody, AT),
    "POST /api/v1/locate": Row(anybody, json={"points": [POINT]}),
    "GET /api/v1/search": Row(anybody, "q=王g"),
    "GET /api/v1/facilities": Row(anybody),
    "GET /api/v1/standards": Row(anybody),
    # the home community, its street or its county: who may there (see `checks_up`)
    "GET /api/v1/checkups/<community>": Row(checks_up, path=COMMUNITY),
    "GET /api/v1/checkups/<community>.xlsx": Row(checks_up, path=COMMUNITY),
    "POST /api/v1/checkups/<community>/visits": Row(
        visits, json={"item": "toilet", "result": "have"}, path=COMMUNITY
    ),
    "GET /api/v1/checkups/photos/<uuid:visit_photo_id>": Row(sees_visit_photo),
    "GET /api/v1/checkups/photos/<uuid:visit_photo_id>/thumbnail": Row(sees_visit_photo),
    "GET /coverage/report/<area>": Row(reads_report, path={"area": COMMUNITY["community"]}),
    "GET /coverage/report/<area>.<any(pdf, html):kind>": Row(
        exports_report, path={"area": COMMUNITY["community"], "kind": "html"}
    ),
    "GET /sheets/<code>.<any(pdf, html):kind>": Row(
        exports_figures, path={"code": COMMUNITY["community"], "kind": "html"}
    ),
    "GET /checkup": Row(may(A.FIGURES)),
    "GET /checkup/<community>": Row(checks_up, path=COMMUNITY),
    "POST /checkup/<community>": Row(
        visits, form={"item": "toilet", "result": "have"}, path=COMMUNITY
    ),
    "GET /api/v1/facilities/nearest": Row(none, AT),  # 503: no network here; see `classify`
    "GET /api/v1/nearby": Row(none, AT),  # 503 as above
    "GET /api/v1/nearby/reach": Row(none, AT),
    "GET /api/v1/walk": Row(none, "from_lon=105.95&from_lat=26.23&crs=wgs84&to=nothing"),
    "GET /api/v1/facilities/<code>": Row(none, path={"code": "nothing"}),
    "GET /api/v1/facilities/<code>/circle": Row(none, path={"code": "nothing"}),
    # 503: no network here; see `classify`
    "GET /api/v1/coverage": Row(none, "category=clinic"),
    "GET /api/v1/coverage/tiers/<tier>": Row(none, path={"tier": "15"}),
    "GET /api/v1/coverage/gaps": Row(figures_without_network, "category=clinic"),
    "GET /api/v1/coverage/capacity": Row(none, "category=clinic"),
    "GET /api/v1/coverage/capacity/buildings": Row(figures_without_network, "category=clinic"),
    "GET /api/v1/coverage/snapshots": Row(may(A.FIGURES)),
    "POST /api/v1/coverage/snapshots": Row(
        plans_walks, json={"name": "spring", "category": "clinic"}
    ),
    "DELETE /api/v1/coverage/snapshots/<path:name>": Row(plans_walks, path={"name": "nothing"}),
    "GET /api/v1/coverage/difference": Row(figures_without_network, "from=nothing"),
    "GET /api/v1/coverage/difference/buildings": Row(figures_without_network, "from=nothing"),
    # where new facilities would serve most; 503 for planners: no network here
    "GET /api/v1/siting": Row(plans_walks, "category=clinic"),
    "GET /api/v1/siting/closures": Row(plans_walks, "category=clinic"),
    "POST /api/v1/siting/pin": Row(plans_walks, json={"category": "clinic", **POINT}),
    # doors and gates: who plans somewhere; one elsewhere is as one that is not there
    "GET /api/v1/entrances": Row(plans),
    "POST /api/v1/entrances": Row(
        plans_walks, json={"owner": "building", "owner_code": "nothing", **POINT}
    ),
    "PATCH /api/v1/entrances/<int:entrance>": Row(
        plans_walks, json={"kind": "side"}, path={"entrance": 1}
    ),
    "DELETE /api/v1/entrances/<int:entrance>": Row(plans_walks, path={"entrance": 1}),
    # facilities, likewise
    "POST /api/v1/facilities": Row(plans, json={"category": "clinic", **POINT}),
    "PATCH /api/v1/facilities/<code>": Row(
        plans_walks, json={"capacity": 2}, path={"code": "nothing"}
    ),
    "DELETE /api/v1/facilities/<code>": Row(plans_walks, path={"code": "nothing"}),
    # changes of the walking network, likewise; there is none here
    "GET /api/v1/network/edits": Row(plans),
    "POST /api/v1/network/edits": Row(
        plans_walks,
        json={
            "kind": "close",
            "crs": POINT["crs"],
            "geometry": {"type": "Point", "coordinates": [POINT["lon"], POINT["lat"]]},
        },
    ),
    "DELETE /api/v1/network/edits/<int:edit>": Row(plans_walks, path={"edit": 1}),
    # running it
    "GET /docs": Row(anybody),
    "GET /openapi.json": Row(anybody),
    "GET /healthz": Row(anybody),
    "GET /readyz": Row(anybody),
    "GET /metrics": Row(anybody),
    # accounts
    "GET /sign-in": Row(anybody),
    "POST /sign-in": Row(unsigned, form={"username": "wang", "password": "not the right one"}),
    "GET /sign-in/provider": Row(none),
    "GET /sign-in/provider/back": Row(none),
    "POST /sign-out": Row(anybody),
    "POST /sign-out-everywhere": Row(unsigned),  # leads to the form in any case
    "GET /password": Row(account),
    "POST /password": Row(account, form={"old": "x", "password": "y", "again": "z"}),
    "GET /accounts": Row(may(A.ACCOUNTS)),
    "POST /accounts": Row(may(A.ACCOUNTS), form={"username": "somebody"}),
    "POST /accounts/<username>": Row(
        may(A.ACCOUNTS), form={"do": "block"}, path={"username": "user-resident"}
    ),
    "GET /setup": Row(may(A.ACCOUNTS, everywhere=True)),
    "GET /setup/<kind>.xlsx": Row(may(A.ACCOUNTS, everywhere=True), path={"kind": "people"}),
    "POST /setup/accounts": Row(may(A.ACCOUNTS, everywhere=True)),
    "POST /setup/<key>": Row(may(A.ACCOUNTS, everywhere=True), path={"key": "people"}, form=FILE),
    "GET /organisations": Row(may_one(A.DISPATCH, A.POSTS)),
    "POST /organisations": Row(may(A.POSTS), form={"code": "v"}),
    "POST /organisations/<code>/members": Row(may(A.POSTS), form={}, path={"code": "nothing"}),
    "GET /organisations/<any(organisations, members, takers):kind>.xlsx": Row(
        may(A.EXPORT), path={"kind": "takers"}
    ),
    "GET /takers": Row(may(A.NAMES)),
    "POST /takers": Row(may(A.POSTS), form={}),
    "PUT /api/v1/organisations/<code>": Row(
        may(A.POSTS),
        json={"name": "队", "kind": "volunteer_team", "area": COMMUNITY["community"]},
        path={"code": "v"},
    ),
    "GET /api/v1/organisations/<code>/members": Row(may(A.NAMES), path={"code": "nothing"}),
    "POST /api/v1/organisations/<code>/members": Row(
        of_nothing(may(A.POSTS)), json={"person": "x"}, path={"code": "nothing"}
    ),
    "GET /api/v1/takers": Row(may(A.NAMES)),
    "POST /api/v1/takers": Row(
        may(A.POSTS),
        json={
            "name": "甲",
            "phone": "13800000001",
            "area": COMMUNITY["community"],
            "skills": ["repairs"],
        },
    ),
    "GET /posts": Row(may(A.NAMES)),
    "POST /posts/<code>": Row(
        of_nothing(may(A.POSTS)), form={"planned": "2"}, path={"code": "nothing"}
    ),
    "PUT /api/v1/posts/plans/<area>": Row(
        of_nothing(may(A.POSTS)), json={"planned": 2}, path={"area": "nothing"}
    ),
    "GET /counties": Row(anybody),
    "GET /start": Row(anybody),
    "GET /duties": Row(may_one(A.HANDLE, A.FIGURES)),
    "GET /duties/visits.xlsx": Row(may_one(A.HANDLE, A.FIGURES)),
    "POST /duties/visits": Row(may_one(A.HANDLE, A.FIGURES), form={"place": "area|nothing|"}),
    "POST /duties/visits/<int:visit_id>": Row(
        of_nothing(may_one(A.HANDLE, A.FIGURES)), form={"do": "remove"}, path={"visit_id": 999999}
    ),
    "GET /api/v1/duties": Row(may_one(A.HANDLE, A.FIGURES)),
    "GET /api/v1/duties/visits": Row(may_one(A.HANDLE, A.FIGURES)),
    "POST /api/v1/duties/visits": Row(may_one(A.HANDLE, A.FIGURES), json={"area": "nothing"}),
    "POST /api/v1/duties/visits/<int:visit_id>/incidents": Row(
        of_nothing(may_one(A.HANDLE, A.FIGURES)),
        json={"incident": "nothing"},
        path={"visit_id": 999999},
    ),
    "DELETE /api/v1/duties/visits/<int:visit_id>": Row(
        of_nothing(may_one(A.HANDLE, A.FIGURES)), path={"visit_id": 999999}
    ),
    "GET /credit": Row(may_one(A.FIGURES, A.HANDLE)),
    "GET /stars": Row(may(A.FIGURES)),
    "GET /formula": Row(may(A.RULES)),
    "POST /formula": Row(may(A.RULES), form={"do": "preview", "taken": "1"}),
    "GET /api/v1/credit": Row(may_one(A.FIGURES, A.HANDLE)),
    "GET /api/v1/credit/events": Row(may_one(A.FIGURES, A.HANDLE), "person=x"),
    "GET /api/v1/stars": Row(may(A.FIGURES)),
    "GET /kinds": Row(may(A.ACCOUNTS)),
    "POST /kinds": Row(may(A.ACCOUNTS), form={"subject": "role", "zh": "楼层小组长"}),
    "POST /kinds/<int:kind_id>": Row(
        of_nothing(may(A.ACCOUNTS)), form={"do": "retire"}, path={"kind_id": 999999}
    ),
    "GET /api/v1/kinds": Row(anybody),
    "POST /api/v1/kinds": Row(
        may(A.ACCOUNTS, everywhere=True),
        json={"subject": "role", "parent": "building_head", "zh": "楼层小组长"},
    ),
    "PATCH /api/v1/kinds/<int:kind_id>": Row(
        of_nothing(may(A.ACCOUNTS)), json={"active": False}, path={"kind_id": 999999}
    ),
    "GET /keys": Row(may(A.ACCOUNTS, everywhere=True)),
    "POST /keys": Row(may(A.ACCOUNTS, everywhere=True), form={"name": "program"}),
    "POST /keys/<name>": Row(
        may(A.ACCOUNTS, everywhere=True), form={"do": "revoke"}, path={"name": "key 11"}
    ),
    # boundary revisions
    "POST /api/v1/revisions": Row(may(A.DRAFT), json={"title": "新草案"}),
    "GET /api/v1/revisions": Row(plans),
    "POST /api/v1/revisions/from-file": Row(may(A.DRAFT), "title=x", form=FILE),
    "GET /api/v1/revisions/<int:number>": Row(plans),
    "GET /api/v1/revisions/<int:number>/preview": Row(plans),
    "GET /api/v1/revisions/<int:number>/coverage": Row(plans, "within={grid}"),
    "GET /api/v1/revisions/<int:number>/guides": Row(plans, "within={grid}"),
    "GET /api/v1/revisions/<int:number>/buildings": Row(plans, "within={grid}"),
    "POST /api/v1/revisions/<int:number>/operations": Row(
        draws, json={"op": "retire", "code": "520402007012001"}
    ),
    "DELETE /api/v1/revisions/<int:number>/operations/<int:step>": Row(draws, path={"step": 1}),
    "POST /api/v1/revisions/<int:number>/rebase": Row(draws),
    "POST /api/v1/revisions/<int:number>/withdraw": Row(draws),
    "POST /api/v1/revisions/<int:number>/publish": Row(may(A.PUBLISH), json={"reason": "试"}),
    "POST /api/v1/revisions/<int:number>/revert": Row(may(A.DRAFT)),
    "GET /api/v1/revisions/<int:number>/colleagues": Row(plans),
    "POST /api/v1/revisions/<int:number>/editors": Row(draws, json={"account": "nobody"}),
    "DELETE /api/v1/revisions/<int:number>/editors/<account>": Row(
        draws, path={"account": "nobody"}
    ),
    "POST /api/v1/revisions/<int:number>/review": Row(draws, json={"reviewer": "nobody"}),
    "POST /api/v1/revisions/<int:number>/review/decision": Row(
        draws, json={"decision": "approve", "version": 1}
    ),
    "GET /api/v1/revisions/<int:a>/difference/<int:b>": Row(
        of_nothing(plans), path={"a": 0, "b": 1}
    ),
    "GET /revisions/compare": Row(plans),
    "GET /api/v1/revisions/<int:number>/comments": Row(plans),
    "POST /api/v1/revisions/<int:number>/comments": Row(
        plans, json={"text": "看这里", "lon": 105.95, "lat": 26.23}
    ),
    "POST /api/v1/revisions/<int:number>/comments/<int:comment_id>/resolve": Row(
        of_nothing(plans), path={"comment_id": 0}
    ),
    "GET /editor": Row(may(A.DRAFT)),
    "GET /editor/<int:number>": Row(may(A.DRAFT)),
    "GET /revisions": Row(plans),
    "GET /revisions/<int:number>": Row(plans),
    "GET /api/v1/export/grids.gpkg": Row(may_one(A.EXPORT, A.DRAFT, A.PUBLISH), "within={grid}"),
    # ten-household units: who plans reads them, who may publish changes them
    # the register of buildings: who plans, and administrators
    "GET /buildings": Row(keeps_buildings),
    "GET /buildings.xlsx": Row(keeps_buildings),
    "GET /api/v1/buildings": Row(keeps_buildings),
    "GET /api/v1/buildings/unplaced": Row(keeps_buildings),
    "GET /api/v1/buildings/at": Row(of_nothing(keeps_buildings), "lon=0&lat=0&crs=wgs84"),
    "POST /api/v1/buildings": Row(
        keeps_buildings, json={"estate": "虹山花园", "name": "1号楼", **POINT}
    ),
    "GET /api/v1/buildings/<code>": Row(of_nothing(keeps_buildings), path={"code": "nothing"}),
    "PATCH /api/v1/buildings/<code>": Row(
        of_nothing(keeps_buildings), json={"floors": 2}, path={"code": "nothing"}
    ),
    "DELETE /api/v1/buildings/<code>": Row(of_nothing(keeps_buildings), path={"code": "nothing"}),
    "GET /units": Row(may(A.PUBLISH)),
    "GET /api/v1/units": Row(plans, "grid={grid}"),
    "GET /api/v1/units/buildings": Row(plans, "grid={grid}"),
    "GET /api/v1/units/homes": Row(of_nothing(plans), "building=nothing"),
    "GET /api/v1/units/changes": Row(plans, "grid={grid}"),
    "POST /api/v1/units": Row(may(A.PUBLISH), json={"grid": "520402007012001", "reason": "试"}),
    "POST /api/v1/units/moves": Row(
        of_nothing(may(A.PUBLISH)),
        json={"to": "nothing", "homes": [{"building": "nothing"}], "reason": "试"},
    ),
    "PATCH /api/v1/units/<code>": Row(
        of_nothing(may(A.PUBLISH)), json={"name": "新", "reason": "试"}, path={"code": "nothing"}
    ),
    "POST /api/v1/units/<code>/retire": Row(
        of_nothing(may(A.PUBLISH)), json={"reason": "试"}, path={"code": "nothing"}
    ),
    # posts
    "GET /api/v1/posts": Row(may(A.NAMES), "area={unit}"),
    "POST /api/v1/posts/<int:post_id>/hand-over": Row(may(A.POSTS), json={"to": "p-接任"}),
    # the catalogue
    "GET /api/v1/categories": Row(anybody),
    "GET /api/v1/danger": Row(anybody),
    "GET /api/v1/profiles": Row(anybody),
    "GET /rules/danger.xlsx": Row(may_one(*readers.RULES_READING_ACTIONS)),
    "GET /api/v1/categories/suggest": Row(anybody, "words=垃圾"),
    # routing rules
    "GET /api/v1/rules": Row(may_one(*readers.RULES_READING_ACTIONS)),
    "POST /api/v1/rules": Row(may(A.RULES), json={"name": "test", "rules": [RULE]}),
    "GET /api/v1/rules/<int:set_id>": Row(may_one(*readers.RULES_READING_ACTIONS)),
    "POST /api/v1/rules/<int:set_id>/test": Row(may(A.RULES), json={"days": 1}),
    "POST /api/v1/rules/<int:set_id>/activate": Row(may(A.RULES, everywhere=True)),
    "GET /rules": Row(may_one(*readers.RULES_READING_ACTIONS), "days=1"),
    "POST /rules": Row(may(A.RULES), form=FILE),
    "GET /rules/<int:set_id>.xlsx": Row(may_one(*readers.RULES_READING_ACTIONS)),
    "GET /rules/calendar.xlsx": Row(may_one(*readers.RULES_READING_ACTIONS)),
    "POST /rules/calendar": Row(may(A.RULES, everywhere=True), form=FILE),
    "POST /rules/<int:set_id>/activate": Row(may(A.RULES, everywhere=True)),
    # incidents
    "GET /api/v1/events": Row(hears, "last=0"),
    "POST /api/v1/incidents": Row(may(A.REPORT), json={**POINT, "category": "06010"}),
    "GET /api/v1/incidents": Row(signed_in),
    "GET /api/v1/incidents/counts": Row(signed_in),
    "GET /api/v1/incidents/holders": Row(signed_in),
    "GET /api/v1/incidents/follow-ups": Row(may(A.DISPATCH)),
    "GET /api/v1/incidents/today": Row(anybody),
    "GET /api/v1/incidents/situation": Row(signed_in),
    "GET /api/v1/incidents/near": Row(anybody, AT + "&category=06010"),
    "GET /api/v1/incidents/<uuid:incident_id>": Row(sees),
    "GET /api/v1/incidents/<uuid:incident_id>/track": Row(none),
    "GET /api/v1/incidents/<uuid:incident_id>/candidates": Row(dispatches),
    "POST /api/v1/incidents/<uuid:incident_id>/contact": Row(reaches, json={"reason": "回访"}),
    "POST /api/v1/incidents/<uuid:incident_id>/moves": Row(
        notes, json={"move": "note", "note": "看过了"}
    ),
    "GET /api/v1/organisations": Row(may_one(A.DISPATCH, A.POSTS)),
    "GET /api/v1/incidents/<uuid:incident_id>/parts": Row(sees),
    "POST /api/v1/incidents/<uuid:incident_id>/parts": Row(
        dispatches, json={"kind": "external", "organisation": "nothing"}
    ),
    "POST /api/v1/incidents/<uuid:incident_id>/parts/<int:part_id>/finish": Row(
        known, json={"result": "好了"}, path={"part_id": "1"}
    ),
    "POST /api/v1/incidents/moves/bulk": Row(signed_in, json={"moves": []}),
    "POST /api/v1/incidents/import": Row(may(A.DISPATCH), form=FILE),
    "POST /api/v1/registers": Row(may_one(A.DRAFT, A.PUBLISH, A.ACCOUNTS), form=FILE),
    "GET /api/v1/registers/recipes": Row(may_one(A.DRAFT, A.PUBLISH, A.ACCOUNTS)),
    "DELETE /api/v1/registers/recipes/<int:recipe_id>": Row(
        of_nothing(may_one(A.DRAFT, A.PUBLISH, A.ACCOUNTS)), path={"recipe_id": "1"}
    ),
    "GET /registers": Row(may_one(A.DRAFT, A.PUBLISH, A.ACCOUNTS)),
    "GET /api/v1/photos/<uuid:photo_id>": Row(sees_photo),
    "GET /api/v1/photos/<uuid:photo_id>/thumbnail": Row(sees_photo),
    "GET /api/v1/figures": Row(may(A.FIGURES), "since=2026-01-01"),
    "GET /api/v1/disclosures": Row(may(A.HISTORY)),
    "GET /disclosures": Row(may(A.HISTORY)),
    "POST /api/v1/devices/<code>/alarms": Row(
        unsigned, json={"alarm": "1"}, path={"code": "nothing"}
    ),
    "GET /api/v1/notices": Row(account),
    "POST /api/v1/notices/seen": Row(account, json={"ids": []}),
    "GET /notices": Row(account),
    "POST /notices": Row(account, form={}),
    # pages of those who work on them
    "GET /work": Row(may(A.HANDLE)),
    "GET /desk": Row(desks),
    "GET /desk/list.xlsx": Row(may(A.EXPORT)),
    "GET /desk/<uuid:incident_id>/order": Row(prints),
    "GET /api/v1/me/filters": Row(keeps),
    "POST /api/v1/me/filters": Row(keeps, json={"name": "急", "filters": {"severity": "urgent"}}),
    "DELETE /api/v1/me/filters/<int:filter_id>": Row(of_nothing(keeps), path={"filter_id": 1}),
    "GET /api/v1/spot-checks": Row(may(A.SUPERVISE), "week=2026-W02"),
    "POST /api/v1/spot-checks": Row(may(A.SUPERVISE), json={"week": "2026-W02"}),
    "PUT /api/v1/spot-checks/<int:check_id>": Row(
        spot_checked, json={"verdict": "real"}, path={"check_id": 1}
    ),
    "GET /api/v1/discussions": Row(anybody),
    "GET /api/v1/discussions/<int:discussion_id>": Row(none, path={"discussion_id": 10**6}),
    "POST /api/v1/discussions": Row(may(A.DISPATCH), json=PROPOSAL),
    "POST /api/v1/discussions/<int:discussion_id>/slips": Row(
        of_nothing(may(A.DISPATCH)), path={"discussion_id": 10**6}, json={}
    ),
    "POST /api/v1/discussions/<int:discussion_id>/votes": Row(
        none, path={"discussion_id": 10**6}, json={"code": "abcd-efgh-jkmn", "choice": "yes"}
    ),
    "POST /api/v1/discussions/<int:discussion_id>/withdraw": Row(
        of_nothing(may(A.DISPATCH)), path={"discussion_id": 10**6}, json={"reason": "写错了"}
    ),
    "PUT /api/v1/discussions/<int:discussion_id>/conclusion": Row(
        of_nothing(may(A.DISPATCH)), path={"discussion_id": 10**6}, json={"conclusion": "照办"}
    ),
    "GET /discussions": Row(anybody),
    "POST /discussions": Row(may(A.DISPATCH), form=PROPOSAL),
    "GET /discussions/<int:discussion_id>": Row(none, path={"discussion_id": 10**6}),
    "POST /discussions/<int:discussion_id>": Row(
        of_nothing(may(A.DISPATCH)), path={"discussion_id": 10**6}, form={"do": "withdraw"}
    ),
    "POST /discussions/<int:discussion_id>/slips": Row(
        of_nothing(may(A.DISPATCH)), path={"discussion_id": 10**6}, form={}
    ),
    "POST /discussions/<int:discussion_id>/vote": Row(
        none, path={"discussion_id": 10**6}, form={"code": "abcd-efgh-jkmn", "choice": "yes"}
    ),
    "GET /api/v1/answer-templates": Row(may(A.DISPATCH)),
    "POST /api/v1/answer-templates": Row(may(A.DISPATCH), json=TEMPLATE),
    "PUT /api/v1/answer-templates/<int:template_id>": Row(
        of_nothing(may(A.DISPATCH)), path={"template_id": 1}, json=TEMPLATE
    ),
    "DELETE /api/v1/answer-templates/<int:template_id>": Row(
        of_nothing(may(A.DISPATCH)), path={"template_id": 1}
    ),
    "GET /figures": Row(may(A.FIGURES)),
    "GET /api/v1/coverage/classes": Row(figures_without_network, "category=clinic"),
    "GET /api/v1/coverage/buildings": Row(
        figures_without_network, "category=clinic&bbox=105.9,26.2,106,26.3"
    ),
    "GET /coverage/gaps.<any(xlsx, csv, gpkg):kind>": Row(
        exports_without_network, path={"kind": "csv"}
    ),
    "GET /coverage/tables": Row(may(A.FIGURES)),
    "GET /coverage/tables/<any(profiles, standards):name>.xlsx": Row(
        may(A.FIGURES), path={"name": "profiles"}
    ),
    "POST /coverage/tables/<any(profiles, standards):name>": Row(
        may(A.RULES, everywhere=True), path={"name": "profiles"}, form=FILE
    ),
    "GET /coverage": Row(may(A.FIGURES)),
    "GET /coverage/map.html": Row(figures_without_network, "bbox=105.9,26.2,106,26.3"),
    "GET /api/v1/unanswered": Row(may(A.ACCOUNTS)),
    "GET /unanswered": Row(may(A.ACCOUNTS)),
    "GET /figures.<any(csv, xlsx):kind>": Row(may(A.FIGURES), path={"kind": "csv"}),
    "GET /figures/rows": Row(reads_figures),
    # a paper of the home community; forms of it there are none
    "GET /api/v1/papers": Row(signed_in),
    "GET /api/v1/papers/<key>": Row(checks_up, PAPER, path={"key": "weekly"}),
    "GET /api/v1/papers/<key>/file": Row(checks_up, PAPER, path={"key": "weekly"}),
    "GET /papers": Row(may_one(A.FIGURES, A.HANDLE)),
    "GET /diary": Row(may_one(A.FIGURES, A.HANDLE)),
    "GET /papers/rows": Row(checks_up, PAPER + "&paper=weekly"),
    "GET /papers/file.<any(xlsx, docx, pdf):kind>": Row(
        checks_up, PAPER + "&paper=weekly", path={"kind": "xlsx"}
    ),
    "POST /papers/forms": Row(may(A.FIGURES), form={"name": "表", "paper": "weekly"}),
    "GET /papers/forms/<int:form_id>": Row(of_nothing(may(A.FIGURES)), path={"form_id": 1}),
    "POST /papers/forms/<int:form_id>": Row(of_nothing(may(A.FIGURES)), path={"form_id": 1}),
    "GET /papers/forms/<int:form_id>/file": Row(
        reads_report, PAPER + "&paper=weekly", path={"form_id": 1}
    ),
    "GET /screen": Row(may(A.SUPERVISE)),
    "GET /spot-checks": Row(may(A.SUPERVISE)),
    # the week is over, and nothing was closed in it
    "POST /spot-checks": Row(may(A.SUPERVISE), form={"week": "2026-W02"}),
    "POST /spot-checks/<int:check_id>": Row(
        spot_checked, form={"verdict": "real"}, path={"check_id": 1}
    ),
    # the reporter's pages: the same for every number; their data comes by the tracking secret
    "GET /report": Row(anybody),
    "GET /nearby": Row(anybody),
    "GET /track": Row(anybody),
    "GET /track/<uuid:incident_id>": Row(anybody),
    # OGC API - Features: what the map shows
    "GET /ogc/": Row(anybody),
    "GET /ogc/conformance": Row(anybody),
    "GET /ogc/collections": Row(anybody),
    "GET /ogc/collections/<name>": Row(anybody, path={"name": "grids"}),
    "GET /ogc/collections/<name>/queryables": Row(anybody, path={"name": "grids"}),
    "GET /ogc/collections/<name>/items": Row(anybody, path={"name": "grids"}),
    "GET /ogc/collections/<name>/items/<code>": Row(anybody, path={"name": "grids"}),
    # Open311: public reads; who reports shows a key in the request itself
    "GET /open311/v2/": Row(anybody),
    "GET /open311/v2/discovery": Row(anybody),
    "GET /open311/v2/discovery.<any(json, xml):kind>": Row(anybody, path={"kind": "json"}),
    "GET /open311/v2/services": Row(anybody),
    "GET /open311/v2/services.<any(json, xml):kind>": Row(anybody, path={"kind": "json"}),
    "GET /open311/v2/services/<code>": Row(anybody, path={"code": "06010.json"}),
    "GET /open311/v2/requests": Row(anybody),
    "GET /open311/v2/requests.<any(json, xml):kind>": Row(anybody, path={"kind": "json"}),
    "GET /open311/v2/requests/<number>": Row(none, path={"number": "nothing.json"}),
    "GET /open311/v2/tokens/<number>": Row(none, path={"number": "nothing.json"}),
    "POST /open311/v2/requests": Row(program(A.REPORT), form={"service_code": "06010"}),
    "POST /open311/v2/requests.<any(json, xml):kind>": Row(
        program(A.REPORT), form={"service_code": "06010"}, path={"kind": "json"}
    ),
    "GET /open311/v2/servicerequestupdates": Row(anybody),
    "GET /open311/v2/servicerequestupdates.<any(json, xml):kind>": Row(
        anybody, path={"kind": "json"}
    ),
    "POST /open311/v2/servicerequestupdates": Row(program(A.NOTE), form={}),
    "POST /open311/v2/servicerequestupdates.<any(json, xml):kind>": Row(
        program(A.NOTE), form={}, path={"kind": "json"}
    ),
    "GET /open311/v2/<path:path>": Row(none, path={"path": "nothing"}),
    "POST /open311/v2/<path:path>": Row(none, path={"path": "nothing"}),
}


class World:
    """A home county with somebody of every role and an incident with a photo.

    A far county with another.
    """

    def __init__(self, app: APIFlask, session: Session, client: FlaskClient) -> None:
        self.app, self.session = app, session
        self.home = build.Town(session)
        self.grid = self.home.grid("001")
        tower = self.home.building("1号楼", 0.0004, 0.0004)
        self.unit = self.home.unit(self.grid, "01", [(tower, None, None, None)])
        self.home.person("接任")
        self.far = build.Town(session, "520499001001")
        self.far.post("grid_worker", self.far.grid("001", column=50), "远网格员")
        places: dict[str, Area] = {
            "unit_head": self.unit,
            "grid_worker": self.grid,
            "grid_leader": self.grid,
            "community_worker": self.home.community,
            "street_office": self.home.street,
            "command_centre": self.home.county,
        }
        self.post = [self.home.post(role, places[role], f"王{role}") for role in POSTS.values()][1]
        self.incident = self._report(POINT["lon"], "楼下的事")
        # of a kind that is not of public space: nobody else is told that there is one
        private = (
            "SELECT min(c.code) FROM incident_category c JOIN catalogue_edition e"
            " ON e.id = c.edition_id"
        )
        self.private = session.scalar(
            text(f"{private} WHERE e.state = 'active' AND c.code !~ '^[0-9]'")
        )
        self.hidden = self._report(POINT["lon"] + 50 * build.SIDE, MARK)
        self.photo, self.hidden_photo = self._photo(self.incident), self._photo(self.hidden)
        self.visit_photo = self._visit_photo()
        self.askers = [self._asker(number, name) for number, name in enumerate(ASKERS)]
        far_desk = Account(
            username="far-desk", password_hash="x"
        )  # who answers there: it is not the operator's to see
        session.add(far_desk)
        session.flush()
        session.add(
            AccessGrant(account_id=far_desk.id, role="dispatcher", area_id=self.far.community.id)
        )
        self.rules = session.scalar(text("SELECT id FROM rule_set WHERE state = 'active'"))
        self.draft = self._draft(self.grid, 0)
        self.hidden_draft = self._draft(
            session.scalars(select(Area).where(Area.code == "520499001001001")).one(), 50
        )
        session.commit()
        for number in (self.incident, self.hidden):  # as if they had just been heard of
            last = "SELECT max(id) FROM incident_event WHERE incident_id = :id"
            event = session.scalar(text(last), {"id": number})
            views.feed(app)._add(views.FeedEvent(int(event or 0), number, time.time(), read=False))

    def _report(self, lon: float, words: str) -> UUID:
        category = self.private if words == MARK else "06010"
        incident_report = IncidentReport(
            category,
            words,
            lon=lon,
            lat=POINT["lat"],
            crs="cgcs2000",
            channel="patrol",
            name="报事人甲",
            phone="13900000000",
        )
        return report.file_report(self.session, system_principal("test"), incident_report, NOW).id

    def _draft(self, grid: Area, column: float) -> int:
        """Somebody's draft that splits a grid."""
        number = drafts.create_draft(
            self.session, system_principal("planner"), MARK if column else "家里的草案"
        ).id
        middle = build.LON + (column + 0.5) * build.SIDE
        line = {
            "type": "LineString",
            "coordinates": [[middle, build.LAT - 0.0001], [middle, build.LAT + 0.0011]],
        }
        drafts.add_operation(
            self.session,
            system_principal("planner"),
            number,
            {"op": "split", "code": grid.code, "line": line},
        )
        return number

    def _visit_photo(self) -> UUID:
        visit = checkup_visits.add_visit(
            self.session,
            system_principal("test"),
            self.home.community.code,
            checkup_visits.VisitInput(
                tier="complete", item="toilet", result="have", visited_at=NOW
            ),
            now=NOW,
            attached=self._green_photo(),
        )
        return visit.photos[0].id

    def _photo(self, incident: UUID) -> UUID:
        event, county = self.session.execute(
            text("SELECT max(id), min(county) FROM incident_event WHERE incident_id = :id"),
            {"id": incident},
        ).one()
        return photos.store(self.session, county, incident, event, self._green_photo())[0]

    def _green_photo(self) -> photo_store.AttachedPhotos:
        return photo_store.AttachedPhotos(self.app.config["SETTINGS"].var, [_green_picture()])

    def _asker(self, number: int, name: str) -> Asker:
        if name in KEYS:
            county = self.home.county.id
            public, secret = f"testpublic{number}", "s" * 43
            key = ApiKey(
                name=f"key {number}",
                key_id=public,
                secret_hash=hash_secret(secret),
                area_ids=[county],
                actions=[action.value for action in KEYS[name]],
                per_minute=100_000,
            )
            self.session.add(key)
            self.session.flush()
            by = Principal(
                "key", name, {action: frozenset({county}) for action in KEYS[name]}, key_id=key.id
            )
            return self._client(name, by, {"Authorization": f"Bearer wg_{public}_{secret}"})
        if name == "anonymous":
            return self._client(name, ANONYMOUS, {})
        person = self.home.person(f"王{POSTS[name]}").id if name in POSTS else None
        created = Account(
            username=f"user-{name.replace(' ', '-')}", password_hash="x", person_id=person
        )
        self.session.add(created)
        self.session.flush()
        if role := GRANTS.get(name):
            area = None if role == "administrator" else self.home.county.id
            self.session.add(AccessGrant(account_id=created.id, role=role, area_id=area))
            self.session.flush()
        return self._client(
            name, account_principal(self.session, created.id, person, created.username, NOW), {}
        )

    def _client(self, name: str, by: Principal, headers: dict[str, str]) -> Asker:
        """A client that sends the same cookie each time, whatever an answer says, and the token
        that goes with it.
        """
        now, raw = int(time.time()), "0" * 40
        stored = {"csrf_token": raw} | (
            {"account": [by.account_id, 1, now, now]} if by.account_id else {}
        )
        interface = self.app.session_interface
        assert isinstance(interface, SecureCookieSessionInterface)
        signer = interface.get_signing_serializer(self.app)
        assert signer is not None
        token = URLSafeTimedSerializer(self.app.secret_key or "", salt="wtf-csrf-token").dumps(raw)
        headers |= {"Cookie": f"wangge_session={signer.dumps(stored)}", "X-CSRFToken": token}
        return Asker(name, by, self.app.test_client(use_cookies=False), headers)

    def who(self, name: str) -> Asker:
        """The asker of a name."""
        return next(asker for asker in self.askers if asker.name == name)

    def ask(
        self, asker: Asker, method: str, path: str, row: Row | None = None, **extra: Any
    ) -> TestResponse:
        """Send a request and undo what it did."""
        sent: dict[str, Any] = dict(extra)
        if row is not None and row.json is not None:
            sent["json"] = row.json
        elif row is not None and row.form is not None:
            parts = {
                key: (io.BytesIO(v[0]), v[1]) if isinstance(v, tuple) else v
                for key, v in row.form.items()
            }
            sent["data"] = parts
        undo = self.session.begin_nested()
        try:
            return asker.client.open(path, method=method, headers=asker.headers, **sent)
        finally:
            undo.rollback()
            self.session.expire_all()

    @contextmanager
    def rights_cached(self) -> Iterator[None]:
        """Look rights up once in two seconds, as the running service does; nothing changes them."""
        cache: TimedCache = self.app.extensions["wangge_rights"]
        own, cache.session_factory = cache.session_factory, self.app.config["SESSION_FACTORY"]
        cache.entries.clear()
        try:
            yield
        finally:
            cache.session_factory = own
            cache.entries.clear()

    @cached_property
    def codes(self) -> dict[str, object]:
        """What places are filled in with, read once: `ask` makes the session forget its rows."""
        return {"post": self.post.id, "grid": self.grid.code, "unit": self.unit.code}

    def path(self, rule: str, row: Row) -> str:
        """A rule with its places filled in."""
        recorded = {
            "incident_id": self.incident,
            "photo_id": self.photo,
            "visit_photo_id": self.visit_photo,
            "post_id": self.codes["post"],
            "code": self.codes["grid"],
            "set_id": self.rules,
            "number": self.draft,
        }

        def fill(match: re.Match[str]) -> str:
            return str((recorded | row.path)[match[1]])

        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", fill, rule)
        query = row.query.format(**self.codes, id=self.incident)
        return f"{path}?{query}" if query else path


@pytest.fixture
def world(app: APIFlask, session: Session, client: FlaskClient) -> Iterator[World]:
    """The world, seen by every client within the test's transaction.

    Streams end with what is known.
    """
    stored = views.feed(app).streams
    assert stored.acquire(timeout=60)
    yield World(app, session, client)
    stored.release()


def classify(response: TestResponse) -> str:
    """What came back, as the table says it."""
    if response.status_code in (302, 303) and "/sign-in" in response.headers["Location"]:
        return "sign in"
    if response.status_code == 503 and b"walking network" in response.data:
        return "none"
    return {401: "sign in", 403: "no", 404: "none"}.get(
        response.status_code,
        "yes" if response.status_code < 500 else f"error {response.status_code}",
    )


def faults(world: World, name: str, row: Row, asker: Asker, response: TestResponse) -> list[str]:
    """Say where an answer is not as the row has it, or shows what is hidden from who asks."""
    came, data = classify(response), response.get_data()
    wrong = []
    if came != row.who(asker):
        wrong.append(f"gets {response.status_code} ({came}), not {row.who(asker)}")
    if not asker.by.is_allowed(A.NAMES) and re.search("王[a-z]+_", response.get_data(as_text=True)):
        wrong.append("is shown names")
    phone = () if name.endswith("/contact") else ("13900000000",)
    hidden = (str(world.hidden), MARK, *phone)
    wrong += [f"is shown {what}" for what in hidden if what.encode() in data]
    return [f"{name}: {asker.name} {fault}" for fault in wrong]


def routes(app: APIFlask) -> Iterator[str]:
    """Every route of the application, as the table names it."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}"


@cache  # a reader is a process of its own
def _green_picture() -> SanitisedPhoto:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(file, "JPEG")
    return photo_store.sanitise_photo(file.getvalue())
