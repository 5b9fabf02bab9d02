// Fills a module tree from files, strictly.
#pragma once

#include <string>

#include <torch/nn/module.h>

#include "omr/io/weights.h"
#include "omr/nn/execution.h"

namespace omr::nn {

// Every parameter of `module` takes the tensor of its dotted name: as a view of the mapped file
// when dtype and device already fit, else as one converted copy. Missing, unexpected and mis-shaped
// names are listed together in one Error(mismatch) that names `part` ("unet", …) and the file;
// names that `ignorable` matches (position_ids and other buffers of old files) may be present
// unused.
void load_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part,
                  const ExecutionOptions& execution);

// Number of parameters, for reports.
std::int64_t count_parameters(const torch::nn::Module& module);

}  // namespace omr::nn
