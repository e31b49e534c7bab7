"""Papers that are handed up: which there are, filled in, as files."""

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import BaseModel, Field

from gis.incidents.reading.statistics import RateCount
from gis.messages import Message
from gis.papers.data import PaperData, PaperRequest, Value, field_label, paper_label
from gis.papers.files import PAPER_WRITERS, file_name
from gis.papers.fill import PAPER_TABLE, fill, require_file
from gis.papers.templates import fill_template, find_template
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import MEDIA_TYPE_BY_ENDING, attachment
from web.http.request_headers import service_root
from web.http.responses import conditional_response
from web.security.disclosures import record_export
from web.security.guard import require_sign_in

bp = APIBlueprint("papers_api", __name__, url_prefix="/api/v1", tag="Figures")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No such diary, or form",
    422: "No such paper, area or period, or more rows than a paper holds",
    503: "What stands in it does not exist yet",
}


class PaperIn(BaseModel):
    """Of where and when."""

    area: Annotated[str, Field(max_length=40, description="Code; not for a diary")] = ""
    period: Annotated[
        str,
        Field(
            max_length=10,
            description="A day, an ISO 8601 week, a month or a year",
            examples=["2026-W47"],
        ),
    ]
    person: Annotated[
        str, Field(max_length=40, description="Staff number, for a diary; empty: your own")
    ] = ""


class PaperFileIn(PaperIn):
    """Of where and when, and as what."""

    format: Literal["xlsx", "docx", "pdf"] = "xlsx"
    template: Annotated[
        str, Field(max_length=80, description="Name of a form, which has its own format")
    ] = ""
    reason: str = Field("", max_length=2000, description="Why, for auditors; need not be stated")


class PaperKindOut(BaseModel):
    """A paper that there is."""

    key: str
    zh: str
    en: str
    period: str = Field(description="What it is usually of: day, week, month or year")
    figures: list[str]
    columns: list[str]
    ready: bool = Field(True, description="Always true; kept for programs that read it")


class PaperKindsOut(BaseModel):
    """The papers that there are."""

    items: list[PaperKindOut]


class PaperFigureOut(BaseModel):
    """A figure. rows: Path of the page with the rows behind it."""

    key: str
    label: str
    value: float | int | str | None = Field(description="A rate is from 0 to 1")
    n: int | None = Field(None, description="Of a rate: how many count")
    of: int | None = Field(None, description="Of a rate: of how many")
    rows: str


class PaperOut(BaseModel):
    """A paper that is filled in."""

    paper: str
    area: str
    subject: str
    period: str
    first: str
    last: str
    figures: list[PaperFigureOut]
    columns: dict[str, str] = Field(description="Column -> what it is called")
    rows: list[dict[str, Any]]


@bp.get("/papers")
@bp.output(PaperKindsOut)
@bp.doc(summary="The papers that are handed up", responses={401: REFUSALS[401]})
def kinds() -> Response:
    """Each with its figures and columns, the fields that forms may hold."""
    require_sign_in()
    items = [
        PaperKindOut(
            key=paper.key,
            zh=paper_label(paper.key, "zh"),
            en=paper_label(paper.key, "en"),
            period=paper.period,
            figures=list(paper.figures),
            columns=list(paper.columns),
            ready=True,
        ).model_dump()
        for paper in PAPER_TABLE
    ]
    return conditional_response({"items": items})


@bp.get("/papers/<key>")
@bp.input(PaperIn, location="query")
@bp.output(PaperOut)
@bp.doc(summary="A paper of an area and a period", responses=REFUSALS)
def paper(key: str, query_data: PaperIn) -> Response:
    """Its figures, each with the page of the rows behind it, and its rows."""
    return conditional_response(_to_json(_fill(require_sign_in(), key, query_data)))


@bp.get("/papers/<key>/file")
@bp.input(PaperFileIn, location="query")
@bp.doc(
    summary="A paper as a file, or a form filled in with it",
    responses=REFUSALS
    | {
        200: {
            "description": "In the reader's language",
            "content": {MEDIA_TYPE_BY_ENDING[ending]: {} for ending in PAPER_WRITERS},
        },
        409: "Nothing is chosen yet for fields of the form",
    },
)
def file(key: str, query_data: PaperFileIn) -> Response:
    """Who took it is written down. `template` is the name of a form that the area keeps."""
    by = require_sign_in()
    data = _fill(by, key, query_data)
    require_file(by, data)
    if query_data.template:
        form = find_template(session(), by, key, query_data.template, query_data.area)
        ending, content = fill_template(session(), by, form, data)
    else:
        ending = f".{query_data.format}"
        content = PAPER_WRITERS[ending](data, service_root())
    response = attachment(file_name(data, ending), content)
    record_export(by, Message("shown.paper", {"file": file_name(data, ending)}), query_data.area)
    return response


def _fill(by: Principal, key: str, query: PaperIn) -> PaperData:
    asked = PaperRequest(key, query.area, query.period, query.person)
    now, zone = params.parse_datetime(None), current_app.config["SETTINGS"].timezone
    return fill(session(), by, asked, now, zone, i18n.chosen())


def _to_json(data: PaperData) -> dict[str, Any]:
    asked = data.question
    period = asked.period
    return {
        "paper": data.key,
        "area": asked.area,
        "subject": data.subject,
        "period": period.text,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "figures": [
            {
                "key": figure.key,
                "label": field_label(figure.key, asked.language),
                "rows": data.figure_path(figure),
                **_value(figure.value),
            }
            for figure in data.figures
        ],
        "columns": {name: field_label(name, asked.language) for name in data.columns},
        "rows": [
            {name: _value(row.values[name])["value"] for name in data.columns} for row in data.rows
        ],
    }


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, RateCount):
        return {"value": value.value, "n": value.n, "of": value.of}
    return {"value": value}
