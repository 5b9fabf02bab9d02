#include "nn/nf4_linear.h"

#include <optional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace omr::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Nf4LinearFunction : public torch::autograd::Function<Nf4LinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Nf4Weight& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward(
        {weight.packed, weight.absmax, weight.nested_absmax, weight.nested_code});
    context->saved_data["nested_offset"] = static_cast<double>(weight.nested_offset);
    context->saved_data["shape"] = weight.shape;
    context->saved_data["block_size"] = weight.block_size;
    context->saved_data["x_dtype"] = static_cast<std::int64_t>(x.scalar_type());
    return at::linear(x, dequantize_nf4(weight, x.scalar_type()), bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    Nf4Weight weight;
    weight.packed = saved[0];
    weight.absmax = saved[1];
    weight.nested_absmax = saved[2];
    weight.nested_code = saved[3];
    weight.nested_offset = static_cast<float>(context->saved_data["nested_offset"].toDouble());
    weight.shape = context->saved_data["shape"].toIntVector();
    weight.block_size = context->saved_data["block_size"].toInt();
    const at::Tensor& gradient = gradients[0];
    const at::Tensor to_x = gradient.matmul(dequantize_nf4(weight, gradient.scalar_type()));
    const auto dtype = static_cast<at::ScalarType>(context->saved_data["x_dtype"].toInt());
    return {to_x.to(dtype), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor nf4_linear(const at::Tensor& x, const Nf4Weight& weight, const at::Tensor& bias) {
  // A tensor argument must be defined.
  return Nf4LinearFunction::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

}  // namespace omr::nn
