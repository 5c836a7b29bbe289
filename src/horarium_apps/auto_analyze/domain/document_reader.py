"""From a JSON document back to the analysis. Apart from `domain.document`: an analysis writes, and reads none."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from horarium_apps.auto_analyze.domain.media import SCHEMA, Analysis


def from_document(document: dict[str, Any]) -> Analysis:
    """Return the analysis that a document describes.

    Raises:
        ValueError: the document is of another schema, or does not hold what its schema says.
    """
    schema = document.get("schema")
    if schema != SCHEMA:
        raise ValueError(f"this is a document of schema {schema!r}; {SCHEMA!r} is the one that is read here")
    try:
        return _reader().validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"the document's {place} is wrong: {first['msg']}") from error


@cache
def _reader() -> TypeAdapter[Analysis]:
    return TypeAdapter(Analysis)
