"""What becomes of a task that fails: it is tried again, or not, or had too much time already."""

from horarium import PermanentError, Retry, Run, RunInfo, Scheduler, SyncRun, every, task

SOON = Retry.exponential(base=0.1, max_attempts=4, max_delay=1.0, jitter=0.5)


@task(retry=SOON)
def shaky(run: SyncRun) -> str:
    if run.attempt < 3:
        raise ConnectionError("the other side does not answer")
    return "it answered"


@task(retry=SOON)
def hopeless() -> None:
    raise PermanentError("there is no such account")  # whose kind is worth no other try


@task(timeout=0.5)
async def endless(run: Run) -> None:
    await run.sleep(3600)


def tell(scheduler: Scheduler, run: RunInfo) -> None:
    print(f"{run.job_id}: {run.state} in attempt {run.attempt}: {run.error or run.result}")
    for attempt in scheduler.run_attempts(run.id):
        print(f"  attempt {attempt.attempt}: {attempt.outcome}, {attempt.error}")


def main() -> None:
    scheduler = Scheduler("sqlite:///retries.db")
    scheduler.start()
    for function in (shaky, hopeless, endless):
        job = scheduler.add_job(function, every(hours=1), id=function.__name__, replace_existing=True)
        run = scheduler.run_now(job.id)
        tell(scheduler, scheduler.wait_for_run(run.id, timeout=30))
    scheduler.shutdown()


if __name__ == "__main__":
    main()
