#include "train/lora_looks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "train/copy_by_name.h"
#include "train/diffusion_models.h"
#include "train/picture_statistics.h"
#include "train/prompt_batch.h"
#include "train/reward_judge.h"

namespace omr::train {
namespace {

// How much worse each guard may be than its best before a look counts against the run; chosen, not
// measured: of the judge's share of right attributes, of the held-out loss as a share of the
// base's, of the drift in |ln|.
constexpr double kJudgeTolerance = 0.03;
constexpr double kLossTolerance = 0.02;
constexpr double kDriftTolerance = 0.5;

}  // namespace

LoraLooks::LoraLooks(const LoraRun& run, LoraObjective& objective)
    : run_(run), objective_(objective), prompts_(run.data.held_out_prompts) {
  if (run.settings.patience > 0) keep();  // should no look be allowed, nothing has been learnt
  if (run.data.held_out_pictures == nullptr) return;
  pictures_ = std::make_unique<LoraSamples>(run, *run.data.held_out_pictures,
                                            run.settings.loop.out / "held-out-latents.safetensors");
  if (prompts_ != nullptr) return;
  captions_ = std::make_unique<CaptionPrompts>(*run.data.held_out_pictures);
  prompts_ = captions_.get();
}

LoraLooks::Metrics LoraLooks::measure(std::vector<std::pair<std::string, Image>>* shown) {
  const LoraTrainingSettings& settings = run_.settings;
  Metrics out;
  std::uint64_t count = 0;
  if (prompts_ != nullptr) {
    count = static_cast<std::uint64_t>(std::max<std::int64_t>(settings.held_out_prompts, 0));
    if (prompts_->size() > 0) count = std::min(count, prompts_->size());
  }
  std::vector<DialoguePrompt> asked;
  std::vector<std::uint64_t> groups;
  std::vector<Image> pictures;
  const auto batch = static_cast<std::uint64_t>(settings.loop.batch_size);
  for (std::uint64_t begin = 0; begin < count; begin += batch) {
    std::vector<std::string> captions;
    schedulers::Generators generators;
    for (std::uint64_t i = begin; i < std::min(count, begin + batch); ++i) {
      asked.push_back(prompts_->prompt(i));
      groups.push_back(i);
      captions.push_back(asked.back().prompt);
      generators.push_back(generator_for(settings.loop.seed, Purpose::evaluation, i));
    }
    for (Image& picture :
         run_.models.draw(captions, run_.models.draw_latents(generators), settings.sample_steps,
                          settings.sample_guidance_scale, run_.cancellation))
      pictures.push_back(std::move(picture));
  }
  if (count > 0) {
    const PictureStatistics statistics = picture_statistics(pictures);
    out["saturation"] = statistics.saturation;
    out["edges"] = statistics.edges;
    if (run_.judge != nullptr) {
      const RewardTermTensors terms = run_.judge->judge(asked, groups, pictures);
      out["held_out_reward"] = run_.judge->chosen(terms).mean().item<double>();
      out["held_out_pref"] = terms.pref.mean().item<double>();
    }
    Judgement all;
    int judged = 0, wholly = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto verdict = prompts_->judge(i, pictures[i]);
      if (!verdict) continue;
      ++judged;
      wholly += verdict->right == verdict->total ? 1 : 0;
      all.right += verdict->right;
      all.total += verdict->total;
    }
    if (judged > 0) {
      out["attributes_right"] = static_cast<double>(all.right) / std::max(all.total, 1);
      out["pictures_right"] = static_cast<double>(wholly) / judged;
    }
  }
  if (pictures_) {
    constexpr std::uint64_t kSamples = 32;
    double sum = 0;
    for (std::uint64_t begin = 0; begin < kSamples; begin += batch) {
      std::vector<std::uint64_t> positions;
      for (std::uint64_t i = begin; i < std::min(kSamples, begin + batch); ++i)
        positions.push_back(i);
      sum += pictures_->losses(positions, Purpose::evaluation, 0).sum().item<double>();
    }
    out["held_out_loss"] = sum / static_cast<double>(kSamples);
  }
  if (shown != nullptr) {
    for (std::size_t i = 0;
         i < pictures.size() &&
         i < static_cast<std::size_t>(std::max<std::int64_t>(settings.samples, 0));
         ++i)
      shown->emplace_back(asked[i].prompt, pictures[i]);
  }
  return out;
}

