# label: full
"""Refiners at full size: TinyLlama whole, the 7B families and Gemma in their real widths with two layers.

Published configs, random weights, saved in bfloat16 by transformers. Needs about 12 GB of memory and 5 GB of disk.
"""

import gc
import os
import pathlib
import subprocess
import time
import unittest

from support import BINARY, EndToEndTest

os.environ["TORCHDYNAMO_DISABLE"] = "1"

LLAMA = dict(vocab_size=32000, bos_token_id=1, eos_token_id=2, rms_norm_eps=1e-5)
TINY = LLAMA | dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32,
                    num_key_value_heads=4, max_position_embeddings=2048)
LLAMA_7B = LLAMA | dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=2, num_attention_heads=32,
                        max_position_embeddings=4096)
MISTRAL_7B = LLAMA | dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=2, num_attention_heads=32,
                          num_key_value_heads=8, max_position_embeddings=32768, sliding_window=16)
GEMMA_2B = dict(vocab_size=256000, hidden_size=2048, intermediate_size=16384, num_hidden_layers=2, num_attention_heads=8,
                num_key_value_heads=1, head_dim=256, max_position_embeddings=8192)


class LanguageModels(EndToEndTest):
    def check(self, kind, sizes, nf4=False, shard="5GB"):
        import torch
        import transformers
        from safetensors.torch import save_file
        torch.manual_seed(0)
        config = getattr(transformers, kind + "Config")(**sizes)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(self.folder, max_shard_size=shard)
        model = model.float().eval()
        if nf4:
            from bitsandbytes.functional import dequantize_4bit, quantize_4bit
            for name, module in model.named_modules():
                if type(module) is torch.nn.Linear and name != "lm_head":
                    shape = module.weight.shape
                    packed, state = quantize_4bit(module.weight.data, blocksize=64, compress_statistics=True,
                                                  quant_type="nf4")
                    state.shape = (shape.numel(),)  # as one row: see peers/make_nf4.py
                    module.weight.data = dequantize_4bit(packed, state).reshape(shape)
        ids = torch.randint(3, sizes["vocab_size"], (1, 40))
        with torch.no_grad():
            begin = time.monotonic()
            logits = model(ids).logits
            new = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8,
                                 eos_token_id=None, pad_token_id=0)[0, 40:]
            seconds = time.monotonic() - begin
        save_file({"ids": ids, "logits": logits.contiguous(), "tokens": new.contiguous()},
                  self.folder / "expected.safetensors")
        model = logits = None
        gc.collect()
        test = pathlib.Path(BINARY).parent / "tests/omr_llm_test"
        variables = {"OMR_FULL_MODEL": str(self.folder)} | ({"OMR_FULL_NF4": "1"} if nf4 else {})
        begin = time.monotonic()
        done = subprocess.run([test, "--gtest_filter=FullLanguageModelTest.*"], capture_output=True, text=True,
                              env=os.environ | variables)
        told = [line for line in done.stdout.splitlines() if line.startswith(("difference", "loaded", "peak"))]
        print(f"\n{self.id()}: {time.monotonic() - begin:.0f} s (transformers {seconds:.0f} s without loading)", *told, sep="\n  ", flush=True)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertEqual(len(told), 3)

    def test_tinyllama_whole_packed_at_load(self):
        self.check("Llama", TINY, nf4=True)

    def test_llama_2_7b_widths(self):
        self.check("Llama", LLAMA_7B)

    def test_mistral_7b_widths_in_shards(self):
        self.check("Mistral", MISTRAL_7B, shard="500MB")

    def test_gemma_2b_widths(self):
        self.check("Gemma", GEMMA_2B)

    def test_tinyllama_whole(self):
        self.check("Llama", TINY)


if __name__ == "__main__":
    unittest.main()
