"""How fast a `TLM` works through a list, against requests x latency / cap.

python -m tests.benchmarks.tlm [--pairs 10000]
"""

import argparse
import time
from typing import Any

from nemoguardrails_trust import TLM
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
    prompts = [f"What does passage {i} tell?" for i in range(pairs)]
    responses = [f"It tells {i}." for i in range(pairs)]
    missed = False
    with canned_server(SECONDS) as url:
        for quality, calls in CALLS.items():
            server: dict[str, Any] = {"base_url": url, "api_key": "none"}
            with TLM(quality, model="m", concurrency=CAP, verbose=False, **server) as tlm:
                tlm.get_trustworthiness_score(prompts[:CAP], responses[:CAP])
                started, busy = time.perf_counter(), time.process_time()
                results = tlm.get_trustworthiness_score(prompts, responses)
                seconds, busy = time.perf_counter() - started, time.process_time() - busy
            assert all(result["trustworthiness_score"] is not None for result in results)
            floor = pairs * calls * SECONDS / CAP
            print(
                f"{quality}: {pairs:,} pairs in {seconds:.2f} s, floor {floor:.2f} s: "
                f"{seconds / floor:.2f} times the floor (to reach: {AT_MOST}); "
                f"processor time {busy / pairs * 1e3:.2f} ms a pair"
            )
            missed = missed or seconds / floor > AT_MOST
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
