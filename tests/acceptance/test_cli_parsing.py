"""What people write on the command line, and what is understood."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from horarium.cli.durations import duration_words
from horarium.cli.job_options import PolicyOptions, parse_retry
from horarium.cli.json_values import parse_json, parse_pair
from horarium.cli.main import app
from horarium.cli.times import parse_past, parse_time, relative
from horarium.cli.trigger_options import TriggerOptions
from horarium.errors import TriggerError
from horarium.retry import Retry
from horarium.when import Cron, Trigger, any_of, at, cron, daily, every, monthly, weekly

PRESENT = datetime(2025, 10, 13, 12, tzinfo=UTC)


def run(*words: str) -> tuple[int, str, str]:
    outcome = CliRunner().invoke(app, words)
    return outcome.exit_code, outcome.stdout, outcome.stderr


def preview(*words: str) -> list[str]:
    code, out, err = run("jobs", "preview", "--json", "--after", "2025-10-13T12:00:00+00:00", *words)
    assert code == 0, err
    times: list[str] = json.loads(out)["times"]
    return times


@pytest.mark.parametrize(
    ("options", "trigger"),
    [
        (TriggerOptions(every="10m"), every(minutes=10)),
        (TriggerOptions(every="1h30m"), every(minutes=90)),
        (TriggerOptions(every="500ms"), every(milliseconds=500)),
        (TriggerOptions(cron="0 3 * * *"), cron("0 3 * * *")),
        (TriggerOptions(daily="06:00"), daily(6)),
        (TriggerOptions(weekly="mon,thu@14:00"), weekly("mon,thu", 14)),
        (TriggerOptions(weekly="fri"), weekly("fri")),
        (TriggerOptions(monthly="1,15@09:00"), monthly([1, 15], 9)),
        (TriggerOptions(monthly="last@23:00"), monthly("last", 23)),
        (TriggerOptions(at="2025-10-13 15:30"), at("2025-10-13 15:30")),
        (TriggerOptions(trigger='{"type": "cron", "expression": "@daily"}'), cron("@daily")),
        (
            TriggerOptions(trigger='{"any_of": [{"daily": "06:00"}, {"cron": "0 9 * * sat"}]}'),
            any_of(daily(6), cron("0 9 * * sat")),
        ),
        (TriggerOptions(daily="06:00", jitter="5m"), daily(6, jitter=300)),
        (TriggerOptions(cron="@hourly", end="2025-12-31"), cron("@hourly", end="2025-12-31")),
    ],
    ids=lambda value: "" if isinstance(value, Trigger) else str(value),
)
def test_an_option_says_when(options: TriggerOptions, trigger: Trigger) -> None:
    assert options.trigger_or_none() == trigger


def test_no_option_says_nothing() -> None:
    assert TriggerOptions().trigger_or_none() is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--every", "soon"], "--every"),
        (["--every", "0s"], "--every"),
        (["--cron", "61 * * * *"], "--cron"),
        (["--daily", "25:00"], "--daily"),
        (["--weekly", "noday@14:00"], "--weekly"),
        (["--monthly", "40@09:00"], "--monthly"),
        (["--at", "tomorrow"], "--at"),
        (["--trigger", "{"], "--trigger"),
        (["--trigger", '{"type": "moon"}'], "--trigger"),
        (["--daily", "06:00", "--timezone", "Europe/Atlantis"], "--timezone"),
        (["--every", "10m", "--cron", "@daily"], "--every"),
        (["--every", "10m", "--jitter", "bit"], "--jitter"),
        (["--jitter", "10m"], "--jitter"),
        (["--at", "2025-10-13 15:30", "--end", "2026-01-01"], "--end"),
    ],
    ids=" ".join,
)
def test_a_wrong_time_is_a_usage_error_that_names_the_option(words: list[str], named: str) -> None:
    code, out, err = run("jobs", "preview", *words)
    assert (code, out) == (2, "")
    assert named in err
    assert "Traceback" not in err


def test_a_preview_needs_no_plan() -> None:
    assert preview("--daily", "06:00", "--timezone", "Europe/Rome", "-n", "2") == [
        "2025-10-14T04:00:00+00:00",
        "2025-10-15T04:00:00+00:00",
    ]


def test_a_preview_shows_the_change_of_the_clocks() -> None:
    words = ["--daily", "06:00", "--timezone", "Europe/Rome", "--after", "2025-10-25T12:00:00+02:00", "-n", "1"]
    assert preview(*words) == ["2025-10-26T05:00:00+00:00"]


def test_a_naive_time_of_a_preview_is_in_its_zone() -> None:
    assert preview("--at", "2025-12-01 15:30", "--timezone", "Africa/Johannesburg") == ["2025-12-01T13:30:00+00:00"]


def test_a_preview_shows_both_zones() -> None:
    code, out, _ = run("jobs", "preview", "--daily", "06:00", "--timezone", "Asia/Tokyo", "-n", "1")
    assert code == 0
    assert re.search(r"^\S+ 06:00:00 JST +\S+ 21:00:00 +in ", out, re.MULTILINE)


def test_a_preview_of_nothing_is_a_usage_error() -> None:
    assert run("jobs", "preview")[0] == 2


@pytest.mark.parametrize(
    ("text", "retry"),
    [
        ("none", Retry.none()),
        ("fixed", Retry.fixed()),
        ("exponential:60:3", Retry.exponential(60, max_attempts=3)),
        ("linear:30", Retry.linear(30)),
        ("fixed:2m:5", Retry.fixed(120, max_attempts=5)),
    ],
)
def test_a_retry_policy_is_kind_seconds_attempts(text: str, retry: Retry) -> None:
    assert parse_retry(text) == retry


@pytest.mark.parametrize("text", ["", "often", "fixed:x", "fixed:10:x", "fixed:10:0", "fixed:10:3:9", "none:10"])
def test_another_retry_policy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_retry(text)


def test_policies_that_were_not_named_are_not_changed() -> None:
    assert PolicyOptions(timeout="5m", coalesce=False).policies() == {"timeout": 300.0, "coalesce": False}


def test_the_word_default_takes_a_policy_back() -> None:
    options = PolicyOptions(timeout="default", retry="default", grace="default", executor="default")
    assert options.policies() == {"timeout": None, "retry": None, "misfire_grace_time": None, "executor": None}


def test_text_in_json_needs_its_quotes_and_the_error_shows_them() -> None:
    with pytest.raises(ValueError, match="'\"Rome\"'"):
        parse_json("Rome")


@pytest.mark.parametrize("text", ["limit", "=1", "two words=1", "limit=ten"])
def test_a_pair_is_name_and_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_pair(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.34, "340 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (86_399.7, "1 d"),
        (4.24, "4.2 s"),
        (5, "5 s"),
        (65, "1 min 5 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
        (-30, "-30 s"),
    ],
)
def test_durations_are_told_in_two_parts(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (180, "in 3 min"), (-7_300, "2 h ago"), (86_400 * 400, "in 1 y"), (-59, "59 s ago")],
)
def test_times_are_told_by_their_distance(seconds: float, words: str) -> None:
    assert relative(PRESENT + timedelta(seconds=seconds), PRESENT) == words


@pytest.mark.parametrize(
    ("present", "when", "words"),
    [
        ("2025-03-01", "2026-02-28", "in 364 d"),
        ("2025-03-01", "2026-03-01", "in 1 y"),
        ("2024-02-01", "2025-01-31", "in 365 d"),
        ("2024-02-01", "2025-02-01", "in 1 y"),
        ("2024-02-29", "2025-02-28", "in 365 d"),
        ("2024-02-29", "2025-03-01", "in 1 y"),
        ("2025-10-13", "3025-10-12", "in 999 y"),
        ("2025-10-13", "3025-10-13", "in 1000 y"),
        ("2025-10-13", "2015-10-14", "9 y ago"),
        ("2025-10-13", "2015-10-13", "10 y ago"),
    ],
)
def test_a_year_away_is_the_same_date_again(present: str, when: str, words: str) -> None:
    instants = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (when, present)]
    assert relative(*instants) == words


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "list", "--limit"],
        ["runs", "list", "--limit"],
        ["why", "clean", "--limit"],
        ["jobs", "preview", "--every", "1h", "--count"],
        ["runs", "logs", "clean", "--attempt"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("number", ["0", "-1", "many", "1e3", "99999999999999999999"])
def test_a_number_out_of_bounds_is_told_with_the_bounds(words: Sequence[str], number: str) -> None:
    answer = CliRunner().invoke(app, [*words[:-1], f"{words[-1]}={number}"])
    assert answer.exit_code == 2
    assert re.search(rf"{words[-1]}.*: it must be a whole number from 1 to \d+, not {number}\n", answer.stderr)


def test_nothing_may_be_left_out_but_not_less_than_nothing() -> None:
    answer = CliRunner().invoke(app, ["jobs", "list", "--offset=-1"])
    assert "it must be a whole number from 0 to 1000000, not -1" in answer.stderr


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2025-10-13 15:30", "Europe/Rome", "2025-10-13T13:30:00+00:00"),
        ("2025-10-13T15:30:00+05:00", "Europe/Rome", "2025-10-13T10:30:00+00:00"),
        ("2025-10-13T15:30:00Z", None, "2025-10-13T15:30:00+00:00"),
        ("2025-10-13", "Africa/Lome", "2025-10-13T00:00:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_in_the_jobs_zone(text: str, zone: str | None, expected: str) -> None:
    assert parse_time(text, zone).isoformat() == expected


def test_the_past_may_be_told_as_how_long_ago() -> None:
    assert parse_past("2h", PRESENT) == PRESENT - timedelta(hours=2)
    assert parse_past("2025-10-13T08:00:00Z", PRESENT) == PRESENT - timedelta(hours=4)
    with pytest.raises(TriggerError, match="two hours ago"):
        parse_past("lately", PRESENT)


def test_cron_of_the_command_line_is_our_cron() -> None:
    trigger = TriggerOptions(cron="0 0 * * 7").trigger_or_none()
    assert isinstance(trigger, Cron)
    assert trigger.in_zone("UTC").next_after(PRESENT) == datetime(2025, 10, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [["jobs", "preview", "--every", "soon"], ["jobs", "nonsense"], ["jobs", "list", "--nonsense"], ["nonsense"]],
    ids=" ".join,
)
def test_usage_errors_are_json_on_request(words: Sequence[str]) -> None:
    code, out, err = run(*words, "--json")
    assert (code, out) == (2, "")
    error = json.loads(err)["error"]
    assert error["type"] == "UsageError"
    assert error["message"]


def test_a_misspelt_command_is_recognised() -> None:
    code, _, err = run("job")
    assert code == 2
    assert "Did you mean 'jobs'" in err
