#include "omr/nn/recompute.h"

#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace omr::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

thread_local bool recomputing = false;

// Products in the type of the forward pass. Casts of weights that are made on the way are dropped
// at the end: the weights change before they would be used again.
class SameAutocast {
 public:
  SameAutocast(c10::DeviceType device, bool enabled, at::ScalarType dtype)
      : device_(device),
        enabled_(at::autocast::is_autocast_enabled(device)),
        dtype_(at::autocast::get_autocast_dtype(device)) {
    at::autocast::set_autocast_enabled(device_, enabled);
    at::autocast::set_autocast_dtype(device_, dtype);
    at::autocast::increment_nesting();
  }
  ~SameAutocast() {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_dtype(device_, dtype_);
    at::autocast::set_autocast_enabled(device_, enabled_);
  }
  SameAutocast(const SameAutocast&) = delete;
  SameAutocast& operator=(const SameAutocast&) = delete;

 private:
  c10::DeviceType device_;
  bool enabled_;
  at::ScalarType dtype_;
};

struct KeptLayer : torch::CustomClassHolder {
  explicit KeptLayer(Layer kept) : layer(std::move(kept)) {}
  Layer layer;
};

class RecomputedLayer : public torch::autograd::Function<RecomputedLayer> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& other, const Layer& layer) {
    const c10::DeviceType device = x.device().type();
    context->save_for_backward({x, other.value_or(at::Tensor())});
    context->saved_data["layer"] = c10::IValue::make_capsule(c10::make_intrusive<KeptLayer>(layer));
    context->saved_data["autocast"] = at::autocast::is_autocast_enabled(device);
    context->saved_data["dtype"] = at::autocast::get_autocast_dtype(device);
    return layer(x, other.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto kept =
        c10::static_intrusive_pointer_cast<KeptLayer>(context->saved_data["layer"].toCapsule());
    const auto leaf = [](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.detach().requires_grad_(tensor.requires_grad())
                              : at::Tensor();
    };
    const at::Tensor x = leaf(saved[0]), other = leaf(saved[1]);
    const at::AutoGradMode gradients_on(true);
    at::Tensor y;
    {
      const SameAutocast autocast(x.device().type(), context->saved_data["autocast"].toBool(),
                                  context->saved_data["dtype"].toScalarType());
      y = kept->layer(x, other);
    }
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), other.defined() ? other.grad() : at::Tensor(), at::Tensor()};
  }
};

}  // namespace

Recomputation::Recomputation(bool active) : before_(std::exchange(recomputing, active)) {}
Recomputation::~Recomputation() { recomputing = before_; }

at::Tensor recomputed(const Layer& layer, const at::Tensor& x, const at::Tensor& other) {
  const bool wanted = recomputing && at::GradMode::is_enabled() &&
                      (x.requires_grad() || (other.defined() && other.requires_grad()));
  if (!wanted) return layer(x, other);
  return RecomputedLayer::apply(x, other.defined() ? std::optional(other) : std::nullopt, layer);
}

}  // namespace omr::nn
