"""A client that speaks Open311 as FixMyStreet does: XML, photos as files, updates both ways."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

from flask.testing import FlaskClient


class FixMyStreet:
    """A site that hands reports over to an endpoint and reads back what becomes of them."""

    def __init__(self, client: FlaskClient, root: str, api_key: str, jurisdiction: str) -> None:
        self.client, self.root = client, root
        self.common = {"api_key": api_key, "jurisdiction_id": jurisdiction}

    def send_report(
        self, number: int, service_code: str, lat: float, lon: float, *photos: bytes
    ) -> str:
        """Hand a report over; return its number there."""
        form = {
            "service_code": service_code,
            "lat": str(lat),
            "long": str(lon),
            "description": f"Rubbish | by the door | https://fms.example/report/{number}",
            "email": "user@example.org",
            "first_name": "Test",
            "last_name": "User",
            "attribute[easting]": "529025",
            "attribute[northing]": "179716",
            "attribute[fixmystreet_id]": str(number),
            "attribute[title]": "Rubbish",
            "attribute[report_url]": f"https://fms.example/report/{number}",
        }
        return self._post("requests", form, photos)["service_request_id"]

    def send_update(
        self, request: str, number: int, words: str, status: str = "OPEN", *photos: bytes
    ) -> str:
        """Send a comment on a report; return its number there."""
        form = {
            "service_request_id": request,
            "update_id": str(number),
            "updated_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
            "status": status,
            "description": words,
            "first_name": "Test",
            "last_name": "User",
            "email": "user@example.org",
            "title": "",
            "media_url": "",
            "public_anonymity_required": "FALSE",
        }
        return self._post("servicerequestupdates", form, photos)["update_id"]

    def read_updates(self, hours: int = 24) -> list[dict[str, str]]:
        """Return what happened to requests lately."""
        now = datetime.now(UTC)
        query = self.common | {
            "start_date": (now - timedelta(hours=hours)).isoformat(),
            "end_date": (now + timedelta(minutes=1)).isoformat(),
        }
        reply = self.client.get(f"{self.root}/servicerequestupdates.xml", query_string=query)
        assert reply.status_code == 200, reply.text
        return [_fields(item) for item in ElementTree.fromstring(reply.data)]

    def _post(
        self, path: str, fields: Mapping[str, str], photos: tuple[bytes, ...]
    ) -> dict[str, str]:
        form: dict[str, Any] = self.common | dict(fields)
        for number, photo in enumerate(photos, 1):
            form[f"photo{number}"] = (BytesIO(photo), f"{number}.jpeg")
        reply = self.client.post(f"{self.root}/{path}.xml", data=form)
        assert reply.status_code == 201, reply.text
        return _fields(ElementTree.fromstring(reply.data)[0])


def _fields(item: ElementTree.Element) -> dict[str, str]:
    return {field.tag: field.text or "" for field in item}
