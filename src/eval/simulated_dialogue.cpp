#include "omr/eval/simulated_dialogue.h"

#include <utility>

#include "omr/core/error.h"
#include "omr/eval/picture_change.h"
#include "omr/eval/session_memory.h"
#include "omr/scenes/random.h"
#include "omr/session/session.h"

namespace omr::eval {
namespace {

// Remembers what the session saw and what it cost: the session itself keeps pictures on disk only.
class WatchedImageModel : public session::ImageModel {
 public:
  explicit WatchedImageModel(session::ImageModel& model) : model_(model) {}

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    std::vector<session::Candidate> candidates = model_.generate(request, progress, cancellation);
    unet_calls = 0;
    for (const session::CandidateRequest& candidate : request.candidates) {
      unet_calls += candidate.init ? static_cast<std::int64_t>(request.steps * candidate.strength)
                                   : request.steps;
    }
    images.clear();
    for (const session::Candidate& candidate : candidates) images.push_back(candidate.image);
    return candidates;
  }
  void check_lora(const session::LoraChoice& lora) override { model_.check_lora(lora); }

  std::vector<Image> images;
  std::int64_t unet_calls = 0;

 private:
  session::ImageModel& model_;
};

double seconds_of(const session::RoundRecord& record, const char* part) {
  const auto found = record.seconds.find(part);
  return found == record.seconds.end() ? 0 : found->second;
}

RoundTrace trace_of(const session::RoundRecord& record, std::int64_t unet_calls) {
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
  trace.unet_calls = unet_calls;
  return trace;
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
  JournalMemory files;
  NoArtifacts codec;
  const session::Parts parts{image_model,
                             arm.refiner ? models.language_model : nullptr,
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
    RoundTrace trace = trace_of(done->record, image_model.unet_calls);
    SeenPicture now;
    now.image = image_model.images.at(static_cast<std::size_t>(done->record.picked - 1));
    now.verdict = scenes::judge(now.image);
    const scenes::Reply reply = user.look_at(now.verdict);
    now.comparison = trace.comparison = reply.comparison;
    if (before) {
      const Kept kept = kept_attributes(before->comparison, now.comparison);
      trace.held = kept.held;
      trace.broken = kept.broken;
      trace.change_elsewhere = change_elsewhere(*before, now);
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
