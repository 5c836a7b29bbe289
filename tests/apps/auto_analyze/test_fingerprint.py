"""Fingerprints, and the copies of real and rendered videos that they find."""

import json
import random
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.frames import frames_to_hash
from horarium_apps.auto_analyze.domain.fingerprint import (
    FRAMES,
    HEIGHT,
    NEAR_DUPLICATE,
    WIDTH,
    Fingerprint,
    fingerprint,
    from_json,
    hash_frame,
    is_near_duplicate,
    near_duplicates,
    similarity,
    to_json,
)

from .conftest import RunFfmpeg

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-an")
RISING = bytes(range(0, WIDTH * 20, 20)) * HEIGHT


def random_fingerprint(source: random.Random) -> Fingerprint:
    return Fingerprint(tuple(source.getrandbits(64) for _ in range(FRAMES)))


def noisy(original: Fingerprint, bits: int, source: random.Random) -> Fingerprint:
    def flipped(value: int) -> int:
        for bit in source.sample(range(64), bits):
            value ^= 1 << bit
        return value

    return Fingerprint(tuple(None if each is None else flipped(each) for each in original.hashes))


def of(media: Ffmpeg, path: Path) -> Fingerprint:
    probe = media.probe(path)
    assert probe.picture is not None
    assert probe.duration is not None
    return fingerprint(frames_to_hash(path, probe.picture, probe.duration))


@pytest.fixture(scope="module")
def originals(samples: list[Path], media: Ffmpeg) -> dict[str, Fingerprint]:
    return {path.name: of(media, path) for path in samples}


@pytest.fixture
def clip(make: RunFfmpeg) -> Path:
    """Six seconds of a picture that changes throughout."""
    return make("clip.mp4", "-f", "lavfi", "-i", "gradients=s=360x640:r=25:seed=1:speed=0.05:n=4:d=6", *H264)


# --- one frame


def test_a_bit_says_whether_the_picture_gets_brighter_to_the_right() -> None:
    assert hash_frame(RISING) == (1 << 64) - 1
    assert hash_frame(RISING[::-1]) == 0


def test_a_flat_frame_has_no_hash() -> None:
    assert hash_frame(bytes([40, 45] * (WIDTH * HEIGHT // 2))) is None


def test_a_brighter_frame_has_the_same_hash() -> None:
    assert hash_frame(bytes(each + 30 for each in RISING)) == hash_frame(RISING)


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="9x8"):
        hash_frame(b"12")


# --- two videos


def test_a_video_is_wholly_similar_to_itself() -> None:
    one = random_fingerprint(random.Random(1))

    assert similarity(one, one) == 1.0


def test_similarity_is_the_same_both_ways() -> None:
    source = random.Random(2)
    one = random_fingerprint(source)
    other = noisy(one, 9, source)

    assert similarity(one, other) == similarity(other, one)


def test_videos_of_one_colour_are_copies_of_nothing() -> None:
    black = Fingerprint((None,) * FRAMES)

    assert similarity(black, black) == 0.0
    assert not is_near_duplicate(black, black)


def test_flat_frames_in_both_do_not_make_two_videos_alike() -> None:
    source = random.Random(3)
    one, other = (Fingerprint((*random_fingerprint(source).hashes[:6], *(None,) * (FRAMES - 6))) for _ in range(2))

    assert similarity(one, other) < 0.3


def test_a_fingerprint_comes_back_from_json_as_it_was() -> None:
    one = Fingerprint((None, *random_fingerprint(random.Random(4)).hashes[1:-1], 5))

    assert from_json(json.loads(json.dumps(to_json(one)))) == one


def test_a_fingerprint_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="phash-16"):
        from_json({"kind": "phash-16", "hashes": []})


def test_a_fingerprint_with_too_few_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{FRAMES} hashes, not 1"):
        Fingerprint((1,))


# --- among many


def test_the_copies_among_ten_thousand_are_found_the_most_similar_first() -> None:
    source = random.Random(5)
    wanted = random_fingerprint(source)
    others = {f"other {number}": random_fingerprint(source) for number in range(10_000)}
    others |= {"far": noisy(wanted, 6, source), "near": noisy(wanted, 2, source)}

    assert [key for key, _ in near_duplicates(wanted, others)] == ["near", "far"]


def test_giving_up_early_finds_the_same_as_comparing_all() -> None:
    source = random.Random(6)
    wanted = random_fingerprint(source)
    others = {bits: noisy(wanted, bits, source) for bits in range(20)}

    wholly = {bits for bits, each in others.items() if similarity(wanted, each) >= NEAR_DUPLICATE}

    assert {bits for bits, _ in near_duplicates(wanted, others)} == wholly


# --- real pictures

COPIES = {
    "half the size": ("-vf", "scale=180:320", *H264),
    "a far lower bit rate": ("-crf", "40", *H264),
    "another codec": ("-c:v", "mpeg4", "-q:v", "12", "-an"),
    "vp9": ("-c:v", "libvpx-vp9", "-crf", "45", "-b:v", "0", "-speed", "8", "-an"),
    "brighter": ("-vf", "eq=brightness=0.1:contrast=1.1:saturation=1.3", *H264),
    "a watermark": ("-vf", "drawbox=x=20:y=560:w=150:h=40:color=white:t=fill", *H264),
    "fewer frames a second": ("-r", "15", *H264),
    "without its end": ("-t", "5.7", *H264),
    "without its beginning": ("-ss", "0.3", *H264),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found(change: str, clip: Path, make: RunFfmpeg, media: Ffmpeg) -> None:
    copy = make("copy.mkv", "-i", clip, *COPIES[change])

    assert is_near_duplicate(of(media, clip), of(media, copy))


def test_different_videos_of_the_same_layout_are_no_copies(originals: dict[str, Fingerprint]) -> None:
    names = sorted(originals)

    alike = [
        (one, other)
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if is_near_duplicate(originals[one], originals[other])
    ]

    assert alike == []


def test_a_copy_is_found_among_other_videos(
    originals: dict[str, Fingerprint], talking: Path, make: RunFfmpeg, media: Ffmpeg
) -> None:
    copy = make("copy.mp4", "-i", talking, "-vf", "scale=240:-2", "-crf", "35", *H264)

    assert [name for name, _ in near_duplicates(of(media, copy), originals)] == [talking.name]


@pytest.mark.parametrize("colour", ["black", "blue"])
def test_a_screen_of_one_colour_shows_nothing_to_compare(colour: str, make: RunFfmpeg, media: Ffmpeg) -> None:
    flat = make("flat.mp4", "-f", "lavfi", "-i", f"color={colour}:s=180x320:d=2", "-crf", "40", *H264)

    assert of(media, flat).told == 0
