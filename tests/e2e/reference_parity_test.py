"""The program against tests/data/scenes-reference: what diffusers, transformers and peft made of the pack."""

import json
import unittest

from support import EXACT, REFERENCE, EndToEndTest, omr, pixels

REFERENCES = json.loads((REFERENCE / "reference.json").read_text())


class ReferenceParity(EndToEndTest):
    def test_generate_draws_diffusers_images(self):
        for case in REFERENCES["images"]:
            with self.subTest(case["name"]):
                out = self.folder / f"{case['name']}.png"
                self.assert_done(self.generate(case, out, init=REFERENCE / case.get("init", "")))
                self.assert_same_picture(out, REFERENCE / f"{case['name']}.png")

    def test_the_limit_tells_different_pictures_apart(self):
        for one, other in (("ddim-star", "euler"), ("lora-0.6", "lora-1.0"), ("img2img-0.5", "img2img-0.8")):
            with self.subTest(f"{one} against {other}"):
                difference = abs(pixels(REFERENCE / f"{one}.png") - pixels(REFERENCE / f"{other}.png"))
                self.assertGreater(difference.max(), 4)

    def test_score_gives_the_base_towers_cosine(self):
        self.compare_scores(["--reward-adapter", "none"], "cosine", "score")

    def test_score_gives_the_adapters_cosine(self):
        self.compare_scores([], "cosine_with_adapter", "score_with_adapter")

    def compare_scores(self, options, cosine, score):
        for case in REFERENCES["scores"]:
            with self.subTest(image=case["image"], prompt=case["prompt"]):
                run = omr("score", REFERENCE / case["image"], "--prompt", case["prompt"], "--json",
                          "--reward-quant", "none", *options, *EXACT)
                self.assert_done(run)
                (event,) = run.events_of("score")
                self.assertAlmostEqual(event["cosine"], case[cosine], delta=1e-3)
                self.assertAlmostEqual(event["score"], case[score], delta=2e-2)
                self.assertEqual(event["prompt"], case["prompt"])

    def test_nf4_is_the_default_and_stays_near_fp32(self):
        image, prompt = REFERENCE / "ddim-star.png", REFERENCES["scores"][0]["prompt"]
        cosines = {}
        for name, options in (("default", []), ("nf4", ["--reward-quant", "nf4"]), ("none", ["--reward-quant", "none"])):
            run = omr("score", image, "--prompt", prompt, "--json", *options, *EXACT)
            self.assert_done(run)
            cosines[name] = run.events_of("score")[0]["cosine"]
        self.assertEqual(cosines["default"], cosines["nf4"])
        self.assertNotEqual(cosines["nf4"], cosines["none"])
        self.assertAlmostEqual(cosines["nf4"], cosines["none"], delta=0.1)

    def test_score_takes_several_images_in_order(self):
        names = ["ddim-house.png", "ddim-star.png"]
        run = omr("score", *(REFERENCE / name for name in names), "--prompt", "a blue circle", "--json",
                  "--reward-quant", "none", "--reward-adapter", "none", *EXACT)
        self.assert_done(run)
        expected = {c["image"]: c["cosine"] for c in REFERENCES["scores"] if c["prompt"] == "a blue circle"}
        for event, name in zip(run.events_of("score"), names, strict=True):
            self.assertTrue(event["image"].endswith(name))
            self.assertAlmostEqual(event["cosine"], expected[name], delta=1e-3)

    def test_rewrite_gives_the_tokens_of_greedy_decoding(self):
        end_of_sequence = 2
        for case in REFERENCES["refine"]:
            with self.subTest(case["feedback"]):
                run = omr("rewrite", case["prompt"], "--feedback", case["feedback"], "--json", *EXACT)
                self.assert_done(run)
                (event,) = run.events_of("rewrite")
                tokens = [t for t in event["tokens"] if t != end_of_sequence]
                self.assertEqual(tokens, [t for t in case["output_ids"] if t != end_of_sequence])
                self.assertFalse(event["fallback"])
                self.assertEqual(event["prompt"], case["refined"])


if __name__ == "__main__":
    unittest.main()
