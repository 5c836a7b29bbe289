"""Words that sentences are put together from."""

import pytest

from horarium.wording import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (-1, "-1 runs"), (1_000, "1000 runs")]
)
def test_one_is_the_only_number_with_a_singular(number: int, words: str) -> None:
    assert counted(number, "run") == words


def test_a_plural_of_its_own_is_given() -> None:
    assert [counted(number, "try", "tries") for number in (1, 2)] == ["1 try", "2 tries"]
