#include "omr/train/adversarial_loss.h"

#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace omr::train {
namespace {

// While it lives, gradients pass through a module and leave none in it.
class PassedThrough {
 public:
  explicit PassedThrough(const torch::nn::Module& module) {
    for (at::Tensor& parameter : module.parameters()) {
      if (!parameter.requires_grad()) continue;
      parameter.requires_grad_(false);
      parameters_.push_back(parameter);
    }
  }
  ~PassedThrough() {
    for (at::Tensor& parameter : parameters_) parameter.requires_grad_(true);
  }
  PassedThrough(const PassedThrough&) = delete;
  PassedThrough& operator=(const PassedThrough&) = delete;

 private:
  std::vector<at::Tensor> parameters_;
};

}  // namespace

AdversarialLoss adversarial_loss(PatchDiscriminator& discriminator,
                                 const at::Tensor& reconstruction, const at::Tensor& pixels) {
  AdversarialLoss out;
  {
    const PassedThrough passed_through(*discriminator);
    out.generator = -discriminator(reconstruction).mean();
  }
  // Each batch has statistics of its own: pictures and reconstructions go separately.
  const at::Tensor real = discriminator(pixels), fake = discriminator(reconstruction.detach());
  out.discriminator = 0.5 * (at::relu(1 - real).mean() + at::relu(1 + fake).mean());
  return out;
}

at::Tensor adaptive_weight(const at::Tensor& reconstruction_loss, const at::Tensor& generator_loss,
                           const at::Tensor& last_layer) {
  constexpr double kEps = 1e-4, kMost = 1e4;
  const auto norm_of = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {last_layer}, /*grad_outputs=*/{}, /*retain_graph=*/true)
        .front()
        .norm();
  };
  const at::Tensor wanted = norm_of(reconstruction_loss), present = norm_of(generator_loss);
  return (wanted / (present + kEps)).clamp(0, kMost).detach();
}

}  // namespace omr::train
