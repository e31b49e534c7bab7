"""The work that callers without account or key may ask for in a minute, in units of about 10 ms.

Each address (IPv6: each /64) has `WANGGE_ANONYMOUS_UNITS_PER_MINUTE`. Only reads that cost more
than a cached answer count; a page with its tiles takes some 40 units, so that a hundred residents
behind one address do not meet the limit.
"""

import time

from flask import current_app, request

from gis.accounts import rate_limit
from gis.messages import Message
from web.http.client import client_network

COST_BY_ENDPOINT = {
    "map.export": 60,
    "areas.between": 30,
    "tiles.layer_features": 5,
    "tiles.tile": 1,
    "tiles.service_tile": 2,
    "search.find": 2,
    "incidents.list_duplicates": 2,
    "facilities.nearest": 3,
    "facilities.circle": 3,
    "nearby.nearby": 3,
    "nearby.reach": 5,
    "nearby.walk": 3,
    "facilities.facilities": 2,
    "coverage.shares": 10,
    "ogc.list_collections": 5,
    "ogc.list_items": 5,
    "open311.requests": 5,
    "categories.suggested": 1,
    "areas.history": 2,
    "map.index": 2,
}
BYTES_PER_UNIT = 5_000  # of a body: 10,000 points to locate are 1 MB, and two seconds of work


def charge() -> None:
    """Take what this request costs from its address's budget.

    Raises
    ------
    RateLimited
        The budget of this minute is spent; `retry_after` says when the next begins.
    """
    units = COST_BY_ENDPOINT.get(request.endpoint or "", 0)
    if request.endpoint == "locate.locate_many":
        units = 1 + (request.content_length or 0) // BYTES_PER_UNIT
    if units:
        settings = current_app.config["SETTINGS"]
        rate_limit.check_rate_limit(
            settings.var,
            f"anonymous {client_network()}",
            settings.anonymous_units_per_minute,
            time.time(),
            Message("counted.anonymous_units"),
            units,
        )
