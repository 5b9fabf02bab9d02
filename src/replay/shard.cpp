#include "omr/replay/shard.h"

#include <charconv>

#include "omr/core/error.h"

namespace omr::replay {
namespace {

std::optional<int> whole_number(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::string Shard::text() const { return std::to_string(index + 1) + "/" + std::to_string(count); }

Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::optional<int> index = whole_number(text.substr(0, slash));
  const std::optional<int> count =
      slash == std::string::npos ? std::nullopt : whole_number(text.substr(slash + 1));
  if (!index || !count || *index < 1 || *index > *count) {
    throw Error(ErrorKind::usage, "--shard " + text +
                                      ": expected i/n with i from 1 to n: the shards of a batch in "
                                      "three are 1/3, 2/3 and 3/3");
  }
  return {*index - 1, *count};
}

LaunchedShard shard_of_environment(const Variable& variable) {
  constexpr const char* kPairs[][2] = {{"RANK", "WORLD_SIZE"}, {"SLURM_PROCID", "SLURM_NTASKS"}};
  for (const auto& [rank, size] : kPairs) {
    const std::optional<std::string> index = variable(rank);
    const std::optional<std::string> count = variable(size);
    if (!index || !count) continue;
    const std::optional<int> i = whole_number(*index), n = whole_number(*count);
    if (!i || !n || *i >= *n) {
      throw Error(ErrorKind::usage, std::string(rank) + "=" + *index + " and " + size + "=" +
                                        *count + " make no shard; --shard i/n overrules them");
    }
    return {{*i, *n}, std::string(rank) + " and " + size};
  }
  return {};
}

}  // namespace omr::replay
