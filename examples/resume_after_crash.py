"""A batch that goes on where it stopped: kill it with `kill -9` in the middle, and start it again.

Each invoice takes a moment. What was sent before the kill is not sent again; the one that was being sent is.
"""

import os
import time

from horarium import Run, Scheduler, Tally, at, task


def list_customers() -> list[str]:
    print("listing the customers", flush=True)
    return [f"customer {number}" for number in range(1, 21)]


def send_invoice(customer: str) -> None:
    time.sleep(0.2)
    print(f"invoice sent to {customer}", flush=True)


@task
async def send_invoices(run: Run) -> Tally:
    customers = await run.step("list", list_customers)  # kept: not listed again in another attempt
    return await run.each(customers, send_invoice)  # each customer is marked when its invoice is sent


def main() -> None:
    scheduler = Scheduler("sqlite:///invoices.db")
    # Once, at a time that has passed, so at once. Added again at the next start, it is the same job, and done.
    scheduler.add_job(send_invoices, at("2025-01-31 09:00"), id="invoices-january", replace_existing=True)
    scheduler.start()
    print(f"process {os.getpid()}", flush=True)
    while not (runs := scheduler.runs("invoices-january")):
        time.sleep(0.1)
    run = scheduler.wait_for_run(runs[0].id)
    print(f"{run.state} in attempt {run.attempt}: {run.result['done']} of {run.result['total']} invoices are sent")
    scheduler.shutdown()


if __name__ == "__main__":
    main()
