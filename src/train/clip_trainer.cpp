#include "omr/train/clip_trainer.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <ATen/ATen.h>

#include "omr/nn/linear.h"
#include "omr/reward/clip_model.h"
#include "omr/text/clip_text_model.h"
#include "omr/train/contrastive_loss.h"
#include "omr/train/initialise.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/clip_inputs.h"
#include "train/clip_towers.h"
#include "train/model_output.h"
#include "train/network.h"

namespace omr::train {
namespace {

constexpr std::int64_t kThumbnail = 16;  // pixels a side

nn::Linear make_layout_head(const ClipSettings& settings, const reward::CLIPConfig& config) {
  if (settings.layout_weight == 0) return nullptr;
  nn::Linear head(config.projection_dim, 3 * kThumbnail * kThumbnail);
  const at::NoGradGuard no_grad;
  head->weight.normal_(0, 1 / std::sqrt(static_cast<double>(config.projection_dim)),
                       generator_for(settings.loop.seed, Purpose::weights, kLayoutDecoder));
  head->bias.zero_();
  return head;
}

struct ClipLoss {
  at::Tensor total;
  ContrastiveLoss pooled;
  // Undefined where their weights are 0.
  at::Tensor fine_grained, layout_of_image, layout_of_text;
};

class ClipTraining {
 public:
  explicit ClipTraining(const ClipSettings& settings)
      : settings_(settings),
        model_(open_clip(settings)),
        layout_head_(make_layout_head(settings, model_->config())),
        inputs_(settings.model, model_->config(), settings.loop.device) {}

  reward::CLIPModel& model() { return model_; }

  std::vector<ParameterGroup> groups() {
    const c10::Device device = settings_.loop.device;
    std::vector<ParameterGroup> out = {{make_trainable(*model_, device), 1.0}};
    if (layout_head_)
      out.push_back({make_trainable(*layout_head_, device, "layout_head."), kLayoutHeadRate});
    return out;
  }

  ClipLoss loss(const ImageTextSource& source, const std::vector<std::uint64_t>& indices,
                const std::vector<std::uint64_t>& variants) {
    std::vector<Image> pictures, other_pictures;
    std::vector<std::string> captions, negatives;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      pictures.push_back(source.image(indices[i]));
      captions.push_back(source.text(indices[i], variants[i]));
      if (auto negative = source.hard_negative(indices[i], variants[i])) {
        negatives.push_back(std::move(negative->text));
        if (negative->image) other_pictures.push_back(std::move(*negative->image));
      }
    }
    // Negatives whose pictures are known are samples like the others, each the other's negative.
    const bool in_pairs = other_pictures.size() == pictures.size();
    if (in_pairs) {
      std::move(other_pictures.begin(), other_pictures.end(), std::back_inserter(pictures));
    }
    // Both kinds of captions in one pass.
    std::vector<std::string> all = captions;
    all.insert(all.end(), negatives.begin(), negatives.end());
    const at::Tensor ids = inputs_.token_ids(all);
    const text::CLIPTextOutput texts = model_->text_model(ids);
    const at::Tensor pixels = inputs_.pixels(pictures);
    const at::Tensor patches = model_->vision_model->last_hidden_state(pixels);
    const at::Tensor image_features = model_->visual_projection(patches.select(1, 0)),
                     text_features = model_->text_projection(texts.pooler_output);
    const at::Tensor& scale = model_->logit_scale;
    const auto count = static_cast<std::int64_t>(captions.size());
    ClipLoss out;
    if (in_pairs) {
      out.pooled = contrastive_loss_of_pairs(image_features, text_features, scale);
    } else {
      out.pooled =
          contrastive_loss(image_features, text_features.slice(0, 0, count),
                           negatives.empty() ? at::Tensor() : text_features.slice(0, count), scale);
    }
    out.total = out.pooled.total;
    if (layout_head_) {
      const at::Tensor thumbnails =
          at::adaptive_avg_pool2d(pixels, {kThumbnail, kThumbnail}).flatten(1);
      out.layout_of_image = layout_error(image_features, thumbnails);
      out.layout_of_text = layout_error(text_features.slice(0, 0, pixels.size(0)), thumbnails);
      out.total = out.total + settings_.layout_weight * (out.layout_of_image + out.layout_of_text);
    }
    if (settings_.fine_grained_weight > 0) {
      const at::Tensor similarity =
          fine_grained_similarity(model_->visual_projection(patches.slice(1, 1)),
                                  model_->text_projection(texts.last_hidden_state), words_of(ids));
      out.fine_grained = fine_grained_loss(similarity);
      out.total = out.total + settings_.fine_grained_weight * out.fine_grained;
    }
    return out;
  }

