#include "omr/session/round_files.h"

#include <optional>
#include <utility>
#include <vector>

#include "omr/core/error.h"
#include "omr/session/parameters_text.h"
#include "omr/session/paths.h"

namespace omr::session {
namespace {

constexpr std::size_t kMaxImageBytes = 1u << 30;
constexpr std::size_t kMaxLatentsBytes = std::size_t{4} << 30;

std::string recipe_of(const RoundRecord& record, std::size_t k, const Candidate& candidate,
                      const Settings& settings, const std::string& model) {
  PictureRecipe recipe;
  recipe.prompt = record.prompt;
  recipe.negative_prompt = record.negative_prompt;
  recipe.steps = record.steps > 0 ? record.steps : settings.steps;
  recipe.scheduler = settings.scheduler;
  recipe.guidance_scale = settings.guidance_scale;
  recipe.seed = record.candidates[k].seed;
  recipe.width = candidate.image.width;
  recipe.height = candidate.image.height;
  recipe.strength = record.candidates[k].strength;
  recipe.loras = record.loras;
  recipe.model = model;
  return parameters_text(recipe);
}

// The file's bytes if it is there and is what the journal says.
std::optional<std::string> bytes_of(const std::filesystem::path& path, const std::string& sha256,
                                    const Parts& parts) {
  if (!parts.files.exists(path)) return std::nullopt;
  std::string bytes = parts.files.read(path, kMaxImageBytes);
  if (parts.codec.sha256(bytes) != sha256) return std::nullopt;
  return bytes;
}

// Candidate k (from 1) of the round, wherever a crash between two file operations left it.
std::string candidate_bytes(const RoundNode& node, int k, const std::filesystem::path& folder,
                            const Parts& parts) {
  const int round = node.record.round;
  const std::string& sha256 = node.record.candidates[static_cast<std::size_t>(k - 1)].sha256;
  for (const std::string& name : {picked_image_name(round), candidate_image_name(round, k)}) {
    if (auto bytes = bytes_of(folder / name, sha256, parts)) return *std::move(bytes);
  }
  const std::filesystem::path expected = folder / image_name(round, k, node.picked);
  if (!parts.files.exists(expected)) {
    throw Error(ErrorKind::io, "cannot read " + expected.string() + ": the picture of round " +
                                   std::to_string(round) + " is missing");
  }
  throw Error(ErrorKind::format,
              expected.string() +
                  " is not the picture that the journal speaks of: " + "expected sha256 " + sha256);
}

}  // namespace

void store_round(RoundResult& result, const SessionState& state, const std::string& model,
                 const std::filesystem::path& folder, const Parts& parts) {
  RoundRecord& record = result.record;
  for (std::size_t k = 0; k < result.candidates.size(); ++k) {
    const Candidate& candidate = result.candidates[k];
    std::vector<std::pair<std::string, std::string>> text;
    if (state.settings.metadata) {
      text.emplace_back(kParametersKeyword, recipe_of(record, k, candidate, state.settings, model));
    }
    const std::string bytes = parts.codec.encode_image(candidate.image, text);
    CandidateRecord& entry = record.candidates[k];
    entry.image = image_name(record.round, static_cast<int>(k) + 1, record.picked);
    entry.sha256 = parts.codec.sha256(bytes);
    parts.files.write_atomically(folder / entry.image, bytes);
  }
  const std::string latents = parts.codec.encode_latents(result.memory.latents);
  record.latents = latents_name(record.round);
  record.latents_sha256 = parts.codec.sha256(latents);
  parts.files.write_atomically(folder / record.latents, latents);
}

RoundMemory load_round(const RoundNode& node, const std::filesystem::path& folder,
                       const Parts& parts) {
  const RoundRecord& record = node.record;
  RoundMemory memory;
  // The name is derived, not taken from the journal, which may be a stranger's.
  const std::filesystem::path path = folder / latents_name(record.round);
  const std::string bytes = parts.files.read(path, kMaxLatentsBytes);
  if (parts.codec.sha256(bytes) != record.latents_sha256) {
    throw Error(ErrorKind::format, path.string() + " does not hold the latents that the journal " +
                                       "speaks of: expected sha256 " + record.latents_sha256);
  }
  memory.latents = parts.codec.decode_latents(bytes, path.string());
  if (memory.latents.size() != record.candidates.size()) {
    throw Error(ErrorKind::format, path.string() + " holds latents of " +
                                       std::to_string(memory.latents.size()) + " candidates; " +
                                       std::to_string(record.candidates.size()) + " expected");
  }
  if (parts.reward_model != nullptr) {
    std::vector<Image> images;
    for (int k = 1; k <= static_cast<int>(record.candidates.size()); ++k) {
      images.push_back(
          parts.codec.decode_image(candidate_bytes(node, k, folder, parts),
                                   (folder / image_name(record.round, k, node.picked)).string()));
    }
    memory.embeddings = parts.reward_model->embed_images(images);
  }
  return memory;
}

void keep_unpicked(const RoundNode& node, const std::filesystem::path& folder, const Parts& parts) {
  const std::string& sha256 =
      node.record.candidates[static_cast<std::size_t>(node.picked - 1)].sha256;
  const std::filesystem::path own = folder / candidate_image_name(node.record.round, node.picked);
  if (bytes_of(own, sha256, parts)) return;
  parts.files.write_atomically(own, candidate_bytes(node, node.picked, folder, parts));
}

void show_picked(const RoundNode& node, const std::filesystem::path& folder, const Parts& parts) {
  const std::string& sha256 =
      node.record.candidates[static_cast<std::size_t>(node.picked - 1)].sha256;
  const std::filesystem::path shown = folder / picked_image_name(node.record.round);
  if (bytes_of(shown, sha256, parts)) return;
  parts.files.write_atomically(shown, candidate_bytes(node, node.picked, folder, parts));
}

}  // namespace omr::session
