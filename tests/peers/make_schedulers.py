"""Trajectories of diffusers' schedulers over a fixed, weightless "model", for every name and many configs."""

import argparse
import json
import pathlib

import diffusers
import torch
from safetensors.torch import save_file

BASES = {
    "pack": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
                 timestep_spacing="leading", steps_offset=1, clip_sample=False, set_alpha_to_one=False),
    "epsilon": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="epsilon",
                    timestep_spacing="leading", steps_offset=1, clip_sample=False, set_alpha_to_one=True),
    "trailing": dict(beta_start=0.0005, beta_end=0.015, beta_schedule="linear", prediction_type="epsilon",
                     timestep_spacing="trailing", clip_sample=False),
    "linspace": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
                     timestep_spacing="linspace", clip_sample=False, num_train_timesteps=700),
    "cosine": dict(beta_schedule="squaredcos_cap_v2", prediction_type="sample", timestep_spacing="leading",
                   steps_offset=0, clip_sample=True, clip_sample_range=1.5),
    "zero_snr": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
                     timestep_spacing="trailing", clip_sample=False, rescale_betas_zero_snr=True),
    "thresholding": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="epsilon",
                         timestep_spacing="leading", steps_offset=1, clip_sample=False, thresholding=True,
                         sample_max_value=1.5, dynamic_thresholding_ratio=0.9),
}
SCHEDULERS = {
    "ddim": (diffusers.DDIMScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
}
STEPS = (4, 13, 20)


def model(sample, timestep):
    """Any smooth function of both will do."""
    return 0.7 * torch.sin(sample) + 0.1 * sample * float(timestep) / 1000.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    tensors, cases = {}, []
    generator = torch.Generator().manual_seed(3)
    shape = (2, 4, 6, 5)
    noise, original = (torch.randn(shape, generator=generator) for _ in range(2))
    tensors["noise"], tensors["original"] = noise, original
    for base_name, base in BASES.items():
        config = dict(diffusers.DDIMScheduler(**base).config)
        for name, (cls, extra) in SCHEDULERS.items():
            if base_name == "zero_snr" and name == "dpmpp_2m_karras":
                continue  # karras spacing from an infinite sigma: diffusers itself runs into NaN
            for steps in STEPS:
                # img2img enters in the middle; diffusers' pipelines set the begin index.
                for first in (0, steps // 2):
                    scheduler = cls.from_config(config, **extra)
                    scheduler.set_timesteps(steps)
                    if len(scheduler.timesteps) != steps:
                        continue
                    if hasattr(scheduler, "set_begin_index"):
                        scheduler.set_begin_index(first)
                    if first == 0:
                        sample = noise * scheduler.init_noise_sigma
                    else:
                        sample = scheduler.add_noise(original, noise, scheduler.timesteps[first:first + 1])
                    case = f"{base_name}.{name}.{steps}.{first}"
                    tensors[f"{case}.start"] = sample.clone()
                    for timestep in scheduler.timesteps[first:]:
                        seen = scheduler.scale_model_input(sample, timestep)
                        sample = scheduler.step(model(seen, timestep), timestep, sample).prev_sample
                    tensors[f"{case}.end"] = sample.clone()
                    tensors[f"{case}.timesteps"] = scheduler.timesteps.to(torch.float32)
                    cases.append({"case": case, "base": base_name, "scheduler": name, "steps": steps, "first": first})
        (out / f"{base_name}.json").write_text(json.dumps(config))
    save_file(tensors, out / "expected.safetensors")
    (out / "cases.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
