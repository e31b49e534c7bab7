"""Notices: written with what they are about, delivered signed and in order, lost never, seen by
whom they are for.
"""

import hashlib
import hmac
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import AuthenticationRequired, Conflict, InvalidInput, NotFound
from gis.notices import actions, delivery, mail, queries, webhook
from gis.notices.outbox import enqueue_notice
from gis.rights.principal import ANONYMOUS, account_principal, system_principal
from gis.settings import Settings, Smtp
from tests.support import notice_office
from tests.support.incident_town import NOW, IncidentTown
from tests.support.machine import slowdown
from tests.support.notice_office import BODY, SECRET, Office, gateway, until
from tests.support.served import environment
from tests.support.sign_in import account, send, signed_in

office = notice_office.office  # the fixture
mail_notice = notice_office.mail_notice

# --- receivers ------------------------------------------------------------------------------------


@contextmanager
def mail_server(bye: bytes = b"221 bye") -> Iterator[tuple[Smtp, list[EmailMessage]]]:
    """A mail server that takes everything but what is for nobody@."""
    got: list[EmailMessage] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline().decode().strip():
                word = line.upper()
                if word.startswith("DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (item := self.rfile.readline()) != b".\r\n":
                        lines.append(item)
                    got.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                answer = (
                    b"550 no such user"
                    if "NOBODY@" in word
                    else bye
                    if word == "QUIT"
                    else b"250 ok"
                )
                self.wfile.write(answer + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Smtp("127.0.0.1", "网格 <wangge@example.cn>", server.server_address[1]), got
        server.shutdown()


# --- the outbox -----------------------------------------------------------------------------------


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def receivers(session: Session) -> list[tuple[Any, ...]]:
    """Whom the notices are for."""
    query = "SELECT target_id, person_id, account_id FROM notice ORDER BY id"
    return [tuple(row) for row in session.execute(text(query))]


def test_one_notice_for_each_person_account_and_fitting_target(incident_town: IncidentTown) -> None:
    session = incident_town.session
    person = incident_town.town.person("王网格").id
    actor = account(session, "somebody")
    targets = [
        actions.add_target(
            session, "webhook", f"https://gateway.example.cn/{number}", topics, area
        ).id
        for number, (topics, area) in enumerate(
            [((), ""), (("incident.take",), ""), ((), "520402007012"), ((), "520402007012002")]
        )
    ]
    enqueue_notice(
        session,
        "incident.report",
        county="520402",
        incident_id=None,
        areas=[
            incident_town.town.county.id,
            incident_town.town.community.id,
            incident_town.grid.id,
        ],
        person_ids=[person, person],
        account_ids=[actor.id],
        body=BODY,
    )
    result = receivers(session)
    assert sorted(result, key=str) == sorted(
        [
            (None, person, None),
            (None, None, actor.id),
            (targets[0], None, None),
            (targets[2], None, None),
        ],
        key=str,
    )


def test_nobody_to_tell_writes_nothing(incident_town: IncidentTown) -> None:
    enqueue_notice(
        incident_town.session,
        "incident.report",
        county="520402",
        incident_id=None,
        areas=[],
        body=BODY,
    )
    assert receivers(incident_town.session) == []


def test_an_account_whose_person_is_told_is_not_told_twice(incident_town: IncidentTown) -> None:
    person = incident_town.town.person("王网格")
    actor = account(incident_town.session, "wang", person=person.code)
    enqueue_notice(
        incident_town.session,
        "incident.report",
        county=None,
        incident_id=None,
        areas=[],
        person_ids=[person.id],
        account_ids=[actor.id],
        body=BODY,
    )
    assert receivers(incident_town.session) == [(None, person.id, None)]


def test_a_report_tells_its_person_and_goes_with_it(incident_town: IncidentTown) -> None:
    with incident_town.session.begin_nested() as undone:
        incident_town.report()
        undone.rollback()
    assert receivers(incident_town.session) == []
    incident = incident_town.report(name="陈居民", phone="13900001234")
    result = incident_town.session.execute(
        text("SELECT topic, incident_id, body::text, person_id FROM notice")
    ).one()
    assert (result.topic, result.incident_id, result.person_id) == (
        "incident.report",
        incident.id,
        incident_town.town.person("王网格").id,
    )
    assert not any(word in result.body for word in ("陈居民", "13900001234", "王网格", "一堆垃圾"))


# --- receivers are checked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example.cn",
        "ftp://gateway.example.cn/",
        "https://user:word@gateway.example.cn/",
        "https:///x",
        "https://gateway.example.cn/a b",
        "javascript:alert(1)",
        "http://[::1",
        "https://gateway.example.cn:99999/",
        f"https://{'a' * 64}.example.cn/",
        "https://gateway..example.cn/",
    ],
)
def test_an_address_that_is_none_is_refused(session: Session, url: str) -> None:
    with pytest.raises(InvalidInput, match="address: "):
        actions.add_target(session, "webhook", url)


