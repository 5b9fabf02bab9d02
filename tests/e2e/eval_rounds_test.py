# requires peers: lpips
"""omr eval rounds with LPIPS: what changes outside of what was to change."""

import json
import unittest

from support import EXACT, PEERS, EndToEndTest, omr

LPIPS = PEERS / "lpips/lpips.safetensors"
ROUNDS = ("eval", "rounds", "--targets", 3, "--drawer", "perfect", "--arms", "perfect-listener", "--candidates", 1, "--seed", 5, *EXACT)


class EvalRounds(EndToEndTest):
    def test_lpips_stands_beside_the_pixels_difference(self):
        run = omr(*ROUNDS, "--json", "--lpips", LPIPS, "--out", self.folder / "E")
        self.assert_done(run)
        arm = run.events_of("summary")[0]["arms"]["perfect-listener"]
        rounds = [r for line in (self.folder / "E/dialogues.jsonl").read_text().splitlines() for r in json.loads(line)["rounds"]]
        measured = [r["perceptual_change_elsewhere"] for r in rounds if "change_elsewhere" in r]
        self.assertTrue(measured)
        self.assertAlmostEqual(arm["perceptual_change_elsewhere"], sum(measured) / len(measured))
        for r in rounds:
            # Both see the same pixels: one is zero where the other is.
            if "change_elsewhere" in r:
                self.assertEqual(r["change_elsewhere"] == 0, r["perceptual_change_elsewhere"] < 1e-7)
        self.assertIn(f"{arm['perceptual_change_elsewhere']:.4f}", (self.folder / "E/report.html").read_text())

    def test_without_it_nothing_is_said(self):
        run = omr(*ROUNDS, "--json")
        self.assert_done(run)
        self.assertIsNone(run.events_of("summary")[0]["arms"]["perfect-listener"]["perceptual_change_elsewhere"])

    def test_what_cannot_be_measured_is_refused(self):
        self.assert_refused(omr(*ROUNDS, "--lpips", self.folder / "gone.safetensors"), "gone.safetensors")
        self.assert_refused(omr(*ROUNDS, "--lpips", LPIPS, "--recorded", self.folder / "dialogues.jsonl"), "--recorded")


if __name__ == "__main__":
    unittest.main()
