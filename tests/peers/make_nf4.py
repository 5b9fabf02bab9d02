"""NF4 tensors as bitsandbytes quantises and dequantises them on the CPU.

DIR/<case>/expected.safetensors holds the dense weight, every part of the quantised one, and the
weight dequantised to three types; DIR/<case>/case.json holds the block size.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compiling each odd shape would take minutes

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from safetensors.torch import save_file

CODE_BOOK = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
]  # fmt: skip


def boundary_values():
    """Values on, just below and just above every decision boundary, in blocks of maximum 1."""
    code = torch.tensor(CODE_BOOK)
    middle = (code[:-1] + code[1:]) / 2
    up, down = torch.tensor(2.0), torch.tensor(-2.0)
    values = torch.cat([middle, torch.nextafter(middle, up), torch.nextafter(middle, down), code])
    blocks = values.repeat(64)[: 61 * 48].reshape(48, 61)
    return torch.cat([torch.ones(48, 1), blocks, -torch.ones(48, 2)], 1)


def weights():
    torch.manual_seed(20)
    shapes = {
        "square": (64, 64), "odd": (37, 53), "one": (1, 1), "tiny": (3, 7), "short-rows": (128, 96),
        "few-rows": (5, 64), "many-blocks": (300, 130), "vector": (1000,), "conv": (8, 3, 5, 5),
        "wide": (129, 1030), "narrow": (200, 16), "partial-odd": (1, 65),
    }  # fmt: skip
    for name, shape in shapes.items():
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            yield f"{name}-{str(dtype)[6:]}", (torch.randn(shape) * 0.05).to(dtype), 64
    for block_size in (32, 128, 4096):
        yield f"block-{block_size}", torch.randn(90, 101), block_size
    yield "zeros", torch.zeros(33, 64), 64
    yield "zero-blocks", torch.randn(40, 64) * (torch.rand(40, 1) > 0.5), 64
    yield "zero-partial-block", torch.cat([torch.randn(128), torch.zeros(13)]), 64
    yield "constant", torch.full((17, 64), -0.37), 64
    yield "huge", torch.randn(50, 64) * 1e36, 64
    yield "small", torch.randn(50, 64) * 1e-30, 64
    yield "denormal", torch.randn(50, 63) * 1e-39, 64
    yield "wide-range", torch.randn(600, 64) * 10.0 ** torch.randint(-12, 6, (600, 1)), 64
    yield "outliers", torch.randn(300, 64).pow(7), 64
    yield "boundaries", boundary_values(), 64
    yield "boundaries-scaled", boundary_values() * torch.rand(48, 1), 64
    yield "boundaries-half", boundary_values().half(), 64
    # Maxima that fall between the 65536 steps of the 8-bit code.
    steps = (torch.randint(0, 65535, (2048,)) + 0.5) / 65535
    yield "nested-boundaries", steps[:, None] * torch.randn(2048, 64).sign(), 64


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    for name, weight, block_size in weights():
        packed, state = quantize_4bit(
            weight, blocksize=block_size, compress_statistics=True, quant_type="nf4"
        )
        expected = {
            "weight": weight,
            "packed": packed,
            "absmax": state.absmax,
            "nested_absmax": state.state2.absmax,
            "nested_code": state.state2.code,
            "nested_offset": state.offset.reshape(1),
        }
        # As one row: bitsandbytes' AVX-512 code takes a wrong block's scale when a row is not a whole
        # number of blocks; as a row the same code is right on every machine.
        state.shape = (weight.numel(),)
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            state.dtype = dtype
            dense = dequantize_4bit(packed, state)
            expected[f"dequantized.{str(dtype)[6:]}"] = dense.reshape(weight.shape)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
        (folder / "case.json").write_text(json.dumps({"block_size": block_size}))


if __name__ == "__main__":
    main()
