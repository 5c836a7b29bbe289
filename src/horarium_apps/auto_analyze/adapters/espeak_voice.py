"""A voice for sample videos: eSpeak NG, as the package `espeakng-loader` brings it, in a process of its own.

eSpeak NG is GPL, so our process never loads it. `speak` starts this file as a program, which imports nothing but the
standard library, loads the library and writes a WAV file.

Source: eSpeak NG's speak_lib.h (its functions and constants).
"""

from __future__ import annotations

import ctypes
import io
import logging
import subprocess
import sys
import wave
from importlib.util import find_spec
from pathlib import Path

_LOGGER = logging.getLogger(__name__)
_SECONDS = 30.0
_VOICE = "en-us"
_LIBRARIES = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")

_RETRIEVAL = 1
_DONT_EXIT = 0x8000
_RATE = 1
_VOLUME = 2
_UTF8 = 1


def speak(text: str, *, words_per_minute: int = 150, volume: int = 100) -> bytes | None:
    """Return a WAV file (mono, 16 bit) with a text spoken in English; the same bytes for the same text.

    Parameters:
        text: what to say.
        words_per_minute: how fast, from 80 to 450.
        volume: from 0 to 200; 100 is normal.

    Returns:
        None when there is no voice: `espeakng-loader` is not installed, or its library does not work on this machine
        (then a warning is logged).
    """
    found = find_spec("espeakng_loader")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations)))
    library = next((folder / name for name in _LIBRARIES if (folder / name).exists()), None)
    if library is None:
        _LOGGER.warning("The package espeakng-loader holds no library for this system; samples have no voice.")
        return None
    command = [sys.executable, "-I", "-S", __file__, str(library), str(folder), str(words_per_minute), str(volume)]
    try:
        finished = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, input=text.encode(), capture_output=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        _LOGGER.warning("eSpeak NG cannot speak, so samples have no voice: %s", error)
        return None
    return finished.stdout


def _main(arguments: list[str]) -> int:
    library, folder, words_per_minute, volume = arguments
    espeak = ctypes.CDLL(library)
    rate = espeak.espeak_Initialize(_RETRIEVAL, 0, folder.encode(), _DONT_EXIT)
    if rate <= 0 or espeak.espeak_SetVoiceByName(_VOICE.encode()) != 0:
        sys.stderr.write(f"eSpeak NG does not start with the data in {folder}\n")
        return 1
    samples = bytearray()

    def take(block: int | None, count: int, _events: int | None) -> int:
        if block and count > 0:
            samples.extend(ctypes.string_at(block, 2 * count))
        return 0

    # Named, so that it is kept until the last call.
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    espeak.espeak_SetSynthCallback(callback)
    espeak.espeak_SetParameter(_RATE, int(words_per_minute), 0)
    espeak.espeak_SetParameter(_VOLUME, int(volume), 0)
    text = sys.stdin.buffer.read() + b"\0"
    if espeak.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, _UTF8, None, None) != 0:
        sys.stderr.write("eSpeak NG does not take the text\n")
        return 1
    espeak.espeak_Synchronize()
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(samples))
    sys.stdout.buffer.write(written.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
