"""`omr refine`: the main job, from the first prompt to the journal."""

import hashlib
import json
import os
import signal
import subprocess
import time
import unittest

import numpy
from PIL import Image

from support import BINARY, EXACT, PACK, EndToEndTest, journal, omr, pixels, rounds

STAR = "a small red star at the top left on a navy background"


def red_object(path):
    """(share of the picture that is red, x, y of its middle as shares, median colour of the border)."""
    picture = pixels(path)
    red, green, blue = (picture[..., i] for i in range(3))
    mask = (red > 130) & (red - green > 60) & (red - blue > 60)
    border = numpy.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    rows, columns = numpy.nonzero(mask)
    if not len(rows):
        return 0.0, 0.5, 0.5, numpy.median(border, axis=0)
    height, width = mask.shape
    return mask.mean(), columns.mean() / width, rows.mean() / height, numpy.median(border, axis=0)


class Refine(EndToEndTest):
    def refine(self, lines, *options, prompt=(STAR,), out="D"):
        return omr("refine", *prompt, "--seed", 7, "--out", self.folder / out, *options, *EXACT, stdin=lines)

    def test_the_star_grows(self):
        self.assert_done(self.refine("make the star bigger\n/accept\n"))
        folder = self.folder / "D"
        self.assertEqual([r["round"] for r in rounds(folder)], [1, 2])
        small, x1, y1, background1 = red_object(folder / "round-001.png")
        large, x2, y2, background2 = red_object(folder / "round-002.png")
        self.assertTrue(0.005 < small < 0.10, f"the first star covers {small:.3f}")
        self.assertTrue(x1 < 0.45 and y1 < 0.45 and x2 < 0.5 and y2 < 0.5, (x1, y1, x2, y2))
        self.assertGreater(large, 1.15 * small)
        for background in (background1, background2):
            self.assertLess(abs(background - numpy.array([25, 35, 90])).max(), 40, "not navy")

    def test_the_journal_holds_the_whole_session(self):
        self.assert_done(self.refine("make the star bigger\n/accept\n", "--candidates", 2, "--steps", 3))
        folder = self.folder / "D"
        lines = journal(folder)
        self.assertEqual((lines[0]["event"], lines[0]["version"], lines[0]["seed"]), ("session", 1, 7))
        self.assertTrue(all(len(h) == 64 for h in lines[0]["sha256"].values()))
        first, second = rounds(folder)
        self.assertEqual((first["prompt"], second["feedback"]), (STAR, "make the star bigger"))
        self.assertEqual(second["parent"], first["round"])
        self.assertNotEqual(second["prompt"], first["prompt"])
        for entry in (first, second):
            self.assertEqual(len(entry["candidates"]), 2)
            self.assertTrue({"picked", "lambda", "phrases", "seconds", "negative_prompt", "seed"} <= entry.keys())
            for candidate in entry["candidates"]:
                self.assertTrue({"div", "cons", "mi", "pref", "total"} <= candidate["rewards"].keys())
                written = (folder / candidate["image"]).read_bytes()
                self.assertEqual(hashlib.sha256(written).hexdigest(), candidate["sha256"])
        self.assertEqual(sum("accept" in json.dumps(line) for line in lines[1:]), 1)

    def test_the_schedule_is_the_papers(self):
        self.assert_done(self.refine("make the star bigger\n/accept\n", "--steps", 2))
        for t, entry in enumerate(rounds(self.folder / "D")):
            self.assertAlmostEqual(entry["lambda"]["div"], numpy.exp(-0.15 * t), delta=1e-3)
            self.assertAlmostEqual(entry["lambda"]["cons"], 1 - numpy.exp(-0.10 * t), delta=1e-3)
            self.assertAlmostEqual(entry["lambda"]["mi"], 0.5 * (1 - numpy.exp(-0.075 * t)), delta=1e-3)

    def test_the_journal_names_the_adapters_that_answered(self):
        adapter = PACK / "lora/outline.safetensors"
        self.assert_done(self.refine(f"/lora {adapter}:0.5\n/quit\n", "--lora", f"{adapter}:0.8", "--steps", 2))
        begun, *rest = journal(self.folder / "D")
        expected = hashlib.sha256(adapter.read_bytes()).hexdigest()
        self.assertEqual(begun["sha256"]["lora outline.safetensors"], expected)
        self.assertEqual([line["sha256"] for line in rest if line["event"] == "lora"], [expected])

    def test_json_repeats_the_journal_on_stdout(self):
        run = self.refine("make the star bigger\n/accept\n", "--steps", 2, "--json")
        self.assert_done(run)
        self.assertEqual(run.events, journal(self.folder / "D"))

    def test_a_session_repeats_bit_for_bit(self):
        for out in ("one", "two"):
            self.assert_done(self.refine("make it bigger\n/dislike\nmake it blue\n/accept\n", "--steps", 2, out=out))
        for one, two in zip(rounds(self.folder / "one"), rounds(self.folder / "two"), strict=True):
            self.assertEqual([c["sha256"] for c in one["candidates"]], [c["sha256"] for c in two["candidates"]])
            self.assertEqual((one["prompt"], one["phrases"]), (two["prompt"], two["phrases"]))

    def test_the_pictures_carry_their_recipe(self):
        self.assert_done(self.refine("/accept\n", "--steps", 2))
        self.assertIn(STAR, Image.open(self.folder / "D/round-001.png").text["parameters"])

    def test_sessions_that_begin_in_one_second_get_folders_of_their_own(self):
        self.assert_done(omr("refine", "a star", "--steps", 2, *EXACT, cwd=self.folder))
        (first,) = (self.folder / "omr-sessions").iterdir()
        for offset in range(20):  # whatever second the next one begins in, its name is taken
            moment = time.gmtime(time.time() + offset)
            name = time.strftime("%Y%m%d-%H%M%S", moment) + first.name[first.name.rindex("-a-star"):]
            (self.folder / "omr-sessions" / name).mkdir(exist_ok=True)
        run = omr("refine", "a star", "--steps", 2, *EXACT, cwd=self.folder)
        self.assert_done(run)
        self.assertIn(b"a-star-2/", run.out)

    def test_without_a_prompt_the_first_line_is_it(self):
        self.assert_done(self.refine("a blue circle\n/accept\n", "--steps", 2, prompt=()))
        self.assertEqual(rounds(self.folder / "D")[0]["prompt"], "a blue circle")

    def test_end_of_input_ends_the_session_in_order(self):
        self.assert_done(self.refine("make the star bigger", "--steps", 2))
        self.assertEqual(len(rounds(self.folder / "D")), 2)

    def test_goto_branches_from_an_earlier_round(self):
        self.assert_done(self.refine("make it bigger\n/goto 1\nmake it blue\n/undo\n/redo\n/accept\n", "--steps", 2))
        self.assertEqual([r["parent"] for r in rounds(self.folder / "D")][1:], [1, 1])

    def test_commands_in_a_row(self):
        commands = ("/help\n/weights\n/show\n/like\n/dislike 1\n/pick 2\n/seed 11\n/strength 0.5\n"
                    "/prompt a blue (circle:1.3) on a white background\n/undo\n/redo\n/accept 1\n")
        self.assert_done(self.refine(commands, "--steps", 2, "--candidates", 2))
        self.assertEqual(rounds(self.folder / "D")[-1]["seed"], 11)

    def test_no_goes_to_the_negative_prompt(self):
        self.assert_done(self.refine("/accept\n", "--steps", 2, prompt=("a red star, no blue circle",)))
        (only,) = rounds(self.folder / "D")
        self.assertIn("blue circle", only["negative_prompt"])
        self.assertNotIn("blue circle", only["prompt"])

    def test_replay_runs_the_session_again(self):
        self.assert_done(self.refine("make the star bigger\n/accept\n", "--steps", 2))
        run = omr("replay", self.folder / "D", "--out", self.folder / "again", "--json", *EXACT)
        self.assert_done(run)
        (event,) = run.events_of("dialogue")
        self.assertEqual(event["rounds"], 2)

    def test_a_round_fits_its_seconds_and_the_journal_says_who_asked(self):
        options = ("--round-seconds", 0.2, "--candidates", 8, "--steps", 200, "--user", "Ada")
        self.assert_done(self.refine("make the star bigger\n/accept\n", *options))
        lines = journal(self.folder / "D")
        self.assertEqual(lines[0]["user"], "Ada")
        drawn = rounds(self.folder / "D")
        for entry in drawn:
            self.assertLess(entry["steps"] * len(entry["candidates"]), 1600, "the budget was not looked at")
            self.assertEqual(entry["user"], "Ada")
        self.assert_done(omr("replay", self.folder / "D", "--out", self.folder / "again", *EXACT))
        (replayed,) = [p for p in (self.folder / "again").iterdir() if (p / "session.jsonl").exists()]
        self.assertEqual([[c["sha256"] for c in r["candidates"]] for r in rounds(replayed)],
                         [[c["sha256"] for c in r["candidates"]] for r in drawn])

    def test_replay_reads_chat_messages(self):
        dialogues = self.folder / "dialogues.jsonl"
        messages = [{"role": "user", "content": "a red star"}, {"role": "assistant", "content": "Here."},
                    {"role": "user", "content": "make it bigger"}]
        dialogues.write_text(json.dumps({"id": "d1", "seed": 7, "messages": messages, "settings": {"steps": 2}}) + "\n"
                             + json.dumps({"id": "d2", "seed": 8, "turns": ["a blue circle"]}) + "\n")
        run = omr("replay", dialogues, "--out", self.folder / "again", "--steps", 3, "--json", *EXACT)
        self.assert_done(run)
        self.assertEqual([(e["id"], e["rounds"]) for e in run.events_of("dialogue")], [("d1", 2), ("d2", 1)])


