#include "omr/eval/recorded_experiment.h"

#include "omr/core/error.h"
#include "omr/eval/session_memory.h"
#include "omr/session/candidate_plan.h"
#include "omr/session/session.h"
#include "omr/session/strict_json.h"

#include "eval/watched_image_model.h"

namespace omr::eval {
namespace {

double score_of(const Image& image, const std::string& target, session::RewardModel& judge) {
  const std::vector<double> own = judge.preferences(target, {image});
  if (!own.empty()) return own.front();
  return judge.logit_scale() *
         session::cosine(judge.embed_text({target}).at(0), judge.embed_images({image}).at(0));
}

class RecordedRun {
 public:
  RecordedRun(const RecordedTarget& target, const Arm& arm, const Models& models)
      : target_(target), arm_(arm), models_(models), image_model_(models.image_model) {}

  RecordedTrace run(session::Settings settings, std::uint64_t seed,
                    const Cancellation& cancellation) {
    override_with(settings, target_.dialogue.settings, target_.dialogue.id);
    settings.prompt = target_.dialogue.turns.front();
    settings.seed = target_.dialogue.seed.value_or(seed);
    JournalMemory files;
    NoArtifacts codec;
    const session::Parts parts{image_model_,
                               arm_.refiner ? models_.language_model : nullptr,
                               arm_.reward_model ? models_.reward_model : nullptr,
                               codec,
                               files,
                               models_.clock};
    session::Session session =
        session::Session::start(parts, "recorded", {"recorded", {}}, settings, {});
    see(session.draw_first({}, cancellation));
    for (std::size_t i = 1; i < target_.dialogue.turns.size() && !session.over(); ++i) {
      const std::string& line = target_.dialogue.turns[i];
      if (arm_.fresh_noise && line.front() != '/') {
        const auto other = session::derived_seed(settings.seed, static_cast<int>(i), 0);
        session.run("/seed " + std::to_string(other), {}, cancellation);
      }
      see(session.run(line, {}, cancellation));
    }
    trace_.diversity /= static_cast<double>(trace_.scores.size());
    return trace_;
  }

 private:
  void see(const session::Outcome& outcome) {
    if (std::holds_alternative<session::RoundCancelled>(outcome)) {
      throw Error(ErrorKind::cancelled, "interrupted");
    }
    const auto* done = std::get_if<session::RoundDone>(&outcome);
    if (done == nullptr) return;
    const session::RoundRecord& record = done->record;
    const Image& kept = image_model_.images.at(static_cast<std::size_t>(record.picked - 1));
    trace_.scores.push_back(score_of(kept, target_.target, *models_.reward_model));
    trace_.unet_calls += static_cast<double>(record.unet_calls);
    trace_.seconds += record.seconds.at("total");
    for (const session::CandidateRecord& one : record.candidates) {
      trace_.diversity += one.raw.div / static_cast<double>(record.candidates.size());
    }
  }

  const RecordedTarget& target_;
  const Arm& arm_;
  const Models& models_;
  WatchedImageModel image_model_;
  RecordedTrace trace_;
};

std::vector<double> last_scores(const std::vector<RecordedTrace>& dialogues) {
  std::vector<double> out;
  for (const RecordedTrace& one : dialogues) out.push_back(one.scores.back());
  return out;
}

void summarise(RecordedArmResult& result, std::uint64_t seed) {
  std::vector<double> gains, worse;
  std::vector<std::vector<double>> by_round;
  for (const RecordedTrace& one : result.dialogues) {
    gains.push_back(one.scores.back() - one.scores.front());
    by_round.resize(std::max(by_round.size(), one.scores.size()));
    for (std::size_t r = 0; r < one.scores.size(); ++r) {
      by_round[r].push_back(one.scores[r]);
      if (r > 0) worse.push_back(one.scores[r] < one.scores[r - 1] ? 1 : 0);
    }
  }
  for (const std::vector<double>& scores : by_round) result.score_by_round.push_back(mean(scores));
  const std::vector<double> last = last_scores(result.dialogues);
  result.last_score = mean(last);
  result.last_score_ci = bootstrap_interval(last, seed);
  result.gain = mean(gains);
  result.gain_ci = bootstrap_interval(gains, seed);
  result.worse_rounds = mean(worse);
}

}  // namespace

std::vector<RecordedTarget> read_recorded_targets(std::string_view text, const std::string& where) {
  std::vector<RecordedTarget> targets;
  for (session::Dialogue& dialogue : session::read_dialogues(text, where)) {
    targets.push_back({std::move(dialogue), ""});
  }
  std::size_t index = 0;
  for (const session::JsonLine& line : session::json_lines(text, where)) {
    const session::Json object = session::parse_strict_json(line.text, line.where);
    RecordedTarget& target = targets.at(index++);
    target.target = session::Fields(object, line.where).text("target");
    if (target.target.empty()) throw Error(ErrorKind::format, line.where + ": the target is empty");
  }
  return targets;
}

std::vector<RecordedArmResult> run_recorded_experiment(
    const std::vector<RecordedTarget>& targets, const std::vector<Arm>& arms,
    const session::Settings& settings, std::uint64_t seed, const Models& models,
    const std::function<void(int done, int of, const Arm& arm)>& progress,
    const Cancellation& cancellation) {
  if (models.reward_model == nullptr) {
    throw Error(ErrorKind::usage, "recorded targets are judged by the reward model: give one");
  }
  std::vector<RecordedArmResult> results;
  const int all = static_cast<int>(targets.size() * arms.size());
  int done = 0;
  for (const Arm& arm : arms) {
    if (arm.perfect_listener || arm.user_picks) {
      throw Error(ErrorKind::usage,
                  "the arm " + arm.name + " needs a simulated user; recorded dialogues have none");
    }
    RecordedArmResult result;
    result.arm = arm;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      RecordedRun run(targets[i], arm, models);
      result.dialogues.push_back(run.run(settings_of(arm, settings), seed + i, cancellation));
      if (progress) progress(++done, all, arm);
    }
    summarise(result, seed);
    const std::vector<double> own = last_scores(result.dialogues);
    const std::vector<double> first =
        results.empty() ? own : last_scores(results.front().dialogues);
    result.beyond_first = mean(own) - mean(first);
    result.beyond_first_ci = paired_interval(own, first, seed);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace omr::eval