 private:
  // Faster than the towers: what they learn hangs on what the head reads.
  static constexpr double kLayoutHeadRate = 3;

  // Mean squared error of what the head reads from the features' directions, which is all of them
  // that a score sees.
  at::Tensor layout_error(const at::Tensor& features, const at::Tensor& thumbnails) {
    const double length = std::sqrt(static_cast<double>(features.size(1)));
    return (layout_head_(reward::normalize(features) * length) - thumbnails).square().mean();
  }

  // bool [B, N]: what stands between the beginning and the (first) end of text.
  at::Tensor words_of(const at::Tensor& ids) const {
    const at::Tensor after_end = ids.eq(model_->config().text.eos_token_id).cumsum(1);
    return after_end.eq(0).logical_and(at::arange(ids.size(1), ids.options()).gt(0));
  }

  const ClipSettings& settings_;
  reward::CLIPModel model_;
  nn::Linear layout_head_;  // null without the loss on layouts
  ClipInputs inputs_;
};

}  // namespace

void train_clip(const ClipSettings& settings, const ImageTextSource& source,
                const ImageTextSource& held_out, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation) {
  ClipTraining training(settings);
  DataOrder order(settings.loop.seed, source.size());
  Trainee trainee;
  trainee.name = "clip";
  trainee.groups = training.groups();
  trainee.settings = source.description();
  trainee.settings["layout_weight"] = settings.layout_weight;
  trainee.settings["fine_grained_weight"] = settings.fine_grained_weight;
  trainee.settings["batch"] = settings.loop.batch_size;  // what a picture is contrasted with
  trainee.loss = [&](const MicroBatch& batch) {
    std::vector<std::uint64_t> indices, variants;
    for (const std::uint64_t position : batch.positions) {
      indices.push_back(order.index(position));
      variants.push_back(order.epoch(position));
    }
    const ClipLoss loss = training.loss(source, indices, variants);
    const auto count = static_cast<double>(indices.size());
    MicroLoss out{loss.total * count, count, {}};
    if (loss.pooled.hard_negatives_won.defined())
      out.metrics["hard_negatives_won"] = loss.pooled.hard_negatives_won.item<double>();
    if (loss.layout_of_image.defined()) {
      out.metrics["layout_error_of_image"] = loss.layout_of_image.item<double>();
      out.metrics["layout_error_of_text"] = loss.layout_of_text.item<double>();
    }
    if (loss.fine_grained.defined())
      out.metrics["fine_grained_loss"] = loss.fine_grained.item<double>();
    return out;
  };
  trainee.evaluate = [&](std::int64_t) {
    constexpr std::uint64_t kPictures = 256, kBatch = 32;
    const std::uint64_t count =
        held_out.size() == 0 ? kPictures : std::min(kPictures, held_out.size());
    double loss = 0, won = 0, passes = 0;
    bool has_negatives = false;
    for (std::uint64_t begin = 0; begin < count; begin += kBatch) {
      std::vector<std::uint64_t> indices, variants;
      for (std::uint64_t i = begin; i < std::min(count, begin + kBatch); ++i) indices.push_back(i);
      variants.assign(indices.size(), 0);
      const ContrastiveLoss part = training.loss(held_out, indices, variants).pooled;
      loss += part.total.item<double>();
      if (part.hard_negatives_won.defined())
        won += part.hard_negatives_won.item<double>(), has_negatives = true;
      passes += 1;
    }
    Evaluation out;
    out.metrics["held_out_loss"] = loss / passes;
    if (has_negatives) out.metrics["held_out_hard_negatives_won"] = won / passes;
    return out;
  };
  trainee.save = [&] {
    write_part(settings.loop.out / "reward", io::read_json(settings.model / "config.json"),
               *training.model(), "model.safetensors", settings.output_dtype, settings.model,
               kClipFiles);
  };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
