# requires peers: reward
"""Reward models of every kind in `omr score` and in a session."""

import json
import unittest

from support import EXACT, PEERS, REFERENCE, EndToEndTest, omr

STAR = REFERENCE / "ddim-star.png"


class RewardFamilies(EndToEndTest):
    def test_every_kind_of_reward_model_scores_a_picture(self):
        scores = []
        for name in ("model-gelu", "open-clip-shapes", "open-clip-config", "image-reward"):
            run = omr("score", STAR, "--prompt", "a red star", "--reward", PEERS / "reward" / name,
                      "--reward-adapter", "none", "--json", *EXACT)
            self.assert_done(run)
            scores.append(run.events[0]["score"])
        self.assertEqual(len(set(scores)), 4)

    def test_a_session_journals_image_rewards_own_score(self):
        reward = PEERS / "reward" / "image-reward"
        run = omr("refine", "--reward", reward, "--steps", "1", "--seed", "1", "--candidates", "2", "--out", self.folder,
                  *EXACT, stdin="a red star\n/quit\n")
        self.assert_done(run)
        journal = [json.loads(line) for line in (self.folder / "session.jsonl").read_text().splitlines()]
        self.assertEqual(len(journal[0]["sha256"]["reward"]), 64)
        self.assertEqual(journal[0]["settings"]["references"], {}, "the pack's are of another model's scores")
        round_ = next(line for line in journal if line["event"] == "round")
        for candidate in round_["candidates"]:
            scored = omr("score", self.folder / candidate["image"], "--prompt", round_["prompt"], "--reward", reward,
                         "--json", *EXACT)
            self.assert_done(scored)
            self.assertAlmostEqual(scored.events[0]["score"], candidate["raw"]["pref"], places=4)


if __name__ == "__main__":
    unittest.main()
