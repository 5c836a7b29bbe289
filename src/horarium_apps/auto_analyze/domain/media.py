"""Values: a video file, what it holds, and what its analysis found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SCHEMA = "horarium.auto_analyze/1"
"""Name and version of the document that `domain.document` writes; the number grows when a reader must change."""

SOUND_NOT_DECODED = "The sound cannot be decoded."
"""The note of a video whose sound track could not be listened to."""


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """A video file as it was when it was imported.

    Parameters:
        path: absolute.
        content_hash: SHA-256 of the whole content, in hexadecimal.
        size: bytes.
        mtime_ns: time of the last modification in nanoseconds since 1970 UTC, as the file system gives it.
    """

    path: Path
    content_hash: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file or folder that an import had to leave out, and why (one sentence)."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A moving picture inside a container.

    Parameters:
        index: position of the stream in the file.
        width, height: pixels as stored, before rotation.
        rotation: clockwise degrees to turn the stored picture by to see it upright: 0, 90, 180 or 270.
        frame_rate: average frames a second; None when the container does not say.
        bit_rate: bits a second; None when the container does not say.
        still: True for a cover picture, which is no moving picture at all.
    """

    index: int
    codec: str
    profile: str | None
    pixel_format: str | None
    width: int | None
    height: int | None
    rotation: int
    frame_rate: float | None
    bit_rate: int | None
    still: bool = False

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """Width and height in pixels as people see it, after rotation; None when not known."""
        if not self.width or not self.height:
            return None
        return (self.height, self.width) if self.rotation in {90, 270} else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """A sound track.

    Parameters:
        sample_rate: samples a second (Hz).
        channels: how many; None when the layout is not one that is known.
        channel_layout: as ffmpeg names it, such as "stereo" or "5.1(side)".
        bit_rate: bits a second.
    """

    index: int
    codec: str
    profile: str | None
    sample_rate: int | None
    channels: int | None
    channel_layout: str | None
    bit_rate: int | None


@dataclass(frozen=True, slots=True)
class OtherStream:
    """A stream that is neither picture nor sound: subtitles, data, attachments."""

    index: int
    kind: str
    codec: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What the headers of a file say, before anything is decoded.

    Parameters:
        container: ffmpeg's names of the format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        duration: seconds; None when the headers do not say.
        bit_rate: bits a second over all streams; None when the headers do not say.
    """

    container: str
    duration: float | None
    bit_rate: int | None
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    other: tuple[OtherStream, ...] = ()

    @property
    def picture(self) -> VideoStream | None:
        """The stream that is analysed: the first moving picture."""
        return next((stream for stream in self.video if not stream.still), None)


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness after EBU R 128.

    Parameters:
        integrated: LUFS over the whole sound.
        range: LU; None when the sound is too short to have one (under three seconds).
        true_peak: dBFS; None when it could not be measured.
    """

    integrated: float
    range: float | None
    true_peak: float | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A change of scene.

    Parameters:
        at: seconds from the start of the video to the first frame of the new scene.
        score: how sure, from 0 to 100; only cuts at or over the analyser's threshold are kept.
    """

    at: float
    score: float


@dataclass(frozen=True, slots=True)
class HeardSound:
    """What decoding a whole sound track found.

    Parameters:
        loudness: None when it is only silence, or could not be decoded.
        seconds: how far it could be decoded.
        complaints: how many errors the decoder reported.
        notes: sentences about what could not be measured.
    """

    loudness: Loudness | None
    seconds: float
    complaints: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """What decoding a whole picture stream found.

    Parameters:
        cuts: in order of time.
        frames: pictures decoded.
        seconds: how far it could be decoded.
        complaints: how many errors the decoder reported.
        notes: sentences about what could not be measured.
    """

    cuts: tuple[Cut, ...]
    frames: int
    seconds: float
    complaints: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """One picture that shows frames of the video in a grid, in reading order.

    Parameters:
        file: name of the JPEG file, without its folder.
        width, height: pixels of the whole picture.
        times: for each frame, seconds from the start of the video.
        folder: absolute, of the file; None when the document is of a time that did not write it down.
    """

    file: str
    width: int
    height: int
    columns: int
    rows: int
    times: tuple[float, ...]
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is known of one video. `domain.document` turns it into JSON and back.

    Parameters:
        content_hash, size: of the file that was analysed (SHA-256; bytes).
        container: ffmpeg's names of the format.
        duration: seconds, by the container; as far as it could be decoded when the container does not say.
        bit_rate: bits a second over all streams.
        picture: index of the video stream that was analysed.
        frames: pictures decoded.
        loudness: None without a sound track, when it is only silence, or when it could not be decoded.
        contact_sheet: None when none was asked for, or it could not be drawn or written.
        notes: sentences about what is odd in the file, for people.
        tool: name and version of the ffmpeg that did it.
    """

    content_hash: str
    size: int
    container: str
    duration: float
    bit_rate: int | None
    video: tuple[VideoStream, ...]
    audio: tuple[AudioStream, ...]
    other: tuple[OtherStream, ...]
    picture: int
    frames: int
    loudness: Loudness | None
    cuts: tuple[Cut, ...]
    contact_sheet: ContactSheet | None
    notes: tuple[str, ...]
    tool: str
    schema: str = SCHEMA

    @property
    def sound_was_heard(self) -> bool:
        """Whether all that there is of sound was listened to: without loudness it is silent then."""
        return SOUND_NOT_DECODED not in self.notes
