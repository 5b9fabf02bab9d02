"""What PyTorch computes when PEFT's LoRA on a small random UNet of diffusers is trained on pictures, on a reward
(ReFL, DDPO) and on preferences (Diffusion-DPO): the first loss and its gradients, and the weights after ten clipped
AdamW updates. The formulas are those of the methods' released code (docs/training.md names the files)."""

import argparse
import json
import math
import pathlib

import numpy
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

STEPS = 10
LEARNING_RATE = 2e-4
MAX_GRAD_NORM = 0.5
RANK, ALPHA = 3, 6
SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
                clip_sample=False, steps_offset=1, timestep_spacing="leading")


def make_unet():
    unet = UNet2DConditionModel(
        sample_size=10, block_out_channels=(12, 24), layers_per_block=1, norm_num_groups=6, cross_attention_dim=10,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=(3, 4), use_linear_projection=True)
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.2)
    return unet


def key(name):
    return "unet." + name.replace(".default", "")


def write(folder, unet, inputs, loss_of):
    """`loss_of()` -> (loss, tensors to keep); writes unet/, lora.safetensors and case.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    lora = {"unet." + k: v.detach().clone().contiguous() for k, v in get_peft_model_state_dict(unet).items()}
    lora |= {k.replace(".lora_A.weight", ".alpha"): torch.tensor(float(ALPHA)) for k in lora if "lora_A" in k}
    save_file(lora, folder / "lora.safetensors")
    base = {k.replace(".base_layer", ""): v.detach().clone().contiguous() for k, v in unet.state_dict().items() if "lora_" not in k}
    (folder / "unet").mkdir(exist_ok=True)
    unet.save_config(folder / "unet")
    save_file(base, folder / "unet" / "diffusion_pytorch_model.safetensors")
    trained = [(key(n), p) for n, p in unet.named_parameters() if "lora_" in n]
    optimizer = torch.optim.AdamW([p for _, p in trained], lr=LEARNING_RATE, weight_decay=1e-2)
    kept, losses, norms = dict(inputs), [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss, extra = loss_of()
        loss.backward()
        if step == 0:
            kept |= {k: v.detach() for k, v in extra.items()}
            kept |= {f"grad.{n}": p.grad.clone() for n, p in trained}
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in trained], MAX_GRAD_NORM))
        losses.append(loss.detach())
        optimizer.step()
    kept |= {f"after.{n}": p for n, p in trained} | {"losses": torch.stack(losses), "norms": torch.stack(norms)}
    save_file({k: v.detach().clone().contiguous() for k, v in kept.items()}, folder / "case.safetensors")


def reference(unet, call):
    with torch.no_grad():
        unet.disable_adapters()
        out = call()
        unet.enable_adapters()
    return out


def sft_case(folder):
    unet, scheduler = make_unet(), DDPMScheduler(**SCHEDULE)
    inputs = {"latents": torch.randn(5, 4, 10, 9), "noise": torch.randn(5, 4, 10, 9), "context": torch.randn(5, 6, 10),
              "timesteps": torch.tensor([3, 250, 501, 998, 77])}
    latents, noise, t = inputs["latents"], inputs["noise"], inputs["timesteps"]

    def loss_of():
        prediction = unet(scheduler.add_noise(latents, noise, t), t, inputs["context"]).sample
        snr = compute_snr(scheduler, t)
        weights = torch.stack([snr, 5.0 * torch.ones_like(t)], dim=1).min(dim=1)[0] / (snr + 1)
        loss = F.mse_loss(prediction, scheduler.get_velocity(latents, noise, t), reduction="none")
        return (loss.mean(dim=[1, 2, 3]) * weights).mean(), {}

    write(folder, unet, inputs, loss_of)


def ppo_case(folder):
    """ddpo-pytorch: scripts/train.py, ddim_with_logprob.py; the KL of flow_grpo."""
    unet, scheduler = make_unet(), DDIMScheduler(**SCHEDULE, set_alpha_to_one=False)
    scheduler.set_timesteps(6)
    guidance, clip, beta, calls = 3.0, 0.05, 0.3, [0, 3, 5]
    contexts = torch.cat([torch.randn(1, 6, 10).expand(4, 6, 10), torch.randn(4, 6, 10)])
    advantages = torch.tensor([1.5, -0.7, 0.4, -2.0])
    inputs = {"negative": contexts[:1], "context": contexts[4:], "advantages": advantages}
    # Far enough from 1 that ten updates carry no ratio over the clip's edge.
    offsets = torch.tensor([[0.3, -0.3, 0.0, 0.01], [-0.3, 0.0, 0.3, 0.3], [0.0, 0.3, -0.01, -0.3]])

    def step(call, sample):
        t = scheduler.timesteps[call]
        both = unet(torch.cat([sample] * 2), t, contexts).sample.chunk(2)
        output = both[0] + guidance * (both[1] - both[0])
        mean = scheduler.step(output, t, sample, eta=1.0, variance_noise=torch.zeros_like(sample)).prev_sample
        previous = t - scheduler.config.num_train_timesteps // scheduler.num_inference_steps
        return mean, scheduler._get_variance(t, previous) ** 0.5

    def log_prob(sample, mean, std):
        std = torch.clip(std, min=1e-6)
        out = -((sample.detach() - mean) ** 2) / (2 * std ** 2) - torch.log(std) - torch.log(torch.sqrt(2 * torch.as_tensor(math.pi)))
        return out.mean(dim=tuple(range(1, out.ndim)))

    for row, call in enumerate(calls):
        sample = torch.randn(4, 4, 10, 9)
        with torch.no_grad():
            mean, std = step(call, sample)
            after = mean + std * torch.randn_like(mean)
            inputs |= {f"before_{call}": sample, f"after_{call}": after,
                       f"old_{call}": log_prob(after, mean, std) + offsets[row]}

    def loss_of():
        total, extra = 0, {}
        for call in calls:
            mean, std = step(call, inputs[f"before_{call}"])
            now = log_prob(inputs[f"after_{call}"], mean, std)
            ratio = torch.exp(now - inputs[f"old_{call}"])
            losses = torch.maximum(-advantages * ratio, -advantages * torch.clamp(ratio, 1 - clip, 1 + clip))
            off, _ = reference(unet, lambda: step(call, inputs[f"before_{call}"]))
            kl = ((mean - off) ** 2).mean(dim=(1, 2, 3)) / (2 * std ** 2)
            total = total + (losses + beta * kl).sum() / (len(calls) * 4)
            extra |= {f"log_prob_{call}": now, f"ratio_{call}": ratio, f"kl_{call}": kl}
        return total, extra

    write(folder, unet, inputs, loss_of)
    scheduler.save_pretrained(folder / "scheduler")


def refl_case(folder):
    """ImageReward: ReFL.py, with the session's rewards (docs/method.md) in the reward model's place."""
    unet, scheduler = make_unet(), DDPMScheduler(**SCHEDULE)
    vae = AutoencoderKL(block_out_channels=(8, 20), layers_per_block=1, norm_num_groups=4, latent_channels=4,
                        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
                        scaling_factor=0.7).requires_grad_(False)
    tower = dict(hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4, hidden_act="gelu")
    clip = CLIPModel(CLIPConfig(
        text_config=dict(tower, vocab_size=50, max_position_embeddings=9, eos_token_id=49, bos_token_id=48, pad_token_id=0),
        vision_config=dict(tower, image_size=12, patch_size=4), projection_dim=14)).requires_grad_(False)
    scheduler.set_timesteps(8)
    call, scale, margin = 6, 0.1, 2.0
    unit = lambda x: x / x.norm(dim=-1, keepdim=True)
    inputs = {"latents": torch.randn(4, 4, 10, 8) * 0.8, "context": torch.randn(4, 6, 10), "prompts": unit(torch.randn(4, 14)),
              "contrasts": unit(torch.randn(4, 3, 14)), "kept": unit(torch.randn(4, 14))}
    references = {"pref": (1.0, 2.5), "div": (0.1, 0.2), "cons": (0.3, 0.4), "mi": (-1.2, 0.6)}
    rounds = torch.tensor([0.0, 0.0, 2.0, 5.0])  # pictures 0, 1 and 2, 3 are candidates of one round
    pair = torch.tensor([1, 0, 3, 2])
    lambdas = {"div": torch.exp(-0.15 * rounds), "cons": 1 - torch.exp(-0.1 * rounds), "mi": 0.5 * (1 - torch.exp(-0.075 * rounds))}
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)

    def x0():
        t = scheduler.timesteps[call]
        return scheduler.step(unet(inputs["latents"], t, inputs["context"]).sample, t, inputs["latents"]).pred_original_sample

    def loss_of():
        sample = x0()
        image = (vae.decode(sample / vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)
        # Pillow's two passes, in its order; each ends within the range of pixels.
        lost_height, lost_width = image.shape[2] - 15, image.shape[3] - 12
        height_first = lost_height > 0 and lost_height > 2 * lost_width
        for size in ((15, image.shape[3]) if height_first else (image.shape[2], 12), (15, 12)):
            image = F.interpolate(image, size=size, mode="bicubic", antialias=True).clamp(0, 1)
        image = image[:, :, 1:13]
        features = clip.get_image_features(pixel_values=(image - mean) / std)
        images = unit(getattr(features, "pooler_output", features))
        s = clip.logit_scale.exp()
        raw = {"pref": s * (images * inputs["prompts"]).sum(1), "div": 1 - (images * images[pair]).sum(1),
               "cons": (images * inputs["kept"]).sum(1),
               "mi": torch.log_softmax(s * torch.einsum("bmd,bd->bm", torch.cat([inputs["prompts"][:, None], inputs["contrasts"]], 1), images), 1)[:, 0]}
        terms = {k: (v - references[k][0]) / references[k][1] for k, v in raw.items()}
        terms["cons"] = terms["cons"] * (rounds > 0)
        total = terms["pref"] + sum(lambdas[k] * terms[k] for k in lambdas)
        distance = ((sample - reference(unet, x0)) ** 2).mean(dim=(1, 2, 3))
        loss = (F.relu(margin - total) * scale).mean() + distance.mean()
        return loss, {"x0": sample, "total": total, **{f"term_{k}": v for k, v in terms.items()}}

    write(folder, unet, inputs, loss_of)
    vae.save_pretrained(folder / "vae")
    clip.save_pretrained(folder / "clip")
    scheduler.save_pretrained(folder / "scheduler")
    (folder / "references.json").write_text(json.dumps(references))


def dpo_case(folder):
    """DiffusionDPO: train.py; the reference as in diffusers' train_diffusion_dpo.py: adapters off."""
    unet, scheduler = make_unet(), DDPMScheduler(**SCHEDULE)
    inputs = {"chosen": torch.randn(3, 4, 10, 9), "rejected": torch.randn(3, 4, 10, 9), "noise": torch.randn(3, 4, 10, 9),
              "context": torch.randn(3, 6, 10), "timesteps": torch.tensor([40, 480, 801])}
    beta, t = 500.0, inputs["timesteps"].repeat(2)
    latents, noise = torch.cat([inputs["chosen"], inputs["rejected"]]), inputs["noise"].repeat(2, 1, 1, 1)
    target = scheduler.get_velocity(latents, noise, t)

    def errors():
        prediction = unet(scheduler.add_noise(latents, noise, t), t, inputs["context"].repeat(2, 1, 1)).sample
        return (prediction - target).pow(2).mean(dim=[1, 2, 3])

    def loss_of():
        won, lost = errors().chunk(2)
        reference_won, reference_lost = reference(unet, errors).chunk(2)
        inside = -0.5 * beta * ((won - lost) - (reference_won - reference_lost))
        return -F.logsigmoid(inside).mean(), {"accuracy": (inside > 0).float().mean()}

    write(folder, unet, inputs, loss_of)


def advantages(out):
    """stat_tracking.py of ddpo-pytorch."""
    from collections import deque
    random = numpy.random.default_rng(3)
    stats, epochs = {}, []
    for _ in range(5):
        prompts, rewards = random.integers(0, 4, 9), random.normal(2, 3, 9)
        result = numpy.empty_like(rewards)
        for prompt in numpy.unique(prompts):
            own = rewards[prompts == prompt]
            queue = stats.setdefault(int(prompt), deque(maxlen=6))
            queue.extend(own)
            of = rewards if len(queue) < 5 else numpy.array(queue)
            result[prompts == prompt] = (own - of.mean()) / (of.std() + 1e-6)
        epochs.append({"prompts": prompts.tolist(), "rewards": rewards.tolist(), "advantages": result.tolist()})
    (out / "advantages.json").write_text(json.dumps({"buffer": 6, "min_count": 5, "epochs": epochs}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(0)
    sft_case(out / "sft")
    ppo_case(out / "ppo")
    refl_case(out / "refl")
    dpo_case(out / "dpo")
    advantages(out)


if __name__ == "__main__":
    main()
