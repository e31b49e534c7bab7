"""Errors as answers: the right status, problem+json or a page, and nothing of the inside."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, field_validator
from sqlalchemy import text
from structlog.testing import capture_logs

from gis import errors
from gis.errors import FieldError, InvalidInput, WanggeError
from gis.messages import label
from gis.settings import Settings
from web.app import create_app
from web.http.db import session as request_session
from web.http.errors import DETAIL, PROBLEM_BY_ERROR
from web.http.validation import validate_model

HAN = re.compile(r"[\u4e00-\u9fff]")
SECRET = "s3cret-word"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Rare(errors.Conflict):
    """A class the table does not name."""


@pytest.fixture(scope="module")
def app(settings: Settings) -> APIFlask:
    """An app with one failing address for each error, and a database that is not there."""
    created = create_app(settings, f"postgresql://nobody:{SECRET}@127.0.0.1:1/none")
    fail = {
        "invalid": errors.invalid_fields(
            [FieldError("lon", "field.not_between", {"low": -180, "high": 180})]
        ),
        "missing": errors.NotFound("key.unknown", name="x"),
        "outside": errors.OutsideGrids(
            "grid.none", extra={"nearest": {"code": "520402007004001", "distance_m": 71.5}}
        ),
        "conflict": errors.Conflict("key.name_taken", name="x"),
        "much": errors.TooLarge("map.too_many_in_view", limit=10_000, layer="grids"),
        "unavailable": errors.Unavailable("sign_in.provider_unreachable"),
        "rare": Rare("sign_in.no_provider"),
        "other": ZeroDivisionError(SECRET),
    }

    def failing(name: str) -> str:
        raise fail[name]

    created.add_url_rule("/api/fail/<name>", "fail", failing)
    created.add_url_rule("/fail/<name>", "fail_page", failing)
    created.add_url_rule(
        "/api/db",
        "db",
        lambda: str(request_session().execute(text("SELECT :word"), {"word": SECRET})),
    )
    created.add_url_rule(
        "/api/json", "json", lambda: __import__("flask").request.get_json(), methods=["POST"]
    )
    return created


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    """Requests as in service: errors are answered, not raised."""
    return app.test_client()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[list[dict[str, object]]]:
    """What was logged."""
    with capture_logs() as logs:
        yield logs  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("invalid", 422, "invalid-input"),
        ("missing", 404, "not-found"),
        ("outside", 404, "outside-grids"),
        ("conflict", 409, "conflict"),
        ("much", 413, "too-large"),
        ("unavailable", 503, "not-available"),
        ("rare", 409, "conflict"),
    ],
)
def test_each_error_has_its_status(client: FlaskClient, name: str, status: int, kind: str) -> None:
    answer = client.get(f"/api/fail/{name}")
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{kind}"
    assert body["title"] and body["detail"]


def test_every_domain_error_is_in_the_table() -> None:
    classes = [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, WanggeError)
    ]
    assert set(classes) == set(PROBLEM_BY_ERROR)


def test_fields_and_more_members_are_told(client: FlaskClient) -> None:
    assert client.get("/api/fail/invalid").get_json()["errors"] == [
        {"field": "lon", "message": "must be between -180 and 180"}
    ]
    assert client.get("/api/fail/outside").get_json()["nearest"] == {
        "code": "520402007004001",
        "distance_m": 71.5,
    }


def test_an_extra_member_cannot_replace_the_status(app: APIFlask) -> None:
    from web.http.errors import handle_domain_error

    with app.test_request_context("/api/x"):
        response = app.make_response(
            handle_domain_error(errors.NotFound("map.empty", extra={"status": "200 OK"}))
        )
    assert response.get_json()["status"] == 404


def test_the_unexpected_is_a_plain_500_with_a_number_that_the_log_knows(
    client: FlaskClient, quiet: list[dict[str, object]]
) -> None:
    answer = client.get("/api/fail/other")
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    visible = answer.get_data(as_text=True)
    assert SECRET not in visible and "ZeroDivision" not in visible and "Traceback" not in visible
    [logged] = [line for line in quiet if line["event"] == "unexpected"]
    assert logged["id"] == answer.get_json()["id"]
    assert isinstance(logged["exc_info"], ZeroDivisionError)


def test_a_lost_database_is_503_and_says_nothing_of_the_address(
    client: FlaskClient, quiet: list[dict[str, object]]
) -> None:
    answer = client.get("/api/db")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    visible = answer.get_data(as_text=True)
    assert SECRET not in visible and "127.0.0.1" not in visible and "sqlalche" not in visible
    assert SECRET not in str([str(line.get("exc_info")) for line in quiet])


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1/nothing", "/api/v1/areas/a/b/c", "/static/nothing.js", "/..%2f"]
)
def test_unknown_addresses_are_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_browser_gets_a_page_and_the_api_never_does(client: FlaskClient) -> None:
    page = client.get("/nothing", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert client.get("/api/v1/nothing", headers=BROWSER).mimetype == "application/problem+json"
    broken = client.get("/fail/other", headers=BROWSER)
    assert (broken.status_code, broken.mimetype) == (500, "text/html")
    assert SECRET not in broken.get_data(as_text=True)


def test_words_from_the_request_are_escaped_on_the_page(client: FlaskClient, app: APIFlask) -> None:
    from web.http.errors import handle_domain_error

    with app.test_request_context("/x?lang=en", headers=BROWSER):
        page = app.make_response(
            handle_domain_error(errors.NotFound("key.unknown", name="<script>alert(1)</script>"))
        ).get_data(as_text=True)
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.delete("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ("a", "text/plain", 415),
        ("x" * 9_000_000, "application/json", 413),
    ],
)
def test_broken_strange_and_huge_bodies_are_refused(
    client: FlaskClient, body: str, kind: str, status: int
) -> None:
    answer = client.post("/api/json", data=body, content_type=kind)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_pydantic_findings_name_every_field(client: FlaskClient) -> None:
    answer = client.get("/api/v1/areas?limit=0&level=planet")
    assert answer.status_code == 422
    assert {item["field"] for item in answer.get_json()["errors"]} == {"limit", "level"}
    missing = client.get("/api/v1/facilities/nearest?lon=105.95&lat=26.23").get_json()
    assert missing["errors"] == [
        {
            "field": "crs",
            "message": "is missing; say wgs84, cgcs2000, gcj02 or bd09: there is no default",
        }
    ]


class Inner(BaseModel):
    """A part of a body."""

    n: int


class Body(BaseModel):
    """One field for each thing that pydantic finds wrong."""

    model_config = {"extra": "forbid"}

    text: str = Field("", max_length=4000)
    many: list[int] = Field([1], min_length=1, max_length=2)
    low: int = Field(1, ge=1)
    above: float = Field(1, gt=0.5)
    high: int = Field(1, le=5)
    number: float = Field(1, allow_inf_nan=False)
    flag: bool = True
    inner: Inner = Inner(n=1)
    id: UUID = UUID(int=0)
    day: date = date(2026, 1, 1)
    choice: Literal["a", "b", "c"] = "a"
    crs: str = "wgs84"
    odd: str = Field("x", min_length=1)

    @field_validator("crs")
    @classmethod
    def known(cls, value: str) -> str:
        """Name a code of ours."""
        if value in ("moon", "mars"):
            raise ValueError("notice.ids_or_until" if value == "moon" else "a sentence")
        return value


# a body, and what is said of its field
FINDINGS: list[tuple[dict[str, Any], str]] = [
    ({"other": 1}, "is not a field of this request; leave it out"),
    ({"text": "x" * 4001}, "has more than 4,000 characters"),
    ({"many": [1, 2, 3]}, "has more than 2 entries"),
    ({"many": []}, "needs at least 1 entries"),
    ({"low": 0}, "must be 1 or more"),
    ({"above": 0.1}, "must be above 0.5"),
    ({"high": 6}, "must be 5 or less"),
    ({"low": "x"}, "must be a whole number"),
    ({"low": 1.5}, "must be a whole number"),
    ({"low": []}, "must be a whole number"),
    ({"number": float("inf")}, "must be a number"),
    ({"number": "x"}, "must be a number"),
    ({"flag": "perhaps"}, "must be true or false"),
    ({"text": 1}, "must be a text"),
    ({"many": "x"}, "is not built as this request needs it"),
    ({"inner": 1}, "is not built as this request needs it"),
    ({"inner": {}}, "is missing"),
    ({"choice": "d"}, "must be one of a, b, c"),
    ({"id": "x"}, "must be an id as 01234567-89ab-cdef-0123-456789abcdef"),
    ({"day": "2026-02-29"}, "must be a day as 2026-11-23"),
    ({"odd": ""}, "is not as this request needs it"),
]


@pytest.mark.parametrize("code", DETAIL.values())
def test_errors_of_the_framework_are_said_in_both_languages(code: str) -> None:
    assert not HAN.search(label(code)) and HAN.search(label(code, "zh"))


@pytest.mark.parametrize(("body", "words"), FINDINGS)
def test_a_finding_of_pydantic_is_said_in_both_languages(body: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_model(Body, body)
    (error,) = refused.value.errors
    assert error.field.split(".")[0] == next(iter(body))
    assert error.message == words
    assert HAN.search(error.message_in("zh"))


def test_our_own_findings_and_a_missing_crs_have_codes_of_their_own() -> None:
    class Place(BaseModel):
        crs: str

    for model, body, code in (
        (Body, {"crs": "moon"}, "notice.ids_or_until"),
        (Body, {"crs": "mars"}, "input.value_wrong"),
        (Place, {}, "input.crs_missing"),
    ):
        with pytest.raises(InvalidInput) as refused:
            validate_model(model, body)
        assert [error.code for error in refused.value.errors] == [code]


def test_errors_are_not_cached_and_are_sealed(client: FlaskClient) -> None:
    headers = client.get("/api/fail/missing").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_log_holds_routes_and_no_query_strings(
    client: FlaskClient, quiet: list[dict[str, object]]
) -> None:
    client.get("/api/fail/missing?lon=105.950123&lat=26.230245")
    [line] = [item for item in quiet if item["event"] == "request"]
    assert line["route"] == "/api/fail/<name>"
    assert "105.950123" not in str(line)  # longer than any duration of the line


def _bodies(app: APIFlask) -> set[type[BaseModel]]:
    """The models of the JSON bodies of all routes of the API, those inside others too."""
    views = app.view_functions.values()
    waiting = [getattr(view, "_spec", {}).get("body") for view in views]
    waiting += [marked[0] for view in views if (marked := getattr(view, "takes", None))]
    models: set[type[BaseModel]] = set()
    while waiting:
        model = waiting.pop()
        if isinstance(model, type) and issubclass(model, BaseModel) and model not in models:
            models.add(model)
            for field in model.model_fields.values():
                waiting += get_args(field.annotation)
    return models


def test_null_in_a_body_is_as_if_not_given(app: APIFlask) -> None:
    """Of every field of every body; what null has a meaning for is read as that."""
    models = _bodies(app)
    assert len(models) > 40
    for model in models:
        for name, field in model.model_fields.items():
            try:
                parsed = validate_model(model, {name: None})
            except InvalidInput as refusal:
                of_field = [error.code for error in refusal.errors if error.field == name]
                missing = ["input.missing"], ["input.crs_missing"]
                assert (of_field in missing) if field.is_required() else not of_field, (model, name)
            else:
                default = field.get_default(call_default_factory=True)
                assert getattr(parsed, name) in (None, default), (model, name)


class Inner(BaseModel):
    """A part of a body."""

    model_config = {"extra": "forbid"}

    words: str = ""
    until: str | None = "ever"


class Outer(BaseModel):
    """A body with parts."""

    parts: list[Inner]
    choice: Inner | int = 3


def test_null_is_not_given_inside_parts_too_and_an_unknown_field_stays_unknown() -> None:
    body = {"parts": [{"words": None, "until": None}], "choice": None}
    parsed = validate_model(Outer, body)
    assert parsed == Outer(parts=[Inner(words="", until=None)], choice=3)
    assert body["choice"] is None  # as it was sent
    for wrong, field in (
        ({"parts": [{"other": None}]}, "parts.0.other"),
        ({"parts": [None]}, "parts.0"),
        ({"parts": None}, "parts"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            validate_model(Outer, wrong)
        assert [error.field for error in refusal.value.errors] == [field]
    with pytest.raises(InvalidInput):
        validate_model(Outer, None)
