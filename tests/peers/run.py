"""Runs one make_<module>.py unless what it wrote last time still stands.

usage: run.py SCRIPT --out DIR

The output stands while SCRIPT, its neighbours, the pinned versions and the files named in the script's
`INPUTS = [...]` line (paths from the repository's root, optional) are what they were.
"""

import argparse
import ast
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def inputs_of(script):
    for node in ast.parse(script.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "INPUTS":
            return ast.literal_eval(node.value)
    return []


def files_that_matter(script):
    yield script
    yield from (f for f in script.parent.glob("*.py") if not f.name.startswith("make_"))
    yield ROOT / "scripts/requirements-test.txt"
    yield ROOT / "scripts/requirements.txt"
    for name in inputs_of(script):
        path = ROOT / name
        yield from (f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]


def digest(script):
    total = hashlib.sha256()
    for path in sorted(set(files_that_matter(script))):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()

    script = args.script.resolve()
    stamp = args.out / ".made-by"
    wanted = digest(script)
    if stamp.is_file() and stamp.read_text() == wanted:
        print(f"{args.out} is up to date")
        return 0
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    # The models are made here: nothing is to be fetched from a hub.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, str(script), "--out", str(args.out)], env=environment)
    if done.returncode == 0:
        stamp.write_text(wanted)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
