"""Danger in words: told whatever the category, urgent around the clock, and heard at once by those
above.
"""

import csv
import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents import devices
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import edition_file, editions
from gis.incidents.danger import table
from gis.incidents.danger.reader import MAX_READ_CHARS, Reader
from gis.incidents.devices import Alarm
from gis.incidents.lifecycle import intake, moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import FiledIncident
from gis.rights.principal import reporter_principal
from gis.settings import ROOT
from tests.support.incident_town import NOW, POINT, IncidentTown, to_state

# never to be added to the table: they tell how it does with others
SENTENCES = tuple(
    ROOT / "tests" / "data" / f"danger_sentences{name}.tsv"
    for name in ("", "_hard", "_blind", "_strange")
)


@pytest.fixture(scope="module")
def edition() -> editions.Edition:
    """The default catalogue."""
    rows, _ = edition_file.parse(edition_file.CATALOGUE_CSV)
    return editions.Edition(-9, "default", {row.code: row for row in rows})


@pytest.fixture(scope="module")
def reader(edition: editions.Edition) -> Reader:
    """The default table."""
    rows, report = table.parse(table.DANGER_CSV)
    assert report.refused == []
    return Reader(rows, catalogue_danger.everyday_of(edition.categories.values()))


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place, with somebody at the command centre."""
    created = IncidentTown(session)
    created.town.post("command_centre", created.town.county, "钱指挥")
    return created


def told(session: Session, filed: FiledIncident, topic: str) -> set[str]:
    """Names of the persons a notice went to."""
    query = (
        "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
        " WHERE n.incident_id = :id AND n.topic = :topic"
    )
    return set(session.scalars(text(query), {"id": filed.id, "topic": topic}))


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SENTENCES, ids=lambda path: path.stem)
def test_sentences_that_the_table_does_not_have(reader: Reader, path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        rows = [
            (row["danger"] == "yes", row["sentence"])
            for row in csv.DictReader(file, delimiter="\t")
        ]
    assert not {phrase for _, phrase in rows} & {act for row in reader.source for act in row.acts}
    missed = [phrase for right, phrase in rows if right and reader.read(phrase) is None]
    raised = [phrase for right, phrase in rows if not right and reader.read(phrase) is not None]
    dangerous = sum(right for right, _ in rows)
    result = dangerous - len(missed)
    assert result / dangerous >= 0.95, missed
    assert result / (result + len(raised)) >= 0.8, raised


def test_examples_of_the_table_are_read_as_they_say(reader: Reader) -> None:
    right = [
        reader.read(act) is not None
        for row in reader.source
        if row.use == "example"
        for act in row.acts
    ]
    wrong = [
        reader.read(act) is not None
        for row in reader.source
        if row.use == "everyday"
        for act in row.acts
    ]
    assert sum(right) / len(right) >= 0.99
    assert sum(wrong) / len(wrong) <= 0.02


@pytest.mark.shared
def test_the_sentences_of_the_cases(
    shared: Path, edition: editions.Edition, reader: Reader
) -> None:
    with (shared.parent / "cases" / "loop" / "sentences.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            danger = reader.read(row["words"])
            assert (danger is not None) == (row["urgency"] == "urgent"), row
            likely = catalogue_danger.likely(edition, row["words"], danger)
            sure = likely and (danger is not None or intake.is_sure(edition, likely[0]))
            code = likely[0].code if sure else edition.fallback.code
            assert code in row["right_category"].replace("-", edition.fallback.code).split("|"), row


@pytest.mark.parametrize(
    ("message", "kind", "number"),
    [
        ("厨房烧起来了", "fire", "119"),
        ("走廊一股煤气味", "gas", "119"),
        ("電梯裡困了兩個人", "trapped", "119"),
        ("有人手上拿着刀", "weapon", "110"),
        ("我妈晕倒了", "medical", "120"),
        ("爷爷三天没出门，敲门没人应", "missing_elder", "110"),
    ],
)
def test_each_danger_names_its_number(reader: Reader, message: str, kind: str, number: str) -> None:
    result = reader.read(message)
    assert (
        result is not None
        and result.kinds[0] == kind
        and result.call[0] == number
        and result.because
    )


@pytest.mark.parametrize(
    "message",
    ["", " ", "着", "🔥", "没有着火", "沒有人受傷", "假如着火了谁来管", "a" * 9000, "\u200b"],
)
def test_no_danger(reader: Reader, message: str) -> None:
    assert reader.read(message) is None


@pytest.mark.parametrize(
    ("message", "danger"),
    [
        (
            "不是煤气味，是胶水味",
            False,
        ),  # what is denied in one clause is not put together with the next
        (
            "有人掉进下水道里",
            True,
        ),  # a longer word of danger counts, though a harmless one lies in it
        ("手机掉进下水道里", False),
        ("上次井盖丢了没人管，现在还是敞开的", True),  # past, but now too
        ("smoke from the noodle restaurant every evening", False),  # Latin words are longer
        # what is lost stands in the clause of who is lost; the next one tells of other things
        ("奶奶走丢了，身上没带手机和证件", True),
        ("奶奶的手机丢了，证件也丢了", False),
        ("我妈不见了，猫也没喂", True),
        ("火锅店爆炸了", True),
        ("烟感 告警 9栋", True),
        ("烟感 离线 9栋", False),
        ("温感探测器 电池低", False),
        ("我还以为是放炮没想到房子塌了一半", True),
        ("还以为是猫叫才发现是个婴儿掉井里了", True),
        ("昨晚停电时以为着火了，原来是邻居炒菜", False),
    ],
)
def test_what_stands_beside_danger(reader: Reader, message: str, danger: bool) -> None:
    assert (reader.read(message) is not None) == danger


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read(reader: Reader, old: str, new: str) -> None:
    result = reader.read(f"{old}。现在三楼着火了。{new}")
    assert result is None or result.call


@pytest.mark.parametrize(
    "message", ["着火", "如果着火", "没有老人", "垃圾三天没人收", "小孩不见了，不是，"]
)
def test_the_time_grows_with_the_length_only(reader: Reader, message: str) -> None:
    def cost(length: int) -> float:
        fields = (message * length)[:length]
        spent = []
        for _ in range(3):
            began = time.process_time()
            reader.read(fields)
            spent.append(time.process_time() - began)
        return min(spent)

    cost(10)
    assert cost(MAX_READ_CHARS) < max(8 * cost(MAX_READ_CHARS // 4), 0.005)


# --- what it brings about -------------------------------------------------------------------------


def test_danger_overrides_category_and_severity(incident_town: IncidentTown) -> None:
    filed = incident_town.report(
        "06028", description="楼上在打人，喊救命", severity="low", at=NOW + timedelta(hours=12)
    )
    seen = incident_town.seen(filed.id)
    assert (filed.severity, seen.severity, filed.category) == ("urgent", "urgent", "06028")
    assert filed.due is not None and filed.due < NOW + timedelta(hours=13)  # at night, too
    assert filed.danger is not None and filed.danger["call"][0] == "110"
    assert any(
        item.rule == "danger" and "打人" in item.zh and "打人" in item.en for item in filed.how
    )


def test_who_is_told_at_once(incident_town: IncidentTown) -> None:
    filed = incident_town.report("", description="三楼着火了")
    assert told(incident_town.session, filed, "incident.danger") | told(
        incident_town.session, filed, "incident.report"
    ) == {
        "李网格长",
        "赵社工",
        "钱指挥",
    }
    assert told(incident_town.session, incident_town.report(), "incident.danger") == set()


def test_an_elder_nobody_has_seen_is_no_order(incident_town: IncidentTown) -> None:
    filed = incident_town.report("", description="楼上孤寡老人两天没见到人了")
    assert (filed.category, filed.way, filed.state, filed.severity) == (
        "S0104",
        "assign",
        "dispatched",
        "urgent",
    )


def test_danger_without_a_category_of_its_own_is_sent_all_the_same(
    incident_town: IncidentTown,
) -> None:
    filed = incident_town.report("", description="有人站在楼顶边上要跳")
    assert (filed.category, filed.state) == ("Z0101", "dispatched")
    assert filed.suggestions == []


def test_an_unclear_report_is_read_at_once(incident_town: IncidentTown) -> None:
    filed = incident_town.report("", description="学苑路口")
    assert filed.state == "reported"
    assert "赵社工" in told(incident_town.session, filed, "incident.report")


def test_danger_in_a_note_makes_it_urgent(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    incident_town.do(filed.id, "take", "王网格")
    moves.apply_move(
        incident_town.session,
        reporter_principal(filed.id),
        filed.id,
        "note",
        NOW,
        MovePayload(note="垃圾堆冒烟了，烧起来了"),
    )
    seen = incident_town.seen(filed.id)
    assert (seen.severity, seen.state) == ("urgent", "taken")
    assert seen.due is not None and seen.due <= NOW + timedelta(minutes=120)
    assert "钱指挥" in told(incident_town.session, filed, "incident.danger")


@pytest.mark.parametrize("state", ["handled", "checked", "closed"])
def test_an_alarm_after_it_was_handled_is_filed_anew(
    incident_town: IncidentTown, state: str
) -> None:
    devices.add(
        incident_town.session,
        devices.DeviceInput("SM-77", "smoke", "", POINT["lon"], POINT["lat"], "cgcs2000"),
        NOW,
    )  # type: ignore[arg-type]
    number = incident_town.session.scalar(text("SELECT id FROM device WHERE code = 'SM-77'"))
    initial = devices.receive_alarm(incident_town.session, number, Alarm("1", "smoke"), NOW)
    assert (
        devices.receive_alarm(incident_town.session, number, Alarm("2", "smoke"), NOW).incident
        == initial.incident
    )
    incident_town.session.execute(
        text("UPDATE incident SET holder_id = :p WHERE id = :i"),
        {"p": incident_town.town.person("王网格").id, "i": initial.incident},
    )
    to_state(
        incident_town,
        initial.incident,
        *["take", "handle", "check", "close"][: 2 + ["handled", "checked", "closed"].index(state)],
    )
    again = devices.receive_alarm(
        incident_town.session, number, Alarm("3", "smoke"), NOW + timedelta(minutes=2)
    )
    assert again.filed and again.incident != initial.incident


# --- ways in and out ------------------------------------------------------------------------------


def test_answers_name_the_number(incident_town: IncidentTown, client: FlaskClient) -> None:
    incident_town.session.flush()
    fields = {**POINT, "description": "隔壁燃气泄漏，味道很大", "channel": "web"}
    answer = client.post("/api/v1/incidents", json=fields)
    assert answer.status_code == 201 and answer.json is not None
    assert answer.json["danger"]["call"] == ["119"] and "119" in answer.json["danger"]["advice_zh"]
    headers = {"X-Tracking-Secret": answer.json["tracking_secret"]}
    seen = client.get(f"/api/v1/incidents/{answer.json['id']}/track", headers=headers)
    assert seen.json is not None and seen.json["danger"]["call"] == ["119"]
    payload = client.get("/api/v1/categories/suggest", query_string={"words": "有人落水了"}).json
    assert payload is not None and payload["danger"]["kind"] == "drowning"
    assert (
        client.get("/api/v1/categories/suggest", query_string={"words": "路灯坏了"}).json["danger"]
        is None
    )  # type: ignore[index]
    table = client.get("/api/v1/danger").json
    assert table is not None and table["numbers"][0] == "110" and table["rows"] == []


def test_the_table_is_edited_as_a_spreadsheet(session: Session, tmp_path: Path) -> None:
    rows = catalogue_danger.EDITIONS.active_rows(session)
    file = tmp_path / "danger.xlsx"
    table.dump(rows, file)
    back, report = table.parse(file)
    assert report.refused == [] and tuple(back) == rows
    assert catalogue_danger.EDITIONS.load(session, back, "same") is None
    bees = table.Row("danger", "bees", "马蜂", "wasps", ("96119",), "", (), ("马蜂窝",), 0, (), ())
    catalogue_danger.EDITIONS.load(session, [*back, bees], "more.xlsx")
    result = catalogue_danger.heard(session, "阳台下面有个马蜂窝")
    assert result is not None and result.call == ("96119",)


@pytest.mark.parametrize(
    "message",
    [
        "那个东西请看一看",
        "学苑路口",
        "你好",
        "楼上拖椅子，说了也不听",
        "Please have a look at the bench",
        "水没了",
        "两个人在楼下聊天",
    ],
)
def test_ordinary_words_are_no_danger(reader: Reader, message: str) -> None:
    assert reader.read(message) is None


def test_a_table_nobody_edited_follows_the_default(session: Session) -> None:
    connection = session.connection()
    rows, _ = table.parse(table.DANGER_CSV)
    catalogue_danger.EDITIONS.load(session, rows[1:], table.DANGER_CSV.name)
    catalogue_danger.EDITIONS.fill(connection)
    assert catalogue_danger.EDITIONS.active_rows(session) == tuple(rows)
    edited = catalogue_danger.EDITIONS.load(session, rows[2:], table.DANGER_CSV.name, "u-admin")
    catalogue_danger.EDITIONS.fill(connection)
    assert catalogue_danger.EDITIONS.active_id(session) == edited


def test_a_wrong_row_is_refused_by_row_and_column(tmp_path: Path) -> None:
    file = tmp_path / "danger.csv"
    file.write_text(
        "use,kind,zh,en,call,category,words,acts,within,unless,despite\n"
        "danger,fire,火,fire,119,,,着火,,,\n"
        "peril,fire,火,fire,119,,,着火,,,\n"
        "danger,Fire,,fire,call us,,火,,99,,luck\n"
        "spelling,,,,,,,着伙,,,\n"
    )
    _, report = table.parse(file)
    assert {(item.where, item.field.split()[-1].strip("()")) for item in report.refused} >= {
        ("row 3", "use"),
        ("row 4", "kind"),
        ("row 4", "zh"),
        ("row 4", "call"),
        ("row 4", "acts"),
        ("row 4", "within"),
        ("row 4", "despite"),
        ("row 5", "acts"),
    }
