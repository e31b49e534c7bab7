"""The circles that several worker processes answer count the homes of this moment."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from gis.ops import databases
from tests.support.behind import let_strangers_see
from tests.support.sharded import urls_of

NEW_PEOPLE = """
    UPDATE household SET people = people + %s
    WHERE building_id = (
      SELECT b.id FROM building b JOIN facility f ON f.code = %s
      WHERE EXISTS (SELECT FROM household h WHERE h.building_id = b.id AND h.people < 50)
      ORDER BY b.geom <-> f.geom LIMIT 1)"""


def test_every_worker_counts_who_moved_in_a_moment_ago(planned):
    urls = urls_of(planned.var)
    code = planned.get("/api/v1/facilities?category=clinic")["items"][0]["code"]
    address = f"/api/v1/facilities/{code}/circle?minutes=13"

    def people(_: object = None) -> int:
        return planned.get(address)["features"][0]["properties"]["people"]

    before = people()
    with psycopg.connect(databases.libpq(urls.owner), autocommit=True) as connection:
        for change in (1, 1, -2):
            homes = connection.execute(NEW_PEOPLE, (change, code)).rowcount
            before += homes * change
            assert homes
            let_strangers_see()
            with ThreadPoolExecutor(8) as pool:
                assert set(pool.map(people, range(16))) == {before}
