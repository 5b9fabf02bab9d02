#include "cli/models.h"

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "omr/core/error.h"
#include "omr/session/command.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

std::optional<fs::path> part_folder(const std::string& given, const ModelOptions& options,
                                    const char* name) {
  if (!given.empty()) {
    if (!is_folder(given))
      throw Error(ErrorKind::io, "no folder at " + given + " (--" + name + ")");
    return given;
  }
  const fs::path own = model_path(options) / name;
  return is_folder(own) ? std::optional(own) : std::nullopt;
}

}  // namespace

fs::path embedded_pack() {
  constexpr const char* kPack = "scenes";
  if (const char* models = std::getenv("OMR_MODELS"); models != nullptr && *models != '\0') {
    return fs::path(models) / kPack;
  }
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  for (fs::path folder = program.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    for (const fs::path& candidate :
         {folder / "models" / kPack, folder / "share" / "omr" / "models" / kPack}) {
      if (is_folder(candidate)) return candidate;
    }
  }
  // A build folder outside the repository: where the sources lie.
  if (const fs::path source = fs::path(OMR_SOURCE_MODELS) / kPack; is_folder(source)) return source;
  throw Error(ErrorKind::io,
              "the embedded pack was not found near " + program.string() +
                  ": give --model DIR, or set OMR_MODELS to the folder that holds scenes/");
}

fs::path model_path(const ModelOptions& options) {
  return options.model.empty() ? embedded_pack() : fs::path(options.model);
}

nn::ExecutionOptions execution_of(const ModelOptions& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  nn::ExecutionOptions execution = nn::resolve_execution(options.device, options.dtype);
  if (execution.device.is_cuda() && execution.dtype == at::kFloat) {
    // Who asks for fp32 means it: cuDNN would round convolutions' inputs to 10 bits.
    at::globalContext().setAllowTF32CuDNN(false);
  }
  // On the CPU there is nowhere to move to.
  execution.offload = options.offload && !execution.device.is_cpu();
  return execution;
}

pipeline::ModelFolder open_folder(const ModelOptions& options) {
  pipeline::ModelFolder folder = pipeline::ModelFolder::open(model_path(options));
  folder.prediction_type = options.prediction;
  folder.tokenizer = options.tokenizer;
  return folder;
}

pipeline::StableDiffusionPipeline open_pipeline(const pipeline::ModelFolder& folder,
                                                const ModelOptions& options) {
  auto pipeline = pipeline::StableDiffusionPipeline::open(folder, execution_of(options));
  pipeline.set_vae_tiling(options.vae_tiling);
  return pipeline;
}

std::optional<fs::path> refiner_folder(const ModelOptions& options) {
  return part_folder(options.refiner, options, "refiner");
}

std::optional<fs::path> reward_folder(const ModelOptions& options) {
  return part_folder(options.reward, options, "reward");
}

llm::Refiner open_refiner(const fs::path& folder, const ModelOptions& options) {
  llm::RefinerOptions refiner;
  refiner.execution = execution_of(options);
  refiner.quantize_nf4 = options.refiner_nf4;
  return llm::Refiner::open(folder, refiner);
}

reward::RewardModel open_reward(const fs::path& folder, const ModelOptions& options) {
  reward::RewardOptions reward;
  reward.quantization = reward::parse_reward_quantization(options.reward_quant);
  reward.use_adapter = options.reward_adapter != "none";
  if (reward.use_adapter) reward.adapter = options.reward_adapter;
  return reward::RewardModel::open(folder, reward, execution_of(options));
}

session::Settings settings_of(const PictureOptions& picture, const pipeline::ModelFolder& folder,
                              const pipeline::StableDiffusionPipeline& pipeline) {
  const pipeline::PackDefaults& pack = folder.defaults;
  const pipeline::GenerationOptions defaults;
  session::Settings out;
  out.negative_prompt = picture.negative_prompt;
  out.seed = picture.seed ? *picture.seed : random_seed();
  out.steps = picture.steps.value_or(pack.steps.value_or(defaults.steps));
  out.guidance_scale =
      picture.guidance_scale.value_or(pack.guidance_scale.value_or(defaults.guidance_scale));
  out.scheduler = picture.scheduler.value_or(
      pack.scheduler.value_or(schedulers::to_string(pipeline.default_scheduler())));
  out.scheduler = schedulers::to_string(schedulers::parse_scheduler_name(out.scheduler));
  const auto [width, height] = parse_size(picture.size);
  if (width > 0) {
    out.width = width;
    out.height = height;
  } else if (picture.init_image.empty()) {
    out.width = pack.width.value_or(pipeline.default_width());
    out.height = pack.height.value_or(pipeline.default_height());
  }
  out.candidates = picture.candidates.value_or(pack.candidates.value_or(out.candidates));
  if (picture.strength || pack.strength)
    out.strength = picture.strength ? picture.strength : pack.strength;
  if (picture.loras.empty()) {
    for (const auto& [file, weight] : pack.lora)
      out.loras.push_back({folder.part(file).string(), weight});
  }
  for (const std::string& text : picture.loras) out.loras.push_back(session::parse_lora(text));
  out.init_image = picture.init_image;
  out.mask = picture.mask;
  for (const auto& [name, reference] : pack.reward_reference) {
    const session::RewardReference value{reference.first, reference.second};
    if (name == "pref") out.references.pref = value;
    if (name == "div") out.references.div = value;
    if (name == "cons") out.references.cons = value;
    if (name == "mi") out.references.mi = value;
  }
  return out;
}

std::string lora_summary(const pipeline::LoraSelection& lora, const nn::LoraReport& report) {
  std::string out = lora.path.filename().string() + ": " + std::to_string(report.applied) + " of " +
                    std::to_string(report.total) + " tensors applied";
  if (!report.skipped.empty()) {
    out += " (left out: " + report.skipped.front() + (report.skipped.size() > 1 ? ", …)" : ")");
  }
  return out;
}

}  // namespace omr::cli