class Resume(EndToEndTest):
    def session(self):
        folder = self.folder / "D"
        run = omr("refine", STAR, "--seed", 7, "--steps", 2, "--out", folder, *EXACT, stdin="make the star bigger\n")
        self.assert_done(run)
        return folder

    def test_it_goes_on_where_it_stopped(self):
        folder = self.session()
        self.assert_done(omr("refine", "--resume", folder, *EXACT, stdin="make it blue\n/accept\n"))
        self.assertEqual([r["round"] for r in rounds(folder)], [1, 2, 3])
        self.assertEqual(rounds(folder)[2]["parent"], 2)

    def test_a_recipe_left_out_stays_out(self):
        folder = self.session()
        self.assert_done(omr("refine", "--resume", folder, "--no-metadata", *EXACT, stdin="make it blue\n"))
        self.assert_done(omr("refine", "--resume", folder, *EXACT, stdin="make it red\n"))
        self.assert_done(omr("replay", folder, "--out", self.folder / "again", *EXACT))
        (again,) = (path.parent for path in (self.folder / "again").glob("*/session.jsonl"))
        self.assertIn("parameters", Image.open(folder / "round-002.png").text)
        for picture in (folder / "round-003.png", folder / "round-004.png", *again.glob("*.png")):
            self.assertEqual(Image.open(picture).text, {}, picture)

    def test_options_hold_as_commands_do_or_are_refused(self):
        folder = self.session()
        before = journal(folder)
        for option in (("--size", "64x64"), ("--keep", "noise"), ("--readings", 3), ("--no-phrase-weights",),
                       ("--out", self.folder / "E"), ("--scheduler", "euler")):
            with self.subTest(option[0]):
                run = omr("refine", "--resume", folder, *option, *EXACT)
                self.assert_refused(run, option[0])
                self.assertEqual(run.code, 2)
        self.assertEqual(journal(folder), before)
        options = ("--steps", 4, "--seed", 11, "--candidates", 2, "--strength", 0.5)
        self.assert_done(omr("refine", "--resume", folder, *options, *EXACT, stdin="make it blue\n"))
        drawn = rounds(folder)[-1]
        self.assertEqual((drawn["steps"], drawn["seed"], len(drawn["candidates"])), (4, 11, 2))
        self.assertIn(0.5, [candidate["strength"] for candidate in drawn["candidates"]])
        length = len(journal(folder))
        self.assert_done(omr("refine", "--resume", folder, *options, *EXACT))  # what holds already is no news
        self.assertEqual([line["event"] for line in journal(folder)[length:]], ["resume", "end"])

    def test_a_journal_cut_at_any_byte_can_be_resumed(self):
        folder = self.session()
        whole = (folder / "session.jsonl").read_bytes()
        first = whole.index(b"\n") + 1
        cuts = numpy.linspace(first, len(whole), 7 if not os.environ.get("OMR_FULL") else 60).astype(int)
        for cut in sorted({*cuts.tolist(), len(whole) - 1}):
            with self.subTest(cut=cut):
                (folder / "session.jsonl").write_bytes(whole[:cut])
                kept = whole[:cut].count(b'"event":"round"') if whole[:cut].endswith(b"\n") else None
                self.assert_done(omr("refine", "--resume", folder, *EXACT, stdin="/quit\n"))
                if kept is not None:
                    self.assertGreaterEqual(len(rounds(folder)), kept)
                journal(folder)

    def test_a_journal_without_a_whole_first_line_is_refused(self):
        folder = self.session()
        first = (folder / "session.jsonl").read_bytes().index(b"\n")
        for cut in (0, 1, first - 1):
            with self.subTest(cut=cut):
                replaced = (folder / "session.jsonl").read_bytes()[:cut]
                (folder / "session.jsonl").write_bytes(replaced)
                self.assert_refused(omr("refine", "--resume", folder, *EXACT), "session.jsonl")

    def test_two_interrupts_leave_a_whole_journal(self):
        folder = self.folder / "D"
        arguments = ["refine", STAR, "--seed", "7", "--steps", "2", "--out", str(folder), "--json", *EXACT]
        process = subprocess.Popen([BINARY, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            while json.loads(process.stdout.readline())["event"] != "round":
                pass
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(len(rounds(folder)), 1)
        self.assert_done(omr("refine", "--resume", folder, *EXACT, stdin="make it bigger\n/accept\n"))
        self.assertEqual(len(rounds(folder)), 2)


if __name__ == "__main__":
    unittest.main()
