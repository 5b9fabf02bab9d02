# requires peers: single_file
# requires peers: inpainting
# requires peers: lora
"""Files that users bring: single-file checkpoints, JPEGs, masks, adapters."""

import json
import shutil
import unittest

import numpy
from safetensors.numpy import load_file, save_file

from support import EXACT, PACK, PEERS, EndToEndTest, copy_of_pack, omr, pixels, replace

SMALL = ("--steps", 3, "--size", "48x32", "--seed", 3, *EXACT)


class SingleFiles(EndToEndTest):
    def test_pictures_are_drawn_from_every_family(self):
        for name in ("sd1", "sd2_base", "sd2_v", "sd1_float8_e4m3fn"):
            with self.subTest(name):
                out = self.folder / f"{name}.png"
                run = omr("generate", "a red star", "--model", PEERS / "single_file" / name / "model.safetensors",
                          "-o", out, *SMALL)
                self.assert_done(run)
                self.assertEqual(pixels(out).shape, (32, 48, 3))

    def test_a_prediction_type_against_the_models_answer_is_warned_about(self):
        model = PEERS / "single_file/sd2_v/model.safetensors"
        run = omr("generate", "a red star", "--model", model, "--prediction", "epsilon",
                  "-o", self.folder / "x.png", *SMALL)
        self.assert_done(run)
        self.assertIn("answers like one of v_prediction", run.stderr)

    def test_a_prediction_type_against_the_models_own_word_is_warned_about(self):
        for given, told in (("sample", "is by its own word one of v_prediction"), ("v", "")):
            run = omr("generate", "a red star", "--prediction", given, "-o", self.folder / "x.png", *SMALL)
            self.assert_done(run)
            self.assertIn(told, run.stderr)
            self.assertEqual("warning" in run.stderr, bool(told))

    def test_without_a_tokenizer_it_is_said_what_goes_where(self):
        alone = self.folder / "model.safetensors"
        shutil.copy(PEERS / "single_file/sd1/model.safetensors", alone)
        self.assert_refused(omr("generate", "a star", "--model", alone, "-o", self.folder / "x.png"),
                            "vocab.json", str(self.folder / "tokenizer"), "--tokenizer")
        self.assert_done(omr("generate", "a star", "--model", alone, "--tokenizer", PACK / "tokenizer",
                             "-o", self.folder / "x.png", *SMALL))

    def test_inspect_tells_family_prediction_and_parts(self):
        run = omr("inspect", PEERS / "single_file/sd2_base/model.safetensors", "--json")
        self.assert_done(run)
        model = run.events_of("model")[0]
        self.assertEqual(model["family"], "Stable Diffusion 2.x")
        self.assertIn("875000", model["prediction_type"])
        self.assertEqual(model["missing"], [])
        self.assertEqual({e["part"] for e in run.events_of("part")}, {"text_encoder", "unet", "vae"})

    def test_sd_turbo_is_known_by_its_layout_and_drawn_in_four_steps(self):
        model = PEERS / "single_file/sd2_turbo/model.safetensors"
        inspected = omr("inspect", model, "--json").events_of("model")[0]
        self.assertIn("SD-Turbo", inspected["family"])
        out = self.folder / "x.png"
        self.assert_done(omr("generate", "a red star", "--model", model, "--size", "48x32", "--seed", 3,
                             "-o", out, *EXACT))
        recipe = omr("inspect", out).out.decode()
        self.assertIn("Steps: 4", recipe)
        self.assertIn("CFG scale: 1", recipe)

    def test_inspect_says_why_an_unknown_file_is_of_no_use(self):
        run = omr("inspect", PEERS / "single_file/sd1/expected.safetensors", "--json")
        self.assert_done(run)
        self.assertIn("no UNet", run.events[0]["as_model"])
        self.assertIn("no LoRA", run.events[0]["as_lora"])

    def test_a_lora_of_which_something_is_left_out_is_warned_about(self):
        lora = self.folder / "more.safetensors"
        tensors = load_file(PEERS / "lora/diffusers.safetensors")
        save_file(tensors | {"lora_unet_conv_in.diff": numpy.ones((2, 2), numpy.float32)}, lora)
        run = omr("generate", "a red star", "--model", PEERS / "lora/model", "--lora", lora,
                  "-o", self.folder / "x.png", *SMALL)
        self.assert_done(run)
        self.assertIn("warning", run.stderr)
        self.assertIn("left out: lora_unet_conv_in.diff", run.stderr)

    def test_a_lora_for_another_model_is_refused_in_one_line(self):
        self.assert_refused(omr("generate", "a star", "--lora", PEERS / "lora/kohya.safetensors",
                                "-o", self.folder / "x.png"), "is for another model")


