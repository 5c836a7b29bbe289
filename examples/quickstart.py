"""A task, when it runs, and what became of it."""

import time

from horarium import Retry, Scheduler, daily, every, task


@task(retry=Retry.exponential(base=60, max_attempts=3), timeout=300)
def fetch_prices(city: str) -> dict[str, int]:
    """A plain function; an `async def` does as well. Called directly, it just runs."""
    return {"apples": 3, "pears": len(city)}


def main() -> None:
    scheduler = Scheduler("sqlite:///app.db")  # or postgresql://user@host/name
    scheduler.start()
    scheduler.add_job(fetch_prices, every(seconds=1), id="rome", args=["Rome"], replace_existing=True)
    at_six = daily("06:00", timezone="Africa/Lome")
    scheduler.add_job(fetch_prices, at_six, id="lome", args=["Lome"], replace_existing=True)

    run = scheduler.run_now("lome")  # beside its schedule
    print("by hand:", scheduler.wait_for_run(run.id).result)
    time.sleep(3)  # here your program does what it is for
    for run in scheduler.runs("rome"):
        print(f"{run.scheduled_at:%H:%M:%S} {run.state}: {run.result}")
    print("lome is due at", *scheduler.preview("lome", count=2))
    scheduler.shutdown()


if __name__ == "__main__":
    main()
