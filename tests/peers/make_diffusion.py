"""Small UNets and VAEs of odd shapes with random weights, and what diffusers computes with them."""

import argparse
import json
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

UNETS = {
    # SD 2.x's layout: linear projections, heads per level, two layers a block
    "sd2": dict(sample_size=12, block_out_channels=(24, 40, 56), layers_per_block=2,
                down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                attention_head_dim=(2, 5, 7), cross_attention_dim=36, norm_num_groups=8, use_linear_projection=True),
    # SD 1.x's: 1x1 convolutions, one number of heads
    "sd1": dict(sample_size=8, block_out_channels=(16, 32), layers_per_block=1,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                attention_head_dim=4, cross_attention_dim=20, norm_num_groups=4, act_fn="gelu",
                flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6),
    # deeper transformers, asymmetric downsampling, upcast attention, a single level of attention
    "deep": dict(sample_size=16, block_out_channels=(12, 24, 24, 36), layers_per_block=1,
                 down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
                 up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
                 transformer_layers_per_block=2, attention_head_dim=3, cross_attention_dim=10, norm_num_groups=3,
                 use_linear_projection=True, upcast_attention=True, downsample_padding=0, mid_block_scale_factor=1.4),
}
VAES = {
    "f4": dict(block_out_channels=(8, 24, 16), layers_per_block=1, norm_num_groups=4, scaling_factor=0.3),
    "f2": dict(block_out_channels=(12, 18), layers_per_block=2, norm_num_groups=6, latent_channels=3),
    "plain": dict(block_out_channels=(8, 16, 16, 24), layers_per_block=1, norm_num_groups=8, latent_channels=5,
                  mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False),
}


def randomise(module):
    """Away from the zeros and ones of fresh norms, so that every parameter matters."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def unet_case(out, name, config):
    unet = UNet2DConditionModel(**config).eval()
    randomise(unet)
    folder = out / f"unet_{name}"
    unet.save_pretrained(folder)
    size = config["sample_size"]
    expected = {}
    # The second sample's sides do not divide by the depth of the UNet.
    for i, (height, width) in enumerate([(size, size), (size + 3, size - 1)]):
        sample = torch.randn(2, 4, height, width)
        context = torch.randn(2, 7, config["cross_attention_dim"])
        timestep = torch.tensor([731.0, 12.0])
        expected |= {f"sample{i}": sample, f"context{i}": context, f"timestep{i}": timestep,
                     f"output{i}": unet(sample, timestep, context).sample}
    lora_case(unet, folder, expected)
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")


def lora_case(unet, folder, expected):
    """One adapter, saved in PEFT, old diffusers and kohya keys; alpha differs from the rank."""
    unet.add_adapter(LoraConfig(r=3, lora_alpha=5, target_modules=["to_q", "to_k", "to_v", "to_out.0"],
                                init_lora_weights="gaussian"))
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
    inputs = (expected["sample0"], expected["timestep0"], expected["context0"])
    expected["output_lora"] = unet(*inputs).sample
    unet.set_adapters("default", 0.35)
    expected["output_lora_0.35"] = unet(*inputs).sample
    state = {k: v.detach().contiguous() for k, v in get_peft_model_state_dict(unet).items()}
    alphas, kohya, old, new = {}, {}, {}, {}
    for key, value in state.items():
        layer, half = key.rsplit(".lora_", 1)
        is_down = half.startswith("A")
        flat = "lora_unet_" + layer.replace(".", "_")
        kohya[f"{flat}.lora_{'down' if is_down else 'up'}.weight"] = value
        alphas[f"{flat}.alpha"] = torch.tensor(5.0)
        # This style has no alpha: the factor 5/3 goes into the weights.
        old[f"unet.{layer}.lora.{'down' if is_down else 'up'}.weight"] = value if is_down else value * (5 / 3)
        new[f"unet.{key}"] = value
    save_file(kohya | alphas, folder / "kohya.safetensors")
    save_file(old, folder / "old.safetensors")
    save_file(new, folder / "peft.safetensors", metadata={
        "lora_adapter_metadata": json.dumps({"unet.r": 3, "unet.lora_alpha": 5})})


def vae_case(out, name, config):
    blocks = len(config["block_out_channels"])
    vae = AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * blocks, up_block_types=("UpDecoderBlock2D",) * blocks,
                        sample_size=32, **config).eval()
    randomise(vae)
    folder = out / f"vae_{name}"
    vae.save_pretrained(folder)
    pixels = torch.rand(2, 3, 24, 40) * 2 - 1
    distribution = vae.encode(pixels).latent_dist
    latents = torch.randn(2, vae.config.latent_channels, 6, 5)
    expected = {"pixels": pixels, "mean": distribution.mean, "logvar": distribution.logvar, "latents": latents,
                "decoded": vae.decode(latents).sample,
                "sample": distribution.sample(generator=torch.Generator().manual_seed(11)),
                "wide_latents": torch.randn(1, vae.config.latent_channels, 13, 21)}
    vae.enable_tiling()
    vae.tile_latent_min_size, vae.tile_sample_min_size = 8, 8 * 2 ** (blocks - 1)
    expected["wide_decoded"] = vae.decode(expected["wide_latents"]).sample
    vae.disable_tiling()
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    # The attention names of diffusers before 0.18.
    state = load_file(folder / "diffusion_pytorch_model.safetensors")
    renamed = {}
    for key, value in state.items():
        for now, before in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
            key = key.replace(f".{now}.", f".{before}.")
        renamed[key] = value
    old = out / f"vae_{name}_old"
    old.mkdir(exist_ok=True)
    (old / "config.json").write_text((folder / "config.json").read_text())
    save_file(renamed, old / "diffusion_pytorch_model.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(17)
    for name, config in UNETS.items():
        unet_case(out, name, config)
    for name, config in VAES.items():
        vae_case(out, name, config)


if __name__ == "__main__":
    main()
