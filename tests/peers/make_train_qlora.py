"""What PyTorch, transformers, peft and bitsandbytes compute when they train small random models on preferences and
through adapters over NF4 weights: the first loss and its gradients, and the weights after ten clipped AdamW updates."""

import argparse
import os
import pathlib

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compiling each odd shape would take minutes

import torch
import torch.nn.functional as F
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from make_train import LEARNING_RATE, MAX_GRAD_NORM, STEPS, randomise, train
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, LlamaConfig, LlamaForCausalLM

INPUTS = ["tests/peers/make_train.py"]


def clip_model():
    tower = dict(intermediate_size=84, num_hidden_layers=2, hidden_act="quick_gelu")
    model = CLIPModel(CLIPConfig(
        text_config=dict(tower, hidden_size=36, num_attention_heads=3, vocab_size=50, max_position_embeddings=9, eos_token_id=49,
                         bos_token_id=48, pad_token_id=0),
        vision_config=dict(tower, hidden_size=44, num_attention_heads=4, image_size=12, patch_size=4), projection_dim=26))
    randomise(model)
    return model


def pairs():
    ids = torch.randint(1, 48, (6, 9))
    ids[:, 0] = 48
    for row, end in enumerate([8, 5, 6, 8, 3, 4]):
        ids[row, end:] = 49
    # The last two are a tie and the second pair of its prompt.
    ids[5] = ids[4]
    return {"input_ids": ids, "pixels_0": torch.randn(6, 3, 12, 12), "pixels_1": torch.randn(6, 3, 12, 12),
            "labels": torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1], [0.5, 0.5], [1, 0]]),
            "weights": torch.tensor([1.0, 1, 1, 1, 0.5, 0.5])}


def features(model, inputs):
    unit = lambda out: (x := getattr(out, "pooler_output", out)) / x.norm(dim=-1, keepdim=True)
    return (unit(model.get_text_features(input_ids=inputs["input_ids"])),
            unit(model.get_image_features(pixel_values=inputs["pixels_0"])),
            unit(model.get_image_features(pixel_values=inputs["pixels_1"])))


def scores(model, inputs, logit_scale):
    text, image_0, image_1 = features(model, inputs)
    # As PickScore's clip_criterion takes them off the diagonals of text @ images.T.
    both = [torch.diag(logit_scale.exp() * text @ image.T) for image in (image_0, image_1)]
    return torch.stack(both, dim=-1)


def pickscore_loss(logits, labels, weights):
    target = torch.zeros(len(logits), dtype=torch.long)
    loss = labels[:, 0] * F.cross_entropy(logits, target, reduction="none")
    loss = loss + labels[:, 1] * F.cross_entropy(logits, target + 1, reduction="none")
    loss = loss + (labels[:, 0] == labels[:, 1]) * torch.log(torch.tensor(0.5))
    return (loss * weights / weights.sum()).sum()


def through_nf4(model, keep):
    """The weights that bitsandbytes' Linear4bit multiplies by, forward and backward (MatMul4Bit)."""
    for name, module in model.named_modules():
        if type(module) is torch.nn.Linear and name not in keep:
            weight = module.weight.data
            packed, state = quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
            state.shape = (weight.numel(),)  # as one row: see make_nf4.py
            module.weight.data = dequantize_4bit(packed, state).reshape(weight.shape)
    return model


def train_adapter(folder, model, inputs, loss_of, extra=()):
    """As make_train's `train`, of an adapter whose halves are both random; `extra` names other trained parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder / "adapter")
    base = model.get_base_model()
    named = {}
    for name, parameter in model.named_parameters():
        short = name.removeprefix("base_model.model.").replace(".default", "")
        parameter.requires_grad_("lora_" in name or short in extra)
        if parameter.requires_grad:
            named[short] = parameter
    optimizer = torch.optim.AdamW(named.values(), lr=LEARNING_RATE, weight_decay=1e-2)
    kept, losses, norms = dict(inputs), [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, base)
        loss.backward()
        if step == 0:
            kept |= {f"grad.{n}": p.grad.clone() for n, p in named.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(named.values(), MAX_GRAD_NORM))
        losses.append(loss.detach())
        optimizer.step()
    kept |= {f"after.{n}": p for n, p in named.items()} | {"losses": torch.stack(losses), "norms": torch.stack(norms)}
    save_file({k: v.detach().clone().contiguous() for k, v in kept.items()}, folder / "case.safetensors")


def adapter_on(model, targets):
    lora = LoraConfig(r=3, lora_alpha=5, target_modules=targets, init_lora_weights=False, lora_dropout=0.0)
    return get_peft_model(model, lora)


def reward_cases(out):
    inputs = pairs()
    train(out / "reward_full", clip_model(), inputs,
          lambda model: (pickscore_loss(scores(model, inputs, model.logit_scale), inputs["labels"], inputs["weights"]), {}))
    targets = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
    for name in ("reward_qlora", "reward_dpo"):
        model = clip_model()
        model.save_pretrained(out / name)
        model = adapter_on(through_nf4(model, keep={"text_projection"}), targets)
        before = model.get_base_model().logit_scale.detach().clone()

        def loss_of(model, base, dpo=name == "reward_dpo"):
            logits = scores(base, inputs, base.logit_scale)
            if dpo:
                with torch.no_grad(), model.disable_adapter():
                    reference = scores(base, inputs, before)
                margin, reference = logits[:, 0] - logits[:, 1], reference[:, 0] - reference[:, 1]
                sign = inputs["labels"][:, 0] - inputs["labels"][:, 1]
                ahead = 0.7 * (margin - reference)
                # TRL's sigmoid loss for sure judgements, its mean over both for the tie, less log 2.
                sure = -F.logsigmoid(sign * ahead)
                tie = -0.5 * F.logsigmoid(ahead) - 0.5 * F.logsigmoid(-ahead) - torch.log(torch.tensor(2.0))
                loss = torch.where(sign == 0, tie, sure)
                return (loss * inputs["weights"] / inputs["weights"].sum()).sum()
            return pickscore_loss(logits, inputs["labels"], inputs["weights"])

        train_adapter(out / name, model, inputs, loss_of, extra={"logit_scale"})


def refiner_case(folder):
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=61, hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=32, attn_implementation="sdpa"))
    randomise(model)
    model.save_pretrained(folder)
    ids = torch.randint(3, 61, (4, 13))
    labels = ids.clone()
    for row, (begin, end) in enumerate([(4, 13), (7, 10), (9, 12), (2, 8)]):
        labels[row, :begin] = -100
        labels[row, end:] = -100
    model = adapter_on(through_nf4(model, keep={"lm_head"}),
                       ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    train_adapter(folder, model, {"input_ids": ids, "labels": labels},
                  lambda model, base: model(input_ids=ids, labels=labels).loss)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(31)
    reward_cases(out)
    refiner_case(out / "refiner_qlora")


if __name__ == "__main__":
    main()
