"""What PyTorch, diffusers and transformers compute when they train small random models of odd shapes: the first
loss and its gradients, and the weights after ten clipped AdamW updates on the same batch."""

import argparse
import json
import pathlib

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel, compute_snr
from lpips_reference import random_lpips
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaForCausalLM
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

STEPS = 10
LEARNING_RATE = 2e-4
MAX_GRAD_NORM = 0.5


def randomise(module):
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def train(folder, model, inputs, loss_of):
    """`loss_of(model)` -> (loss, tensors to keep); writes case.safetensors."""
    if hasattr(model, "save_pretrained"):
        model.save_pretrained(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        inputs = inputs | {f"before.{n}": p.detach().clone() for n, p in model.named_parameters()}
    kept = dict(inputs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    averages = {name: EMAModel(model.parameters(), decay=0.7, use_ema_warmup=name == "power") for name in ("plain", "power")}
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss, extra = loss_of(model)
        loss.backward()
        if step == 0:
            kept |= {k: v.detach() for k, v in extra.items()}
            kept |= {f"grad.{n}": p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM))
        losses.append(loss.detach())
        optimizer.step()
        for average in averages.values():
            average.step(model.parameters())
    kept |= {f"after.{n}": p.detach() for n, p in model.named_parameters()}
    for name, average in averages.items():
        kept |= {f"ema_{name}.{n}": p for (n, _), p in zip(model.named_parameters(), average.shadow_params)}
    kept |= {"losses": torch.stack(losses), "norms": torch.stack(norms)}
    save_file({k: v.detach().clone().contiguous() for k, v in kept.items()}, folder / "case.safetensors")


def unet_case(folder, prediction_type, zero_snr):
    model = UNet2DConditionModel(
        sample_size=10, block_out_channels=(12, 24), layers_per_block=1, norm_num_groups=6, cross_attention_dim=10,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=(3, 4), use_linear_projection=True)
    randomise(model)
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                              prediction_type=prediction_type, rescale_betas_zero_snr=zero_snr)
    inputs = {"latents": torch.randn(5, 4, 10, 9), "noise": torch.randn(5, 4, 10, 9), "context": torch.randn(5, 6, 10),
              "timesteps": torch.tensor([3, 250, 501, 998, 77])}
    latents, noise, t = inputs["latents"], inputs["noise"], inputs["timesteps"]
    gamma = 5.0

    def loss_of(model):
        noisy = scheduler.add_noise(latents, noise, t)
        target = noise if prediction_type == "epsilon" else scheduler.get_velocity(latents, noise, t)
        prediction = model(noisy, t, inputs["context"]).sample
        # As examples/text_to_image/train_text_to_image.py weighs it.
        snr = compute_snr(scheduler, t)
        weights = torch.stack([snr, gamma * torch.ones_like(t)], dim=1).min(dim=1)[0]
        weights = weights / snr if prediction_type == "epsilon" else weights / (snr + 1)
        loss = F.mse_loss(prediction.float(), target.float(), reduction="none")
        loss = loss.mean(dim=list(range(1, len(loss.shape)))) * weights
        return loss.mean(), {"noisy": noisy, "target": target, "weights": weights}

    train(folder, model, inputs, loss_of)
    (folder / "scheduler").mkdir(exist_ok=True)
    scheduler.save_pretrained(folder / "scheduler")


def vae_case(folder):
    model = AutoencoderKL(block_out_channels=(8, 20), layers_per_block=1, norm_num_groups=4, latent_channels=3,
                          down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    randomise(model)
    inputs = {"pixels": torch.rand(3, 3, 14, 18) * 2 - 1, "pixel_weights": torch.rand(3, 1, 14, 18) * 3 + 1,
              "noise": torch.randn(3, 3, 7, 9)}
    pixels, weights = inputs["pixels"], inputs["pixel_weights"]

    def loss_of(model):
        posterior = model.encode(pixels).latent_dist
        z = posterior.mean + posterior.std * inputs["noise"]
        error = model.decode(z).sample - pixels
        # Each picture weighs the same, so that a batch in parts is the same batch.
        mean = lambda x: ((x * weights).sum((1, 2, 3)) / (weights.expand_as(x)).sum((1, 2, 3))).mean()
        kl = posterior.kl().sum() / posterior.mean.numel()
        l1, l2 = mean(error.abs()), mean(error ** 2)
        return l1 + 0.7 * l2 + 1e-2 * kl, {"l1": l1, "l2": l2, "kl": kl}

    train(folder, model, inputs, loss_of)


class PatchDiscriminator(torch.nn.Module):
    """taming-transformers' NLayerDiscriminator, layer by layer."""

    def __init__(self, ndf, n_layers=3):
        super().__init__()
        layers, width = [torch.nn.Conv2d(3, ndf, 4, stride=2, padding=1), torch.nn.LeakyReLU(0.2)], ndf
        for n in range(1, n_layers + 1):
            out = ndf * min(2**n, 8)
            layers += [torch.nn.Conv2d(width, out, 4, stride=1 if n == n_layers else 2, padding=1, bias=False),
                       torch.nn.BatchNorm2d(out), torch.nn.LeakyReLU(0.2)]
            width = out
        self.main = torch.nn.Sequential(*layers, torch.nn.Conv2d(width, 1, 4, padding=1))

    def forward(self, x):
        return self.main(x)


def fresh_discriminator():
    model = PatchDiscriminator(64)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1.0, 0.02)
            torch.nn.init.constant_(module.bias, 0)
    return model


