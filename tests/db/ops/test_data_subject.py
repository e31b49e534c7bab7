"""Requests of people about their own data, by the command line: all of it, right, or gone."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.accounts import accounts
from gis.db import audit_context, engine
from gis.incidents.lifecycle import handover, moves, report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.ops import cluster, data_subject
from gis.ops.databases import libpq
from gis.ops.subject_copy import references
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal, account_principal, system_principal
from gis.settings import Settings
from tests.support import build
from web.cli import cli

NOW = datetime.now(UTC)
BY = system_principal("test")
PHONE, MAIL = "13912345678", "Zhao.Si@example.com"


class Deployment:
    """A town with a worker who has an account, and what two residents reported."""

    def __init__(self, var: Path) -> None:
        self.addresses = cluster.start(Settings(var=var), throw_away=True)
        with self.session() as session, audit_context(session, "office", "set up"):
            town = build.Town(session)
            town.post("grid_worker", town.grid("001"), "钱小五", start=NOW - timedelta(days=90))
            town.post("community_worker", town.community, "周主任", start=NOW - timedelta(days=90))
            worker = town.person("钱小五")
            worker.code, worker.phone = "W-17", "13700001111"
            session.flush()
            account, _ = accounts.add(session, BY, "qianxiaowu", person="W-17")
            session.commit()
            self.reports = [
                self.file(session, name="赵四", phone="+86 139-1234-5678", email=MAIL),
                self.file(session, name="赵佳佳", phone="１３９１２３４５６７８"),
                self.file(session, name="孙六", phone="13911112222"),
            ]
            by = account_principal(session, account.id, worker.id, "qianxiaowu", NOW)
            moves.apply_move(session, by, self.reports[0], "take", NOW, MovePayload())
            session.commit()

    def session(self) -> Session:
        """A session of the application."""
        return Session(engine(self.addresses.app))

    @staticmethod
    def file(session: Session, by: Principal = ANONYMOUS, **contact: str) -> UUID:
        """A report with how to reach who reports."""
        fields = {
            "lon": build.LON + 0.0005,
            "lat": build.LAT + 0.0005,
            "crs": "cgcs2000",
            "category": "06010",
            "description": f"路灯不亮 {contact.get('name', '')[-1:]}",
        }
        return report.file_report(session, by, IncidentReport(**fields | contact), NOW).id  # type: ignore[arg-type]

    def contents(self) -> str:
        """Everything the database holds, as text."""
        command = ["pg_dump", "--inserts", libpq(self.addresses.owner)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def deployment(migrated_var: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment that the command line works on."""
    monkeypatch.setenv("WANGGE_VAR", str(migrated_var))
    yield Deployment(migrated_var)
    cluster.stop(Settings(var=migrated_var))


def run(*words: str, answer: str = "") -> Result:
    """A command of `./wangge person`."""
    return CliRunner().invoke(cli, ["person", *words], input=answer)


def contact_changes(deployment: Deployment) -> list[tuple[str, str]]:
    """What was done to contacts, and why; not what they were."""
    query = text(
        "SELECT op, why FROM history WHERE table_name = 'personal.reporter'"
        " AND old IS NULL AND new IS NULL AND who LIKE 'command line%'"
    )
    with deployment.session() as session:
        return [(row.op, row.why) for row in session.execute(query)]


def leave_office(deployment: Deployment) -> None:
    """The worker leaves: post and matters go to a colleague, the account is blocked."""
    with deployment.session() as session, audit_context(session, "office", "left"):
        post = session.scalar(text("SELECT id FROM post WHERE role = 'grid_worker'"))
        handover.hand_over(session, BY, post, "p-周主任", None, "follow", datetime.now(UTC))
        accounts.block(session, BY, accounts.get_account(session, "qianxiaowu"))
        session.commit()