@pytest.mark.parametrize(
    "address",
    [
        "desk",
        "desk@",
        "desk@example",
        "a@example.cn, b@example.cn",
        "a b@example.cn",
        "Desk <desk@example.cn>",
        "desk@example.cn\nBcc: x@example.cn",
        "desk@example..cn",
        "desk@.example.cn",
    ],
)
def test_a_mail_address_that_is_none_is_refused(session: Session, address: str) -> None:
    with pytest.raises(InvalidInput, match="address: "):
        actions.add_target(session, "email", address)


def test_topic_area_and_secret_are_checked(session: Session) -> None:
    for field_name, values in (
        ("topic", {"topics": ["incident.explode"]}),
        ("area", {"area": "000000"}),
        ("secret", {"secret": "short"}),
    ):
        with pytest.raises(InvalidInput, match=f"{field_name}: "):
            actions.add_target(session, "webhook", "https://gateway.example.cn/", **values)  # type: ignore[arg-type]
    actions.add_target(session, "webhook", "https://gateway.example.cn/")
    with pytest.raises(Conflict):
        actions.add_target(session, "webhook", "https://gateway.example.cn/")
    with pytest.raises(NotFound):
        actions.remove_target(session, -1)


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("1.1.1.1", True, True),
        ("2606:4700::1111", True, True),
        ("10.0.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("192.168.1.1", False, True),
        ("fd00::1", False, True),
        ("100.64.0.1", False, False),
        ("169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("::ffff:127.0.0.1", False, True),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::7f00:1", False, True),
        ("64:ff9b::101:101", True, True),
        ("2002:7f00:1::", False, True),
        ("255.255.255.255", False, True),
        ("::", False, False),
    ],
)
def test_which_addresses_may_be_sent_to(address: str, public: bool, private: bool) -> None:
    assert webhook.is_address_allowed(address, private=False) == public
    assert webhook.is_address_allowed(address, private=True) == private


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433"])
def test_this_machine_is_not_sent_to_unless_allowed(host: str) -> None:
    with gateway() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        with pytest.raises(webhook.DeliveryError, match=r"may not go to|not known"):
            webhook.send(url, SECRET, 1, "test", b"{}")
        assert receiver.got == []


def test_every_trial_has_another_key_and_a_notice_the_same() -> None:
    with gateway() as receiver:
        for number in (0, 0, 7, 7):
            webhook.send(receiver.url, SECRET, number, "test", b"{}", private=True)
        keys = [headers["Idempotency-Key"] for headers, _ in receiver.got]
    assert keys[0] != keys[1]
    assert keys[2:] == ["wangge-notice-7", "wangge-notice-7"]


@pytest.mark.parametrize(
    ("host", "private", "hint"),
    [("127.0.0.1", False, True), ("169.254.169.254", False, False), ("0.0.0.0", True, False)],
)
def test_the_setting_is_named_only_where_it_helps(host: str, private: bool, hint: bool) -> None:
    with pytest.raises(webhook.DeliveryError) as refused:
        webhook.send(f"http://{host}/in", SECRET, 1, "test", b"{}", private=private)
    assert ("WANGGE_PRIVATE_WEBHOOKS" in str(refused.value)) is hint


def test_a_redirect_is_not_followed() -> None:
    with (
        gateway(always=302) as receiver,
        pytest.raises(webhook.DeliveryError, match="302, redirects are not followed"),
    ):
        webhook.send(receiver.url, SECRET, 1, "test", b"{}", private=True)
    assert len(receiver.got) == 1