class Schedulers(EndToEndTest):
    def draw(self, *options, **config):
        model = copy_of_pack(self.folder)
        path = model / "scheduler/scheduler_config.json"
        replace(path, json.dumps(json.loads(path.read_text()) | config))
        run = omr("generate", "a red star", "--model", model, *options, "-o", self.folder / "x.png", *SMALL)
        shutil.rmtree(model)
        return run

    def test_a_scheduler_that_is_not_computed_leaves_the_others_usable(self):
        for cls, key, value in (("DPMSolverMultistepScheduler", "algorithm_type", "sde-dpmsolver++"),
                                ("EulerDiscreteScheduler", "sigma_max", 10.0),
                                ("LMSDiscreteScheduler", "use_exponential_sigmas", True)):
            with self.subTest(cls):
                run = self.draw(_class_name=cls, **{key: value})
                self.assert_done(run)
                self.assertIn(f'"{key}" is', run.stderr)
                self.assertIn("drawn with ddim unless --scheduler", run.stderr)
                self.assert_done(self.draw("--scheduler", "lcm", _class_name=cls, **{key: value}))
        run = self.draw("--scheduler", "dpmpp_2m", _class_name="DDIMScheduler", algorithm_type="sde-dpmsolver++")
        self.assertIn('omr computes "dpmsolver++" only', run.stderr)


class Pictures(EndToEndTest):
    def test_a_mask_keeps_the_rest_of_a_jpeg(self):
        inputs = PEERS / "inpainting"
        common = ["generate", "a red star", "--model", inputs / "model_4", "--init-image", inputs / "picture.jpg",
                  "--steps", 4, "--size", "56x40", *EXACT]
        first, second = self.folder / "1.png", self.folder / "2.png"
        for seed, out in ((1, first), (2, second)):
            self.assert_done(omr(*common, "--mask", inputs / "mask.png", "--seed", seed, "-o", out))
        difference = abs(pixels(first) - pixels(second)).sum(-1)
        # The mask's white lies at columns 12 to 44, rows 8 to 30; the VAE's view of it reaches further.
        self.assertGreater(difference[10:28, 16:40].mean(), 2 * difference[-6:, -8:].mean())

    def test_a_mask_holds_through_a_session_and_its_resumption(self):
        inputs = PEERS / "inpainting"
        for channels in (4, 9):
            with self.subTest(f"UNet of {channels} channels"):
                folder = self.folder / str(channels)
                model = ("--model", inputs / f"model_{channels}", "--no-refiner", "--no-reward", *EXACT)
                run = omr("refine", "a red star", *model, "--init-image", inputs / "picture.jpg",
                          "--mask", inputs / "mask.png", "--steps", 4, "--size", "56x40", "--seed", 1,
                          "--out", folder, stdin="make it blue\n")
                self.assert_done(run)
                self.assert_done(omr("refine", "--resume", folder, *model, stdin="a moon instead\n"))
                pictures = [pixels(folder / f"round-00{i}.png") for i in (1, 2, 3)]
                for before, after in zip(pictures, pictures[1:]):
                    difference = abs(before - after).sum(-1)
                    self.assertGreater(difference.max(), 0)
                    if channels == 9:  # an untrained UNet that sees the mask need not heed it
                        continue
                    self.assertGreater(difference[10:28, 16:40].mean(), 2 * difference[-6:, -8:].mean())

    def test_a_mask_without_a_picture_is_refused(self):
        mask = ("--mask", PEERS / "inpainting/mask.png")
        self.assert_refused(omr("generate", "a star", *mask, "-o", self.folder / "x.png"), "--init-image")
        self.assert_refused(omr("refine", "a star", *mask, "--out", self.folder / "s"), "--init-image")


if __name__ == "__main__":
    unittest.main()
