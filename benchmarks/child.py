"""One measurement in a process of its own: reads what to do from stdin, writes the sample to the file it is given."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from benchmarks.subjects import load
from benchmarks.subjects.base import Workload


def main() -> None:
    """Prepare or measure, as asked."""
    order = json.load(sys.stdin)
    subject = load(order["subject"])
    works = [Workload.from_json(work) for work in order["works"]]
    answer: dict[str, object] = {}
    for work in works:
        if order["action"] == "prepare":
            subject.prepare(work)
        else:
            answer = dataclasses.asdict(subject.measure(work))
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a peer left behind are not waited for; all that is measured is measured and written.
    os._exit(0)


if __name__ == "__main__":
    main()
