"""Photos of incidents, for who may see the incident."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, request

from gis.incidents import photos
from gis.messages import Message
from web.http.db import session
from web.http.openapi import IMAGE
from web.http.responses import photo_response
from web.security.disclosures import record
from web.security.session import principal

bp = APIBlueprint("photos", __name__, url_prefix="/api/v1", tag="Incidents")


@bp.get("/photos/<uuid:photo_id>")
@bp.doc(summary="A photo", responses=IMAGE)
def get_photo(photo_id: UUID) -> Response:
    """Send a photo as it is stored: JPEG, PNG or WebP.

    The reporter sends `X-Tracking-Secret`; no secret is in an address.
    """
    return _sent(photo_id, thumbnail=False)


@bp.get("/photos/<uuid:photo_id>/thumbnail")
@bp.doc(summary="A photo, small", responses=IMAGE)
def thumbnail(photo_id: UUID) -> Response:
    """At most 480 pixels long; for the rest as the photo."""
    return _sent(photo_id, thumbnail=True)


def _sent(photo_id: UUID, *, thumbnail: bool) -> Response:
    secret = request.headers.get("X-Tracking-Secret")
    by = photos.by_secret(session(), photo_id, secret) if secret else principal()
    var = current_app.config["SETTINGS"].var
    path, media_type = photos.photo_path(session(), by, var, photo_id, thumbnail=thumbnail)
    subject = photos.subject_of(session(), by, photo_id)
    response = photo_response(path, media_type)
    if not subject.reported:  # who reported looks at their own
        reason = request.args.get("reason", "")
        what = Message("shown.thumbnail" if thumbnail else "shown.photo", {"photo": photo_id})
        record(
            by, "photo", what, areas=subject.areas, incident_id=subject.incident_id, reason=reason
        )
    response.vary.add("X-Tracking-Secret")
    return response
