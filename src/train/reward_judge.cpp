#include "train/reward_judge.h"

#include <array>
#include <optional>

#include <ATen/ATen.h>

#include "omr/session/contrasting_prompts.h"

namespace omr::train {
namespace {

// Texts repeat where prompts are few; of an endless source they do not.
constexpr std::size_t kTextsKept = 4096;

using Reference = std::optional<session::RewardReference> session::RewardReferences::*;
struct Term {
  Reference reference;
  at::Tensor RewardTermTensors::*values;
};
const std::array<Term, 4> kTerms = {{{&session::RewardReferences::pref, &RewardTermTensors::pref},
                                     {&session::RewardReferences::div, &RewardTermTensors::div},
                                     {&session::RewardReferences::cons, &RewardTermTensors::cons},
                                     {&session::RewardReferences::mi, &RewardTermTensors::mi}}};

std::vector<std::string> texts_of(const std::vector<DialoguePrompt>& prompts) {
  std::vector<std::string> out;
  for (const DialoguePrompt& prompt : prompts) out.push_back(prompt.prompt);
  return out;
}

}  // namespace

RewardJudge::RewardJudge(const RewardSettings& settings, c10::Device device)
    : settings_(settings),
      schedule_(session::find_reward_schedule(settings.schedule)),
      model_(reward::RewardModel::open(settings.model, settings.options, {device, at::kFloat})),
      device_(device) {}

at::Tensor RewardJudge::text(const std::string& text) {
  if (const auto found = texts_.find(text); found != texts_.end()) return found->second;
  if (texts_.size() >= kTextsKept) texts_.clear();
  return texts_[text] = model_.embed_text({text})[0].to(device_);
}

RewardInputs RewardJudge::inputs_of(const std::vector<DialoguePrompt>& prompts,
                                    const std::vector<std::uint64_t>& groups) {
  RewardInputs out;
  out.groups = groups;
  out.logit_scale = model_.logit_scale();
  std::vector<at::Tensor> words;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const DialoguePrompt& prompt = prompts[i];
    words.push_back(text(prompt.prompt));
    out.rounds.push_back(prompt.round);
    // Pictures of one prompt stand side by side.
    if (i > 0 && groups[i] == groups[i - 1]) {
      out.contrasts.push_back(out.contrasts.back());
      out.kept.push_back(out.kept.back());
      continue;
    }
    std::vector<at::Tensor> contrasts = {
        at::empty({0, words.back().size(0)}, words.back().options())};
    for (const std::string& other : session::contrasting_prompts(prompt.prompt, prompt.earlier))
      contrasts.push_back(text(other).unsqueeze(0));
    out.contrasts.push_back(at::cat(contrasts));
    out.kept.push_back(prompt.kept ? model_.embed_images({*prompt.kept})[0].to(device_)
                                   : at::Tensor());
  }
  out.prompts = at::stack(words);
  return out;
}

RewardInputs RewardJudge::inputs_of(const std::vector<DialoguePrompt>& prompts,
                                    const std::vector<std::uint64_t>& groups,
                                    const std::vector<Image>& pictures) {
  const at::NoGradGuard no_grad;
  RewardInputs out = inputs_of(prompts, groups);
  out.images = model_.embed_images(pictures).to(device_);
  if (model_.scores_embeddings()) {
    out.preferences = (out.images * out.prompts).sum(1) * out.logit_scale;
    return out;
  }
  std::vector<at::Tensor> own;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    own.push_back(model_.preferences({prompts[i].prompt}, {pictures[i]}).flatten());
  out.preferences = at::cat(own).to(device_);
  return out;
}

RewardTermTensors RewardJudge::judge(const std::vector<DialoguePrompt>& prompts,
                                     const std::vector<std::uint64_t>& groups,
                                     const std::vector<Image>& pictures) {
  const RewardInputs inputs = inputs_of(prompts, groups, pictures);
  return standardised_terms(inputs, raw_terms(inputs), settings_.references, schedule_);
}

RewardTermTensors RewardJudge::judge(const std::vector<DialoguePrompt>& prompts,
                                     const std::vector<std::uint64_t>& groups,
                                     const at::Tensor& pixels) {
  RewardInputs inputs = inputs_of(prompts, groups);
  inputs.images = model_.embed_pixels(pixels).to(at::kFloat);
  inputs.preferences = model_.scores_embeddings()
                           ? (inputs.images * inputs.prompts).sum(1) * inputs.logit_scale
                           : model_.preferences_of(texts_of(prompts), pixels);
  return standardised_terms(inputs, raw_terms(inputs), settings_.references, schedule_);
}

bool RewardJudge::has_references() const {
  for (const Term& term : kTerms) {
    if (!(settings_.references.*term.reference)) return false;
  }
  return true;
}

void RewardJudge::measure(const std::vector<DialoguePrompt>& prompts,
                          const std::vector<std::uint64_t>& groups,
                          const std::vector<Image>& pictures) {
  const RewardTermTensors raw = raw_terms(inputs_of(prompts, groups, pictures));
  for (const Term& term : kTerms) {
    std::optional<session::RewardReference>& reference = settings_.references.*term.reference;
    if (reference) continue;
    // Rewards that say nothing of a picture are exact zeros.
    const at::Tensor all = (raw.*term.values).to(at::kCPU, at::kDouble);
    const at::Tensor said = all.masked_select(all.ne(0));
    const bool spread = said.numel() > 1 && said.std(/*unbiased=*/false).item<double>() > 0;
    reference =
        session::RewardReference{said.numel() > 0 ? said.mean().item<double>() : 0.0,
                                 spread ? said.std(/*unbiased=*/false).item<double>() : 1.0};
  }
}

io::NamedTensors RewardJudge::state() const {
  std::vector<double> values;
  for (const Term& term : kTerms) {
    const auto& reference = settings_.references.*term.reference;
    values.push_back(reference ? reference->mean : 0);
    values.push_back(reference ? reference->std : 0);  // 0: none yet
  }
  return {{"reward_references", at::tensor(values, at::kDouble)}};
}

void RewardJudge::load_state(const io::NamedTensors& state) {
  for (const auto& [name, tensor] : state) {
    if (name != "reward_references") continue;
    const at::Tensor values = tensor.to(at::kDouble).contiguous();
    const double* value = values.const_data_ptr<double>();
    for (const Term& term : kTerms) {
      if (value[1] > 0)
        settings_.references.*term.reference = session::RewardReference{value[0], value[1]};
      value += 2;
    }
  }
}

}  // namespace omr::train
