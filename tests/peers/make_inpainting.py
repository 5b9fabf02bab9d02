"""Inpainting with a small plain UNet and with one of 9 channels, JPEG pictures included, as diffusers draws it."""

import argparse
import io
import json
import pathlib

import numpy
import torch
from diffusers import (AutoencoderKL, DDIMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler,
                       StableDiffusionInpaintPipeline, UNet2DConditionModel)
from PIL import Image, ImageOps
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

INPUTS = ["tests/data/models/scenes/tokenizer"]
TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / INPUTS[0]
WIDTH, HEIGHT = 56, 40
SCHEDULERS = {"ddim": DDIMScheduler, "euler_a": EulerAncestralDiscreteScheduler, "heun": HeunDiscreteScheduler}


def build(channels):
    unet = UNet2DConditionModel(sample_size=8, in_channels=channels, block_out_channels=(16, 24), layers_per_block=1,
                                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), attention_head_dim=4,
                                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=20,
                                norm_num_groups=4)
    vae = AutoencoderKL(block_out_channels=(8, 8, 8), norm_num_groups=4, layers_per_block=1,
                        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=712, eos_token_id=2, hidden_size=20, intermediate_size=36,
                                        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=48))
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1)
    return StableDiffusionInpaintPipeline(vae, text, CLIPTokenizer.from_pretrained(TOKENIZER), unet, scheduler, None,
                                          None, requires_safety_checker=False)


def picture():
    """A smooth photograph of sorts, larger than what is drawn."""
    y, x = numpy.mgrid[0:90, 0:120] / 90.0
    channels = [numpy.sin(5 * x + 3 * y), numpy.cos(7 * y - x), numpy.sin(4 * x * y)]
    return Image.fromarray(((numpy.stack(channels, -1) * 0.5 + 0.5) * 255).astype(numpy.uint8))


def jpegs(out):
    """Pictures as cameras and tools save them, and what Pillow reads from them."""
    expected, base = {}, picture().crop((0, 0, 37, 29))
    variants = {"plain": {}, "full_colour": {"subsampling": 0, "quality": 95}, "progressive": {"progressive": True},
                "grey": {}}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        variants[f"turned_{orientation}"] = {"exif": exif}
    for name, options in variants.items():
        image = base.convert("L") if name == "grey" else base
        image.save(out / f"{name}.jpg", **options)
        read = ImageOps.exif_transpose(Image.open(out / f"{name}.jpg")).convert("RGB")
        expected[name] = torch.from_numpy(numpy.array(read))
    save_file(expected, out / "jpegs.safetensors")
    base.convert("CMYK").save(out / "cmyk.jpg")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(0)
    jpegs(out)
    picture().save(out / "picture.jpg", quality=92)
    mask = Image.new("RGB", (WIDTH, HEIGHT))
    mask.paste((255, 255, 255), (12, 8, 44, 30))
    mask.save(out / "mask.png")
    # The JPEG is read and resized here as the program does it; the pipeline gets the same pixels.
    image = Image.open(io.BytesIO((out / "picture.jpg").read_bytes())).convert("RGB")
    expected, cases = {}, []
    for channels in (4, 9):
        pipeline = build(channels)
        pipeline.save_pretrained(out / f"model_{channels}")
        pipeline.set_progress_bar_config(disable=True)
        for name, scheduler in SCHEDULERS.items():
            pipeline.scheduler = scheduler.from_config(DDIMScheduler.load_config(out / f"model_{channels}/scheduler"))
            for strength in (1.0, 0.6):
                case = f"{channels}.{name}.{strength}"
                with torch.no_grad():
                    expected[case] = pipeline(
                        "a red star", image=image, mask_image=mask, width=WIDTH, height=HEIGHT, strength=strength,
                        guidance_scale=2.5, num_inference_steps=7, generator=torch.Generator().manual_seed(4),
                        output_type="latent").images
                cases.append({"case": case, "channels": channels, "scheduler": name, "strength": strength})
    save_file({k: v.contiguous() for k, v in expected.items()}, out / "expected.safetensors")
    (out / "cases.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
