#include "omr/train/total_reward.h"

#include <array>
#include <optional>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {
namespace {

constexpr std::array<std::pair<RewardKind, const char*>, 5> kNames = {{{RewardKind::total, "total"},
                                                                       {RewardKind::pref, "pref"},
                                                                       {RewardKind::div, "div"},
                                                                       {RewardKind::cons, "cons"},
                                                                       {RewardKind::mi, "mi"}}};

// 1 where a reward says something of a picture.
struct Applicable {
  at::Tensor div, cons, mi;
};

Applicable applicable(const RewardInputs& inputs) {
  const std::size_t count = inputs.groups.size();
  std::vector<float> div, cons, mi;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t members = 0;
    for (const std::uint64_t group : inputs.groups) members += group == inputs.groups[i] ? 1 : 0;
    div.push_back(members > 1 ? 1.0f : 0.0f);
    cons.push_back(inputs.kept[i].defined() ? 1.0f : 0.0f);
    mi.push_back(inputs.contrasts[i].size(0) > 0 ? 1.0f : 0.0f);
  }
  const auto on_device = [&](const std::vector<float>& values) {
    return at::tensor(values, at::kFloat).to(inputs.images.device());
  };
  return {on_device(div), on_device(cons), on_device(mi)};
}

// Mean distance of each picture to the others of its group.
at::Tensor diversity(const RewardInputs& inputs) {
  const auto count = static_cast<std::int64_t>(inputs.groups.size());
  at::Tensor same = at::zeros({count, count}, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) {
      if (i != j &&
          inputs.groups[static_cast<std::size_t>(i)] == inputs.groups[static_cast<std::size_t>(j)])
        same[i][j] = 1;
    }
  }
  same = same.to(inputs.images.device());
  const at::Tensor distances = 1 - inputs.images.matmul(inputs.images.t());
  return (distances * same).sum(1) / same.sum(1).clamp_min(1);
}

at::Tensor consistency(const RewardInputs& inputs) {
  std::vector<at::Tensor> kept;
  for (const at::Tensor& embedding : inputs.kept) {
    kept.push_back(embedding.defined() ? embedding : at::zeros_like(inputs.prompts[0]));
  }
  return (inputs.images * at::stack(kept).to(inputs.images.device())).sum(1);
}

at::Tensor mutual_information(const RewardInputs& inputs) {
  std::vector<at::Tensor> out;
  for (std::size_t i = 0; i < inputs.contrasts.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const at::Tensor texts = at::cat(
        {inputs.prompts.narrow(0, row, 1), inputs.contrasts[i].to(inputs.prompts.device())});
    const at::Tensor logits = texts.mv(inputs.images[row]) * inputs.logit_scale;
    out.push_back(at::log_softmax(logits, 0)[0]);
  }
  return at::stack(out);
}

at::Tensor standardised(const at::Tensor& raw,
                        const std::optional<session::RewardReference>& reference) {
  return reference ? (raw - reference->mean) / reference->std : raw;
}

}  // namespace

RewardTermTensors raw_terms(const RewardInputs& inputs) {
  const Applicable which = applicable(inputs);
  return {inputs.preferences,
          diversity(inputs) * which.div,
          consistency(inputs) * which.cons,
          mutual_information(inputs) * which.mi,
          {}};
}

RewardTermTensors standardised_terms(const RewardInputs& inputs, const RewardTermTensors& raw,
                                     const session::RewardReferences& references,
                                     const session::RewardSchedule& schedule) {
  const Applicable which = applicable(inputs);
  RewardTermTensors out;
  out.pref = standardised(raw.pref, references.pref);
  out.div = standardised(raw.div, references.div) * which.div;
  out.cons = standardised(raw.cons, references.cons) * which.cons;
  out.mi = standardised(raw.mi, references.mi) * which.mi;
  std::vector<float> div, cons, mi;
  for (const int round : inputs.rounds) {
    const session::RewardTerms lambda = schedule.lambda(round);
    div.push_back(static_cast<float>(lambda.div));
    cons.push_back(static_cast<float>(lambda.cons));
    mi.push_back(static_cast<float>(lambda.mi));
  }
  const auto weighted = [](const at::Tensor& term, const std::vector<float>& lambdas) {
    return term * at::tensor(lambdas, at::kFloat).to(term.device());
  };
  out.total = out.pref + weighted(out.div, div) + weighted(out.cons, cons) + weighted(out.mi, mi);
  return out;
}

RewardKind parse_reward_kind(const std::string& name) {
  std::string names;
  for (const auto& [kind, known] : kNames) {
    if (name == known) return kind;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error(ErrorKind::usage, "there is no reward \"" + name + "\"; there are " + names);
}

std::string to_string(RewardKind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) return name;
  }
  return "";
}

const at::Tensor& pick(const RewardTermTensors& terms, RewardKind kind) {
  switch (kind) {
    case RewardKind::pref:
      return terms.pref;
    case RewardKind::div:
      return terms.div;
    case RewardKind::cons:
      return terms.cons;
    case RewardKind::mi:
      return terms.mi;
    case RewardKind::total:
      break;
  }
  return terms.total;
}

}  // namespace omr::train
