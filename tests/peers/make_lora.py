"""A small Stable Diffusion with LoRA on UNet and text encoder, convolutions and mixed ranks included.

kohya's keys: the layers' weights are merged as kohya's scripts do (networks/lora.py, merge_to), because diffusers
0.42 loses alphas that differ from layer to layer. diffusers' keys: PEFT computes, diffusers saves.
"""

import argparse
import pathlib

import peft
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import set_weights_and_activate_adapters
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

INPUTS = ["tests/data/models/scenes/tokenizer"]
TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / INPUTS[0]


def build():
    unet = UNet2DConditionModel(sample_size=8, block_out_channels=(16, 24), layers_per_block=1, attention_head_dim=4,
                                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=20,
                                norm_num_groups=4)
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, layers_per_block=1)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=712, eos_token_id=2, hidden_size=20, intermediate_size=36,
                                        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=48))
    return StableDiffusionPipeline(vae, text, CLIPTokenizer.from_pretrained(TOKENIZER), unet,
                                   PNDMScheduler(skip_prk_steps=True), None, None, requires_safety_checker=False)


def kohya(pipeline):
    """Ranks 2 to 4, alphas unlike the ranks."""
    tensors, deltas = {}, []
    wanted = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv1",
              "conv2", "time_emb_proj", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv")
    layers = [("lora_unet_", name, module) for name, module in pipeline.unet.named_modules() if name.endswith(wanted)]
    layers += [("lora_te_", f"text_model.{name.removeprefix('text_model.')}", module)
               for name, module in pipeline.text_encoder.named_modules()
               if name.endswith(("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"))]
    for i, (prefix, name, module) in enumerate(layers):
        rank, weight = 2 + i % 3, module.weight
        key = prefix + name.replace(".", "_")
        if weight.dim() == 4:
            down, up = torch.randn(rank, *weight.shape[1:]), torch.randn(weight.shape[0], rank, 1, 1)
        else:
            down, up = torch.randn(rank, weight.shape[1]), torch.randn(weight.shape[0], rank)
        alpha = 1.0 + i % 4
        delta = (up.flatten(1) @ down.flatten(1)).view(weight.shape) * 0.04 * alpha / rank
        deltas.append((weight, delta))
        tensors |= {f"{key}.lora_down.weight": down * 0.2, f"{key}.lora_up.weight": up * 0.2,
                    f"{key}.alpha": torch.tensor(alpha)}
    return tensors, deltas


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(0)
    pipeline = build()
    pipeline.save_pretrained(out / "model")
    expected = {"sample": torch.randn(1, 4, 8, 6), "context": torch.randn(1, 5, 20), "timestep": torch.tensor([401.0])}
    ids = pipeline.tokenizer("a red star", padding="max_length", max_length=48, return_tensors="pt").input_ids

    def compute(name):
        with torch.no_grad():
            expected[f"unet_{name}"] = pipeline.unet(expected["sample"], expected["timestep"],
                                                     expected["context"]).sample.clone()
            expected[f"text_{name}"] = pipeline.text_encoder(ids)[0].clone()

    compute("off")
    tensors, deltas = kohya(pipeline)
    save_file(tensors, out / "kohya.safetensors")
    for name, factor in (("kohya_1.0", 1.0), ("kohya_0.4", 0.4)):
        with torch.no_grad():
            for weight, delta in deltas:
                weight += factor * delta
            compute(name)
            for weight, delta in deltas:
                weight -= factor * delta

    pipeline.unet.add_adapter(peft.LoraConfig(
        r=3, lora_alpha=5, init_lora_weights=False, rank_pattern={"conv1": 2}, alpha_pattern={"to_q": 2},
        target_modules=["to_q", "to_v", "to_out.0", "conv1", "conv_shortcut", "proj_in", "downsamplers.0.conv"]))
    pipeline.text_encoder.add_adapter(peft.LoraConfig(r=2, lora_alpha=3, init_lora_weights=False,
                                                      target_modules=["q_proj", "out_proj", "fc1"]))
    compute("diffusers")
    # Both at once, each with a weight of its own.
    for model in (pipeline.unet, pipeline.text_encoder):
        set_weights_and_activate_adapters(model, ["default"], [0.7])
    with torch.no_grad():
        for weight, delta in deltas:
            weight += 0.4 * delta
    compute("both")
    with torch.no_grad():
        for weight, delta in deltas:
            weight -= 0.4 * delta
    StableDiffusionPipeline.save_lora_weights(
        out, unet_lora_layers=peft.get_peft_model_state_dict(pipeline.unet),
        text_encoder_lora_layers=peft.get_peft_model_state_dict(pipeline.text_encoder, adapter_name="default"),
        weight_name="diffusers.safetensors",
        unet_lora_adapter_metadata=pipeline.unet.peft_config["default"].to_dict(),
        text_encoder_lora_adapter_metadata=pipeline.text_encoder.peft_config["default"].to_dict())
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, out / "expected.safetensors")


if __name__ == "__main__":
    main()
