"""Photos: only photos come in, nothing but the picture is kept, and only who sees the incident gets
it.
"""

import hashlib
import io
import json
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageCms
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, NotFound, TooLarge
from gis.files import photo_files
from gis.files import photos as photo_store
from gis.incidents import photos
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import FiledIncident, file_report
from gis.incidents.reading import incidents
from gis.jobs.maintenance import PHOTO_TABLES
from gis.rights.principal import (
    ANONYMOUS,
    Principal,
    account_principal,
    reporter_principal,
    system_principal,
)
from gis.settings import Settings
from tests.support import build
from tests.support.machine import slowdown
from tests.support.sign_in import account, signed_in
from web.http.body_limit import DEFAULT_MAX_BYTES

GPS = 0x8825  # EXIF's folder of positions
ORIENTATION = 0x0112


def photo(size=(40, 30), colour="#c04020", kind="JPEG", mode="RGB", **options) -> bytes:
    """A picture of one colour as a file."""
    target = io.BytesIO()
    Image.new(mode, size, colour).save(target, kind, **options)
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def with_position(orientation=1) -> bytes:
    """A photo as a phone makes it: position, camera, comment, XMP, IPTC, colour profile."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x0110] = "SECRET CAMERA"
    exif.get_ifd(GPS).update({1: "N", 2: (26.0, 13.0, 48.0), 3: "E", 4: (105.0, 57.0, 0.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("RGB", (400, 300), "blue")
    image.paste("red", (0, 0, 400, 20))  # the upper edge as the sensor saw it
    target = io.BytesIO()
    image.save(
        target,
        "JPEG",
        exif=exif,
        comment=b"SECRET comment",
        icc_profile=profile,
        xmp=b"<x>SECRET xmp</x>",
    )
    data = target.getvalue()
    iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0bSECRET iptc"
    return data[:2] + b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc + data[2:]


def test_nothing_but_the_picture_is_kept():
    fields = with_position()
    assert fields.count(b"SECRET") == 4
    created = photo_store.sanitise_photo(fields)
    for stored in (created.data, created.thumbnail):
        image = opened(stored)
        assert b"SECRET" not in stored
        assert dict(image.getexif()) == {} and image.getexif().get_ifd(GPS) == {}
        assert set(image.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "progressive",
            "progression",
        }
    assert (created.media_type, created.width, created.height) == ("image/jpeg", 400, 300)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_nothing_hangs_on_a_png_or_webp_either(kind):
    exif = Image.Exif()
    exif[0x0110] = "SECRET CAMERA"
    options = {
        "exif": exif.tobytes(),
        "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    }
    fields = photo((50, 40), kind=kind, **options)
    if kind == "PNG":
        at = fields.index(b"IDAT") - 4
        fields = fields[:at] + chunk(b"tEXt", b"Comment\0SECRET place") + fields[at:]
    created = photo_store.sanitise_photo(fields)
    assert b"SECRET" in fields and b"SECRET" not in created.data
    image = opened(created.data)
    assert not {"exif", "icc_profile", "xmp", "Comment"} & set(image.info)
    assert image.format == kind and created.media_type == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (400, 300), (200, 5)),
        (3, (400, 300), (200, 294)),
        (6, (300, 400), (294, 200)),
        (8, (300, 400), (5, 200)),
    ],
)
def test_it_is_turned_as_the_camera_was_held(orientation, size, red):
    image = opened(photo_store.sanitise_photo(with_position(orientation)).data)
    assert image.size == size
    r, _, b = image.getpixel(red)
    assert r > 200 > 60 > b


def test_a_large_photo_is_made_smaller_and_has_a_thumbnail():
    created = photo_store.sanitise_photo(photo((6000, 3000)))
    assert (created.width, created.height) == (2560, 1280) == opened(created.data).size
    assert opened(created.thumbnail).size == (480, 240)
    small = photo_store.sanitise_photo(photo((100, 50)))
    assert (small.width, small.height) == (100, 50) and opened(small.thumbnail).size == (100, 50)


def test_a_narrow_strip_keeps_at_least_a_pixel():
    assert photo_store.sanitise_photo(photo((6000, 1))).height == 1


def test_a_colour_profile_is_used_up_and_a_broken_one_ignored():
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    plain = opened(
        photo_store.sanitise_photo(
            photo(colour="#808080", kind="PNG", icc_profile=b"no profile")
        ).data
    )
    assert plain.getpixel((5, 5)) == (128, 128, 128)  # a broken profile counts for nothing
    assert (
        "icc_profile" not in opened(photo_store.sanitise_photo(photo(icc_profile=other)).data).info
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_way_of_keeping_pixels_comes_out_right(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    grey = Image.new("RGB", (8, 8), "#808080")
    image = {"I;16": lambda: Image.new("I;16", (8, 8), 0x8000), "P": lambda: grey.quantize(4)}.get(
        mode, lambda: grey.convert(mode)
    )()
    target = io.BytesIO()
    image.save(target, kind)
    result = opened(photo_store.sanitise_photo(target.getvalue()).data)
    assert result.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    if mode not in ("1", "CMYK"):
        assert all(abs(value - 128) < 4 for value in result.getpixel((4, 4))[:3])


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is no photo"),
        (HEIC, "is HEIC"),
        (b"\0\0\0\x1cftypavif" + b"\0" * 50, "is AVIF"),
        (b"\0\0\0\x1cftypisom" + b"\0" * 50, "is a video"),
        (photo(kind="GIF"), "is GIF"),
        (photo(kind="BMP"), "is BMP"),
        (photo(kind="TIFF"), "is TIFF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is SVG"),
        (b"%PDF-1.7\n", "is PDF"),
        (b"PK\x03\x04 a zip", "is no photo"),
    ],
)
def test_what_is_no_photo_is_refused_and_named(data, message):
    with pytest.raises(InvalidInput, match=rf"^photos\[1\]: {message}") as refused:
        photo_store.sanitise_photos([photo(), data])
    assert refused.value.errors[0].field == "photos[1]"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.97])
def test_a_photo_that_is_cut_off_is_refused(kind, part):
    noise = io.BytesIO()
    Image.effect_noise((200, 150), 60).convert("RGB").save(noise, kind)
    data = noise.getvalue()
    with pytest.raises(InvalidInput, match=r"^photo: is (cut off or damaged|no photo)"):
        photo_store.sanitise_photo(data[: int(len(data) * part)])


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("index.html", "hidden")
    return target.getvalue()


@pytest.mark.parametrize(
    "extra",
    [
        zipped(),
        b"<script>alert(1)</script>",
        b"<?php system($_GET[0]);",
        b"%PDF-1.7 ...",
        b"<HTML><body>",
    ],
    ids=["zip", "script", "php", "pdf", "html"],
)
def test_a_photo_that_is_something_else_as_well_is_refused(extra):
    with pytest.raises(InvalidInput, match="another kind of file"):
        photo_store.sanitise_photo(photo() + extra)
    with pytest.raises(InvalidInput, match="another kind of file"):
        photo_store.sanitise_photo(
            photo(comment=extra) if len(extra) < 100 else photo() + b"\0" + extra
        )


def test_what_phones_hang_on_their_photos_does_no_harm():
    motion = photo() + b"\0\0\0\x1cftypisom" + os.urandom(500)  # a short film behind the picture
    assert b"ftypisom" not in photo_store.sanitise_photo(motion).data
    several = io.BytesIO()
    initial = Image.new("RGB", (30, 20), "red")
    initial.save(several, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20), "blue")])
    created = photo_store.sanitise_photo(several.getvalue())
    assert created.media_type == "image/jpeg" and opened(created.data).getpixel((5, 5))[0] > 200


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has very many pixels."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9000, 6000), (60_000, 60_000), (1_000_000, 1000)])
def test_a_bomb_does_not_go_off(size):
    began = time.perf_counter()
    with pytest.raises(TooLarge, match=r"^photos\[0\]: has more than 50 megapixels"):
        photo_store.sanitise_photos([bomb(*size)])
    assert time.perf_counter() - began < 0.5 * slowdown()


def test_a_jpeg_made_of_thousands_of_scans_is_refused_quickly():
    data = photo((3000, 3000), progressive=True)
    at = data.rindex(b"\xff\xda")
    scan = data[at:-2]
    began = time.perf_counter()
    with pytest.raises(InvalidInput, match="damaged"):
        photo_store.sanitise_photo(data[:-2] + scan * 2000 + b"\xff\xd9")
    assert time.perf_counter() - began < slowdown()


def test_sizes_and_numbers_have_limits():
    with pytest.raises(TooLarge, match=r"^photos\[0\]: has 10\.0 MB; at most 10 MB"):
        photo_store.sanitise_photos([photo() + b"\0" * photo_files.MAX_PHOTO_BYTES])
    with pytest.raises(TooLarge, match="there are 7; at most 6"):
        photo_store.sanitise_photos([photo()] * 7)
    assert photo_store.sanitise_photos([]) == []


# --- kept, and given out --------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, ten in the morning


class IncidentTown:
    """A grid whose worker gets what is reported there, and the one beside it."""

    def __init__(self, session: Session, var: Path) -> None:
        self.session, self.var = session, var
        self.town = build.Town(session)
        self.grid, self.beside = self.town.grid("001"), self.town.grid("002", column=1)
        self.town.post("grid_worker", self.grid, "王网格")
        self.town.post("grid_worker", self.beside, "邻网格员")

    def who(self, name: str) -> Principal:
        """Somebody signed in, with the rights of their posts."""
        return account_principal(self.session, -1, self.town.person(name).id, name, NOW)

    def report(self, *args: bytes) -> FiledIncident:
        """Rubbish in the first grid, reported by nobody in particular, with photos."""
        matter = IncidentReport(
            "06010", "楼下有一堆垃圾", build.LON + 0.0005, build.LAT + 0.0005, "cgcs2000"
        )
        filed = file_report(self.session, ANONYMOUS, matter, NOW, attached=self.attached(*args))
        self.session.commit()
        return filed

    def attached(self, *args: bytes) -> photo_store.AttachedPhotos:
        """Photos as they come with something."""
        return photo_store.AttachedPhotos(self.var, photo_store.sanitise_photos(args))

    def files(self) -> list[Path]:
        """Everything kept."""
        return sorted(file for file in (self.var / "photos").rglob("*") if file.is_file())

    def ids(self, filed: FiledIncident) -> list[UUID]:
        """The photos of an incident, in their order."""
        return incidents.get_incident(
            self.session, system_principal("test"), filed.id, now=NOW
        ).photos


@pytest.fixture
def incident_town(session: Session, settings: Settings) -> Iterator[IncidentTown]:
    """The usual place, with no photos yet."""
    created = IncidentTown(session, settings.var)
    yield created
    shutil.rmtree(settings.var / "photos", ignore_errors=True)


def test_a_photo_is_kept_as_two_files_under_its_own_name(incident_town):
    filed = incident_town.report(photo(colour="red"), photo(kind="PNG", mode="RGBA"))
    leading, second = incident_town.ids(filed)
    stored = {str(file.relative_to(incident_town.var / "photos")) for file in incident_town.files()}
    assert stored >= {
        f"{item.hex[:2]}/{item}{small}{ending}"
        for item, ending in ((leading, ".jpg"), (second, ".png"))
        for small in ("", "-small")
    }
    row = (
        incident_town.session.execute(text("SELECT * FROM photo WHERE id = :id"), {"id": leading})
        .mappings()
        .one()
    )
    data = (incident_town.var / "photos" / leading.hex[:2] / f"{leading}.jpg").read_bytes()
    assert (row["media_type"], row["width"], row["height"], row["size"]) == (
        "image/jpeg",
        40,
        30,
        len(data),
    )
    assert row["sha256"] == hashlib.sha256(data).digest()
    event = incident_town.session.scalar(
        text("SELECT move FROM incident_event WHERE id = :id"), {"id": row["event_id"]}
    )
    assert event == "report"


def test_who_sees_the_incident_gets_the_photo_and_nobody_else(incident_town):
    filed = incident_town.report(photo())
    (item,) = incident_town.ids(filed)
    for by in (incident_town.who("王网格"), reporter_principal(filed.id), system_principal("test")):
        path, media_type = photos.photo_path(incident_town.session, by, incident_town.var, item)
        assert path.is_file() and media_type == "image/jpeg"
    small, _ = photos.photo_path(
        incident_town.session, system_principal("test"), incident_town.var, item, thumbnail=True
    )
    assert small != path and small.is_file()
    output = set()
    for by, queries in (
        (incident_town.who("邻网格员"), item),
        (ANONYMOUS, item),
        (reporter_principal(uuid4()), item),
        (incident_town.who("王网格"), uuid4()),
    ):
        with pytest.raises(NotFound) as refused:
            photos.photo_path(incident_town.session, by, incident_town.var, queries)
        output.add(str(refused.value))
    assert output == {"there is no such photo"}  # hidden and absent are the same


def test_photos_between_those_who_work_on_it_are_not_the_reporters(incident_town):
    filed = incident_town.report()
    worker = incident_town.who("王网格")
    for name, colour in (("take", "red"), ("request_extend", "green"), ("handle", "blue")):
        wish = MovePayload(note="看照片", minutes=60)
        if name == "handle":
            moves.apply_move(
                incident_town.session, system_principal("test"), filed.id, "approve_extend", NOW
            )
        moves.apply_move(
            incident_town.session,
            worker,
            filed.id,
            name,
            NOW,
            wish,
            attached=incident_town.attached(photo(colour=colour)),
        )
    taken, queries, handled = incident_town.ids(filed)
    for item in (taken, handled):
        assert photos.photo_path(
            incident_town.session, reporter_principal(filed.id), incident_town.var, item
        )
    with pytest.raises(NotFound):
        photos.photo_path(
            incident_town.session, reporter_principal(filed.id), incident_town.var, queries
        )
    assert photos.photo_path(incident_town.session, worker, incident_town.var, queries)


def test_a_row_without_its_file_is_not_found(incident_town):
    (item,) = incident_town.ids(incident_town.report(photo()))
    for file in incident_town.files():
        file.unlink()
    with pytest.raises(NotFound):
        photos.photo_path(incident_town.session, system_principal("test"), incident_town.var, item)


def test_what_is_undone_leaves_files_that_cleaning_removes(incident_town):
    stored = incident_town.report(photo())
    incident_town.session.begin_nested()
    attached = incident_town.attached(photo(colour="blue"))
    photos.store(incident_town.session, stored.county, stored.id, 1, attached)
    incident_town.session.rollback()
    torn = incident_town.files()[0].with_name(".abc.part")
    torn.write_bytes(b"cut off by a crash")
    stranger = torn.with_name("notes.txt")
    stranger.write_text("not ours")
    assert len(incident_town.files()) == 6
    assert (
        photo_store.delete_orphans(incident_town.session, incident_town.var, PHOTO_TABLES) == 0
    )  # too young: a change may still be under way
    for file in incident_town.files():
        os.utime(file, (time.time() - 7200,) * 2)
    assert photo_store.delete_orphans(incident_town.session, incident_town.var, PHOTO_TABLES) == 4
    (item,) = incident_town.ids(stored)
    assert {file.stem for file in incident_town.files()} == {str(item), f"{item}-small"}


def test_cleaning_before_the_first_photo_does_nothing(incident_town):
    assert (
        photo_store.delete_orphans(
            incident_town.session, incident_town.var / "elsewhere", PHOTO_TABLES
        )
        == 0
    )


def test_six_photos_an_event_and_no_more(incident_town):
    picture = photo_store.sanitise_photo(photo())
    with pytest.raises(TooLarge, match="there are 7; at most 6"):
        photo_store.AttachedPhotos(incident_town.var, [picture] * 7)
    assert incident_town.files() == []


# --- over HTTP ------------------------------------------------------------------------------------


def post(client: FlaskClient, path: str, body: dict, *args: bytes, **headers: str):
    """A form with a JSON part and photos."""
    form = {
        "json": json.dumps(body),
        "photo": [(io.BytesIO(item), f"{n}.jpg") for n, item in enumerate(args)],
    }
    return client.post(
        f"/api/v1{path}",
        data=form,
        content_type="multipart/form-data",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


MATTER = {
    "lon": build.LON + 0.0005,
    "lat": build.LAT + 0.0005,
    "crs": "cgcs2000",
    "category": "06010",
}


def test_reported_with_a_photo_and_seen_again_with_the_secret(incident_town, client):
    filed = post(client, "/incidents", MATTER, with_position())
    assert filed.status_code == 201, filed.text
    secret = {"X-Tracking-Secret": filed.json["tracking_secret"]}
    seen = client.get(f"/api/v1/incidents/{filed.json['id']}/track", headers=secret).json
    (item,) = seen["photos"]
    assert seen["timeline"][0]["photos"] == [item]
    answer = client.get(f"/api/v1/photos/{item}", headers=secret)
    assert (
        answer.status_code == 200
        and opened(answer.data).size == (400, 300)
        and b"SECRET" not in answer.data
    )
    payload = answer.headers
    assert (
        payload["Content-Type"] == "image/jpeg" and payload["X-Content-Type-Options"] == "nosniff"
    )
    assert payload["Cache-Control"] == "no-store" and payload["Content-Disposition"].startswith(
        "inline"
    )
    assert "X-Tracking-Secret" in payload["Vary"] and payload["Content-Security-Policy"].startswith(
        "default-src 'none'"
    )
    small = client.get(f"/api/v1/photos/{item}/thumbnail", headers=secret)
    assert small.status_code == 200 and small.headers["Cache-Control"] == "no-store"
    assert (
        "ETag" not in payload and "Last-Modified" not in payload
    )  # nothing to ask by whether it is still the same


def test_without_the_right_to_see_it_a_photo_is_as_if_it_were_not_there(incident_town, client):
    filed = post(client, "/incidents", MATTER, photo()).json
    other = post(client, "/incidents", MATTER | {"lon": MATTER["lon"] + 0.0003}, photo()).json
    (item,) = client.get(
        f"/api/v1/incidents/{filed['id']}/track",
        headers={"X-Tracking-Secret": filed["tracking_secret"]},
    ).json["photos"]
    tag = {"If-None-Match": f'"{item}"'}
    answers = [
        client.get(f"/api/v1/photos/{queries}{size}", headers=headers)
        for size in ("", "/thumbnail")
        for queries, headers in (
            (item, {}),
            (item, tag),
            (item, {"X-Tracking-Secret": "wrong"}),
            (item, {"X-Tracking-Secret": other["tracking_secret"]} | tag),
            (uuid4(), {}),
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert client.get(f"/api/v1/photos/{item}?secret={filed['tracking_secret']}").status_code == 404


def test_a_bad_photo_spoils_the_whole_report_and_is_named(incident_town, client):
    refused = post(client, "/incidents", MATTER, photo(), b"not a photo")
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "photos[1]"
    assert post(client, "/incidents", MATTER, *[photo()] * 7).status_code == 413
    assert incident_town.session.scalar(text("SELECT count(*) FROM incident")) == 0
    assert incident_town.files() == []


def test_a_note_brings_a_photo_of_its_own(incident_town, client):
    filed = post(client, "/incidents", MATTER).json
    secret = {"X_Tracking_Secret": filed["tracking_secret"]}
    moved = post(
        client,
        f"/incidents/{filed['id']}/moves",
        {"move": "note", "note": "就在这里"},
        photo(),
        **secret,
    )
    assert moved.status_code == 200, moved.text
    seen = client.get(
        f"/api/v1/incidents/{filed['id']}/track",
        headers={"X-Tracking-Secret": filed["tracking_secret"]},
    ).json
    assert [len(event["photos"]) for event in seen["timeline"] if event["move"] == "note"] == [1]


def test_the_tracking_page_says_nothing_about_which_reports_there_are(incident_town, client):
    filed = incident_town.report()
    recorded, unknown = (client.get(f"/track/{item}").text for item in (filed.id, uuid4()))
    uuids = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|nonce=\"[^\"]+\"")
    assert uuids.sub("", recorded) == uuids.sub("", unknown)
    assert filed.tracking_secret not in recorded
    assert client.get(f"/track/{filed.id}").headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "address", ["/report", "/report?p=105.95,26.23", "/track", "/report?lang=en"]
)
def test_the_pages_answer(incident_town, client, address):
    answer = client.get(address)
    assert answer.status_code == 200 and "nonce-" in answer.headers["Content-Security-Policy"]


def test_a_place_in_the_address_that_is_none_is_refused(incident_town, client):
    assert client.get("/report?p=here,there").status_code == 422


def test_somebody_signed_in_may_send_as_many_large_photos_as_a_stranger(incident_town, client):
    signed_in(client, account(incident_town.session, "li", "resident"))
    heavy = [heavy_photo(n) for n in range(5)]
    assert sum(map(len, heavy)) > DEFAULT_MAX_BYTES
    token = re.search(r'"csrf": "([^"]+)"', client.get("/report").text)
    assert token is not None
    filed = post(client, "/incidents", MATTER, *heavy, X_CSRFToken=token[1])
    assert filed.status_code == 201, filed.text
    assert post(client, "/incidents", MATTER, *heavy[:1]).status_code == 403  # without the token


def heavy_photo(number: int) -> bytes:
    """A photo of about 2 MB."""
    noise = Image.effect_noise((1400, 1000), 100 + number).convert("RGB")
    target = io.BytesIO()
    noise.save(target, "JPEG", quality=98, subsampling=0)
    return target.getvalue()
