#include "train/clip_towers.h"

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/text/clip_text_model.h"
#include "omr/train/initialise.h"
#include "omr/train/sample_random.h"

namespace omr::train {
namespace {

void begin_with(text::CLIPTextTransformerImpl& tower, const std::filesystem::path& folder) {
  const at::NoGradGuard no_grad;
  text::CLIPTextModel encoder = text::load_clip_text_model(folder, {});
  const auto parameters = tower.named_parameters();
  for (const auto& given : encoder->text_model->named_parameters()) {
    const at::Tensor* own = parameters.find(given.key());
    if (own == nullptr || own->sizes() != given.value().sizes()) {
      throw Error(ErrorKind::mismatch,
                  c10::str(folder.string(), ": text_model.", given.key(), " is ",
                           given.value().sizes(), ", the text tower's ",
                           own == nullptr ? "is not there" : c10::str(own->sizes())));
    }
    own->copy_(given.value());
  }
}

void begin_positions(reward::CLIPVisionEmbeddingsImpl& embeddings,
                     const reward::CLIPVisionConfig& config) {
  if (config.encoder.hidden_size % 4 != 0) return;
  const at::NoGradGuard no_grad;
  const std::int64_t side = config.image_size / config.patch_size;
  embeddings.position_embedding->weight.slice(0, 1).copy_(
      sinusoidal_positions(side, side, config.encoder.hidden_size));
}

}  // namespace

reward::CLIPModel open_clip(const ClipSettings& settings) {
  if (!settings.from_nothing) return reward::load_clip_model(settings.model, {});
  const io::Config config(settings.model / "config.json");
  reward::CLIPModel model(reward::CLIPConfig::from(config));
  initialise(*model, config, generator_for(settings.loop.seed, Purpose::weights, 0));
  begin_positions(*model->vision_model->embeddings, model->config().vision);
  if (!settings.text_encoder.empty()) begin_with(*model->text_model, settings.text_encoder);
  return model;
}

}  // namespace omr::train
