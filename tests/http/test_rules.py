"""Routing rules: the first match wins, tables are checked by row and column, sets are tested before
they are switched on.
"""

import csv
import io
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis import office_calendar
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from gis.incidents import calendar_file
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS, DISPATCH_MODES, SEVERITIES
from gis.incidents.routing import rules, rules_file, rules_replay, rules_store, rules_text
from gis.incidents.routing.rules import RoutingCase, Rule
from gis.incidents.routing.rules_file import COLUMNS, RULES_CSV
from gis.incidents.working_time import ZONE
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from tests.support import build
from tests.support.incident_town import NOW, IncidentTown
from tests.support.machine import unhurried_s
from tests.support.sign_in import account, send, signed_in

ALL = system_principal("test")
DEFAULTS, _ = rules_file.parse(RULES_CSV)
LAST = DEFAULTS[-1]  # matches everything
DAYTIME = datetime(2026, 11, 24, 10, tzinfo=ZONE)  # a Tuesday


def case(
    category: str = "06010",
    severity: str = "normal",
    at: datetime = DAYTIME,
    channel: str = "web",
    *areas: int,
) -> RoutingCase:
    """Something to route."""
    return RoutingCase(category, severity, areas, at, channel)


def rule(name: str = "r", **values: object) -> Rule:
    """The rule that matches everything, but for some values."""
    return replace(LAST, name=name, **values)  # type: ignore[arg-type]


def went(submitted: RoutingCase) -> str:
    """The name of the default rule for a case."""
    return rules.first_match(DEFAULTS, submitted).name


# --- matching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "name"),
    [
        (case("06010"), "其他事件"),
        (case("06010", "urgent"), "紧急"),
        (case("F0101"), "消防隐患"),
        (case("06028"), "其他事件"),
        (case("06028", at=DAYTIME.replace(hour=23)), "夜间噪声"),
        (case("06028", at=DAYTIME.replace(hour=5, minute=59)), "夜间噪声"),
        (case("06028", at=DAYTIME.replace(hour=6)), "其他事件"),  # the end of the hours is out
        (case("06028", at=DAYTIME.replace(hour=22)), "夜间噪声"),
        (case("09009"), "街面秩序"),
        (case("09009", at=datetime(2026, 11, 22, 10, tzinfo=ZONE)), "其他事件"),  # a Sunday
        (
            case("09009", at=datetime(2026, 2, 14, 10, tzinfo=ZONE)),
            "街面秩序",
        ),  # a Saturday worked (调休)
        (
            case("09009", at=datetime(2026, 2, 17, 10, tzinfo=ZONE)),
            "其他事件",
        ),  # a Tuesday, Spring Festival
        (case("S0105"), "点单"),
        (case("D0103", channel="device"), "设备告警"),
        (case("D0101", "urgent", channel="device"), "手环和烟感告警"),
    ],
)
def test_the_default_rules(submitted: RoutingCase, name: str) -> None:
    assert went(submitted) == name


def test_fire_and_urgent_matters_run_around_the_clock_with_short_limits() -> None:
    for item in (case("F0101"), case("06010", "urgent")):
        result = rules.first_match(DEFAULTS, item)
        assert result.first_role == "grid_leader" and result.around_the_clock
        assert [getattr(result, key) for key in rules.LIMIT_FIELDS][:4] == [5, 5, 10, 120]


def test_hours_are_those_of_the_place_whatever_zone_the_moment_is_in() -> None:
    from datetime import UTC

    assert (
        went(case("06028", at=datetime(2026, 11, 24, 15, tzinfo=UTC))) == "夜间噪声"
    )  # 23:00 there


def test_an_area_counts_with_all_within_it_and_order_decides() -> None:
    position = rule("here", area="x", area_id=7)
    assert (
        rules.first_match([position, LAST], case("06010", "normal", DAYTIME, "web", 3, 7, 9)).name
        == "here"
    )
    assert (
        rules.first_match([position, LAST], case("06010", "normal", DAYTIME, "web", 3)).name
        == LAST.name
    )
    assert (
        rules.first_match([LAST, position], case("06010", "normal", DAYTIME, "web", 7)).name
        == LAST.name
    )


