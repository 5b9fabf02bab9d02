# label: full
"""How long Stable Diffusion 2.1 takes to load, and how much memory, against reading its files and against diffusers.

Published configs, random weights in half precision, files in the page cache: no disk is measured. Needs 10 GB of
memory and 3 GB of disk.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import unittest

from real_checkpoints_full_test import TEXT_2, UNET_2, build
from support import BINARY, EndToEndTest

DIFFUSERS = """
import resource, sys, time, torch
torch.set_num_threads(int(sys.argv[3]))
from diffusers import StableDiffusionPipeline
from transformers import CLIPTextModel, CLIPTokenizer
begin = time.monotonic()
StableDiffusionPipeline.from_pretrained(sys.argv[1], torch_dtype=getattr(torch, sys.argv[2]), variant="fp16", safety_checker=None)
print(time.monotonic() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Loading(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        script = ("import pathlib, sys; sys.path[:0] = sys.argv[2:]; import loading_full_test as t\n"
                  "p = t.build(t.UNET_2, t.TEXT_2, 'ddim', 'v_prediction')\n"
                  "for name in ('unet', 'vae', 'text_encoder'): getattr(p, name).half()\n"
                  "p.save_pretrained(sys.argv[1], variant='fp16')")
        here = pathlib.Path(__file__).parent
        # A process of its own: what building the model took is given back.
        subprocess.run([sys.executable, "-c", script, self.model, here, here.parent / "peers"], check=True)

    def omr(self, dtype):
        test = pathlib.Path(BINARY).parent / "tests/omr_pipeline_test"
        done = subprocess.run([test, "--gtest_filter=FullModelTest.LoadsAsTheFileIsRead"], check=True, text=True,
                              capture_output=True, env=os.environ | {"OMR_FULL_LOAD": str(self.model), "OMR_FULL_DTYPE": dtype})
        numbers = dict(re.findall(r"^(load|read|peak): (.*)$", done.stdout, re.M))
        return [float(x) for key in ("load", "read", "peak") for x in re.findall(r"\d+\.?\d*", numbers[key])]

    def diffusers(self, dtype):
        threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
        done = subprocess.run([sys.executable, "-c", DIFFUSERS, self.model, dtype, threads], check=True, text=True,
                              capture_output=True)
        return [float(x) for x in done.stdout.split()[-2:]]

    def test_loading_costs_no_more_than_reading_and_no_second_copy(self):
        size = sum(p.stat().st_size for p in self.model.rglob("*.safetensors")) / 2**20
        print(f"\n{size:.0f} MiB of weights in fp16")
        for dtype, torch_dtype, factor in (("fp16", "float16", 1), ("fp32", "float32", 2)):
            with self.subTest(dtype):
                # Reading and loading take turns, so that a busy machine is as hard on the one as on the other.
                runs = [self.omr(dtype) for _ in range(5 if factor == 1 else 2)]
                load, load_cpu, read, read_cpu, peak = (statistics.median(values) for values in zip(*runs))
                peer_load, peer_peak = min(self.diffusers(torch_dtype) for _ in range(2))
                print(f"{dtype}: omr {load:.2f} s ({load_cpu:.2f} s of processor), peak {peak:.0f} MiB; reading the files "
                      f"{read:.2f} s ({read_cpu:.2f} s); diffusers {peer_load:.2f} s, peak {peer_peak:.0f} MiB", flush=True)
                if factor == 1:
                    self.assertLess(load, read, "mapped, not read")
                    self.assertLess(load_cpu, read_cpu, "mapped, not read")
                self.assertLess(load, peer_load)
                self.assertLess(peak, peer_peak)
                # The weights in this type, and what the program itself takes.
                self.assertLess(peak, factor * size + 700)


if __name__ == "__main__":
    unittest.main()
