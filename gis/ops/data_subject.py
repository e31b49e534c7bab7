"""A person's requests about their own data (个人信息保护法 45–47): a copy, a correction, erasure.

The person is somebody of the register of people, with their account, or whoever left a telephone
number or mail address with reports. What others wrote, and what an office did, is not theirs: the
steps of matters and the history stay as they are signed, since both are records that an office has
to keep (个人信息保护法 47; 网络安全法 21). Decision 40.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gis.errors import Conflict, NotFound, Unavailable, invalid_field
from gis.files.cells import CellError, Guess
from gis.files.telephones import parse_telephone
from gis.ops.shards.county import shard_number
from gis.rights.visibility import reveal_contacts

ERASED_NAME = "（已删除）"
OPTIONS = {name: f"--{name}" for name in ("code", "phone", "email")} | {"username": "--account"}
# columns of `personal.person` that say who it is
PERSON_FACTS = ("code", "name", "phone")
CONTACT_LIMITS = {"name": 80, "phone": 40, "email": 200}  # characters, as of a report

# Contacts have no trigger: that one changed or went is written down without what it was.
NOTE_CONTACTS_SQL = """
INSERT INTO history (who, why, table_name, row_key, county, op)
SELECT current_setting('wangge.who'), current_setting('wangge.why'), 'personal.reporter',
  county || '/' || incident_id, county, :op
FROM personal.reporter WHERE incident_id = ANY(:reports)
"""
DIGITS_SQL = (
    "regexp_replace(regexp_replace(normalize({column}, NFKC), '[^0-9]', '', 'g'),"
    " '^(00)?86(?=1[3-9][0-9]{{9}}$)', '')"
)
SUBJECT_PEOPLE_SQL = f"""
SELECT p.id, p.code, :phone <> '' AND {DIGITS_SQL.format(column="p.phone")} = :phone AS by_phone
FROM personal.person p
WHERE :code <> '' AND p.code = :code
  OR :phone <> '' AND {DIGITS_SQL.format(column="p.phone")} = :phone
  OR p.id = (SELECT person_id FROM personal.account WHERE username = :username)
ORDER BY p.code
"""  # noqa: S608  our own text
SUBJECT_ACCOUNTS_SQL = """
SELECT id, username FROM personal.account
WHERE person_id = ANY(:people) OR username = :username ORDER BY id
"""
# What an official wrote down for a resident is not the official's: with a contact, an account's
# report counts where a resident filed it; a part of one as the report that it is of.
SUBJECT_REPORTS_SQL = f"""
SELECT i.id, by_phone, by_email FROM incident i
  LEFT JOIN personal.reporter r ON (r.county, r.incident_id) = (i.county, i.id)
  CROSS JOIN LATERAL (SELECT
    :phone <> '' AND coalesce({DIGITS_SQL.format(column="r.phone")} = :phone, false) AS by_phone,
    :email <> '' AND coalesce(lower(btrim(r.email)) = :email, false) AS by_email) known
WHERE by_phone OR by_email
  OR i.account_id = ANY(:accounts) AND i.channel NOT IN ('phone', 'in_person', 'import')
    AND (r.incident_id IS NULL OR EXISTS (SELECT FROM incident_event e
      WHERE e.incident_id = coalesce(i.split_from, i.id) AND e.move = 'report'
        AND e.role = 'resident'))
ORDER BY i.reported_at, i.id
"""  # noqa: S608  our own text
# what a person still answers for: it would be left without an owner
SUBJECT_DUTIES_SQL = """
SELECT
  (SELECT count(*) FROM post p WHERE (p.holder_id = ANY(:people) OR p.deputy_id = ANY(:people))
    AND (upper_inf(p.valid_time) OR upper(p.valid_time) > :now)) AS posts,
  (SELECT count(*) FROM incident i WHERE i.holder_id = ANY(:people)
    AND i.state NOT IN ('closed', 'void')) AS matters,
  (SELECT count(*) FROM joint_part j WHERE j.person_id = ANY(:people)
    AND j.finished_at IS NULL)
  + (SELECT count(*) FROM order_taker t WHERE t.person_id = ANY(:people) AND t.active)
  + (SELECT count(*) FROM organisation o WHERE o.head_id = ANY(:people) AND o.active)
  + (SELECT count(*) FROM organisation_member m WHERE m.person_id = ANY(:people)
    AND (upper_inf(m.valid_time) OR upper(m.valid_time) > :now))
  + (SELECT count(*) FROM unplaced_building b
    WHERE b.head_id = ANY(:people) OR b.sponsor_id = ANY(:people)) AS others,
  (SELECT count(*) FROM personal.account a WHERE a.id = ANY(:accounts) AND a.active) AS active
