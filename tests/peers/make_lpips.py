"""LPIPS of pictures of odd sizes, and its gradients: lpips.safetensors, with the keys of the package, and case.safetensors."""

import argparse
import pathlib

import torch
from lpips_reference import package_state, random_lpips
from safetensors.torch import save_file

SIZES = {"odd": (3, 37, 50), "smallest": (2, 16, 16), "wide": (1, 31, 96)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lpips = random_lpips()
    save_file({key: value.contiguous() for key, value in package_state(lpips).items()}, out / "lpips.safetensors")
    torch.manual_seed(29)
    kept = {}
    for name, (count, height, width) in SIZES.items():
        a = torch.rand(count, 3, height, width) * 2 - 1
        b = (a + 0.3 * torch.randn_like(a)).clamp(-1, 1)
        a.requires_grad_(True)
        b.requires_grad_(True)
        distance = lpips(a, b)
        # Each picture with a factor of its own, so that the gradients tell them apart.
        (distance * torch.arange(1, count + 1)).sum().backward()
        kept |= {f"{name}.a": a, f"{name}.b": b, f"{name}.distance": distance, f"{name}.grad_a": a.grad, f"{name}.grad_b": b.grad}
    save_file({key: value.detach().contiguous() for key, value in kept.items()}, out / "case.safetensors")


if __name__ == "__main__":
    main()
