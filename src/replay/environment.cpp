#include "omr/replay/environment.h"

namespace omr::replay {

bool same_machine_class(const Environment& a, const Environment& b) {
  if (a.empty() || b.empty()) return false;
  for (const char* key : {"torch", "cpu", "threads", "device", "dtype"}) {
    const auto in_a = a.find(key), in_b = b.find(key);
    if (in_a == a.end() || in_b == b.end() || in_a->second != in_b->second) return false;
  }
  const auto batch = [](const Environment& one) {
    const auto in_one = one.find("batch");
    return in_one == one.end() ? std::string("1") : in_one->second;
  };
  return batch(a) == batch(b);
}

}  // namespace omr::replay
