# requires peers: lpips
"""omr train as its users meet it: killed and resumed, two processes, bad data, results that the peers open."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

from support import BINARY, PACK, PEERS, EndToEndTest, omr

LPIPS = PEERS / "lpips/lpips.safetensors"


def train(what, out, *options):
    return omr("train", what, "--out", out, "--threads", "1", *options)


def unet_options(*options, batch=2, lr=1e-3):
    return ["--scenes", "--size", "32", "--pictures", "16", "--init", PACK / "unet", "--model", PACK, "--batch", batch, "--samples", "0",
            "--lr", lr, "--lr-schedule", "cosine:0.3", "--checkpoint-every", "4", "--out-dtype", "fp32", *options]


def vae_options(*options):
    return ["--scenes", "--size", "32", "--pictures", "16", "--init", PACK / "vae", "--batch", "2", "--log-every", "1", "--ema", "0.9",
            "--checkpoint-every", "3", "--out-dtype", "fp32", *options]


def weights(folder):
    return (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()


def gradient_difference(one, other):
    """The largest difference of two runs' averaged gradients, of the largest one, after three steps. The weights differ more: AdamW
    divides by each gradient's own size, tiny ones too."""
    from safetensors.torch import load_file
    one, other = (load_file(run / "checkpoints/step-00000003/optimizer.safetensors") for run in (one, other))
    keys = [key for key in one if key.startswith("exp_avg.")]
    return max((one[key] - other[key]).abs().max().item() for key in keys) / max(one[key].abs().max().item() for key in keys)


