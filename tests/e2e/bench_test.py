"""`omr bench` times each part, and holds a run against times measured before."""

import json
import unittest

from support import EndToEndTest, omr

QUICK = ("--repeats", 1, "--threads", 1, "--device", "cpu")


class Bench(EndToEndTest):
    def against(self, *events):
        file = self.folder / "before.jsonl"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        return ("--against", file)

    def test_every_part_of_a_round_is_timed(self):
        run = omr("bench", "--candidates", 2, "--json", *QUICK)
        self.assert_done(run)
        parts = {event["part"]: event["value"] for event in run.events_of("bench")}
        self.assertLessEqual({"text_encoder", "unet_step", "vae_decode", "image", "refine", "round"}, set(parts))
        self.assertGreater(parts["round"], parts["candidates"])
        self.assertFalse(any("ratio" in event for event in run.events))

    def test_ratios_to_earlier_times_and_to_the_peers_are_printed(self):
        before = self.against({"event": "bench", "part": "train_vae", "value": 1e3, "unit": "s/step"},
                              {"event": "bench", "part": "train_unet", "omr": 1.0, "peers": 1e4, "unit": "s/step"},
                              {"event": "bench", "part": "train_clip", "omr": 1.0, "peers": None, "unit": "s/step"})
        run = omr("bench", "--train", "--batch", 1, "--json", *QUICK, *before)
        self.assert_done(run)
        parts = {event["part"]: event for event in run.events_of("bench")}
        self.assertAlmostEqual(parts["train_vae"]["ratio"] * parts["train_vae"]["value"], 1e3)
        self.assertAlmostEqual(parts["train_unet"]["ratio"] * parts["train_unet"]["value"], 1e4)
        self.assertNotIn("ratio", parts["train_clip"])
        shown = omr("bench", "--train", "--batch", 1, *QUICK, *before)
        self.assert_done(shown)
        columns = {line.split()[0]: line.split() for line in shown.out.decode().splitlines()}
        self.assertEqual([len(columns[part]) for part in ("train_vae", "train_clip")], [4, 3])

    def test_of_speeds_more_is_faster(self):
        run = omr("bench", "--candidates", 1, "--json", *QUICK,
                  *self.against({"part": "refiner", "value": 0.5, "unit": "tokens/s"}))
        self.assert_done(run)
        (refiner,) = [event for event in run.events_of("bench") if event["part"] == "refiner"]
        self.assertAlmostEqual(refiner["ratio"], refiner["value"] / 0.5)

    def test_a_file_without_times_is_refused(self):
        for text in ('{"event": "round"}\n', "no json\n", ""):
            file = self.folder / "wrong.jsonl"
            file.write_text(text)
            run = omr("bench", *QUICK, "--against", file)
            self.assert_refused(run, "wrong.jsonl")


if __name__ == "__main__":
    unittest.main()
