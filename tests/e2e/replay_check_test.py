"""`omr replay --check`: golden runs, deliberate mistakes, and the examples of docs/ci.md."""

import json
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree

from safetensors.numpy import load_file, save_file

from support import BINARY, EXACT, PACK, ROOT, EndToEndTest, copy_of_pack, omr

LORA = PACK / "lora/outline.safetensors"
DIALOGUES = """\
{"id":"d0","seed":7,"turns":["a red star","make it bigger"]}
{"id":"d1","seed":8,"turns":["a blue circle","/like 1","add a yellow star"]}
{"id":"d2","seed":9,"turns":["a green square","/accept"]}
{"id":"d3","seed":10,"turns":["a white heart on a navy background"]}
"""


class Check(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "dialogues.jsonl"
        self.source.write_text(DIALOGUES)
        self.golden = self.folder / "golden"
        self.check = ("replay", "--check", self.golden, "--threads", 1, *EXACT)
        self.assert_done(omr("replay", self.source, "--check", self.golden, "--update-goldens", "first",
                             "--lora", f"{LORA}:1", "--steps", 4, "--threads", 1, *EXACT))

    def test_the_same_run_is_equal_to_the_bit_and_other_threads_within_limits(self):
        run = omr(*self.check, "--json")
        self.assert_done(run)
        self.assertEqual((run.events[-1]["exact"], run.events[-1]["different"]), (True, 0))
        run = omr("replay", "--check", self.golden, "--threads", 2, *EXACT, "--json")
        self.assert_done(run)
        self.assertEqual((run.events[-1]["exact"], run.events[-1]["different"]), (False, 0))

    def test_every_deliberate_mistake_is_caught(self):
        for mistake in (("--seed", 99), ("--scheduler", "euler"), ("--lora", f"{LORA}:0.99"), ("--steps", 5)):
            for threads in (1, 2):
                with self.subTest(mistake, threads=threads):
                    run = omr("replay", "--check", self.golden, "--threads", threads, *EXACT, *mistake,
                              "--out", self.folder / f"{mistake[0]}-{threads}")
                    self.assertEqual(run.code, 3, run.stderr)
                    self.assertIn("picture", run.stderr + (self.folder / f"{mistake[0]}-{threads}/report.html").read_text())

    def test_a_one_word_change_of_a_prompt_is_caught(self):
        changed = self.folder / "changed.jsonl"
        changed.write_text(self.source.read_text().replace("a blue circle", "a green circle"))
        run = omr(self.check[0], changed, *self.check[1:], "--lora", f"{LORA}:1", "--steps", 4)
        self.assertEqual(run.code, 3, run.stderr)
        self.assertIn("a green circle", run.stderr)

    def test_other_weights_are_caught_and_named_in_the_report(self):
        pack = copy_of_pack(self.folder)
        part = pack / "unet/diffusion_pytorch_model.safetensors"
        tensors = load_file(part)
        tensors["conv_out.weight"] = tensors["conv_out.weight"] * 1.02
        part.unlink()
        save_file(tensors, part)
        out, junit = self.folder / "out", self.folder / "junit.xml"
        run = omr(*self.check, "--model", pack, "--out", out, "--junit", junit)
        self.assertEqual(run.code, 3, run.stderr)
        page = (out / "report.html").read_text()
        self.assertIn("weights of unet", page)
        self.assertIn("difference, brightened", page)
        suite = xml.etree.ElementTree.parse(junit).getroot()[0]
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("4", "4"))

    def test_options_of_the_session_count_as_a_difference(self):
        for option in (("--keep", "noise"), ("--reward-schedule", "static"), ("--no-phrase-weights",), ("--round-seconds", 0.001),
                       ("--readings", 0)):
            run = omr(*self.check, *option)
            self.assertEqual(run.code, 3, (option, run.stderr))
            self.assertIn("setting ", run.stderr)

    def test_files_beside_the_weights_are_named_in_the_report(self):
        pack = copy_of_pack(self.folder)
        config = pack / "refiner/refiner.json"
        text = config.read_text()
        config.unlink()
        config.write_text(text + "\n")
        out = self.folder / "out"
        self.assert_done(omr(*self.check, "--model", pack, "--out", out))
        self.assertIn("refiner settings", (out / "report.html").read_text())

    def test_a_picture_that_is_not_the_recorded_one_is_told(self):
        (self.golden / "d0/round-001-c1.png").write_bytes((self.golden / "d1/round-001-c1.png").read_bytes())
        run = omr(*self.check)
        self.assertEqual(run.code, 3, run.stderr)
        self.assertIn("d0: round 1, candidate 1: the golden run's picture is not the one that was recorded", run.stderr)

    def test_updates_need_a_reason_and_keep_it(self):
        self.assertEqual(omr(*self.check, "--steps", 5).code, 3)
        self.assertEqual(omr(*self.check, "--steps", 5, "--update-goldens", "").code, 2)
        self.assert_done(omr(*self.check, "--steps", 5, "--update-goldens", "more steps"))
        self.assert_done(omr(*self.check))
        history = json.loads((self.golden / "golden.json").read_text())["history"]
        self.assertEqual([entry["reason"] for entry in history], ["first", "more steps"])


class Documentation(EndToEndTest):
    """The examples of docs/ci.md as they stand there."""

    def blocks(self, language):
        return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.S)

    def test_the_examples_run(self):
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "omr").symlink_to(BINARY)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        (lines,) = self.blocks("json")
        (self.folder / "dialogues.jsonl").write_text(lines)
        (script,) = self.blocks("sh")
        (workflow,) = self.blocks("yaml")
        (step,) = re.findall(r"run: (.*)", workflow)

        def shell(text):
            return subprocess.run(["sh", "-c", text], cwd=self.folder, env=environment, capture_output=True, text=True)

        done = shell(script)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in re.findall(r"^ +(check[./]\S+)$", workflow, re.M):
            self.assertTrue((self.folder / name).exists(), name)
        subprocess.run(["rm", "-r", "check", "check.xml"], cwd=self.folder, check=True)
        self.assertEqual(shell(step).returncode, 0)
        golden = self.folder / "golden/golden.json"
        golden.write_text(golden.read_text().replace('"seed": 7,', '"seed": 9,'))
        subprocess.run(["rm", "-r", "check"], cwd=self.folder, check=True)
        failed = shell(step)
        self.assertEqual(failed.returncode, 3, failed.stderr)
        self.assertTrue((self.folder / "check/report.html").exists())


if __name__ == "__main__":
    unittest.main()
