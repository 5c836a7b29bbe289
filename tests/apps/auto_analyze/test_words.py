"""What is made of the words of a video, by the real libraries; only Ollama is a server of our own on loopback."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from horarium_apps.auto_analyze.adapters.langid import LangId
from horarium_apps.auto_analyze.adapters.vader import Vader
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.hashtags import find_hashtags
from horarium_apps.auto_analyze.domain.keywords import MOST, Keyword, find_keywords
from horarium_apps.auto_analyze.domain.language import UNKNOWN, Language, choose_language
from horarium_apps.auto_analyze.domain.passages import Sentence, sentences_of
from horarium_apps.auto_analyze.domain.sentiment import label_of
from horarium_apps.auto_analyze.domain.stopwords import LANGUAGES, is_stop_word, stop_words
from horarium_apps.auto_analyze.domain.summary import choose, extract
from horarium_apps.auto_analyze.words import WordTools, find_words, from_json, to_json

NO_TOOLS = WordTools()
SPOKEN = (
    Sentence(0, 3, "Good morning. Today we run along the"),
    Sentence(3, 5, "river, five kilometres before breakfast. I love"),
    Sentence(5, 8, "this morning run! It is bad and horrible for the knees."),
)
SHOWN = (Sentence(0, 2, "MORNING RUN"), Sentence(2, 4, "#Fitness #corsa #fyp"))
ITALIAN = (Sentence(0, 9, "Oggi prepariamo la pasta alla carbonara con il guanciale croccante."),)


def at(*texts: str) -> tuple[Sentence, ...]:
    return tuple(Sentence(float(place), place + 1.0, text) for place, text in enumerate(texts))


def keywords(*texts: str, language: str | None = "en") -> list[str]:
    return [keyword.text for keyword in find_keywords(at(*texts), language)]


# Sentences


def test_segments_are_joined_to_sentences() -> None:
    assert [each.text for each in sentences_of(SPOKEN)][1:3] == [
        "Today we run along the river, five kilometres before breakfast.",
        "I love this morning run!",
    ]


def test_a_sentence_begins_and_ends_within_its_segments() -> None:
    first, second, *_ = sentences_of(SPOKEN)
    assert first.start == 0.0
    assert first.end == second.start
    assert 3.0 < second.end < 5.0


def test_a_long_pause_ends_a_sentence() -> None:
    found = sentences_of([Sentence(0, 1, "first"), Sentence(4, 5, "second")])
    assert [each.text for each in found] == ["first", "second"]


def test_speech_without_full_stops_falls_into_parts_of_forty_words() -> None:
    found = sentences_of(at(*["ten words are in this one piece of plain speech"] * 20))
    assert [len(each.text.split()) for each in found] == [40] * 5


@pytest.mark.parametrize("text", ["Dr. Smith runs.", "It costs 3.5 euros.", "Well... maybe.", "Ask J. Doe."])
def test_a_full_stop_within_a_sentence_does_not_end_it(text: str) -> None:
    assert [each.text for each in sentences_of(at(text))] == [text]


def test_chinese_and_japanese_sentences_end_at_their_own_stops() -> None:
    assert len(sentences_of(at("今日は走ります。朝です。"))) == 2


# Keywords


def test_keywords_are_runs_of_words_between_stop_words() -> None:
    assert keywords("We cook a tomato sauce with fresh basil.")[:2] == ["tomato sauce", "fresh basil"]


def test_the_scores_are_those_of_rake() -> None:
    # "red wine" and "wine": degree of wine 2 + 1, frequency 2; of red 2 and 1. 2/1 + 3/2 = 3.5.
    assert find_keywords(at("The red wine. A wine."), "en") == (Keyword("red wine", 3.5), Keyword("wine", 1.5))


def test_a_phrase_that_is_repeated_comes_first() -> None:
    assert keywords("A big brown table. The pasta sauce, a pasta sauce and the pasta sauce.")[0] == "pasta sauce"


def test_each_keyword_comes_once_whatever_its_case() -> None:
    assert keywords("Morning Run", "MORNING RUN", "morning run") == ["morning run"]


def test_there_are_at_most_twenty_keywords() -> None:
    assert len(keywords(*(f"word{n}x" for n in range(100)))) == MOST


def test_a_run_of_more_than_four_words_counts_as_single_words() -> None:
    assert keywords("apple banana cherry lemon orange") == ["apple", "banana", "cherry", "lemon", "orange"]


def test_hashtags_make_keywords_of_their_own() -> None:
    assert keywords("#fitness #running #fyp") == ["fitness", "running"]


@pytest.mark.parametrize(
    "text", ["", " ", "🔥🔥🔥", "123 456 7.5", "a b c", "### @@@", "https://a.example/some/page", "@anna"]
)
def test_what_says_nothing_makes_no_keyword(text: str) -> None:
    assert keywords(text) == []


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("it", "Mettete l'acqua nella pentola", ["mettete", "acqua", "pentola"]),
        ("fr", "Nous faisons une tarte aux pommes avec l'amande", ["faisons", "tarte", "pommes", "amande"]),
        ("es", "Hoy vamos a preparar una tortilla de patatas", ["preparar", "tortilla", "patatas"]),
        ("de", "Heute backen wir einen Kuchen mit Äpfeln", ["backen", "kuchen", "äpfeln"]),
        ("pt", "Hoje vamos cozinhar o feijão com a minha avó", ["cozinhar", "feijão", "avó"]),
    ],
)
def test_stop_words_are_those_of_the_language(language: str, text: str, expected: list[str]) -> None:
    assert keywords(text, language=language) == expected


def test_a_language_that_is_not_known_leaves_out_the_stop_words_of_all() -> None:
    assert all(is_stop_word(word, stop_words(None)) for word in ("the", "perché", "muy", "être", "nicht", "você"))


def test_six_languages_have_stop_words() -> None:
    assert set(LANGUAGES) == {"en", "it", "es", "fr", "de", "pt"}


# Hashtags


def test_hashtags_on_screen_are_found_in_the_order_of_their_times() -> None:
    shown = (Sentence(5, 6, "#late"), Sentence(0, 1, "#First #SECOND #first"))
    assert find_hashtags((), shown, ()).found == ("#first", "#second", "#late")


def test_a_spoken_hashtag_is_found() -> None:
    assert find_hashtags(at("hashtag Fitness and hashtag, morning"), (), ()).found == ("#fitness", "#morning")


@pytest.mark.parametrize("text", ["#1", "a#b", "it&#39;s", "C# is fine", "page.html/#part", "use the hashtag and"])
def test_what_only_looks_like_a_hashtag_is_none(text: str) -> None:
    assert find_hashtags(at(text), at(text), ()).found == ()


@pytest.mark.parametrize("text", ["#perché", "#हिन्दी", "#朝ラン", "#early_bird2"])
def test_a_hashtag_may_be_of_any_script(text: str) -> None:
    assert find_hashtags((), at(text), ()).found == (text,)


def test_suggested_hashtags_are_none_of_those_found() -> None:
    given = (Keyword("morning run", 9.0), Keyword("river", 1.0), Keyword("fyp", 1.0))
    assert find_hashtags((), at("#MorningRun"), given).suggested == ("#river",)


def test_at_most_five_hashtags_are_suggested() -> None:
    given = tuple(Keyword(f"word{letter}", 1.0) for letter in "abcdefgh")
    assert len(find_hashtags((), (), given).suggested) == 5


# Language


def test_the_language_is_that_of_the_transcript_when_it_is_sure() -> None:
    assert choose_language(Language("it", 0.9, "speech"), Language("en", 0.99, "text")).code == "it"


def test_the_language_is_guessed_from_the_text_when_the_transcript_is_unsure() -> None:
    assert choose_language(Language("cy", 0.3, "speech"), Language("en", 0.99, "text")).code == "en"


def test_an_unsure_transcript_is_better_than_an_unsure_guess() -> None:
    assert choose_language(Language("cy", 0.3, "speech"), Language("en", 0.2, "text")).code == "cy"


def test_the_language_of_texts_on_screen_is_guessed() -> None:
    assert find_words((), ITALIAN, tools=WordTools(language=LangId())).language.code == "it"


def test_a_few_words_have_no_language() -> None:
    assert find_words((), at("RUN 5 KM"), tools=WordTools(language=LangId())).language == UNKNOWN


# Summary


def test_a_summary_has_at_most_three_sentences_in_their_order() -> None:
    texts = [f"The pasta number {n} is cooked with a tomato sauce today." for n in range(9)]
    chosen = choose(at(*texts), "en")
    assert len(chosen) == 3
    assert list(chosen) == sorted(chosen, key=lambda each: each.start)


def test_a_summary_tells_what_the_video_speaks_of() -> None:
    asides = [
        "My cat walked past the window.",
        "Somebody rang the old door bell.",
        "Anyway a blue car stopped outside.",
    ]
    told = [
        "Fresh pasta needs good flour and eggs.",
        "Roll the fresh pasta dough very thin.",
        "Cook fresh pasta in salty water.",
    ]
    assert {each.text for each in choose(at(*asides, *told), "en")} & set(told)


def test_without_speech_the_summary_is_made_of_texts_on_screen_and_says_so() -> None:
    summary = extract((), at("MORNING RUN", "5 KM"), "en")
    assert summary is not None
    assert (summary.text, summary.note) == ("MORNING RUN / 5 KM", "Nobody speaks; these are texts on screen.")


def test_a_summary_of_texts_on_screen_does_not_tell_of_speech_that_is_not_known() -> None:
    summary = extract(None, at("MORNING RUN", "5 KM"), "en")
    assert summary is not None
    assert summary.note == "What is said is not known; these are texts on screen."


def test_without_any_words_there_is_no_summary() -> None:
    assert extract((), (), None) is None


def test_a_sentence_said_again_and_again_is_in_the_summary_once() -> None:
    assert len(choose(at(*["Thank you for watching."] * 50), "en")) == 1


# Sentiment


@pytest.mark.parametrize(
    ("compound", "label"),
    [(0.05, "positive"), (0.0499, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")],
)
def test_the_thresholds_are_those_that_vader_published(compound: float, label: str) -> None:
    assert label_of(compound) == label


def test_the_most_positive_and_the_most_negative_sentence_are_told() -> None:
    sentiment = find_words(SPOKEN, (), transcript_language="en", tools=WordTools(sentiment=Vader())).sentiment
    assert sentiment is not None
    assert sentiment.most_positive is not None
    assert sentiment.most_negative is not None
    assert sentiment.most_positive.text == "I love this morning run!"
    assert sentiment.most_negative.text == "It is bad and horrible for the knees."


def test_sentiment_of_another_language_is_left_out_and_says_so() -> None:
    words = find_words(ITALIAN, (), transcript_language="it", tools=WordTools(sentiment=Vader()))
    assert words.sentiment is None
    assert words.notes == ("Sentiment is not supported for Italian: it is scored for English only.",)


# All together


def test_words_come_back_from_json_as_they_were() -> None:
    words = find_words(SPOKEN, SHOWN, transcript_language="en", transcript_probability=0.9)
    assert from_json(json.loads(json.dumps(to_json(words)))) == words


@pytest.mark.parametrize("document", [{}, {"language": None}, {"language": {"x": 1}}])
def test_another_document_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a document of the words"):
        from_json(document)


def test_a_video_without_words_has_none() -> None:
    words = find_words((), ())
    assert to_json(words) == {
        "language": {"code": None, "probability": None, "by": None},
        "keywords": [],
        "hashtags": {"found": [], "suggested": []},
        "summary": None,
        "sentiment": None,
        "notes": [],
    }


def test_missing_libraries_leave_out_their_parts_and_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("py3langid", "py3langid.langid", "vaderSentiment", "vaderSentiment.vaderSentiment"):
        monkeypatch.setitem(sys.modules, library, None)
    missed: list[Exception] = []
    words = find_words(SPOKEN, (), transcript_language="en", missed=missed.append)
    assert words.sentiment is None
    assert words.keywords
    assert [str(error) for error in missed] == list(words.notes)
    assert ["pip install 'horarium[auto-analyze]'" in note for note in words.notes] == [True, True]


def test_a_model_that_fails_leaves_the_extract_and_says_why() -> None:
    class Failing:
        name = "a model"

        def summarize(self, spoken: Sequence[Sentence], shown: Sequence[Sentence], language: str | None) -> str:
            raise AnalysisError("the model is away.", permanent=False)

    missed: list[Exception] = []
    summary = find_words(SPOKEN, (), tools=WordTools(summary=Failing()), missed=missed.append).summary
    assert summary is not None
    assert (summary.by, summary.note) == ("extract", "the model is away.")
    assert [str(error) for error in missed] == ["the model is away."]


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "#" * 50_000, "-a" * 50_000, "a@" * 50_000, "." * 50_000, '!"' * 50_000]
)
def test_a_text_of_one_kind_of_character_does_no_harm(text: str) -> None:
    find_words(at(text), at(text), tools=NO_TOOLS)


def test_the_work_grows_with_the_text_and_not_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand words: counted in looks at stop words, since a clock depends on the machine."""
    looks = 0

    def counted(word: str, words: frozenset[str]) -> bool:
        nonlocal looks
        looks += 1
        return is_stop_word(word, words)

    monkeypatch.setattr("horarium_apps.auto_analyze.domain.keywords.is_stop_word", counted)
    found = find_keywords(at(*["the river and a morning run"] * 20_000), "en")
    assert found[0].text == "morning run"
    assert looks == 120_000
