#include "train/diffusion_models.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/model_folder.h"
#include "omr/train/sample_random.h"

#include "train/caption_encoder.h"
#include "train/diffusion_parts.h"

namespace omr::train {
namespace {

enum Adapter : std::uint64_t { kUNetAdapter = 11, kTextEncoderAdapter = 12 };

LoraSettings of_unet(LoraSettings settings) {
  if (settings.target_modules.empty()) settings.target_modules = kUNetAttention;
  return settings;
}

// Names and blocks that the user gives are the UNet's.
LoraSettings of_text_encoder(LoraSettings settings) {
  settings.target_modules = kClipAttention;
  settings.blocks.clear();
  return settings;
}

// A file, or the PEFT folder of a UNet's adapter, whose keys do not say whose they are.
io::LoraFile read_adapter(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return io::read_lora(path);
  io::LoraFile out = io::read_peft_adapter(path);
  for (io::LoraLayer& layer : out.layers) layer.component = "unet";
  return out;
}

}  // namespace

DiffusionModels::DiffusionModels(const LoraTrainingSettings& training)
    : settings(training),
      device(training.loop.device),
      tokenizer(text::CLIPTokenizer::from_folder(training.tokenizer)),
      text_encoder(text::load_clip_text_model(training.text_encoder, {})),
      unet(diffusion::load_unet(training.unet, {})),
      vae(diffusion::load_vae(training.vae, {})),
      scheduler_file(training.scheduler / "scheduler_config.json"),
      scheduler_config(pipeline::read_scheduler_config(scheduler_file)),
      unet_lora(*unet, "unet", of_unet(training.lora), device,
                generator_for(training.loop.seed, Purpose::weights, kUNetAdapter)) {
  check_parts(vae->config(), unet->config(), text_encoder->config(), training.width,
              training.height);
  make_frozen(*vae, device);
  if (training.train_text_encoder) {
    text_encoder_lora.emplace(
        *text_encoder, "text_encoder", of_text_encoder(training.lora), device,
        generator_for(training.loop.seed, Purpose::weights, kTextEncoderAdapter));
  } else {
    make_frozen(*text_encoder, device);
  }
  if (training.init.empty()) return;
  const io::LoraFile file = read_adapter(training.init);
  const auto of_text = [](const io::LoraLayer& layer) { return layer.component == "text_encoder"; };
  if (!text_encoder_lora && std::any_of(file.layers.begin(), file.layers.end(), of_text)) {
    throw Error(ErrorKind::mismatch,
                "the adapter " + file.path.string() +
                    " has layers of the text encoder, which would be lost: give "
                    "--train-text-encoder too");
  }
  unet_lora.load(file);
  if (text_encoder_lora) text_encoder_lora->load(file);
}

at::Tensor DiffusionModels::embed(const std::vector<std::string>& captions) {
  return embed_captions(tokenizer, text_encoder, captions);
}

at::Tensor DiffusionModels::decode(const at::Tensor& latents) {
  return vae->decode(latents / vae->config().scaling_factor + vae->config().shift_factor);
}

std::vector<std::int64_t> DiffusionModels::latent_shape() const {
  const std::int64_t multiple = vae->config().downscale();
  return {unet->config().in_channels, settings.height / multiple, settings.width / multiple};
}

at::Tensor DiffusionModels::draw_latents(schedulers::Generators& generators) const {
  std::vector<at::Tensor> noises;
  for (at::Generator& generator : generators)
    noises.push_back(at::randn(latent_shape(), generator, at::TensorOptions().dtype(at::kFloat)));
  return at::stack(noises).to(device);
}

std::vector<Image> DiffusionModels::draw(const std::vector<std::string>& captions,
                                         const at::Tensor& latents, int steps,
                                         double guidance_scale, const Cancellation& cancellation) {
  const at::NoGradGuard no_grad;
  const auto scheduler = schedulers::make_scheduler(
      schedulers::SchedulerName::ddim, scheduler_config_of(schedulers::SchedulerName::ddim), steps);
  pipeline::DenoiseInput input;
  input.latents = latents * scheduler->init_noise_sigma();
  input.prompt_embeds = embed(captions);
  input.negative_prompt_embeds = embed({""});
  input.guidance_scale = guidance_scale;
  return pipeline::to_images(
      decode(pipeline::denoise(unet, *scheduler, input, {device, at::kFloat}, {}, cancellation)));
}

schedulers::SchedulerConfig DiffusionModels::scheduler_config_of(
    schedulers::SchedulerName name) const {
  return pipeline::read_scheduler_config(scheduler_file, name);
}

NamedParameters DiffusionModels::parameters() const {
  NamedParameters out = unet_lora.parameters();
  if (text_encoder_lora) {
    const NamedParameters more = text_encoder_lora->parameters();
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

void DiffusionModels::set_adapters_enabled(bool enabled) {
  unet_lora.set_enabled(enabled);
  if (text_encoder_lora) text_encoder_lora->set_enabled(enabled);
}

}  // namespace omr::train
