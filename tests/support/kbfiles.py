"""Files in the formats of the kernel-benchmark scripts, for tests of the import."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent.parent / "data" / "kernel-benchmark"
BEGIN_NS = 1_598_000_000_000_000_000
PROGRAMS = {"linux": "QEMU", "rust": "QEMU", "docker": "Docker", "process": "Process"}
OWN_LINES = {"linux": "VM successfully running", "process": "Hello World!"}


def launch(
    kind: str, start_ms: float = 0, latency_ms: float = 100, *, code: int | None = None, ends: bool = True
) -> str:
    """Return the file of one launch; ``code`` None is success."""
    start_ns, program = BEGIN_NS + int(start_ms * 1e6), PROGRAMS[kind]
    up_ns = start_ns + int(latency_ms * 1e6)
    lines = [f"{start_ns} {program} initiated"]
    if kind in OWN_LINES:
        lines.append(f"{up_ns} {OWN_LINES[kind]}")
    elif kind == "rust":
        lines.append("Hello 42!")
    end_ns = up_ns + 5_000_000 if kind in OWN_LINES else up_ns  # the target's own line precedes the end
    if kind == "rust" and code is None:
        code = 33
    how = f"with error code {code}" if code else "successfully"
    return "".join(f"{line}\n" for line in [*lines, *([f"{end_ns} {program} exited {how}"] if ends else [])])


def write(directory: Path, *texts: str, name: str = "launch-{}.output") -> Path:
    """Create a directory, write files of launches into it, and return it."""
    directory.mkdir(exist_ok=True, parents=True)
    for number, text in enumerate(texts):
        (directory / name.format(number)).write_text(text)
    return directory


def result(*windows: tuple[float, int], between: tuple[str, ...] = ()) -> str:
    """Return the result file of trials, given the seconds and exits of each."""
    lines, at_ns = [], BEGIN_NS
    for number, (window_s, exits) in enumerate(windows):
        trial = BEGIN_NS + number
        lines.append(f"BEGIN BENCHMARK: ID {trial} at {at_ns}")
        lines += [str(at_ns + each) for each in range(exits)]
        at_ns += int(window_s * 1e9)
        lines += [f"END BENCHMARK: ID {trial} at {at_ns}", *between]
    return "".join(f"{line}\n" for line in lines)
