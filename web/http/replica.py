"""What anybody may read comes from a replica, while it answers and is not far behind.

Who signed in, sent a key, or follows a report reads what they have written, so their requests go to
the main server, as does every endpoint but those of `REPLICA_BLUEPRINTS`.
"""

from flask import current_app, request

from gis.ops.replica import MAX_LAG_S, Replica

REPLICA_BLUEPRINTS = frozenset(
    {"areas", "facilities", "locate", "nearby", "ogc", "profiles", "search", "standards", "tiles"}
)


def may_read_replica() -> bool:
    """Return whether the request reads what anybody may read, and says nothing of who sends it."""
    return (
        request.blueprint in REPLICA_BLUEPRINTS
        and "Authorization" not in request.headers
        and current_app.config["SESSION_COOKIE_NAME"] not in request.cookies
    )


def replica_note() -> str | None:
    """Return why everything is read from the main server; None while the replica is used."""
    replica: Replica | None = current_app.extensions["replica"]
    if replica is None or replica.is_usable():
        return None
    return (
        f"the replica does not answer or is more than {MAX_LAG_S:.0f} s behind; everything is read"
        " from the main server"
    )
