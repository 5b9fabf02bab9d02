# label: full
"""PickScore's CLIP ViT-H, HPSv2's layout of it, CLIP ViT-L and ImageReward at full size: published configs, random weights.

Needs about 10 GB of memory and 4 GB of disk.
"""

import gc
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

from support import BINARY, PACK, ROOT, EndToEndTest

os.environ["TORCHDYNAMO_DISABLE"] = "1"
sys.path.insert(0, str(ROOT / "tests/peers"))

TEXTS = ["a red star", "a large blue circle at the top left on a grey background"]
VIT_H = dict(
    projection_dim=1024,
    text_config=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16,
                     hidden_act="gelu", eos_token_id=2),
    vision_config=dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16,
                       patch_size=14, hidden_act="gelu"),
)
VIT_L = dict(
    projection_dim=768,
    text_config=dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, eos_token_id=2),
    vision_config=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14),
)
# ImageReward v1.0: BLIP-large's picture tower, BERT-base.
BLIP = dict(
    side=224, patch=16, projection=256,
    vision=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16),
    text=dict(vocab_size=30524, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              max_position_embeddings=512),
)


class RewardModels(EndToEndTest):
    def check(self, config, open_clip=False, nf4=False):
        import torch
        from make_reward import embeddings, quantize, random_image, to_open_clip, to_pil
        from safetensors.torch import save_file
        from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer
        torch.manual_seed(0)
        model = CLIPModel(CLIPConfig(**config)).half().float().eval()
        if open_clip:
            state = {k: v.half().contiguous() for k, v in to_open_clip(dict(model.state_dict())).items()}
            save_file(state, self.folder / "open_clip_model.safetensors")
            state = None
        else:
            model.half().save_pretrained(self.folder)
            model.float()
        for file in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copyfile(PACK / "reward" / file, self.folder / file)
        processor = CLIPImageProcessorPil()
        if not open_clip:
            processor.save_pretrained(self.folder)
        if nf4:
            quantize(model)
        tokens = CLIPTokenizer.from_pretrained(self.folder)(TEXTS, padding=True, truncation=True, return_tensors="pt")
        images = [random_image(512, 512), random_image(300, 400)]
        pixels = processor(images=[to_pil(image) for image in images], return_tensors="pt")["pixel_values"]
        begin = time.monotonic()
        found = embeddings(model, {k: tokens[k] for k in ("input_ids", "attention_mask")}, pixels)
        seconds = time.monotonic() - begin
        scale = model.logit_scale.exp().item()
        tensors = found | {"preferences": scale * found["text"] @ found["image"].T}
        tensors |= {f"picture{i}": image for i, image in enumerate(images)}
        save_file({k: v.detach().contiguous() for k, v in tensors.items()}, self.folder / "expected.safetensors")
        (self.folder / "case.json").write_text(json.dumps({"texts": TEXTS}))
        model = None
        gc.collect()
        self.run_omr(nf4, seconds)

    def run_omr(self, nf4=False, seconds=None):
        test = pathlib.Path(BINARY).parent / "tests/omr_reward_test"
        variables = {"OMR_FULL_MODEL": str(self.folder)} | ({"OMR_FULL_NF4": "1"} if nf4 else {})
        begin = time.monotonic()
        done = subprocess.run([test, "--gtest_filter=FullRewardModelTest.*"], capture_output=True, text=True,
                              env=os.environ | variables)
        told = [line for line in done.stdout.splitlines() if line.startswith(("difference", "peak"))]
        peer = f" (transformers {seconds:.0f} s without loading)" if seconds is not None else ""
        print(f"\n{self.id()}: {time.monotonic() - begin:.0f} s{peer}", *told, sep="\n  ", flush=True)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertEqual(len(told), 4)

    def test_clip_vit_l(self):
        self.check(VIT_L)

    def test_pickscore_vit_h_packed(self):
        self.check(VIT_H, nf4=True)

    def test_hpsv2_vit_h_of_open_clip(self):
        self.check(VIT_H, open_clip=True)

    def test_image_reward(self):
        import torch
        from make_reward import make_image_reward
        from safetensors.torch import load_file, save_file
        torch.manual_seed(0)
        make_image_reward(self.folder, BLIP, ("none",), torch.float16)
        made = load_file(self.folder / "expected.safetensors")
        found = {key: made[f"none.{key}"] for key in ("text", "image", "preferences")}
        found["image"], found["preferences"] = found["image"][:2].contiguous(), found["preferences"][:, :2].contiguous()
        save_file(found | {key: value for key, value in made.items() if key.startswith("picture")},
                  self.folder / "expected.safetensors")
        self.run_omr()

    def test_pickscore_vit_h(self):
        self.check(VIT_H)


if __name__ == "__main__":
    unittest.main()
