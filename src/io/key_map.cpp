#include "omr/io/key_map.h"

#include <array>
#include <utility>

namespace omr::io {

std::string current_vae_key(const std::string& key) {
  static constexpr std::array<std::pair<const char*, const char*>, 4> kRenamed = {
      {{".query.", ".to_q."},
       {".key.", ".to_k."},
       {".value.", ".to_v."},
       {".proj_attn.", ".to_out.0."}}};
  for (const auto& [old_name, new_name] : kRenamed) {
    const std::size_t at = key.find(old_name);
    if (at != std::string::npos && key.find(".attentions.") != std::string::npos) {
      return std::string(key).replace(at, std::string(old_name).size(), new_name);
    }
  }
  return key;
}

}  // namespace omr::io