"""
# what -> the statement that erases it; the counts are returned
ERASE_SQL = {
    "sign_ins": "DELETE FROM personal.sign_in WHERE username = ANY(:usernames)",
    "grants": "DELETE FROM personal.access_grant WHERE account_id = ANY(:accounts)",
    "filters": "DELETE FROM personal.saved_filter WHERE account_id = ANY(:accounts)",
    "notices": """DELETE FROM notice
        WHERE person_id = ANY(:people) OR account_id = ANY(:accounts)""",
    "contacts": "DELETE FROM personal.reporter WHERE incident_id = ANY(:reports)",
    "reports": """UPDATE incident SET account_id = NULL, follow_up_due_at = NULL,
        questionnaire_at = NULL WHERE id = ANY(:reports)""",
    "order_takers": "DELETE FROM order_taker WHERE person_id = ANY(:people)",
    "accounts": """UPDATE personal.account SET password_hash = NULL, subject = NULL,
        person_id = NULL WHERE id = ANY(:accounts)""",
    "people": """UPDATE personal.person SET code = 'erased-' || id, name = :name, phone = ''
        WHERE id = ANY(:people)""",
}
# Before anything else: whoever writes waits meanwhile, so nothing is given to them after the look
# at what they answer for, and two erasures do not wait for each other.
HISTORY_LOCK_SQL = (
    "SET LOCAL lock_timeout = '5s'",
    "LOCK TABLE history IN SHARE ROW EXCLUSIVE MODE",
)
# What the history has of them, with the rows that the statements above have just added. It is
# append-only for everybody; this is the one exception.
HISTORY_ERASED_SQL = """
UPDATE history SET old = old - CAST(:facts AS text[]), new = new - CAST(:facts AS text[])
WHERE table_name IN ('person', 'order_taker') AND row_key = ANY(CAST(:people AS text[]))
  OR table_name = 'personal.account' AND row_key = ANY(CAST(:accounts AS text[]))
"""
HISTORY_FACTS = (*PERSON_FACTS, "subject", "address", "geom", "skills", "hours")
RETAINED_SQL = """
SELECT
  (SELECT count(*) FROM history WHERE who = ANY(:signed)) AS history,
  (SELECT count(*) FROM incident_event WHERE who = ANY(:signed)) AS steps,
  (SELECT count(*) FROM personal.disclosure WHERE who = ANY(:signed)) AS disclosures,
  (SELECT count(*) FROM incident WHERE holder_id = ANY(:people)) AS matters,
  cardinality(CAST(:reports AS uuid[])) AS reports
"""


@dataclass(frozen=True)
class Subject:
    """Whose data it is: ids of people and accounts, and of the incidents that they reported."""

    people: Sequence[int]
    codes: Sequence[str]
    accounts: Sequence[int]
    usernames: Sequence[str]
    reports: Sequence[Any]

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the statements of this module."""
        return {
            "people": [*self.people],
            "accounts": [*self.accounts],
            "usernames": [*self.usernames],
            "reports": [*self.reports],
            "signed": [f"account {username}" for username in self.usernames],
        }


@dataclass(frozen=True)
class Erasure:
    """How many rows of each kind were erased, and how many stay, signed or by law."""

    erased: dict[str, int]
    kept: dict[str, int]


def find_subject(
    session: Session, *, code: str = "", phone: str = "", email: str = "", username: str = ""
) -> Subject:
    """Return whose data it is by what they are known by.

    Parameters
    ----------
    code, username
        Of somebody of the register, with their account and what they reported with it.
    phone, email
        Also of reports; a telephone number is compared by its digits.

    Raises
    ------
    InvalidInput
        Nothing is given, or the telephone number has no digits.
    NotFound
        Nothing is held under one of these.
    Conflict
        Several people have the telephone number: a code says who.
    """
    wanted = {
        "code": code.strip(),
        "phone": _digits(phone) if phone else "",
        "email": email.strip().lower(),
        "username": username.strip().lower(),
    }
    if not any(wanted.values()) or (phone.strip() and not wanted["phone"]):
        raise invalid_field("phone" if phone else "code", "subject.nothing_given")
    reveal_contacts(session)
    people = session.execute(text(SUBJECT_PEOPLE_SQL), wanted).all()
    if len(people) > 1:
        raise Conflict("subject.several", codes=", ".join(row.code for row in people[:5]))
    ids = [row.id for row in people]
    # the accounts of a shard are copies of the main database's
    is_main = shard_number(session.connection()) == 0
    query = text(SUBJECT_ACCOUNTS_SQL)
    accounts = session.execute(query, wanted | {"people": ids}).all() if is_main else []
    account_ids = [row.id for row in accounts]
    reports = session.execute(text(SUBJECT_REPORTS_SQL), wanted | {"accounts": account_ids}).all()
    codes, usernames = [row.code for row in people], [row.username for row in accounts]
    known = {
        "code": wanted["code"] in codes,
        "phone": any(row.by_phone for row in (*people, *reports)),
        "email": any(row.by_email for row in reports),
        "username": wanted["username"] in usernames if is_main else bool(people),
    }
    if unknown := [OPTIONS[name] for name, value in wanted.items() if value and not known[name]]:
        raise NotFound("subject.unknown", options=", ".join(unknown))
    return Subject(ids, codes, account_ids, usernames, [row.id for row in reports])