def test_a_copy_has_what_a_person_and_a_reporter_left(
    deployment: Deployment, tmp_path: Path
) -> None:
    document = json.loads(run("export", "--phone", "139 1234 5678").output)
    assert {UUID(row["id"]) for row in document["reports"]} == {*deployment.reports[:2]}
    assert {row["name"] for row in document["reports"]} == {"赵四", "赵佳佳"}
    assert document["held"] == {}
    assert json.loads(run("export", "--email", MAIL.lower()).output)["reports"][0]["name"] == "赵四"
    file = tmp_path / "copy.json"
    assert run("export", "--code", "W-17", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document == json.loads(run("export", "--account", "qianxiaowu").output) | {
        "exported_at": document["exported_at"]
    }
    held = document["held"]
    assert held["personal.person"][0]["phone"] == "13700001111"
    assert held["post"][0]["area_name"] == "第001网格"
    assert {UUID(row["id"]) for row in held["incident"]} == {*deployment.reports}
    assert "赵四" not in file.read_text(encoding="utf-8")  # of somebody else
    assert "password_hash" not in file.read_text(encoding="utf-8")
    assert [row["move"] for row in document["done"]] == ["take"]
    with deployment.session() as session:
        shown = session.scalars(text("SELECT subject FROM personal.disclosure ORDER BY id")).all()
    assert [words[:40] for words in shown] == ["a person's own data, for a copy (person "] * 4
    assert shown[0].endswith("(person -, 2 reports)")
    refusal = run("export", "--code", "W-17", str(tmp_path / "none" / "copy.json")).exception
    assert refusal.code == "file.no_such_folder"  # type: ignore[union-attr]


def test_a_copy_for_an_official_has_no_words_about_others(deployment: Deployment) -> None:
    with deployment.session() as session, audit_context(session, "office", "visit"):
        person = session.scalar(text("SELECT id FROM personal.person WHERE code = 'W-17'"))
        session.execute(
            text(
                "INSERT INTO duty_visit (county, person_id, day, place, area_id, area_ids, note,"
                " recorded_by) SELECT county, :person, current_date, code, id, ARRAY[id],"
                " '李奶奶病了', 'x' FROM area WHERE county <> '' LIMIT 1"
            ),
            {"person": person},
        )
        session.execute(
            text(
                "INSERT INTO joint_part (county, incident_id, kind, person_id, note, due_at)"
                " SELECT county, id, 'assist', :person, '找赵四', now() FROM incident LIMIT 1"
            ),
            {"person": person},
        )
        session.commit()
    words = run("export", "--code", "W-17").output
    assert {"duty_visit", "joint_part"} <= {*json.loads(words)["held"]}
    assert "李奶奶" not in words and "赵四" not in words


def test_every_table_that_names_a_person_or_an_account_is_looked_through(
    deployment: Deployment,
) -> None:
    query = text(
        "SELECT conrelid::regclass::text, attname FROM pg_constraint"
        " JOIN pg_attribute ON (attrelid, attnum) = (conrelid, conkey[1])"
        " WHERE contype = 'f' AND confrelid = CAST(:table AS regclass)"
    )
    for table in ("personal.person", "personal.account"):
        with deployment.session() as session:
            stored = {tuple(row) for row in session.execute(query, {"table": table})}
        assert stored == {
            (name, column) for name, columns in references(table).items() for column in columns
        }


def test_a_correction_is_in_the_register_and_in_reports(deployment: Deployment) -> None:
    done = run("correct", "--phone", PHONE, "--name", "赵思", "--new-phone", "", "--reason", "函1")
    assert done.output == "corrected: 0 people, 2 contacts\n"
    assert contact_changes(deployment) == [("update", "函1")] * 2
    assert run("export", "--phone", PHONE).exit_code == 1
    left = json.loads(run("export", "--email", MAIL).output)["reports"]
    assert [(row["name"], row["phone"]) for row in left] == [("赵思", "")]
    done = run("correct", "--code", "W-17", "--name", "钱晓武", "--reason", "函2")
    assert done.exit_code == 0
    change = json.loads(run("export", "--code", "W-17").output)["history"][-1]
    assert (change["why"], change["old"], change["new"]) == (
        "函2",
        {"name": "钱小五"},
        {"name": "钱晓武"},
    )
    for words in (
        ("--code", "W-17"),
        ("--code", "W-17", "--name", " "),
        ("--code", "W-17", "--new-phone", "1" * 41),
        ("--code", "nobody", "--name", "谁"),
        ("--name", "谁"),
        ("--phone", "无", "--name", "谁"),
    ):
        assert run("correct", *words, "--reason", "x").exit_code == 1


def test_a_telephone_of_several_people_names_none(deployment: Deployment) -> None:
    with deployment.session() as session:
        session.execute(text("UPDATE personal.person SET phone = '0851-3322 1100'"))
        session.commit()
    refusal = run("export", "--phone", "0851 33221100")
    assert refusal.exit_code == 1 and refusal.exception.params["codes"] == "W-17, p-周主任"


def test_a_telephone_is_compared_whatever_the_width_of_its_digits(deployment: Deployment) -> None:
    with deployment.session() as session:
        session.execute(text("UPDATE personal.person SET phone = '33221100' WHERE code = 'W-17'"))
        session.commit()
    assert json.loads(run("export", "--phone", "３３２２ １１００").output)["held"]


def test_each_thing_that_somebody_is_known_by_has_to_be_theirs(deployment: Deployment) -> None:
    for words, options in (
        (("--code", "W-18", "--phone", PHONE), "--code"),
        (("--code", "W-17", "--phone", "13999999999"), "--phone"),
        (("--account", "nobody", "--email", "a@b.cn"), "--email, --account"),
    ):
        refusal = run("erase", *words, "--reason", "函8", "--yes").exception
        assert (refusal.code, refusal.params) == ("subject.unknown", {"options": options})  # type: ignore[union-attr]
    refusal = run("export", "--code", "W-17", "--phone", "无").exception
    assert refusal.code == "subject.nothing_given"  # type: ignore[union-attr]
    both = json.loads(run("export", "--code", " W-17 ", "--email", f" {MAIL} ").output)
    assert len(both["reports"]) == 1 and both["held"]["post"]


def test_what_an_official_wrote_down_for_a_resident_is_not_the_officials(
    deployment: Deployment,
) -> None:
    with deployment.session() as session:
        accounts.add(session, BY, "wuqi")
        worker, resident = (
            Principal(
                "account",
                f"account {name}",
                {Action.REPORT: None},
                roles=((role, None),),
                account_id=accounts.get_account(session, name).id,
            )
            for name, role in (("qianxiaowu", "grid_worker"), ("wuqi", "resident"))
        )
        for by in (worker, resident):
            deployment.file(session, by=by, name="吴七", phone="13922223333")
        deployment.file(session, by=worker)  # what they saw themselves
        session.commit()
    own = json.loads(run("export", "--code", "W-17").output)["reports"]
    assert [row["name"] for row in own] == [None]
    own = json.loads(run("export", "--account", "wuqi").output)["reports"]
    assert [row["name"] for row in own] == ["吴七"]
    with deployment.session() as session, audit_context(session, "office", "left"):
        session.execute(text("UPDATE post SET holder_id = NULL WHERE role = 'grid_worker'"))
        session.execute(text("UPDATE incident SET holder_id = NULL"))
        session.execute(text("UPDATE personal.account SET active = false"))
        session.commit()
    assert run("erase", "--code", "W-17", "--reason", "函9", "--yes").exit_code == 0
    left = json.loads(run("export", "--phone", "13922223333").output)["reports"]
    assert [row["phone"] for row in left] == ["13922223333"] * 2


def test_a_reporter_is_erased_and_the_matter_stays(deployment: Deployment) -> None:
    assert run("erase", "--phone", PHONE, "--reason", "函3", answer="n\n").exit_code == 1
    assert run("export", "--phone", PHONE).exit_code == 0  # nothing was done
    done = run("erase", "--phone", PHONE, "--reason", "函3", "--yes", "--json")
    result = json.loads(done.output)
    assert result["erased"]["contacts"] == 2 and result["kept"]["reports"] == 2
    assert contact_changes(deployment) == [("delete", "函3")] * 2
    contents = deployment.contents()
    for word in ("赵四", "赵佳佳", "１３９", "139-1234", MAIL):
        assert word not in contents
    assert "路灯不亮 四" in contents and "13911112222" in contents  # the matter, and others
    assert run("erase", "--phone", PHONE, "--reason", "函3", "--yes").exit_code == 1
    with deployment.session() as session:
        query = text("SELECT state FROM incident WHERE id = :id")
        assert session.scalar(query, {"id": deployment.reports[0]}) == "taken"


def test_who_answers_for_something_is_not_erased_before_it_is_handed_over(
    deployment: Deployment,
) -> None:
    words = ("erase", "--code", "W-17", "--reason", "函4", "--yes")
    refusal = run(*words).exception
    assert (refusal.code, refusal.params) == (  # type: ignore[union-attr]
        "subject.still_answers",
        {"posts": 1, "matters": 3, "others": 0},
    )
    leave_office(deployment)
    with deployment.session() as session:
        accounts.unblock(session, BY, accounts.get_account(session, "qianxiaowu"))
        session.commit()
    assert run(*words).exception.code == "subject.account_active"  # type: ignore[union-attr]


def test_who_left_is_erased_also_from_the_history(deployment: Deployment) -> None:
    run("correct", "--code", "W-17", "--name", "钱小舞", "--reason", "旧函")
    leave_office(deployment)
    done = run("erase", "--code", "W-17", "--reason", "函5", "--yes")
    assert done.exit_code == 0, done.exception
    assert "1 people" in done.output and "kept as records" in done.output
    contents = deployment.contents()
    for word in ("钱小五", "钱小舞", "13700001111"):
        assert word not in contents
    assert "account qianxiaowu" in contents  # who signed what stays, and nobody gets the name again
    with deployment.session() as session:
        row = session.execute(
            text("SELECT code, name, phone FROM personal.person WHERE code LIKE 'erased-%'")
        ).one()
        assert (row.name, row.phone) == ("（已删除）", "")
        trigger = text(
            "SELECT tgenabled FROM pg_trigger"
            " WHERE tgrelid = 'history'::regclass AND tgname = 'keep'"
        )
        assert session.scalar(trigger) == "O"  # append-only again


def test_an_erasure_waits_shortly_for_who_writes_and_leaves_the_history_closed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("erase", "--phone", PHONE, "--reason", "函6", "--yes")
    monkeypatch.setattr(
        data_subject,
        "HISTORY_LOCK_SQL",
        ("SET LOCAL lock_timeout = '100ms'", data_subject.HISTORY_LOCK_SQL[1]),
    )
    with deployment.session() as session:
        session.execute(text("UPDATE personal.person SET phone = '1'"))  # a load, not yet over
        assert run(*words).exception.code == "subject.history_busy"  # type: ignore[union-attr]
    monkeypatch.setattr(data_subject, "HISTORY_ERASED_SQL", "SELECT 1/0")
    assert run(*words).exit_code == 1
    with (
        Session(engine(deployment.addresses.owner)) as owner,
        pytest.raises(DBAPIError, match="append-only"),
    ):
        owner.execute(text("DELETE FROM history"))
    assert run("export", "--phone", PHONE).exit_code == 0
