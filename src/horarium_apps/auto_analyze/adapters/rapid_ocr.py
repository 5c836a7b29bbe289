"""Text read from frames by RapidOCR (PaddleOCR's models on onnxruntime), on the CPU and without a network.

The models are those inside the package `rapidocr`: detection and recognition of PP-OCRv6 "small", one recognition for
Latin letters with accents and for Chinese. Nothing is downloaded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from horarium_apps.auto_analyze.adapters import optional
from horarium_apps.auto_analyze.adapters.frames import Frame
from horarium_apps.auto_analyze.domain.errors import AnalysisError, first_line
from horarium_apps.auto_analyze.domain.screen_text import SeenLine, SeenText

Seconds = Callable[[float], None]
"""Told the seconds of the video up to which has been read."""

# Longer side to which a frame is shrunk to find where text is; what is found is read in the frame's own size. At 512
# letters 10 pixels high in a frame of 960 are still found, in a third of the time that 960 takes.
_FIND_SIDE = 512
_LEAST_CONFIDENCE = 0.5
_MOST_LINES = 50
# Two frames are alike when no tile of so many pixels changes by so many of 255 levels in its mean: a letter does.
_TILE = 8
_TILE_CHANGE = 10.0


class RapidOcr:
    """Reads text in frames.

    Parameters:
        threads: that onnxruntime may use.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._engine: Any = None
        self._numpy: Any = None
        self.skipped = 0
        """Frames of the last `read` that looked like the one before and were not read again."""

    def read(self, frames: Iterable[Frame], progress: Seconds | None = None) -> tuple[SeenText, ...]:
        """Return what each frame shows. A frame that looks like the last one read shows what that one showed.

        Parameters:
            frames: coloured, in order of time; taken one by one.
            progress: told the time in seconds of each frame when it has been read; may raise to end the reading.

        Raises:
            StageSkippedError: RapidOCR or onnxruntime cannot be imported.
            AnalysisError: the models cannot be loaded, or fail.
        """
        engine = self._loaded()
        seen: list[SeenText] = []
        last: Any = None
        self.skipped = 0
        for frame in frames:
            pixels = self._numpy.frombuffer(frame.pixels, dtype=self._numpy.uint8)
            picture = pixels.reshape(frame.height, frame.width, 3)
            tiles = _tiles(picture)
            if last is not None and last.shape == tiles.shape and float(abs(tiles - last).max()) < _TILE_CHANGE:
                self.skipped += 1
                seen.append(SeenText(frame.at, seen[-1].lines))
            else:
                last = tiles
                seen.append(SeenText(frame.at, _lines(engine, picture)))
            if progress is not None:
                progress(frame.at)
        return tuple(seen)

    def _loaded(self) -> Any:
        if self._engine is not None:
            return self._engine
        # The package puts a handler of its own on this logger while it is imported, and only if it has none.
        logger = logging.getLogger("RapidOCR")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        self._numpy, _, rapidocr = (
            optional.load(module, without="Text on screen is not read")
            for module in ("numpy", "onnxruntime", "rapidocr")
        )
        try:
            self._engine = rapidocr.RapidOCR(params=self._parameters())
            # The first call loads the model: a broken installation shows here, and not in the middle of a video.
            self._engine(self._numpy.zeros((64, 64, 3), dtype=self._numpy.uint8))
        except Exception as error:
            self._engine = None
            raise AnalysisError(
                f"The models that read text on screen cannot be loaded ({first_line(error)}); "
                "`pip install --force-reinstall rapidocr` restores them.",
                permanent=False,
            ) from error
        return self._engine

    def _parameters(self) -> dict[str, Any]:
        return {
            "Global.log_level": "critical",
            "Global.text_score": _LEAST_CONFIDENCE,
            # Turning lines that stand on their head: video frames are upright, and it costs a tenth of the time.
            "Global.use_cls": False,
            "Det.limit_side_len": _FIND_SIDE,
            "Det.limit_type": "max",
            "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }


def _lines(engine: Any, picture: Any) -> tuple[SeenLine, ...]:
    try:
        # The models were trained on blue, green, red.
        found = engine(picture[:, :, ::-1])
    except Exception as error:
        raise AnalysisError(
            f"Text on screen cannot be read: the model failed ({first_line(error)}).", permanent=False
        ) from error
    if found.txts is None:
        return ()
    lines = (SeenLine(str(text), float(score)) for text, score in zip(found.txts, found.scores, strict=True))
    return tuple(line for line in lines if line.text.strip())[:_MOST_LINES]


def _tiles(picture: Any) -> Any:
    """Return the mean grey level of every tile of `_TILE` pixels."""
    height, width = picture.shape[0] // _TILE * _TILE, picture.shape[1] // _TILE * _TILE
    grey = picture[:height, :width, 1].astype("float32")
    return grey.reshape(height // _TILE, _TILE, width // _TILE, _TILE).mean(axis=(1, 3))
