"""Reward models of odd shapes, and what Pillow, transformers, PEFT and bitsandbytes compute from them.

DIR/resample, DIR/preprocess-*: pictures and what becomes of them. DIR/model-*: a folder as
transformers saves it, an adapter as PEFT saves it, pictures, and unit embeddings of them.
DIR/open-clip-*: the same model under OpenCLIP's keys. DIR/image-reward: ImageReward's forward pass
rebuilt from transformers' Blip classes, and what BertTokenizer makes of texts.
"""

import argparse
import copy
import json
import os
import shutil
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import numpy as np
import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    BertTokenizer,
    BitsAndBytesConfig,
    BlipTextConfig,
    BlipVisionConfig,
    BlipVisionModel,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
)
from transformers.models.blip.modeling_blip_text import BlipTextModel

TOKENIZER = Path(__file__).resolve().parents[2] / "tests/data/models/scenes/reward"
TEXTS = [
    "a small red star at the top left on a navy background",
    "",
    "A LARGE   Blue circle, isn't it? café 日本",
    "word " * 60,
    "green",
]


def random_image(height, width):
    noise = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
    hard_edges = (torch.arange(height * width).reshape(height, width, 1) // 7 % 2 * 255).to(torch.uint8)
    return torch.where(torch.rand(height, width, 1) < 0.5, noise, hard_edges.expand(-1, -1, 3))


def to_pil(image):
    return Image.fromarray(image.numpy())


def make_resample(out):
    sizes = [
        ((64, 64), (224, 224)), ((128, 128), (64, 64)), ((97, 61), (40, 33)), ((31, 45), (31, 20)),
        ((50, 20), (9, 20)), ((1, 1), (5, 7)), ((3, 200), (2, 3)), ((40, 30), (10, 16)), ((300, 2), (7, 5)), ((16, 16), (16, 16)),
    ]  # fmt: skip
    tensors, cases = {}, []
    for before, after in sizes:
        for resample in (1, 2, 3, 4, 5):
            index = len(cases)
            image = random_image(*before)
            resized = to_pil(image).resize((after[1], after[0]), resample)
            tensors[f"in{index}"] = image
            tensors[f"out{index}"] = torch.from_numpy(np.array(resized))
            cases.append({"resample": resample})
    write(out / "resample", tensors, {"cases": cases})


def make_preprocess(out):
    image_sizes = [(64, 64), (33, 91), (120, 50), (7, 7), (224, 300), (1, 9)]
    configs = {
        "default": {},
        "bilinear": {"size": {"shortest_edge": 31}, "resample": 2, "crop_size": {"height": 27, "width": 31}},
        "square": {"size": {"height": 40, "width": 24}, "do_center_crop": False},
        "padded": {"size": {"shortest_edge": 20}, "crop_size": {"height": 33, "width": 48}},
        "unscaled": {"size": {"shortest_edge": 18}, "crop_size": {"height": 18, "width": 18}, "do_rescale": False},
        "unnormalized": {"size": {"shortest_edge": 18}, "crop_size": {"height": 17, "width": 16}, "do_normalize": False},
        "as-is": {"do_resize": False, "crop_size": {"height": 12, "width": 13}},
        "other-statistics": {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.2, 0.1], "rescale_factor": 0.01,
                             "size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}},
    }  # fmt: skip
    old = {
        "crop_size": 29, "size": 29, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    }  # fmt: skip
    for name, config in {**configs, "old": None}.items():
        folder = out / f"preprocess-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        if config is None:
            (folder / "preprocessor_config.json").write_text(json.dumps(old))
        else:
            CLIPImageProcessorPil(**config).save_pretrained(folder)
        processor = CLIPImageProcessorPil.from_pretrained(folder)
        tensors = {}
        for i, size in enumerate(image_sizes):
            image = random_image(*size)
            tensors[f"in{i}"] = image
            pixels = processor(images=to_pil(image), return_tensors="pt")["pixel_values"][0]
            tensors[f"out{i}"] = pixels.float().contiguous()
        write(folder, tensors, {"images": len(image_sizes)})


def quantize(model):
    """Puts every linear that load_in_4bit would convert through NF4 and back."""
    for name, module in model.named_modules():
        if type(module) is torch.nn.Linear and name != "text_projection":
            weight = module.weight.data
            packed, state = quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
            state.shape = (weight.numel(),)  # as one row: see make_nf4.py
            module.weight.data = dequantize_4bit(packed, state).reshape(weight.shape)
    return model


@torch.no_grad()
def embeddings(model, tokens, pixels):
    text = model.get_text_features(**tokens).pooler_output
    image = model.get_image_features(pixels).pooler_output
    return {
        "text": text / text.norm(dim=-1, keepdim=True),
        "image": image / image.norm(dim=-1, keepdim=True),
    }


def make_model(folder, config, lora, image_size, dtype=torch.float32, old_config=False, shard="1GB"):
    folder.mkdir(parents=True, exist_ok=True)
    model = CLIPModel(CLIPConfig(**config))
    with torch.no_grad():
        # Larger than the initialisation, so that activations and attention are not near linear.
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2:
                parameter.normal_(0, 1.5 * parameter[0].numel() ** -0.5)
            elif "norm" in name or "bias" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.logit_scale.fill_(3.1)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(TOKENIZER / file, folder / file)
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer_config["model_max_length"] = config["text_config"]["max_position_embeddings"]
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    CLIPImageProcessorPil(
        size={"shortest_edge": image_size}, crop_size={"height": image_size, "width": image_size}
    ).save_pretrained(folder)
    if old_config:
        saved = json.loads((folder / "config.json").read_text())
        for tower in ("text_config", "vision_config"):
            saved[f"{tower}_dict"] = {k: v for k, v in saved[tower].items() if k in config[tower]}
            saved[tower] = {"hidden_size": 8, "model_type": saved[tower]["model_type"]}
        (folder / "config.json").write_text(json.dumps(saved))

    base = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    adapted = get_peft_model(copy.deepcopy(base), LoraConfig(init_lora_weights=False, **lora))
    adapted.save_pretrained(folder / "adapter")

    tokenizer = CLIPTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    tokens = {key: tokens[key] for key in ("input_ids", "attention_mask")}
    images = [random_image(*size) for size in ((45, 31), (image_size, image_size), (17, 60), (200, 120))]
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=[to_pil(image) for image in images], return_tensors="pt")["pixel_values"]

    tensors = {f"picture{i}": image for i, image in enumerate(images)}
    for quantization in ("none", "nf4"):
        plain = copy.deepcopy(base)
        if quantization == "nf4":
            quantize(plain)
        for key, value in embeddings(plain, tokens, pixels).items():
            tensors[f"{quantization}.{key}"] = value
        peft = PeftModel.from_pretrained(plain, folder / "adapter").eval()
        for key, value in embeddings(peft.base_model.model, tokens, pixels).items():
            tensors[f"{quantization}.adapter.{key}"] = value

    four_bit = CLIPModel.from_pretrained(
        folder, device_map="cpu", dtype=torch.float32,
        quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
    )  # fmt: skip
    names = [name for name, module in four_bit.named_modules() if isinstance(module, Linear4bit)]
    lora_tensors = len(load_file(folder / "adapter" / "adapter_model.safetensors"))
    write(folder, tensors, {
        "texts": TEXTS, "pictures": len(images), "logit_scale": base.logit_scale.exp().item(),
        "quantized": names, "adapter_tensors": lora_tensors,
    })  # fmt: skip


