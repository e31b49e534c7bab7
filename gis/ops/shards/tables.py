"""Which tables are a county's, and which all counties share; a test holds every table to one list.

Shared tables have their home in the main database. PostgreSQL's logical replication carries them
to the shards, whose application may not write them.
"""

# home in the main database, copied to every shard
SHARED_TABLES = (
    "catalogue_edition",
    "danger_table",
    "division_code",
    "incident_category",
    "kind",
    "office_calendar",
    "routing_rule",
    "rule_set",
    "service_standard",
    "walking_profile",
    "personal.access_grant",
    "personal.account",
    "personal.api_key",
    "personal.ended_session",
    "personal.saved_filter",
)
# Filled from the code at every migration, or by PostGIS: the same everywhere without being copied.
CODE_TABLES = ("alembic_version", "incident_move", "layer_styles", "role", "spatial_ref_sys")
# Of each database by itself: what happened there. Only the main database has attempts to sign in.
LOCAL_TABLES = (
    "circle_run",
    "demand_change",
    "history",
    "idempotency",
    "personal.disclosure",
    "personal.sign_in",
)
COUNTY_TABLES = (
    "access_facility",
    "access_run",
    "answer_template",
    "basemap_feature",
    "boundary",
    "building",
    "building_access",
    "checkup_photo",
    "checkup_visit",
    "closed_building",
    "closed_facility",
    "county_policy",
    "coverage_snapshot",
    "coverage_snapshot_item",
    "credit_entry",
    "dataset",
    "dated_parent",
    "device",
    "device_alarm",
    "discussion",
    "discussion_ballot",
    "draft_comment",
    "draft_editor",
    "draft_review",
    "duty_visit",
    "entrance",
    "external_order",
    "external_system",
    "facility",
    "former_name",
    "formula_edition",
    "formula_rule",
    "household",
    "incident",
    "incident_event",
    "joint_part",
    "leave",
    "lineage",
    "notice",
    "notice_target",
    "operation",
    "order_offer",
    "order_taker",
    "organisation",
    "organisation_member",
    "paper_template",
    "personal.person",
    "personal.reporter",
    "photo",
    "planned_name",
    "post",
    "post_plan",
    "publication",
    "register_recipe",
    "revision",
    "service_circle",
    "spot_check",
    "spot_draw",
    "stairwell",
    "star_share",
    "unit_change",
    "unit_part",
    "unplaced_building",
    "walk_edge",
    "walk_edit",
    "walk_network",
    "walk_node",
    "walk_wall",
)
# Both: provinces and cities are the main database's and copied down, a county and what is under it
# (without units) is the shard's and copied up, so that rights can name it.
AREA_TABLE = "area"
PERSON_TABLE = "personal.person"

# What the city counts, partitioned by county over the shards (`gis.ops.shards.city`).
CITY_TABLES = ("incident", "spot_check")
# What an account or a program's key may still delete at a shard: it is done at the main one, too.
PURGED_TABLES = ("personal.ended_session",)
