#include "omr/train/reward_trainer.h"

#include <algorithm>
#include <optional>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/weights.h"
#include "omr/reward/clip_model.h"
#include "omr/train/preference_loss.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/clip_inputs.h"
#include "train/fingerprint.h"
#include "train/model_output.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

reward::CLIPModel open_base(const RewardTrainingSettings& settings) {
  if (!fs::exists(settings.model / "config.json")) {
    throw Error(ErrorKind::mismatch,
                settings.model.string() +
                    " is no folder of transformers' CLIPModel (it has no config.json), the kind of "
                    "reward model that can be trained");
  }
  return reward::load_clip_model(settings.model, {}, !settings.full && settings.quantize_nf4);
}

struct Judged {
  at::Tensor logits;     // [B, 2], of the model as it stands
  at::Tensor reference;  // likewise with the adapter off; undefined but for DPO
  at::Tensor labels;     // [B, 2]
  at::Tensor weights;    // [B]
};

class RewardTraining {
 public:
  explicit RewardTraining(const RewardTrainingSettings& settings)
      : settings_(settings),
        model_(open_base(settings)),
        inputs_(settings.model, model_->config(), settings.loop.device) {
    if (settings.full) {
      if (settings.method == RewardMethod::dpo)
        throw Error(ErrorKind::usage,
                    "DPO's reference is the model with its adapter off: not for --full");
      parameters_ = make_trainable(*model_, settings.loop.device);
      return;
    }
    lora_.emplace(*model_, "", settings.lora, settings.loop.device,
                  generator_for(settings.loop.seed, Purpose::weights, 0));
    parameters_ = lora_->parameters();
    // No linear, so no adapter: learnt itself.
    at::Tensor& scale = model_->logit_scale;
    scale.set_data(scale.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true));
    reference_scale_ = scale.detach().clone();
    scale.requires_grad_(true);
    parameters_.emplace_back("logit_scale", scale);
  }

  const NamedParameters& parameters() const { return parameters_; }

  Judged judge(const PreferenceSource& source, const std::vector<std::uint64_t>& indices) {
    std::vector<std::string> prompts;
    std::vector<Image> pictures(2 * indices.size());
    const auto count = static_cast<std::int64_t>(indices.size());
    Judged out;
    out.labels = at::empty({count, 2});
    out.weights = at::empty({count});
    for (std::size_t i = 0; i < indices.size(); ++i) {
      PreferencePair pair = source.pair(indices[i]);
      prompts.push_back(std::move(pair.prompt));
      pictures[i] = std::move(pair.image_0);
      pictures[indices.size() + i] = std::move(pair.image_1);
      const auto row = static_cast<std::int64_t>(i);
      out.labels[row][0] = pair.label_0;
      out.labels[row][1] = 1 - pair.label_0;
      out.weights[row] = pair.weight;
    }
    out.labels = out.labels.to(settings_.loop.device);
    out.weights = out.weights.to(settings_.loop.device);
    const at::Tensor ids = inputs_.token_ids(prompts), pixels = inputs_.pixels(pictures);
    out.logits = logits(ids, pixels, model_->logit_scale);
    if (settings_.method == RewardMethod::dpo) {
      const at::NoGradGuard no_grad;
      const LoraParameters::Off off(*lora_);
      out.reference = logits(ids, pixels, reference_scale_);
    }
    return out;
  }

  at::Tensor losses(const Judged& judged) const {
    return preference_loss(judged.reference.defined()
                               ? relative_logits(judged.logits, judged.reference, settings_.beta)
                               : judged.logits,
                           judged.labels);
  }

  void save() const {
    const fs::path out = settings_.loop.out / "reward";
    const io::Json config = io::read_json(settings_.model / "config.json");
    if (settings_.full)
      return write_part(out, config, *model_, "model.safetensors", settings_.output_dtype,
                        settings_.model, kClipFiles);
    // The base as its files have it, but for the scale.
    const io::Weights base = io::Weights::open(settings_.model, "model");
    io::NamedTensors tensors;
    for (const std::string& name : base.names()) {
      const at::Tensor stored = base.tensor(name);
      tensors.emplace_back(name, name == "logit_scale"
                                     ? model_->logit_scale.detach().cpu().to(stored.scalar_type())
                                     : stored);
    }
    write_part(out, config, tensors, "model.safetensors", settings_.model, kClipFiles);
    io::write_peft_adapter(out / "adapter", lora_->layers(), out.filename().string());
  }

 private:
  at::Tensor logits(const at::Tensor& ids, const at::Tensor& pixels, const at::Tensor& scale) {
    const at::Tensor texts = model_->get_text_features(ids);
    const std::vector<at::Tensor> images = model_->get_image_features(pixels).chunk(2);
    return preference_logits(texts, images[0], images[1], scale);
  }

  const RewardTrainingSettings& settings_;
  reward::CLIPModel model_;
  ClipInputs inputs_;
  std::optional<LoraParameters> lora_;
  at::Tensor reference_scale_;
  NamedParameters parameters_;
};

