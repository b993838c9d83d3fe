#!/usr/bin/env python3
"""Countersign's trace against DuckDB's tuned plan: same input, one run, first the answers, then the times.

Every program is run in turn on the same NDJSON; CPU seconds are user and system of its process.
Before any time is printed, the rows of both are compared, every column of every row.

usage: trace_vs_duckdb.py [--n 500000] [--dir /tmp/bench] [--whole] [--flat] [--runs 3]
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

import duckdb
from duckdb_baseline import connect, generate

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
DEFINITION = os.path.join(HERE, "baseline.source.yaml")


class Cost:
    def __init__(self, wall, cpu, peak_kib):
        self.wall, self.cpu, self.peak_kib = wall, cpu, peak_kib

    def __str__(self):
        return f"wall {self.wall:6.2f} s   cpu {self.cpu:6.2f} s   peak {self.peak_kib / 1024:6.0f} MiB"


def measure(command, quiet=True):
    """Runs a program; what it cost. Its own words are shown only if it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{' '.join(command)} failed:\n{said}")
    if not quiet:
        print("   " + said.strip().replace("\n", "\n   "), flush=True)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss)


def least(costs):
    """The run that was disturbed least, by CPU."""
    return min(costs, key=lambda cost: cost.cpu)


COLUMNS = ("{event_id:'VARCHAR',time:'TIMESTAMP',operation:'VARCHAR',resource:'VARCHAR',svc:'VARCHAR',u:'VARCHAR',n:'VARCHAR',"
           "ty:'VARCHAR',org:'VARCHAR',sponsor:'VARCHAR',\"grant\":'VARCHAR',client:'VARCHAR',how:'VARCHAR'}")


def compare(ours, theirs, directory):
    """Both must hold the same rows, each once: every column, `how` included."""
    c = connect(directory)
    for name, path in (("ours", ours), ("theirs", theirs)):
        c.execute(f"CREATE VIEW {name} AS SELECT * FROM read_csv('{path}', header=true, columns={COLUMNS})")
    count = {name: c.execute(f"SELECT count(*), count(DISTINCT event_id) FROM {name}").fetchone() for name in ("ours", "theirs")}
    only = c.execute("SELECT (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))").fetchone()
    if only != (0, 0) or count["ours"] != count["theirs"] or count["ours"][0] != count["ours"][1] or not count["ours"][0]:
        print(c.execute("FROM (FROM ours EXCEPT ALL FROM theirs) ORDER BY event_id LIMIT 3").fetchall())
        print(c.execute("FROM (FROM theirs EXCEPT ALL FROM ours) ORDER BY event_id LIMIT 3").fetchall())
        sys.exit(f"the answers differ: rows and ids {count}, rows only ours and only DuckDB's {only}")
    how = c.execute("SELECT how, count(*) FROM ours GROUP BY how ORDER BY how").fetchall()
    print(f"the same {count['ours'][0]:,} rows: " + ", ".join(f"{name} {number:,}" for name, number in how), flush=True)


def compare_whole(rows, theirs, directory):
    """The product's own rows: per event the same account behind it, by the same kind of key."""
    c = connect(directory)
    c.execute(f"CREATE VIEW ours AS SELECT event event_id, CASE WHEN holder.rule IN ('token', 'session') THEN holder.account.value END u, "
              f"CASE WHEN holder.rule IN ('token', 'session') THEN holder.rule ELSE 'unattributed' END how "
              f"FROM read_ndjson('{rows}', columns={{event:'VARCHAR', holder:'STRUCT(account STRUCT(\"value\" VARCHAR), rule VARCHAR)'}})")
    c.execute(f"CREATE VIEW theirs AS SELECT event_id, u, how FROM read_csv('{theirs}', header=true, columns={COLUMNS})")
    only = c.execute("SELECT (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)), (SELECT count(*) FROM ours)").fetchone()
    if only[:2] != (0, 0) or not only[2]:
        sys.exit(f"the answers differ: rows only ours and only DuckDB's {only}")
    print(f"the same {only[2]:,} events, users and ways", flush=True)


def ratio(name, theirs, ours, target):
    print(f"{name}: {theirs.cpu / ours.cpu:.2f} x DuckDB by CPU, {theirs.wall / ours.wall:.2f} x by wall (to reach: {target})", flush=True)


def duck(events, out):
    return [sys.executable, os.path.join(HERE, "duckdb_baseline.py"), "run", events, out]


def alone(events, out):
    return [os.path.join(TARGET, "trace_alone"), events, "--source", DEFINITION, "--out", out]


def whole(events, run):
    return [os.path.join(TARGET, "countersign"), "trace", events, "--source", DEFINITION, "--run", run]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=500_000)
    parser.add_argument("--dir", default="/tmp/bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="also the whole command, judge and ledger included")
    parser.add_argument("--flat", action="store_true", help="also a tenth of the events: the cost of one must stay")
    parser.add_argument("--scan", action="store_true", help="also a bare scan of the same fields")
    args = parser.parse_args()
    events = generate(args.n, args.dir)
    theirs, ours, run = (os.path.join(args.dir, name) for name in ("duckdb.csv", "ours.csv", "run"))
    print(f"{args.n:,} events, {os.path.getsize(events):,} bytes; DuckDB {duckdb.__version__}, 2 threads; load {os.getloadavg()[0]:.1f}")
    costs = {"duckdb": [], "alone": [], "whole": [], "scan": [], "read": [], "tenth": []}
    for _ in range(args.runs):
        costs["duckdb"].append(measure(duck(events, theirs)))
        costs["alone"].append(measure(alone(events, ours), quiet=False))
        if args.whole:
            shutil.rmtree(run, ignore_errors=True)
            costs["whole"].append(measure(whole(events, run)))
        if args.scan:
            for name in ("scan", "read"):
                costs[name].append(measure([os.path.join(TARGET, "bare_scan"), events, "--source", DEFINITION, "--how", name]))
        if args.flat:
            costs["tenth"].append(measure(alone(generate(args.n // 10, args.dir), ours + ".tenth")))
    compare(ours, theirs, args.dir)
    if args.whole:
        compare_whole(os.path.join(run, "rows.ndjson"), theirs, args.dir)
    best = {name: least(list_) for name, list_ in costs.items() if list_}
    for name, cost in best.items():
        print(f"{name:8} {cost}")
    ratio("trace alone", best["duckdb"], best["alone"], "5")
    if args.whole:
        ratio("whole trace", best["duckdb"], best["whole"], "1")
    if args.scan:
        print(f"reading reaches {best['scan'].cpu / best['read'].cpu:.2f} of a bare sonic-rs scan by CPU, "
              f"{best['scan'].wall / best['read'].wall:.2f} by wall (to reach: 0.5)")
    if args.flat:
        print(f"an event costs {best['alone'].cpu / best['tenth'].cpu / 10:.2f} of what it costs among a tenth as many (to reach: 1)")


if __name__ == "__main__":
    main()
