#include "nn/kernel_dispatch.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/accumulate.h>

#include "nn/cuda/kernels.h"

namespace omr::nn {
namespace {

bool is_kernel_type(at::ScalarType type) {
  return type == at::kFloat || type == at::kHalf || type == at::kBFloat16;
}

// The kernels know no gradients.
bool wants_gradient(std::initializer_list<at::Tensor> tensors) {
  return at::GradMode::is_enabled() &&
         std::any_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
           return tensor.defined() && tensor.requires_grad();
         });
}

bool is_like(const at::Tensor& tensor, const at::Tensor& x) {
  return tensor.scalar_type() == x.scalar_type() && tensor.device() == x.device() &&
         tensor.is_contiguous();
}

}  // namespace

bool suits_group_norm_kernel(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                             const at::Tensor& bias) {
  return x.dim() == 4 && x.numel() > 0 && is_kernel_type(x.scalar_type()) &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && x.size(1) % groups == 0 &&
         x.size(1) <= cuda::kMaxNormChannels && groups <= cuda::kMaxNormGroups &&
         is_like(weight, x) && is_like(bias, x) && !wants_gradient({x, weight, bias});
}

bool suits_geglu_kernel(const at::Tensor& x) {
  return x.dim() > 0 && x.numel() > 0 && x.size(-1) % 2 == 0 && is_kernel_type(x.scalar_type()) &&
         x.is_contiguous() && !wants_gradient({x});
}

bool suits_nf4_gemv_kernel(const at::Tensor& x, const Nf4Weight& quantized,
                           const at::Tensor& bias) {
  return quantized.shape.size() == 2 && x.dim() > 0 && x.size(-1) == quantized.shape[1] &&
         x.numel() == x.size(-1) && is_kernel_type(x.scalar_type()) && x.is_contiguous() &&
         quantized.shape[1] % quantized.block_size == 0 &&
         quantized.packed.device() == x.device() && (!bias.defined() || is_like(bias, x)) &&
         !wants_gradient({x, bias});
}

#ifdef OMR_CUDA_KERNELS
namespace {

bool runs_here(const at::Tensor& x) {
  if (!x.is_cuda()) return false;
  static std::mutex mutex;
  static std::map<int, bool> known;
  const std::lock_guard lock(mutex);
  const int device = x.device().index();
  if (!known.contains(device)) known[device] = cuda::kernels_run_on(device);
  return known[device];
}

cuda::Number number_of(at::ScalarType type) {
  if (type == at::kHalf) return cuda::Number::fp16;
  return type == at::kBFloat16 ? cuda::Number::bf16 : cuda::Number::fp32;
}

// libtorch's current stream on a device, without its CUDA headers.
void* stream_of(const at::Tensor& x) {
  const c10::impl::VirtualGuardImpl device(c10::kCUDA);
  return device.getStream(x.device()).native_handle();
}

cuda::Nf4Blocks blocks_of(const Nf4Weight& quantized) {
  cuda::Nf4Blocks out{};
  out.packed = quantized.packed.const_data_ptr<std::uint8_t>();
  if (quantized.nested()) {
    out.codes = quantized.absmax.const_data_ptr<std::uint8_t>();
    out.nested_absmax = quantized.nested_absmax.const_data_ptr<float>();
    out.nested_code = quantized.nested_code.const_data_ptr<float>();
    out.offset = quantized.nested_offset;
  } else {
    out.absmax = quantized.absmax.const_data_ptr<float>();
  }
  out.count = c10::multiply_integers(quantized.shape);
  out.block_size = quantized.block_size;
  return out;
}

cuda::Nf4Code code_book() {
  cuda::Nf4Code out;
  std::copy(kNf4CodeBook.begin(), kNf4CodeBook.end(), out.value);
  return out;
}

}  // namespace

at::Tensor group_norm_kernel(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                             const at::Tensor& bias, double eps, bool silu) {
  if (!runs_here(x) || !suits_group_norm_kernel(x, groups, weight, bias)) return {};
  const c10::DeviceGuard guard(x.device());
  const cuda::GroupNormShape shape{x.size(0), x.size(2) * x.size(3),   x.size(1),
                                   groups,    static_cast<float>(eps), silu};
  at::Tensor out = at::empty_like(x);
  const at::Tensor partial =
      at::empty({cuda::group_norm_workspace(shape)}, x.options().dtype(at::kFloat));
  cuda::group_norm_nhwc(number_of(x.scalar_type()), x.const_data_ptr(), weight.const_data_ptr(),
                        bias.const_data_ptr(), out.mutable_data_ptr(),
                        partial.mutable_data_ptr<float>(), shape, stream_of(x));
  return out;
}

at::Tensor geglu_kernel(const at::Tensor& x) {
  if (!runs_here(x) || !suits_geglu_kernel(x)) return {};
  const c10::DeviceGuard guard(x.device());
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() /= 2;
  at::Tensor out = at::empty(shape, x.options());
  cuda::geglu(number_of(x.scalar_type()), x.const_data_ptr(), out.mutable_data_ptr(),
              out.numel() / shape.back(), shape.back(), stream_of(x));
  return out;
}

at::Tensor dequantize_nf4_kernel(const Nf4Weight& quantized, at::ScalarType dtype) {
  if (!runs_here(quantized.packed) || !is_kernel_type(dtype)) return {};
  const c10::DeviceGuard guard(quantized.packed.device());
  at::Tensor out = at::empty(quantized.shape, quantized.packed.options().dtype(dtype));
  cuda::dequantize_nf4(number_of(dtype), blocks_of(quantized), code_book(), out.mutable_data_ptr(),
                       stream_of(out));
  return out;
}

at::Tensor nf4_gemv_kernel(const at::Tensor& x, const Nf4Weight& quantized,
                           const at::Tensor& bias) {
  if (!runs_here(x) || !suits_nf4_gemv_kernel(x, quantized, bias)) return {};
  const c10::DeviceGuard guard(x.device());
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = quantized.shape[0];
  at::Tensor out = at::empty(shape, x.options());
  cuda::nf4_gemv(number_of(x.scalar_type()), x.const_data_ptr(), blocks_of(quantized), code_book(),
                 bias.defined() ? bias.const_data_ptr() : nullptr, out.mutable_data_ptr(),
                 quantized.shape[0], quantized.shape[1], stream_of(x));
  return out;
}
#else
at::Tensor group_norm_kernel(const at::Tensor&, std::int64_t, const at::Tensor&, const at::Tensor&,
                             double, bool) {
  return {};
}
at::Tensor geglu_kernel(const at::Tensor&) { return {}; }
at::Tensor dequantize_nf4_kernel(const Nf4Weight&, at::ScalarType) { return {}; }
at::Tensor nf4_gemv_kernel(const at::Tensor&, const Nf4Weight&, const at::Tensor&) { return {}; }
#endif

}  // namespace omr::nn
