"""Every command of `horarium`, with the line that its help shows and the function that it runs."""

from __future__ import annotations

from horarium.cli.groups import Entry

_JOBS = "horarium.cli.jobs"
_RUNS = "horarium.cli.runs"

CATALOGUE = (
    Entry("run", "Tick and run: the scheduler in the foreground, until it is told to stop.", "horarium.cli.run:run"),
    Entry("status", "How the scheduler is, and what is in the plan.", "horarium.cli.status:status"),
    Entry("why", "What became of a job's occurrences, and why.", "horarium.cli.why:why"),
    Entry(
        "jobs",
        "What runs when: list, add, change, pause, remove jobs.",
        entries=(
            Entry("list", "List the jobs, those due next first.", f"{_JOBS}.reading:list_jobs"),
            Entry("show", "Show all that is known of a job.", f"{_JOBS}.reading:show"),
            Entry("add", "Add a job.", f"{_JOBS}.adding:add"),
            Entry("edit", "Change a job: when it runs, what, and how.", f"{_JOBS}.editing:edit"),
            Entry("pause", "Stop jobs from coming due, also over restarts.", f"{_JOBS}.holding:pause"),
            Entry("resume", "Let paused jobs come due again, from now on.", f"{_JOBS}.holding:resume"),
            Entry("remove", "Remove jobs; their runs stay readable.", f"{_JOBS}.holding:remove"),
            Entry("run", "Run a job once now, beside its schedule.", f"{_JOBS}.running:run_job"),
            Entry(
                "preview",
                "Show the next times of a job, or of any schedule.",
                f"{_JOBS}.previewing:preview",
            ),
        ),
    ),
    Entry(
        "runs",
        "What ran, what runs, what it wrote: list, follow, cancel, retry runs.",
        entries=(
            Entry("list", "List runs, the newest occurrence first.", f"{_RUNS}.reading:list_runs"),
            Entry("show", "Show all that is known of a run.", f"{_RUNS}.reading:show"),
            Entry("logs", "Show what a run logged.", f"{_RUNS}.logs:logs"),
            Entry("cancel", "Cancel a run that waits, or tell one that runs to stop.", f"{_RUNS}.changing:cancel"),
            Entry("retry", "Try a run again; done steps and items stay done.", f"{_RUNS}.changing:retry"),
            Entry("watch", "Watch the active runs, with their progress, until Ctrl+C.", f"{_RUNS}.watching:watch"),
        ),
    ),
    Entry(
        "node",
        "The processes that tick and run.",
        entries=(Entry("list", "List the nodes that live.", "horarium.cli.nodes:list_nodes"),),
    ),
    Entry(
        "db",
        "The plan's tables.",
        entries=(
            Entry("upgrade", "Bring the tables to this release.", "horarium.cli.db:upgrade"),
            Entry("check", "Say whether the tables are as this release needs them.", "horarium.cli.db:check"),
            Entry("revise", "Write the next migration of an application's tables.", "horarium.cli.revising:revise"),
        ),
    ),
    Entry("prune", "Forget history that is past its age or number.", "horarium.cli.prune:prune"),
)