def test_a_receiver_that_dribbles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TOTAL_TIMEOUT_S", 0.5)

    class Dribble(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n")
            for number in range(30):
                time.sleep(0.1)
                try:
                    self.request.sendall(b"X-%d: 1\r\n" % number)
                except OSError:
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dribble) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(webhook.DeliveryError, match="no answer"):
            webhook.send(
                f"http://127.0.0.1:{server.server_address[1]}/",
                SECRET,
                1,
                "test",
                b"{}",
                private=True,
            )
        assert time.monotonic() - began < 2 * slowdown()
        server.shutdown()


# --- delivery -------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_numbered(office: Office) -> None:
    with gateway() as receiver:
        target = office.add(receiver.url)
        office.tell("incident.dispatch")
        assert office.due() == [target]
        began = int(time.time())
        assert office.deliver(target) == 1
        assert office.due() == []
    headers, body = receiver.got[0]
    stamp = headers["X-Wangge-Timestamp"]
    assert began <= int(stamp) <= time.time()
    expected = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Wangge-Signature"] == f"v1={expected}"
    row = office.rows(target)[0]
    assert headers["Idempotency-Key"] == f"wangge-notice-{row.id}"
    assert headers["Content-Type"] == "application/json"
    payload = json.loads(body)
    assert (
        payload
        == {"id": row.id, "topic": "incident.dispatch", "at": payload["at"], "county": "520402"}
        | BODY
    )
    assert datetime.fromisoformat(payload["at"]) == row.at
    assert (row.state, row.attempts, row.last_error) == ("sent", 1, "")


def test_what_fails_waits_longer_each_time_and_then_arrives_in_order(office: Office) -> None:
    with gateway(answers=[500, 503, 500]) as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report", "incident.take", "incident.handle")
        for number, longest in enumerate((5, 10, 20)):
            began = datetime.now(UTC)
            assert office.deliver(target) == 0
            ended = datetime.now(UTC)
            assert len(receiver.got) == number + 1, "what comes after it waits"
            row = office.rows(target)[0]
            assert row.next_try_at >= began + timedelta(seconds=0.75 * longest)
            assert row.next_try_at <= ended + timedelta(seconds=longest)
            assert office.due(row.next_try_at - timedelta(microseconds=1)) == []
            assert office.due(row.next_try_at) == [target]
            assert office.deliver(target) == 0
            assert len(receiver.got) == number + 1, "not before its time"
            office.later(target)
        assert office.rows(target)[0].last_error == "answered 500"
        assert office.deliver(target) == 3
    assert receiver.topics()[3:] == ["incident.report", "incident.take", "incident.handle"]
    keys = {
        headers["Idempotency-Key"]
        for headers, body in receiver.got
        if json.loads(body)["topic"] == "incident.report"
    }
    assert len(keys) == 1, "each try has the same key"


def test_waits_grow_to_an_hour_and_no_further() -> None:
    assert all(
        45 * 60 <= delivery.retry_delay(number).total_seconds() <= 3600 for number in (11, 20, 500)
    )
    assert len({delivery.retry_delay(5) for _ in range(20)}) > 1


def test_a_receiver_down_for_a_day_loses_nothing(office: Office) -> None:
    with gateway() as receiver:
        pass  # it is gone again
    target = office.add(receiver.url)
    for _hour in range(24):
        office.tell("incident.report", "incident.take")
        assert office.deliver(target) == 0
        office.change(
            "UPDATE notice SET at = at - interval '1 hour' WHERE target_id = :t", t=target
        )
        office.later(target)
    assert office.states(target) == ["waiting"] * 48
    assert "cannot be reached" in office.rows(target)[0].last_error
    with gateway() as back:
        office.change(
            "UPDATE notice_target SET address = :url WHERE id = :t", url=back.url, t=target
        )
        while office.due():
            office.deliver(target)
    assert office.states(target) == ["sent"] * 48
    assert len({headers["X-Wangge-Notice"] for headers, _ in back.got}) == len(back.got) == 48


def test_a_notice_the_receiver_chokes_on_does_not_hold_up_the_others_for_ever(
    office: Office,
) -> None:
    with gateway(answers=[400] * delivery.MAX_BLOCKING_FAILURES) as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report", "incident.take")
        for _ in range(delivery.MAX_BLOCKING_FAILURES):
            assert office.deliver(target) == 0
            office.later(target)
        receiver.answers = [200, 400]
        assert office.deliver(target) == 1
        assert office.states(target) == ["waiting", "sent"]


