"""The numbers that a community may want otherwise: one place for each."""

from datetime import timedelta

THIRD = 3  # the reopening from which on a matter is supervised at once
MAX_CALLS = 3  # follow-up calls after which nobody is called any more
MAX_CALL_LATER = timedelta(days=30)
MAX_SUSPENSION = timedelta(days=366)
SUSPENSION_NOTICE = timedelta(days=3)  # holder and desk are reminded so long before its end
