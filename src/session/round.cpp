#include "omr/session/round.h"

#include <algorithm>
#include <cmath>

#include "omr/core/error.h"
#include "omr/session/candidate_plan.h"
#include "omr/session/contrasting_prompts.h"
#include "omr/session/kept_phrases.h"
#include "omr/session/phrases.h"
#include "omr/session/prompt_diff.h"
#include "omr/session/prompt_syntax.h"
#include "omr/session/reward_schedule.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

// Without a reference of the pack, phrase scores that differ by less than this share of the scale
// are taken for equal.
constexpr double kSmallestScoreSpread = 0.02;

// The prompt of a round as the reward model reads it, and what it is compared with.
struct PromptReading {
  std::vector<Phrase> phrases;  // of the plain prompt
  std::vector<bool> changed;    // in words, or the feedback speaks of them
  std::string text;             // without weights
  std::string before;           // the last prompt, likewise
  Embedding prompt;
  std::vector<Embedding> contrasts;
  std::vector<Embedding> phrase_embeddings;  // empty without a reward model, like the two above
};

PromptReading read_prompt(const RoundInputs& inputs, const Prompt& before, const Prompt& prompt,
                          RewardModel* reward_model) {
  const std::string plain = parse_weights(prompt.text).text;
  PromptReading reading;
  reading.text = plain;
  reading.phrases = cut_phrases(plain);
  reading.before = parse_weights(before.text).text;
  reading.changed = changed_phrases(cut_phrases(reading.before), reading.phrases);
  if (!inputs.feedback.empty()) {
    const std::vector<bool> spoken_of = phrases_spoken_of(reading.phrases, inputs.feedback);
    const bool particular = std::find(spoken_of.begin(), spoken_of.end(), false) != spoken_of.end();
    for (std::size_t p = 0; particular && p < spoken_of.size(); ++p) {
      if (spoken_of[p]) reading.changed[p] = true;
    }
  }
  if (reward_model == nullptr) return reading;

  std::vector<std::string> earlier;
  for (const std::string& text : inputs.state.prompts_on_branch(inputs.state.current())) {
    earlier.push_back(parse_weights(text).text);
  }
  const std::vector<std::string> contrasts = contrasting_prompts(plain, earlier);
  std::vector<std::string> texts = {plain};
  texts.insert(texts.end(), contrasts.begin(), contrasts.end());
  for (const Phrase& phrase : reading.phrases) texts.push_back(phrase.text);
  const std::vector<Embedding> embeddings = reward_model->embed_text(texts);
  if (embeddings.size() != texts.size()) {
    throw Error(ErrorKind::mismatch, "the reward model embedded " +
                                         std::to_string(embeddings.size()) + " of " +
                                         std::to_string(texts.size()) + " texts");
  }
  const auto phrases_begin = embeddings.begin() + 1 + static_cast<std::ptrdiff_t>(contrasts.size());
  reading.prompt = embeddings.front();
  reading.contrasts.assign(embeddings.begin() + 1, phrases_begin);
  reading.phrase_embeddings.assign(phrases_begin, embeddings.end());
  return reading;
}

std::vector<double> phrase_scores(const PromptReading& reading, const Embedding& image,
                                  double scale) {
  std::vector<double> scores;
  for (const Embedding& phrase : reading.phrase_embeddings) {
    scores.push_back(scale * cosine(phrase, image));
  }
  return scores;
}

// σ of phrase_weights.h: the reward model's usual spread of scores, or else that of these phrases.
double score_spread(const std::vector<double>& scores, const RewardReferences& references,
                    double scale) {
  if (references.pref) return references.pref->std;
  RunningStatistics seen;
  for (const double score : scores) seen.add(score);
  return std::max(seen.std(), kSmallestScoreSpread * scale);
}

// Which candidates of the last round the user preferred to which, from likes, dislikes and picks.
struct Preference {
  std::vector<std::size_t> preferred;
  std::vector<std::size_t> rest;
};

