// What a trainer leaves behind: a part folder as diffusers and transformers save them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/ScalarType.h>
#include <torch/nn/module.h>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::train {

// Writes `config` as config.json and the module's parameters, as `dtype`, to `file_name`, and
// copies the files named in `others` that `source` has (tokenizer files). Throws Error(io).
void write_part(const std::filesystem::path& folder, io::Json config,
                const torch::nn::Module& module, const std::string& file_name, at::ScalarType dtype,
                const std::filesystem::path& source = {},
                const std::vector<std::string>& others = {});

// The same of tensors as they are.
void write_part(const std::filesystem::path& folder, io::Json config,
                const io::NamedTensors& tensors, const std::string& file_name,
                const std::filesystem::path& source, const std::vector<std::string>& others);

// The weights ("model"), configs and tokenizer files of the part folder `source` in `folder`; no
// adapters. Weights become hard links where the disk allows it: they may be large, and are never
// changed in place. Throws Error(io).
void link_part(const std::filesystem::path& source, const std::filesystem::path& folder);

}  // namespace omr::train
