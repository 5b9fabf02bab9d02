"""Runs the program as a user does, and looks at what came out."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from dataclasses import dataclass

import numpy
from PIL import Image

ROOT = pathlib.Path(os.environ.get("OMR_ROOT", pathlib.Path(__file__).resolve().parents[2]))
BINARY = os.environ.get("OMR_BINARY", str(ROOT / "build/release/omr"))
PEERS = pathlib.Path(os.environ.get("OMR_PEERS", ROOT / "build/release/peers"))
# The pack whose results tests/data/scenes-reference holds stands in for the embedded one, which may change.
MODELS = ROOT / "tests/data/models"
PACK = MODELS / "scenes"
os.environ["OMR_MODELS"] = str(MODELS)
REFERENCE = ROOT / "tests/data/scenes-reference"
# OMR_TEST_DEVICE=cuda runs the comparisons on a GPU.
EXACT = ("--device", os.environ.get("OMR_TEST_DEVICE", "cpu"), "--dtype", "fp32")

# Signs that something was not caught where it should have been.
UNCAUGHT = ("terminate called", "what():", "Exception raised from", "frame #", "c10::", "Segmentation fault",
            "Traceback", "Assertion", "INTERNAL ASSERT", "AddressSanitizer", "runtime error:")


@dataclass
class Run:
    code: int
    out: bytes
    err: bytes

    @property
    def stderr(self):
        return self.err.decode("utf-8", "replace")

    @property
    def error_lines(self):
        return [line for line in self.stderr.splitlines() if line.strip()]

    @property
    def events(self):
        return [json.loads(line) for line in self.out.decode().splitlines() if line.strip()]

    def events_of(self, kind):
        return [event for event in self.events if event["event"] == kind]


def omr(*arguments, stdin=b"", cwd=None, timeout=600, **options):
    if isinstance(stdin, str):
        stdin = stdin.encode()
    command = [BINARY] + [a if isinstance(a, bytes) else str(a) for a in arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=timeout, **options)
    return Run(done.returncode, done.stdout, done.stderr)


def pixels(path):
    return numpy.asarray(Image.open(path).convert("RGB")).astype(int)


def copy_of_pack(folder):
    """A model folder of links to the embedded pack's files: replacing one costs no copy of the others."""
    target = pathlib.Path(folder) / "pack"
    shutil.copytree(PACK, target, copy_function=os.symlink)
    return target


def replace(path, content):
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def journal(folder):
    """The session's journal; every line must be whole."""
    text = (pathlib.Path(folder) / "session.jsonl").read_text()
    assert text.endswith("\n"), "the journal's last line is torn"
    return [json.loads(line) for line in text.splitlines()]


def rounds(folder):
    return [line for line in journal(folder) if line["event"] == "round"]


class EndToEndTest(unittest.TestCase):
    def setUp(self):
        if not os.access(BINARY, os.X_OK):
            self.fail(f"{BINARY} is not there: build it, or set OMR_BINARY")
        holder = tempfile.TemporaryDirectory(prefix="omr-e2e-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def assert_done(self, run):
        self.assertEqual(run.code, 0, run.stderr)
        self.assert_nothing_uncaught(run)

    def assert_nothing_uncaught(self, run):
        self.assertGreaterEqual(run.code, 0, f"killed by {signal.Signals(-run.code).name if run.code < 0 else ''}")
        self.assertLess(run.code, 128, run.stderr)
        for sign in UNCAUGHT:
            self.assertNotIn(sign, run.stderr)

    def assert_refused(self, run, *words, lines=1):
        """Exit code 1 or 2, nothing on stdout, one clear line on stderr that holds each of `words`."""
        self.assert_nothing_uncaught(run)
        self.assertIn(run.code, (1, 2), run.stderr)
        self.assertEqual(run.out, b"")
        self.assertTrue(1 <= len(run.error_lines) <= lines, f"{len(run.error_lines)} lines:\n{run.stderr[:2000]}")
        self.assertLess(len(run.error_lines[0]), 4000)
        for word in words:
            self.assertIn(word.lower(), run.stderr.lower())

    def assert_same_picture(self, path, expected, mean=0.5, largest=4):
        got, wanted = pixels(path), pixels(expected)
        self.assertEqual(got.shape, wanted.shape)
        difference = abs(got - wanted)
        self.assertLessEqual(difference.mean(), mean, "mean absolute difference of 255")
        self.assertLessEqual(difference.max(), largest, "largest difference of 255")

    def generate(self, case, out, init=None):
        """`omr generate` for one case of reference.json or cases.json. To diffusers brackets are plain characters."""
        prompt = re.sub(r"([()\[\]\\])", r"\\\1", case["prompt"])
        arguments = [prompt, "--seed", case["seed"], "--scheduler", case["scheduler"], "--steps", case["steps"],
                     "--guidance-scale", case["guidance_scale"], "-o", out, *EXACT]
        if "negative_prompt" in case:
            arguments += ["--negative-prompt", case["negative_prompt"]]
        if "width" in case:
            arguments += ["--size", f"{case['width']}x{case['height']}"]
        if "lora" in case:
            arguments += ["--lora", f"{PACK / case['lora'][0]}:{case['lora'][1]}"]
        if "init" in case:
            arguments += ["--init-image", init, "--strength", case["strength"]]
        return omr("generate", *arguments)
