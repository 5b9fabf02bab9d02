"""What diffusers and transformers compute from tests/data/models/scenes, for prompts, seeds and shapes that no file in
the repository holds. tests/e2e/live_parity_test.py compares the program with it.

writes DIR/cases.json and one PNG per image.
"""

import argparse
import json
import pathlib

import numpy
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from peft import PeftModel
from PIL import Image
from sentencepiece import SentencePieceProcessor
from transformers import CLIPImageProcessor, CLIPModel, CLIPTextModel, CLIPTokenizer, LlamaForCausalLM

INPUTS = ["tests/data/models/scenes"]
PACK = pathlib.Path(__file__).resolve().parents[2] / "tests/data/models/scenes"

IMAGES = [
    {"name": "wide", "prompt": "a small pink heart on the left on a gray background", "seed": 101,
     "scheduler": "ddim", "steps": 9, "guidance_scale": 3.0, "width": 96, "height": 64},
    {"name": "tall", "prompt": "a large green tree at the bottom on a beige background", "seed": 102,
     "scheduler": "dpmpp_2m", "steps": 10, "guidance_scale": 5.5, "width": 48, "height": 80},
    {"name": "euler-unguided", "prompt": "a yellow moon at the top", "seed": 103,
     "scheduler": "euler", "steps": 7, "guidance_scale": 1.0},
    {"name": "karras-negative", "prompt": "a purple square and a brown house on a cyan background", "seed": 104,
     "scheduler": "dpmpp_2m_karras", "steps": 8, "guidance_scale": 4.5, "negative_prompt": "a white background"},
    {"name": "outside-the-world", "prompt": "Ein Café, 42 STARS!! (not shown) and more", "seed": 4294967295,
     "scheduler": "ddim", "steps": 6, "guidance_scale": 7.5},
    {"name": "longer-than-the-context", "prompt": "a blue circle on the right and " * 20 + "a red star", "seed": 0,
     "chunked": True, "scheduler": "ddim", "steps": 5, "guidance_scale": 2.0},
    {"name": "lora-negative-weight", "prompt": "a large red star in the center on a white background", "seed": 105,
     "scheduler": "euler", "steps": 8, "guidance_scale": 4.0, "lora": ["lora/outline.safetensors", -0.35]},
    {"name": "lora-img2img", "prompt": "a large red star in the center on a black background", "seed": 106,
     "scheduler": "ddim", "steps": 12, "guidance_scale": 4.0, "lora": ["lora/outline.safetensors", 1.3],
     "init": "tall", "strength": 0.65},
    {"name": "img2img-dpmpp", "prompt": "a large orange triangle on a navy background", "seed": 107,
     "scheduler": "dpmpp_2m", "steps": 10, "guidance_scale": 3.5, "init": "wide", "strength": 0.7},
    {"name": "img2img-euler", "prompt": "a large orange triangle on a navy background", "seed": 108,
     "scheduler": "euler", "steps": 10, "guidance_scale": 3.5, "init": "wide", "strength": 0.4},
]
SCORED = ["wide", "tall", "euler-unguided"]
SCORE_PROMPTS = ["a small pink heart on the left on a gray background", "a navy background", "STARS?  (many)"]
REFINEMENTS = [
    ("a small green heart at the top right on a cyan background", "make the heart bigger"),
    ("a large yellow moon in the center", "can you turn the moon into a square and use a gray background"),
    ("a blue house on the left and a pink star on the right", "remove the star"),
    ("a brown triangle", "è una pizza? \u65e5\u672c"),
]


def scheduler(name):
    # From the pack's own config each time: a config taken off another scheduler keeps that one's settings.
    config = DDIMScheduler.load_config(PACK / "scheduler")
    if name == "ddim":
        return DDIMScheduler.from_config(config)
    if name == "euler":
        return EulerDiscreteScheduler.from_config(config)
    return DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=name.endswith("karras"))


def load_pipeline():
    parts = {
        "tokenizer": CLIPTokenizer.from_pretrained(PACK / "tokenizer"),
        "text_encoder": CLIPTextModel.from_pretrained(PACK / "text_encoder", dtype=torch.float32).eval(),
        "unet": UNet2DConditionModel.from_pretrained(PACK / "unet", torch_dtype=torch.float32).eval(),
        "vae": AutoencoderKL.from_pretrained(PACK / "vae", torch_dtype=torch.float32).eval(),
        "scheduler": DDIMScheduler.from_pretrained(PACK / "scheduler"),
    }
    return StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None,
                                   requires_safety_checker=False)


