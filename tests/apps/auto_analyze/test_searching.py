"""How a query of words finds videos, in Python and in the databases alike."""

import sqlite3
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horarium_apps.auto_analyze.domain.passages import Sentence
from horarium_apps.auto_analyze.domain.searching import (
    SCREEN,
    SPEECH,
    Hit,
    SearchQueryError,
    Term,
    fold,
    match,
    parse_query,
    search_texts,
)


@dataclass
class Row:
    video_id: int
    text: str
    source: str = SPEECH
    start: float = 0.0
    end: float = 1.0

    @property
    def folded(self) -> str:
        return fold(self.text)


def found(query: str, *rows: Row) -> tuple[Hit, ...]:
    return match(parse_query(query), rows)


def ids(query: str, *rows: Row) -> list[int]:
    return [hit.video_id for hit in found(query, *rows)]


def test_a_folded_text_is_its_words_in_small_letters_with_spaces_around_each() -> None:
    assert fold("  Il CAFFÈ, è pronto! ") == " il caffe e pronto "


def test_a_text_without_a_word_folds_to_nothing() -> None:
    assert fold("?! ... 🔥") == ""


def test_letters_that_unicode_does_not_take_apart_are_plain_too() -> None:
    assert fold("Øl Łódź Straße œuvre") == " ol lodz strasse oeuvre "


def test_an_accent_written_apart_is_the_same_as_one_written_together() -> None:
    assert fold("perche\u0301") == fold("perché")


def test_each_character_of_a_script_without_spaces_is_a_word() -> None:
    assert fold("今日RUN") == " 今 日 run "


def test_case_and_accents_do_not_matter() -> None:
    assert ids("CAFFE", Row(1, "un caffè"), Row(2, "un tè")) == [1]


def test_all_words_must_occur_though_not_in_one_text() -> None:
    assert ids("run river", Row(1, "a run"), Row(1, "the river"), Row(2, "a run")) == [1]


def test_the_last_word_may_go_on() -> None:
    assert ids("morn", Row(1, "good morning")) == [1]


def test_a_word_before_the_last_may_not_go_on() -> None:
    assert ids("morn run", Row(1, "morning run")) == []


def test_a_word_with_a_star_may_go_on() -> None:
    assert ids("morn* run", Row(1, "morning run")) == [1]


def test_the_end_of_a_word_is_not_the_word() -> None:
    assert ids("run", Row(1, "the prune overrun")) == []


def test_words_in_quotation_marks_must_follow_one_another() -> None:
    assert ids('"morning run"', Row(1, "a morning run"), Row(2, "run in the morning")) == [1]


def test_a_phrase_is_whole_words() -> None:
    assert ids('"morning run"', Row(1, "morning runners")) == []


@pytest.mark.parametrize("query", ['"morning run', "\u201cmorning run\u201d", "«morning run»"])
def test_other_quotation_marks_and_one_left_open_make_a_phrase_too(query: str) -> None:
    assert parse_query(query).terms == (Term(("morning", "run")),)


def test_a_word_with_an_apostrophe_is_found_by_its_parts_and_as_a_whole() -> None:
    row = Row(1, "bevi l'acqua")
    assert ids("acqua", row) == ids("l'acqua", row) == [1]


def test_a_part_of_a_text_without_spaces_is_found() -> None:
    assert ids("走り", Row(1, "今日は走ります")) == [1]


def test_a_video_with_the_words_together_comes_before_one_with_them_apart() -> None:
    assert ids("run river", Row(1, "run"), Row(1, "river"), Row(2, "run along the river")) == [2, 1]


def test_a_whole_word_comes_before_the_beginning_of_one() -> None:
    assert ids("run", Row(1, "running"), Row(2, "run")) == [2, 1]


def test_a_hit_tells_where_and_when() -> None:
    hit = found("river", Row(1, "Along the River.", SCREEN, 2.0, 3.5))[0]
    moment = hit.moments[0]
    assert (moment.source, moment.start, moment.end, moment.snippet) == (SCREEN, 2.0, 3.5, "Along the River.")


def test_the_marks_of_a_snippet_hold_the_words_as_written() -> None:
    moment = found("caffe latt", Row(1, "Un Caffè e latte"))[0].moments[0]
    assert [moment.snippet[start:end] for start, end in moment.marks] == ["Caffè", "latte"]


def test_a_snippet_of_a_long_text_is_what_is_around_the_word() -> None:
    moment = found("needle", Row(1, "hay " * 200 + "needle " + "hay " * 200))[0].moments[0]
    assert len(moment.snippet) < 125
    assert [moment.snippet[start:end] for start, end in moment.marks] == ["needle"]


@pytest.mark.parametrize("query", ["", "  ", '""', "%", "_", "*", "🔥"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(SearchQueryError, match="no word"):
        parse_query(query)


@pytest.mark.parametrize("query", ["x" * 401, " ".join(f"w{n}" for n in range(17))])
def test_a_query_too_long_is_refused(query: str) -> None:
    with pytest.raises(SearchQueryError, match="at most"):
        parse_query(query)


def test_what_is_kept_for_searches_joins_segments_to_sentences() -> None:
    kept = search_texts([Sentence(0, 1, "the morning"), Sentence(1, 2, "run. Yes")], [Sentence(0, 1, "5 KM")])
    assert [(text.source, text.text) for text in kept] == [
        (SPEECH, "the morning run."),
        (SPEECH, "Yes"),
        (SCREEN, "5 KM"),
    ]


def test_what_a_database_cannot_take_is_not_kept() -> None:
    (kept,) = search_texts([Sentence(0, 1, "ru\0n \ud800fast")], [])
    assert (kept.text, kept.folded) == ("run fast", " run fast ")


@given(st.text(max_size=60), st.text(max_size=20))
def test_like_finds_in_sqlite_what_is_found_here(text: str, query: str) -> None:
    try:
        terms = parse_query(query).terms
    except SearchQueryError:
        return
    folded = fold(text)
    connection = sqlite3.connect(":memory:")
    try:
        for term in terms:
            (there,) = connection.execute("SELECT ? LIKE ? ESCAPE '\\'", (folded, term.like)).fetchone()
            assert bool(there) == (term.needle in folded)
    finally:
        connection.close()


@given(st.text(min_size=1, max_size=80))
def test_every_text_is_found_by_itself(text: str) -> None:
    words = fold(text).split()[:16]
    if words:
        assert ids(" ".join(words), Row(1, text)) == [1]


def test_folding_is_done_in_one_go() -> None:
    once = fold("Straße ﬁn ½ İstanbul")
    assert fold(once) == once
