"""One training step of each of omr's trainers, as diffusers, transformers, peft and bitsandbytes do it.

The samples are those of `omr bench --train`: the prompt as every caption and its own hard negative, one
record. What omr reads and prepares within a step (pictures, tokens) is prepared here beforehand.
"""

import json
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from peft import LoraConfig, get_peft_model
from sentencepiece import SentencePieceProcessor
from transformers import BitsAndBytesConfig, CLIPModel, CLIPTextModel, CLIPTokenizer, LlamaForCausalLM

MAX_GRAD_NORM = 1.0
SNR_GAMMA = 5.0
CLIP_MODULES = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
LLAMA_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
NF4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)


def features(out):
    out = getattr(out, "pooler_output", out)
    return out / out.norm(dim=-1, keepdim=True)


def parameters_of(model):
    return [p for p in model.parameters() if p.requires_grad]


def on_adapter(model, modules):
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=modules, lora_dropout=0.0)
    return get_peft_model(model, lora)


class TrainingSteps:
    """`names` and, of each, a function that makes the loss of one step."""

    def __init__(self, model, prompt, feedback, batch, device, size):
        self.folder, self.prompt, self.feedback = model, prompt, feedback
        self.batch, self.device, self.size = batch, device, size

    def fp32(self, kind, folder, **options):
        return kind.from_pretrained(folder, dtype=torch.float32, **options).to(self.device).train()

    def tokens(self, folder, padding, count):
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        ids = tokenizer([self.prompt] * count, padding=padding, truncation=True, return_tensors="pt").input_ids
        return ids.to(self.device)

    def vae(self):
        vae = self.fp32(AutoencoderKL, self.folder / "vae")
        pixels = torch.rand(self.batch, 3, self.size, self.size, device=self.device) * 2 - 1

        def loss():
            posterior = vae.encode(pixels).latent_dist
            error = vae.decode(posterior.sample()).sample - pixels
            return error.abs().mean() + error.square().mean() + 1e-4 * posterior.kl().sum() / posterior.mean.numel()

        return vae, loss

    def unet(self):
        unet = self.fp32(UNet2DConditionModel, self.folder / "unet")
        encoder = self.fp32(CLIPTextModel, self.folder / "text_encoder").eval().requires_grad_(False)
        scheduler = DDPMScheduler.from_pretrained(self.folder / "scheduler")
        ids = self.tokens(self.folder / "tokenizer", "max_length", self.batch)
        vae = AutoencoderKL.load_config(self.folder / "vae")
        side = self.size >> (len(vae["block_out_channels"]) - 1)
        latents = torch.randn(self.batch, unet.config.in_channels, side, side, device=self.device)

        def loss():
            with torch.no_grad():
                states = encoder(ids)[0]
            noise = torch.randn_like(latents)
            t = torch.randint(scheduler.config.num_train_timesteps, (self.batch,), device=self.device)
            velocity = scheduler.config.prediction_type == "v_prediction"
            target = scheduler.get_velocity(latents, noise, t) if velocity else noise
            prediction = unet(scheduler.add_noise(latents, noise, t), t, states).sample
            snr = compute_snr(scheduler, t)
            weights = snr.clamp(max=SNR_GAMMA) / (snr + 1 if velocity else snr)
            return (F.mse_loss(prediction, target, reduction="none").mean((1, 2, 3)) * weights).mean()

        return unet, loss

    def clip(self):
        clip = self.fp32(CLIPModel, self.folder / "reward")
        side = clip.config.vision_config.image_size
        pixels = torch.randn(self.batch, 3, side, side, device=self.device)
        ids = self.tokens(self.folder / "reward", True, 2 * self.batch)
        pairs = torch.arange(self.batch, device=self.device)

        def loss():
            images = features(clip.get_image_features(pixel_values=pixels))
            texts = features(clip.get_text_features(input_ids=ids))
            scale = clip.logit_scale.exp()
            to_text = F.cross_entropy(images @ texts.t() * scale, pairs)
            return (to_text + F.cross_entropy(texts[: self.batch] @ images.t() * scale, pairs)) / 2

        return clip, loss

    def reward(self):
        clip = CLIPModel.from_pretrained(self.folder / "reward", quantization_config=NF4, dtype=torch.float32)
        side = clip.config.vision_config.image_size
        pixels = torch.randn(2 * self.batch, 3, side, side, device=self.device)
        ids = self.tokens(self.folder / "reward", True, self.batch)
        clip = on_adapter(clip.requires_grad_(False), CLIP_MODULES)
        base = clip.get_base_model()
        base.logit_scale.requires_grad_(True)
        first = torch.zeros(self.batch, dtype=torch.long, device=self.device)

        def loss():
            images = features(base.get_image_features(pixel_values=pixels)).chunk(2)
            texts = features(base.get_text_features(input_ids=ids))
            logits = torch.stack([(texts * picture).sum(1) for picture in images], 1) * base.logit_scale.exp()
            return F.cross_entropy(logits, first)

        return clip, loss

    def record(self):
        folder = self.folder / "refiner"
        settings = json.loads((folder / "refiner.json").read_text())
        tokenizer = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        text = settings["template"].replace("{prompt}", self.prompt).replace("{feedback}", self.feedback)
        question = [tokenizer.bos_id(), *tokenizer.encode(text)]
        answer = tokenizer.encode(self.prompt + (settings.get("stop") or [""])[0]) + [tokenizer.eos_id()]
        ids = torch.tensor([question + answer] * self.batch, device=self.device)
        labels = ids.clone()
        labels[:, : len(question)] = -100
        return ids, labels

    def refiner(self):
        llama = self.fp32(LlamaForCausalLM, self.folder / "refiner")
        ids, labels = self.record()
        return llama, lambda: llama(input_ids=ids, labels=labels).loss

    def refiner_qlora(self):
        llama = LlamaForCausalLM.from_pretrained(self.folder / "refiner", quantization_config=NF4, dtype=torch.float32)
        llama = on_adapter(llama.requires_grad_(False), LLAMA_MODULES)
        ids, labels = self.record()
        return llama, lambda: llama(input_ids=ids, labels=labels).loss

    def parts(self):
        yield "vae", self.vae
        yield "unet", self.unet
        if (self.folder / "reward").is_dir():
            yield "clip", self.clip
            yield "reward", self.reward
        if (self.folder / "refiner/refiner.json").is_file():
            yield "refiner", self.refiner
            yield "refiner_qlora", self.refiner_qlora

    def seconds(self, calls):
        """Median seconds of a step of each part, after one step that warms up."""
        out = {}
        for name, make in self.parts():
            model, loss_of = make()
            trained = parameters_of(model)
            optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
            times = []
            for _ in range(calls + 1):
                begin = time.perf_counter()
                optimizer.zero_grad()
                loss = loss_of()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained, MAX_GRAD_NORM)
                optimizer.step()
                loss.item()
                times.append(time.perf_counter() - begin)
            out[f"train_{name}"] = sorted(times[1:])[calls // 2]
        return out
