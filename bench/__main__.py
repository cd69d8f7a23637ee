"""`make bench`: every goal of speed, measured side by side. Takes about ten minutes; `--quick` about four."""

import argparse

from bench.contest import Contest
from bench.ground import ground
from bench.load import require_wrk
from bench.report import Report
from bench.sections import SECTIONS, Bench


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each run of wrk")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 2 seconds")
    options = parser.parse_args()
    rounds, seconds = (3, 2) if options.quick else (options.rounds, options.seconds)
    require_wrk()
    report = Report()
    with ground() as made:
        bench = Bench(made, Contest(made, rounds=rounds, seconds=seconds), report)
        print("Making the databases", flush=True)
        bench.prepare()
        for name in options.only or SECTIONS:
            print(f"\n{name}", flush=True)
            SECTIONS[name](bench)
    if not options.only:
        report.write(f"{rounds} rounds of {seconds} s, 32 connections, one worker, fsync on.")


if __name__ == "__main__":
    main()
