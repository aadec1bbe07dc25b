"""How fast a `TLM` works through a list, against requests x latency / cap.

python -m tests.benchmarks.tlm [--pairs 10000]

The pace of garbage collection is the process's, and so not the library's to set: the commands set
theirs, and a program that works through long lists can do as they do.
"""

import argparse
import time
from typing import Any

from nemoguardrails_trust import TLM
from nemoguardrails_trust.commands.garbage import seldom_collected
from nemoguardrails_trust.scorers.base import QualityPreset
from tests.benchmarks.canned_server import canned_server

SECONDS = 0.1
CAP = 256
AT_MOST = 1.3
CALLS: dict[QualityPreset, int] = {"low": 1, "medium": 2}


def main() -> int:
    """Prints the figures; 1 where the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    pairs = parser.parse_args().pairs
    missed = False
    with canned_server(SECONDS) as url:
        for quality in CALLS:
            _times_the_floor(url, quality, pairs, "at Python's pace of garbage collection")
            with seldom_collected():
                times = _times_the_floor(
                    url, quality, pairs, f"at the commands' (at most {AT_MOST})"
                )
            missed = missed or times > AT_MOST
    return 1 if missed else 0


def _times_the_floor(url: str, quality: QualityPreset, pairs: int, how: str) -> float:
    prompts = [f"What does passage {i} tell?" for i in range(pairs)]
    responses = [f"It tells {i}." for i in range(pairs)]
    server: dict[str, Any] = {"base_url": url, "api_key": "none"}
    with TLM(quality, model="m", concurrency=CAP, verbose=False, **server) as tlm:
        tlm.get_trustworthiness_score(prompts[:CAP], responses[:CAP])
        started, busy = time.perf_counter(), time.process_time()
        results = tlm.get_trustworthiness_score(prompts, responses)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
    assert all(result["trustworthiness_score"] is not None for result in results)
    floor = pairs * CALLS[quality] * SECONDS / CAP
    print(
        f"{quality}: {pairs:,} pairs in {seconds:.2f} s, floor {floor:.2f} s: "
        f"{seconds / floor:.2f} times the floor {how}; "
        f"processor time {busy / pairs * 1e3:.2f} ms a pair"
    )
    return seconds / floor


if __name__ == "__main__":
    raise SystemExit(main())