def test_what_was_passed_is_tried_while_a_later_one_waits_to_be_tried_again(
    office: Office,
) -> None:
    with gateway(always=500) as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report", "incident.take", "incident.handle")
        office.change(
            "UPDATE notice SET attempts = 9, at = now() - interval '73 hours'"
            " WHERE target_id = :t AND topic = 'incident.report'",
            t=target,
        )
        assert office.deliver(target) == 0
        assert receiver.topics() == ["incident.take"]
        assert office.due() == [target]
        assert office.deliver(target) == 0
        assert receiver.topics()[1:] == ["incident.report"], "news that keeps coming lets it starve"
        assert office.states(target) == ["dead", "waiting", "waiting"]
        assert office.due() == []


def test_what_cannot_be_sent_at_all_is_recorded_and_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gateway() as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report")
        office.change(
            "UPDATE notice_target SET address = :url WHERE id = :t",
            url=f"http://{'a' * 64}.example.cn/",
            t=target,
        )
        assert office.deliver(target) == 0
        (row,) = office.rows(target)
        assert (row.attempts, "is not known" in row.last_error) == (1, True)
        office.later(target)
        monkeypatch.setattr(delivery, "payload", lambda notice: 1 / 0)
        assert office.deliver(target) == 0
        (row,) = office.rows(target)
        assert (row.attempts, row.last_error) == (2, "cannot be sent: ZeroDivisionError")


def test_after_three_days_it_is_dead_and_can_be_sent_again(office: Office) -> None:
    with gateway(always=500) as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report", "incident.take", "incident.handle")
        office.change(
            "UPDATE notice SET at = now() - interval '73 hours' WHERE target_id = :t"
            " AND topic <> 'incident.handle'",
            t=target,
        )
        assert office.deliver(target) == 0
        assert office.states(target) == ["waiting"] * 3, "too few tries yet"
        office.change(
            "UPDATE notice SET attempts = 9 WHERE target_id = :t AND topic = 'incident.report'",
            t=target,
        )
        office.change(
            "UPDATE notice SET attempts = 12 WHERE target_id = :t AND topic <> 'incident.report'",
            t=target,
        )
        office.later(target)
        office.deliver(target)
        assert office.states(target) == ["dead", "dead", "waiting"]
        receiver.always = 200
        office.later(target)
        assert office.deliver(target) == 1
        with Session(office.engine) as session, session.begin():
            dead = queries.outgoing(session, "dead")
            assert [
                (item.topic, item.target, item.last_error) for item in dead if item.target == target
            ] == [
                ("incident.take", target, "answered 500"),
                ("incident.report", target, "answered 500"),
            ]
            assert actions.retry_notices(session, dead[0].id, datetime.now(UTC)) == 1
            assert actions.retry_notices(session, None, datetime.now(UTC)) == 1
            with pytest.raises(NotFound):
                actions.retry_notices(session, -1, datetime.now(UTC))
        assert office.deliver(target) == 2
    assert office.states(target) == ["sent"] * 3


def test_a_removed_receiver_gets_nothing_more(office: Office) -> None:
    with gateway() as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report")
        with Session(office.engine) as session, session.begin():
            assert actions.remove_target(session, target) == 1
        office.tell("incident.take")
        assert (office.due(), office.deliver(target), receiver.got) == ([], 0, [])
        assert office.states(target) == ["dead"]
        with Session(office.engine) as session:
            assert target not in [item.id for item in queries.targets(session)]


def test_two_deliverers_do_not_send_twice(office: Office) -> None:
    with gateway(always=0.02) as receiver:
        target = office.add(receiver.url)
        office.tell(*["incident.report"] * 20)
        together(*[lambda: office.deliver(target)] * 4)
        while office.due():
            office.deliver(target)
    numbers = [int(headers["X-Wangge-Notice"]) for headers, _ in receiver.got]
    assert len(numbers) == 20
    assert numbers == sorted(set(numbers))


