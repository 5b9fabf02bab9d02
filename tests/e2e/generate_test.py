"""`omr generate`, `omr inspect`: files, numbering, events, metadata."""

import json
import struct
import unittest

from PIL import Image

from support import EXACT, PACK, REFERENCE, EndToEndTest, omr, pixels

QUICK = ("--steps", 2, *EXACT)


class Generate(EndToEndTest):
    def test_o_writes_exactly_that_file(self):
        out = self.folder / "a star.png"
        run = omr("generate", "a red star", "--seed", 3, "-o", out, "--json", *QUICK)
        self.assert_done(run)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["a star.png"])
        (event,) = run.events_of("image")
        self.assertEqual((event["prompt"], event["seed"]), ("a red star", 3))
        self.assertTrue(event["path"].endswith("a star.png"))

    def test_the_png_carries_its_recipe(self):
        out = self.folder / "x.png"
        self.assert_done(omr("generate", "a red star", "--negative-prompt", "a café", "--seed", 3, "-o", out, *QUICK))
        recipe = Image.open(out).text["parameters"]
        for part in ("a red star", "Negative prompt: a café", "Steps: 2", "Seed: 3", "Size: 64x64", "CFG scale:"):
            self.assertIn(part, recipe)

    def test_prompts_from_a_file_are_numbered_and_seeded_in_order(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_text("a red star\na blue circle\na green tree\n")
        out = self.folder / "images"
        run = omr("generate", "--prompts-file", prompts, "--seed", 20, "-o", out, "--json", *QUICK)
        self.assert_done(run)
        self.assertEqual(sorted(p.name for p in out.glob("*.png")), ["0001.png", "0002.png", "0003.png"])
        self.assertEqual([(e["prompt"], e["seed"]) for e in run.events_of("image")],
                         [("a red star", 20), ("a blue circle", 21), ("a green tree", 22)])
        alone = self.folder / "alone.png"
        self.assert_done(omr("generate", "a blue circle", "--seed", 21, "-o", alone, *QUICK))
        self.assert_same_picture(out / "0002.png", alone, mean=0.05, largest=1)

    def test_the_same_command_gives_the_same_bytes(self):
        one, two, other = (self.folder / name for name in ("1.png", "2.png", "3.png"))
        for out, seed in ((one, 5), (two, 5), (other, 6)):
            self.assert_done(omr("generate", "a red star", "--seed", seed, "-o", out, *QUICK))
        self.assertEqual(one.read_bytes(), two.read_bytes())
        self.assertGreater(abs(pixels(one) - pixels(other)).max(), 4)

    def test_a_lora_of_weight_zero_changes_nothing(self):
        lora = PACK / "lora/outline.safetensors"
        without, zero, full = (self.folder / name for name in ("without.png", "zero.png", "full.png"))
        self.assert_done(omr("generate", "a red star", "--seed", 5, "-o", without, *QUICK))
        self.assert_done(omr("generate", "a red star", "--seed", 5, "-o", zero, "--lora", f"{lora}:0", *QUICK))
        self.assert_done(omr("generate", "a red star", "--seed", 5, "-o", full, "--lora", lora, *QUICK))
        self.assertTrue((pixels(without) == pixels(zero)).all())
        self.assertGreater(abs(pixels(without) - pixels(full)).max(), 4)

    def test_stdout_holds_results_only(self):
        run = omr("generate", "a red star", "-o", self.folder / "x.png", "--json", *QUICK)
        self.assert_done(run)
        self.assertTrue(all("event" in event for event in run.events))
        self.assertNotIn(b"\x1b", run.out + run.err, "colour or a moving bar where no terminal is")


class LongPrompts(EndToEndTest):
    def test_a_prompt_beyond_the_window_is_said_to_be_chunked(self):
        run = omr("generate", ", ".join(["a small red star at the top left"] * 9), "-o", self.folder / "x.png", *QUICK)
        self.assert_done(run)
        self.assertRegex(run.stderr, r"longer than the text encoder's \d+ tokens: encoded in \d chunks")
        run = omr("generate", "a red star", "-o", self.folder / "y.png", *QUICK)
        self.assertNotIn("chunks", run.stderr)


class Inspect(EndToEndTest):
    def test_a_weight_file_is_listed(self):
        path = PACK / "unet/diffusion_pytorch_model.safetensors"
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        header.pop("__metadata__", None)
        run = omr("inspect", path)
        self.assert_done(run)
        self.assertIn(str(len(header)), run.out.decode())

    def test_a_lora_tells_its_rank(self):
        run = omr("inspect", PACK / "lora/outline.safetensors")
        self.assert_done(run)
        self.assertRegex(run.out.decode().lower(), r"rank\D{0,12}8\b")

    def test_a_model_folder_names_its_parts(self):
        run = omr("inspect", PACK)
        self.assert_done(run)
        for part in ("unet", "vae", "text_encoder", "reward", "refiner"):
            self.assertIn(part, run.out.decode())

    def test_a_picture_gives_its_recipe_back(self):
        out = self.folder / "x.png"
        self.assert_done(omr("generate", "a red star", "--seed", 3, "-o", out, *QUICK))
        run = omr("inspect", out)
        self.assert_done(run)
        self.assertIn("a red star", run.out.decode())

    def test_a_missing_path_is_refused(self):
        self.assert_refused(omr("inspect", REFERENCE / "no-such-file.safetensors"), "no-such-file.safetensors")


if __name__ == "__main__":
    unittest.main()
