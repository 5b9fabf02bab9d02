#include "omr/scenes/simulated_user.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "omr/core/error.h"
#include "omr/scenes/feedback.h"
#include "omr/scenes/scene_edit.h"

namespace omr::scenes {
namespace {

constexpr double kRelative = 0.5;   // of saying "bigger" rather than "large"
constexpr double kLikeable = 0.75;  // share of attributes right from which on a reaction is a like

void check(const SimulatedUserOptions& options) {
  for (double probability :
       {options.reaction, options.two_at_once, options.wrong, options.change_of_mind}) {
    if (!(probability >= 0 && probability <= 1)) {
      throw Error(ErrorKind::usage, "the simulated user's probabilities are 0 to 1, not " +
                                        std::to_string(probability));
    }
  }
  if (options.max_rounds < 1) {
    throw Error(ErrorKind::usage, "the simulated user looks at one picture at least");
  }
}

Edit edit_of(EditKind kind, std::size_t object, const ObjectDescription& value) {
  Edit edit;
  edit.kind = kind;
  edit.object = object;
  edit.value = value;
  return edit;
}

}  // namespace

SimulatedUser::SimulatedUser(std::uint64_t seed, std::uint64_t index,
                             const SimulatedUserOptions& options)
    : options_(options), random_(seed, index) {
  check(options);
  target_ = sample_scene(random_, options.target);
  told_ = describe(target_, options.opening, random_);
  opening_ = caption(told_);
  if (random_.chance(options.change_of_mind)) {
    change_in_round_ = 2 + static_cast<int>(random_.below(3));
  }
}

Reply SimulatedUser::look_at(const Image& image) { return look_at(judge(image)); }

Reply SimulatedUser::look_at(const Verdict& verdict) {
  if (++round_ == change_in_round_) target_ = hard_negative(target_, random_);
  Reply reply;
  reply.comparison = compare(target_, verdict);
  if (options_.restless && reply.comparison.all_right()) {
    target_ = hard_negative(target_, random_);
    reply.comparison = compare(target_, verdict);
  }
  if (reply.comparison.all_right() && !options_.restless) {
    reply.kind = ReplyKind::accept;
    return reply;
  }
  if (round_ >= options_.max_rounds) {
    reply.kind = ReplyKind::give_up;
    return reply;
  }
  std::vector<Edit> edits = wishes(reply.comparison, verdict);
  if (edits.empty() || random_.chance(options_.reaction)) {
    const bool likes = !edits.empty() && reply.comparison.share_right() >= kLikeable;
    reply.kind = likes ? ReplyKind::like : ReplyKind::dislike;
    reply.text = likes ? liking(random_) : disliking(random_);
    return reply;
  }
  if (random_.chance(options_.wrong)) {
    reply.wrong = true;
    edits = {sample_change(told_, random_)};
  }
  reply.text = feedback(told_, edits, random_);
  told_ = apply_edits(told_, edits);
  return reply;
}

// One or two of the differences.
std::vector<Edit> SimulatedUser::wishes(const Comparison& comparison, const Verdict& verdict) {
  std::vector<Edit> all;
  const Description wanted = describe(target_);
  if (comparison.background == Match::wrong) {
    Edit edit;
    edit.kind = EditKind::background;
    edit.background = target_.background;
    all.push_back(edit);
  }
  for (std::size_t i = 0; i < wanted.objects.size(); ++i) {
    const ObjectComparison& object = comparison.objects[i];
    const ObjectDescription& value = wanted.objects[i];
    if (!object.seen) {
      all.push_back(edit_of(EditKind::add, kNoObject, value));
      continue;
    }
    std::vector<Edit> edits;
    if (object.shape == Match::wrong) edits.push_back(edit_of(EditKind::shape, i, value));
    if (object.colour == Match::wrong) edits.push_back(edit_of(EditKind::colour, i, value));
    if (object.place == Match::wrong) edits.push_back(edit_of(EditKind::place, i, value));
    if (object.size == Match::wrong) {
      edits.push_back(wish_for_size(i, verdict.objects[*object.seen].object.size));
    }
    for (const Edit& edit : edits) {
      // Without a name for it, the user says the whole object once more.
      const bool told = can_be_told(told_, edit);
      all.push_back(told ? edit : edit_of(EditKind::add, kNoObject, value));
      if (!told) break;
    }
  }
  for (std::size_t extra : comparison.extra) {
    const Object& seen = verdict.objects[extra].object;
    const ObjectDescription value{seen.shape, seen.colour, seen.size, seen.place};
    const auto same_name = [&](const ObjectDescription& said) {
      return said.shape == value.shape && said.colour == value.colour;
    };
    // "Remove the red star" would take the wanted one away.
    if (std::any_of(told_.objects.begin(), told_.objects.end(), same_name) ||
        std::any_of(wanted.objects.begin(), wanted.objects.end(), same_name)) {
      continue;
    }
    all.push_back(edit_of(EditKind::remove, kNoObject, value));
  }
  random_.shuffle(all);
  const std::size_t count = random_.chance(options_.two_at_once) ? 2 : 1;
  if (all.size() > count) all.resize(count);
  return all;
}

Edit SimulatedUser::wish_for_size(std::size_t object, Size seen) {
  Edit edit = edit_of(EditKind::size, object, describe(target_).objects[object]);
  // The medium size is asked for by its name: one step from what was said may lead past it.
  const bool relative = edit.value.size != Size::medium && random_.chance(kRelative);
  if (relative) edit.kind = edit.value.size > seen ? EditKind::bigger : EditKind::smaller;
  return edit;
}

}  // namespace omr::scenes
