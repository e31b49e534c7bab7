"""Every table is a county's, shared by all, or of each database by itself; none is forgotten."""

from collections import Counter

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.ops.metadata import Base
from gis.ops.shards import tables

LISTS = (
    tables.SHARED_TABLES,
    tables.CODE_TABLES,
    tables.LOCAL_TABLES,
    tables.COUNTY_TABLES,
    (tables.AREA_TABLE,),
)
TABLES_SQL = """
SELECT regexp_replace(c.oid::regclass::text, '^public\\.', '') FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'personal'::regnamespace)
"""
# of the shared tables, the keys to tables that are not: at a shard the row may be another county's
OUTWARD = {
    ("personal.access_grant", "area"),
    ("personal.account", "personal.person"),
    ("routing_rule", "area"),
}


def test_every_table_is_in_one_list(session: Session):
    listed = Counter(name for names in LISTS for name in names)
    assert set(session.scalars(text(TABLES_SQL))) == set(listed)
    assert max(listed.values()) == 1


def test_what_is_shared_names_nothing_of_a_county_but_what_is_known():
    shared = set(tables.SHARED_TABLES)
    keys = {
        (table.fullname, key.column.table.fullname)
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if table.fullname in shared and key.column.table.fullname not in shared
    }
    assert keys - {("routing_rule", "role")} == OUTWARD


def test_what_the_city_counts_has_a_county():
    assert all("county" in Base.metadata.tables[name].columns for name in tables.CITY_TABLES)
