"""For a scheduler of your own: Horarium's plan as APScheduler's job store, and the executor that goes with it.

    BackgroundScheduler(jobstores={"default": PlanJobStore("sqlite:///app.db")}, executors={"default": PlanExecutor()})

Jobs are kept, decided and run as in any plan. Three things differ from APScheduler's own stores: arguments are JSON,
jobs whose task cannot be imported are kept (hidden here, shown by Horarium), and `replace_existing` with an unchanged
trigger keeps the next run time.
"""

from horarium.engines.apscheduler.executor import PlanExecutor
from horarium.engines.apscheduler.jobstore import PlanJobStore

__all__ = ["PlanExecutor", "PlanJobStore"]
