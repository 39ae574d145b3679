"""Places in the repository that tests read."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SUPPORT = REPOSITORY / "tests" / "support"
BENCHMARKS = REPOSITORY / "benchmarks"
CI = REPOSITORY / ".ci"

README = REPOSITORY / "README.md"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
DOCS = REPOSITORY / "docs"
TUTORIAL = DOCS / "tutorial.md"
TWO_TARGETS = DOCS / "how-to" / "two-targets.md"
ARCHITECTURE = DOCS / "architecture.md"
RAW_DATA = DOCS / "how-to" / "raw-data.md"
REPORTS = DOCS / "how-to" / "reports.md"
OLD_RESULTS = DOCS / "how-to" / "old-results.md"
REFERENCE = DOCS / "reference"
FROM_KERNEL_BENCHMARK = DOCS / "coming-from" / "kernel-benchmark.md"
FROM_URUNC = DOCS / "coming-from" / "urunc.md"
RECORDS = REPOSITORY / "tests" / "data" / "records"
