# requires peers: pack
"""The program against diffusers, transformers and peft run just before, on prompts, seeds and sizes that no
file in the repository holds."""

import json
import unittest

from support import EXACT, PEERS, EndToEndTest, omr


class LiveParity(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.peers = PEERS / "pack"
        self.cases = json.loads((self.peers / "cases.json").read_text())

    def test_generate_draws_diffusers_images(self):
        for case in self.cases["images"]:
            with self.subTest(case["name"]):
                out = self.folder / f"{case['name']}.png"
                self.assert_done(self.generate(case, out, init=self.peers / f"{case.get('init')}.png"))
                self.assert_same_picture(out, self.peers / f"{case['name']}.png")

    def test_score_matches_on_images_of_other_shapes(self):
        for case in self.cases["scores"]:
            for options, key in ((["--reward-adapter", "none"], "cosine"), ([], "cosine_with_adapter")):
                with self.subTest(image=case["image"], prompt=case["prompt"], key=key):
                    run = omr("score", self.peers / case["image"], "--prompt", case["prompt"], "--json",
                              "--reward-quant", "none", *options, *EXACT)
                    self.assert_done(run)
                    self.assertAlmostEqual(run.events_of("score")[0]["cosine"], case[key], delta=1e-3)

    def test_rewrite_gives_the_tokens_of_greedy_decoding(self):
        for case in self.cases["refine"]:
            with self.subTest(case["feedback"]):
                run = omr("rewrite", case["prompt"], "--feedback", case["feedback"], "--json", *EXACT)
                self.assert_done(run)
                tokens = [t for t in run.events_of("rewrite")[0]["tokens"] if t != 2]
                self.assertEqual(tokens, [t for t in case["output_ids"] if t != 2])


if __name__ == "__main__":
    unittest.main()
