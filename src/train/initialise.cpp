#include "omr/train/initialise.h"

#include <cmath>

#include <ATen/ATen.h>

#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::train {
namespace {

void fill_norms(torch::nn::Module& module) {
  for (const auto& item : module.named_modules()) {
    if (auto* norm = item.value()->as<nn::GroupNormImpl>()) {
      norm->weight.fill_(1);
      norm->bias.fill_(0);
    } else if (auto* layer = item.value()->as<nn::LayerNormImpl>()) {
      layer->weight.fill_(1);
      layer->bias.fill_(0);
    } else if (auto* rms = item.value()->as<nn::RMSNormImpl>()) {
      rms->weight.fill_(1);
    }
  }
}

void fill_as_pytorch(torch::nn::Module& module, const at::Generator& generator) {
  const at::NoGradGuard no_grad;
  fill_norms(module);
  const auto uniform = [&](at::Tensor& weight, at::Tensor& bias) {
    const double bound = 1 / std::sqrt(static_cast<double>(weight[0].numel()));
    weight.uniform_(-bound, bound, generator);
    if (bias.defined()) bias.uniform_(-bound, bound, generator);
  };
  for (const auto& item : module.named_modules()) {
    if (auto* linear = item.value()->as<nn::LinearImpl>()) uniform(linear->weight, linear->bias);
    if (auto* convolution = item.value()->as<nn::Conv2dImpl>())
      uniform(convolution->weight, convolution->bias);
  }
}

void fill_linear(nn::LinearImpl& linear, double deviation, const at::Generator& generator) {
  linear.weight.normal_(0, deviation, generator);
  if (linear.bias.defined()) linear.bias.fill_(0);
}

void fill_encoder(text::CLIPEncoderImpl& encoder, const text::CLIPEncoderConfig& config,
                  double factor, const at::Generator& generator) {
  const double width = static_cast<double>(config.hidden_size);
  const double in_proj =
      factor / std::sqrt(width * 2 * static_cast<double>(config.num_hidden_layers));
  const double out_proj = factor / std::sqrt(width);
  for (const auto& child : *encoder.layers) {
    auto& layer = *child->as<text::CLIPEncoderLayer>();
    for (nn::Linear* linear :
         {&layer.self_attn->q_proj, &layer.self_attn->k_proj, &layer.self_attn->v_proj}) {
      fill_linear(**linear, in_proj, generator);
    }
    fill_linear(*layer.self_attn->out_proj, out_proj, generator);
    fill_linear(*layer.mlp->fc1, factor / std::sqrt(2 * width), generator);
    fill_linear(*layer.mlp->fc2, in_proj, generator);
  }
}

void fill_text(text::CLIPTextTransformerImpl& model, double factor,
               const at::Generator& generator) {
  constexpr double kEmbeddingDeviation = 0.02;
  model.embeddings->token_embedding->weight.normal_(0, factor * kEmbeddingDeviation, generator);
  model.embeddings->position_embedding->weight.normal_(0, factor * kEmbeddingDeviation, generator);
  fill_encoder(*model.encoder, model.config().encoder, factor, generator);
}

double key_of(const io::Config& config, const std::string& tower, const std::string& key,
              double otherwise) {
  return config.has(tower) ? config.child(tower).number(key, otherwise)
                           : config.number(key, otherwise);
}

constexpr double kInitializerRange = 0.02;

}  // namespace

void initialise(diffusion::UNet2DConditionModelImpl& unet, at::Generator generator) {
  fill_as_pytorch(unet, generator);
}

void initialise(diffusion::AutoencoderKLImpl& vae, at::Generator generator) {
  fill_as_pytorch(vae, generator);
}

void initialise(LayoutDecoderImpl& decoder, at::Generator generator) {
  // Far enough apart for the first attention to tell them apart.
  constexpr double kQueryDeviation = 0.5;
  fill_as_pytorch(decoder, generator);
  const at::NoGradGuard no_grad;
  decoder.queries.normal_(0, kQueryDeviation, generator);
}

