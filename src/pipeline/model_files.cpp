#include "omr/pipeline/model_files.h"

#include "omr/core/error.h"
#include "omr/io/key_map.h"
#include "omr/text/clip_text_model.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

bool holds_tokenizer(const fs::path& folder) {
  std::error_code code;
  return fs::exists(folder / "tokenizer.json", code) ||
         (fs::exists(folder / "vocab.json", code) && fs::exists(folder / "merges.txt", code));
}

fs::path tokenizer_of_file(const ModelFolder& model) {
  if (!model.tokenizer.empty()) return model.tokenizer;
  const fs::path beside = model.root.parent_path();
  for (const fs::path& folder :
       {beside / "tokenizer", beside / model.root.stem() / "tokenizer", beside / model.root.stem(),
        beside.empty() ? fs::path(".") : beside}) {
    if (holds_tokenizer(folder)) return folder;
  }
  throw Error(ErrorKind::io,
              model.root.string() +
                  " is a single file, and those hold no tokenizer: put vocab.json and "
                  "merges.txt of CLIP (the tokenizer folder of any Stable Diffusion 1.x "
                  "or 2.x model) into " +
                  (beside / "tokenizer").string() + ", or name their folder with --tokenizer");
}

ModelFiles open_single_file(const ModelFolder& model) {
  const io::SingleFile file = io::read_single_file(model.root);
  const auto config = [&](const io::Json& json, const char* part) {
    return io::Config(json, model.root.string() + " (" + part + ")");
  };
  ModelFiles out{config(file.unet_config, "UNet"),
                 config(file.vae_config, "VAE"),
                 config(file.text_encoder_config, "text encoder"),
                 file.unet,
                 file.vae,
                 text::clip_text_weights(file.text_encoder),
                 std::nullopt,
                 tokenizer_of_file(model),
                 file.pad_token,
                 file.prediction,
                 file.family,
                 !file.turbo.empty()};
  return out;
}

}  // namespace

ModelFiles ModelFiles::open(const ModelFolder& folder) {
  if (folder.single_file) return open_single_file(folder);
  const auto config = [&](const char* part) {
    return io::Config(folder.part(part) / "config.json");
  };
  const auto weights = [&](const char* part, const char* stem) {
    return io::Weights::open(folder.part(part), stem);
  };
  return {config("unet"),
          config("vae"),
          config("text_encoder"),
          weights("unet", "diffusion_pytorch_model"),
          weights("vae", "diffusion_pytorch_model").renamed(io::current_vae_key),
          text::clip_text_weights(weights("text_encoder", "model")),
          io::Config(folder.part("scheduler") / "scheduler_config.json"),
          folder.tokenizer.empty() ? folder.part("tokenizer") : folder.tokenizer,
          "",
          std::nullopt,
          std::nullopt};
}

}  // namespace omr::pipeline
