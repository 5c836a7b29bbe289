"""An APScheduler of your own on Horarium's plan: its methods and events, and every run recorded and resumed."""

import threading
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.schedulers.background import BackgroundScheduler

from horarium import Scheduler
from horarium.apscheduler import PlanExecutor, PlanJobStore

PLAN = "sqlite:///own.db"


def collect(shelf: str) -> str:
    return f"{shelf} collected"


def main() -> None:
    scheduler = BackgroundScheduler(
        jobstores={"default": PlanJobStore(PLAN)}, executors={"default": PlanExecutor()}, timezone="UTC"
    )
    seen = threading.Semaphore(0)

    def heard(event: Any) -> None:
        print(f"{event.job_id}: {event.retval}")
        seen.release()

    scheduler.add_listener(heard, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()
    scheduler.add_job(collect, "interval", seconds=1, args=["A"], id="shelf-a", replace_existing=True)
    scheduler.add_job(collect, "cron", hour=6, timezone="Europe/Rome", args=["B"], id="shelf-b", replace_existing=True)
    for _ in range(2):
        seen.acquire(timeout=10)
    scheduler.pause_job("shelf-a")
    print([job.id for job in scheduler.get_jobs()])
    scheduler.shutdown()

    plan = Scheduler(PLAN)  # the same plan through Horarium, which tells more
    for run in plan.runs("shelf-a"):
        print(run.id, run.state, run.result)
    print(plan.why("shelf-a", limit=1)[0].reason)
    plan.shutdown()


if __name__ == "__main__":
    main()
