"""The table of walking profiles: editions, a spreadsheet there and back, and what is refused."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.demo.generate import generate_town
from gis.errors import InvalidInput
from gis.facilities import queries, service_circles
from gis.network import profile_table as table
from gis.network.loading import load_network
from gis.network.profiled import network_for
from gis.network.profiles import PROFILES, ProfileValue, default_rows

HEADER = "profile,quantity,value,unit,source,note\n"
ADULT = "adult,speed_m_s,1.25,m/s,standard,\n"


def written(tmp_path: Path, rows: str) -> Path:
    path = tmp_path / "profiles.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


def test_a_database_begins_with_the_default_table(session: Session) -> None:
    assert table.active_edition_id(session) > 0
    assert table.read_profiles(session) == PROFILES


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_table_comes_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"profiles{suffix}"
    table.dump(default_rows(), path)
    rows, report = table.parse(path)
    assert report.refused == [] and rows == default_rows()


def test_a_new_edition_is_in_force_and_the_same_one_again_is_none(
    session: Session, tmp_path: Path
) -> None:
    rows, report = table.parse(
        written(
            tmp_path, ADULT + "toddler,speed_m_s,0.4,m/s,measured,\ntoddler,steps,0,0 or 1,own,\n"
        )
    )
    assert report.refused == []
    initial = table.active_edition_id(session)
    new = table.load(session, rows, "own.csv", "somebody")
    assert new and new > initial and table.active_edition_id(session) == new
    assert table.load(session, rows, "own.csv") is None
    assert list(table.read_profiles(session)) == ["adult", "toddler"]
    toddler = table.find_profile(session, "toddler")
    assert (toddler.speed_m_s, toddler.steps) == (0.4, False)
    with pytest.raises(InvalidInput):
        table.find_profile(session, "elder")
    table.fill(session.connection())  # what somebody loaded stays
    assert table.active_edition_id(session) == new


def test_a_newer_default_replaces_the_former_default(session: Session) -> None:
    table.load(session, default_rows()[:1], "profiles.csv")
    table.fill(session.connection())
    assert table.read_profiles(session) == PROFILES


@pytest.mark.parametrize(
    ("rows", "key", "code"),
    [
        (ADULT + "Elder,speed_m_s,1,m/s,own,\n", "profile", "profile_row.key_wrong"),
        (ADULT + "elder,speed,1,m/s,own,\n", "quantity", "cell.none_of"),
        (ADULT + "elder,speed_m_s,0,m/s,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + "elder,speed_m_s,99,m/s,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + "elder,speed_m_s,nan,m/s,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + "elder,speed_m_s,1e0,m/s,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + "adult,rough_factor,0.5,times,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + "adult,steps,2,0 or 1,own,\n", "value", "profile_row.value_impossible"),
        (ADULT + ADULT, "quantity", "profile_row.twice"),
        (ADULT + "adult,kerb_cm,3,cm,,\n", "source", "cell.empty"),
        (ADULT + f"adult,kerb_cm,3,cm,{'x' * 301},\n", "source", "profile_row.too_long"),
        (ADULT + "elder,step_s,1,s,own,\n", "quantity", "profile_row.speed_missing"),
        ("elder,speed_m_s,1,m/s,own,\n", "quantity", "profile_row.speed_missing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_row(
    tmp_path: Path, rows: str, key: str, code: str
) -> None:
    _, report = table.parse(written(tmp_path, rows))
    assert [(refused.field, refused.message.code) for refused in report.refused] == [(key, code)]


def test_a_change_reaches_circles_and_networks_of_that_profile_only(session: Session) -> None:
    generate_town(session, households=800)
    for name in ("adult", "elder"):
        service_circles.recompute(session, (15,), name)
    count = text("SELECT profile, count(*) FROM service_circle GROUP BY 1 ORDER BY 1")
    old = {row[0]: row[1] for row in session.execute(count)}
    assert set(old) == {"adult", "elder"}
    slower = [
        row._replace(value=0.5) if row[:2] == ("elder", "speed_m_s") else row
        for row in default_rows()
    ]
    code = session.scalar(text("SELECT code FROM facility WHERE category = 'clinic' LIMIT 1"))
    former = queries.circle(session, str(code), 15, "elder")
    assert table.load(session, slower, "slower.csv")
    assert [tuple(row) for row in session.execute(count)] == [("adult", old["adult"])]
    now = queries.circle(session, str(code), 15, "elder")
    assert now.buildings is not None and former.buildings is not None
    assert now.speed == 0.5 and now.buildings < former.buildings
    assert service_circles.recompute(session, (15,), "elder").recomputed == old["elder"]
    assert network_for(session, "adult") is load_network(session)
    assert service_circles.recompute(session, (15,)).recomputed == 0


def test_rows_are_what_a_spreadsheet_shows() -> None:
    assert ProfileValue._fields == tuple(column.key for column in table.COLUMNS)