Preference preference_of(const RoundNode& node) {
  const auto has = [&](bool liked) {
    return std::any_of(node.reactions.begin(), node.reactions.end(),
                       [&](const auto& reaction) { return reaction.second == liked; });
  };
  const bool any_liked = has(true);
  const bool any_disliked = has(false);
  const bool repicked = node.picked != node.record.picked;
  Preference preference;
  if (!any_liked && !any_disliked && !repicked) return preference;
  for (std::size_t k = 0; k < node.record.candidates.size(); ++k) {
    const auto reaction = node.reactions.find(static_cast<int>(k + 1));
    const bool reacted = reaction != node.reactions.end();
    bool preferred = false;
    if (any_liked) {
      preferred = reacted && reaction->second;
    } else if (any_disliked) {
      preferred = !reacted;
    } else {
      preferred = static_cast<int>(k + 1) == node.picked;
    }
    (preferred ? preference.preferred : preference.rest).push_back(k);
  }
  return preference;
}

KeptReaction kept_reaction(const RoundNode& node) {
  const auto reaction = node.reactions.find(node.picked);
  if (reaction == node.reactions.end()) return KeptReaction::none;
  return reaction->second ? KeptReaction::liked : KeptReaction::disliked;
}

// Fills weight and score_before of the phrases. All 1 in the first round.
void weigh_phrases(std::vector<PhraseRecord>& phrases, const PromptReading& reading,
                   const RoundInputs& inputs, RewardModel* reward_model) {
  const SessionState& state = inputs.state;
  const bool judged = reward_model != nullptr && inputs.memory != nullptr;
  if (!judged) return;
  const RoundNode& node = state.round(state.current());
  const double scale = reward_model->logit_scale();
  std::vector<std::vector<double>> scores;  // of each candidate of the last round
  for (const Embedding& image : inputs.memory->embeddings) {
    scores.push_back(phrase_scores(reading, image, scale));
  }
  const std::vector<double>& kept = scores.at(static_cast<std::size_t>(node.picked - 1));
  const double spread = score_spread(kept, state.settings.references, scale);
  const Preference preference = preference_of(node);
  const auto of = [&](const std::vector<std::size_t>& candidates, std::size_t phrase) {
    std::vector<double> out;
    for (const std::size_t k : candidates) out.push_back(scores[k][phrase]);
    return out;
  };
  std::vector<PhraseEvidence> evidence;
  for (std::size_t p = 0; p < phrases.size(); ++p) {
    phrases[p].score_before = kept[p];
    const double reaction =
        phrase_reaction(of(preference.preferred, p), of(preference.rest, p), spread);
    evidence.push_back({kept[p], reading.changed[p], reaction});
  }
  if (!state.settings.use_phrase_weights) return;
  const std::vector<double> weights =
      phrase_weights(evidence, spread, kept_reaction(node), state.settings.phrase_weights);
  for (std::size_t p = 0; p < phrases.size(); ++p) phrases[p].weight = weights[p];
}

// Share of the prompt's words that are not the last prompt's.
double changed_share(const PromptReading& reading) {
  std::size_t changed = 0;
  std::size_t all = 0;
  for (const DiffSpan& span : diff_prompts(reading.before, reading.text)) {
    if (span.kind == DiffKind::deleted) continue;
    const std::size_t words = split_words(span.text).size();
    all += words;
    if (span.kind == DiffKind::inserted) changed += words;
  }
  return all == 0 ? 1 : static_cast<double>(changed) / static_cast<double>(all);
}

// What to compare the prompt with, to see where its changed phrases show: the last prompt, or,
// where the words are the same, the prompt without what the feedback speaks of.
std::optional<std::string> contrast_of(const PromptReading& reading) {
  if (reading.before.empty()) return std::nullopt;
  if (reading.before != reading.text) return reading.before;
  const bool particular =
      std::find(reading.changed.begin(), reading.changed.end(), false) != reading.changed.end();
  if (!particular) return std::nullopt;
  std::string rest = reading.text;
  for (std::size_t p = reading.phrases.size(); p-- > 0;) {
    if (reading.changed[p]) rest = without_phrase(rest, cut_phrases(rest), p);
  }
  if (rest == reading.text) return std::nullopt;
  return rest;
}

