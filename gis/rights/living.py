"""SQL conditions for who can act on an incident now: living accounts.

An account is living if it may sign in: active, with a password or a subject at the identity
provider. While its person is on leave it is off duty; an operator (administrator) is the last
resort and is never off duty. The conditions are evaluated at the moment of reading, so that people
who leave, are blocked or go on leave are passed over at once.
"""

from collections.abc import Iterable

from gis.rights.actions import ACCESS_ROLES, OPERATOR, Action
from gis.rights.roles import ACCESS_ROLE_BY_POST

SIGNS_IN = "{a}.active AND (coalesce({a}.password_hash, {a}.subject) IS NOT NULL)"
NO_ACCOUNTS = "NOT EXISTS (SELECT FROM personal.account)"


def on_duty(person: str, at: str) -> str:
    """Return the SQL condition that a person is not on leave."""
    return (
        f"NOT EXISTS (SELECT FROM leave v WHERE v.person_id = {person}"
        f" AND v.valid_time @> CAST({at} AS timestamptz))"
    )


def given_there(areas: str) -> str:
    """Return the SQL condition that a grant `g` is for everywhere, or for one of some areas."""
    return f"(g.area_id IS NULL OR in_counties(ARRAY[g.area_id]) && {areas})"


def has_account(person: str) -> str:
    """Return the SQL condition that a person may sign in; true while there are no accounts."""
    signs_in = SIGNS_IN.format(a="c")
    return (
        f"({NO_ACCOUNTS} OR EXISTS (SELECT FROM personal.account c WHERE c.person_id = {person}"
        f" AND {signs_in}))"
    )


