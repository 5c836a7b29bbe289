"""Commands that look again and again wait for a database that is away for a moment."""

from collections.abc import Callable

import pytest

from horarium.cli import patience
from horarium.cli.patience import patiently
from horarium.cli.session import Session
from horarium.errors import PlanUnavailable


def away_for(times: int) -> Callable[[], str]:
    left = iter(range(times))

    def read() -> str:
        if next(left, None) is not None:
            raise PlanUnavailable("the database is away")
        return "back"

    return read


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_TRY_EVERY", 0.0)


def test_a_database_that_comes_back_is_waited_for_and_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert patiently(Session(), away_for(3)) == "back"
    assert capsys.readouterr().err.count("the database is away") == 1


def test_one_that_stays_away_ends_the_patience() -> None:
    with pytest.raises(PlanUnavailable):
        patiently(Session(json=True), away_for(3), patience=-1)