def together(*jobs: Callable[[], object]) -> None:
    """Do them at once."""
    threads = [threading.Thread(target=thread) for thread in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_a_deliverer_that_is_killed_lets_go_and_the_notice_is_sent_by_the_next(
    office: Office,
) -> None:
    script = (
        "import sys; from gis.db import engine; from gis.notices.delivery import deliver;"
        " from gis.settings import Settings;"
        "from pathlib import Path;"
        "deliver(engine(sys.argv[1]), Settings(var=Path('.'), private_webhooks=True),"
        " int(sys.argv[2]))"
    )
    with gateway(answers=[8.0]) as receiver:
        target = office.add(receiver.url)
        office.tell("incident.report")
        popen = subprocess.Popen(
            [sys.executable, "-c", script, office.database, str(target)],
            env=environment(Path(os.curdir)),
        )
        until(lambda: receiver.got)
        assert office.deliver(target) == 0, "the first one has it"
        popen.kill()
        popen.wait()
        until(lambda: office.deliver(target) == 1)
    assert office.states(target) == ["sent"]
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.got}) == 1


# --- mail -----------------------------------------------------------------------------------------


def test_a_mail_is_in_chinese_and_english_without_names(office: Office) -> None:
    with mail_server() as (smtp, got):
        destination = replace(
            office, settings=replace(office.settings, smtp=smtp, address="https://grid.example.cn")
        )
        target = office.add("desk@example.cn", "email")
        office.tell("incident.escalate")
        assert destination.deliver(target) == 1
    assert office.states(target) == ["sent"]
    letter = got[0]
    assert letter["To"] == "desk@example.cn"
    assert letter["Subject"] == "【网格】超时督办 overdue, one level up: 暴露垃圾"
    assert letter["Message-ID"] == f"<wangge-notice-{office.rows(target)[0].id}@example.cn>"
    phrase = letter.get_content()
    for item in (
        "状态: 已派单",
        "State: dispatched",
        "网格员",
        "grid worker",
        "520402007012001",
        "https://grid.example.cn/notices",
    ):
        assert item in phrase
    assert letter.get_content_type() == "text/plain"


def test_a_mail_that_was_taken_is_not_sent_again_for_how_the_server_parts(office: Office) -> None:
    with mail_server(bye=b"421 too busy") as (smtp, got):
        destination = replace(office, settings=replace(office.settings, smtp=smtp))
        target = office.add("desk@example.cn", "email")
        office.tell("incident.report")
        assert destination.deliver(target) == 1
    assert (office.states(target), len(got)) == (["sent"], 1)


def test_a_mail_names_place_and_category_in_words(incident_town: IncidentTown) -> None:
    session = incident_town.session
    target = actions.add_target(session, "email", "desk@example.cn").id
    incident_town.report(description="楼道里着火了")
    params = {"target": target, "now": datetime.now(UTC)}
    session.execute(
        text("DELETE FROM notice WHERE target_id = :target AND topic <> :topic"),
        {"target": target, "topic": "incident.danger"},
    )
    notice = session.execute(text(delivery.NEXT_SQL), params).one()
    settings = Settings(var=Path(), smtp=Smtp("127.0.0.1", "a@example.cn"))
    letter = mail.build_message(settings, notice)
    assert letter["Subject"] == "【网格】险情（火情） danger (fire): 暴露垃圾"
    phrase = letter.get_content()
    assert "danger (fire): exposed rubbish\n" in phrase
    assert f"区域: {incident_town.grid.name}" in phrase


def test_a_plain_mail_has_a_date_and_a_number_that_stays(office: Office) -> None:
    with mail_server() as (smtp, got):
        for _ in range(2):
            mail.send_text(
                replace(office.settings, smtp=smtp),
                "zhou@example.cn",
                "x",
                ["y"],
                key="questionnaire-7",
                at=NOW,
            )
    assert [letter["Message-ID"] for letter in got] == ["<wangge-questionnaire-7@example.cn>"] * 2
    assert got[0]["Date"].datetime == NOW.replace(microsecond=0)


def test_a_mail_that_is_not_taken_waits(office: Office) -> None:
    target = office.add("nobody@example.cn", "email")
    office.tell("incident.report")
    assert office.deliver(target) == 0
    assert "no mail server is set" in office.rows(target)[0].last_error
    office.later(target)
    with mail_server() as (smtp, got):
        assert replace(office, settings=replace(office.settings, smtp=smtp)).deliver(target) == 0
    assert got == []
    assert office.rows(target)[0].last_error == "the mail server refuses the address (550)"
    office.later(target)
    assert replace(office, settings=replace(office.settings, smtp=smtp)).deliver(target) == 0
    assert "cannot be reached" in office.rows(target)[0].last_error


