"""Running a program that may be slow, loud, deaf or missing. Python stands in for ffmpeg where that is simpler."""

import sys
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg, Limits
from horarium_apps.auto_analyze.adapters.ffmpeg_process import find_ffmpeg, run_ffmpeg
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError

FOREVER = 3600.0


def program(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def test_output_log_and_code_are_returned() -> None:
    finished = run_ffmpeg(
        program("import sys; print('out'); print('one\\ntwo', file=sys.stderr); sys.exit(3)"), timeout=FOREVER
    )

    assert (finished.code, finished.output, finished.log) == (3, b"out\n", ("one", "two"))


def test_a_log_larger_than_any_pipe_is_drained_and_only_its_ends_are_kept() -> None:
    seen = []
    finished = run_ffmpeg(
        program("import sys\nfor n in range(100_000): print('line', n, file=sys.stderr)\nprint('end')"),
        timeout=FOREVER,
        on_log=seen.append,
    )

    assert finished.output == b"end\n"
    assert len(seen) == 100_000
    assert len(finished.log) < 1000
    assert (finished.log[0], finished.log[-1]) == ("line 0", "line 99999")


def test_log_bytes_that_are_no_utf8_are_kept_as_marks() -> None:
    finished = run_ffmpeg(program("import sys; sys.stderr.buffer.write(b'a\\xffb\\n')"), timeout=FOREVER)

    assert finished.log == ("a\N{REPLACEMENT CHARACTER}b",)


def test_a_program_whose_time_is_up_is_killed() -> None:
    finished = run_ffmpeg(program("import time; time.sleep(3600)"), timeout=0.2)

    assert finished.expired
    assert finished.code < 0


def test_a_program_that_does_not_read_what_it_is_fed_ends_all_the_same() -> None:
    finished = run_ffmpeg(program("print('done')"), timeout=FOREVER, feed=bytes(10_000_000))

    assert finished.output == b"done\n"


def test_a_program_reads_what_it_is_fed() -> None:
    finished = run_ffmpeg(
        program("import sys; print(len(sys.stdin.buffer.read()))"), timeout=FOREVER, feed=bytes(1_000_000)
    )

    assert finished.output == b"1000000\n"


def test_an_exception_of_the_callback_kills_the_program_and_comes_through() -> None:
    def cancel(line: str) -> None:
        raise InterruptedError(line)

    with pytest.raises(InterruptedError, match="started"):
        run_ffmpeg(
            program("import time; print('started', flush=True); time.sleep(3600)"), timeout=FOREVER, on_output=cancel
        )


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(FfmpegMissingError, match="/nowhere/ffmpeg cannot be started"):
        run_ffmpeg(["/nowhere/ffmpeg"], timeout=FOREVER)


def test_the_packaged_ffmpeg_is_found() -> None:
    assert Path(find_ffmpeg()).is_file()


def test_a_named_ffmpeg_that_is_missing_is_an_error_that_may_pass() -> None:
    with pytest.raises(FfmpegMissingError, match="/nowhere/ffmpeg") as caught:
        find_ffmpeg("/nowhere/ffmpeg")

    assert not caught.value.permanent


def test_a_program_that_is_not_ffmpeg_is_refused() -> None:
    with pytest.raises(FfmpegMissingError, match="is not ffmpeg"):
        Ffmpeg(sys.executable).version()


def test_an_ffmpeg_that_lacks_an_option_is_called_too_old(tmp_path: Path, talking: Path) -> None:
    old = tmp_path / "ffmpeg"
    old.write_text(
        "#!/bin/sh\n"
        "if [ \"$1\" = -version ]; then echo 'ffmpeg version 4.2.2 Copyright'; exit; fi\n"
        "echo \"[fatal] Unrecognized option 'fps_mode'.\" >&2; exit 1\n"
    )
    old.chmod(0o755)

    with pytest.raises(FfmpegMissingError, match=r"ffmpeg 4\.2\.2 .* 5\.1"):
        Ffmpeg(str(old)).probe(talking)


def test_an_ffmpeg_that_takes_too_long_is_an_error_that_may_pass(tmp_path: Path, talking: Path) -> None:
    stuck = tmp_path / "ffmpeg"
    stuck.write_text("#!/bin/sh\nexec sleep 3600\n")
    stuck.chmod(0o755)

    with pytest.raises(AnalysisError, match=r"took longer than 0\.2 seconds") as caught:
        Ffmpeg(str(stuck), limits=Limits(probe=0.2)).probe(talking)

    assert not caught.value.permanent


@pytest.mark.parametrize(("name", "words", "permanent"), [("SEGV", "crashed", True), ("KILL", "stopped", False)])
def test_an_ffmpeg_that_a_signal_ends_is_an_error(
    tmp_path: Path, talking: Path, name: str, words: str, permanent: bool
) -> None:
    dying = tmp_path / "ffmpeg"
    dying.write_text(f"#!/bin/sh\nkill -{name} $$\n")
    dying.chmod(0o755)

    with pytest.raises(AnalysisError, match=words) as caught:
        Ffmpeg(str(dying)).probe(talking)

    assert caught.value.permanent is permanent
