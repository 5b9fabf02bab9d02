#include "train/caption_encoder.h"

#include <ATen/ATen.h>

#include "omr/train/initialise.h"
#include "omr/train/sample_random.h"

#include "train/network.h"

namespace omr::train {

text::CLIPTextModel open_text_encoder(const std::filesystem::path& folder, bool from_nothing,
                                      std::uint64_t seed) {
  if (!from_nothing) return text::load_clip_text_model(folder, {});
  const io::Config config(folder / "config.json");
  text::CLIPTextModel model(text::CLIPTextConfig::from(config));
  initialise(*model, config, generator_for(seed, Purpose::weights, kTextEncoder));
  return model;
}

at::Tensor embed_captions(const text::CLIPTokenizer& tokenizer, text::CLIPTextModel& text_encoder,
                          const std::vector<std::string>& captions) {
  std::vector<at::Tensor> ids;
  for (const std::string& caption : captions)
    ids.push_back(at::tensor(tokenizer.encode(caption).ids, at::kLong));
  return text_encoder(at::stack(ids)).last_hidden_state;
}

}  // namespace omr::train
