# requires peers: lora
"""Adapters that omr saves, read by diffusers and peft."""

import os
import pathlib
import subprocess
import unittest

from support import BINARY, PEERS, EndToEndTest


class SavedLoras(EndToEndTest):
    def setUp(self):
        super().setUp()
        test = pathlib.Path(BINARY).parent / "tests/omr_pipeline_test"
        subprocess.run([test, "--gtest_filter=*FilesForThePeersAreWritten"], check=True, capture_output=True,
                       env=os.environ | {"OMR_SAVED_LORAS": str(self.folder)})
        from safetensors.torch import load_file
        self.expected = load_file(PEERS / "lora/expected.safetensors")

    def computed(self, file):
        """What diffusers' UNet and text encoder make of the inputs, with this adapter on."""
        import torch
        from diffusers import StableDiffusionPipeline
        pipeline = StableDiffusionPipeline.from_pretrained(PEERS / "lora/model", safety_checker=None)
        pipeline.load_lora_weights(self.folder / file)
        ids = pipeline.tokenizer("a red star", padding="max_length", max_length=48, return_tensors="pt").input_ids
        with torch.no_grad():
            sample, timestep, context = (self.expected[name] for name in ("sample", "timestep", "context"))
            return {"unet": pipeline.unet(sample, timestep, context).sample, "text": pipeline.text_encoder(ids)[0]}

    def difference(self, found, wanted):
        return ((found - wanted).abs().max() / wanted.abs().max()).item()

    def test_pefts_keys_give_diffusers_the_adapter_back(self):
        found = self.computed("peft.safetensors")
        for name in ("unet", "text"):
            wanted = self.expected[f"{name}_diffusers"]
            self.assertGreater(self.difference(self.expected[f"{name}_off"], wanted), 1e-2)
            self.assertLess(self.difference(found[name], wanted), 1e-4)

    def test_kohyas_keys_are_to_diffusers_what_pefts_are(self):
        kohya, peft = (self.computed(f"some-{style}.safetensors")["unet"] for style in ("kohya", "peft"))
        self.assertGreater(self.difference(self.expected["unet_off"], peft), 1e-3)
        self.assertLess(self.difference(kohya, peft), 1e-4)


if __name__ == "__main__":
    unittest.main()