Evaluation LoraLooks::look() {
  if (run_.judge != nullptr && !run_.judge->has_references()) measure_references(run_);
  if (base_.empty()) {
    const AdaptersOff off(run_.models);
    base_ = measure(nullptr);
  }
  Evaluation out;
  const Metrics metrics = measure(&out.pictures);
  out.metrics = metrics;
  for (const auto& [name, value] : objective_.look()) out.metrics[name] = value;
  for (const auto& [name, value] : base_) out.metrics["base_" + name] = value;
  if (run_.settings.patience > 0 && metrics.contains("held_out_reward")) out.stop = watch(metrics);
  return out;
}

LoraLooks::Guard LoraLooks::guard(const Metrics& metrics) const {
  if (const auto found = metrics.find("attributes_right"); found != metrics.end())
    return {found->second, kJudgeTolerance, "the judge's share of right attributes"};
  if (const auto found = metrics.find("held_out_loss"); found != metrics.end())
    return {-found->second, kLossTolerance * base_.at("held_out_loss"), "the held-out loss"};
  const auto of = [](const Metrics& m) {
    return PictureStatistics{m.at("saturation"), m.at("edges")};
  };
  return {-drift(of(metrics), of(base_)), kDriftTolerance, "the pictures' colours and edges"};
}

std::string LoraLooks::watch(const Metrics& metrics) {
  const Guard now = guard(metrics);
  if (!best_guard_) {
    best_guard_ = guard(base_).value;
    best_reward_ = base_.at("held_out_reward");
  }
  best_guard_ = std::max(*best_guard_, now.value);
  if (now.value >= *best_guard_ - now.tolerance) {
    worse_in_a_row_ = 0;
    const double reward = metrics.at("held_out_reward");
    if (!best_reward_ || reward > *best_reward_) {
      best_reward_ = reward;
      keep();
    }
    return "";
  }
  if (++worse_in_a_row_ < run_.settings.patience) return "";
  return now.name + " got worse in " + std::to_string(worse_in_a_row_) +
         " looks in a row, whatever the reward says; the result is the best look's";
}

void LoraLooks::keep() {
  best_.clear();
  for (const auto& [name, parameter] : run_.models.parameters())
    best_.emplace_back(name, parameter.detach().to(at::kCPU, at::kFloat, false, /*copy=*/true));
}

void LoraLooks::restore_best() {
  const NamedParameters parameters = run_.models.parameters();
  if (best_.size() == parameters.size()) copy_by_name(best_, parameters);
}

io::NamedTensors LoraLooks::state() const {
  io::NamedTensors out;
  for (const auto& [name, value] : base_)
    out.emplace_back("base." + name, at::scalar_tensor(value, at::kDouble));
  for (const auto& [name, value] : best_) out.emplace_back("best." + name, value);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  out.emplace_back("looks", at::tensor({best_guard_.value_or(kNone), best_reward_.value_or(kNone),
                                        static_cast<double>(worse_in_a_row_)},
                                       at::kDouble));
  return out;
}

void LoraLooks::load_state(const io::NamedTensors& state) {
  best_.clear();
  for (const auto& [name, value] : state) {
    if (name.starts_with("base.")) base_[name.substr(5)] = value.item<double>();
    if (name.starts_with("best.")) best_.emplace_back(name.substr(5), value.clone());
    if (name != "looks") continue;
    const auto known = [&](std::int64_t i) -> std::optional<double> {
      const double number = value[i].item<double>();
      return std::isnan(number) ? std::nullopt : std::optional(number);
    };
    best_guard_ = known(0);
    best_reward_ = known(1);
    worse_in_a_row_ = static_cast<std::int64_t>(known(2).value_or(0));
  }
}

}  // namespace omr::train
