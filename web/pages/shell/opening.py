"""What pages open with: the own area of who is signed in, else the whole deployment."""

from datetime import datetime

from layers.overview import Overview, overview
from web.http import params
from web.http.db import session
from web.security.session import principal


def opening(at: datetime | None = None) -> Overview:
    """Return the counties of who asks in a few figures, where the own areas lie, whom to credit.

    Parameters
    ----------
    at
        Whose boundaries; None means now.
    """
    return overview(session(), at or params.parse_datetime(None), principal().own_areas)
