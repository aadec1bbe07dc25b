"""Runs the benchmarks that are named, or all, and exits with 1 when a bound is missed.

python -m tests.benchmarks [NAME…]
"""

import argparse
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

# What benchmarks share is none itself.
_SHARED = {"__main__", "canned_server", "table"}
NAMES = sorted(
    {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])} - _SHARED
)


def main() -> int:
    """Runs them in turn, each in a process of its own, so that none finds another's imports."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Runs the benchmarks that are named, or all; exits with 1 when a bound is "
        "missed.",
        epilog=f"Benchmarks: {', '.join(NAMES)}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark")
    chosen = parser.parse_args().names or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    missed = []
    for name in chosen:
        print(f"== {name}", flush=True)
        started = time.perf_counter()
        if subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"]).returncode:
            missed.append(name)
        print(f"({time.perf_counter() - started:.0f} s)\n", flush=True)
    print(f"Bounds missed, or failed: {', '.join(missed)}" if missed else "Every bound is kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
