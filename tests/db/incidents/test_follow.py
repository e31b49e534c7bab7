"""When boundaries change, open incidents go with the patch they lie in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.lifecycle import moves, report
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.reading import incidents, timeline
from gis.ops.metadata import Revision
from gis.rights.principal import ANONYMOUS, account_principal, system_principal
from tests.support import build

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SIDE = build.SIDE


class IncidentTown:
    """Two grids side by side, a worker in each; the border between them can be moved."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.town = build.Town(session)
        self.west = self.town.grid("001")
        self.east = self.town.grid("002", column=1)
        self.town.post("grid_worker", self.west, "西网格员")
        self.town.post("grid_worker", self.east, "东网格员")
        self.town.post("community_worker", self.town.community, "赵社工")

    def report(self, column: float = 0.75, **extra: object) -> UUID:
        """Rubbish so many grids east of the corner, in the middle of the row."""
        fields = {
            "lon": build.LON + column * SIDE,
            "lat": build.LAT + SIDE / 2,
            "crs": "cgcs2000",
            "category": "06010",
        }
        return report.file_report(self.session, ANONYMOUS, IncidentReport(**fields | extra), NOW).id  # type: ignore[arg-type]

    def redraw(
        self, west: float | None, east: tuple[float, float] | None = None, at: datetime = LATER
    ) -> None:
        """Draw the grids anew: the western one so many grids wide (None: gone), the eastern one
        from where to where.
        """
        revision = Revision(
            title="moved", state="published", author="test", published_at=at, effective=at
        )
        self.session.add(revision)
        self.session.flush()
        self.town.revision = revision
        self.session.execute(
            text(
                "UPDATE boundary SET valid_time = tstzrange(lower(valid_time), :at, '[)')"
                " WHERE upper_inf(valid_time)"
            ),
            {"at": at},
        )
        initial, last = east or (west or 0.0, 2.0)
        for area, begin, end in ((self.west, 0.0, west), (self.east, initial, last)):
            if end is not None:
                shape = build.square(
                    build.LON + begin * SIDE, build.LAT, (end - begin) * SIDE, SIDE
                )
                self.town.boundary(area, shape, at)
        self.session.flush()

    def seen(self, incident_id: UUID) -> incidents.IncidentView:
        """As we ourselves see it."""
        return incidents.get_incident(
            self.session, system_principal("test"), incident_id, now=LATER
        )

    def events(self, incident_id: UUID) -> list[timeline.EventView]:
        """Its follow events."""
        return [
            event
            for event in timeline.events(self.session, system_principal("test"), incident_id)
            if event.move == "follow"
        ]

    def move(self, incident_id: UUID, name: str, user: str, **wish: object) -> None:
        """A move by somebody of the town."""
        by = account_principal(self.session, -1, self.town.person(user).id, user, NOW)
        moves.apply_move(self.session, by, incident_id, name, NOW, MovePayload(**wish))  # type: ignore[arg-type]


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def grid(view: incidents.IncidentView) -> str:
    """The code of its grid."""
    return str(next(area["code"] for area in view.areas if area["level"] == "grid"))


