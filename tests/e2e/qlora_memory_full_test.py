# label: full
"""What QLoRA saves: peak memory of one training step at the sizes of PickScore (CLIP ViT-H) and TinyLlama (1.1B).

Published configs, random weights in half precision, one sample a step, fp32 products. Training all weights
needs more than 16 bytes a weight (fp32 weight, gradient and both of AdamW's moments), which at full size is more
than many machines have; it is measured at a quarter and at half of the layers, and the straight line through both
says what all of them take. Memory is the process' own (RssAnon): pages of mapped files can be dropped. Needs
about 11 GB of memory and 3 GB of disk.
"""

import json
import pathlib
import shutil
import subprocess
import time
import unittest

from reward_models_full_test import VIT_H
from support import BINARY, PACK, EndToEndTest

LLAMA = dict(vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32,
             num_key_value_heads=4, max_position_embeddings=2048)
GIB = 2**30


def write_random(folder, model_class, config):
    import torch
    from safetensors.torch import save_file
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    with torch.device("meta"):
        model = model_class(config)
    torch.manual_seed(0)
    tensors = {}
    for name, parameter in model.named_parameters():
        tensor = torch.empty(parameter.shape, dtype=torch.float16)
        norm = parameter.dim() == 1 and name.endswith("weight")
        tensors[name] = tensor.fill_(1) if norm else tensor.normal_(0, 0.02)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return sum(t.numel() for t in tensors.values())


def own_memory(process):
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    found = [line for line in status.splitlines() if line.startswith("RssAnon")]
    return int(found[0].split()[1]) * 1024 if found else 0


class QloraMemory(EndToEndTest):
    def step(self, what, model, *options):
        """Peak bytes of `omr train WHAT` until its first update, and its seconds."""
        out = self.folder / "run"
        command = [BINARY, "train", what, "--init", str(model), "--out", str(out), "--steps", "1000", "--batch", "1",
                   "--checkpoint-every", "1000", "--log-every", "1", "--json", *options]
        begin, peak, line = time.monotonic(), 0, ""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            log = out / "train.jsonl"
            while process.poll() is None and not (log.is_file() and log.read_text()):
                peak = max(peak, own_memory(process))
                time.sleep(0.02)
            seconds = time.monotonic() - begin
            process.kill()
            _, errors = process.communicate()
        line = log.read_text() if log.is_file() else ""
        self.assertTrue(line, errors)
        self.assertIsNotNone(json.loads(line.splitlines()[0])["loss"])
        shutil.rmtree(out)
        return peak, seconds

    def compare(self, name, what, make, options):
        """`make(folder, share of the layers)` -> number of weights."""
        points = []
        for share in (0.25, 0.5):
            folder = self.folder / f"{name}-{share}"
            count = make(folder, share)
            peak, seconds = self.step(what, folder, "--tune", "full", *options)
            points.append((count, peak))
            print(f"\n{name}, {share:.2f} of the layers, {count / 1e6:.0f} M weights, all trained: {peak / GIB:.2f} GiB, "
                  f"{seconds:.0f} s", end="", flush=True)
            shutil.rmtree(folder)
        folder = self.folder / name
        count = make(folder, 1.0)
        peak, seconds = self.step(what, folder, "--tune", "qlora", *options)
        (x1, y1), (x2, y2) = points
        full = y2 + (y2 - y1) / (x2 - x1) * (count - x2)
        print(f"\n{name}, {count / 1e6:.0f} M weights: all trained {full / GIB:.2f} GiB (from the two above), NF4 + LoRA {peak / GIB:.2f} "
              f"GiB ({full / peak:.1f} times less), {seconds:.0f} s", flush=True)
        self.assertLess(peak, full / 3)

    def test_vit_h_reward_model(self):
        from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

        def make(folder, share):
            towers = {key: VIT_H[key] | {"num_hidden_layers": int(VIT_H[key]["num_hidden_layers"] * share)}
                      for key in ("text_config", "vision_config")}
            count = write_random(folder, CLIPModel, CLIPConfig(**VIT_H | towers))
            for file in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
                shutil.copyfile(PACK / "reward" / file, folder / file)
            CLIPImageProcessorPil().save_pretrained(folder)
            return count

        self.compare("ViT-H", "reward", make, ["--scenes", "--size", "224", "--held-out-pairs", "1"])

    def test_refiner_of_a_billion_weights(self):
        from transformers import LlamaConfig, LlamaForCausalLM

        def make(folder, share):
            count = write_random(folder, LlamaForCausalLM, LlamaConfig(**LLAMA | {"num_hidden_layers": int(22 * share)}))
            for file in ("tokenizer.model", "refiner.json"):
                shutil.copyfile(PACK / "refiner" / file, folder / file)
            return count

        self.compare("Llama 1.1B", "refiner", make, ["--scenes"])


if __name__ == "__main__":
    unittest.main()
