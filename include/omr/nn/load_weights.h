// Fills a module tree from files, strictly.
#pragma once

#include <functional>
#include <string>

#include <torch/nn/module.h>

#include "omr/io/weights.h"
#include "omr/nn/execution.h"

namespace omr::nn {

// Every parameter of `module` takes the tensor of its dotted name: as a view of the mapped file
// when dtype and device already fit, else as one converted copy. Missing, unexpected and mis-shaped
// names are listed together in one Error(mismatch) that names `part` ("unet", …) and the file;
// buffers that follow from the config (position_ids and others of old files) may be present unused.
//
// Linears that a bitsandbytes checkpoint holds in NF4 stay so. Of the others those that `to_nf4`
// says yes to, by their dotted name, are quantised as they are read, one at a time, so that the
// dense model is never in memory. Throws Error(mismatch) for bitsandbytes' other data types.
void load_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part,
                  const ExecutionOptions& execution,
                  const std::function<bool(const std::string& linear)>& to_nf4 = {});

// What load_weights would complain of, as far as the file's header tells: nothing is read.
void check_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part);

// Number of parameters, for reports.
std::int64_t count_parameters(const torch::nn::Module& module);

}  // namespace omr::nn
