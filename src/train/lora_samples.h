// The denoising loss of captioned pictures, for the methods that train adapters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/denoising_samples.h"
#include "train/lora_objective.h"

namespace omr::train {

class LoraSamples {
 public:
  // Pictures are encoded once, into `cache`.
  LoraSamples(const LoraRun& run, const ImageTextSource& source,
              const std::filesystem::path& cache);

  // Weighted squared errors of the samples at these positions, [B], as the models stand.
  at::Tensor losses(const std::vector<std::uint64_t>& positions, Purpose purpose,
                    double caption_dropout);

 private:
  DiffusionModels& models_;
  DenoisingSamples samples_;
};

}  // namespace omr::train
