"""The WSGI application of a city whose counties have databases of their own.

One application for each county, and the main one, in the same process. A request goes to the
county that it is about; what it says of that is read in this order:

1. ids, codes and incidents in its path, parameters and body;
2. a place (`lon`, `lat`, `crs`), a box or a tile; one over several is that of 3 or 4;
3. the county that somebody chose (the parameter `county`, kept in a cookie);
4. the county of the rights of who asks.

What names none goes to the main application where that holds all of it (MAIN_…), or is put together
from all counties (`web.shards.merging`); all else is refused, so that nothing is silently a part.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.utils import redirect

from gis.areas.models import LEVELS_OVER_COUNTY, Level
from gis.errors import InvalidInput, Unavailable, WanggeError
from gis.ops.shards.finder import MAIN_DATABASE, CountyFinder
from web.http import shards as routing
from web.shards import merging
from web.shards.questions import COUNTY_COOKIE, Question

# tables that all counties share; who holds a post reads them in the county, which has a copy and
# knows what the post allows
POST_BLUEPRINTS = frozenset(
    {
        "categories",
        "coverage_tables",
        "docs",
        "kinds",
        "kinds_page",
        "profiles",
        "rules",
        "rules_page",
        "standards",
    }
)
# of which the main database has all: accounts, keys, and the tables that all counties share
MAIN_BLUEPRINTS = POST_BLUEPRINTS | {
    "account",
    "accounts_page",
    "counties",
    "health",
    "keys_page",
    "openapi",
    "shell",
}
MAIN_ENDPOINTS = frozenset(
    {
        "",
        "desk_api.delete",
        "desk_api.list_filters",
        "desk_api.save",
        "ogc.conformance",
        "ogc.get_collection",
        "ogc.get_queryables",
        "ogc.landing_page",
        "ogc.list_collections",
        "open311.discovery",
        "open311.service",
        "open311.services",
        "static",
        "tiles.layers",
    }
)
POST_ENDPOINTS = frozenset({"account.password"})  # with the menu of what the posts allow
# of these blueprints, yet about the incidents of a county, or the posts of who asks
COUNTY_ENDPOINTS = frozenset({"counties.start", "rules.test"})
# areas over the county, and the counties under them
AREA_ENDPOINTS = frozenset({"areas.area", "areas.areas", "areas.children"})
LEVELS_ON_TOP = (*LEVELS_OVER_COUNTY, Level.COUNTY)
# which say what is wrong with a place, whatever county it would be in
PLACE_ENDPOINTS = frozenset({"incidents.report", "locate.locate"})
# which put what they name at a place
PLACED_ENDPOINTS = frozenset({"incidents.move"})
POINT_NAMES = frozenset({"lon", "lat"})
BY_PERSON = "Cookie, Authorization"  # headers that say who asks
# which the main application counts over all counties
COUNTED_ENDPOINTS = frozenset({"figures_page.figures", "figures_page.table", "reports.counted"})


class Dispatcher:
    """The applications of the counties, and of what they share, as one.

    Parameters
    ----------
    main
        Of the main database.
    counties
        By the code of the county.
    """

    def __init__(
        self, main: Flask, counties: Mapping[str, WSGIApplication], finder: CountyFinder
    ) -> None:
        self.main, self.finder = main, finder
        self.apps: dict[str, WSGIApplication] = {MAIN_DATABASE: main, **counties}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        question = Question(environ, self.main)
        try:
            if (merge := merging.MERGES.get((question.method, question.endpoint))) is not None:
                return merge(self, question)(environ, start_response)
            county = self.choose(question)
            if county != MAIN_DATABASE:
                self.finder.require(county)
        except WanggeError as error:
            if error.code == "shard.county_needed" and question.is_page:
                return _choose_first(question)(environ, start_response)
            environ[routing.SHARD_ERROR] = error
            county = MAIN_DATABASE
        except SQLAlchemyError:  # of the main database: rights cannot be read
            environ[routing.SHARD_ERROR] = Unavailable("shard.main_unavailable")
            county = MAIN_DATABASE
        if question.is_by_person:
            start_response = _adding(start_response, ("Vary", BY_PERSON))
        is_choice = question.method == "GET" and not question.is_data
        if is_choice and (chosen := question.query.get("county")) in self.apps:
            cookie = f"{COUNTY_COOKIE}={chosen}; Path=/; HttpOnly; SameSite=Lax"
            start_response = _adding(start_response, ("Set-Cookie", cookie))
        return self.apps[county](environ, start_response)

    def choose(self, question: Question) -> str:
        """Return the county that a request is about; MAIN_DATABASE for what is all counties'.

        Raises
        ------
        InvalidInput
            It is about several, or about one and does not say which.
        Unavailable
            That cannot be found out at present.
        """
        blueprint = question.endpoint.partition(".")[0]
        is_main = blueprint in MAIN_BLUEPRINTS or question.endpoint in MAIN_ENDPOINTS
        if is_main and question.endpoint not in COUNTY_ENDPOINTS:
            by_posts = blueprint in POST_BLUEPRINTS or question.endpoint in POST_ENDPOINTS
            is_read = question.method in ("GET", "HEAD")
            return (self.home(question) if is_read and by_posts else None) or MAIN_DATABASE
        if (county := self.find(question)) is not None:
            return county
        if self.says_wrong_place(question):
            return MAIN_DATABASE  # it says why
        if question.endpoint in COUNTED_ENDPOINTS:
            self.prepare_city(question)
            return MAIN_DATABASE
        if question.endpoint in AREA_ENDPOINTS and is_known_on_top(question):
            return MAIN_DATABASE
        raise InvalidInput("shard.county_needed", counties=self.finder.all_counties())

    def find(self, question: Question) -> str | None:
        """Return the county that a request names or whose sender is of; None if neither is one.

        Raises
        ------
        InvalidInput
            It names several.
        """
        named = self.named(question)
        if len(named) > 1:
            raise InvalidInput("shard.several_counties", counties=sorted(named))
        if named:
            return named.pop()
        is_wide = any(True for _ in question.wide_codes())
        return None if is_wide or self.says_wrong_place(question) else self.of_person(question)

    def named(self, question: Question) -> set[str]:
        """Return the counties that a request names, by codes, ids, incidents, a place or a box."""
        found = {self.finder.of_code(code) for code in question.codes()}
        found |= {self.finder.of_row(table, number) for table, number in question.rows()}
        found |= {self.finder.of_uuid(key) for key in question.incidents()}
        point = question.point()
        if found:
            # where an incident is to go, or what it is to be one with, lies in its county
            beside = {self.finder.of_uuid(key) for key in question.parents()}
            if point is not None and question.endpoint in PLACED_ENDPOINTS:
                beside.add(self.finder.at(*point))
            return found | beside - {MAIN_DATABASE}
        if point is not None:
            return {self.finder.at(*point)}
        if (box := question.box()) is not None:
            meeting = self.finder.meeting(box)
            mine = self.of_person(question) if len(meeting) > 1 else None
            return meeting if mine is None else {mine}  # whose map it is
        return set()

    @staticmethod
    def says_wrong_place(question: Question) -> bool:
        """Return whether a request has a place that cannot be one, where it must have one."""
        return (
            question.endpoint in PLACE_ENDPOINTS
            and question.point() is None
            and not POINT_NAMES.isdisjoint(question.query.keys() | question.members.keys())
        )

    def of_person(self, question: Question) -> str | None:
        """Return the county that somebody chose, or that their rights are for; None if several.

        Who chose none and has rights in several is in the only one that there is, if there is one.
        """
        question.is_by_person = True
        chosen = question.request.cookies.get(COUNTY_COOKIE)
        if chosen in self.apps and chosen != MAIN_DATABASE:
            return str(chosen)
        if (key := question.key_id()) is not None:
            counties = self.finder.of_key(key)
        elif (account := question.account()) is not None:
            counties = self.finder.of_account(account)
        else:
            counties = None
        if counties is not None and len(counties) == 1:
            return next(iter(counties))
        return self.finder.only()

    def home(self, question: Question) -> str | None:
        """Return the county of the posts of who asks; None if they have no person."""
        question.is_by_person = True
        account = question.account()
        return None if account is None else self.finder.home_of(account)

    def prepare_city(self, question: Question) -> None:
        """Have the main application read all counties.

        Raises
        ------
        InvalidInput
            It is grouped by what the main database does not know.
        Unavailable
            A county does not answer: the sum would be too small.
        """
        if (per := question.query.get("per", "")) in ("unit", "person"):
            raise InvalidInput("shard.not_of_city", per=per, counties=self.finder.all_counties())
        self.finder.require(*self.finder.members)
        question.environ[routing.ABOUT_CITY] = True


def is_known_on_top(question: Question) -> bool:
    """Return whether the main database knows the areas asked for, as they are now."""
    is_listed = question.endpoint != "areas.areas" or (question.query.get("level") in LEVELS_ON_TOP)
    return is_listed and "at" not in question.query


def _choose_first(question: Question) -> WSGIApplication:
    """Return an answer that leads to the choice of a county, and from there back."""
    address = f"{question.path}?{question.environ.get('QUERY_STRING', '')}".rstrip("?")
    root = question.environ.get("SCRIPT_NAME", "")
    return redirect(f"{root}/counties?{urlencode({'next': root + address})}", 303)


def _adding(start_response: StartResponse, header: tuple[str, str]) -> StartResponse:
    """Return a `start_response` that adds a header."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, header], *more)

    return start