def make_models(out):
    tokens = {"vocab_size": 712, "bos_token_id": 710, "eos_token_id": 711, "pad_token_id": 0}
    make_model(
        out / "model-gelu",
        {
            "projection_dim": 24,
            "text_config": {"hidden_size": 40, "intermediate_size": 72, "num_hidden_layers": 2,
                            "num_attention_heads": 5, "max_position_embeddings": 20, "hidden_act": "gelu", **tokens},
            "vision_config": {"hidden_size": 48, "intermediate_size": 100, "num_hidden_layers": 3,
                              "num_attention_heads": 3, "image_size": 30, "patch_size": 7, "hidden_act": "gelu"},
        },
        {"r": 3, "lora_alpha": 5, "target_modules": ["q_proj", "v_proj"]},
        30,
    )  # fmt: skip
    make_model(
        out / "model-quick-gelu",
        {
            "projection_dim": 33,
            "text_config": {"hidden_size": 66, "intermediate_size": 50, "num_hidden_layers": 3,
                            "num_attention_heads": 6, "max_position_embeddings": 77, "layer_norm_eps": 1e-3,
                            **tokens, "eos_token_id": 2},
            "vision_config": {"hidden_size": 28, "intermediate_size": 90, "num_hidden_layers": 1,
                              "num_attention_heads": 4, "image_size": 32, "patch_size": 16},
        },
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "fc1", "out_proj"],
         "rank_pattern": {"fc1": 2}, "alpha_pattern": {"k_proj": 3}, "use_rslora": True},
        32,
        dtype=torch.float16,
        old_config=True,
    )  # fmt: skip
    make_model(
        out / "model-sharded",
        {
            "projection_dim": 64,
            "text_config": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
                            "num_attention_heads": 1, "max_position_embeddings": 9, **tokens},
            "vision_config": {"hidden_size": 128, "intermediate_size": 65, "num_hidden_layers": 2,
                              "num_attention_heads": 8, "image_size": 25, "patch_size": 5, "hidden_act": "gelu"},
        },
        {"r": 1, "lora_alpha": 2, "target_modules": ["fc2", "visual_projection", "text_projection"]},
        25,
        dtype=torch.bfloat16,
        shard="200KB",
    )  # fmt: skip


