#!/usr/bin/env python3
"""Kills, fuzzing, a session of thousands of rounds and a batch of a thousand dialogues: what the tests try
briefly, for long. Prints a line of numbers for each; exit code 1 when something did not hold.

environment: OMR_BINARY, OMR_BUILD_DIR (whose tests/omr_fuzz_* are run)
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("OMR_BUILD_DIR", ROOT / "build/release"))
BINARY = os.environ.get("OMR_BINARY", str(BUILD / "omr"))
PACK = ROOT / "models/scenes"
CORPUS = ROOT / "tests/fuzz/corpus"
FAST = ["--threads", "1", "--device", "cpu", "--dtype", "fp32"]
SMALL = ["--size", "32x32", "--steps", "2"]  # what is tried is not the pictures
FUZZ_CORPUS = {
    "json_config": [*PACK.glob("*/*config.json"), PACK / "omr.json"],
    "clip_tokenizer": [PACK / "tokenizer/vocab.json", PACK / "tokenizer/merges.txt"],
    "sentencepiece": [PACK / "refiner/tokenizer.model"],
    "png": [ROOT / "docs/images/star-1.png"],
}


def say(what, begun, text):
    print(f"{what}: {text} ({time.monotonic() - begun:.0f} s)", flush=True)


def kills(arguments, folder):
    """kill -9 at file operations of sessions and batches (tests/e2e/crash_test.py)."""
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-B", ROOT / "tests/e2e/crash_test.py", "KillTest"], capture_output=True, text=True,
                          env={**os.environ, "OMR_BINARY": BINARY, "OMR_ROOT": str(ROOT), "OMR_KILLS": str(arguments.kills)})
    survived = sum(int(n) for n in re.findall(r"kills survived: (\d+)", done.stdout + done.stderr))
    say("kills", begun, f"{survived} survived")
    if done.returncode != 0:
        print(done.stderr[-3000:])
    return done.returncode == 0


def fuzz(arguments, folder):
    """Each target on its corpus and mutations of it."""
    fine = True
    for program in sorted((BUILD / "tests").glob("omr_fuzz_*")):
        if not os.access(program, os.X_OK) or program.is_dir():
            continue
        begun = time.monotonic()
        name = program.name.removeprefix("omr_fuzz_")
        corpus = [*sorted((CORPUS / name).glob("*")), *FUZZ_CORPUS.get(name, [])]
        done = subprocess.run([program, "--runs", str(arguments.fuzz), "--seed", str(arguments.seed), *corpus], cwd=folder,
                              capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        say(f"fuzz {name}", begun, done.stdout.strip() if done.returncode == 0 else f"CRASH: {done.stderr[-300:]}")
        if done.returncode != 0:
            shutil.copy(folder / f"crash-{program.name}", ".")
            fine = False
    return fine


def memory_of(pid):
    """Resident memory in MiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def session(arguments, folder):
    """One session of many rounds: memory and time at its beginning and at its end."""
    begun = time.monotonic()
    process = subprocess.Popen([BINARY, "refine", "a red star", "--seed", "7", "--json", "--out",
                                str(folder / "long"), *SMALL, *FAST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    feedback = ["make it bigger", "make it blue", "move it to the left", "make it smaller", "make it red", "move it up"]
    memory, seconds = [], []
    for number in range(arguments.rounds):
        while True:
            event = json.loads(process.stdout.readline())
            if event["event"] == "round":
                break
        seconds.append(event["seconds"]["total"])
        memory.append(memory_of(process.pid))
        process.stdin.write(("/quit" if number == arguments.rounds - 1 else feedback[number % len(feedback)]) + "\n")
        process.stdin.flush()
    process.communicate()
    shutil.rmtree(folder / "long", ignore_errors=True)
    tenth = max(1, arguments.rounds // 10)
    early, late = memory[tenth], memory[-1]
    first, last = sum(seconds[1:tenth + 1]) / tenth, sum(seconds[-tenth:]) / tenth
    say("session", begun, f"{len(memory)} rounds, {early:.1f} MiB after {tenth}, {late:.1f} MiB at the end, "
        f"{1000 * first:.0f} ms a round at first, {1000 * last:.0f} ms at last")
    per_round = (late - early) / max(1, len(memory) - tenth)
    return process.returncode == 0 and per_round < 0.02


def batch(arguments, folder):
    """Recorded dialogues in one process, in two shards, and killed and resumed: equal results."""
    begun = time.monotonic()
    choose = random.Random(arguments.seed)
    colours, shapes = ["red", "blue", "green", "yellow", "white", "purple"], ["star", "circle", "square", "heart", "triangle"]
    source = folder / "dialogues.jsonl"
    with source.open("w") as file:
        for i in range(arguments.dialogues):
            turns = [f"a {choose.choice(colours)} {choose.choice(shapes)}", f"make it {choose.choice(colours)}"]
            file.write(json.dumps({"id": f"d{i:04}", "seed": i, "turns": turns + ["/accept"] * (i % 2)}) + "\n")

    def command(out, *options):
        return [BINARY, "replay", str(source), "--out", str(folder / out), "-q", *SMALL, *FAST, *options]

    def run(*options):
        return subprocess.run(command(*options), stdout=subprocess.DEVNULL).returncode

    fine = run("one") == 0
    took = time.monotonic() - begun
    shards = [subprocess.Popen(command("two", "--shard", f"{i}/2"), stdout=subprocess.DEVNULL) for i in (1, 2)]
    fine &= [shard.wait() for shard in shards] == [0, 0]
    killed = 0
    while True:
        process = subprocess.Popen(command("three", "--resume"), stdout=subprocess.DEVNULL)
        try:
            process.wait(took / 8 + 2)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    results = [(folder / out / "results.jsonl").read_bytes() for out in ("one", "two", "three")]
    fine &= process.returncode == 0 and len(set(results)) == 1
    say("batch", begun, f"{arguments.dialogues} dialogues, {2 * arguments.dialogues / took:.1f} rounds/s in one process; "
        f"two shards and one killed {killed} times: {'equal' if fine else 'NOT EQUAL'}")
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", default=[], help="kills, fuzz, session, batch (default: all)")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--fuzz", type=int, default=100_000, help="mutated inputs per target")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--dialogues", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    all_parts = {"kills": kills, "fuzz": fuzz, "session": session, "batch": batch}
    for name in arguments.parts:
        if name not in all_parts:
            parser.error(f"there is no part {name}")
    fine = True
    with tempfile.TemporaryDirectory(prefix="omr-soak-") as folder:
        for name in arguments.parts or all_parts:
            fine &= all_parts[name](arguments, pathlib.Path(folder))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
