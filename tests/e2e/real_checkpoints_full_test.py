# label: full
"""Stable Diffusion 1.5, 2.1 and SD-Turbo at full size: published configs, random weights, saved by diffusers.

Needs about 16 GB of memory and 8 GB of disk.
"""

import gc
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
import unittest

from support import BINARY, PACK, ROOT, EndToEndTest, omr

sys.path.insert(0, str(ROOT / "tests/peers"))

PROMPT = "a red star on the left"
UNET = dict(sample_size=64, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)
UNET_1 = UNET | dict(cross_attention_dim=768, attention_head_dim=8)
UNET_2 = UNET | dict(cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True)
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
TEXT_1 = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              hidden_act="quick_gelu")
TEXT_2 = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
              hidden_act="gelu")
SCHEDULER = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
                 steps_offset=1)


def build(unet, text, scheduler, prediction):
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
    torch.manual_seed(0)
    kinds = {"ddim": (DDIMScheduler, dict(clip_sample=False, set_alpha_to_one=False)),
             "pndm": (PNDMScheduler, dict(skip_prk_steps=True, set_alpha_to_one=False)),
             "turbo": (EulerDiscreteScheduler, dict(timestep_spacing="trailing"))}
    cls, extra = kinds[scheduler]
    tokenizer = CLIPTokenizer.from_pretrained(PACK / "tokenizer", model_max_length=77,
                                              pad_token="!" if text is TEXT_2 else "<|endoftext|>")
    models = (AutoencoderKL(**VAE), CLIPTextModel(CLIPTextConfig(eos_token_id=2, **text)), tokenizer,
              UNet2DConditionModel(**unet))
    pipeline = StableDiffusionPipeline(*models, cls(prediction_type=prediction, **SCHEDULER, **extra), None, None,
                                       requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    # As stored: half precision, computed with in single.
    for model in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
        model.half().float().eval()
    return pipeline


def with_lora(pipeline, tensors, file):
    """A LoRA of rank 8 on the UNet's attention, saved by diffusers, and what the UNet makes of the inputs with it."""
    import peft
    import torch
    from diffusers import StableDiffusionPipeline
    unet = pipeline.unet
    unet.add_adapter(peft.LoraConfig(r=8, lora_alpha=12, init_lora_weights="gaussian",
                                     target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
        tensors["unet_lora"] = unet(tensors["sample"], tensors["timestep"], tensors["context"]).sample.contiguous()
    StableDiffusionPipeline.save_lora_weights(
        file.parent, unet_lora_layers=peft.get_peft_model_state_dict(unet), weight_name=file.name,
        unet_lora_adapter_metadata=unet.peft_config["default"].to_dict())
    unet.unload_lora()  # the layers are as they were, under their own names


def expected_of(pipeline, case):
    import torch
    with torch.no_grad():
        channels = pipeline.unet.config.in_channels
        tensors = {"sample": torch.randn(1, channels, 24, 16), "timestep": torch.tensor([621.0]),
                   "context": torch.randn(1, 77, pipeline.unet.config.cross_attention_dim),
                   "latents": torch.randn(1, 4, 12, 16), "picture": torch.rand(1, 3, 64, 96) * 2 - 1}
        tensors["unet"] = pipeline.unet(tensors["sample"], tensors["timestep"], tensors["context"]).sample
        tensors["pixels"] = pipeline.vae.decode(tensors["latents"]).sample
        tensors["moments"] = pipeline.vae.encode(tensors["picture"]).latent_dist.mean
        ids = pipeline.tokenizer(PROMPT, padding="max_length", max_length=77, return_tensors="pt").input_ids
        tensors["states"] = pipeline.text_encoder(ids)[0]
        if channels != 4:
            return {k: v.contiguous() for k, v in tensors.items()}
        tensors["drawn"] = pipeline(PROMPT, width=case["width"], height=case["height"],
                                    num_inference_steps=case["steps"], guidance_scale=case["guidance_scale"],
                                    generator=torch.Generator().manual_seed(5), output_type="latent").images
    return {k: v.contiguous() for k, v in tensors.items()}


class RealCheckpoints(EndToEndTest):
    def check(self, parts, save, model, **options):
        """`parts` are build()'s arguments: the peer's model lives here only, and is gone when omr runs."""
        from safetensors.torch import save_file
        pipeline = build(*parts)
        case = {"model": model, "prompt": PROMPT, "steps": 3, "guidance_scale": 5.0, "width": 192, "height": 128}
        case |= options
        (self.folder / "case.json").write_text(json.dumps(case))
        expected = expected_of(pipeline, case)
        if case.get("lora"):
            with_lora(pipeline, expected, self.folder / case["lora"])
        save_file(expected, self.folder / "expected.safetensors")
        save(pipeline)
        pipeline = None
        gc.collect()
        test = pathlib.Path(BINARY).parent / "tests/omr_pipeline_test"
        begin = time.monotonic()
        done = subprocess.run([test, "--gtest_filter=FullModelTest.*"], capture_output=True, text=True,
                              env=os.environ | {"OMR_FULL_MODEL": str(self.folder)})
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        differences = [line for line in done.stdout.splitlines() if line.startswith("difference")]
        print(f"\n{self.id()}: {time.monotonic() - begin:.0f} s, {peak:.1f} GiB at most", *differences, sep="\n  ")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertEqual(len(differences), 4 + ("drawn" in expected) + ("unet_lora" in expected))

    def test_stable_diffusion_1_5_in_half_precision_shards(self):
        def save(pipeline):
            for name in ("unet", "vae", "text_encoder"):
                getattr(pipeline, name).half()
            pipeline.save_pretrained(self.folder / "model", variant="fp16", max_shard_size="700MB")

        self.check((UNET_1, TEXT_1, "pndm", "epsilon"), save, "model")

    def test_stable_diffusion_2_1_in_a_single_file(self):
        import torch
        from make_single_file import check_with_diffusers, text_to_open_clip, unet_to_ldm, vae_to_ldm
        from safetensors.torch import save_file
        def save(pipeline):
            text = {k.removeprefix("text_model."): v for k, v in pipeline.text_encoder.state_dict().items()}
            file = unet_to_ldm(pipeline.unet.state_dict(), 2) | vae_to_ldm(pipeline.vae.state_dict(), 4)
            file |= text_to_open_clip(text, 23)
            check_with_diffusers(file, pipeline.unet, pipeline.vae, pipeline.text_encoder, 2)
            save_file({k: v.to(torch.float16).contiguous() for k, v in file.items()},
                      self.folder / "model.safetensors",
                      metadata={"modelspec.architecture": "stable-diffusion-v2-768-v"})
            shutil.copytree(PACK / "tokenizer", self.folder / "tokenizer",
                            ignore=shutil.ignore_patterns("*config*", "special*"))

        self.check((UNET_2, TEXT_2, "ddim", "v_prediction"), save, "model.safetensors", lora="lora.safetensors")
        listed = omr("inspect", self.folder / "model.safetensors", "--json")
        self.assert_done(listed)
        self.assertEqual(listed.events[0]["family"], "Stable Diffusion 2.x")
        self.assertEqual(listed.events[0]["missing"], [])

    def test_stable_diffusion_2_inpainting_in_a_folder(self):
        def save(pipeline):
            for name in ("unet", "vae", "text_encoder"):
                getattr(pipeline, name).half()
            pipeline.save_pretrained(self.folder / "model", variant="fp16")

        self.check((UNET_2 | {"in_channels": 9}, TEXT_2, "pndm", "epsilon"), save, "model")

    def test_sd_turbo_in_a_folder(self):
        self.check((UNET_2, TEXT_2, "turbo", "epsilon"), lambda pipeline: pipeline.save_pretrained(self.folder / "model"),
                   "model", steps=2, guidance_scale=0.0)


if __name__ == "__main__":
    unittest.main()