def in_chunks(pipeline, prompt, chunks=1):
    """The states of a prompt longer than the window, window by window, at least so many of them."""
    tokenizer, length = pipeline.tokenizer, pipeline.tokenizer.model_max_length
    ids = tokenizer(prompt, add_special_tokens=False, truncation=False).input_ids
    rows = [ids[i:i + length - 2] for i in range(0, len(ids), length - 2)]
    rows += [[]] * (chunks - len(rows))
    rows = [[tokenizer.bos_token_id, *row, tokenizer.eos_token_id] for row in rows]
    padded = torch.tensor([row + [tokenizer.pad_token_id] * (length - len(row)) for row in rows])
    with torch.no_grad():
        states = pipeline.text_encoder(padded)[0]
    return states.reshape(1, -1, states.shape[-1]), len(rows)


def draw(pipeline, case, folder):
    pipeline.scheduler = scheduler(case["scheduler"])
    request = {
        "prompt": case["prompt"],
        "negative_prompt": case.get("negative_prompt"),
        "num_inference_steps": case["steps"],
        "guidance_scale": case["guidance_scale"],
        "generator": torch.Generator("cpu").manual_seed(case["seed"]),
    }
    if case.get("chunked"):
        request["prompt_embeds"], chunks = in_chunks(pipeline, request.pop("prompt"))
        request["negative_prompt_embeds"], _ = in_chunks(pipeline, request.pop("negative_prompt") or "", chunks)
    if "lora" in case:
        pipeline.load_lora_weights(PACK / case["lora"][0], adapter_name="lora")
        pipeline.set_adapters(["lora"], [case["lora"][1]])
    try:
        if "init" in case:
            image = Image.open(folder / f"{case['init']}.png").convert("RGB")
            return StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)(
                image=image, strength=case["strength"], **request).images[0]
        return pipeline(width=case.get("width", 64), height=case.get("height", 64), **request).images[0]
    finally:
        if "lora" in case:
            pipeline.unload_lora_weights()


def score(model, images, prompts):
    tokenizer = CLIPTokenizer.from_pretrained(PACK / "reward")
    processor = CLIPImageProcessor.from_pretrained(PACK / "reward")
    pixels = processor(images=images, return_tensors="pt")
    tokens = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt",
                       max_length=model.config.text_config.max_position_embeddings)
    with torch.no_grad():
        out = model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, **pixels)
    return out.image_embeds @ out.text_embeds.T, model.logit_scale.exp().item()


def scores(folder):
    model = CLIPModel.from_pretrained(PACK / "reward", dtype=torch.float32).eval()
    images = [Image.open(folder / f"{name}.png").convert("RGB") for name in SCORED]
    base, scale = score(model, images, SCORE_PROMPTS)
    adapted, _ = score(PeftModel.from_pretrained(model, PACK / "reward/adapter").eval(), images, SCORE_PROMPTS)
    return [
        {"image": f"{name}.png", "prompt": prompt, "cosine": base[i, j].item(), "score": scale * base[i, j].item(),
         "cosine_with_adapter": adapted[i, j].item()}
        for i, name in enumerate(SCORED) for j, prompt in enumerate(SCORE_PROMPTS)
    ]


def refinements():
    settings = json.loads((PACK / "refiner/refiner.json").read_text())
    model = LlamaForCausalLM.from_pretrained(PACK / "refiner", dtype=torch.float32).eval()
    tokenizer = SentencePieceProcessor(model_file=str(PACK / "refiner/tokenizer.model"))
    for prompt, feedback in REFINEMENTS:
        text = settings["template"].replace("{prompt}", prompt).replace("{feedback}", feedback)
        input_ids = [tokenizer.bos_id()] + tokenizer.encode(text)
        with torch.no_grad():
            out = model.generate(torch.tensor([input_ids]), max_new_tokens=settings["max_new_tokens"], do_sample=False)
        yield {"prompt": prompt, "feedback": feedback, "output_ids": out[0, len(input_ids):].tolist()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)

    pipeline = load_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    for case in IMAGES:
        draw(pipeline, case, out).save(out / f"{case['name']}.png")
        assert numpy.ptp(numpy.asarray(Image.open(out / f"{case['name']}.png"))) > 60, f"{case['name']} is flat"
    cases = {"images": IMAGES, "scores": scores(out), "refine": list(refinements())}
    (out / "cases.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main()
