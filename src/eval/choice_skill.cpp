#include "omr/eval/choice_skill.h"

#include <algorithm>
#include <utility>

#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/judge.h"
#include "omr/scenes/random.h"
#include "omr/scenes/sampling.h"

#include "eval/skills.h"

namespace omr::eval {
namespace {

JudgedCaption judged_caption(const scenes::Description& said, session::ImageModel& model,
                             session::RewardModel& reward_model,
                             const session::ImageRequest& request,
                             const Cancellation& cancellation) {
  JudgedCaption out;
  out.caption = request.prompt;
  std::vector<Image> images;
  for (session::Candidate& candidate : model.generate(request, {}, cancellation)) {
    const scenes::Verdict verdict = scenes::judge(candidate.image);
    const scenes::Comparison comparison = scenes::compare(said, verdict);
    out.drawings.push_back({candidate.image, comparison.share_right(), comparison.all_right(),
                            scenes::caption(verdict.scene())});
    images.push_back(std::move(candidate.image));
  }
  const std::vector<double> scored = scores(reward_model, out.caption, images);
  out.chosen =
      static_cast<std::size_t>(std::max_element(scored.begin(), scored.end()) - scored.begin());
  return out;
}

}  // namespace

std::size_t JudgedCaption::best() const {
  const auto share = [](const JudgedDrawing& one) { return one.share_right; };
  return static_cast<std::size_t>(std::ranges::max_element(drawings, std::ranges::less(), share) -
                                  drawings.begin());
}

ChoiceSkill measure_choice(session::ImageModel& model, session::RewardModel& reward_model,
                           const session::Settings& settings, int count, int candidates,
                           std::uint64_t seed, const scenes::CaptionOptions& captions,
                           const std::function<void(const JudgedCaption&)>& watch,
                           const SkillProgress& progress, const Cancellation& cancellation) {
  std::vector<double> chosen, any, best;
  std::int64_t faultless = 0;
  for (int i = 0; i < count; ++i) {
    scenes::Random random(seed, static_cast<std::uint64_t>(i));
    const scenes::Scene target = scenes::sample_scene(random);
    const scenes::Description said = scenes::describe(target, captions, random);
    const std::uint64_t first = seed + static_cast<std::uint64_t>(i) * candidates;
    session::ImageRequest request = request_for(scenes::caption(said), settings, first);
    for (int k = 1; k < candidates; ++k)
      request.candidates.push_back({.seed = first + static_cast<std::uint64_t>(k)});
    JudgedCaption judged = judged_caption(said, model, reward_model, request, cancellation);
    judged.number = i;
    const auto right = std::ranges::count_if(judged.drawings, &JudgedDrawing::all_right);
    faultless += right;
    any.push_back(static_cast<double>(right) / candidates);
    best.push_back(right > 0 ? 1 : 0);
    chosen.push_back(judged.drawings[judged.chosen].all_right ? 1 : 0);
    if (watch) watch(judged);
    if (progress) progress(i + 1, count);
  }
  return {skill_of(chosen, seed),
          {faultless, std::int64_t{count} * candidates, bootstrap_interval(any, seed)},
          skill_of(best, seed)};
}

}  // namespace omr::eval