def _digits(phone: str) -> str:
    """Return the digits of a telephone number, without the code of China before a mobile one."""
    try:
        parsed = parse_telephone(phone)
    except CellError:
        return ""
    known = unicodedata.normalize("NFKC", phone if isinstance(parsed, Guess) else parsed)
    return re.sub("[^0-9]", "", known)


def correct_subject(
    session: Session, subject: Subject, changes: Mapping[str, str]
) -> dict[str, int]:
    """Correct the name, telephone number or mail address of a subject, and return how many rows.

    Parameters
    ----------
    session
        Of the owner of the tables, who alone writes the history.
    changes
        New `name`, `phone` and `email`, of the register of people and of the contacts of reports.
        An empty number or address goes.

    Raises
    ------
    InvalidInput
        Nothing changes, a name is empty, or something is too long.
    """
    values = {name: " ".join(value.split()) for name, value in changes.items()}
    if not values:
        raise invalid_field("name", "subject.nothing_corrected")
    if values.get("name") == "":
        raise invalid_field("name", "subject.name_empty")
    for name, value in values.items():
        if len(value) > (limit := CONTACT_LIMITS[name]):
            raise invalid_field(name, "field.too_long", count=len(value), limit=limit)
    reveal_contacts(session)
    own = {name: value for name, value in values.items() if name in PERSON_FACTS}
    session.execute(text(NOTE_CONTACTS_SQL), subject.params | {"op": "update"})
    return {
        "people": _assign(session, "personal.person", "id", subject.people, own),
        "contacts": _assign(session, "personal.reporter", "incident_id", subject.reports, values),
    }


def _assign(
    session: Session, table: str, key: str, ids: Sequence[Any], values: Mapping[str, str]
) -> int:
    if not values:
        return 0
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    statement = text(f"UPDATE {table} SET {assignments} WHERE {key} = ANY(:ids)")  # noqa: S608
    return _count(session, statement, {**values, "ids": [*ids]})


def erase_subject(session: Session, subject: Subject, now: datetime) -> Erasure:
    """Erase what is held of a subject but for records of what an office did, and say what stays.

    Parameters
    ----------
    session
        Of the owner of the tables, who alone may take something out of the history.

    Raises
    ------
    Conflict
        They still answer for something, or their account is not blocked.
    Unavailable
        Something has been writing for longer than five seconds.
    """
    params = subject.params
    with _locked_history(session):
        _require_free(session, subject, now)
        reveal_contacts(session)
        session.execute(text(NOTE_CONTACTS_SQL), params | {"op": "delete"})
        erased = {
            kind: _count(session, text(statement), params | {"name": ERASED_NAME})
            for kind, statement in ERASE_SQL.items()
        }
        session.execute(text("ALTER TABLE history DISABLE TRIGGER keep"))
        erased["history"] = _count(
            session, text(HISTORY_ERASED_SQL), params | {"facts": [*HISTORY_FACTS]}
        )
        session.execute(text("ALTER TABLE history ENABLE TRIGGER keep"))
    kept = session.execute(text(RETAINED_SQL), params).mappings().one()
    return Erasure(erased, dict(kept))


@contextmanager
def _locked_history(session: Session) -> Iterator[None]:
    try:
        for statement in HISTORY_LOCK_SQL:
            session.execute(text(statement))
        yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
            raise Unavailable("subject.history_busy") from None
        raise


def _require_free(session: Session, subject: Subject, now: datetime) -> None:
    duties = session.execute(text(SUBJECT_DUTIES_SQL), subject.params | {"now": now}).one()
    if duties.posts or duties.matters or duties.others:
        raise Conflict(
            "subject.still_answers",
            posts=duties.posts,
            matters=duties.matters,
            others=duties.others,
        )
    if duties.active:
        raise Conflict("subject.account_active", username=subject.usernames[0])


def _count(session: Session, statement: Any, params: Mapping[str, Any]) -> int:
    result: Any = session.execute(statement, params)
    return int(result.rowcount)
