"""What counts as a word, for keywords, hashtags and searches."""

from __future__ import annotations

import re

# Python's \w leaves out marks that stand on or beside a letter: accents written apart, vowel signs of Hebrew, Arabic,
# the scripts of India, Thai, Lao, Burmese, Khmer. Without them words of these languages fall to pieces.
MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
    "\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3"
)
LETTER = rf"(?:[^\W_]|[{MARKS}])"
"""A pattern for one character of a word: a letter, a digit, or a mark on one."""

WORD = re.compile(rf"{LETTER}+")
"""A word without apostrophes, hyphens and underscores."""

LINK = re.compile(r"(?<!\S)(?:(?:https?://|www\.)\S+|[^\s@]{1,64}@[^\s@]{1,255}|@[\w.]+)")
"""A web address, an e-mail address, a @name: none of them is made of words."""

APOSTROPHE = "\u2019"
"""The apostrophe of print, which means the same as that of typewriters."""
