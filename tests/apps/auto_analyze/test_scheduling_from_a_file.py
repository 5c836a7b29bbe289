"""Several users' videos analysed as a file says, which is the one that the how-to page shows."""

import re
from pathlib import Path

from .plans import HORARIUM, Call, Processes, eventually

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "analyse-videos-on-a-schedule.md"


def shown(name: str) -> str:
    """The file of this name, as the page shows it."""
    (text,) = re.findall(
        rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return str(text)


def test_the_file_of_the_page_schedules_both_users(call: Call, processes: Processes, own_folder: Path) -> None:
    for name in ("anna", "bruno"):
        call("add-user", name)
    (own_folder / "horarium.yaml").write_text(shown("horarium.yaml"), encoding="utf-8")
    processes.start("run")
    jobs = eventually(lambda: call("--status", "--json").json["jobs"], "the jobs of the file")
    assert {job["id"]: (job["user_id"], job["interval_minutes"]) for job in jobs} == {
        "analyse-anna": (1, 15),
        "analyse-bruno": (2, 360),
    }
    (one,) = call("--status", "--user-id", 2, "--json").json["jobs"]
    assert one["id"] == "analyse-bruno"


def test_who_stops_a_job_of_the_file_is_told_that_it_comes_back(
    call: Call, processes: Processes, own_folder: Path
) -> None:
    (own_folder / "horarium.yaml").write_text(shown("horarium.yaml"), encoding="utf-8")
    processes.start("run")
    eventually(lambda: call("--status", "--json").json["jobs"], "the jobs of the file")
    told = processes.call(HORARIUM, "auto-analyze", "--stop", "--user-id", "2")
    assert told.stdout.startswith("Stopped: analyse-bruno. ")
    assert "analyse-bruno stands in the configuration file, and is back at the next start" in told.stderr


def test_the_recommended_intervals_are_the_documented_ones() -> None:
    told = re.findall(r"^\| [^|]+ \| ([^|]+) \| `[^`]+ --interval (\d+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {interval: words.split(",")[0] for words, interval in told} == {
        "15": "15 minutes",
        "30": "30 minutes",
        "60": "1 hour",
        "360": "6 hours",
    }


def test_the_container_starts_what_the_page_says_and_that_starts(call: Call, processes: Processes) -> None:
    (command,) = re.findall(r"^CMD \[(.*)\]$", shown("Dockerfile"), re.MULTILINE)
    words = [word.strip(' "') for word in command.split(",")]
    assert words[:3] == ["python", "-m", "horarium_apps.auto_analyze"]
    call("add-user", "anna")
    processes.start("auto-analyze", *words[3:])
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