def test_nothing_changed_nothing_follows(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert incident_town.events(incident) == []


def test_an_open_incident_goes_to_the_new_patch_and_its_person(incident_town: IncidentTown) -> None:
    incident, beside = incident_town.report(0.75), incident_town.report(0.25)
    assert incident_town.seen(incident).assigned_to == "西网格员"
    version = incident_town.seen(incident).version
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    seen = incident_town.seen(incident)
    assert (grid(seen), seen.assigned_to, seen.area) == (
        incident_town.east.code,
        "东网格员",
        incident_town.east.code,
    )
    assert (seen.state, seen.version) == ("dispatched", version + 1)
    [event] = incident_town.events(incident)
    assert (event.detail["from_grid"], event.detail["to_grid"]) == (
        incident_town.west.code,
        incident_town.east.code,
    )
    assert incident_town.west.code in event.words and incident_town.east.code in event.words
    assert "网格员" not in event.words  # no names
    assert (grid(incident_town.seen(beside)), incident_town.events(beside)) == (
        incident_town.west.code,
        [],
    )
    answer = incident_town.session.scalars(
        text(
            "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
            " WHERE n.topic = 'incident.follow'"
        )
    ).all()
    assert sorted(answer) == ["东网格员", "西网格员"]


def test_a_second_run_does_nothing(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.redraw(0.5)
    assert [reassign_after_boundary_change(incident_town.session, LATER) for _ in range(3)] == [
        1,
        0,
        0,
    ]
    assert len(incident_town.events(incident)) == 1


@pytest.mark.parametrize("named", ["west", "east"])
def test_a_publication_looks_at_what_it_changed_and_the_job_at_the_rest(
    incident_town: IncidentTown, named: str
) -> None:
    session, incident = incident_town.session, incident_town.report()
    incident_town.redraw(0.5)
    number = session.scalar(text("SELECT max(revision_id) FROM boundary"))
    assert number is not None
    assert reassign_after_boundary_change(session, LATER, number + 1, ["520402007012099"]) == 0
    # the eastern grid covers it now, whichever of the two is named
    codes = [getattr(incident_town, named).code]
    assert reassign_after_boundary_change(session, LATER, number, codes) == 1
    assert grid(incident_town.seen(incident)) == incident_town.east.code
    assert reassign_after_boundary_change(session, LATER) == 0


def test_what_no_publication_names_is_followed_by_the_job(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER, 10**6, []) == 0
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    assert grid(incident_town.seen(incident)) == incident_town.east.code


def test_boundaries_that_hold_later_are_followed_then(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.redraw(0.5)
    assert (
        reassign_after_boundary_change(incident_town.session, LATER - timedelta(microseconds=1))
        == 0
    )
    assert grid(incident_town.seen(incident)) == incident_town.west.code
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1


def test_closed_and_void_ones_stay(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    for name, actor in (
        ("take", "西网格员"),
        ("handle", "西网格员"),
        ("check", "赵社工"),
        ("close", "赵社工"),
    ):
        incident_town.move(incident, name, actor, note="好了")
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert grid(incident_town.seen(incident)) == incident_town.west.code


def test_on_the_border_the_lower_code_answers(incident_town: IncidentTown) -> None:
    """The new border runs through the point: the western grid, with the lower code, keeps it.

    Alone it would not.
    """
    incident, east = incident_town.report(0.5), incident_town.report(1.5)
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert grid(incident_town.seen(incident)) == incident_town.west.code
    again = LATER + timedelta(hours=1)
    incident_town.redraw(1.5, at=again)
    assert reassign_after_boundary_change(incident_town.session, again) == 1
    assert grid(incident_town.seen(east)) == incident_town.west.code
    assert incident_town.seen(east).assigned_to == "西网格员"


def test_a_lower_code_drawn_up_to_the_point_takes_it(session: Session) -> None:
    """Its own grid is as it was; a new one with a lower code touches the point."""
    town = build.Town(session)
    position = town.grid("005", column=1)
    fields = {
        "lon": round(build.LON + SIDE, 7),
        "lat": build.LAT + SIDE / 2,
        "crs": "cgcs2000",
        "category": "06010",
    }
    item = report.file_report(session, ANONYMOUS, IncidentReport(**fields), NOW).id  # type: ignore[arg-type]
    assert position.id in session.scalar(
        text("SELECT area_ids FROM incident WHERE id = :id"), {"id": item}
    )
    town.revision = Revision(
        title="more", state="published", author="test", published_at=NOW, effective=NOW
    )
    session.add(town.revision)
    session.flush()
    town.grid("002")
    assert reassign_after_boundary_change(session, LATER) == 1
    assert (
        grid(incidents.get_incident(session, system_principal("test"), item, now=LATER))
        == town.community.code + "002"
    )
    assert reassign_after_boundary_change(session, LATER) == 0


def test_outside_every_grid_it_stays_where_it_was(incident_town: IncidentTown) -> None:
    incident = incident_town.report(1.5)
    incident_town.redraw(0.2, (0.2, 0.4))  # 1.1 grids, over 100 m, from the nearest
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert grid(incident_town.seen(incident)) == incident_town.east.code


def test_a_grid_that_is_gone_gives_its_incidents_to_its_heir(incident_town: IncidentTown) -> None:
    incident = incident_town.report(0.25)
    incident_town.redraw(None, (0.0, 2.0))
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    assert (grid(incident_town.seen(incident)), incident_town.seen(incident).assigned_to) == (
        incident_town.east.code,
        "东网格员",
    )


def test_a_worker_of_both_patches_keeps_it(incident_town: IncidentTown) -> None:
    incident_town.session.execute(
        text("UPDATE post SET holder_id = :id WHERE area_id = :area"),
        {"id": incident_town.town.person("西网格员").id, "area": incident_town.east.id},
    )
    incident = incident_town.report()
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    seen = incident_town.seen(incident)
    assert (seen.assigned_to, seen.area) == ("西网格员", incident_town.east.code)


def test_who_answers_for_the_whole_community_keeps_it(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.move(incident, "dispatch", "赵社工", to="p-赵社工")
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    seen = incident_town.seen(incident)
    assert (grid(seen), seen.assigned_to, seen.area) == (
        incident_town.east.code,
        "赵社工",
        incident_town.town.community.code,
    )


def test_who_has_handled_it_keeps_it(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.move(incident, "take", "西网格员")
    incident_town.move(incident, "handle", "西网格员", note="清理完毕")
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    seen = incident_town.seen(incident)
    assert (grid(seen), seen.state, seen.assigned_to) == (
        incident_town.east.code,
        "handled",
        "西网格员",
    )


def test_nobody_in_the_new_patch_is_one_step_up(incident_town: IncidentTown) -> None:
    incident_town.session.execute(
        text("DELETE FROM post WHERE area_id = :area"), {"area": incident_town.east.id}
    )
    incident = incident_town.report()
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    assert (incident_town.seen(incident).role, incident_town.seen(incident).assigned_to) == (
        "community_worker",
        "赵社工",
    )


def test_a_grid_under_another_community_takes_its_incidents_along(
    incident_town: IncidentTown,
) -> None:
    incident = incident_town.report()
    other = incident_town.town.area(
        "community", "520402007013", "东兴社区", incident_town.town.street
    )
    incident_town.session.execute(
        text("UPDATE area SET parent_id = :to WHERE id = :id"),
        {"to": other.id, "id": incident_town.west.id},
    )
    assert reassign_after_boundary_change(incident_town.session, LATER) == 1
    seen = incident_town.seen(incident)
    assert [area["code"] for area in seen.areas if area["level"] == "community"] == [other.code]
    assert seen.assigned_to == "西网格员"
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0


def test_a_matter_of_the_whole_community_stays_with_it(incident_town: IncidentTown) -> None:
    incident_town.town.boundary(
        incident_town.town.community, build.square(build.LON, build.LAT, 2 * SIDE, SIDE)
    )
    item = report.file_report(
        incident_town.session,
        ANONYMOUS,
        IncidentReport(category="06010", area=incident_town.town.community.code),
        NOW,
    ).id
    old_seen = incident_town.seen(item)
    incident_town.redraw(0.5)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert incident_town.seen(item) == old_seen


def test_the_unit_told_by_its_code_is_kept_while_it_stands(incident_town: IncidentTown) -> None:
    tower = incident_town.town.building("1号楼", 0.0004, 0.0004)
    unit = incident_town.town.unit(incident_town.west, "01", [(tower, "1", None, None)])
    incident_town.town.unit(incident_town.west, "02", [(tower, "2", None, None)])
    incident_town.town.post("unit_head", unit, "联户长甲")
    item = report.file_report(
        incident_town.session, ANONYMOUS, IncidentReport(category="06010", area=unit.code), NOW
    ).id
    incident_town.redraw(0.9)
    assert reassign_after_boundary_change(incident_town.session, LATER) == 0
    assert [area["code"] for area in incident_town.seen(item).areas][-1] == unit.code


def test_the_history_has_both_patches(incident_town: IncidentTown) -> None:
    incident_town.report()
    incident_town.redraw(0.5)
    reassign_after_boundary_change(incident_town.session, LATER)
    stored = incident_town.session.execute(
        text(
            "SELECT old -> 'grid_id' AS old, new -> 'grid_id' AS new FROM history"
            " WHERE table_name = 'incident'"
            " AND old -> 'grid_id' <> new -> 'grid_id'"
        )
    ).one()
    assert tuple(stored) == (incident_town.west.id, incident_town.east.id)
