"""An analysis in words, for people."""

from __future__ import annotations

from horarium_apps.auto_analyze.domain.media import Analysis, AudioStream, Loudness, VideoStream

_CUTS_SHOWN = 10
_HOUR = 3600
_MINUTE = 60
_THOUSAND = 1000


def describe(analysis: Analysis) -> dict[str, str]:
    """Return the analysis as labelled rows, in the order to print them."""
    rows = {
        "Length": clock(analysis.duration),
        "File": f"{_bytes(analysis.size)}, {analysis.container}",
        "Bit rate": _bits(analysis.bit_rate) if analysis.bit_rate else "not known",
        "Picture": "; ".join(_picture(each) for each in analysis.video if not each.still) or "none",
        "Frames": f"{analysis.frames:,}",
        "Sound": "; ".join(_sound(each) for each in analysis.audio) or "none",
        "Loudness": _loudness(analysis.loudness) if analysis.loudness else _no_loudness(analysis),
        "Cuts": _cuts(analysis),
        "Contact sheet": _sheet(analysis),
    }
    if analysis.other:
        rows["Other streams"] = ", ".join(f"{each.kind} ({each.codec})" for each in analysis.other)
    if analysis.notes:
        rows["Notes"] = " ".join(analysis.notes)
    rows["Analysed with"] = analysis.tool
    return rows


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, such as 0:05.2, with hours where there are any: 1:02:03.4."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    if hours:
        return f"{hours}:{minutes:02}:{left:02}.{tenth}"
    return f"{minutes}:{left:02}.{tenth}"


def _picture(stream: VideoStream) -> str:
    size = stream.shown_size
    parts = [f"{size[0]}x{size[1]} {_shape(size)}" if size else "size not known", stream.codec]
    if stream.frame_rate:
        parts.append(f"{stream.frame_rate:g} frames a second")
    if stream.rotation:
        parts.append(f"turned clockwise by {stream.rotation} degrees")
    return ", ".join(parts)


def _shape(size: tuple[int, int]) -> str:
    width, height = size
    if width == height:
        return "square"
    return "vertical" if height > width else "horizontal"


def _sound(stream: AudioStream) -> str:
    parts = [stream.codec]
    if stream.channel_layout:
        parts.append(stream.channel_layout)
    if stream.sample_rate:
        parts.append(f"{stream.sample_rate / _THOUSAND:g} kHz")
    return ", ".join(parts)


def _loudness(loudness: Loudness) -> str:
    parts = [f"{loudness.integrated:g} LUFS"]
    if loudness.range is not None:
        parts.append(f"range {loudness.range:g} LU")
    if loudness.true_peak is not None:
        parts.append(f"true peak {loudness.true_peak:g} dBFS")
    return ", ".join(parts)


def _no_loudness(analysis: Analysis) -> str:
    if not analysis.audio:
        return "no sound"
    return "silence, or too short to measure" if analysis.sound_was_heard else "not known"


def _cuts(analysis: Analysis) -> str:
    count = len(analysis.cuts)
    if count == 0:
        return "none"
    times = ", ".join(clock(cut.at) for cut in analysis.cuts[:_CUTS_SHOWN])
    more = f" and {count - _CUTS_SHOWN:,} more" if count > _CUTS_SHOWN else ""
    return f"{count:,}: at {times}{more}"


def _sheet(analysis: Analysis) -> str:
    sheet = analysis.contact_sheet
    if sheet is None:
        return "none"
    frames = "1 frame" if len(sheet.times) == 1 else f"{len(sheet.times)} frames"
    return f"{sheet.file}, {frames}, {sheet.columns} by {sheet.rows}"


def _bytes(size: int) -> str:
    return _with_unit(size, ("bytes", "kB", "MB", "GB", "TB"))


def _bits(rate: int) -> str:
    return _with_unit(rate, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"))


def _with_unit(amount: float, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if round(amount, 1) < _THOUSAND:
            return f"{amount:.1f} {unit}" if unit != units[0] else f"{amount:.0f} {unit}"
        amount /= _THOUSAND
    return f"{amount:.1f} {units[-1]}"
