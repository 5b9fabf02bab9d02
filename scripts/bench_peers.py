"""Times each part of omr, and the same part scripted with diffusers, transformers and peft.

Both use the same weights, threads, device and precision. They take turns in one run: `omr bench`, then the
peers, as often as --repeats says; each turn is the median of three timed calls after one that warms up, and
the medians over the turns are printed. ratio is the peers' time by omr's: above 1, omr is faster. With --train
the parts are a training step of each of omr's trainers (scripts/bench_peers_train.py).
"""

import argparse
import json
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

# Before the imports: what the peers say while they load is not the result.
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "DIFFUSERS_VERBOSITY": "error"}
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
warnings.simplefilter("ignore", FutureWarning)

import diffusers
import peft
import torch
import transformers
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline
from bench_peers_train import TrainingSteps
from peft import PeftModel
from sentencepiece import SentencePieceProcessor
from transformers import (
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    LlamaForCausalLM,
    StoppingCriteria,
    StoppingCriteriaList,
)

ROOT = pathlib.Path(__file__).resolve().parents[1]
# As `omr bench` has them.
PROMPT = "a large red star at the top left and a small blue house on the right on a navy background"
FEEDBACK = "make the star bigger"
UNET_CALLS = 5
CALLS_A_TURN = 3
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
UNITS = {
    "text_encoder": "s/prompt", "unet_step": "s/step", "unet_step_candidates": "s/step", "vae_decode": "s/image",
    "image": "s", "candidates": "s", "reward_score": "s/image", "refiner": "tokens/s", "refine": "s", "round": "s",
    "train_vae": "s/step", "train_unet": "s/step", "train_clip": "s/step", "train_reward": "s/step",
    "train_refiner": "s/step", "train_refiner_qlora": "s/step",
}  # fmt: skip


def make_scheduler(name, config):
    if name == "euler":
        return EulerDiscreteScheduler.from_config(config)
    if name.startswith("dpmpp"):
        return DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=name.endswith("karras"))
    return DDIMScheduler.from_config(config)


def defaults_of(model):
    defaults = model / "omr.json"
    return json.loads(defaults.read_text()) if defaults.is_file() else {}


class TrainingPeers:
    def __init__(self, args):
        unet, vae = (json.loads((args.model / part / "config.json").read_text()) for part in ("unet", "vae"))
        size = defaults_of(args.model).get("width", unet["sample_size"] << (len(vae["block_out_channels"]) - 1))
        self.steps = TrainingSteps(args.model, PROMPT, FEEDBACK, args.batch, torch.device(args.device), size)

    def turn(self):
        return self.steps.seconds(CALLS_A_TURN)


class StopAtText(StoppingCriteria):
    def __init__(self, tokenizer, start, stops):
        self.tokenizer, self.start, self.stops = tokenizer, start, stops

    def __call__(self, input_ids, scores, **_):
        text = self.tokenizer.decode(input_ids[0, self.start:].tolist())
        return torch.tensor([any(stop in text for stop in self.stops)], device=input_ids.device)


class Refiner:
    """Greedy decoding with transformers' key/value cache, from the folder's own template."""

    def __init__(self, folder, device, dtype):
        self.model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
        if (folder / "adapter").is_dir():
            self.model = PeftModel.from_pretrained(self.model, folder / "adapter").merge_and_unload()
        self.tokenizer = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        self.settings = json.loads((folder / "refiner.json").read_text())

    def __call__(self, prompt, feedback):
        text = self.settings["template"].replace("{prompt}", prompt).replace("{feedback}", feedback)
        ids = [self.tokenizer.bos_id(), *self.tokenizer.encode(text)]
        stopping = [StopAtText(self.tokenizer, len(ids), self.settings["stop"])] if self.settings.get("stop") else []
        input_ids = torch.tensor([ids], device=self.model.device)
        out = self.model.generate(
            input_ids, attention_mask=torch.ones_like(input_ids), do_sample=False, use_cache=True,
            max_new_tokens=self.settings.get("max_new_tokens", 64), stopping_criteria=StoppingCriteriaList(stopping),
            pad_token_id=self.tokenizer.eos_id(),
        )[0, len(ids):].tolist()  # fmt: skip
        return self.tokenizer.decode(out).strip(), len(out)


