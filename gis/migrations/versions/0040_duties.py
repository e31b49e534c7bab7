"""duties with yearly targets and the visits that count for them; planned posts and grades of community workers."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql as pg

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

SUBJECTS = "'role', 'facility', 'device', 'service', 'skill', 'organisation'"
COMMENTS = {
    False: "role, facility, device, service, skill or organisation.",
    True: "Key of KIND_SUBJECTS.",
}
EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
RECORDED = {"duty_visit": "id", "post_plan": "area_id"}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _kinds_of(f"{SUBJECTS}, 'duty'", COMMENTS[True])
    for name, comment in (("visits_target", "Of a duty: visits a year; empty: none asked."), ("solved_target", "Of a duty: problems solved a year; empty: none asked.")):
        op.add_column("kind", sa.Column(name, sa.Integer(), nullable=True, comment=comment))
        op.create_check_constraint(op.f(f"ck_kind_{name}_of_duty"), "kind", f"{name} IS NULL OR {name} >= 0 AND subject = 'duty'")
    op.add_column("post", sa.Column("grade", sa.Text(), server_default="", nullable=False, comment="Grade of who holds it, as they write it; empty: none is stated."))
    op.create_table(
        "duty_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("person_id", sa.BigInteger(), nullable=False, comment="Who visited."),
        sa.Column("day", sa.Date(), nullable=False, comment="When, a day of the deployment's time zone."),
        sa.Column("place", sa.Text(), nullable=False, comment="Code of the area or building that was visited."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="The area visited; of a building or point its grid."),
        sa.Column("area_ids", pg.ARRAY(sa.BigInteger()), nullable=False, comment="Ids of that area and of all above it, on that day."),
        sa.Column("building_id", sa.BigInteger(), nullable=True, comment="The building, when it was one."),
        sa.Column("geom", Geometry("POINT", srid=4490, spatial_index=False), nullable=True, comment="Where, EPSG:4490; empty: not stated."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="What was seen and said."),
        sa.Column("incident_ids", pg.ARRAY(sa.Uuid()), server_default="{}", nullable=False, comment="The incidents that it led to."),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was written down."),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="Who wrote it down."),
        sa.ForeignKeyConstraint(["person_id"], ["personal.person.id"], name=op.f("fk_duty_visit_person_id")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_duty_visit_area_id")),
        sa.ForeignKeyConstraint(["building_id"], ["building.id"], name=op.f("fk_duty_visit_building_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_visit")),
        sa.UniqueConstraint("person_id", "day", "place", name=op.f("uq_duty_visit_person_id_day_place")),
        comment="A visit of a duty to a place, and the incidents that it led to.",
    )
    op.create_index(op.f("ix_duty_visit_area_ids"), "duty_visit", ["area_ids"], postgresql_using="gin")
    op.create_index(op.f("ix_duty_visit_building_id"), "duty_visit", ["building_id"])
    op.create_index("idx_duty_visit_geom", "duty_visit", ["geom"], postgresql_using="gist")
    op.create_index(op.f("ix_duty_visit_day"), "duty_visit", ["day"])
    op.create_table(
        "post_plan",
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="The community."),
        sa.Column("planned", sa.Integer(), nullable=False, comment="Posts of community workers that it is to have."),
        sa.CheckConstraint("planned BETWEEN 0 AND 1000", name=op.f("ck_post_plan_planned_in_range")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_post_plan_area_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_post_plan")),
        comment="How many community workers a community is to have.",
    )
    for table, key in RECORDED.items():
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION remember('{table}', '{key}')"
            )


def _kinds_of(subjects: str, comment: str) -> None:
    op.drop_constraint("ck_kind_subject_known", "kind")
    op.create_check_constraint(op.f("ck_kind_subject_known"), "kind", f"subject IN ({subjects})")
    op.execute(f"COMMENT ON COLUMN kind.subject IS '{comment}'")


def downgrade() -> None:
    for table in RECORDED:
        op.drop_table(table)
    op.drop_column("post", "grade")
    op.execute("DELETE FROM kind WHERE subject = 'duty'")
    for name in ("visits_target", "solved_target"):
        op.drop_column("kind", name)
    _kinds_of(SUBJECTS, COMMENTS[False])