class Living:
    """The conditions for one table of rights.

    Parameters
    ----------
    by_post
        Access role by role of a post.
    desk
        Access roles that dispatch in their areas.
    on_site
        Access roles that handle the incidents of their areas.
    hand
        Access roles that handle the incidents they hold.
    operator
        The access role of operators.
    """

    def __init__(
        self,
        by_post: dict[str, str],
        desk: Iterable[str],
        on_site: Iterable[str],
        hand: Iterable[str],
        operator: str,
    ) -> None:
        self._roles = {
            "desk": frozenset(desk),
            "there": frozenset(on_site),
            "hand": frozenset(hand),
        }
        self._by_post = by_post
        self._operator = operator

    def posts(self, what: str) -> str:
        """Return the roles of posts with some rights ("desk", "there", "hand") as a list in SQL."""
        return _listed(post for post, role in self._by_post.items() if role in self._roles[what])

    def roles(self, what: str) -> str:
        """Return the access roles with some rights as a list in SQL."""
        return _listed(self._roles[what])

    def places(self, what: str, at: str, within: str = "") -> str:
        """Return the query for areas with a living account that dispatches or handles in them.

        That of a city or province dispatches and handles in each of its counties.

        Parameters
        ----------
        within
            SQL of an array of area ids to consider; empty means all.
        """
        return self._at_areas(what, at, within, "p.area_id", "g.area_id", "covered.id")

    def desk_accounts(self, at: str, within: str) -> str:
        """Return the query for user names of living accounts that dispatch and approve in areas."""
        return self._at_areas("desk", at, within, *["c.username"] * 3)

    def _at_areas(
        self, what: str, at: str, within: str, of_post: str, of_grant: str, of_county: str
    ) -> str:
        post_there, grant_there = (
            f"AND {row}.area_id = ANY({within})" if within else "" for row in ("p", "g")
        )
        county_there = f"AND covered.id = ANY({within})" if within else ""
        signs_in = SIGNS_IN.format(a="c")
        return f"""SELECT {of_post}
  FROM post p
  JOIN personal.account c ON c.person_id IN (p.holder_id, p.deputy_id)
  WHERE p.role IN ({self.posts(what)}) AND p.area_id IS NOT NULL
      AND p.valid_time @> CAST({at} AS timestamptz) {post_there}
    AND {signs_in} AND {on_duty("c.person_id", at)}
  UNION ALL
  SELECT {of_grant} FROM personal.access_grant g JOIN personal.account c ON c.id = g.account_id
  WHERE g.role IN ({self.roles(what)}) AND g.area_id IS NOT NULL {grant_there}
    AND {signs_in} AND {on_duty("c.person_id", at)}
  UNION ALL
  SELECT {of_county} FROM area u
  CROSS JOIN LATERAL unnest(in_counties(ARRAY[u.id])) AS covered (id)
  JOIN personal.access_grant g ON g.area_id = u.id JOIN personal.account c ON c.id = g.account_id
  WHERE u.level IN ('province', 'city') AND g.role IN ({self.roles(what)}) {county_there}
    AND {signs_in} AND {on_duty("c.person_id", at)}"""  # noqa: S608

    def able(self, person: str, at: str) -> str:
        """Return the SQL condition that a person on duty has a living account that may handle."""
        signs_in = SIGNS_IN.format(a="c")
        return f"""EXISTS (SELECT FROM personal.account c
    WHERE c.person_id = {person} AND {signs_in}
    AND {on_duty("c.person_id", at)} AND (
      EXISTS (SELECT FROM post p WHERE {person} IN (p.holder_id, p.deputy_id)
          AND p.valid_time @> CAST({at} AS timestamptz)
        AND p.role IN ({self.posts("hand")}))
      OR EXISTS (SELECT FROM personal.access_grant g WHERE g.account_id = c.id
          AND g.role IN ({self.roles("hand")}))
      OR EXISTS (SELECT FROM order_taker t WHERE t.person_id = {person} AND t.active)
      OR EXISTS (SELECT FROM organisation_member m JOIN organisation t ON t.id = m.organisation_id
        WHERE m.person_id = {person} AND m.takes_orders AND t.active
          AND m.valid_time @> CAST({at} AS timestamptz))))"""  # noqa: S608

    def operator(self, areas: str) -> str:
        """Return the SQL condition that there is a living operator for some areas."""
        return f"EXISTS ({self.operator_accounts(areas)})"

    def operator_accounts(self, areas: str) -> str:
        """Return the query for the user names of living operators for some areas."""
        return f"""SELECT c.username
    FROM personal.access_grant g
    JOIN personal.account c ON c.id = g.account_id
    WHERE g.role = '{self._operator}' AND {given_there(areas)}
      AND {SIGNS_IN.format(a="c")}"""  # noqa: S608

    def count_operators(self) -> str:
        """Return the query that counts the living operators of any area."""
        return f"""(SELECT count(DISTINCT c.id)
    FROM personal.access_grant g
    JOIN personal.account c ON c.id = g.account_id
    WHERE g.role = '{self._operator}' AND {SIGNS_IN.format(a="c")})"""  # noqa: S608

    def stage(self, i: str, at: str) -> str:
        """Return the SQL of who has a dispatched or taken incident below the desks.

        Its value is `holder`, `post` (the holder of a post of the incident's area, such as the
        deputy), `offered` (people whom the order is offered to) or null.
        """
        offered = self.able("o.person_id", at)
        return f"""CASE WHEN {i}.state NOT IN ('dispatched', 'taken') THEN NULL
  WHEN {self.able(f"{i}.holder_id", at)} THEN 'holder'
  WHEN {i}.dispatch_mode = 'assign' AND {i}.area_id = ANY({i}.area_ids)
    AND ({i}.holder_id IS NOT NULL OR NOT EXISTS ({self.places("desk", at, f"ARRAY[{i}.area_id]")}))
    AND EXISTS ({self.places("there", at, f"ARRAY[{i}.area_id]")}) THEN 'post'
  WHEN {i}.dispatch_mode = 'order' AND {i}.state = 'dispatched' AND EXISTS (
    SELECT FROM order_offer o WHERE o.incident_id = {i}.id AND {offered}) THEN 'offered' END"""

    def owned(self, i: str, at: str) -> str:
        """Return the SQL condition that a living account below the operator can act on it."""
        return (
            f"(EXISTS ({self.places('desk', at, f'{i}.area_ids')}) OR ({self.stage(i, at)}) IS NOT"
            f" NULL)"
        )

    def owner(self, i: str, at: str) -> str:
        """Return the SQL of who has an open incident.

        Its value is that of `stage`, else the level of the nearest desk, else `operator` or
        `nobody`. While there are no accounts at all it is `posts`, if a person on duty holds the
        incident or a post that dispatches there.
        """
        in_post = f"""EXISTS (SELECT
    FROM post p
    JOIN personal.person h ON h.id IN (p.holder_id, p.deputy_id)
    WHERE p.area_id = ANY({i}.area_ids) AND p.role IN ({self.posts("desk")})
        AND p.valid_time @> CAST({at} AS timestamptz)
      AND {on_duty("h.id", at)})"""  # noqa: S608
        is_held = f"({i}.holder_id IS NOT NULL AND {on_duty(f'{i}.holder_id', at)})"
        return f"""CASE WHEN {i}.state IN ('closed', 'void') THEN NULL
  WHEN {NO_ACCOUNTS} AND ({is_held} OR {in_post}) THEN 'posts' ELSE coalesce({self.stage(i, at)},
  (SELECT d.level FROM area d WHERE d.id = ANY({i}.area_ids)
      AND d.id IN ({self.places("desk", at, f"{i}.area_ids")})
   ORDER BY array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'], d.level)
       LIMIT 1),
  CASE WHEN {self.operator(f"{i}.area_ids")} THEN 'operator' ELSE 'nobody' END) END"""  # noqa: S608


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(keys))


LIVING = Living(
    ACCESS_ROLE_BY_POST,
    desk=[
        key
        for key, actions in ACCESS_ROLES.items()
        if actions >= {Action.READ, Action.DISPATCH, Action.HANDLE, Action.APPROVE}
    ],
    on_site=[
        key for key, actions in ACCESS_ROLES.items() if actions >= {Action.READ, Action.HANDLE}
    ],
    hand=[key for key, actions in ACCESS_ROLES.items() if Action.HANDLE in actions],
    operator=OPERATOR,
)
