# requires peers: reward
# requires peers: llm
# requires peers: lora
# requires peers: diffusion
"""`omr inspect` of whatever users bring: what it is, its sizes and types, its hash, what it lacks."""

import hashlib
import shutil
import unittest

from support import PACK, PEERS, EndToEndTest, omr


class Inspect(EndToEndTest):
    def inspect(self, path):
        run = omr("inspect", path, "--json")
        self.assert_done(run)
        return run.events

    def check_sizes(self, event):
        self.assertGreater(event["parameters"], 0)
        self.assertTrue(event["dtypes"])
        self.assertEqual(len(event["sha256"].split()[0]), 64)
        self.assertEqual(event["official"], "not a file that omr knows")

    def test_reward_models_of_every_kind(self):
        for name, family in (("model-gelu", "CLIPModel"), ("model-sharded", "CLIPModel"), ("open-clip-shapes", "OpenCLIP"),
                             ("open-clip-config", "OpenCLIP"), ("image-reward", "ImageReward (BLIP)")):
            with self.subTest(name):
                event = self.inspect(PEERS / "reward" / name)[0]
                self.assertEqual(event["part"], "reward")
                self.assertTrue(event["family"].startswith(family), event["family"])
                self.assertEqual(event["missing"], [])
                self.check_sizes(event)

    def test_what_a_reward_model_lacks_is_named(self):
        folder = self.folder / "reward"
        shutil.copytree(PEERS / "reward/image-reward", folder)
        (folder / "vocab.txt").unlink()
        self.assertIn("vocab.txt", self.inspect(folder)[0]["missing"][0])

    def test_refiners_of_every_family_and_packing(self):
        for name, family, quantization in (
                ("refiner", "llama, 2 layers 60 wide", "none"), ("chat-gemma", "gemma", "none"), ("chat-zephyr", "llama", "none"),
                ("model-nf4", "llama", "nf4 by bitsandbytes, 14 layers, double quantisation"),
                ("model-nf4-plain-absmax", "llama", "nf4 by bitsandbytes, 14 layers"), ("model-fp4", "llama", "fp4"),
                ("model-shards", "llama", "none")):
            with self.subTest(name):
                event = self.inspect(PEERS / "llm" / name)[0]
                self.assertEqual(event["part"], "refiner")
                self.assertTrue(event["family"].startswith(family), event["family"])
                self.assertTrue(event["quantization"].startswith(quantization), event["quantization"])
                self.check_sizes(event)
        refiner = self.inspect(PEERS / "llm/refiner")[0]
        self.assertEqual(refiner["instruction"], "refiner.json")
        self.assertRegex(refiner["adapter"], r"^\d+ layers of rank 3$")
        self.assertEqual(refiner["missing"], [])
        self.assertEqual(self.inspect(PEERS / "llm/chat-gemma")[0]["instruction"], "omr's own, in the folder's chat markup")
        self.assertIn("tokenizer.model", str(self.inspect(PEERS / "llm/model-nf4")[0]["missing"]))
        self.assertIn("fp4", str(self.inspect(PEERS / "llm/model-fp4")[0]["missing"]))

    def test_packed_weights_count_as_what_they_stand_for(self):
        packed, dense = (self.inspect(PEERS / "llm" / name)[0] for name in ("model-nf4", "model-dense-of-nf4"))
        self.assertEqual(packed["parameters"], dense["parameters"])
        self.assertLess(packed["bytes"], dense["bytes"])

    def test_loras_of_every_key_style(self):
        styles = {"lora/kohya": "kohya", "lora/diffusers": "PEFT", "diffusion/unet_sd2/old": None, "diffusion/unet_sd2/peft": "PEFT",
                  "diffusion/unet_sd2/kohya": "kohya"}
        for name, style in styles.items():
            with self.subTest(name):
                path = PEERS / f"{name}.safetensors"
                event = self.inspect(path)[0]
                self.assertEqual(event["kind"], "a LoRA")
                self.assertIn(event["lora_keys"], (style,) if style else ("diffusers (old)", "attention processors"))
                self.assertGreater(event["lora_layers"], 0)
                self.assertTrue(event["lora_ranks"])
                self.assertEqual(event["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())

    def test_parts_and_adapters_on_their_own(self):
        for name in ("unet", "vae", "text_encoder"):
            self.assertEqual(self.inspect(PACK / name)[0]["part"], name)
        adapter = self.inspect(PACK / "reward/adapter")[0]
        self.assertEqual(adapter["event"], "adapter")
        self.check_sizes(adapter)

    def test_a_whole_folder_tells_of_refiner_and_reward_model_too(self):
        parts = {event["part"]: event for event in self.inspect(PACK) if event["event"] == "part"}
        self.assertEqual(set(parts), {"text_encoder", "unet", "vae", "reward", "refiner"})
        self.assertIn("rank", parts["reward"]["adapter"])
        self.assertEqual(parts["refiner"]["missing"], [])

    def test_of_an_unknown_folder_it_is_said_why_it_is_of_no_use(self):
        self.assert_refused(omr("inspect", PACK / "lora"), "holds nothing that omr knows")
        (self.folder / "config.json").write_text('{"_class_name": "FluxTransformer2DModel"}')
        self.assertIn("a FluxTransformer2DModel", self.inspect(self.folder)[0]["problem"])


if __name__ == "__main__":
    unittest.main()