def test_a_letter_cannot_be_given_headers(session: Session) -> None:
    settings = Settings(var=Path(), smtp=Smtp("mail", "a@example.cn"))
    body = BODY | {"category_zh": "垃圾\r\nBcc: x@example.cn"}
    letter = mail.build_message(settings, mail_notice("desk@example.cn", "incident.report", body))
    assert letter["Bcc"] is None and "垃圾 Bcc: x@example.cn" in letter["Subject"]


def test_the_settings_of_mail(tmp_path: Path) -> None:
    password = "a password!"  # no path of a temporary folder contains it by chance
    env = {
        "WANGGE_VAR": str(tmp_path),
        "WANGGE_SMTP_HOST": "mail.example.cn",
        "WANGGE_SMTP_FROM": "a@example.cn",
    }
    assert Settings.from_env(env).smtp == Smtp("mail.example.cn", "a@example.cn", 25)
    fields = Settings.from_env(
        env
        | {"WANGGE_SMTP_STARTTLS": "yes", "WANGGE_SMTP_USER": "u", "WANGGE_SMTP_PASSWORD": password}
    )
    assert fields.smtp == Smtp("mail.example.cn", "a@example.cn", 587, "u", password, True)
    assert password not in repr(fields)
    for wrong in (
        {"WANGGE_SMTP_FROM": ""},
        {"WANGGE_SMTP_PORT": "x"},
        {"WANGGE_SMTP_STARTTLS": "perhaps"},
    ):
        with pytest.raises(InvalidInput):
            Settings.from_env(env | wrong)


# --- in the app -----------------------------------------------------------------------------------


@pytest.fixture
def wang(incident_town: IncidentTown, client: FlaskClient) -> FlaskClient:
    """The browser of the grid's worker."""
    return signed_in(
        client,
        account(incident_town.session, "wang", person=incident_town.town.person("王网格").code),
    )


def shown(client: FlaskClient, query: str = "") -> dict[str, Any]:
    """The list."""
    answer = client.get(f"/api/v1/notices{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_my_notices_newest_first_and_seen_when_i_say_so(
    incident_town: IncidentTown, wang: FlaskClient
) -> None:
    leading, second = incident_town.report(), incident_town.report()
    incident_town.session.commit()
    result = shown(wang)
    assert [item["incident"] for item in result["items"]] == [str(second.id), str(leading.id)]
    assert (result["unseen"], result["next"]) == (2, None)
    item = result["items"][0]
    assert (item["zh"], item["en"], item["category_zh"], item["area"], item["seen"]) == (
        "新上报",
        "reported",
        "暴露垃圾",
        "520402007012001",
        False,
    )
    headers = {"X-CSRFToken": csrf(wang)}
    answer = wang.post("/api/v1/notices/seen", json={"ids": [item["id"]]}, headers=headers)
    assert answer.get_json() == {"changed": 1, "unseen": 1}
    assert [item["seen"] for item in shown(wang)["items"]] == [True, False]
    answer = wang.post("/api/v1/notices/seen", json={"until": item["id"]}, headers=headers)
    assert answer.get_json() == {"changed": 1, "unseen": 0}
    assert wang.post("/api/v1/notices/seen", json={"ids": [1]}).status_code == 403, (
        "without the page's token"
    )


def csrf(client: FlaskClient) -> str:
    """The token of a signed-in page."""
    from tests.support.sign_in import token

    return token(client)


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": [1], "until": 1}, {"ids": [0]}, {"ids": [2**63]}, {"ids": "x"}, {"all": True}],
)
def test_what_is_seen_must_be_said_clearly(
    incident_town: IncidentTown, wang: FlaskClient, body: dict[str, Any]
) -> None:
    answer = wang.post("/api/v1/notices/seen", json=body, headers={"X-CSRFToken": csrf(wang)})
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


def test_pages_of_notices(incident_town: IncidentTown, wang: FlaskClient) -> None:
    reports = [incident_town.report() for _ in range(5)]
    incident_town.session.commit()
    leading = shown(wang, "?limit=3")
    second = shown(wang, f"?limit=3&cursor={leading['next']}")
    ids = [report["incident"] for report in leading["items"] + second["items"]]
    assert ids == [str(report.id) for report in reversed(reports)]
    assert second["next"] is None
    assert wang.get("/api/v1/notices?cursor=eHg").status_code == 422


