// Every config.json that omr reads, from the same bytes.
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/json_file.h"
#include "omr/llm/llama_config.h"
#include "omr/pipeline/model_folder.h"
#include "omr/reward/clip_model.h"
#include "omr/text/clip_text_model.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omr;
  io::Json json;
  bool parsed = false;
  fuzz::expect_value_or_error([&] {
    json = io::parse_json(fuzz::text_of(data, size), "input");
    parsed = true;
  });
  if (!parsed) return 0;
  const auto read = [&](auto&& from) {
    fuzz::expect_value_or_error([&] { from(io::Config(json, "input")); });
  };
  read([](const io::Config& config) { diffusion::UNet2DConditionConfig::parse(config); });
  read([](const io::Config& config) { diffusion::AutoencoderKLConfig::parse(config); });
  read([](const io::Config& config) { text::CLIPTextConfig::from(config); });
  read([](const io::Config& config) { reward::CLIPConfig::from(config); });
  read([](const io::Config& config) { llm::LlamaConfig::from(config); });
  read([](const io::Config& config) { pipeline::PackDefaults::parse(config); });
  read([](const io::Config& config) { pipeline::read_scheduler_config(config); });
  return 0;
}
