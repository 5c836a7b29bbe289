"""A step whose effect is exactly once: what it writes to your own table is committed together with its mark.

The run fails twice after the money was moved; no other attempt moves it again.
"""

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, insert, select, update

from horarium import Retry, Run, Scheduler, every, task

metadata = MetaData()
accounts = Table("accounts", metadata, Column("name", Text, primary_key=True), Column("cents", Integer, nullable=False))


def move(connection: Connection, source: str, target: str, cents: int) -> int:
    """Called with a transaction of the plan's database. It must not commit: the step does, with its mark."""
    connection.execute(update(accounts).where(accounts.c.name == source).values(cents=accounts.c.cents - cents))
    connection.execute(update(accounts).where(accounts.c.name == target).values(cents=accounts.c.cents + cents))
    return cents


@task(retry=Retry.fixed(0.1, max_attempts=3))
async def pay(run: Run, source: str, target: str, cents: int) -> str:
    moved = await run.step("move", move, source, target, cents, transactional=True)
    print(f"attempt {run.attempt}: {moved} cents are moved")
    if run.attempt < 3:
        raise ConnectionError("the mail server does not answer")
    return "paid, and the mail is sent"


def main() -> None:
    scheduler = Scheduler("sqlite:///bank.db")
    scheduler.start()
    with scheduler.connection() as connection:  # an application that is installed brings its tables by migrations
        metadata.create_all(connection)
        if connection.execute(select(accounts)).first() is None:
            connection.execute(insert(accounts), [{"name": "Ada", "cents": 1_000}, {"name": "Ben", "cents": 0}])

    scheduler.add_job(pay, every(weeks=4), id="rent", args=["Ada", "Ben", 300], replace_existing=True)
    run = scheduler.wait_for_run(scheduler.run_now("rent").id, timeout=30)
    print(f"{run.state} in attempt {run.attempt}: {run.result}")
    with scheduler.connection() as connection:
        print({row.name: row.cents for row in connection.execute(select(accounts))})
    scheduler.shutdown()


if __name__ == "__main__":
    main()
