"""What the examples of the API send beside what its description states."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from web.pages.docs.examples import Input

EXAMPLE_POINT: dict[str, Any] = {"lon": "{lon}", "lat": "{lat}", "crs": "cgcs2000"}
AT = {"lon": "{lon}", "lat": "{lat}", "crs": "cgcs2000"}
CLINIC = {"category": "clinic"}
TEMPLATE = {"area": "{community}", "title": "已清运", "text": "今天清完。"}
RULE = {
    "name": "example",
    "way": "assign",
    "first_role": "grid_worker",
    "escalation": ["grid_leader"],
    "accept_min": 10,
    "dispatch_min": 10,
    "take_min": 30,
    "handle_min": 480,
    "check_min": 60,
}
NONE_YET = Input(status=404, why="docs.example_none_yet")
ACCOUNT = Input(status=403, why="docs.example_account")
# an incident of a table of another system, and its columns
TABLE = (
    "id,reported_at,category,description,lon,lat\n"
    "A-1,2026-11-20 09:00,06010,楼下有一堆垃圾,{lon},{lat}\n"
)

INPUTS: dict[str, Input] = {
    # parameters that mean the same wherever they stand
    "*": Input(
        path={
            "community": "{community}",
            "incident_id": "$INCIDENT",
            "number": "$REVISION",
            "set_id": "$RULES",
            "discussion_id": "$DISCUSSION",
            "entrance": "$ENTRANCE",
            "edit": "$EDIT",
            "filter_id": "1",
            "template_id": "$TEMPLATE",
            "post_id": "$POST",
            "part_id": "1",
            "name": "spring",
            "tier": "15",
            "step": "1",
            "photo_id": "00000000-0000-0000-0000-000000000000",
            "visit_photo_id": "00000000-0000-0000-0000-000000000000",
            "z": "{z}",
            "x": "{x}",
            "y": "{y}",
            "minutes": "15",
            "category": "clinic",
        }
    ),
    "GET /api/v1/walk": Input(
        query={"from_lon": "{lon}", "from_lat": "{lat}", "crs": "cgcs2000", "to": "{facility}"}
    ),
    "GET /api/v1/nearby": Input(query=AT),
    **{
        f"GET /ogc/collections/{{name}}{rest}": Input(path={"name": "grids", "code": "{grid}"})
        for rest in ("", "/queryables", "/items", "/items/{code}")
    },
    "GET /api/v1/nearby/reach": Input(query=AT),
    "GET /api/v1/locate": Input(query=AT),
    "POST /api/v1/locate": Input(json={"points": [EXAMPLE_POINT]}),
    "GET /api/v1/facilities/nearest": Input(query=AT),
    "GET /api/v1/incidents/near": Input(query=AT | {"category": "06010"}),
    "GET /api/v1/areas/{code}": Input(path={"code": "{grid}"}),
    "GET /api/v1/areas/{code}/children": Input(path={"code": "{community}"}),
    "GET /api/v1/areas/{code}/history": Input(path={"code": "{grid}"}),
    "GET /api/v1/areas/difference": Input(query={"from": "2026-01-01", "to": "2026-02-01"}),
    "GET /api/v1/facilities/{code}": Input(path={"code": "{facility}"}),
    "GET /api/v1/facilities/{code}/circle": Input(path={"code": "{facility}"}),
    "GET /api/v1/layers/{layer}": Input(path={"layer": "grids"}, query={"bbox": "{bbox}"}),
    "GET /tiles/{layer}/{z}/{x}/{y}.mvt": Input(path={"layer": "base"}),
    "GET /api/v1/posts": Input(query={"area": "{grid}"}, sets={"POST": "items.0.id"}),
    "GET /api/v1/categories/suggest": Input(query={"words": "楼下有一堆垃圾"}),
    "GET /api/v1/coverage/buildings": Input(query=CLINIC | {"bbox": "{bbox}"}),
    "GET /api/v1/figures": Input(query={"since": "2026-11-01"}),
    "GET /api/v1/papers/{key}": Input(
        path={"key": "weekly"}, query={"area": "{community}", "period": "2026-W47"}
    ),
    "GET /api/v1/papers/{key}/file": Input(
        path={"key": "weekly"}, query={"area": "{community}", "period": "2026-W47"}
    ),
    "GET /api/v1/export/grids.gpkg": Input(query={"within": "{community}"}),
    # who plans
    "POST /api/v1/facilities": Input(
        json=EXAMPLE_POINT | {"category": "clinic", "name": "示例诊所"}, sets={"FACILITY": "code"}
    ),
    "PATCH /api/v1/facilities/{code}": Input(path={"code": "$FACILITY"}, json={"capacity": 4}),
    "DELETE /api/v1/facilities/{code}": Input(path={"code": "$FACILITY"}),
    "GET /api/v1/buildings/at": Input(query={"lon": "{lon}", "lat": "{lat}", "crs": "cgcs2000"}),
    "POST /api/v1/buildings": Input(
        json={  # on free ground of the made-up town
            "estate": "示例小区",
            "name": "1号楼",
            "lon": 105.948844,
            "lat": 26.230954,
            "crs": "cgcs2000",
        },
        sets={"HOUSE": "code"},
    ),
    "GET /api/v1/buildings/{code}": Input(path={"code": "$HOUSE"}),
    "PATCH /api/v1/buildings/{code}": Input(path={"code": "$HOUSE"}, json={"floors": 6}),
    "DELETE /api/v1/buildings/{code}": Input(path={"code": "$HOUSE"}),
    "POST /api/v1/siting/pin": Input(json=EXAMPLE_POINT | CLINIC),
    "POST /api/v1/entrances": Input(
        json={
            "owner": "facility",
            "owner_code": "{facility}",
            "lon": "{facility_lon}",
            "lat": "{facility_lat}",
            "crs": "cgcs2000",
        },
        sets={"ENTRANCE": "id"},
    ),
    "PATCH /api/v1/entrances/{entrance}": Input(json={"kind": "side"}),
    "POST /api/v1/network/edits": Input(
        json={
            "kind": "close",
            "crs": "cgcs2000",
            "geometry": {"type": "Point", "coordinates": ["{lon}", "{lat}"]},
        },
        sets={"EDIT": "id"},
    ),
    "POST /api/v1/coverage/snapshots": Input(json={"name": "spring", "category": "clinic"}),
    "GET /api/v1/coverage/difference": Input(query={"from": "spring"}),
    "GET /api/v1/coverage/difference/buildings": Input(query={"from": "spring"}),
    "POST /api/v1/revisions": Input(json={"title": "春季调整"}, sets={"REVISION": "id"}),
    "POST /api/v1/revisions/{number}/operations": Input(json={"op": "retire", "code": "{grid}"}),
    "GET /api/v1/revisions/{number}/coverage": Input(query={"within": "{community}"}),
    "GET /api/v1/revisions/{number}/guides": Input(query={"within": "{community}"}),
    "GET /api/v1/revisions/{number}/buildings": Input(query={"within": "{community}"}),
    "POST /api/v1/revisions/{number}/comments": Input(
        json={"text": "这条线请沿路画", "grid": "{grid}"}, sets={"COMMENT": "items.0.id"}
    ),
    "POST /api/v1/revisions/{number}/comments/{comment_id}/resolve": Input(
        path={"comment_id": "$COMMENT"}
    ),
    # accounts of people, which an example cannot know
    "POST /api/v1/revisions/{number}/review": Input(
        json={"reviewer": "chen"}, status=422, why="docs.example_empty_draft"
    ),
    "POST /api/v1/revisions/{number}/review/decision": Input(
        json={"decision": "approve", "version": 1}, status=403, why="docs.example_account"
    ),
    "POST /api/v1/revisions/{number}/editors": Input(
        json={"account": "chen"}, status=422, why="docs.example_account"
    ),
    "DELETE /api/v1/revisions/{number}/editors/{account}": Input(
        path={"account": "chen"}, status=422, why="docs.example_account"
    ),
    "GET /api/v1/revisions/{a}/difference/{b}": Input(
        path={"a": "$REVISION", "b": "$REVISION"}, status=422, why="docs.example_empty_draft"
    ),
    # ten-household units
    "GET /api/v1/units": Input(query={"grid": "{grid}"}),
    "GET /api/v1/units/buildings": Input(
        query={"grid": "{grid}"}, sets={"BUILDING": "features.0.properties.code"}
    ),
    "GET /api/v1/units/homes": Input(query={"building": "$BUILDING"}),
    "GET /api/v1/units/changes": Input(query={"grid": "{grid}"}),
    "POST /api/v1/units": Input(
        json={"grid": "{grid}", "name": "示例十联户", "reason": "新楼入住"}, sets={"UNIT": "code"}
    ),
    "POST /api/v1/units/moves": Input(
        json={"to": "$UNIT", "homes": [{"building": "$BUILDING"}], "reason": "就近"}
    ),
    "PATCH /api/v1/units/{code}": Input(
        path={"code": "$UNIT"}, json={"name": "示例十联户甲", "reason": "更名"}
    ),
    "POST /api/v1/units/{code}/retire": Input(
        path={"code": "$UNIT"}, json={"reason": "住户迁出"}, status=409, why="docs.example_none_yet"
    ),
    # incidents
    "POST /api/v1/incidents": Input(
        json=EXAMPLE_POINT | {"category": "06010", "description": "楼下有一堆垃圾没人清理"},
        sets={"INCIDENT": "id", "SECRET": "tracking_secret"},
    ),
    "POST /api/v1/incidents/{incident_id}/moves": Input(
        json={"move": "note", "note": "已联系物业"}
    ),
    "POST /api/v1/incidents/moves/bulk": Input(
        json={"moves": [{"id": "$INCIDENT", "move": "note", "note": "一起处理"}]}
    ),
    "PUT /api/v1/posts/plans/{area}": replace(
        ACCOUNT, json={"planned": 8}, path={"area": "{community}"}
    ),
    "POST /api/v1/duties/visits": Input(
        json={"area": "{community}"}, status=422, why="docs.example_no_duty"
    ),
    "POST /api/v1/duties/visits/{visit_id}/incidents": replace(
        NONE_YET, path={"visit_id": "100000"}
    ),
    "DELETE /api/v1/duties/visits/{visit_id}": replace(NONE_YET, path={"visit_id": "100000"}),
    "POST /api/v1/kinds": ACCOUNT,
    "PATCH /api/v1/kinds/{kind_id}": replace(ACCOUNT, path={"kind_id": "1"}),
    "PUT /api/v1/organisations/{code}": replace(ACCOUNT, path={"code": "water"}),
    "GET /api/v1/organisations/{code}/members": Input(path={"code": "water"}),
    "POST /api/v1/organisations/{code}/members": replace(ACCOUNT, path={"code": "water"}),
    "POST /api/v1/takers": ACCOUNT,
    "GET /api/v1/credit/events": Input(query={"person": "p-1001"}),
    "POST /api/v1/answer-templates": Input(json=TEMPLATE, sets={"TEMPLATE": "id"}),
    "PUT /api/v1/answer-templates/{template_id}": Input(json=TEMPLATE),
    "POST /api/v1/checkups/{community}/visits": Input(json={"item": "toilet", "result": "have"}),
    "GET /api/v1/rules": Input(sets={"RULES": "items.0.id"}),
    "POST /api/v1/incidents/import": Input(
        query={"crs": "cgcs2000"}, file=("incidents.csv", TABLE)
    ),
    "POST /api/v1/registers": Input(
        query={"kind": "roster"},
        file=("花名册.csv", "社区,网格名称,姓名,职务,联系电话\n"),
        status=403,
        why="docs.example_account",
    ),
    "DELETE /api/v1/registers/recipes/{recipe_id}": Input(
        path={"recipe_id": "1"}, status=404, why="docs.example_none_yet"
    ),
    "POST /api/v1/incidents/{incident_id}/parts": Input(
        json={"kind": "external", "organisation": "供水公司"},
        status=422,
        why="docs.example_no_unit",
    ),
    "POST /api/v1/incidents/{incident_id}/parts/{part_id}/finish": NONE_YET,
    "GET /api/v1/incidents/{incident_id}/track": Input(headers={"X-Tracking-Secret": "$SECRET"}),
    "GET /api/v1/photos/{photo_id}": NONE_YET,
    "GET /api/v1/photos/{photo_id}/thumbnail": NONE_YET,
    "GET /api/v1/checkups/photos/{visit_photo_id}": NONE_YET,
    "GET /api/v1/checkups/photos/{visit_photo_id}/thumbnail": NONE_YET,
    "POST /api/v1/devices/{code}/alarms": Input(
        path={"code": "smoke-1"}, status=401, why="docs.example_signed"
    ),
    # what is done to a draft comes before its end
    "POST /api/v1/revisions/from-file": Input(
        query={"title": "春季调整", "missing": "keep"},
        file=("grids.geojson", "{grids}"),
        status=200,
        why="docs.example_unchanged",
    ),
    "POST /api/v1/revisions/{number}/publish": Input(
        json={"reason": "春季调整"},
        status=422,
        why="docs.example_empty_draft",
    ),
    "POST /api/v1/revisions/{number}/revert": Input(status=409, why="docs.example_not_published"),
    # what only accounts of people may
    "POST /api/v1/rules": Input(
        json={"name": "example", "rules": [RULE]}, status=403, why="docs.example_account"
    ),
    "POST /api/v1/rules/{set_id}/test": Input(
        json={"days": 1}, status=403, why="docs.example_account"
    ),
    "POST /api/v1/rules/{set_id}/activate": ACCOUNT,
    "POST /api/v1/posts/{post_id}/hand-over": Input(
        json={"to": "P-001"}, status=403, why="docs.example_account"
    ),
    "POST /api/v1/incidents/{incident_id}/contact": Input(
        json={"reason": "回访"}, status=403, why="docs.example_account"
    ),
    "GET /api/v1/unanswered": ACCOUNT,
    "GET /api/v1/disclosures": ACCOUNT,
    "GET /api/v1/spot-checks": ACCOUNT,
    "POST /api/v1/spot-checks": Input(
        json={"week": "2026-W47"}, status=403, why="docs.example_account"
    ),
    "PUT /api/v1/spot-checks/{check_id}": Input(
        path={"check_id": "1"}, json={"verdict": "real"}, status=403, why="docs.example_account"
    ),
    "POST /api/v1/discussions": Input(
        json={
            "area": "{grid}",
            "title": "装电梯",
            "proposal": "在3号楼装一部电梯。",
            "closes_at": f"{date.today() + timedelta(days=300)}",  # far in the future for long
        },
        sets={"DISCUSSION": "id"},
    ),
    "POST /api/v1/discussions/{discussion_id}/votes": Input(
        json={"code": "abcd-efgh-jkmn", "choice": "yes"}, status=422, why="docs.example_no_slip"
    ),
    "POST /api/v1/discussions/{discussion_id}/withdraw": Input(json={"reason": "写错了"}),
    "PUT /api/v1/discussions/{discussion_id}/conclusion": Input(
        json={"conclusion": "下月开工"}, status=409, why="docs.example_not_ended"
    ),
    "GET /api/v1/me/filters": ACCOUNT,
    "POST /api/v1/me/filters": Input(
        json={"name": "急", "filters": {"severity": "urgent"}},
        status=403,
        why="docs.example_account",
    ),
    "DELETE /api/v1/me/filters/{filter_id}": ACCOUNT,
    "GET /api/v1/notices": Input(status=401, why="docs.example_account"),
    "POST /api/v1/notices/seen": Input(json={"ids": [1]}, status=401, why="docs.example_account"),
}
