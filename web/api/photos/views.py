"""Photos of incidents, for who may see the incident."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, request, send_file

from gis.incidents import photos
from web.http.db import session
from web.http.openapi import alternative_response
from web.security.disclosures import record
from web.security.session import principal

bp = APIBlueprint("photos", __name__, url_prefix="/api/v1", tag="Incidents")

IMAGE = alternative_response("image/jpeg", {"type": "string", "format": "binary"}) | {
    404: "None, or of an incident that is hidden"
}


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
    # no copy stays with the reader or on the way: rights change, and each look is written down
    response = send_file(path, media_type, conditional=False, download_name=path.name, etag=False)
    response.headers.pop("Last-Modified", None)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f'inline; filename="{path.name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not subject.reported:  # who reported looks at their own
        reason = request.args.get("reason", "")
        what = f"thumbnail {photo_id}" if thumbnail else f"photo {photo_id}"
        record(
            by, "photo", what, areas=subject.areas, incident_id=subject.incident_id, reason=reason
        )
    response.vary.update(("Authorization", "Cookie", "X-Tracking-Secret"))
    return response
