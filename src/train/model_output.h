// What a trainer leaves behind: a part folder as diffusers and transformers save them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/ScalarType.h>
#include <torch/nn/module.h>

#include "omr/io/json_file.h"

namespace omr::train {

// Writes `config` as config.json and the module's parameters, as `dtype`, to `file_name`, and
// copies the files named in `others` that `source` has (tokenizer files). Throws Error(io).
void write_part(const std::filesystem::path& folder, io::Json config,
                const torch::nn::Module& module, const std::string& file_name, at::ScalarType dtype,
                const std::filesystem::path& source = {},
                const std::vector<std::string>& others = {});

}  // namespace omr::train
