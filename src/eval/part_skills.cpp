#include "omr/eval/part_skills.h"

#include <algorithm>
#include <utility>

#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/judge.h"
#include "omr/scenes/random.h"
#include "omr/scenes/sampling.h"
#include "omr/scenes/scene_edit.h"
#include "omr/session/reading.h"

#include "eval/skills.h"

namespace omr::eval {
namespace {

constexpr int kTogether = 8;  // pictures drawn in one batch

// Of the ratio of two sums over pictures: each picture's distance from the ratio, resampled
// (Efron and Tibshirani, An Introduction to the Bootstrap, ch. 7, linearised).
Interval attributes_interval(const std::vector<DrawnCaption>& drawn, const Skill& attributes,
                             std::uint64_t seed) {
  if (attributes.of == 0) return {};
  const double share = static_cast<double>(attributes.right) / static_cast<double>(attributes.of);
  const double mean_total = static_cast<double>(attributes.of) / static_cast<double>(drawn.size());
  std::vector<double> values;
  for (const DrawnCaption& one : drawn)
    values.push_back(share + (one.right - share * one.total) / mean_total);
  return bootstrap_interval(values, seed);
}

// Of two scenes that differ in one thing.
std::string kind_of_difference(const scenes::Scene& scene, const scenes::Scene& other) {
  if (other.objects.size() > scene.objects.size()) return "one too many";
  if (other.objects.size() < scene.objects.size()) return "one too few";
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const scenes::Object &a = scene.objects[i], &b = other.objects[i];
    if (a.shape != b.shape) return "shape";
    if (a.colour != b.colour) return "colour";
    if (a.size != b.size) return "size";
    if (a.place != b.place) return "place";
  }
  return "background";
}

// 1 where the first picture is nearer to the caption; a tie counts for nothing.
double prefers_first(session::RewardModel& model, const std::string& caption,
                     const std::vector<Image>& images) {
  const std::vector<double> both = scores(model, caption, images);
  return both[0] > both[1] ? 1 : 0;
}

}  // namespace

DrawingSkill measure_drawing(session::ImageModel& model, const session::Settings& settings,
                             int count, std::uint64_t seed, const scenes::CaptionOptions& captions,
                             const SkillProgress& progress, const Cancellation& cancellation) {
  DrawingSkill out;
  std::vector<double> faultless;
  for (int first = 0; first < count; first += kTogether) {
    std::vector<scenes::Scene> targets;
    std::vector<scenes::Description> said;
    std::vector<session::ImageRequest> requests;
    for (int i = first; i < std::min(count, first + kTogether); ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      scenes::Random random(seed, index);
      targets.push_back(scenes::sample_scene(random));
      said.push_back(scenes::describe(targets.back(), captions, random));
      requests.push_back(request_for(scenes::caption(said.back()), settings, seed + index));
    }
    auto answers = model.generate_together(requests, {}, cancellation);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      Image& image = answers[i].front().image;
      const scenes::Verdict verdict = scenes::judge(image);
      const scenes::Comparison comparison = scenes::compare(said[i], verdict);
      count_values(out.by_value, targets[i], comparison);
      out.attributes.right += comparison.right();
      out.attributes.of += comparison.total();
      faultless.push_back(comparison.all_right() ? 1 : 0);
      out.drawn.push_back({requests[i].prompt, scenes::in_words(verdict), comparison.right(),
                           comparison.total(), std::move(image)});
    }
    if (progress) progress(static_cast<int>(out.drawn.size()), count);
  }
  out.pictures = skill_of(faultless, seed);
  out.attributes.interval = attributes_interval(out.drawn, out.attributes, seed);
  return out;
}

RefiningSkill measure_refining(session::LanguageModel& model, int readings, int count,
                               std::uint64_t seed, const SkillProgress& progress,
                               const Cancellation& cancellation) {
  RefiningSkill out;
  int done = 0;
  const auto measure = [&](double two_at_once) {
    std::vector<double> answered, read;
    for (int i = 0; i < count; ++i) {
      const scenes::RefinerRecord record =
          scenes::refiner_record(seed, static_cast<std::uint64_t>(i), {.two_at_once = two_at_once});
      const std::string answer = model.refine(record.prompt, record.feedback, cancellation).prompt;
      const std::string reading =
          session::read_feedback(record.prompt, record.feedback, model, readings, cancellation)
              .answer.prompt;
      answered.push_back(answer == record.refined ? 1 : 0);
      read.push_back(reading == record.refined ? 1 : 0);
      if (answered.back() == 0 || read.back() == 0)
        out.missed.push_back({record.prompt, record.feedback, record.refined, answer, reading});
      if (progress) progress(++done, 2 * count);
    }
    return EditSkill{skill_of(answered, seed), skill_of(read, seed)};
  };
  out.single_edits = measure(0);
  out.double_edits = measure(1);
  return out;
}

JudgingSkill measure_judging(session::RewardModel& model, int width, int count, std::uint64_t seed,
                             const SkillProgress& progress, const Cancellation& cancellation) {
  JudgingSkill out;
  int done = 0;
  const auto measure = [&](const auto& spoil) {
    std::vector<double> right;
    for (int i = 0; i < count; ++i) {
      cancellation.check();
      scenes::Random random(seed, static_cast<std::uint64_t>(i));
      const scenes::Scene scene = scenes::sample_scene(random);
      const scenes::Scene other = spoil(scene, random);
      right.push_back(
          prefers_first(model, scenes::caption(scene),
                        {scenes::draw_scene(scene, width), scenes::draw_scene(other, width)}));
      Share& share = out.by_kind[kind_of_difference(scene, other)];
      ++share.of;
      share.right += right.back() == 1;
      if (progress) progress(++done, 2 * count);
    }
    return skill_of(right, seed);
  };
  out.pairs = measure([](const scenes::Scene& scene, scenes::Random& random) {
    return scenes::hard_negative(scene, random);
  });
  out.miscounts = measure([](const scenes::Scene& scene, scenes::Random& random) {
    return scenes::miscounted(scene, random);
  });
  return out;
}

}  // namespace omr::eval