def adversarial_vae_case(folder):
    """L1, L2, KL and LPIPS, and a discriminator that is trained in the same step; what each of the two learns from is kept apart by
    taking gradients of its own parameters alone."""
    model = torch.nn.Module()
    model.vae = AutoencoderKL(block_out_channels=(8, 20), layers_per_block=1, norm_num_groups=4, latent_channels=3,
                              down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    model.discriminator = PatchDiscriminator(8)
    randomise(model)
    model.vae.save_pretrained(folder)
    lpips = random_lpips()
    inputs = {"pixels": torch.rand(3, 3, 34, 26) * 2 - 1, "noise": torch.randn(3, 3, 17, 13)}
    pixels = inputs["pixels"]
    adversarial_weight = 0.6

    def loss_of(model):
        posterior = model.vae.encode(pixels).latent_dist
        decoded = model.vae.decode(posterior.mean + posterior.std * inputs["noise"]).sample
        error = decoded - pixels
        perceptual = lpips(decoded, pixels).mean()
        reconstruction = error.abs().mean() + 0.7 * (error**2).mean() + 0.8 * perceptual
        frozen = {name: p.detach() for name, p in model.discriminator.named_parameters()}
        generator = -torch.func.functional_call(model.discriminator, frozen, (decoded,)).mean()
        last = model.vae.decoder.conv_out.weight
        of_reconstruction, of_generator = (torch.autograd.grad(x, last, retain_graph=True)[0] for x in (reconstruction, generator))
        balance = torch.clamp(torch.norm(of_reconstruction) / (torch.norm(of_generator) + 1e-4), 0.0, 1e4).detach()
        real, fake = model.discriminator(pixels), model.discriminator(decoded.detach())
        discriminator = 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
        kl = posterior.kl().sum() / posterior.mean.numel()
        total = reconstruction + 1e-2 * kl + adversarial_weight * balance * generator
        kept = {"perceptual": perceptual, "generator": generator, "discriminator": discriminator, "balance": balance, "total": total}
        return total + discriminator, kept

    train(folder, model, inputs, loss_of)


def clip_model():
    tower = dict(hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4, hidden_act="gelu")
    return CLIPModel(CLIPConfig(
        text_config=dict(tower, vocab_size=50, max_position_embeddings=9, eos_token_id=49, bos_token_id=48, pad_token_id=0),
        vision_config=dict(tower, image_size=12, patch_size=4), projection_dim=14))


def clip_case(folder):
    model = clip_model()
    randomise(model)
    ids = torch.randint(1, 48, (10, 9))
    ids[:, 0] = 48
    for row, end in enumerate([8, 5, 6, 8, 3, 4, 7, 8, 2, 8]):
        ids[row, end:] = 49
    inputs = {"pixel_values": torch.randn(5, 3, 12, 12), "input_ids": ids[:5], "negative_ids": ids[5:]}

    def loss_of(model):
        unit = lambda x: x / x.norm(dim=-1, keepdim=True)
        features = lambda out: getattr(out, "pooler_output", out)
        images = unit(features(model.get_image_features(pixel_values=inputs["pixel_values"])))
        texts = unit(features(model.get_text_features(input_ids=inputs["input_ids"])))
        negatives = unit(features(model.get_text_features(input_ids=inputs["negative_ids"])))
        scale = model.logit_scale.exp()
        plain = image_text_contrastive_loss(texts @ images.t() * scale)
        pairs = torch.arange(len(images))
        to_text = F.cross_entropy(torch.cat([images @ texts.t(), images @ negatives.t()], 1) * scale, pairs)
        to_image = F.cross_entropy(texts @ images.t() * scale, pairs)
        return (to_text + to_image) / 2, {"plain": plain, "image_to_text": to_text, "text_to_image": to_image}

    train(folder, model, inputs, loss_of)


class LayoutDecoder(torch.nn.Module):
    """Learnt queries through diffusers' blocks, each to its patch of latents."""

    def __init__(self, rows, columns, patch, width, heads, channels):
        super().__init__()
        self.queries = torch.nn.Parameter(torch.randn(rows * columns, width) * 0.5)
        self.transformer_blocks = torch.nn.ModuleList(
            BasicTransformerBlock(width, heads, width // heads, cross_attention_dim=width) for _ in range(2))
        self.norm_out = torch.nn.LayerNorm(width)
        self.proj_out = torch.nn.Linear(width, patch * patch * channels)
        self.shape, self.patch = (rows, columns), patch

    def forward(self, states):
        x = self.queries.expand(states.shape[0], -1, -1)
        for block in self.transformer_blocks:
            x = block(x, encoder_hidden_states=states)
        # Of each patch the channels are outermost: what pixel_shuffle expects.
        return F.pixel_shuffle(self.proj_out(self.norm_out(x)).transpose(1, 2).unflatten(2, self.shape), self.patch)


def layout_case(folder, rows, columns, patch):
    model = LayoutDecoder(rows, columns, patch, width=20, heads=4, channels=3)
    randomise(model)
    inputs = {"states": torch.randn(5, 7, 20), "latents": torch.randn(5, 3, rows * patch, columns * patch)}
    train(folder, model, inputs, lambda m: (F.mse_loss(m(inputs["states"]), inputs["latents"]), {}))


def llama_case(folder):
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=32, attn_implementation="sdpa"))
    randomise(model)
    ids = torch.randint(3, 61, (4, 13))
    labels = ids.clone()
    for row, (begin, end) in enumerate([(4, 13), (7, 10), (9, 12), (2, 8)]):
        labels[row, :begin] = -100
        labels[row, end:] = -100
    inputs = {"input_ids": ids, "labels": labels}
    train(folder, model, inputs, lambda model: (model(input_ids=ids, labels=labels).loss, {}))


def spread_of(model):
    """Each parameter's mean and deviation, as its library draws it."""
    return {name: [p.mean().item(), p.std().item() if p.numel() > 1 else 0.0, p.numel()] for name, p in model.named_parameters()}


def initialisation(out):
    models = {
        "unet": UNet2DConditionModel(sample_size=8, block_out_channels=(64, 128), layers_per_block=1, cross_attention_dim=48,
                                     norm_num_groups=16, attention_head_dim=4, use_linear_projection=True,
                                     down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                                     up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")),
        "vae": AutoencoderKL(block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=8,
                             down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2),
        "clip": CLIPModel(CLIPConfig(
            text_config=dict(hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=4, vocab_size=300,
                             max_position_embeddings=30, initializer_factor=1.0),
            vision_config=dict(hidden_size=64, intermediate_size=130, num_hidden_layers=2, num_attention_heads=4, image_size=32,
                               patch_size=8, initializer_range=0.03), projection_dim=80)),
        "discriminator": fresh_discriminator(),
        "text": CLIPTextModel(CLIPTextConfig(hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=4,
                                             vocab_size=300, max_position_embeddings=30)),
        "llama": LlamaForCausalLM(LlamaConfig(vocab_size=300, hidden_size=96, intermediate_size=200, num_hidden_layers=2,
                                              num_attention_heads=6, num_key_value_heads=2, initializer_range=0.05)),
    }
    for name, model in models.items():
        folder = out / f"fresh_{name}"
        if hasattr(model, "save_pretrained"):
            model.save_pretrained(folder)
        folder.mkdir(parents=True, exist_ok=True)
        spread = spread_of(model)
        if name == "discriminator":
            # One value alone says nothing of the uniform distribution in +-1/sqrt(fan_in) that it is drawn from.
            spread["main.11.bias"] = [0.0, (3 * model.main[11].weight[0].numel()) ** -0.5, 1]
        (folder / "spread.json").write_text(json.dumps(spread))


def learning_rates(out):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=7, num_training_steps=40)
    rates = []
    for _ in range(40):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    (out / "learning_rates.json").write_text(json.dumps(rates))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(23)
    unet_case(out / "unet_v", "v_prediction", zero_snr=True)
    unet_case(out / "unet_epsilon", "epsilon", zero_snr=False)
    vae_case(out / "vae")
    adversarial_vae_case(out / "vae_adversarial")
    clip_case(out / "clip")
    layout_case(out / "layout_even", rows=3, columns=4, patch=2)
    layout_case(out / "layout_odd", rows=5, columns=4, patch=1)
    llama_case(out / "llama")
    initialisation(out)
    learning_rates(out)


if __name__ == "__main__":
    main()