void initialise(PatchDiscriminatorImpl& discriminator, at::Generator generator) {
  constexpr double kDeviation = 0.02;
  fill_as_pytorch(discriminator, generator);
  const at::NoGradGuard no_grad;
  for (const auto& item : discriminator.named_modules()) {
    if (auto* convolution = item.value()->as<nn::Conv2dImpl>())
      convolution->weight.normal_(0, kDeviation, generator);
    if (auto* norm = item.value()->as<BatchNormImpl>()) {
      norm->weight.normal_(1, kDeviation, generator);
      norm->bias.fill_(0);
    }
  }
}

void initialise(text::CLIPTextModelImpl& model, const io::Config& config, at::Generator generator) {
  const at::NoGradGuard no_grad;
  fill_norms(model);
  fill_text(*model.text_model, key_of(config, "text_config", "initializer_factor", 1), generator);
}

void initialise(reward::CLIPModelImpl& model, const io::Config& config, at::Generator generator) {
  constexpr double kLogitScale = 2.6592;
  const at::NoGradGuard no_grad;
  fill_norms(model);
  fill_text(*model.text_model, key_of(config, "text_config", "initializer_factor", 1), generator);

  const double factor = key_of(config, "vision_config", "initializer_factor", 1);
  const double range = key_of(config, "vision_config", "initializer_range", kInitializerRange);
  const text::CLIPEncoderConfig& vision = model.config().vision.encoder;
  reward::CLIPVisionEmbeddingsImpl& embeddings = *model.vision_model->embeddings;
  embeddings.class_embedding.normal_(0, factor / std::sqrt(static_cast<double>(vision.hidden_size)),
                                     generator);
  embeddings.patch_embedding->weight.normal_(0, range * factor, generator);
  embeddings.position_embedding->weight.normal_(0, range * factor, generator);
  fill_encoder(*model.vision_model->encoder, vision, factor, generator);

  const double overall = config.number("initializer_factor", 1);
  fill_linear(*model.text_projection,
              overall / std::sqrt(static_cast<double>(model.config().text.encoder.hidden_size)),
              generator);
  fill_linear(*model.visual_projection,
              overall / std::sqrt(static_cast<double>(vision.hidden_size)), generator);
  model.logit_scale.fill_(config.number("logit_scale_init_value", kLogitScale));
}

at::Tensor sinusoidal_positions(std::int64_t rows, std::int64_t columns, std::int64_t width) {
  constexpr double kAmplitude = 2, kTemperature = 100, kFastest = M_PI / 2;  // radians a patch
  const std::int64_t count = width / 4;
  const at::Tensor rates =
      kFastest * at::pow(kTemperature, -at::linspace(0, 1, count, at::kDouble));
  const auto waves = [&](std::int64_t length) {
    const at::Tensor angles = at::arange(length, at::kDouble).unsqueeze(1) * rates;
    return at::cat({angles.sin(), angles.cos()}, 1);  // [length, width / 2]
  };
  const at::Tensor across = waves(columns).unsqueeze(0).expand({rows, -1, -1}),
                   down = waves(rows).unsqueeze(1).expand({-1, columns, -1});
  const at::Tensor all = at::cat({across, down}, 2).flatten(0, 1);
  return (kAmplitude * (all - all.mean(0))).to(at::kFloat);
}

void initialise(llm::LlamaForCausalLMImpl& model, const io::Config& config,
                at::Generator generator) {
  const at::NoGradGuard no_grad;
  fill_norms(model);
  const double range = config.number("initializer_range", kInitializerRange);
  for (const auto& item : model.named_modules()) {
    if (auto* linear = item.value()->as<nn::LinearImpl>()) fill_linear(*linear, range, generator);
    if (auto* embedding = item.value()->as<nn::EmbeddingImpl>())
      embedding->weight.normal_(0, range, generator);
  }
}

}  // namespace omr::train
