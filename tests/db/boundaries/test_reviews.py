"""A draft under several people: invited editors, a review, an approval, comments on places."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gis.accounts.models import AccessGrant, Account
from gis.boundaries import colleagues, comments, drafts, publish, reviews, revision_access
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.rights.actions import Action
from gis.rights.principal import account_principal
from tests.support import draft_town
from tests.support.draft_town import S, X, Y, code, line

town = draft_town.town  # the fixture
SPLIT = {"op": "split", "code": code(5), "line": line((1.4, 0.9), (1.4, 2.1))}
OTHER = {"op": "split", "code": code(9), "line": line((2.4, 1.9), (2.4, 3.1))}


@pytest.fixture
def people(session, town):
    """Two planners of the community, one of a grid elsewhere, a dispatcher; by name."""
    grants = {
        "zhao": ("planner", town.community.id),
        "qian": ("planner", town.community.id),
        "sun": ("planner", town.street.id),
        "clerk": ("dispatcher", town.community.id),
    }
    for name, (role, area) in grants.items():
        account = Account(username=name, password_hash="x", active=True)
        session.add(account)
        session.flush()
        session.add(AccessGrant(account_id=account.id, role=role, area_id=area))
    session.commit()
    return lambda name: principal(session, name)


def principal(session, name):
    row = session.execute(
        text("SELECT id, person_id FROM personal.account WHERE username = :name"), {"name": name}
    ).one()
    return account_principal(session, row.id, row.person_id, name, datetime.now(UTC))


def drawn(session, author):
    number = drafts.create_draft(session, author, "共同的草案").id
    drafts.add_operation(session, author, number, SPLIT)
    return number


def revoke(session, name):
    session.execute(
        text(
            "DELETE FROM personal.access_grant WHERE account_id ="
            " (SELECT id FROM personal.account WHERE username = :name)"
        ),
        {"name": name},
    )


def notices(session, name):
    query = text(
        "SELECT topic FROM notice WHERE account_id ="
        " (SELECT id FROM personal.account WHERE username = :name) ORDER BY id"
    )
    return list(session.scalars(query, {"name": name}))


def test_an_invited_colleague_draws_under_their_own_name_until_the_invitation_ends(session, people):
    zhao, qian = people("zhao"), people("qian")
    empty = drafts.create_draft(session, zhao, "空草案").id
    with pytest.raises(NotFound):
        revision_access.get_revision(session, qian, empty)
    colleagues.invite(session, zhao, empty, "qian")
    revision_access.get_revision(session, qian, empty)  # the invitation shows it

    number = drawn(session, zhao)
    with pytest.raises(Forbidden, match="drawn by somebody else"):
        drafts.add_operation(session, qian, number, OTHER)
    for name in ("clerk", "nobody"):
        with pytest.raises(InvalidInput, match="there is no account"):
            colleagues.invite(session, zhao, number, name)
    assert colleagues.list_colleagues(session, zhao, number, Action.DRAFT) == ["qian", "sun"]
    assert colleagues.invite(session, zhao, number, " Qian") == ["account qian"]
    with pytest.raises(Conflict, match="may edit this draft already"):
        colleagues.invite(session, zhao, number, "qian")
    assert drafts.add_operation(session, qian, number, OTHER).author == "account qian"
    assert notices(session, "qian") == ["draft.invite", "draft.invite"]
    for act in (
        lambda: drafts.withdraw(session, qian, number),
        lambda: colleagues.invite(session, qian, number, "sun"),
        lambda: reviews.request_review(session, qian, number, "sun"),
    ):
        with pytest.raises(Forbidden, match="only the author"):
            act()
    drafts.rebase(session, zhao, number)  # done again, the steps keep who did them
    assert [step.author for step in drafts.list_operations(session, number)] == [
        "account zhao",
        "account qian",
    ]
    with pytest.raises(Forbidden, match="somebody else than"):
        publish.publish(session, qian, number, "好", None, two_persons=True)

    colleagues.withdraw_invitation(session, zhao, number, "qian")
    with pytest.raises(Forbidden, match="drawn by somebody else"):
        drafts.undo_operations(session, qian, number, 2)
    with pytest.raises(InvalidInput, match="was not invited"):
        colleagues.withdraw_invitation(session, zhao, number, "qian")


def test_an_invitation_gives_no_right_that_the_account_has_lost(session, people):
    zhao = people("zhao")
    number = drawn(session, zhao)
    colleagues.invite(session, zhao, number, "qian")
    revoke(session, "qian")
    with pytest.raises(NotFound):
        drafts.add_operation(session, people("qian"), number, OTHER)
    with pytest.raises(NotFound):
        comments.list_comments(session, people("qian"), number)


def test_an_approval_holds_for_the_version_that_was_looked_at(session, people):
    zhao, qian = people("zhao"), people("qian")
    number = drawn(session, zhao)
    must = {"needs_approval": True}
    with pytest.raises(Conflict, match="must be approved by another person"):
        publish.publish(session, zhao, number, "好", None, **must)
    for name in ("zhao", "ZHAO "):
        with pytest.raises(InvalidInput, match="who does not draw it"):
            reviews.request_review(session, zhao, number, name)
    with pytest.raises(Forbidden, match="were not asked"):
        reviews.decide(session, qian, number, approved=True, version=2)
    assert reviews.request_review(session, zhao, number, "qian").state == "requested"
    assert [row.id for row in reviews.list_waiting(session, qian)] == [number]
    assert reviews.list_waiting(session, zhao) == []
    with pytest.raises(InvalidInput, match="say what is to change"):
        reviews.decide(session, qian, number, approved=False, version=2, reason=" ")
    reviews.decide(session, qian, number, approved=False, version=2, reason="线太靠东")
    assert [row.reason for row in reviews.list_waiting(session, zhao)] == ["线太靠东"]

    drafts.add_operation(session, zhao, number, OTHER)
    reviews.request_review(session, zhao, number, "qian")
    with pytest.raises(Conflict, match="version"):
        reviews.decide(session, qian, number, approved=True, version=2)
    assert reviews.decide(session, qian, number, approved=True, version=3).state == "approved"
    drafts.undo_operations(session, zhao, number, 2)
    drafts.add_operation(session, zhao, number, OTHER)  # a second change is told of no more
    drafts.undo_operations(session, zhao, number, 2)
    draft = revision_access.get_revision(session, zhao, number)
    assert reviews.find_review(session, draft).state == "lapsed"
    for who in (zhao, qian):
        assert [(row.id, row.state) for row in reviews.list_waiting(session, who)] == [
            (number, "lapsed")
        ]
    with pytest.raises(Conflict, match="changed after its approval"):
        publish.publish(session, zhao, number, "好", None, **must)
    reviews.decide(session, qian, number, approved=True, version=6)
    done = publish.publish(session, zhao, number, "好", None, **must)
    assert done.state == "published"
    assert reviews.find_review(session, done).state == "approved"
    assert notices(session, "qian") == ["draft.review", "draft.review", "draft.lapse"]
    assert notices(session, "zhao") == [
        "draft.request_changes",
        "draft.approve",
        "draft.lapse",
        "draft.approve",
    ]


def test_a_reviewer_who_draws_or_loses_the_right_does_not_approve(session, people):
    zhao, qian, sun = people("zhao"), people("qian"), people("sun")
    number = drawn(session, zhao)
    reviews.request_review(session, zhao, number, "qian")
    colleagues.invite(session, zhao, number, "qian")
    with pytest.raises(Forbidden, match="who does not draw it"):
        reviews.decide(session, qian, number, approved=True, version=2)
    reviews.request_review(session, zhao, number, "sun")
    assert reviews.list_waiting(session, qian) == []
    reviews.decide(session, sun, number, approved=True, version=2)
    colleagues.invite(session, zhao, number, "sun")  # then it is no other person's approval
    with pytest.raises(Conflict, match="must be approved"):
        publish.publish(session, zhao, number, "好", None, needs_approval=True)
    revoke(session, "sun")
    assert reviews.list_waiting(session, people("sun")) == []
    with pytest.raises(NotFound):
        reviews.decide(session, people("sun"), number, approved=True, version=2)


def test_comments_are_pinned_answered_and_resolved_once(session, people):
    zhao, qian = people("zhao"), people("qian")
    number = drawn(session, zhao)
    words = "<b>{{ 7*7 }}</b>\n此处'; DROP TABLE draft_comment; --"
    first = comments.add_comment(session, qian, number, words, (X + S, Y + S))
    new_grid = comments.add_comment(session, qian, number, "新网格太小", code(10))
    comments.reply(session, zhao, number, first.id, "已看")
    rows = comments.list_comments(session, zhao, number)
    assert [(row.id, row.reply_to, row.text) for row in rows] == [
        (first.id, None, words),
        (rows[1].id, first.id, "已看"),
        (new_grid.id, None, "新网格太小"),
    ]
    assert (rows[0].lon, rows[0].lat) == (X + S, Y + S) and rows[1].lon is None
    assert rows[2].grid == code(10) and X + S < rows[2].lon < X + 1.5 * S
    assert notices(session, "zhao") == ["draft.comment", "draft.comment"]
    assert notices(session, "qian") == ["draft.comment"]
    for wrong, place in (("", (X, Y)), ("字" * 1001, (X, Y)), ("a\0b", (X, Y)), ("好", "99")):
        with pytest.raises(InvalidInput):
            comments.add_comment(session, zhao, number, wrong, place)
    with pytest.raises(InvalidInput, match="lon and lat"):
        comments.add_comment(session, zhao, number, "好", (float("nan"), 0.0))

    assert comments.resolve(session, zhao, number, first.id).resolved_by == "account zhao"
    for act in (comments.resolve, lambda *to: comments.reply(*to, "迟了")):
        with pytest.raises(Conflict, match="account zhao has resolved"):
            act(session, qian, number, first.id)
    with pytest.raises(NotFound):  # a reply, and a comment of another draft
        comments.resolve(session, zhao, number, rows[1].id)
    with pytest.raises(NotFound):
        comments.resolve(session, zhao, drawn(session, zhao), new_grid.id)
    drafts.withdraw(session, zhao, number)
    with pytest.raises(Conflict, match="withdrawn"):
        comments.add_comment(session, zhao, number, "迟了", (X, Y))
    assert len(comments.list_comments(session, zhao, number)) == 3
    with pytest.raises(NotFound):
        comments.list_comments(session, people("clerk"), number)
