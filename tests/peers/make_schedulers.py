"""Trajectories of diffusers' schedulers over a fixed, weightless "model", for every name and many configs."""

import argparse
import inspect
import json
import math
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
# As published: keys left out mean each class's own default.
SPARSE = {
    # stable-diffusion-2-1
    "sd21": dict(_class_name="DDIMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                 clip_sample=False, num_train_timesteps=1000, prediction_type="v_prediction", set_alpha_to_one=False,
                 skip_prk_steps=True, steps_offset=1, trained_betas=None),
    # sd-turbo
    "turbo": dict(_class_name="EulerDiscreteScheduler", beta_start=0.00085, beta_end=0.012,
                  beta_schedule="scaled_linear", interpolation_type="linear", num_train_timesteps=1000,
                  prediction_type="epsilon", sample_max_value=1.0, set_alpha_to_one=False, skip_prk_steps=True,
                  steps_offset=1, timestep_spacing="trailing", trained_betas=None, use_karras_sigmas=False),
    "bare": dict(_class_name="DDIMScheduler", num_train_timesteps=900),
    "karras": dict(_class_name="EulerDiscreteScheduler", beta_start=0.00085, beta_end=0.012,
                   beta_schedule="scaled_linear", prediction_type="v_prediction", timestep_spacing="leading",
                   steps_offset=1, use_karras_sigmas=True, final_sigmas_type="sigma_min", skip_prk_steps=True),
    # as DPMSolverMultistepScheduler saves itself, an infinity among its values
    "dpm": dict(_class_name="DPMSolverMultistepScheduler", algorithm_type="dpmsolver++", beta_start=0.00085,
                beta_end=0.012, beta_schedule="scaled_linear", euler_at_final=False, final_sigmas_type="zero",
                lambda_min_clipped=-math.inf, lower_order_final=True, num_train_timesteps=1000,
                prediction_type="epsilon", sample_max_value=1.0, solver_order=2, solver_type="midpoint",
                steps_offset=0, thresholding=False, timestep_spacing="linspace", trained_betas=None,
                use_karras_sigmas=False, variance_type=None),
    "unipc3": dict(_class_name="UniPCMultistepScheduler", beta_start=0.00085, beta_end=0.012,
                   beta_schedule="scaled_linear", solver_order=3, solver_type="bh1", disable_corrector=[2],
                   prediction_type="epsilon", timestep_spacing="linspace", final_sigmas_type="sigma_min",
                   skip_prk_steps=False, variance_type="fixed_large", original_inference_steps=40,
                   timestep_scaling=6.0),
}
SCHEDULERS = {
    "ddim": (diffusers.DDIMScheduler, {}),
    "ddpm": (diffusers.DDPMScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "lms": (diffusers.LMSDiscreteScheduler, {}),
    "pndm": (diffusers.PNDMScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": False, "solver_order": 2}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True, "solver_order": 2}),
    "dpmpp_sde_karras": (diffusers.DPMSolverSDEScheduler, {"use_karras_sigmas": True,
                                                           "noise_sampler_seed": [7, 8]}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
}
STEPS = (4, 13, 20)
NO_SAMPLE_PREDICTION = {"euler_a", "pndm", "dpmpp_sde_karras"}


def model(sample, timestep):
    """Any smooth function of both will do."""
    return 0.7 * torch.sin(sample) + 0.1 * sample * float(timestep) / 1000.0


def run(scheduler, sample, first):
    generators = [torch.Generator().manual_seed(seed) for seed in (7, 8)]
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    for timestep in scheduler.timesteps[first:]:
        seen = scheduler.scale_model_input(sample, timestep)
        extra = {"generator": generators} if takes_generator else {}
        if isinstance(scheduler, diffusers.DDIMScheduler):
            extra = {}
        sample = scheduler.step(model(seen, timestep), timestep, sample, **extra).prev_sample
    return sample


def cases_of(name, scheduler, steps):
    """Where runs enter the schedule: at its begin and, as img2img does, in the middle."""
    scheduler.set_timesteps(steps)
    calls = len(scheduler.timesteps)
    expected = {"heun": 2 * steps - 1, "dpmpp_sde_karras": 2 * steps - 1, "pndm": calls}.get(name, steps)
    return () if calls != expected else (0, steps // 2 * scheduler.order)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    diffusers.utils.logging.set_verbosity_error()  # each class warns of keys that are another class's
    tensors, cases = {}, []
    generator = torch.Generator().manual_seed(3)
    shape = (2, 4, 6, 5)
    noise, original = (torch.randn(shape, generator=generator) for _ in range(2))
    tensors["noise"], tensors["original"] = noise, original
    for base_name, base in (BASES | SPARSE).items():
        folder = out / base_name
        if base_name in BASES:
            diffusers.DDIMScheduler(**base).save_pretrained(folder)
        else:
            folder.mkdir(parents=True)
            (folder / "scheduler_config.json").write_text(json.dumps(base))
        for name, (cls, extra) in SCHEDULERS.items():
            if base_name == "zero_snr" and extra.get("use_karras_sigmas"):
                continue  # karras spacing from an infinite sigma: diffusers itself runs into NaN
            if base.get("prediction_type") == "sample" and name in NO_SAMPLE_PREDICTION:
                continue
            for steps in STEPS if name != "dpmpp_sde_karras" else STEPS[:2]:  # slow to set up
                if name == "pndm" and steps < 4 + 4 and base_name not in ("sd21", "turbo", "karras"):
                    continue  # a Runge-Kutta start only: nothing would be left to enter in the middle
                for first in cases_of(name, cls.from_pretrained(folder, **extra), steps):
                    scheduler = cls.from_pretrained(folder, **extra)
                    scheduler.set_timesteps(steps)
                    if hasattr(scheduler, "set_begin_index"):
                        scheduler.set_begin_index(first)
                    if first == 0:
                        sample = noise * scheduler.init_noise_sigma
                    else:
                        sample = scheduler.add_noise(original, noise, scheduler.timesteps[first:first + 1])
                    case = f"{base_name}.{name}.{steps}.{first}"
                    tensors[f"{case}.start"] = sample.to(torch.float32).clone()
                    tensors[f"{case}.end"] = run(scheduler, sample, first).to(torch.float32).clone()
                    tensors[f"{case}.timesteps"] = scheduler.timesteps.to(torch.float32)
                    assert tensors[f"{case}.end"].isfinite().all(), case
                    cases.append({"case": case, "base": base_name, "scheduler": name, "steps": steps,
                                  "first": first, "order": scheduler.order})
    save_file(tensors, out / "expected.safetensors")
    (out / "cases.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