def test_notices_are_mine_alone(incident_town: IncidentTown, client: FlaskClient) -> None:
    incident_town.report()
    neighbour = account(
        incident_town.session, "lin", person=incident_town.town.person("邻网格员").code
    )
    mine = incident_town.session.scalars(text("SELECT id FROM notice")).all()
    signed_in(client, neighbour)
    assert shown(client) == {"items": [], "next": None, "unseen": 0}
    answer = client.post(
        "/api/v1/notices/seen", json={"ids": list(mine)}, headers={"X-CSRFToken": csrf(client)}
    )
    assert answer.get_json()["changed"] == 0
    assert set(incident_town.session.scalars(text("SELECT state FROM notice"))) == {"waiting"}


def test_a_notice_goes_with_the_right_to_see_its_incident(
    incident_town: IncidentTown, wang: FlaskClient
) -> None:
    incident = incident_town.report()
    incident_town.session.commit()
    assert shown(wang)["unseen"] == 1
    wang_id = incident_town.town.person("王网格").id
    incident_town.session.execute(
        text("UPDATE post SET holder_id = NULL WHERE holder_id = :p"), {"p": wang_id}
    )
    incident_town.session.execute(
        text("UPDATE incident SET holder_id = NULL WHERE id = :id"), {"id": incident.id}
    )
    incident_town.session.commit()
    assert shown(wang) == {"items": [], "next": None, "unseen": 0}


def test_a_resident_is_told_of_the_own_report(
    incident_town: IncidentTown, client: FlaskClient
) -> None:
    account(incident_town.session, "wang", person=incident_town.town.person("王网格").code)
    actor = account(incident_town.session, "chen")
    by = account_principal(incident_town.session, actor.id, None, "chen", NOW)
    incident = incident_town.report(by=by)
    incident_town.do(incident.id, "take", "王网格")
    incident_town.session.commit()
    signed_in(client, actor)
    result = shown(client)["items"]
    assert [(notice["topic"], notice["incident"]) for notice in result] == [
        ("incident.take", str(incident.id))
    ]


def test_nobody_and_programs_have_none(client: FlaskClient, session: Session) -> None:
    assert client.get("/api/v1/notices").status_code == 401
    assert client.post("/api/v1/notices/seen", json={"until": 1}).status_code == 401
    assert client.get("/notices", headers={"Accept": "text/html"}).status_code == 303
    for by in (ANONYMOUS, system_principal("test")):
        with pytest.raises(AuthenticationRequired):
            queries.list_notices(session, by, 1)


def test_the_page(incident_town: IncidentTown, wang: FlaskClient) -> None:
    empty = wang.get("/notices?lang=en")
    assert "Nothing yet" in empty.text
    incident = incident_town.report()
    now = datetime.now(UTC)
    incident_town.session.execute(text("UPDATE notice SET at = :at"), {"at": now})
    incident_town.session.commit()
    page = wang.get("/notices?lang=en").text
    assert "1 new" in page
    assert "第001网格" in page
    assert "reported" in page
    assert str(incident.id) in page
    assert "王网格" not in page.split("<main")[1]
    number = incident_town.session.scalar(
        text("SELECT id FROM notice WHERE incident_id = :id"), {"id": incident.id}
    )
    assert send(wang, "/notices", id=str(number)).status_code == 303
    assert "all seen" in wang.get("/notices?lang=en").text
    assert send(wang, "/notices", id="x").status_code == 422
    assert wang.post("/notices", data={"id": str(number)}).status_code == 403
    for number in ("x", "²", "9" * 19):
        assert wang.get("/notices", query_string={"before": number}).status_code == 422, number
        assert send(wang, "/notices", id=number).status_code == 422, number


def test_older_notices_are_on_the_next_page(incident_town: IncidentTown, wang: FlaskClient) -> None:
    person = incident_town.town.person("王网格").id
    for _ in range(60):
        enqueue_notice(
            incident_town.session,
            "test",
            county=None,
            incident_id=None,
            areas=[],
            person_ids=[person],
            body={},
        )
    incident_town.session.commit()
    initial = wang.get("/notices").text
    assert initial.count("<li class=") == 50
    older = initial.split("/notices?before=")[1].split('"')[0]
    assert wang.get(f"/notices?before={older}").text.count("<li class=") == 10


