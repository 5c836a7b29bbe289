"""What every part of the facade works with."""

from __future__ import annotations

from datetime import datetime

from horarium.plan import Plan
from horarium.service import Service


class Facade:
    """The plan, and whatever runs of it in this process."""

    _plan: Plan
    _service: Service
    timezone: str
    """The IANA zone of jobs that are given none."""

    def now(self) -> datetime:
        """The plan's present time, by its database's clock: aware, in UTC. Raises PlanUnavailable."""
        return self._now()

    def _now(self) -> datetime:
        """The plan's present time. Prepares the plan first: its clock is measured then."""
        self._plan.prepare()
        return self._plan.clock.now()