def to_open_clip(state):
    """CLIPModel's tensors under OpenCLIP's names (open_clip/model.py, CLIP)."""
    towers = {"text_model.": "", "vision_model.": "visual."}
    names = {
        "embeddings.token_embedding.weight": "token_embedding.weight", "embeddings.position_embedding.weight": "positional_embedding",
        "embeddings.class_embedding": "class_embedding", "embeddings.patch_embedding.weight": "conv1.weight",
        "final_layer_norm": "ln_final", "pre_layrnorm": "ln_pre", "post_layernorm": "ln_post", "encoder.layers": "transformer.resblocks",
        "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj",
    }  # fmt: skip
    out = {"visual.proj": state.pop("visual_projection.weight").T, "text_projection": state.pop("text_projection.weight").T,
           "logit_scale": state.pop("logit_scale")}  # fmt: skip
    for key in [k for k in state if ".q_proj." in k]:
        parts = [state.pop(key.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        state[key.replace("self_attn.q_proj.", "attn.in_proj_")] = torch.cat(parts)
    for key, value in state.items():
        tower, prefix = next((t, p) for t, p in towers.items() if key.startswith(t))
        key = key.removeprefix(tower)
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        out[prefix + key] = value
    return {k: v.contiguous() for k, v in out.items()}


def make_open_clip(out):
    """model-gelu and model-quick-gelu again, the first by its shapes alone (heads of 64), the second with a config."""
    tokens = {"vocab_size": 712, "bos_token_id": 710, "eos_token_id": 2, "pad_token_id": 0}
    cases = {
        "open-clip-shapes": (64, 1, 128, 2, "gelu", "open_clip_pytorch_model", False),
        "open-clip-config": (60, 5, 48, 3, "quick_gelu", "open_clip_model", True),
    }
    for name, (text_width, text_heads, vision_width, vision_heads, act, stem, with_config) in cases.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        side = 28
        config = {
            "projection_dim": 24,
            "text_config": {"hidden_size": text_width, "intermediate_size": 72, "num_hidden_layers": 2, "num_attention_heads": text_heads,
                            "max_position_embeddings": 20, "hidden_act": act, **tokens},
            "vision_config": {"hidden_size": vision_width, "intermediate_size": 100, "num_hidden_layers": 3,
                              "num_attention_heads": vision_heads, "image_size": side, "patch_size": 7, "hidden_act": act},
        }  # fmt: skip
        model = CLIPModel(CLIPConfig(**config)).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if parameter.dim() >= 2:
                    parameter.normal_(0, 1.5 * parameter[0].numel() ** -0.5)
                elif "norm" in key or "bias" in key:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
            model.logit_scale.fill_(2.9)
        save_file(to_open_clip(dict(model.state_dict())), folder / f"{stem}.safetensors")
        mean, std = ([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]) if with_config else (None, None)
        if with_config:
            cfg = {"embed_dim": 24, "quick_gelu": True, "text_cfg": {"heads": text_heads, "width": text_width, "layers": 2},
                   "vision_cfg": {"head_width": vision_width // vision_heads, "width": vision_width}}  # fmt: skip
            (folder / "open_clip_config.json").write_text(json.dumps({
                "model_cfg": cfg, "preprocess_cfg": {"mean": mean, "std": std, "interpolation": "bicubic", "resize_mode": "shortest"},
            }))  # fmt: skip
        for file in ("vocab.json", "merges.txt", "special_tokens_map.json"):
            shutil.copyfile(TOKENIZER / file, folder / file)
        tokenizer_config = json.loads((TOKENIZER / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config | {"model_max_length": 20}))
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        inputs = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
        images = [random_image(*size) for size in ((45, 31), (side, side), (17, 60))]
        statistics = {"image_mean": mean, "image_std": std} if with_config else {}
        processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}, **statistics)
        pixels = processor(images=[to_pil(image) for image in images], return_tensors="pt")["pixel_values"]
        tensors = {f"picture{i}": image for i, image in enumerate(images)}
        for quantization in ("none", "nf4"):
            if quantization == "nf4":
                quantize(model)
            for key, value in embeddings(model, {k: inputs[k] for k in ("input_ids", "attention_mask")}, pixels).items():
                tensors[f"{quantization}.{key}"] = value
        write(folder, tensors, {"texts": TEXTS, "pictures": len(images), "logit_scale": model.logit_scale.exp().item()})


WORDPIECE_TEXTS = [
    *TEXTS, "Ünïted   Élan\tnaïve\n", "don't stop-me; (now) $5 ^_^", "中文 and 日本", "\u200b zero\u00adwidth \x01",
    "x" * 101, "«quoted» … —dash", "İstanbul ΑΣ", "unknownword ☃ star",
]  # fmt: skip


SMALL_IMAGE_REWARD = dict(
    side=32, patch=8, projection=20,
    vision=dict(hidden_size=128, intermediate_size=150, num_hidden_layers=2, num_attention_heads=2),
    text=dict(hidden_size=60, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=48),
)  # fmt: skip


def make_image_reward(folder, sizes, quantizations=("none", "nf4"), dtype=torch.float32):
    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *"!?'-;()$^_.,«»…—中文α", "##σ", "##ς",
              "a", "star", "small", "red", "blue", "at", "the", "top", "left", "##st", "##ed", "circle", "large", "##word", "word"]  # fmt: skip
    pieces = list(dict.fromkeys(pieces))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)})

    side, width, text_width = sizes["side"], sizes["vision"]["hidden_size"], sizes["text"]["hidden_size"]
    vision = BlipVisionModel(BlipVisionConfig(image_size=side, patch_size=sizes["patch"], layer_norm_eps=1e-6, hidden_act="gelu",
                                              **sizes["vision"])).eval()  # fmt: skip
    text = BlipTextModel(BlipTextConfig(**({"vocab_size": len(pieces) + 2} | sizes["text"]), encoder_hidden_size=width,
                                        layer_norm_eps=1e-12, is_decoder=True), add_pooling_layer=False).eval()  # fmt: skip
    head = [text_width, 1024, 128, 64, 16, 1]
    mlp = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(head, head[1:]))
    vision_proj, text_proj = torch.nn.Linear(width, sizes["projection"]), torch.nn.Linear(text_width, sizes["projection"])
    parts = {"vision": vision, "text": text, "mlp": mlp, "vision_proj": vision_proj, "text_proj": text_proj}
    with torch.no_grad():
        for module in parts.values():
            for key, parameter in module.named_parameters():
                if parameter.dim() >= 2:
                    parameter.normal_(0, 1.3 * parameter[0].numel() ** -0.5)
                else:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
            module.to(dtype).float()  # as stored
    state = {}
    for key, value in vision.state_dict().items():
        for ours, theirs in (("embeddings.class_embedding", "cls_token"), ("embeddings.position_embedding", "pos_embed"),
                             ("embeddings.patch_embedding", "patch_embed.proj"), ("encoder.layers", "blocks"), ("layer_norm1", "norm1"),
                             ("layer_norm2", "norm2"), ("self_attn.qkv", "attn.qkv"), ("self_attn.projection", "attn.proj"),
                             ("post_layernorm", "norm")):  # fmt: skip
            key = key.replace(ours, theirs)
        state[f"blip.visual_encoder.{key}"] = value
    state |= {f"blip.text_encoder.{key}": value for key, value in text.state_dict().items()}
    state["blip.text_encoder.embeddings.position_ids"] = torch.arange(text.config.max_position_embeddings)[None]
    for name in ("vision_proj", "text_proj"):
        state |= {f"blip.{name}.{key}": value for key, value in parts[name].state_dict().items()}
    for layer, place in zip(mlp, (0, 2, 4, 6, 7)):
        state |= {f"mlp.layers.{place}.{key}": value for key, value in layer.state_dict().items()}
    save_file({k: (v.to(dtype) if v.is_floating_point() else v).contiguous() for k, v in state.items()}, folder / "ImageReward.safetensors")
    heads = sizes["text"]["num_attention_heads"]
    (folder / "med_config.json").write_text(json.dumps({"hidden_act": "gelu", "num_attention_heads": heads, "layer_norm_eps": 1e-12}))

    images = [random_image(*size) for size in ((45, 31), (side, side), (17, 60))]
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    pixels = processor(images=[to_pil(image) for image in images], return_tensors="pt")["pixel_values"]
    inputs = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=35, return_tensors="pt")
    tensors = {f"picture{i}": image for i, image in enumerate(images)}
    for quantization in quantizations:
        if quantization == "nf4":
            quantize(vision), quantize(text)
        with torch.no_grad():
            states = vision(pixels).last_hidden_state
            rows, alone = [], []
            for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"]):
                ids, mask = ids[None], mask[None]
                read = text(input_ids=ids.expand(len(images), -1), attention_mask=mask.expand(len(images), -1), is_decoder=False,
                            encoder_hidden_states=states, encoder_attention_mask=torch.ones(states.shape[:2], dtype=torch.long))  # fmt: skip
                x = read.last_hidden_state[:, 0]
                for layer in mlp:
                    x = layer(x)
                rows.append((x[:, 0] - 0.16717362830052426) / 1.0333394966054072)
                alone.append(text(input_ids=ids, attention_mask=mask, is_decoder=False).last_hidden_state[:, 0])
            tensors[f"{quantization}.preferences"] = torch.stack(rows)
            for key, value in (("text", text_proj(torch.cat(alone))), ("image", vision_proj(states[:, 0]))):
                tensors[f"{quantization}.{key}"] = value / value.norm(dim=-1, keepdim=True)
    ids = [tokenizer(t, truncation=True, max_length=35)["input_ids"] for t in WORDPIECE_TEXTS]
    write(folder, tensors, {"texts": TEXTS, "pictures": len(images), "wordpiece_texts": WORDPIECE_TEXTS, "wordpiece_ids": ids})


def write(folder, tensors, case):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "expected.safetensors")
    (folder / "case.json").write_text(json.dumps(case))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(5)
    make_resample(out)
    make_preprocess(out)
    make_models(out)
    make_open_clip(out)
    make_image_reward(out / "image-reward", SMALL_IMAGE_REWARD)


if __name__ == "__main__":
    main()