class TrainTest(EndToEndTest):
    def trained(self, *arguments):
        run = train(*arguments)
        self.assert_done(run)
        return run

    def test_killed_runs_resume_to_the_bytes_of_the_run_never_killed(self):
        whole, killed = self.folder / "whole", self.folder / "killed"
        self.trained("unet", whole, *unet_options("--steps", "12"))
        process = subprocess.Popen([BINARY, "train", "unet", "--out", str(killed), "--threads", "1",
                                    *map(str, unet_options("--steps", "12"))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (killed / "checkpoints" / "step-00000004").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.trained("unet", killed, *unet_options("--steps", "12", "--resume"))
        self.assertEqual(weights(whole), weights(killed))
        for name in ("optimizer", "ema"):
            file = pathlib.Path("checkpoints/step-00000012") / f"{name}.safetensors"
            self.assertEqual((whole / file).read_bytes(), (killed / file).read_bytes(), name)

    def test_an_autoencoder_with_a_discriminator_resumes_to_the_bytes_of_the_run_never_stopped(self):
        from safetensors.torch import load_file
        options = vae_options("--lpips", LPIPS, "--adversarial-weight", "0.5", "--adversarial-start", "2")
        whole, parted = self.folder / "whole", self.folder / "parted"
        self.trained("vae", whole, *options, "--steps", "6")
        self.trained("vae", parted, *options, "--steps", "3")
        self.trained("vae", parted, *options, "--steps", "6", "--resume")
        last = pathlib.Path("checkpoints/step-00000006")
        for file in (last / "parameters.safetensors", last / "optimizer.safetensors", last / "ema.safetensors",
                     pathlib.Path("vae/diffusion_pytorch_model.safetensors")):
            self.assertEqual((whole / file).read_bytes(), (parted / file).read_bytes(), file)
        # The discriminator learns, and is no part of the result.
        layer = "discriminator.main.0.weight"
        before, after = (load_file(parted / f"checkpoints/step-0000000{step}/parameters.safetensors")[layer] for step in (3, 6))
        self.assertFalse(before.equal(after))
        self.assertFalse([key for key in load_file(whole / "vae/diffusion_pytorch_model.safetensors") if "discriminator" in key])
        lines = [line for line in map(json.loads, (parted / "train.jsonl").read_text().splitlines()) if "loss" in line]
        self.assertEqual([line["step"] for line in lines if "perceptual" in line], [1, 2, 3, 4, 5, 6])
        for name in ("generator", "discriminator"):
            self.assertEqual([line["step"] for line in lines if name in line], [3, 4, 5, 6], name)
        without_lpips = options[:options.index("--lpips")] + options[options.index("--lpips") + 2:]
        for changed, word in (([*options, "--perceptual-weight", "2"], "perceptual_weight was 1.0 and is 2.0"),
                              ([*options[:-1], "3"], "adversarial_start was 2 and is 3"), (without_lpips, 'and is "none"')):
            self.assert_refused(train("vae", parted, *changed, "--steps", "9", "--resume"), word)

    def test_options_of_an_autoencoders_judges_that_say_nothing_are_refused(self):
        out = self.folder / "run"
        for options, word in ((["--perceptual-weight", "1"], "--lpips"), (["--adversarial-start", "5"], "--adversarial-weight"),
                              (["--lpips", self.folder / "gone.safetensors"], "gone.safetensors"),
                              (["--lpips", PACK / "vae/diffusion_pytorch_model.safetensors"], "holds no LPIPS"),
                              (["--adversarial-weight", "-1"], "--adversarial-weight"),
                              (["--adversarial-weight", "1", "--size", "16"], "24 pixels a side"),
                              (["--lpips", LPIPS, "--size", "8"], "16 pixels a side")):
            options = [*vae_options("--steps", "1"), *options]
            if options.count("--size") == 2:
                at = options.index("--size")
                del options[at:at + 2]
            self.assert_refused(train("vae", out, *options), word)
            self.assertFalse((out / "train.jsonl").exists())

    def test_two_processes_do_what_one_does_with_twice_the_batch(self):
        together, alone = self.folder / "together", self.folder / "alone"
        self.trained("unet", alone, *unet_options("--steps", "3", batch=4))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = [
            subprocess.Popen([BINARY, "train", "unet", "--out", str(together), "--threads", "1", *map(str, unet_options("--steps", "3"))],
                             env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for rank in range(2)]
        for process in processes:
            _, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, errors.decode())
        self.assertLess(gradient_difference(alone, together), 1e-4)
        self.assertEqual(len((together / "train.jsonl").read_text().splitlines()), len((alone / "train.jsonl").read_text().splitlines()))
        # torchrun's workers meet in the store of its agent.
        launched = self.folder / "launched"
        run = subprocess.run([pathlib.Path(sys.executable).parent / "torchrun", "--no-python", "--nproc-per-node", "2", "--master-port",
                              str(port), BINARY, "train", "unet", "--out", launched, "--threads", "1",
                              *map(str, unet_options("--steps", "3"))], capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertLess(gradient_difference(alone, launched), 1e-4)

    def test_what_scenes_leave_unsaid_is_part_of_the_run(self):
        usual, more = self.folder / "usual", self.folder / "more"
        self.trained("unet", usual, *unet_options("--steps", "1"))
        self.trained("unet", more, *unet_options("--steps", "1", "--unsaid", "1"))
        self.assertNotEqual(weights(usual), weights(more))
        result = train("unet", usual, *unet_options("--steps", "2", "--unsaid", "0.5", "--resume"))
        self.assert_refused(result, "scenes_backgrounds_unsaid was 0.1 and is 0.5", lines=2)
        self.assert_refused(train("unet", usual, *unet_options("--steps", "2", "--unsaid", "1.5")), "--unsaid")

    def test_layers_computed_again_give_the_same_gradients(self):
        kept, again = self.folder / "kept", self.folder / "again"
        self.trained("unet", kept, *unet_options("--steps", "3"))
        self.trained("unet", again, *unet_options("--steps", "3", "--gradient-checkpointing"))
        self.assertLess(gradient_difference(kept, again), 1e-4)

    def test_products_in_bfloat16_learn_the_same(self):
        losses = {}
        for dtype in ("fp32", "bf16"):
            self.trained("unet", self.folder / dtype, *unet_options("--steps", "6", "--log-every", "1", "--dtype", dtype))
            lines = map(json.loads, (self.folder / dtype / "train.jsonl").read_text().splitlines())
            losses[dtype] = [line["loss"] for line in lines if "loss" in line]
        self.assertNotEqual(losses["fp32"], losses["bf16"])
        for full, half in zip(losses["fp32"], losses["bf16"], strict=True):
            self.assertAlmostEqual(half, full, delta=0.03 * full)
        self.assert_refused(train("unet", self.folder / "fp16", *unet_options("--steps", "1", "--dtype", "fp16")), "fp16")

    def test_bad_data_is_skipped_with_a_count(self):
        data = self.folder / "data"
        data.mkdir()
        picture = self.folder / "made.png"
        omr("generate", "a red star", "--model", PACK, "--steps", "1", "-o", picture)
        (data / "good.png").write_bytes(picture.read_bytes())
        (data / "torn.png").write_bytes(b"no picture")
        lines = [json.dumps({"file_name": "good.png", "text": "a red star"}), "{broken", json.dumps({"file_name": "gone.png", "text": "x"}),
                 json.dumps({"file_name": "torn.png", "text": "x"}), json.dumps({"text": "no file"}),
                 json.dumps({"file_name": "good.png", "text": "a very long caption " * 500})]
        (data / "metadata.jsonl").write_text("\n".join(lines) + "\n")
        result = self.trained("unet", self.folder / "run", "--data", data, "--size", "32", "--init", PACK / "unet", "--model", PACK,
                       "--steps", "2", "--batch", "2", "--samples", "1")
        self.assertIn("2 pictures; skipped 2 broken lines and 2 missing or unreadable files", result.stderr)
        (data / "metadata.jsonl").write_text("{broken\n")
        result = train("vae", self.folder / "none", "--data", data, "--size", "32", "--init", PACK / "vae")
        self.assert_refused(result, "names no picture that can be used")

    def test_a_learning_rate_that_explodes_ends_with_one_line(self):
        result = train("unet", self.folder / "run", *unet_options("--steps", "60", "--max-grad-norm", "0", lr=1e30))
        self.assertEqual(result.code, 1)
        self.assertIn("NaN", result.error_lines[-1])

    def test_results_open_in_diffusers_and_transformers(self):
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPModel, CLIPTextModel, LlamaForCausalLM
        short = ["--steps", "2", "--batch", "2"]
        scenes = ["--scenes", "--size", "32", *short]
        for what, part, model in (("vae", "vae", AutoencoderKL), ("clip", "reward", CLIPModel), ("refiner", "refiner", LlamaForCausalLM)):
            options = ["--scenes", *short] if what == "refiner" else scenes
            self.trained(what, self.folder / what, "--config", PACK / part, *options)
            model.from_pretrained(self.folder / what / part)
        self.trained("text-encoder", self.folder / "text-encoder", "--config", PACK / "text_encoder", "--model", PACK, *scenes)
        CLIPTextModel.from_pretrained(self.folder / "text-encoder" / "text_encoder")
        self.trained("unet", self.folder / "unet", "--config", PACK / "unet", "--model", PACK, "--samples", "1", "--text-encoder-config",
              PACK / "text_encoder", *scenes)
        UNet2DConditionModel.from_pretrained(self.folder / "unet" / "unet")
        self.assertTrue((self.folder / "unet" / "text_encoder" / "model.safetensors").is_file())
        self.assertIn("<svg", (self.folder / "unet" / "train.html").read_text())


    def test_a_text_tower_begins_with_the_layers_of_a_text_encoder(self):
        import torch
        from transformers import CLIPModel
        from safetensors.torch import load_file
        options = ["--text-encoder", PACK / "text_encoder", "--scenes", "--size", "32", "--steps", "1", "--batch", "2", "--lr", "1e-9",
                   "--layout-weight", "2", "--fine-grained-weight", "1"]
        self.trained("clip", self.folder / "run", "--config", PACK / "reward", *options)
        CLIPModel.from_pretrained(self.folder / "run/reward")
        self.assertIn("layout_error_of_text", (self.folder / "run/train.jsonl").read_text())
        tower = load_file(self.folder / "run/reward/model.safetensors")
        for name, given in load_file(PACK / "text_encoder/model.safetensors").items():
            torch.testing.assert_close(tower[name].float(), given.float(), rtol=1e-3, atol=1e-5, msg=name)
        self.assert_refused(train("clip", self.folder / "warm", "--init", PACK / "reward", *options), "give --config")
        config = json.loads((PACK / "reward/config.json").read_text())
        config["text_config"] |= {"hidden_size": 64}
        (self.folder / "narrow").mkdir()
        for file in (PACK / "reward").glob("*.*"):
            (self.folder / "narrow" / file.name).write_bytes(file.read_bytes())
        (self.folder / "narrow/config.json").write_text(json.dumps(config))
        self.assert_refused(train("clip", self.folder / "misfit", "--config", self.folder / "narrow", *options), "text tower's")


if __name__ == "__main__":
    unittest.main()
