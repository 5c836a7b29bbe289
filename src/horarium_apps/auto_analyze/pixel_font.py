"""Text as pixels, for machines without a font: capitals and digits, five by seven."""

from __future__ import annotations

from collections.abc import Sequence

_COLUMNS = 5
_ROWS = 7
_WHITE = 0xFF
_BLACK = 0x00

# Seven rows for each character, the highest first; in a row the leftmost pixel is the highest of five bits.
_GLYPHS = {
    "A": "0E11111F111111",
    "B": "1E11111E11111E",
    "C": "0E11101010110E",
    "D": "1E11111111111E",
    "E": "1F10101E10101F",
    "F": "1F10101E101010",
    "G": "0E11101711110F",
    "H": "1111111F111111",
    "I": "0E04040404040E",
    "J": "0702020202120C",
    "K": "11121418141211",
    "L": "1010101010101F",
    "M": "111B1515111111",
    "N": "11111915131111",
    "O": "0E11111111110E",
    "P": "1E11111E101010",
    "Q": "0E11111115120D",
    "R": "1E11111E141211",
    "S": "0F10100E01011E",
    "T": "1F040404040404",
    "U": "1111111111110E",
    "V": "11111111110A04",
    "W": "11111115151B11",
    "X": "11110A040A1111",
    "Y": "11110A04040404",
    "Z": "1F01020408101F",
    "0": "0E11131519110E",
    "1": "040C040404040E",
    "2": "0E11010204081F",
    "3": "1F02040201110E",
    "4": "02060A121F0202",
    "5": "1F101E0101110E",
    "6": "0608101E11110E",
    "7": "1F010204080808",
    "8": "0E11110E11110E",
    "9": "0E11110F01020C",
    " ": "00000000000000",
}


def draw_lines(lines: Sequence[str], *, width: int, height: int, scale: int) -> bytes:
    """Draw lines of text, white on black, each in the middle of its share of the height.

    Parameters:
        width, height: pixels of the picture.
        scale: pixels of the picture for one pixel of the font.

    Returns:
        One byte a pixel, row by row.

    Raises:
        ValueError: a character has no glyph, or a line does not fit.
    """
    picture = bytearray([_BLACK]) * (width * height)
    for number, line in enumerate(lines):
        left = (width - (len(line) * (_COLUMNS + 1) - 1) * scale) // 2
        top = (2 * number + 1) * height // (2 * len(lines)) - _ROWS * scale // 2
        if left < 0 or top < 0:
            raise ValueError(f"the line {line!r} does not fit into {width} by {height} pixels at scale {scale}")
        for row, pixels in enumerate(_line_rows(line, scale)):
            start = (top + row) * width + left
            picture[start : start + len(pixels)] = pixels
    return bytes(picture)


def _line_rows(line: str, scale: int) -> list[bytes]:
    unknown = sorted(set(line) - _GLYPHS.keys())
    if unknown:
        raise ValueError(f"the line {line!r} holds characters without a glyph: {''.join(unknown)!r}")
    glyphs = [bytes.fromhex(_GLYPHS[character]) for character in line]
    rows: list[bytes] = []
    for row in range(_ROWS):
        bits = "0".join(f"{glyph[row]:0{_COLUMNS}b}" for glyph in glyphs)
        pixels = b"".join(bytes([_WHITE if bit == "1" else _BLACK]) * scale for bit in bits)
        rows.extend([pixels] * scale)
    return rows
