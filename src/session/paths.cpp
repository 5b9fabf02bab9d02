#include "omr/session/paths.h"

#include <cctype>
#include <cstdio>

namespace omr::session {
namespace {

constexpr std::size_t kMaxSlugBytes = 40;

std::string round_stem(int round) {
  char stem[32];
  std::snprintf(stem, sizeof stem, "round-%03d", round);
  return stem;
}

}  // namespace

std::string picked_image_name(int round) { return round_stem(round) + ".png"; }

std::string candidate_image_name(int round, int candidate) {
  return round_stem(round) + "-c" + std::to_string(candidate) + ".png";
}

std::string latents_name(int round) { return round_stem(round) + ".safetensors"; }

std::string image_name(int round, int candidate, int picked) {
  return candidate == picked ? picked_image_name(round) : candidate_image_name(round, candidate);
}

bool is_round_file(std::string_view name) {
  return name.starts_with("round-") && (name.ends_with(".png") || name.ends_with(".safetensors"));
}

std::string session_folder_name(const std::string& iso_time, const std::string& prompt) {
  std::string name;
  for (const char c : iso_time) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) name += c;
    if (c == 'T') name += '-';
  }
  std::string slug;
  for (const char c : prompt) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) != 0) {
      slug += static_cast<char>(std::tolower(byte));
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
    if (slug.size() >= kMaxSlugBytes) break;
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? name : name + "-" + slug;
}

}  // namespace omr::session
