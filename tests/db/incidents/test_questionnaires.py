"""The questionnaire after closing: once, and once more weeks later, never to who has rated."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.accounts.credentials import derive_tracking_secret, signing_key
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.insertion import TrackingKey
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading import timeline
from gis.jobs import questionnaires
from gis.notices import mail
from gis.notices.webhook import DeliveryError
from gis.ops.cluster import DatabaseUrls
from gis.rights.principal import ANONYMOUS, Principal, account_principal
from gis.settings import Settings, Smtp
from tests.support.deployment import new_database
from tests.support.incident_town import NOW, POINT, IncidentTown, to_state

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def apart(addresses: DatabaseUrls) -> Iterator[Engine]:
    """A database of this file's own, where things are committed."""
    with new_database(addresses) as urls:
        engine = gis_db.engine(urls.app)
        with Session(engine) as session, session.begin():
            IncidentTown(session)
        yield engine


@pytest.fixture
def mailing(tmp_path: Path) -> Settings:
    """A deployment with a mail server and an address."""
    smtp = Smtp("mail.example.cn", "grid@example.cn")
    return Settings(var=tmp_path, address="https://grid.example.cn", smtp=smtp)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was sent: to whom, and the last paragraph."""
    sent: list[tuple[str, str]] = []

    def send(_: Settings, address: str, __: str, paragraphs: list[str], **___: Any) -> None:
        sent.append((address, paragraphs[-1]))

    monkeypatch.setattr(mail, "send_text", send)
    return sent


class Again(IncidentTown):
    """The usual place, that stands already."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def who(self, name: str, at: datetime = NOW) -> Principal:
        """Somebody signed in."""
        query = text("SELECT id FROM personal.person WHERE name = :name")
        person = self.session.scalar(query, {"name": name})
        return account_principal(self.session, -1, person, name, at)


def closed(engine: Engine, mailing: Settings, email: str = "zhou@example.cn") -> tuple[UUID, str]:
    """A closed matter of a reporter with a mail address, and its tracking secret."""
    new_id = uuid4()
    secret = derive_tracking_secret(signing_key(mailing.var), new_id)
    report = IncidentReport(**POINT, category="06010", channel="web", email=email)
    with Session(engine) as session, session.begin():
        file_report(session, ANONYMOUS, report, NOW, tracking=TrackingKey(new_id, secret))
        to_state(Again(session), new_id, "take", "handle", "check", "close")
    return new_id, secret


def test_the_link_goes_out_after_closing_and_once_more_after_four_weeks(
    apart: Engine, mailing: Settings, mails: list[tuple[str, str]]
) -> None:
    item, secret = closed(apart, mailing)
    link = f"https://grid.example.cn/track/{item}#{secret}"
    days = (0, 0, 27, 28, 29, 80)
    sent = [questionnaires.send_due(apart, mailing, NOW + day * DAY) for day in days]
    assert sent == [1, 0, 0, 1, 0, 0]
    assert mails == [("zhou@example.cn", link)] * 2


def test_never_to_who_has_rated_left_no_address_or_has_it_reopened(
    apart: Engine, mailing: Settings, mails: list[tuple[str, str]]
) -> None:
    rated, secret = closed(apart, mailing)
    reopened, _ = closed(apart, mailing)
    closed(apart, mailing, email="")
    closed(apart, mailing, email="nonsense")
    with Session(apart) as session, session.begin():
        by = timeline.authenticate_tracking(session, rated, secret)
        moves.apply_move(session, by, rated, "rate", NOW, MovePayload(rating=4, solved=True))
        Again(session).do(reopened, "reopen", note="没好")
    assert questionnaires.send_due(apart, mailing, NOW) == 0
    assert questionnaires.send_due(apart, mailing, NOW + 28 * DAY) == 0
    assert mails == []


def test_once_only_where_the_setting_says_and_none_without_a_mail_server(
    apart: Engine, mailing: Settings, mails: list[tuple[str, str]]
) -> None:
    closed(apart, mailing)
    assert questionnaires.send_due(apart, replace(mailing, smtp=None), NOW) == 0
    once = replace(mailing, questionnaire_days=0)
    assert [questionnaires.send_due(apart, once, NOW + day * DAY) for day in (0, 28, 90)] == [
        1,
        0,
        0,
    ]


def test_a_mail_that_fails_is_tried_again_and_given_up_after_days(
    apart: Engine, mailing: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def fail(_: Settings, address: str, *__: Any, **___: Any) -> None:
        tries.append(address)
        raise DeliveryError("the mail server answered 451")

    monkeypatch.setattr(mail, "send_text", fail)
    closed(apart, mailing)
    minutes = (0, 30, 60, 3 * 24 * 60, 3 * 24 * 60 + 60)
    for minute in minutes:
        assert questionnaires.send_due(apart, mailing, NOW + timedelta(minutes=minute)) == 0
    assert len(tries) == 2  # not while it is claimed, and not after three days
