"""An analysis as one JSON document; `domain.document_reader` leads back.

The document (`schema` names its version, `horarium.auto_analyze/1`):

    schema          "horarium.auto_analyze/1"
    content_hash    SHA-256 of the file, hexadecimal
    size            bytes
    container       ffmpeg's names of the format, joined by commas
    duration        seconds
    bit_rate        bits a second over all streams, or null
    video           list of {index, codec, profile, pixel_format, width, height, rotation, frame_rate, bit_rate, still}
                    width and height before rotation; rotation in clockwise degrees to see it upright
    audio           list of {index, codec, profile, sample_rate, channels, channel_layout, bit_rate}
    other           list of {index, kind, codec}
    picture         index of the video stream that was analysed
    frames          pictures decoded
    loudness        null (no sound, silence, not decoded) or {integrated (LUFS), range (LU or null), true_peak (dBFS or
                    null)}
    cuts            list of {at (seconds), score (0 to 100)}
    contact_sheet   null or {file, width, height, columns, rows, times (seconds), folder (null in older documents)}
    notes           list of sentences
    tool            the ffmpeg that did it

Fields may be added within a version; a field that goes away or changes its meaning makes a new one.
The same file analysed twice by the same tool gives the same document.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from horarium_apps.auto_analyze.domain.media import Analysis


def to_document(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as plain lists, strings, numbers and dictionaries, ready for `json.dumps`."""
    document = asdict(analysis)
    schema = document.pop("schema")
    return {"schema": schema, **_without_tuples(document)}


def _without_tuples(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_tuples(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_tuples(each) for each in value]
        case _:
            return value
