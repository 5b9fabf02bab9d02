"""Small Stable Diffusion 1.x and 2.x models in one file of the CompVis layout, and what diffusers computes with them.

The files are written by renaming a diffusers model's tensors; diffusers' own converter is the judge of the
renaming: it must give the model back.
"""

import argparse
import pathlib
import re
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

INPUTS = ["tests/data/models/scenes/tokenizer"]
TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / INPUTS[0]
PROMPT, NEGATIVE = "a red star on the left", "blue"
SCHEDULER = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                 set_alpha_to_one=False, steps_offset=1, skip_prk_steps=True)
CASES = {
    # name: (family, input channels, global_step, dtype on disk)
    "sd2_v": (2, 4, None, torch.float32),
    "sd2_base": (2, 4, 875000, torch.float16),
    "sd2_inpainting": (2, 9, 875000, torch.float32),
    "sd2_turbo": (2, 4, None, torch.float16),
    "sd1": (1, 4, 470000, torch.bfloat16),
    "sd1_float8_e4m3fn": (1, 4, None, torch.float8_e4m3fn),
    "sd1_float8_e5m2": (1, 4, None, torch.float8_e5m2),
}


def build(family, channels):
    if family == 2:
        unet = dict(block_out_channels=(64, 128, 128), layers_per_block=2, attention_head_dim=(1, 2, 2),
                    down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                    cross_attention_dim=128, use_linear_projection=True)
        text = dict(hidden_size=128, intermediate_size=200, num_hidden_layers=3, num_attention_heads=2,
                    hidden_act="gelu")
    else:
        unet = dict(block_out_channels=(32, 64), layers_per_block=1, attention_head_dim=8,
                    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=64)
        text = dict(hidden_size=64, intermediate_size=100, num_hidden_layers=2, num_attention_heads=1,
                    hidden_act="quick_gelu")
    vae = AutoencoderKL(block_out_channels=(32, 64), layers_per_block=family, norm_num_groups=32, latent_channels=4,
                        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    return (UNet2DConditionModel(sample_size=16, in_channels=channels, **unet), vae,
            CLIPTextModel(CLIPTextConfig(vocab_size=712, eos_token_id=2, **text)))


def unet_to_ldm(state, layers):
    blocks = layers + 1
    inner = [("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("norm2.", "out_layers.0."),
             ("conv2.", "out_layers.3."), ("time_emb_proj.", "emb_layers.1."), ("conv_shortcut.", "skip_connection.")]
    ends = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
            "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
    up_attends = {int(k.split(".")[1]) for k in state if k.startswith("up_blocks.") and ".attentions." in k}

    def resnet(key):
        for ours, theirs in inner:
            if key.startswith(ours):
                return theirs + key[len(ours):]
        raise KeyError(key)

    def rename(key):
        module, _, leaf = key.rpartition(".")
        if module in ends:
            return f"{ends[module]}.{leaf}"
        if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
            kind, i, rest = match.groups()
            return f"middle_block.1.{rest}" if kind == "attentions" else f"middle_block.{2 * int(i)}.{resnet(rest)}"
        way, level, kind, i, rest = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", key).groups()
        number = int(level) * blocks + int(i) + (1 if way == "down" else 0)
        name = "input_blocks" if way == "down" else "output_blocks"
        if kind == "downsamplers":
            return f"input_blocks.{(int(level) + 1) * blocks}.0.op.{leaf}"
        if kind == "upsamplers":
            return f"output_blocks.{int(level) * blocks + layers}.{2 if int(level) in up_attends else 1}.conv.{leaf}"
        return f"{name}.{number}.1.{rest}" if kind == "attentions" else f"{name}.{number}.0.{resnet(rest)}"

    return {f"model.diffusion_model.{rename(k)}": v for k, v in state.items()}


def vae_to_ldm(state, levels):
    out = {}
    for key, value in state.items():
        name = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            name = re.sub(r"to_([qkv])", r"\1", name).replace("to_out.0", "proj_out")
            if value.dim() == 2:
                value = value[:, :, None, None]  # 1x1 convolutions there
        name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
        out[f"first_stage_model.{name}"] = value
    return out


def text_to_open_clip(state, layers):
    out, width = {}, state["final_layer_norm.weight"].shape[0]
    ends = {"embeddings.token_embedding.weight": "token_embedding.weight",
            "embeddings.position_embedding.weight": "positional_embedding",
            "final_layer_norm.weight": "ln_final.weight", "final_layer_norm.bias": "ln_final.bias"}
    inner = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}
    for key, value in state.items():
        if key in ends:
            out[ends[key]] = value
            continue
        layer, rest = re.match(r"encoder\.layers\.(\d+)\.(.*)", key).groups()
        module, _, leaf = rest.rpartition(".")
        if module in inner:
            out[f"transformer.resblocks.{layer}.{inner[module]}.{leaf}"] = value
    for layer in range(layers):
        for leaf in ("weight", "bias"):
            parts = [state[f"encoder.layers.{layer}.self_attn.{p}_proj.{leaf}"] for p in "qkv"]
            out[f"transformer.resblocks.{layer}.attn.in_proj_{leaf}"] = torch.cat(parts)
    # The tower's last layer and its projection, which Stable Diffusion does not read.
    for key in [k for k in out if k.startswith("transformer.resblocks.0.")]:
        out[key.replace("resblocks.0.", f"resblocks.{layers}.")] = torch.randn_like(out[key])
    out["text_projection"] = torch.randn(width, width)
    return {f"cond_stage_model.model.{k}": v for k, v in out.items()}


def check_with_diffusers(file, unet, vae, text, family):
    """What diffusers' converter makes of the file is the model that it was made from."""
    converted = single_file_utils.convert_ldm_unet_checkpoint(dict(file), dict(unet.config))
    expected = unet.state_dict()
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[k], expected[k]) for k in expected)
    converted = single_file_utils.convert_ldm_vae_checkpoint(dict(file), dict(vae.config))
    expected = vae.state_dict()
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[k], expected[k]) for k in expected)
    if family == 2:
        # Their converter drops layer 23 by name and otherwise keeps all.
        without_last = {k: v for k, v in file.items() if f"resblocks.{text.config.num_hidden_layers}." not in k}
        converted = single_file_utils.convert_open_clip_checkpoint(text, without_last)
        converted.pop("text_projection.weight", None)
    else:
        converted = single_file_utils.convert_ldm_clip_checkpoint(dict(file))
    converted = {k.removeprefix("text_model."): v for k, v in converted.items()}
    expected = {k.removeprefix("text_model."): v for k, v in text.state_dict().items()}
    assert converted.keys() == expected.keys(), converted.keys() ^ expected.keys()
    assert all(torch.equal(converted[k], expected[k]) for k in expected)


