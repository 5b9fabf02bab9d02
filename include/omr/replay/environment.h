// What a run's numbers depend on beside its inputs.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace omr::replay {

// By name: omr, torch, cpu (model and instruction set), threads, device, dtype, and batch where
// pictures of several dialogues were drawn together.
using Environment = std::map<std::string, std::string>;

// Whether the two promise bit-identical results: equal in everything but omr's own version.
bool same_machine_class(const Environment& a, const Environment& b);

}  // namespace omr::replay