class Reward:
    """Scores of a CLIPModel whose adapter is merged into its weights."""

    def __init__(self, folder, device, dtype):
        self.model = CLIPModel.from_pretrained(folder, dtype=dtype).to(device).eval()
        if (folder / "adapter").is_dir():
            self.model = PeftModel.from_pretrained(self.model, folder / "adapter").merge_and_unload()
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)
        self.processor = CLIPImageProcessor.from_pretrained(folder)

    def __call__(self, prompt, images):
        pixels = self.processor(images=images, return_tensors="pt").pixel_values.to(self.model.device, self.model.dtype)
        tokens = self.tokenizer([prompt], truncation=True, return_tensors="pt",
                                max_length=self.model.config.text_config.max_position_embeddings)
        out = self.model(input_ids=tokens.input_ids.to(self.model.device),
                         attention_mask=tokens.attention_mask.to(self.model.device), pixel_values=pixels)
        return out.logits_per_text.tolist()


class Peers:
    def __init__(self, args):
        self.args, self.device, dtype = args, torch.device(args.device), DTYPES[args.dtype]
        settings = defaults_of(args.model)
        self.pipe = StableDiffusionPipeline.from_pretrained(
            args.model, dtype=dtype, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        ).to(self.device)
        self.pipe.set_progress_bar_config(disable=True)
        if "scheduler" in settings:
            self.pipe.scheduler = make_scheduler(settings["scheduler"], self.pipe.scheduler.config)
        default_size = self.pipe.unet.config.sample_size * self.pipe.vae_scale_factor
        self.width, self.height = settings.get("width", default_size), settings.get("height", default_size)
        self.request = {"num_inference_steps": settings.get("steps", 20), "width": self.width, "height": self.height,
                        "guidance_scale": settings.get("guidance_scale", 7.5)}
        self.refiner, self.reward = None, None
        if (args.model / "refiner/refiner.json").is_file():
            self.refiner = Refiner(args.model / "refiner", self.device, dtype)
        if (args.model / "reward").is_dir():
            self.reward = Reward(args.model / "reward", self.device, dtype)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work):
        times = []
        for _ in range(CALLS_A_TURN + 1):
            begin = time.perf_counter()
            work()
            self.wait()
            times.append(time.perf_counter() - begin)
        return statistics.median(times[1:])

    def draw(self, prompt, count):
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in range(count)]
        return self.pipe(prompt, num_images_per_prompt=count, generator=generators, **self.request).images

    def latents(self, count):
        scale = self.pipe.vae_scale_factor
        return torch.randn(count, self.pipe.unet.config.in_channels, self.height // scale, self.width // scale,
                           device=self.device, dtype=self.pipe.unet.dtype)

    def encode(self):
        return self.pipe.encode_prompt(PROMPT, self.device, 1, do_classifier_free_guidance=False)[0]

    def unet_step(self, batch):
        sample, states = self.latents(batch), self.encode().repeat(batch, 1, 1)
        timestep = torch.tensor(500, device=self.device)

        def steps():
            for _ in range(UNET_CALLS):
                self.pipe.unet(sample, timestep, encoder_hidden_states=states, return_dict=False)

        return self.seconds(steps) / UNET_CALLS

    def decode(self, latents):
        pictures = self.pipe.vae.decode(latents / self.pipe.vae.config.scaling_factor, return_dict=False)[0]
        return self.pipe.image_processor.postprocess(pictures, output_type="pil")

    def round(self):
        prompt = self.refiner(PROMPT, FEEDBACK)[0] if self.refiner else PROMPT
        images = self.draw(prompt, self.args.candidates)
        if self.reward:
            self.reward(prompt, images)

    @torch.inference_mode()
    def turn(self):
        count = self.args.candidates
        latents = self.latents(1)
        out = {
            "text_encoder": self.seconds(self.encode),
            "unet_step": self.unet_step(2),
            "unet_step_candidates": self.unet_step(2 * count),
            "vae_decode": self.seconds(lambda: self.decode(latents)),
            "image": self.seconds(lambda: self.draw(PROMPT, 1)),
            "candidates": self.seconds(lambda: self.draw(PROMPT, count)),
        }
        if self.reward:
            images = self.draw(PROMPT, count)
            out["reward_score"] = self.seconds(lambda: self.reward(PROMPT, images)) / count
        if self.refiner:
            tokens = self.refiner(PROMPT, FEEDBACK)[1]
            out["refine"] = self.seconds(lambda: self.refiner(PROMPT, FEEDBACK))
            out["refiner"] = tokens / out["refine"]
        out["round"] = self.seconds(self.round)
        return out


