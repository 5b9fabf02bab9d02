#include "omr/replay/environment.h"

namespace omr::replay {

bool same_machine_class(const Environment& a, const Environment& b) {
  if (a.empty() || b.empty()) return false;
  for (const char* key : {"torch", "cpu", "threads", "device", "dtype"}) {
    const auto in_a = a.find(key), in_b = b.find(key);
    if (in_a == a.end() || in_b == b.end() || in_a->second != in_b->second) return false;
  }
  return true;
}

}  // namespace omr::replay