ImageRequest image_request(const RoundInputs& inputs, const RoundRecord& record,
                           const PromptReading& reading) {
  const SessionState& state = inputs.state;
  CandidatePlanInputs plan;
  plan.round = record.round;
  plan.seed = record.seed;
  plan.candidates = state.options.candidates;
  plan.steps = record.steps;
  plan.strength = record.strength;
  if (inputs.initial != nullptr) plan.initial = &inputs.initial->latents;
  plan.keep = find_keep_policy(state.settings.keep);
  plan.changed = changed_share(reading);
  const std::optional<std::string> contrast = contrast_of(reading);
  plan.knows_region = contrast.has_value();
  if (inputs.memory != nullptr) {
    const RoundNode& last = state.round(state.current());
    const auto picked = static_cast<std::size_t>(last.picked - 1);
    plan.kept = &inputs.memory->latents.at(picked);
    const bool asked_for = record.seed != last.record.seed;  // another one, since
    plan.kept_seed = asked_for ? record.seed : last.record.candidates.at(picked).seed;
    plan.repeats = !asked_for && record.prompt == last.record.prompt &&
                   record.negative_prompt == last.record.negative_prompt &&
                   record.strength == last.record.strength && record.loras == last.record.loras &&
                   kept_reaction(last) != KeptReaction::liked;
  }
  ImageRequest request;
  request.prompt = record.prompt;
  request.negative_prompt = record.negative_prompt;
  for (std::size_t p = 0; p < reading.phrases.size(); ++p) {
    const Phrase& phrase = reading.phrases[p];
    request.weights.push_back({phrase.text, phrase.begin, phrase.end, record.phrases[p].weight});
  }
  request.candidates = plan_candidates(plan);
  const bool local = std::any_of(request.candidates.begin(), request.candidates.end(),
                                 [](const CandidateRequest& one) { return one.local; });
  if (local) request.region = EditRegion{*contrast, region_calls(record.steps)};
  request.steps = record.steps;
  request.guidance_scale = state.settings.guidance_scale;
  request.scheduler = state.settings.scheduler;
  request.width = state.settings.width;
  request.height = state.settings.height;
  request.loras = record.loras;
  if (inputs.initial != nullptr) request.inpainting = inputs.initial->inpainting;
  return request;
}

// Scores the candidates, fills the record's rewards and picks; gives the embeddings.
std::vector<Embedding> judge(RoundRecord& record, const std::vector<Candidate>& candidates,
                             const PromptReading& reading, const RoundInputs& inputs,
                             RewardModel& reward_model) {
  std::vector<Image> images;
  for (const Candidate& candidate : candidates) images.push_back(candidate.image);
  RewardInputs rewards;
  rewards.images = reward_model.embed_images(images);
  if (rewards.images.size() != images.size()) {
    throw Error(ErrorKind::mismatch, "the reward model embedded " +
                                         std::to_string(rewards.images.size()) + " of " +
                                         std::to_string(images.size()) + " pictures");
  }
  rewards.prompt = reading.prompt;
  rewards.contrasts = reading.contrasts;
  rewards.logit_scale = reward_model.logit_scale();
  rewards.preferences = reward_model.preferences(reading.text, images);
  if (inputs.memory != nullptr) {
    const int picked = inputs.state.round(inputs.state.current()).picked;
    rewards.kept = inputs.memory->embeddings.at(static_cast<std::size_t>(picked - 1));
  }
  record.applicable = applicable(rewards);
  const std::vector<CandidateRewards> raw = raw_rewards(rewards);
  RewardStatistics seen = inputs.state.statistics;
  add_to(seen, raw, record.applicable);
  const std::vector<CandidateRewards> standardised =
      total_rewards(raw, record.applicable, inputs.state.settings.references, seen, record.lambda,
                    record.multipliers);
  for (std::size_t k = 0; k < raw.size(); ++k) {
    record.candidates[k].raw = raw[k];
    record.candidates[k].rewards = standardised[k];
  }
  const std::size_t best = best_candidate(standardised);
  record.picked = static_cast<int>(best) + 1;
  const std::vector<double> scores =
      phrase_scores(reading, rewards.images[best], rewards.logit_scale);
  for (std::size_t p = 0; p < scores.size(); ++p) record.phrases[p].score = scores[p];
  return rewards.images;
}

}  // namespace

