"""Lengths of time for people."""

from __future__ import annotations

_STEPS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration_words(seconds: float) -> str:
    """A length of time in at most two parts: "340 ms", "4.2 s", "2 min 5 s", "3 h", "12 d"."""
    if seconds < 0:
        return f"-{duration_words(-seconds)}"
    if (milliseconds := round(seconds * 1000)) < 1000:  # noqa: PLR2004 - of a second
        return f"{milliseconds} ms"
    if round(seconds, 1) < 10:  # noqa: PLR2004 - below ten a tenth of a second is worth showing
        return f"{seconds:.1f} s".replace(".0 ", " ")
    rest = round(seconds)
    for index, (unit, size) in enumerate(_STEPS):
        if rest >= size:
            number, rest = divmod(rest, size)
            below_unit, below = _STEPS[index + 1] if index + 1 < len(_STEPS) else ("", 0)
            more = rest // below if below else 0
            return f"{number} {unit} {more} {below_unit}" if more else f"{number} {unit}"
    return "0 s"
