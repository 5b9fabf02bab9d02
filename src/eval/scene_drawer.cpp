#include "omr/eval/scene_drawer.h"

#include <algorithm>
#include <utility>

#include "omr/scenes/captions.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/sampling.h"
#include "omr/session/prompt_syntax.h"

namespace omr::eval {
namespace {

constexpr std::uint64_t kDigit = 1u << 16;  // exact in a float

Latents latents_of(std::uint64_t seed) {
  Latents out{{1, 4, 1, 1}, {}};
  for (int i = 0; i < 4; ++i, seed /= kDigit) {
    out.values.push_back(static_cast<float>(seed % kDigit));
  }
  return out;
}

std::uint64_t seed_of(const Latents& latents) {
  std::uint64_t seed = 0;
  for (std::size_t i = latents.values.size(); i-- > 0;) {
    seed = seed * kDigit + static_cast<std::uint64_t>(latents.values[i]);
  }
  return seed;
}

}  // namespace

std::vector<session::Candidate> SceneDrawer::generate(const session::ImageRequest& request,
                                                      const session::Progress& progress,
                                                      const Cancellation& cancellation) {
  cancellation.check();
  const scenes::Description description =
      scenes::read_caption(session::parse_weights(request.prompt).text);
  std::vector<session::Candidate> out;
  int region_calls = request.region ? 2 * std::max(1, request.region->calls / 2) : 0;
  for (const session::CandidateRequest& candidate : request.candidates) {
    const std::uint64_t seed = candidate.init ? seed_of(*candidate.init) : candidate.seed;
    const scenes::Scene scene = scenes::scene_of(description, seed);
    const int steps = candidate.steps > 0 ? candidate.steps : request.steps;
    auto calls = static_cast<int>(steps * (candidate.init ? candidate.strength : 1.0));
    // As the pipeline counts: two calls a draw of noise, for the first who needs the region.
    if (candidate.local && request.region) calls += std::exchange(region_calls, 0);
    out.push_back({scenes::draw_scene(scene, width_), latents_of(seed), candidate.seed, calls});
  }
  if (progress) progress(request.steps, request.steps);
  return out;
}

}  // namespace omr::eval