def test_no_rule_at_all_is_said() -> None:
    with pytest.raises(Unavailable, match="must match everything"):
        rules.first_match([rule(category="06")], case("07001"))


HOURS = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 47), st.integers(0, 47)).filter(lambda pair: pair[0] != pair[1]),
)  # half hours


@given(HOURS, HOURS)
def test_a_rule_covers_another_exactly_when_every_minute_does(
    one: tuple[int, int] | None, two: tuple[int, int] | None
) -> None:
    def made(half: tuple[int, int] | None) -> Rule:
        start, end = (time(n // 2, n % 2 * 30) for n in half) if half else (None, None)
        return rule(time_from=start, time_to=end)

    def reached(one: Rule) -> set[int]:
        halves = ((n, DAYTIME.replace(hour=n // 2, minute=n % 2 * 30)) for n in range(48))
        return {n for n, at in halves if one.matches(case(at=at))}

    wide, narrow = made(one), made(two)
    if reached(narrow) != set(range(48)) or wide.time_from is None or narrow.time_from is None:
        whole = reached(wide) >= reached(narrow) and not (
            wide.time_from is not None and narrow.time_from is None
        )
        assert wide.covers(narrow) is whole


# --- tables ---------------------------------------------------------------------------------------


def written(path: Path, *changes: dict[str, str], last: bool = True) -> Path:
    """A table of rules: the default's last one changed, then itself."""
    cells = rules_file.as_cells(LAST)
    rows = [cells | change for change in changes] + ([cells] if last else [])
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, [column.key for column in COLUMNS])
        out.writeheader()
        out.writerows(rows)
    return path


def said(path: Path, session: Session | None = None) -> list[tuple[str, str, str]]:
    """What is wrong with a table."""
    edition = editions.active_edition(session) if session else None
    return [
        (item.where, item.field.split(" ")[0], item.reason)
        for item in rules_file.parse(path, edition, session)[1].refused
    ]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_is_written_is_read_back_the_same(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rules.{ending}"
    some = [
        rule(
            "某网格",
            area="520402007012001",
            time_from=time(0),
            time_to=time(6, 30),
            days="rest",
            channel="phone",
            severity="high",
        ),
        *DEFAULTS,
    ]
    rules_file.dump(some, path)
    result, report = rules_file.parse(path)
    assert report.refused == [] and result == some
    assert "网格员" in (
        path.read_text(encoding="utf-8") if ending == "csv" else "网格员"
    )  # in Chinese words


def test_every_word_the_tables_of_the_database_hold_can_be_written() -> None:
    assert tuple(rules_text.CELL_LABELS["severity"]) == SEVERITIES
    assert tuple(rules_text.CELL_LABELS["channel"]) == CHANNELS
    assert tuple(rules_text.CELL_LABELS["way"]) == DISPATCH_MODES
    assert all(
        len(phrase) == len(set(phrase))
        for phrase in (
            [zh for zh, _ in labels.values()] for labels in rules_text.CELL_LABELS.values()
        )
    )


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        ({"name": ""}, "规则", "is empty"),
        ({"category": "99"}, "类别", "no category of the catalogue begins with '99'"),
        ({"severity": "terrible"}, "紧急程度", "'terrible' is none of low, normal, high, urgent"),
        ({"area": "999999"}, "区域", "no area from a county down has the code '999999'"),
        (
            {"time_from": "25:00", "time_to": "06:00"},
            "时间起",
            "'25:00' is not a time of day, as 22:00",
        ),
        ({"time_from": "22:00"}, "时间止", "the beginning and the end are needed together"),
        (
            {"time_from": "22:00", "time_to": "22:00"},
            "时间止",
            "the beginning and the end must differ",
        ),
        ({"days": "sunday"}, "日子", "'sunday' is none of any, working, rest"),
        ({"channel": "pigeon"}, "渠道", "'pigeon' is none of"),
        ({"way": ""}, "方式", "is empty"),
        ({"first_role": "mayor"}, "首派岗位", "'mayor' is none of unit_head"),
        ({"escalation": "grid_leader|mayor"}, "上报链", "'mayor' is none of unit_head"),
        ({"escalation": ""}, "上报链", "is empty"),
        ({"take_min": "0"}, "接单时限", "'0' must be a whole number of minutes"),
        (
            {"take_min": "9" * 5000},
            "接单时限",
            "'99999999999999999999' must be a whole number of minutes",
        ),
        ({"handle_min": "soon"}, "处理时限", "'soon' must be a whole number of minutes"),
        ({"around_the_clock": "perhaps"}, "计时", "'perhaps' is none of yes, no"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(
    session: Session, tmp_path: Path, change: dict[str, str], column: str, message: str
) -> None:
    changed = {"category": "06"} | change
    result = said(written(tmp_path / "r.csv", changed), session)
    assert [(where, field) for where, field, _ in result] == [("row 2", column)]
    assert result[0][2].startswith(message)


def test_a_rule_that_is_never_reached_names_the_one_before_it(
    session: Session, tmp_path: Path
) -> None:
    build.Town(session)
    street, community = "520402007", "520402007012"
    rows = [
        {"name": "街道", "category": "06", "area": street},
        {
            "name": "社区",
            "category": "06010",
            "area": community,
        },  # the community lies in the street
        {"name": "夜间", "category": "07", "time_from": "22:00", "time_to": "06:00"},
        {"name": "深夜", "category": "07001", "time_from": "23:00", "time_to": "05:00"},
        {
            "name": "傍晚",
            "category": "07001",
            "time_from": "21:00",
            "time_to": "05:00",
        },  # an hour of it is reached
    ]
    assert said(written(tmp_path / "r.csv", *rows), session) == [
        ("row 3", "规则", "is never reached: row 2 (街道) before it matches all of the same"),
        ("row 5", "规则", "is never reached: row 4 (夜间) before it matches all of the same"),
    ]


def test_a_rule_for_everything_that_is_not_last_is_named_once(tmp_path: Path) -> None:
    result = said(
        written(tmp_path / "r.csv", {"name": "太宽"}, {"category": "06"}, {"category": "07"})
    )
    description = (
        "matches everything, so it must be last: 3 rules behind it, from row 3, are never reached"
    )
    assert result == [("row 2", "规则", description)]


def test_the_last_rule_must_match_everything(tmp_path: Path) -> None:
    ((where, _, phrase),) = said(written(tmp_path / "r.csv", {"category": "06"}, last=False))
    assert where == "the table" and phrase.startswith("the last rule must match everything")


def test_too_many_rules_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        rules_file.parse(
            written(tmp_path / "r.csv", *({"name": str(n)} for n in range(rules_file.MAX_RULES)))
        )


def test_chinese_words_and_excels_times_are_read(tmp_path: Path) -> None:
    change = {
        "category": "06028",
        "time_from": "22:00:00",
        "time_to": "6：00",
        "days": "休息日",
        "way": "派单",
        "first_role": "网格长",
        "escalation": "社区工作者｜街道党工委",
        "around_the_clock": "是",
        "severity": "紧急",
    }
    result, report = rules_file.parse(written(tmp_path / "r.csv", change))
    item = result[0]
    assert not report.refused
    assert (item.time_from, item.time_to, item.days, item.way, item.first_role) == (
        time(22),
        time(6),
        "rest",
        "assign",
        "grid_leader",
    )
    assert (item.escalation, item.around_the_clock, item.severity) == (
        ("community_worker", "street_office"),
        True,
        "urgent",
    )


def test_a_rule_in_plain_words() -> None:
    night = next(default for default in DEFAULTS if default.name == "夜间噪声")
    assert rules_text.in_words(night, {"06028": "噪声扰民"}) == (
        "噪声扰民，22:00–06:00 → 派给网格长，30 分钟内接单，4 小时内处理（全天）"
    )


# --- sets -----------------------------------------------------------------------------------------


def test_one_set_is_in_force_and_one_that_was_may_be_again(session: Session) -> None:
    initial = rules.active_rules(session)
    created = rules_store.load(session, [LAST], "只有一条", "某人")
    assert (
        rules.active_rules(session).id == initial.id
        and rules.read_rule_set(session, created).state == "draft"
    )
    rules_store.activate(session, created, NOW)
    result = rules.active_rules(session)
    assert (
        result.id,
        result.author,
        result.activated_at,
        [item.name for item in result.rules],
    ) == (
        created,
        "某人",
        NOW,
        ["其他事件"],
    )
    assert rules.read_rule_set(session, initial.id).state == "retired"
    with pytest.raises(Conflict):
        rules_store.activate(session, created, NOW)
    rules_store.activate(session, initial.id, NOW)
    assert rules.active_rules(session).id == initial.id
    with pytest.raises(NotFound):
        rules_store.activate(session, 0, NOW)


def test_a_draft_may_be_loaded_anew_a_set_in_force_may_not(session: Session) -> None:
    leading = rules_store.load(session, [LAST], "新")
    second = rules_store.load(session, [rule(category="06"), LAST], "新")
    with pytest.raises(NotFound):
        rules.read_rule_set(session, leading)
    rules_store.activate(session, second, NOW)
    with pytest.raises(Conflict, match="is or was in force"):
        rules_store.load(session, [LAST], "新")
    assert len(rules.active_rules(session).rules) == 2


def test_a_set_without_a_last_resort_is_not_kept(session: Session) -> None:
    with pytest.raises(InvalidInput):
        rules_store.load(session, [rule(category="06")], "x")


def test_who_answers_for_one_county_does_not_change_the_rules_of_another(session: Session) -> None:
    town = build.Town(session)
    principal = Principal("account", "somebody", {Action.RULES: frozenset({town.county.id})})
    rules_store.require_all_counties(session, principal)
    build.Town(session, "520499001001")
    with pytest.raises(Forbidden):
        rules_store.require_all_counties(session, principal)
    rules_store.require_all_counties(session, ALL)


# --- testing against the past ---------------------------------------------------------------------


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place, with its default rules."""
    return IncidentTown(session)


def test_these_would_go_elsewhere(incident_town: IncidentTown, session: Session) -> None:
    rubbish = [incident_town.report("06010").id for _ in range(3)]
    noise = incident_town.report("06028").id
    incident_town.report("09009")
    draft = [
        rule("垃圾", category="06010", first_role="grid_leader"),
        rule("噪声", category="06028", handle_min=LAST.handle_min * 2),
        *DEFAULTS,
    ]
    done = rules_replay.replay(
        session, draft, NOW - timedelta(days=1), NOW + timedelta(days=1), ALL
    )
    assert (done.compared, done.elsewhere, done.other_limits) == (5, 3, 1)
    away, longer = done.differences
    assert (away.before.role, away.after.role, away.after.rule, away.count) == (
        "grid_worker",
        "grid_leader",
        "垃圾",
        3,
    )
    assert {past.id for past in away.cases} == set(rubbish)
    assert [past.id for past in longer.cases] == [noise]
    assert (longer.elsewhere, longer.slower, longer.faster) == (False, 1, 0)


def test_the_set_in_force_changes_nothing_of_what_it_did_itself(
    incident_town: IncidentTown, session: Session
) -> None:
    for category in ("06010", "F0101", "S0105", "09009"):
        incident_town.report(category)
    done = rules_replay.replay(
        session,
        rules.active_rules(session).rules,
        NOW - timedelta(days=1),
        NOW + timedelta(days=1),
        ALL,
    )
    assert (done.compared, done.differences) == (4, [])


def test_only_incidents_the_asker_sees_are_compared(
    incident_town: IncidentTown, session: Session
) -> None:
    incident_town.report("06010")
    nobody = Principal("account", "administrator", {Action.RULES: None})
    assert (
        rules_replay.replay(
            session, [LAST], NOW - timedelta(days=1), NOW + timedelta(days=1), nobody
        ).compared
        == 0
    )


def test_a_hundred_thousand_are_compared_in_seconds(
    incident_town: IncidentTown, session: Session
) -> None:
    item, many = incident_town.report("06010").id, 5_000
    stored = (
        "county, edition_id, category, geom, location_input, area_ids, grid_id, revision_id,"
        " explanation, rule_id, rule_name, time_limits, tracking_hash"
    )
    copies = (
        f"INSERT INTO incident (id, {stored}, reported_at)"
        f" SELECT gen_random_uuid(), {stored}, reported_at"
    )
    session.execute(
        text(f"{copies} FROM incident, generate_series(1, :n) WHERE id = :id"),
        {"n": many, "id": item},
    )
    draft = [rule("街道", category="06010", first_role="street_office"), LAST]
    period = (NOW - timedelta(days=1), NOW + timedelta(days=1))
    done = rules_replay.replay(session, draft, *period, ALL)
    assert (
        done.compared == done.elsewhere == many + 1
        and len(done.differences[0].cases) == rules_replay.MAX_LISTED_CASES
    )
    seconds = unhurried_s(lambda: rules_replay.replay(session, draft, *period, ALL))
    assert seconds < 0.5, f"{seconds:.2f} s for {many}"  # 10 s for 100,000


# --- over HTTP and on the page --------------------------------------------------------------------


@pytest.fixture
def centre(session: Session, client: FlaskClient) -> FlaskClient:
    """The command centre of the only county, signed in."""
    build.Town(session)
    return signed_in(client, account(session, "zhihui", "command_centre", "520402"))


def as_json(one: Rule, **changes: object) -> dict[str, object]:
    """A rule as a program sends it."""
    cells: dict[str, object] = dict(rules_file.as_cells(one))
    cells |= {key: getattr(one, key) for key in (*rules.LIMIT_FIELDS, "around_the_clock")}
    return cells | {"escalation": list(one.escalation)} | changes


def post(client: FlaskClient, path: str, body: object):
    """POST JSON as a page of ours does."""
    from tests.support.sign_in import token

    return client.post(path, json=body, headers={"X-CSRFToken": token(client)})


def test_a_set_by_the_api_from_draft_to_in_force(centre: FlaskClient) -> None:
    draft = {
        "name": "冬季",
        "rules": [
            as_json(LAST, name="积雪", category="10001", first_role="grid_leader"),
            as_json(LAST),
        ],
    }
    created = post(centre, "/api/v1/rules", draft)
    assert created.status_code == 201 and created.json["state"] == "draft"
    assert created.json["rules"][0]["zh"].startswith("道路积雪、结冰 → 派给网格长，")
    number = created.json["id"]
    tested = post(centre, f"/api/v1/rules/{number}/test", {"days": 30}).json
    assert (tested["compared"], tested["differences"]) == (0, [])
    assert post(centre, f"/api/v1/rules/{number}/activate", {}).json["state"] == "active"
    assert post(centre, f"/api/v1/rules/{number}/activate", {}).status_code == 409
    assert centre.get("/api/v1/rules").json["items"][0]["id"] == number
    again = {
        "name": "再来",
        "rules": [
            {key: value for key, value in item.items() if key not in ("zh", "en")}
            for item in centre.get(f"/api/v1/rules/{number}").json["rules"]
        ],
    }
    assert (
        post(centre, "/api/v1/rules", again).status_code == 201
    )  # what is given out can be sent back


def test_a_wrong_draft_by_the_api_names_rule_and_column(centre: FlaskClient) -> None:
    wrong = {
        "name": "错",
        "rules": [as_json(LAST, category="99"), as_json(LAST, first_role="mayor")],
    }
    answer = post(centre, "/api/v1/rules", wrong)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [
        "rules.0.category",
        "rules.1.first_role",
    ]


@pytest.mark.parametrize(
    "path",
    ["/api/v1/rules/0", "/api/v1/rules/99999999999999999999", "/rules?set=99999999999999999999"],
)
def test_a_set_that_is_not_there(centre: FlaskClient, path: str) -> None:
    assert centre.get(path).status_code == 404


def test_residents_see_no_rules_and_workers_only_read(
    session: Session, client: FlaskClient
) -> None:
    town = build.Town(session)
    assert client.get("/api/v1/rules").status_code == 401
    signed_in(client, account(session, "jumin"))
    assert client.get("/rules").status_code == client.get("/api/v1/rules").status_code == 403
    signed_in(client, account(session, "wangge", "grid_worker", town.county.code))
    page = client.get("/rules")
    assert page.status_code == 200 and 'type="file"' not in page.text
    assert send(client, "/rules").status_code == 403


def test_the_page_shows_the_set_in_force_in_plain_words(centre: FlaskClient) -> None:
    page = centre.get("/rules?lang=zh").text
    for phrase in (
        "默认规则",
        "噪声扰民，22:00–06:00",
        "派给网格长",
        "30 分钟内接单，4 小时内处理（全天）",
    ):
        assert phrase in page


def upload(client: FlaskClient, path: Path, name: str = ""):
    """Send a spreadsheet from the page."""
    return send(client, "/rules", name=name, file=(io.BytesIO(path.read_bytes()), path.name))  # type: ignore[arg-type]


def test_a_spreadsheet_is_edited_kept_tested_and_switched_on(
    centre: FlaskClient, tmp_path: Path
) -> None:
    number = centre.get("/api/v1/rules").json["items"][0]["id"]
    path = tmp_path / "冬季规则.xlsx"
    path.write_bytes(centre.get(f"/rules/{number}.xlsx").data)
    assert rules_file.parse(path)[0] == DEFAULTS
    sent = upload(centre, path)
    assert sent.status_code == 303
    draft = centre.get(sent.headers["Location"]).text
    assert "冬季规则" in draft and 'class="rul-tag draft"' in draft
    assert '<h2 id="rul-tested"' in centre.get(sent.headers["Location"] + "&days=90").text
    created = sent.headers["Location"].rpartition("=")[2]
    assert send(centre, f"/rules/{created}/activate").status_code == 303
    assert centre.get("/api/v1/rules").json["items"][0]["name"] == "冬季规则"
    assert upload(centre, path).status_code == 422  # its name is taken for good


def test_a_wrong_spreadsheet_comes_back_with_its_problems(
    centre: FlaskClient, tmp_path: Path
) -> None:
    answer = upload(
        centre, written(tmp_path / "错.csv", {"category": "99"}, {"first_role": "mayor"})
    )
    assert answer.status_code == 422
    for phrase in (
        "错.csv",
        "<td>2</td><td>类别</td>",
        "目录中没有以“99”开头的类别",
        "<td>3</td><td>首派岗位</td>",
    ):
        assert phrase in answer.text
    not_one = tmp_path / "x.csv"
    not_one.write_text("a,b\n1,2\n")
    assert upload(centre, not_one).status_code == 422


def test_the_calendar_is_downloaded_edited_and_put_in_force(
    centre: FlaskClient, tmp_path: Path
) -> None:
    """Holidays and hours of work are entered without a shell, too."""

    def put(rows: str) -> TestResponse:
        file = (io.BytesIO(f"用途,自,上下班时间\n{rows}\n".encode()), "日历.csv")
        return send(centre, "/rules/calendar", file=file)  # type: ignore[arg-type]

    assert "09:00–12:00" in centre.get("/rules").text
    path = tmp_path / "calendar.xlsx"
    path.write_bytes(centre.get("/rules/calendar.xlsx").data)
    assert len(calendar_file.parse(path)[0]) == 1
    refused = put("作息,2000-01-01,9-12")
    assert refused.status_code == 422 and "<td>2</td><td>上下班时间</td>" in refused.text
    assert put("作息,2000-01-01,10:00-14:00、15:30-19:30").status_code == 303
    assert "15:30–19:30" in centre.get("/rules").text
    office_calendar.use(())


def test_the_command_checks_a_table(tmp_path: Path) -> None:
    from web.cli.common import refused

    _, report = rules_file.parse(written(tmp_path / "r.csv", {"category": "06", "take_min": "-1"}))
    with pytest.raises(SystemExit):
        refused(report)


def test_the_command_says_what_it_can_do() -> None:
    from web.cli.rules import command

    output = CliRunner().invoke(command, ["--help"]).output
    assert all(name in output for name in ("show", "check", "load", "test", "activate", "dump"))
