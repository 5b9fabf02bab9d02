"""The pack in models/, as it is shipped."""

import os
import unittest

from support import EXACT, ROOT, EndToEndTest, omr

SHIPPED = {name: value for name, value in os.environ.items() if name != "OMR_MODELS"}
SCENES = ROOT / "models/scenes"


class EmbeddedPack(EndToEndTest):
    def test_it_is_whole_and_small(self):
        self.assert_done(omr("inspect", SCENES, env=SHIPPED))
        self.assertLess(sum(path.stat().st_size for path in SCENES.rglob("*.safetensors")), 24e6)

    def test_it_refines_a_picture(self):
        run = omr("refine", "a small red star on a navy background", "--steps", 2, "--seed", 1, "--out", self.folder / "session",
                  "--json", *EXACT, stdin="make it blue\n/accept\n", env=SHIPPED)
        self.assert_done(run)
        prompts = [event["prompt"] for event in run.events_of("round")]
        self.assertEqual(prompts[-1], "a small blue star on a navy background")

    def test_it_draws_what_captions_say(self):
        run = omr("eval", "parts", "drawer", "--captions", 24, "--seed", 31, "--json", *EXACT, env=SHIPPED)
        self.assert_done(run)
        (skill,) = run.events_of("drawer")
        self.assertGreater(skill["attributes"]["right"], 0.94 * skill["attributes"]["of"])

    def test_the_refiner_writes_what_was_asked_for(self):
        run = omr("eval", "parts", "refiner", "--edits", 60, "--seed", 31, "--json", *EXACT, env=SHIPPED)
        self.assert_done(run)
        (skill,) = run.events_of("refiner")
        self.assertGreater(skill["single_edits"]["right"], 45)
        self.assertGreater(skill["double_edits"]["right"], 27)
        self.assertGreater(skill["single_edits_read"]["right"], 55)
        self.assertGreater(skill["double_edits_read"]["right"], 47)

    def test_the_reward_model_prefers_the_right_picture(self):
        run = omr("eval", "parts", "reward", "--pairs", 200, "--seed", 31, "--json", *EXACT, env=SHIPPED)
        self.assert_done(run)
        (skill,) = run.events_of("reward")
        self.assertGreater(skill["pairs"]["right"], 188)


if __name__ == "__main__":
    unittest.main()
