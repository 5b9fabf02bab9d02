"""omr eval parts: what each model of the pack can do by itself."""

import json
import unittest

from support import EXACT, PACK, EndToEndTest, omr


class EvalParts(EndToEndTest):
    def test_measures_every_part_of_the_pack_and_shows_what_it_saw(self):
        run = omr("eval", "parts", "--captions", 3, "--edits", 4, "--pairs", 5, "--steps", 4, "--seed", 9, "--json",
                  "--out", self.folder / "E", *EXACT)
        self.assert_done(run)
        drawer, refiner, reward = (run.events_of(part)[0] for part in ("drawer", "refiner", "reward"))
        self.assertEqual(drawer["pictures"]["of"], 3)
        self.assertGreaterEqual(drawer["attributes"]["of"], 3 * 5)
        self.assertLessEqual(drawer["attributes"]["ci"][0], drawer["attributes"]["ci"][1])
        self.assertTrue(any(value.startswith("background ") for value in drawer["by_value"]))
        self.assertEqual((refiner["single_edits"]["of"], refiner["double_edits"]["of"], reward["pairs"]["of"]), (4, 4, 5))
        missed = [json.loads(line) for line in (self.folder / "E/missed_edits.jsonl").read_text().splitlines()]
        self.assertEqual(len(missed), 8 - refiner["single_edits"]["right"] - refiner["double_edits"]["right"])
        self.assertEqual((self.folder / "E/drawings.html").read_text().count("<img"), 3)

    def test_measures_the_parts_named_alone(self):
        run = omr("eval", "parts", "reward", "--pairs", 2, "--json", *EXACT)
        self.assert_done(run)
        self.assertEqual([event["event"] for event in run.events], ["reward"])

    def test_captions_may_leave_places_and_backgrounds_open(self):
        run = omr("eval", "parts", "drawer", "--captions", 2, "--unsaid", 1, "--steps", 2, "--seed", 9, "--json", *EXACT)
        self.assert_done(run)
        values = {value.split()[0] for value in run.events[0]["by_value"]}
        self.assertEqual(values, {"shape", "colour", "size"})

    def test_drawings_to_choose_from_become_pairs_that_a_reward_model_learns_from(self):
        out = self.folder / "E"
        run = omr("eval", "parts", "choice", "--captions", 4, "--candidates", 3, "--steps", 2, "--guidance-scale", 1, "--seed", 9,
                  "--json", "--out", out, *EXACT)
        self.assert_done(run)
        choice, = run.events
        self.assertEqual((choice["event"], choice["candidates"], choice["chosen"]["of"], choice["any"]["of"]), ("choice", 3, 4, 12))
        self.assertLessEqual(choice["chosen"]["right"], choice["best"]["right"])
        pairs = [json.loads(line) for line in (out / "pairs.jsonl").read_text().splitlines()]
        self.assertTrue(pairs, "two steps draw no twelve pictures alike")
        for pair in pairs:
            self.assertTrue((out / pair["chosen"]).is_file() and (out / pair["rejected"]).is_file())
        run = omr("train", "reward", "--init", PACK / "reward", "--scenes", "--size", "64", "--data", out / "pairs.jsonl", "--steps", 2,
                  "--batch", 2, "--held-out-pairs", 4, "--out", self.folder / "run", *EXACT)
        self.assert_done(run)
        self.assertIn(f"{len(pairs)} pair", run.stderr)
        self.assertIn("two sources", (self.folder / "run/train.html").read_text())

    def test_an_unknown_part_is_named(self):
        run = omr("eval", "parts", "painter")
        self.assertEqual(run.code, 2)
        self.assertIn("painter", run.stderr)


if __name__ == "__main__":
    unittest.main()
