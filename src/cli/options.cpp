#include "cli/options.h"

#include <charconv>
#include <random>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/schedulers/scheduler.h"

namespace omr::cli {

void add_execution_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--dtype", options.dtype,
                 "auto, fp32, fp16 or bf16 (auto: fp16 on CUDA, fp32 on the CPU)");
  app.add_option("--threads", options.threads, "CPU threads (0: all cores)")
      ->check(CLI::Range(0, 1024));
}

void add_memory_options(CLI::App& app, ModelOptions& options) {
  app.add_flag("--offload", options.offload,
               "keep one model at a time on the GPU, the others in the CPU's memory");
  app.add_flag("--vae-tiling", options.vae_tiling,
               "decode pictures in tiles: less memory, slightly other pictures");
}

void add_model_option(CLI::App& app, ModelOptions& options) {
  app.add_option("--model", options.model,
                 "model folder in the diffusers layout, or a single .safetensors file of Stable "
                 "Diffusion 1.x or 2.x (default: the embedded pack)");
  app.add_option("--prediction", options.prediction,
                 "what the UNet predicts, against what the model says: epsilon, v or sample")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, std::string>{{"epsilon", "epsilon"},
                                             {"v", "v_prediction"},
                                             {"v_prediction", "v_prediction"},
                                             {"sample", "sample"}}));
  app.add_option("--tokenizer", options.tokenizer,
                 "folder with CLIP's vocab.json and merges.txt, which single files lack");
}

void add_refiner_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--refiner", options.refiner,
                 "folder of the language model (default: refiner/ of the model)");
  app.add_flag("--refiner-nf4", options.refiner_nf4,
               "quantise the language model to NF4 while loading");
}

void add_reward_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--reward", options.reward,
                 "folder of the reward model (default: reward/ of the model)");
  app.add_option("--reward-quant", options.reward_quant, "nf4 or none");
  app.add_option("--reward-adapter", options.reward_adapter,
                 "PEFT adapter of the reward model, or none (default: adapter/ of its folder)");
}

void add_picture_options(CLI::App& app, PictureOptions& options) {
  app.add_option("--seed", options.seed,
                 "seed of the first picture (default: random, and printed)");
  app.add_option("--steps", options.steps, "denoising steps");
  app.add_option("--guidance-scale", options.guidance_scale,
                 "classifier-free guidance; 1 switches it off");
  app.add_option("--scheduler", options.scheduler, schedulers::scheduler_names());
  app.add_option("--negative-prompt", options.negative_prompt, "what the picture should not show");
  app.add_option("--size", options.size, "WxH in pixels");
  app.add_option("--init-image", options.init_image, "PNG or JPEG to start from");
  app.add_option("--mask", options.mask,
                 "PNG or JPEG, white where --init-image is to be redrawn (inpainting)");
  app.add_option("--strength", options.strength,
                 "how much of the schedule runs on a given start, in (0, 1]");
  app.add_option("--lora", options.loras, "LoRA adapter FILE[:WEIGHT], repeatable")
      ->allow_extra_args(false);
}

void add_output_options(CLI::App& app, OutputOptions& options) {
  app.add_flag("--json", options.json, "machine-readable events on stdout, one JSON object a line");
  app.add_flag("-q,--quiet", options.quiet, "warnings and errors only");
  app.add_flag("-v,--verbose", options.verbose, "say more");
}

std::pair<int, int> parse_size(const std::string& text) {
  if (text.empty()) return {0, 0};
  int width = 0, height = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  const bool separated =
      first.ec == std::errc() && first.ptr != end && (*first.ptr == 'x' || *first.ptr == 'X');
  const auto second = separated ? std::from_chars(first.ptr + 1, end, height) : first;
  if (!separated || second.ec != std::errc() || second.ptr != end || width < 1 || height < 1) {
    throw Error(ErrorKind::usage,
                "--size " + text + ": expected WIDTHxHEIGHT, for example 512x512");
  }
  return {width, height};
}

std::uint64_t random_seed() { return std::random_device{}(); }

void check_text(const std::string& text, const std::string& what) {
  constexpr std::size_t kMaxBytes = 4096;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(ErrorKind::usage, "the " + what + " is empty");
  }
  if (text.size() > kMaxBytes) {
    throw Error(ErrorKind::usage, "the " + what + " is " + std::to_string(text.size()) +
                                      " bytes long; at most " + std::to_string(kMaxBytes) +
                                      " are taken");
  }
  const std::size_t bad = find_invalid_utf8(text);
  if (bad != std::string::npos) {
    throw Error(ErrorKind::usage,
                "the " + what + " is not valid UTF-8 at byte " + std::to_string(bad));
  }
}

}  // namespace omr::cli
