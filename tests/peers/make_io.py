"""Files as safetensors, Pillow and PEFT write them, and what these libraries read from them.

DIR/safetensors: every element type, and the values as JSON. DIR/png: pictures of every kind that PNG
knows, the RGB that Pillow makes of them, and text chunks. DIR/peft-*: adapters with the weights that
they add to each layer; DIR/peft-*/expected.safetensors also holds a base model's weights, input and
output, for tests/nn.
"""

import argparse
import io
import json
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file
from torch import nn


def make_safetensors(out):
    out.mkdir()
    tensors = {
        "double": torch.randn(3, 5, dtype=torch.float64),
        "float": torch.randn(2, 3, 4),
        "half": torch.randn(7).half(),
        "bfloat": torch.randn(5, 1).bfloat16(),
        "long": torch.tensor([[-(2**53), 2**53], [0, -1]]),
        "int": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "short": torch.tensor([-32768, 32767, 3], dtype=torch.int16),
        "char": torch.tensor([-128, 127, 0], dtype=torch.int8),
        "byte": torch.arange(251, 256, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "float8_e4m3": torch.tensor([0.5, -448.0, 1.75]).to(torch.float8_e4m3fn),
        "float8_e5m2": torch.tensor([0.5, -57344.0, 1.75]).to(torch.float8_e5m2),
        "scalar": torch.tensor(-2.5),
        "empty": torch.empty(0, 4),
        "naïve \"name\"\n": torch.tensor([1.0]),
    }
    save_file(tensors, out / "all.safetensors", metadata={"format": "pt", "note": "日本 \"quoted\""})
    values = {
        name: {"shape": list(t.shape), "dtype": str(t.dtype)[6:], "values": t.double().flatten().tolist()}
        for name, t in tensors.items()
    }
    (out / "all.json").write_text(json.dumps(values))
    save_file({"a": torch.arange(3.0), "b": torch.tensor([1, 2], dtype=torch.uint8)}, out / "small.safetensors")
    torch.save({"weight": torch.ones(3)}, out / "zip.bin")
    torch.save({"weight": torch.ones(3)}, out / "legacy.ckpt", _use_new_zipfile_serialization=False)
    for protocol in (2, 3, 4, 5):
        (out / f"pickle-{protocol}.pt").write_bytes(pickle.dumps({"weight": [1.0, 2.0]}, protocol=protocol))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, depth):
    """[h, w*channels] samples -> the bytes of each row with filter type 0."""
    for row in samples:
        if depth == 16:
            yield b"\0" + row.astype(">u2").tobytes()
        elif depth == 8:
            yield b"\0" + row.astype("u1").tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype("u1")
            yield b"\0" + np.packbits(bits.flatten()).tobytes()


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def make_png(samples, depth, color_type, interlaced=False, extra=b""):
    height, width, channels = samples.shape
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        passes = [p for p in passes if p.size]
    else:
        passes = [samples]
    raw = b"".join(b"".join(pack_rows(p.reshape(p.shape[0], -1), depth)) for p in passes)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) +
            chunk(b"IEND", b""))  # fmt: skip


GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def make_pngs(out):
    out.mkdir()
    random = np.random.default_rng(5)
    expected = {}
    for name, color_type, depths in [
        ("grey", GREY, (1, 2, 4, 8, 16)), ("rgb", RGB, (8, 16)), ("palette", PALETTE, (1, 2, 4, 8)),
        ("grey-alpha", GREY_ALPHA, (8, 16)), ("rgba", RGBA, (8, 16)),
    ]:  # fmt: skip
        for depth in depths:
            for interlaced in (False, True):
                samples = random.integers(0, 2**depth, (13, 11, CHANNELS[color_type]))
                extra = {"": b"", "-gamma": chunk(b"gAMA", struct.pack(">I", 30000))}
                if color_type == PALETTE:
                    palette = chunk(b"PLTE", random.integers(0, 256, 3 * 2**depth).astype("u1").tobytes())
                    extra = {k: v + palette for k, v in extra.items()}
                    extra["-transparent"] = palette + chunk(b"tRNS", b"\0\x80")
                if color_type in (GREY, RGB):
                    extra["-transparent"] = chunk(b"tRNS", samples[0, 0].astype(">u2").tobytes())
                for kind, chunks in extra.items():
                    case = f"{name}-{depth}{'-interlaced' if interlaced else ''}{kind}"
                    data = make_png(samples, depth, color_type, interlaced, chunks)
                    (out / f"{case}.png").write_bytes(data)
                    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
                    if color_type == GREY and depth == 16:
                        # Pillow clips these at 255, which leaves a white picture; omr keeps the high byte.
                        picture = np.repeat(samples >> 8, 3, axis=2).astype("u1")
                    expected[case] = torch.from_numpy(picture.copy())
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        picture = Image.fromarray(random.integers(0, 256, (9, 17, 3)).astype("u1")).convert(mode)
        picture.save(out / f"pillow-{mode}.png")
        expected[f"pillow-{mode}"] = torch.from_numpy(np.asarray(picture.convert("RGB")).copy())
    save_file(expected, out / "expected.safetensors")

    texts = [
        ("parameters", "a red star\nNegative prompt: blur\nSteps: 20, Sampler: DDIM, CFG scale: 4, Seed: 7"),
        ("Comment", "café ÿ £"),
        ("parameters", "ein Stern, 星 und \U0001f600"),
        ("Empty", ""),
    ]
    info = PngInfo()
    for keyword, text in texts:
        info.add_text(keyword, text)
    info.add_text("Compressed", "read by nobody", zip=True)
    Image.new("RGB", (3, 2), (1, 2, 3)).save(out / "text.png", pnginfo=info)
    cases = []
    for keyword, text in texts:
        one = PngInfo()
        one.add_text(keyword, text)
        (kind, data) = one.chunks[0][:2]
        cases.append({"keyword": keyword, "text": text, "chunk": chunk(kind, data).hex()})
    (out / "text.json").write_text(json.dumps(cases))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(10, 6)
        self.out_proj = nn.ModuleList([nn.Linear(6, 10, bias=False)])

    def forward(self, x):
        return x + self.out_proj[0](torch.tanh(self.q_proj(x)))


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block(), Block()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


ADAPTERS = {
    "plain": {"r": 4, "lora_alpha": 8},
    "rslora": {"r": 4, "lora_alpha": 6, "use_rslora": True},
    "patterns": {
        "r": 3, "lora_alpha": 5, "rank_pattern": {"q_proj": 2, "blocks.1.out_proj.0": 5},
        "alpha_pattern": {"blocks.0.q_proj": 7, r"blocks\.[12]\.q_proj": 11, "out_proj.0": 2},
    },
    "rslora-patterns": {
        "r": 3, "lora_alpha": 5, "rank_pattern": {r"blocks\.\d\.q_proj": 6}, "use_rslora": True,
        "alpha_pattern": {"^blocks.2.out_proj.0": 9, "0": 4, "j": 100},
    },
}  # fmt: skip


def make_adapters(out):
    torch.manual_seed(11)
    base = Tower()
    state = {k: v.clone() for k, v in base.state_dict().items()}
    x = torch.randn(4, 10)
    for name, settings in ADAPTERS.items():
        tower = Tower()
        tower.load_state_dict(state)
        config = LoraConfig(target_modules=["q_proj", "out_proj.0"], init_lora_weights=False, **settings)
        folder = out / f"peft-{name}"
        get_peft_model(tower, config).save_pretrained(folder)
        tower = Tower()
        tower.load_state_dict(state)
        adapted = PeftModel.from_pretrained(tower, folder).eval()
        expected = {f"base.{k}": v for k, v in state.items()} | {"x": x}
        with torch.no_grad():
            expected["y"] = adapted(x)
            for path, module in adapted.base_model.model.named_modules():
                if hasattr(module, "get_delta_weight"):
                    expected[f"delta.{path}"] = module.get_delta_weight("default").contiguous()
            with adapted.disable_adapter():
                expected["y_off"] = adapted(x)
            if name == "plain":
                second = LoraConfig(target_modules=["q_proj"], r=2, lora_alpha=3, init_lora_weights=False)
                adapted.add_adapter("second", second)
                adapted.base_model.set_adapter(["default", "second"])
                expected["y_both"] = adapted(x)
                adapted.save_pretrained(out / "two", selected_adapters=["second"])
        save_file(expected, folder / "expected.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    make_safetensors(out / "safetensors")
    make_pngs(out / "png")
    make_adapters(out)


if __name__ == "__main__":
    main()