def omr_turn(args):
    command = [
        str(args.omr), "bench", "--json", "--model", str(args.model), "--repeats", str(CALLS_A_TURN),
        "--candidates", str(args.candidates), "--threads", str(args.threads), "--prompt", PROMPT,
        "--feedback", FEEDBACK, "--device", args.device, "--dtype", args.dtype,
        *(["--train", "--batch", str(args.batch)] if args.train else []),
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench-peers: {args.omr} bench failed with exit code {done.returncode}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["part"]: event["value"] for event in events if event["event"] == "bench"}


def rows(omr_turns, peers_turns):
    for part, unit in UNITS.items():
        ours = statistics.median(turn[part] for turn in omr_turns) if part in omr_turns[0] else None
        theirs = statistics.median(turn[part] for turn in peers_turns) if part in peers_turns[0] else None
        if ours is None and theirs is None:
            continue
        ratio = None
        if ours and theirs:
            ratio = ours / theirs if unit == "tokens/s" else theirs / ours
        yield {"event": "bench", "part": part, "omr": ours, "peers": theirs, "ratio": ratio, "unit": unit}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers", description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/scenes", help="model folder (default: the embedded pack)")
    parser.add_argument("--candidates", type=int, default=4, help="pictures in a round (default: 4)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each side (default: 3)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads of each side (default: PyTorch's choice)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32", help="default: fp32")
    parser.add_argument("--train", action="store_true", help="time a training step of each trainer instead, in fp32")
    parser.add_argument("--batch", type=int, default=8, help="samples of a training step (default: 8)")
    parser.add_argument("--json", action="store_true", help="one JSON object a part")
    parser.add_argument("--omr", type=pathlib.Path, default=os.environ.get("OMR_BINARY", ROOT / "build/release/omr"),
                        help="the program (default: $OMR_BINARY, or build/release/omr)")
    parser.add_argument("--peers-only", action="store_true", help="leave omr out")
    args = parser.parse_args()
    if min(args.candidates, args.repeats, args.threads, args.batch) < 1:
        parser.error("--candidates, --repeats, --threads and --batch are at least 1")
    if args.train and args.dtype != "fp32":
        parser.error("--train compares in fp32")
    if not (args.model / "model_index.json").is_file():
        parser.error(f"no model folder at {args.model}")
    if not args.peers_only and not os.access(args.omr, os.X_OK):
        parser.error(f"no program at {args.omr}")
    return args


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    transformers.logging.disable_progress_bar()
    diffusers.logging.disable_progress_bar()
    peers = TrainingPeers(args) if args.train else Peers(args)
    omr_turns, peers_turns = [], []
    for _ in range(args.repeats):
        omr_turns.append({} if args.peers_only else omr_turn(args))
        peers_turns.append(peers.turn())

    results = list(rows(omr_turns, peers_turns))
    if args.json:
        for result in results:
            print(json.dumps(result))
        return
    samples = f"{args.batch} samples a step" if args.train else f"{args.candidates} candidates"
    print(f"{args.model}: {args.device}, {args.dtype}, {args.threads} threads, {samples}; "
          f"torch {torch.__version__}, diffusers {diffusers.__version__}, transformers {transformers.__version__}, "
          f"peft {peft.__version__}")
    print(f"{'part':<22}{'omr':>12}{'peers':>12}{'ratio':>8}  unit")
    for result in results:
        shown = [f"{result[side]:.4g}" if result[side] is not None else "-" for side in ("omr", "peers")]
        ratio = f"{result['ratio']:.2f}" if result["ratio"] is not None else "-"
        print(f"{result['part']:<22}{shown[0]:>12}{shown[1]:>12}{ratio:>8}  {result['unit']}")


if __name__ == "__main__":
    main()
