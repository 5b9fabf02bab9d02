// Linear weights that bitsandbytes packed into 4 bits before they were saved: Linear4bit's state
// dict (bitsandbytes/nn/modules.py; functional.py, QuantState.as_dict).
#pragma once

#include <string>
#include <vector>

#include "omr/io/weights.h"
#include "omr/nn/nf4.h"

namespace omr::nn {

// Whether `name` (…weight) is held packed.
bool is_bitsandbytes_4bit(const io::Weights& weights, const std::string& name);

// The tensors that stand beside the packed weight `name`.
std::vector<std::string> bitsandbytes_4bit_companions(const io::Weights& weights,
                                                      const std::string& name);

// Reads one. The tensors are views of the file. Throws Error(mismatch) for FP4 and for a code book
// other than NF4's, Error(format) when parts are missing or of wrong sizes.
Nf4Weight read_bitsandbytes_4bit(const io::Weights& weights, const std::string& name);

}  // namespace omr::nn
