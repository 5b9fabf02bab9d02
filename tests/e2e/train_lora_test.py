# label: full
"""omr train lora as its users meet it: every method resumed, a kill, two processes, early stop, and adapters that
diffusers and peft open."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

import numpy
import torch

from support import BINARY, EXACT, PACK, EndToEndTest, omr, pixels

COMMON = {"model": PACK, "size": 32, "batch": 2, "rank": 2, "lr": 1e-3, "held-out-prompts": 2, "samples": 1, "sample-steps": 3,
          "sample-every": 3, "checkpoint-every": 3}
METHODS = {
    "sft": {"train-text-encoder": True},
    "refl": {"refl-steps": 5, "refl-first-step": 2, "refl-last-step": 4, "patience": 3},
    # Two updates to a roll-out: the third stands within one. Two of the steps are learnt.
    "ppo": {"ppo-steps": 5, "ppo-first-step": 1, "ppo-last-step": 2, "samples-per-prompt": 2, "updates-per-roll-out": 2, "accumulate": 2, "advantage-min-count": 2,
            "blocks": "up_blocks"},
    "dpo": {"beta": 500},
}


def options(method, **more):
    given = {"method": method, "scenes": True} | COMMON | METHODS.get(method, {}) | {k.replace("_", "-"): v for k, v in more.items()}
    out = []
    for name, value in given.items():
        if value is not None:
            out += [f"--{name}"] if value is True else [f"--{name}", value]
    return out


def train(out, *arguments):
    return omr("train", "lora", "--out", out, "--threads", "1", *arguments)


class TrainLoraTest(EndToEndTest):
    def trained(self, out, *arguments):
        run = train(out, *arguments)
        self.assert_done(run)
        return run

    def assert_same_run(self, one, two, step):
        for file in ("lora.safetensors", "lora-diffusers.safetensors", f"checkpoints/step-{step:08}/optimizer.safetensors",
                     f"checkpoints/step-{step:08}/ema.safetensors", f"checkpoints/step-{step:08}/trainee.safetensors"):
            self.assertEqual((one / file).read_bytes(), (two / file).read_bytes(), file)

    def test_runs_of_every_method_go_on_to_the_bytes_of_the_run_never_stopped(self):
        for method in METHODS:
            with self.subTest(method):
                whole, parted = self.folder / f"{method}-whole", self.folder / f"{method}-parted"
                self.trained(whole, *options(method, steps=5))
                self.trained(parted, *options(method, steps=3))
                self.trained(parted, *options(method, steps=5, resume=True))
                self.assert_same_run(whole, parted, 5)
                lines = [json.loads(line) for line in (whole / "train.jsonl").read_text().splitlines()]
                looks = [line for line in lines if "base_saturation" in line]
                self.assertEqual([look["step"] for look in looks], [3, 5])
                if method in ("refl", "ppo"):
                    self.assertIn("attributes_right", looks[0])
                    self.assertIn("held_out_reward", looks[0])
                    self.assertTrue(any("reward" in line for line in lines))

    def test_a_policy_run_killed_within_an_epoch_resumes_to_the_same_bytes(self):
        whole, killed = self.folder / "whole", self.folder / "killed"
        arguments = options("ppo", steps=10)
        self.trained(whole, *arguments)
        process = subprocess.Popen([BINARY, "train", "lora", "--out", str(killed), "--threads", "1", *map(str, arguments)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not (killed / "checkpoints" / "step-00000003").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.trained(killed, *arguments, "--resume")
        self.assert_same_run(whole, killed, 10)

    def test_two_processes_judge_prompts_by_the_pictures_of_both(self):
        together, alone = self.folder / "together", self.folder / "alone"
        # One prompt: its pictures are all of both processes'.
        same = {"steps": 2, "scene_prompts": 1, "anchor": 0}
        self.trained(alone, *options("ppo", **same, batch=4))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = [
            subprocess.Popen([BINARY, "train", "lora", "--out", str(together), "--threads", "1", *map(str, options("ppo", **same))],
                             env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for rank in range(2)]
        for process in processes:
            _, errors = process.communicate(timeout=240)
            self.assertEqual(process.returncode, 0, errors.decode())
        from safetensors.torch import load_file
        name = "checkpoints/step-00000002/optimizer.safetensors"
        one, two = load_file(alone / name), load_file(together / name)
        keys = [key for key in one if key.startswith("exp_avg.")]
        largest = max(one[key].abs().max().item() for key in keys)
        worst = max((one[key] - two[key]).abs().max().item() for key in keys)
        self.assertLess(worst, 1e-3 * largest)

    def test_a_run_that_breaks_the_pictures_stops_and_keeps_the_weights_before(self):
        from safetensors.torch import load_file
        run = self.trained(self.folder / "run", *options("refl", steps=40, patience=1, sample_every=1, anchor=0, held_out_prompts=8,
                                                         size=64, sample_steps=8, ema=0, lr=3))
        self.assertIn("stopped at step 1: the judge's share of right attributes got worse", run.stderr)
        kept = load_file(self.folder / "run" / "lora.safetensors")
        self.assertEqual(max(v.abs().max().item() for k, v in kept.items() if "lora_up" in k), 0)

    def test_a_loss_without_a_value_ends_with_one_line(self):
        result = train(self.folder / "run", *options("sft", steps=60, max_grad_norm=0, ema=0, lr=1e30, held_out_prompts=0))
        self.assertEqual(result.code, 1)
        self.assertIn("NaN", result.error_lines[-1])

    def test_what_a_method_lacks_is_said_in_one_line(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_text("a red star\n\na blue house\n")
        bare = {"scenes": None}
        for method, more, said in (("sft", bare | {"prompts": prompts}, "--data DIR or --scenes"), ("refl", bare, "--prompts FILE"),
                                   ("ppo", bare | {"prompts": prompts, "samples_per_prompt": 3}, "--samples-per-prompt"),
                                   ("dpo", bare, "--pairs FILE.jsonl"), ("ppo", {"ppo_first_step": 4, "ppo_last_step": None}, "4 to 4"),
                                   ("ppo", {"ppo_last_step": 5}, "1 to 5"), ("grpo", {}, "sft, refl, ppo, dpo"),
                                   ("sft", {"target_modules": "to_x"}, "to_x"), ("sft", {"patience": 2}, "--method refl or ppo"),
                                   ("refl", {"patience": 2, "held_out_prompts": 0}, "--held-out-prompts"),
                                   ("ppo", bare | {"prompts": prompts, "reward_term": "cons"}, "the picture of the round before"),
                                   ("refl", {"reward_term": "div", "samples_per_prompt": 1}, "--samples-per-prompt"),
                                   ("sft", {"pairs": prompts}, "--method dpo"), ("dpo", {"pairs": prompts}, "one of --pairs")):
            with self.subTest(method):
                result = train(self.folder / "none", *options(method, **more))
                self.assert_refused(result, said)
                self.assertEqual(result.code, 2)

    def test_a_run_is_not_resumed_over_another_model_or_other_data(self):
        def resumed(said, *arguments):
            result = train(self.folder / "run", *arguments, "--resume")
            self.assert_refused(result, said)
            self.assertEqual(result.code, 2)
        self.trained(self.folder / "run", *options("refl", steps=1, held_out_prompts=0, patience=None))
        resumed("caption_dropout was", *options("refl", steps=2, held_out_prompts=0, patience=None, caption_dropout=0.9))
        other = self.folder / "other"
        shutil.copytree(PACK, other, symlinks=False)
        config = json.loads((other / "scheduler" / "scheduler_config.json").read_text())
        (other / "scheduler" / "scheduler_config.json").write_text(json.dumps(config | {"beta_end": 0.02}))
        resumed("base_model was", *options("refl", steps=2, held_out_prompts=0, patience=None, model=other))

    def test_an_adapter_of_the_text_encoder_is_not_dropped(self):
        self.trained(self.folder / "run", *options("sft", steps=1, held_out_prompts=0))
        more = {"init": self.folder / "run" / "lora.safetensors", "steps": 1, "held_out_prompts": 0}
        unet_alone = more | {"train_text_encoder": None}
        self.assert_refused(train(self.folder / "on", *options("sft", **unet_alone)), "--train-text-encoder")
        self.trained(self.folder / "on", *options("sft", **more))
        self.trained(self.folder / "peft", *options("sft", **(unet_alone | {"init": self.folder / "run" / "unet_adapter"})))

    def test_a_file_in_the_place_of_the_folder_is_named_with_the_cause(self):
        (self.folder / "taken").write_text("")
        self.assert_refused(train(self.folder / "taken", *options("sft", steps=1)), "Not a directory")

    def test_prompts_alone_are_held_to_the_base_and_watched_by_colours_and_edges(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_text("a red star on a white background\na blue house on a navy background\n")
        self.trained(self.folder / "run", *options("refl", scenes=None, prompts=prompts, steps=3, reward_term="pref"))
        lines = [json.loads(line) for line in (self.folder / "run" / "train.jsonl").read_text().splitlines()]
        self.assertTrue(any("anchor" in line for line in lines))
        self.assertTrue(any("edges" in line and "attributes_right" not in line for line in lines))

    def test_diffusers_and_peft_draw_what_omr_draws_with_the_adapter(self):
        from diffusers import StableDiffusionPipeline, UNet2DConditionModel
        from peft import PeftModel
        from transformers import CLIPTextModel
        run = self.folder / "run"
        # diffusers names a text encoder's layers below text_model, which transformers 5 no longer has: docs/training.md.
        text_too = {} if hasattr(CLIPTextModel.from_pretrained(PACK / "text_encoder"), "text_model") else {"train_text_encoder": None}
        self.trained(run, *options("sft", steps=3, ema=0, alpha=6, held_out_prompts=0, lr=0.03, **text_too))
        made = self.folder / "made.png"
        prompt = "a large red star on a navy background"
        arguments = ["--model", PACK, "--seed", "4", "--steps", "4", "--guidance-scale", "3", *EXACT, "--threads", "1"]
        self.assert_done(omr("generate", prompt, *arguments, "--lora", run / "lora.safetensors", "-o", made))
        plain = self.folder / "plain.png"
        self.assert_done(omr("generate", prompt, *arguments, "-o", plain))
        self.assertGreater(numpy.abs(pixels(made) - pixels(plain)).mean(), 3)
        for file in ("lora.safetensors", "lora-diffusers.safetensors"):
            pipeline = StableDiffusionPipeline.from_pretrained(PACK, torch_dtype=torch.float32, safety_checker=None)
            pipeline.set_progress_bar_config(disable=True)
            pipeline.load_lora_weights(run, weight_name=file)
            image = pipeline(prompt, num_inference_steps=4, guidance_scale=3.0, width=64, height=64,
                             generator=torch.Generator("cpu").manual_seed(4)).images[0]
            worst = numpy.abs(numpy.asarray(image).astype(int) - pixels(made))
            self.assertLessEqual(worst.mean(), 0.05, file)
            self.assertLessEqual(worst.max(), 2, file)
        # PEFT's folder over the bare UNet against diffusers' loading of the file.
        unet = PeftModel.from_pretrained(UNet2DConditionModel.from_pretrained(PACK, subfolder="unet"), run / "unet_adapter")
        sample, context = torch.randn(1, 4, 16, 16), torch.randn(1, 48, 128)
        with torch.no_grad():
            one = unet(sample, 401, context).sample
            two = pipeline.unet(sample, 401, context).sample
        self.assertLess((one - two).abs().max().item(), 1e-5 * two.abs().max().item())


if __name__ == "__main__":
    unittest.main()