io::Json describe(const RewardTrainingSettings& settings, const PreferenceSource& source) {
  io::Json out = source.description();
  out["method"] = settings.method == RewardMethod::dpo ? "dpo" : "bt";
  if (settings.method == RewardMethod::dpo) out["beta"] = settings.beta;
  out["trained"] = settings.full ? "all weights" : "adapter";
  if (settings.full) return out;
  out["base"] = settings.quantize_nf4 ? "nf4" : "dense";
  out["base_model"] = fingerprint_of_parts({settings.model});
  out["rank"] = settings.lora.rank;
  out["alpha"] = settings.lora.alpha;
  out["target_modules"] = settings.lora.target_modules;
  return out;
}

Evaluation look_at(RewardTraining& training, const PreferenceSource& held_out,
                   std::int64_t most_pairs) {
  constexpr std::uint64_t kBatch = 16;
  const auto most = static_cast<std::uint64_t>(most_pairs);
  const std::uint64_t count = held_out.size() == 0 ? most : std::min(most, held_out.size());
  double loss = 0, weight = 0;
  PairsRight all;
  for (std::uint64_t begin = 0; begin < count; begin += kBatch) {
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = begin; i < std::min(count, begin + kBatch); ++i) indices.push_back(i);
    const Judged judged = training.judge(held_out, indices);
    loss += (training.losses(judged) * judged.weights).sum().item<double>();
    weight += judged.weights.sum().item<double>();
    const PairsRight part = pairs_right(judged.logits, judged.labels);
    all.right += part.right;
    all.judged += part.judged;
  }
  Evaluation out;
  out.metrics["held_out_loss"] = loss / weight;
  if (all.judged > 0) out.metrics["held_out_pair_accuracy"] = all.right / all.judged;
  return out;
}

}  // namespace

void train_reward(const RewardTrainingSettings& settings, const PreferenceSource& source,
                  const PreferenceSource& held_out, ProcessGroup& processes,
                  const LoopObserver& observer, const Cancellation& cancellation) {
  RewardTraining training(settings);
  DataOrder order(settings.loop.seed, source.size());
  Trainee trainee;
  trainee.name = "reward";
  trainee.groups = {{training.parameters(), 1.0}};
  trainee.settings = describe(settings, source);
  trainee.loss = [&](const MicroBatch& batch) {
    std::vector<std::uint64_t> indices;
    for (const std::uint64_t position : batch.positions) indices.push_back(order.index(position));
    const Judged judged = training.judge(source, indices);
    MicroLoss out{
        (training.losses(judged) * judged.weights).sum(), judged.weights.sum().item<double>(), {}};
    const PairsRight right = pairs_right(judged.logits, judged.labels);
    if (right.judged > 0) out.metrics["pair_accuracy"] = right.right / right.judged;
    return out;
  };
  trainee.evaluate = [&](std::int64_t) {
    return look_at(training, held_out, settings.held_out_pairs);
  };
  trainee.save = [&] { training.save(); };
  if (processes.is_first() && !settings.loop.resume) {
    const at::NoGradGuard no_grad;
    const Evaluation before = look_at(training, held_out, settings.held_out_pairs);
    std::string text = "before the first step:";
    for (const auto& [name, value] : before.metrics) {
      char shown[80];
      std::snprintf(shown, sizeof shown, " %s %.4g", name.c_str(), value);
      text += shown;
    }
    observer.on_message(text);
  }
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
