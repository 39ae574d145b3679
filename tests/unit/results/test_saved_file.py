"""Files of saved results: their content is read, and no file ends in a traceback or hangs a reader."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
import reportfiles

from pytest_unikernel.commands import main
from pytest_unikernel.results import saved_file


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()  # as a shell makes one of <(...)

    def write() -> None:
        with os.fdopen(writing, "w") as stream:
            stream.write(json.dumps({"data": [0.1] * 100_000}))

    writer = threading.Thread(target=write)
    writer.start()
    assert saved_file.document(Path(f"/proc/self/fd/{reading}")) == {"data": []}
    writer.join()
    os.close(reading)


def test_what_would_never_end_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file, message in ((str(pipe), "Expecting value"), ("/dev/zero", "it is a device")):
        assert main.main(["compare", file, file]) == 2
        assert message in capsys.readouterr().err
        assert main.main(["report", file, "-o", str(tmp_path / "report")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_a_report_passes_by_numbers_that_nobody_measured(tmp_path: Path) -> None:
    benches = reportfiles.sweep("some")
    benches[0]["extra_info"]["load"]["throughput_hz"] = 1e308
    benches[1]["extra_info"]["load"]["achieved_rate_hz"] = 10**400
    benches[2]["extra_info"]["load"]["phases_s"]["boot"]["censored"] = 1e308
    benches[2]["extra_info"]["load"]["knee"] = {"loads": 7}
    file = reportfiles.write(tmp_path / "out.json", benches)
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0


def test_a_label_that_is_cut_within_a_character_is_drawn(tmp_path: Path) -> None:
    benches = reportfiles.sweep("\N{ROCKET}" * 40) + reportfiles.sweep("\ud800".join("ab"), "test_half")
    file = reportfiles.write(tmp_path / "out.json", benches)
    assert main.main(["report", str(file), "-o", str(tmp_path / "report")]) == 0
    assert "\N{ROCKET}" in (tmp_path / "report" / "report.html").read_text()