def through(dtype, model):
    """The model after its weights have been stored in `dtype`."""
    model.load_state_dict({k: v.to(dtype).to(v.dtype) if v.is_floating_point() else v
                           for k, v in model.state_dict().items()})
    return model.eval()


def case(out, name, family, channels, step, dtype):
    folder = out / name
    (folder / "tokenizer").mkdir(parents=True)
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(TOKENIZER / file, folder / "tokenizer" / file)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", model_max_length=77,
                                              **({"pad_token": "!"} if family == 2 else {}))
    unet, vae, text = (through(dtype, m) for m in build(family, channels))
    bare_text = {k.removeprefix("text_model."): v for k, v in text.state_dict().items()}
    file = unet_to_ldm(unet.state_dict(), unet.config.layers_per_block)
    file |= vae_to_ldm(vae.state_dict(), 2)
    if family == 2:
        file |= text_to_open_clip(bare_text, text.config.num_hidden_layers)
    else:
        file |= {f"cond_stage_model.transformer.text_model.{k}": v for k, v in bare_text.items()}
    check_with_diffusers(file, unet, vae, text, family)

    expected = {"sample": torch.randn(2, channels, 12, 10), "timestep": torch.tensor([731.0, 12.0]),
                "context": torch.randn(2, 9, unet.config.cross_attention_dim), "latents": torch.randn(1, 4, 6, 5)}
    expected["unet"] = unet(expected["sample"], expected["timestep"], expected["context"]).sample
    expected["pixels"] = vae.decode(expected["latents"]).sample
    ids = tokenizer(PROMPT, padding="max_length", max_length=77, return_tensors="pt").input_ids
    expected["ids"] = ids
    expected["states"] = text(ids)[0]
    if channels == 4:
        turbo = name == "sd2_turbo"
        v = family == 2 and step is None and not turbo
        cls = EulerDiscreteScheduler if turbo else DDIMScheduler if v else PNDMScheduler
        scheduler = cls.from_config(SCHEDULER | {"prediction_type": "v_prediction" if v else "epsilon"} |
                                    ({"timestep_spacing": "trailing"} if turbo else {}))
        pipeline = StableDiffusionPipeline(vae, text, tokenizer, unet, scheduler, None, None,
                                           requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        expected["drawn"] = pipeline(PROMPT, negative_prompt=NEGATIVE, width=48, height=32, guidance_scale=3.0,
                                     num_inference_steps=5, generator=torch.Generator().manual_seed(3),
                                     output_type="latent").images
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")

    stored = {k: v.detach().to(dtype).contiguous() for k, v in file.items()}
    if name == "sd2_turbo":  # as generative-models saves it
        stored = {k.replace("cond_stage_model.", "conditioner.embedders.0."): v for k, v in stored.items()}
    # What training leaves in such files.
    stored["alphas_cumprod"] = torch.rand(1000)
    stored["model_ema.decay"] = torch.tensor(0.9999)
    stored["model_ema.diffusion_modeltime_embed0weight"] = torch.rand(3)
    if step is not None:
        stored["global_step"] = torch.tensor(step)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(0)
    with torch.no_grad():
        for name, arguments in CASES.items():
            case(out, name, *arguments)


if __name__ == "__main__":
    main()
