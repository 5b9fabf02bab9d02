#include "omr/replay/groups.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>

#include "omr/session/strict_json.h"

namespace omr::replay {

std::vector<std::vector<std::size_t>> groups_of(const std::vector<session::Dialogue>& dialogues,
                                                std::size_t size) {
  std::vector<std::size_t> order(dialogues.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (size > 1) {
    using Key = std::tuple<bool, std::string, std::size_t>;
    std::vector<Key> keys;
    for (const session::Dialogue& one : dialogues) {
      const auto draws = [](const std::string& turn) { return turn.empty() || turn[0] != '/'; };
      keys.emplace_back(!one.error.empty(), session::dump_line(one.settings),
                        std::count_if(one.turns.begin(), one.turns.end(), draws));
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  }
  std::vector<std::vector<std::size_t>> groups;
  for (const std::size_t position : order) {
    // One that cannot be run would have its group done again at every --resume.
    const bool alone = !dialogues[position].error.empty();
    if (alone || groups.empty() || groups.back().size() >= size) groups.emplace_back();
    groups.back().push_back(position);
  }
  return groups;
}

}  // namespace omr::replay
