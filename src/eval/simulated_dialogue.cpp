#include "omr/eval/simulated_dialogue.h"

#include <utility>

#include "omr/core/error.h"
#include "omr/eval/session_memory.h"
#include "omr/scenes/random.h"
#include "omr/session/session.h"

#include "eval/watched_image_model.h"

namespace omr::eval {
namespace {

double seconds_of(const session::RoundRecord& record, const char* part) {
  const auto found = record.seconds.find(part);
  return found == record.seconds.end() ? 0 : found->second;
}

RoundTrace trace_of(const session::RoundRecord& record) {
  RoundTrace trace;
  trace.feedback = record.feedback;
  trace.prompt = record.prompt;
  const session::CandidateRecord& kept =
      record.candidates[static_cast<std::size_t>(record.picked - 1)];
  trace.rewards = kept.rewards;
  for (const session::CandidateRecord& candidate : record.candidates) {
    trace.diversity += candidate.raw.div / static_cast<double>(record.candidates.size());
  }
  trace.seconds = seconds_of(record, "total");
  trace.refine_seconds = seconds_of(record, "refine");
  trace.generate_seconds = seconds_of(record, "generate");
  trace.score_seconds = seconds_of(record, "score");
  trace.unet_calls = record.unet_calls;
  return trace;
}

// Writes down what the user has said so far.
class PerfectListener : public session::LanguageModel {
 public:
  explicit PerfectListener(const scenes::SimulatedUser& user) : user_(user) {}
  session::Refinement refine(const std::string&, const std::string&,
                             const Cancellation& cancellation) override {
    cancellation.check();
    session::Refinement answer;
    answer.prompt = scenes::caption(user_.told());
    answer.settled = true;
    return answer;
  }

 private:
  const scenes::SimulatedUser& user_;
};

// The candidate (from 1) with most right; the kept one among equals.
int best_for_user(const std::vector<Image>& images, const scenes::SimulatedUser& user, int kept) {
  const auto right = [&](int k) {
    return user.see(scenes::judge(images.at(static_cast<std::size_t>(k - 1)))).share_right();
  };
  int best = kept;
  for (int k = 1; k <= static_cast<int>(images.size()); ++k) {
    if (right(k) > right(best)) best = k;
  }
  return best;
}

}  // namespace

DialogueTrace run_simulated_dialogue(const Arm& arm, const Models& models,
                                     const DialogueInputs& inputs,
                                     const Cancellation& cancellation) {
  scenes::SimulatedUser user(inputs.seed, inputs.index, inputs.user);
  scenes::Random seeds(~inputs.seed, inputs.index);  // apart from the user's own lots
  const auto next_seed = [&] { return seeds.next() >> 32; };
  session::Settings settings = settings_of(arm, inputs.settings);
  settings.prompt = user.opening();
  settings.seed = next_seed();

  WatchedImageModel image_model(models.image_model);
  PerfectListener perfect_listener(user);
  JournalMemory files;
  NoArtifacts codec;
  const session::Parts parts{image_model,
                             arm.perfect_listener ? &perfect_listener
                             : arm.refiner        ? models.language_model
                                                  : nullptr,
                             arm.reward_model ? models.reward_model : nullptr,
                             codec,
                             files,
                             models.clock};
  const session::SessionEvents events;
  session::Session session =
      session::Session::start(parts, "simulated", {"simulated", {}}, settings, events);

  DialogueTrace dialogue;
  dialogue.index = inputs.index;
  std::optional<SeenPicture> before;
  session::Outcome outcome = session.draw_first(events, cancellation);
  while (true) {
    const auto* done = std::get_if<session::RoundDone>(&outcome);
    if (done == nullptr) throw Error(ErrorKind::cancelled, "interrupted");
    RoundTrace trace = trace_of(done->record);
    int picked = done->record.picked;
    if (arm.user_picks) {
      picked = best_for_user(image_model.images, user, picked);
      if (picked != done->record.picked) {
        session.run("/pick " + std::to_string(picked), events, cancellation);
      }
    }
    SeenPicture now;
    now.image = image_model.images.at(static_cast<std::size_t>(picked - 1));
    now.verdict = scenes::judge(now.image);
    const scenes::Comparison wanted_before = user.see(now.verdict);  // unless minds change now
    const scenes::Reply reply = user.look_at(now.verdict);
    now.comparison = trace.comparison = reply.comparison;
    if (before) {
      const Kept kept = kept_attributes(before->comparison, wanted_before);
      trace.held = kept.held;
      trace.broken = kept.broken;
      trace.change_elsewhere = change_elsewhere(*before, now);
      if (models.perceptual_distance) {
        trace.perceptual_change_elsewhere =
            perceptual_change_elsewhere(*before, now, models.perceptual_distance);
      }
    }
    dialogue.rounds.push_back(std::move(trace));
    dialogue.wrong_feedback = dialogue.wrong_feedback || reply.wrong;
    before = std::move(now);
    dialogue.accepted = reply.kind == scenes::ReplyKind::accept;
    if (dialogue.accepted || reply.kind == scenes::ReplyKind::give_up) break;
    if (reply.kind != scenes::ReplyKind::feedback) {
      const bool liked = reply.kind == scenes::ReplyKind::like;
      session.run(liked ? "/like" : "/dislike", events, cancellation);
    }
    if (arm.fresh_noise) {
      session.run("/seed " + std::to_string(next_seed()), events, cancellation);
    }
    outcome = session.run(reply.text, events, cancellation);
  }
  dialogue.target = user.target();
  return dialogue;
}

}  // namespace omr::eval