RoundResult run_round(const RoundInputs& inputs, const Parts& parts, const RoundEvents& events,
                      const Cancellation& cancellation) {
  const SessionState& state = inputs.state;
  double mark = parts.clock.seconds();
  const auto lap = [&] {
    const double from = std::exchange(mark, parts.clock.seconds());
    return mark - from;
  };

  // Feedback → prompt.
  const Prompt base = state.base_prompt();
  RefinedPrompt refined{base, false, "", {}};
  if (!inputs.feedback.empty()) {
    refined = refine_prompt(base, inputs.feedback, parts.language_model, state.settings.readings,
                            cancellation);
  }
  Prompt before;  // what the person saw last
  if (state.has_rounds()) {
    const RoundRecord& last = state.round(state.current()).record;
    before = {last.prompt, last.negative_prompt};
  }

  RoundResult result;
  RoundRecord& record = result.record;
  record.round = static_cast<int>(state.rounds.size()) + 1;
  record.parent = state.current();
  record.t = record.parent == 0 ? 0 : state.round(record.parent).record.t + 1;
  record.feedback = inputs.feedback;
  record.prompt = refined.prompt.text;
  record.negative_prompt = refined.prompt.negative;
  record.fallback_reason = refined.fallback_reason;
  record.restored = refined.restored;
  record.user = parts.user;
  record.seed = state.options.seed;
  record.strength = state.options.strength;
  record.loras = state.options.loras;
  record.steps = state.options.steps;
  record.lambda = find_reward_schedule(state.settings.reward_schedule).lambda(record.t);
  record.multipliers = state.multipliers;
  if (!inputs.feedback.empty()) record.seconds["refine"] = lap();

  // Prompt → phrase weights.
  const PromptReading reading = read_prompt(inputs, before, refined.prompt, parts.reward_model);
  for (const Phrase& phrase : reading.phrases) record.phrases.push_back({phrase.text, 1.0, {}, {}});
  weigh_phrases(record.phrases, reading, inputs, parts.reward_model);
  double scoring = lap();
  if (events.preview) events.preview({record.round, before, refined, record.phrases});

  // → candidates.
  const ImageRequest request = image_request(inputs, record, reading);
  result.candidates = parts.image_model.generate(request, events.progress, cancellation);
  if (result.candidates.size() != request.candidates.size()) {
    throw Error(ErrorKind::mismatch, "the image model drew " +
                                         std::to_string(result.candidates.size()) + " of " +
                                         std::to_string(request.candidates.size()) + " pictures");
  }
  record.seconds["generate"] = lap();

  // → rewards → pick.
  for (std::size_t k = 0; k < result.candidates.size(); ++k) {
    CandidateRecord candidate;
    candidate.seed = request.candidates[k].seed;
    if (request.candidates[k].init) candidate.strength = request.candidates[k].strength;
    record.candidates.push_back(std::move(candidate));
    record.unet_calls += result.candidates[k].unet_calls;
    result.memory.latents.push_back(result.candidates[k].latents);
  }
  if (parts.reward_model != nullptr) {
    result.memory.embeddings =
        judge(record, result.candidates, reading, inputs, *parts.reward_model);
  }
  scoring += lap();
  record.seconds["score"] = scoring;
  cancellation.check();
  return result;
}

}  // namespace omr::session