# --- the command ----------------------------------------------------------------------------------


def wangge(office: Office, *arguments: str, code: int = 0) -> str:
    """Run `./wangge notices WORDS`; what it said."""
    from web.cli import load_command

    command = load_command("notices")
    env = {
        "WANGGE_VAR": str(office.settings.var),
        "DATABASE_URL": office.database,
        "WANGGE_PRIVATE_WEBHOOKS": "yes",
    }
    done = CliRunner(env=env).invoke(command, arguments)
    assert done.exit_code == code, done.output
    return done.output + str(done.exception or "")


def test_a_receiver_of_an_area_that_is_no_more_is_listed_as_such(
    incident_town: IncidentTown,
) -> None:
    from web.cli.notices import target_line

    session, code = incident_town.session, incident_town.beside.code
    target = actions.add_target(session, "email", "desk@example.cn", area=code).id
    query = "UPDATE area SET retired_at = '2026-11-23 16:30+00' WHERE code = :code"
    session.execute(text(query), {"code": code})
    (line,) = (target_line(row) for row in queries.targets(session) if row.id == target)
    assert f"in {code} (no more since 2026-11-24: nothing reaches it)" in line


def test_what_waits_long_for_a_receiver_is_a_figure(
    incident_town: IncidentTown, client: FlaskClient
) -> None:
    session = incident_town.session
    session.execute(text("UPDATE notice_target SET active = false"))
    target = actions.add_target(session, "email", "desk@example.cn").id
    incident_town.report()
    session.commit()
    assert "wangge_late_notices 0.0\n" in client.get("/metrics").text
    query = "UPDATE notice SET at = now() - interval '61 minutes' WHERE target_id = :t"
    session.execute(text(query), {"t": target})
    session.commit()
    assert "wangge_late_notices 1.0\n" in client.get("/metrics").text


def test_the_command(office: Office) -> None:
    with gateway(answers=[200, 500]) as receiver:
        secret = wangge(
            office, "add-webhook", receiver.url, "--topic", "incident.report"
        ).splitlines()[0]
        with Session(office.engine) as session:
            target = session.scalars(
                text("SELECT id FROM notice_target WHERE active AND secret = :s"), {"s": secret}
            ).one()
        assert "arrived" in wangge(office, "test", str(target))
        headers, body = receiver.got[0]
        assert headers["X-Wangge-Signature"] == webhook.signature(
            secret, int(headers["X-Wangge-Timestamp"]), body
        )
        assert "answered 500" in wangge(office, "test", str(target), code=1)
        office.tell("incident.report", "incident.take")
        office.change(
            "UPDATE notice SET state = 'dead', last_error = 'answered 500' WHERE target_id = :t",
            t=target,
        )
        listed = json.loads(wangge(office, "targets", "--json"))
        assert [(item["dead"], item["topics"]) for item in listed if item["id"] == target] == [
            (1, ["incident.report"])
        ]
        assert secret not in wangge(office, "targets")
        assert "incident.report" in wangge(office, "dead")
        assert "1 to be sent again" in wangge(office, "retry", "all")
        assert "[waiting]" in wangge(office, "list", "--state", "waiting")
        assert "1 notices" in wangge(office, "remove", str(target))
        assert "no receiver" in wangge(office, "remove", str(target), code=1)
        assert "is no address" in wangge(office, "add-webhook", "gateway", code=1)


def test_the_command_shows_the_time_of_the_deployment_and_refuses_what_is_no_number(
    office: Office,
) -> None:
    target = office.add("https://gateway.example.cn/in")
    office.tell("incident.report")
    office.change(
        "UPDATE notice SET at = '2026-11-23 16:30+00', next_try_at = '2026-11-24 16:30+00'"
        " WHERE target_id = :t",
        t=target,
    )
    listed = wangge(office, "list", "--most", "1")
    assert "2026-11-24 00:30:00" in listed and "next 2026-11-25 00:30:00" in listed
    for number in ("²", "9" * 20):
        assert "must be the number" in wangge(office, "retry", number, code=2)
    for name in ("remove", "test"):
        assert "is too large" in wangge(office, name, "9" * 20, code=2)
