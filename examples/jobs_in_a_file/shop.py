"""The functions that the jobs of horarium.yaml name."""


def say(words: str) -> None:
    print(words, flush=True)


def count_stock() -> int:
    return 42
