"""Numbers of the loop that a county sets, and the calendar of its clocks, as stored."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base
from gis.files.editions import EditionColumns


class CountyPolicy(Base):
    """What a county sets of `gis.incidents.policy.Policy`."""

    __tablename__ = "county_policy"
    __table_args__ = (
        CheckConstraint(
            "supervised_reopening >= 1 AND max_calls >= 1 AND suspension_notice_days >= 0",
            name="in_range",
        ),
        {
            "comment": "Numbers of the loop that a county sets;"
            " without a row the defaults of gis/incidents/policy.py."
        },
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    supervised_reopening: Mapped[int] = mapped_column(
        comment="The reopening from which on a matter is supervised at once."
    )
    max_calls: Mapped[int] = mapped_column(
        comment="Follow-up calls after which nobody is called any more."
    )
    suspension_notice_days: Mapped[int] = mapped_column(
        comment="Days before a suspension ends when holder and desk are reminded."
    )


class OfficeCalendarEdition(EditionColumns, Base):
    """One edition of the working calendar; the newest is in force."""

    __tablename__ = "office_calendar"
    __table_args__ = (
        {
            "comment": "One edition of the working calendar;"
            " the newest is in force, none is changed."
        },
    )
