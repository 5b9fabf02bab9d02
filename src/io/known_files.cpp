#include "omr/io/known_files.h"

#include <array>

namespace omr::io {
namespace {

struct KnownFile {
  std::string_view sha256;
  const char* what;
};

// As listed beside the files by their publishers and by tools that pin them.
constexpr std::array<KnownFile, 15> kKnownFiles = {{
    {"6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
     "v1-5-pruned-emaonly.safetensors of Stable Diffusion 1.5"},
    {"1a189f0be69d6106a48548e7626207dddd7042a418dbf372cefd05e0cdba61b6",
     "v1-5-pruned.safetensors of Stable Diffusion 1.5"},
    {"e9476a13728cd75d8279f6ec8bad753a66a1957ca375a1464dc63b37db6e3916",
     "v1-5-pruned-emaonly-fp16.safetensors of Stable Diffusion 1.5"},
    {"ab800444cdd1e6ade2236874dd28db9608d1d740aaf6087c7273884140612993",
     "512-base-ema.safetensors of Stable Diffusion 2.0 base (512, epsilon)"},
    {"703d49a1d847b218c5c230fce80ba1f73f848bc3afc06e48e727ee47fdf06b1f",
     "768-v-ema.safetensors of Stable Diffusion 2.0 (768, v-prediction)"},
    {"df955bdf6b682338ea9b55dfc0d8f3475aadf4836e204893d28b82355e0956d2",
     "v2-1_512-ema-pruned.safetensors of Stable Diffusion 2.1 base (512, epsilon)"},
    {"fc4f9fe7528b2ee3de21971fb805bbf74d680bf1ab5b5f9c08379b0397b82a9d",
     "v2-1_512-nonema-pruned.safetensors of Stable Diffusion 2.1 base (512, epsilon)"},
    {"dcd690123cfc64383981a31d955694f6acf2072a80537fdb612c8e58ec87a8ac",
     "v2-1_768-ema-pruned.safetensors of Stable Diffusion 2.1 (768, v-prediction)"},
    {"ff144a49841cf383adbc68841272ce639e1032b0a1f0f6586347feb953c244f4",
     "v2-1_768-nonema-pruned.safetensors of Stable Diffusion 2.1 (768, v-prediction)"},
    {"3f067a1b943cf162f2b8f8588f6cf5824bd5b4c7d1d88d87164b9ca123616549",
     "sd_turbo.safetensors of SD-Turbo (512, epsilon)"},
    {"6e6001da2106d4757498752a021df6c2bdc332c650aae4bae6b0c004dcf14933",
     "model.safetensors of TinyLlama-1.1B-Chat-v1.0"},
    {"735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75",
     "vae-ft-mse-840000-ema-pruned.safetensors, the fine-tuned VAE of Stable Diffusion 1.x and "
     "2.x"},
    {"31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b",
     "sd_xl_base_1.0.safetensors of SDXL, which omr does not run"},
    {"cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
     "v1-5-pruned-emaonly.ckpt of Stable Diffusion 1.5, a pickle"},
    {"ad2a33c361c1f593c4a1fb32ea81afce2b5bb7d1983c6b94793a26a3b54b08a0",
     "v2-1_768-ema-pruned.ckpt of Stable Diffusion 2.1, a pickle"},
}};

}  // namespace

std::string known_file(std::string_view sha256) {
  for (const KnownFile& file : kKnownFiles) {
    if (file.sha256 == sha256) return file.what;
  }
  return {};
}

}  // namespace omr::io
