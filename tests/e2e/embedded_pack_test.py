"""The packs in models/, as they are shipped."""

import os
import pathlib
import unittest

from support import EXACT, ROOT, EndToEndTest, omr

SHIPPED = {name: value for name, value in os.environ.items() if name != "OMR_MODELS"}
PACKS = [ROOT / "models/scenes", ROOT / "models/scenes-128"]


class EmbeddedPack(EndToEndTest):
    def test_every_pack_is_whole_and_small(self):
        for pack in PACKS:
            with self.subTest(pack.name):
                self.assert_done(omr("inspect", pack, env=SHIPPED))
                files = {path.resolve() for path in pathlib.Path(pack).rglob("*.safetensors")}
                files |= {path.resolve() for link in pack.iterdir() for path in link.rglob("*.safetensors")}
                self.assertLess(sum(path.stat().st_size for path in files), 24e6)

    def test_every_pack_refines_a_picture(self):
        for pack in PACKS:
            with self.subTest(pack.name):
                run = omr("refine", "a small red star on a navy background", "--model", pack, "--steps", 2, "--seed", 1,
                          "--out", self.folder / pack.name, "--json", *EXACT, stdin="make it blue\n/accept\n", env=SHIPPED)
                self.assert_done(run)
                prompts = [event["prompt"] for event in run.events_of("round")]
                self.assertEqual(prompts[-1], "a small blue star on a navy background")

    def test_the_refiner_writes_what_was_asked_for(self):
        run = omr("eval", "parts", "refiner", "--edits", 60, "--seed", 31, "--json", *EXACT, env=SHIPPED)
        self.assert_done(run)
        (skill,) = run.events_of("refiner")
        self.assertGreater(skill["single_edits"]["right"], 39)
        self.assertGreater(skill["double_edits"]["right"], 19)


if __name__ == "__main__":
    unittest.main()
