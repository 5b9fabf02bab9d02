"""`omr replay`: batches, shards and --resume; `omr report`."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from support import BINARY, EXACT, PACK, EndToEndTest, copy_of_pack, journal, omr, rounds

FAST = ("--steps", 2, "--threads", 1, *EXACT)


def dialogues(count=4):
    texts = (["a red star", "make it bigger"], ["a blue circle", "/like 1", "add a yellow star"],
             ["a green square", "/accept"], ["a white heart on a navy background"])
    return "".join(json.dumps({"id": f"d{i}", "seed": 7 + i, "turns": texts[i % 4]}) + "\n" for i in range(count))


class ReplayTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "dialogues.jsonl"
        self.source.write_text(dialogues())

    def replay(self, out, *options, **more):
        return omr("replay", self.source, "--out", self.folder / out, *options, *FAST, **more)

    def results(self, out):
        return (self.folder / out / "results.jsonl").read_bytes()


class Batch(ReplayTest):
    def test_shards_merge_into_what_one_process_gives(self):
        self.assert_done(self.replay("one"))
        self.assert_done(self.replay("two", "--shard", "2/2"))
        self.assertFalse((self.folder / "two/results.jsonl").exists())
        self.assert_done(self.replay("two", env={**os.environ, "RANK": "0", "WORLD_SIZE": "2"}))
        self.assertEqual(self.results("one"), self.results("two"))
        self.assertEqual([json.loads(line)["status"] for line in self.results("one").splitlines()],
                         ["ended", "ended", "accepted", "ended"])

    def test_launchers_choose_the_shard(self):
        self.assert_done(self.replay("one"))
        for rank in ("0", "1"):  # as srun sets them
            self.assert_done(self.replay("slurm", env={**os.environ, "SLURM_PROCID": rank, "SLURM_NTASKS": "2"}))
        self.assertEqual(self.results("one"), self.results("slurm"))
        # GNU parallel's {#} counts from 1, as xargs' input here.
        command = " ".join(map(str, (BINARY, "replay", self.source, "--out", self.folder / "parallel", *FAST)))
        done = subprocess.run(["sh", "-c", f"seq 2 | xargs -P 2 -I {{}} {command} --shard {{}}/2"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.results("one"), self.results("parallel"))

    def test_torchrun_chooses_the_shard(self):
        torchrun = pathlib.Path(sys.executable).with_name("torchrun")
        if not torchrun.exists():
            self.skipTest("no torchrun beside this Python")
        self.assert_done(self.replay("one"))
        command = [torchrun, "--standalone", "--no-python", "--nproc-per-node", "2", BINARY, "replay", self.source, "--out",
                   self.folder / "two", *FAST]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.results("one"), self.results("two"))

    def test_what_the_refiner_says_otherwise_is_told(self):
        self.assert_done(self.replay("first"))
        path = self.folder / "first/d0/session.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        second = next(line for line in lines if line.get("round") == 2)
        said, second["prompt"] = second["prompt"], "a purple star"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        as_recorded = omr("replay", self.folder / "first/d0", "--out", self.folder / "recorded", *FAST)
        self.assert_done(as_recorded)
        self.assertEqual(rounds(self.folder / "recorded/d0")[1]["prompt"], "a purple star")
        self.assertNotIn("purple", as_recorded.stderr)
        asked = omr("replay", self.folder / "first/d0", "--out", self.folder / "asked", "--rerun-refiner", "--json", *FAST)
        self.assert_done(asked)
        self.assertEqual(rounds(self.folder / "asked/d0")[1]["prompt"], said)
        (difference,) = asked.events[0]["refiner_differences"]
        self.assertEqual((difference["round"], difference["recorded"], difference["now"]), (2, "a purple star", said))
        self.assertIn("a purple star", asked.stderr)

    def test_a_killed_batch_is_resumed_to_what_it_would_have_been(self):
        self.source.write_text(dialogues(12))
        self.assert_done(self.replay("one", "--candidates", 2))
        command = ["replay", self.source, "--out", self.folder / "two", "--candidates", 2, "--json", *FAST]
        process = subprocess.Popen([BINARY, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(3):
            process.stdout.readline()
        process.kill()
        process.communicate()
        run = self.replay("two", "--candidates", 2, "--resume", "--json")
        self.assert_done(run)
        self.assertGreaterEqual(sum(e.get("skipped", False) for e in run.events), 3)
        self.assertEqual(self.results("one"), self.results("two"))
        for i in range(12):
            journal(self.folder / f"two/d{i}")
        self.assertEqual(list(self.folder.glob("two/*/*.part-*")), [])

    def test_signals_stop_it_and_resume_goes_on(self):
        self.source.write_text(dialogues(12))
        for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(stop.name):
                out = self.folder / stop.name
                command = ["replay", self.source, "--out", out, "--json", *FAST]
                process = subprocess.Popen([BINARY, *map(str, command)], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE)
                process.stdout.readline()
                process.send_signal(stop)
                _, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 130, err)
                self.assertIn(b"--resume", err)
                self.assert_done(self.replay(stop.name, "--resume"))
                self.assertEqual(len(self.results(stop.name).splitlines()), 12)

    def test_a_failing_dialogue_is_reported_and_the_rest_go_on(self):
        lines = self.source.read_text().splitlines()
        lines[1] = json.dumps({"id": "d1", "turns": ["a star", "/pick 9"]})
        self.source.write_text("\n".join(lines))
        run = self.replay("out", "--json")
        self.assertEqual(run.code, 1)
        self.assertEqual([e["status"] for e in run.events], ["ended", "failed", "accepted", "ended"])
        self.assertIn("1 of 4 dialogues failed: d1", run.stderr)
        self.source.write_text(dialogues())
        self.assert_done(self.replay("out", "--resume"))
        self.assert_done(self.replay("whole"))
        self.assertEqual(self.results("out"), self.results("whole"))

    def test_results_are_not_overwritten(self):
        self.assert_done(self.replay("out"))
        self.assert_refused(self.replay("out"), "--resume")

    def test_a_persons_session_is_never_replaced(self):
        out = self.folder / "out"
        self.assert_done(omr("refine", "a red moon", "--out", out / "d1", *FAST, stdin="add a star\n"))
        before = {path.name: path.read_bytes() for path in (out / "d1").iterdir()}
        run = self.replay("out", "--resume")
        self.assertEqual(run.code, 1)
        self.assertIn("d1: ", run.stderr)
        self.assertIn("holds a session", run.stderr)
        self.assert_refused(omr("replay", out, "--out", out, "--resume", *FAST), "another folder")
        self.assertEqual({path.name: path.read_bytes() for path in (out / "d1").iterdir()}, before)

    def test_resume_draws_what_is_gone_and_what_is_asked_for_otherwise(self):
        self.assert_done(self.replay("out"))
        subprocess.run(["rm", "-r", self.folder / "out/d0", self.folder / "out/d1/round-001.png"], check=True)
        run = self.replay("out", "--resume", "--json")
        self.assert_done(run)
        self.assertEqual([e.get("skipped", False) for e in run.events], [False, False, True, True])
        self.assertTrue((self.folder / "out/d0/round-002.png").exists())
        self.assertTrue((self.folder / "out/d1/round-001.png").exists())
        run = self.replay("out", "--resume", "--json", "--reward-quant", "none")
        self.assertEqual([e.get("skipped", False) for e in run.events], [False] * 4)
        pack = copy_of_pack(self.folder)
        config = pack / "scheduler/scheduler_config.json"
        changed = {**json.loads(config.read_text()), "steps_offset": 0}
        config.unlink()
        config.write_text(json.dumps(changed))
        run = self.replay("out", "--resume", "--json", "--reward-quant", "none", "--model", pack)
        self.assertEqual([e.get("skipped", False) for e in run.events], [False] * 4)

    def test_pictures_say_nothing_when_asked_to(self):
        self.assert_done(self.replay("first"))
        self.source.write_text('{"id":"d0","turns":["a star"],"settings":{"metadata":true}}\n')
        self.assert_done(self.replay("lines", "--no-metadata"))
        self.assert_done(omr("replay", self.folder / "first/d2", "--out", self.folder / "again", "--no-metadata", *FAST))
        self.assertIn(b"parameters", (self.folder / "first/d2/round-001.png").read_bytes())
        for picture in ("lines/d0/round-001.png", "again/d2/round-001.png"):
            self.assertNotIn(b"parameters", (self.folder / picture).read_bytes(), picture)

    def test_a_bad_line_is_reported_and_the_rest_go_on(self):
        lines = self.source.read_text().splitlines()
        self.source.write_text("\n".join([lines[0], "{broken", '{"id":"x","turns":[]}', lines[0], lines[2]]))
        run = self.replay("out", "--json")
        self.assertEqual(run.code, 1)
        self.assertEqual([e["status"] for e in run.events], ["ended", "failed", "failed", "failed", "accepted"])
        for line in (2, 3, 4):
            self.assertIn(f"dialogues.jsonl, line {line}", run.stderr)
        self.assertIn("3 of 5 dialogues failed", run.stderr)
        again = omr("replay", "-", "--out", self.folder / "piped", *FAST, stdin=self.source.read_text())
        self.assertEqual(again.code, 1)
        self.assertIn("standard input, line 2", again.stderr)
        self.source.write_text("no JSON\n{}\n")
        self.assert_refused(self.replay("other"), "line 1")

    def test_standard_input_is_read_before_the_models_and_has_an_end(self):
        missing = ("--model", self.folder / "missing", "--out", self.folder / "out")
        self.assert_refused(omr("replay", "-", *missing, stdin="no JSON\n"), "standard input, line 1")
        with open("/dev/zero", "rb") as endless:
            done = subprocess.run([BINARY, "replay", "-", *map(str, missing)], stdin=endless, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard input is longer than", done.stderr)

    def test_a_shard_of_the_environment_is_told_and_not_mixed_with_a_whole_batch(self):
        run = self.replay("out", env={**os.environ, "RANK": "0", "WORLD_SIZE": "2"})
        self.assert_done(run)
        self.assertIn("shard 1/2", run.stderr)
        self.assertIn("RANK and WORLD_SIZE", run.stderr)
        self.assert_refused(self.replay("out"), "results.shard-1-of-2.jsonl")

    def test_folder_names_never_reach_the_terminal_raw(self):
        self.assert_done(omr("refine", "a red moon", "--out", self.folder / "a\u001b[31m\u0007b", *FAST))
        run = omr("replay", "--check", self.folder, *FAST)
        self.assertNotIn(b"\x1b", run.out + run.err)
        self.assertNotIn(b"\x07", run.out + run.err)
        self.assertIn(run.code, (0, 3))

    def test_a_folder_of_dialogues_and_sessions_is_a_source(self):
        self.assert_done(self.replay("first"))
        (self.folder / "first/more.jsonl").write_text('{"id":"extra","turns":["a star"]}\n')
        run = omr("replay", self.folder / "first", "--out", self.folder / "again", *FAST, "--json")
        self.assert_done(run)
        self.assertEqual([e["id"] for e in run.events], ["d0", "d1", "d2", "d3", "extra"])
        for i in range(4):
            was, now = rounds(self.folder / f"first/d{i}"), rounds(self.folder / f"again/d{i}")
            self.assertEqual([r["candidates"] for r in was], [r["candidates"] for r in now])

    def test_names_from_files_never_lead_out_of_the_folder(self):
        for name in ("../x", "/tmp/x", "..", "a/b", ".hidden", "-rf", "a\u001b[31m"):
            self.source.write_text(json.dumps({"id": name, "turns": ["a star"]}))
            run = self.replay("out")
            self.assert_refused(run, "cannot name a file")
            self.assertNotIn(b"\x1b", run.err)
        self.assertFalse((self.folder / "out").exists())
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        (self.folder / "out").mkdir()
        (self.folder / "out/d0").symlink_to(elsewhere)
        self.source.write_text(dialogues())
        run = self.replay("out")
        self.assertEqual(run.code, 1)
        self.assertIn("is a link", run.stderr)
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_wrong_usage_is_refused(self):
        for options in (("--shard", "0/2"), ("--shard", "3/2"), ("--junit", "x.xml"), ("--update-goldens", "why")):
            self.assert_refused(self.replay("out", *options), options[0])
        self.assert_refused(omr("replay", "--out", self.folder / "out"), "dialogues")


class Together(ReplayTest):
    """--batch: several dialogues at once."""

    def setUp(self):
        super().setUp()
        others = [{"id": "small", "seed": 3, "turns": ["a red star", "make it blue"], "settings": {"width": 32, "height": 32}},
                  {"id": "euler", "seed": 4, "turns": ["a red star"], "settings": {"scheduler": "euler_a"}},
                  {"id": "lora", "seed": 5, "turns": ["a red star", f"/lora {PACK / 'lora/outline.safetensors'}:0.8", "bigger"]},
                  {"id": "wrong", "turns": ["a star", "/pick 9"]},
                  {"id": "long", "seed": 6, "turns": ["a star " * 60, "add a moon", "/undo", "add a heart", "/accept"]}]
        self.source.write_text(dialogues(6) + "".join(json.dumps(other) + "\n" for other in others))
        self.ids = [json.loads(line)["id"] for line in self.source.read_text().splitlines()]

    def test_pictures_are_those_of_one_by_one(self):
        self.assertEqual(self.replay("one").code, 1)
        run = self.replay("many", "--batch", 4, "--json")
        self.assertEqual(run.code, 1)
        self.assertIn("1 of 11 dialogues failed: wrong", run.stderr)
        self.assertEqual(sorted(e["id"] for e in run.events), sorted(self.ids))
        self.assertEqual([json.loads(line)["id"] for line in self.results("many").splitlines()], self.ids)
        for name in self.ids:
            one, many = self.folder / "one" / name, self.folder / "many" / name
            self.assertEqual([line["event"] for line in journal(one)], [line["event"] for line in journal(many)])
            for before, after in zip(rounds(one), rounds(many), strict=True):
                self.assertEqual((before["prompt"], before["seed"], before["picked"]),
                                 (after["prompt"], after["seed"], after["picked"]))
                self.assertAlmostEqual(before["candidates"][0]["rewards"]["total"], after["candidates"][0]["rewards"]["total"],
                                       delta=0.01)
                picture = f"round-{before['round']:03}.png"
                self.assert_same_picture(many / picture, one / picture, mean=0.05, largest=2)

    def test_shards_and_resumed_runs_give_the_same_bytes(self):
        self.source.write_text(dialogues(10))
        self.assert_done(self.replay("one", "--batch", 3))
        for shard in ("2/2", "1/2"):
            self.assert_done(self.replay("two", "--batch", 3, "--shard", shard))
        self.assertEqual(self.results("one"), self.results("two"))
        command = ["replay", self.source, "--out", self.folder / "three", "--batch", 3, "--json", *FAST]
        process = subprocess.Popen([BINARY, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(4):  # in the middle of a group
            process.stdout.readline()
        process.kill()
        process.communicate()
        run = self.replay("three", "--batch", 3, "--resume", "--json")
        self.assert_done(run)
        self.assertGreaterEqual(sum(e.get("skipped", False) for e in run.events), 3)
        self.assertEqual(self.results("one"), self.results("three"))

    def test_a_golden_run_is_compared_within_limits_unless_drawn_so_too(self):
        self.source.write_text(dialogues(3))
        golden = self.folder / "golden"
        self.assert_done(self.replay("out", "--check", golden, "--update-goldens", "first"))
        for batch, exact in ((1, True), (3, False)):
            run = omr("replay", "--check", golden, "--batch", batch, "--json", "--threads", 1, *EXACT)
            self.assert_done(run)
            self.assertEqual(run.events[-1]["exact"], exact)


class Report(EndToEndTest):
    def test_a_session_becomes_one_page(self):
        folder = self.folder / "D"
        self.assert_done(omr("refine", "a <b>red</b> star", "--out", folder, *FAST, stdin="make it bigger\n/like\n"))
        run = omr("report", folder, "-o", self.folder / "page.html", "--json")
        self.assert_done(run)
        self.assertEqual(run.events[0]["rounds"], 2)
        page = (self.folder / "page.html").read_text()
        self.assertEqual(page.count("data:image/png"), 2)
        self.assertIn("&lt;b&gt;red", page)
        for outside in ("http://", "https://", "<script", "<b>"):
            self.assertNotIn(outside, page)
        self.assert_refused(omr("report", self.folder), "session.jsonl")


if __name__ == "__main__":
    unittest.main()
