"""scripts/bench-peers runs and times every part of both sides."""
# label: full

import json
import subprocess
import sys
import unittest

from support import BINARY, ROOT, EndToEndTest

PARTS = ["text_encoder", "unet_step", "unet_step_candidates", "vae_decode", "image", "candidates", "reward_score",
         "refiner", "refine", "round"]

TRAINERS = [f"train_{name}" for name in ("vae", "unet", "clip", "reward", "refiner", "refiner_qlora")]


class BenchPeers(EndToEndTest):
    def bench(self, *options):
        command = [sys.executable, ROOT / "scripts/bench_peers.py", "--omr", BINARY, "--repeats", "1",
                   "--candidates", "2", "--threads", "1", "--device", "cpu", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_every_part_of_both_sides_is_timed(self):
        events = [json.loads(line) for line in self.bench("--json").splitlines()]
        self.assertEqual([event["part"] for event in events], PARTS)
        for event in events:
            with self.subTest(event["part"]):
                self.assertGreater(event["omr"], 0)
                self.assertGreater(event["peers"], 0)
                faster = event["omr"] / event["peers"] if event["unit"] == "tokens/s" else event["peers"] / event["omr"]
                self.assertAlmostEqual(event["ratio"], faster)
        seconds = {event["part"]: event for event in events}
        for side in ("omr", "peers"):
            self.assertGreater(seconds["round"][side], seconds["candidates"][side] * 0.5)
            self.assertGreater(seconds["image"][side], seconds["unet_step"][side] * 10, "a picture takes 20 steps")

    def test_a_step_of_every_trainer_is_timed(self):
        events = [json.loads(line) for line in self.bench("--train", "--batch", "2", "--json").splitlines()]
        self.assertEqual([event["part"] for event in events], TRAINERS)
        for event in events:
            self.assertGreater(event["omr"], 0)
            self.assertAlmostEqual(event["ratio"], event["peers"] / event["omr"])

    def test_the_table_names_every_part(self):
        lines = self.bench().splitlines()
        self.assertEqual([line.split()[0] for line in lines[2:]], PARTS)

    def test_wrong_usage_is_refused(self):
        for options in (["--candidates", "0"], ["--model", str(self.folder)], ["--omr", str(self.folder / "absent")]):
            command = [sys.executable, ROOT / "scripts/bench_peers.py", *options]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
