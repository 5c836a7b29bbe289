"""When a job runs: triggers, and the functions with which people make them."""

from horarium.when.base import Count, Missed, Trigger
from horarium.when.builders import Weekday, all_of, any_of, at, cron, daily, every, monthly, weekly
from horarium.when.calendar_fields import CronFields
from horarium.when.calendar_interval import CalendarInterval
from horarium.when.combined import AllOf, AnyOf
from horarium.when.cron import Cron
from horarium.when.interval import Interval
from horarium.when.once import Once

__all__ = [
    "AllOf",
    "AnyOf",
    "CalendarInterval",
    "Count",
    "Cron",
    "CronFields",
    "Interval",
    "Missed",
    "Once",
    "Trigger",
    "Weekday",
    "all_of",
    "any_of",
    "at",
    "cron",
    "daily",
    "every",
    "monthly",
    "weekly",
]
