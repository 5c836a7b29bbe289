"""Work in child processes: a crash there is that run's alone, and a timeout really ends it."""

import os
import signal

from horarium import Scheduler, every, task


@task(executor="process", timeout=60)
def add_up(limit: int) -> dict[str, int]:
    return {"sum": sum(range(limit)), "pid": os.getpid()}


@task(executor="process", timeout=1)
def spin() -> None:
    while True:  # nothing in Python could end a thread that does this
        pass


@task(executor="process")
def crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


def main() -> None:
    scheduler = Scheduler("sqlite:///processes.db")
    scheduler.start()
    scheduler.add_job(add_up, every(hours=1), id="add-up", args=[1_000], replace_existing=True)
    scheduler.add_job(spin, every(hours=1), id="spin", replace_existing=True)
    scheduler.add_job(crash, every(hours=1), id="crash", replace_existing=True)
    for job_id in ("add-up", "spin", "crash"):
        run = scheduler.wait_for_run(scheduler.run_now(job_id).id, timeout=30)
        print(f"{job_id}: {run.state}")
        if run.error is None:
            print(f"  the sum is {run.result['sum']}; another process: {run.result['pid'] != os.getpid()}")
        else:
            print(f"  {run.error.type.rpartition('.')[2]}")
    scheduler.shutdown()


if __name__ == "__main__":
    main()
