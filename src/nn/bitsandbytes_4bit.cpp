#include "nn/bitsandbytes_4bit.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::nn {
namespace {

constexpr std::string_view kState = ".quant_state.bitsandbytes__";

std::string state_name(const io::Weights& weights, const std::string& weight) {
  for (const char* type : {"nf4", "fp4"}) {
    const std::string name = weight + std::string(kState) + type;
    if (weights.contains(name)) return name;
  }
  return {};
}

// The JSON text that a uint8 tensor holds.
io::Config read_state(const io::Weights& weights, const std::string& name) {
  const at::Tensor bytes = weights.tensor(name).contiguous();
  const std::string where = weights.where() + ": " + name;
  if (bytes.scalar_type() != at::kByte) throw Error(ErrorKind::format, where + " is not uint8");
  const std::string_view text(reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>()),
                              static_cast<std::size_t>(bytes.numel()));
  return io::Config(io::parse_json(text, where), where);
}

at::ScalarType dtype_of(const io::Config& state) {
  static const std::array<std::pair<const char*, at::ScalarType>, 3> kNames = {
      {{"float32", at::kFloat}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16}}};
  const std::string name = state.text("dtype");
  for (const auto& [known, dtype] : kNames) {
    if (name == known) return dtype;
  }
  throw Error(ErrorKind::mismatch,
              state.where() + ": dtype \"" + name + "\" is not one of float32, float16, bfloat16");
}

}  // namespace

bool is_bitsandbytes_4bit(const io::Weights& weights, const std::string& name) {
  return weights.contains(name) && !state_name(weights, name).empty();
}

std::vector<std::string> bitsandbytes_4bit_companions(const io::Weights& weights,
                                                      const std::string& name) {
  std::vector<std::string> out = {state_name(weights, name)};
  for (const char* part : {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"}) {
    if (weights.contains(name + part)) out.push_back(name + part);
  }
  return out;
}

Nf4Weight read_bitsandbytes_4bit(const io::Weights& weights, const std::string& name) {
  const io::Config state = read_state(weights, state_name(weights, name));
  if (const std::string type = state.text("quant_type"); type != "nf4") {
    throw Error(ErrorKind::mismatch, weights.where() + ": " + name + " is packed as " + type +
                                         "; omr computes nf4: save the model again with "
                                         "bnb_4bit_quant_type=\"nf4\", or unquantised");
  }
  Nf4Weight out;
  out.block_size = state.integer_within("blocksize", 32, 4096);
  out.shape = state.integers("shape");
  out.dtype = dtype_of(state);
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  std::int64_t count = 1;
  for (std::int64_t size : out.shape) {
    if (size < 1 || size > kLargest / count) {
      throw Error(ErrorKind::format, state.where() + ": absurd shape");
    }
    count *= size;
  }
  const auto part = [&](const char* suffix, at::ScalarType dtype, std::int64_t size) {
    const at::Tensor tensor = weights.tensor(name + suffix);
    if (tensor.scalar_type() != dtype || tensor.numel() != size) {
      throw Error(ErrorKind::format, weights.where() + ": " + name + suffix + " holds " +
                                         std::to_string(tensor.numel()) + " values of type " +
                                         c10::toString(tensor.scalar_type()) + ", expected " +
                                         std::to_string(size) + " of type " + c10::toString(dtype));
    }
    return tensor.contiguous().flatten();
  };
  out.packed = part("", at::kByte, (count + 1) / 2).view({-1, 1});
  const std::int64_t blocks = (count + out.block_size - 1) / out.block_size;
  const at::Tensor code = part(".quant_map", at::kFloat, 16);
  for (std::int64_t i = 0; i < code.numel(); ++i) {
    if (std::abs(code.const_data_ptr<float>()[i] - kNf4CodeBook[static_cast<std::size_t>(i)]) <
        1e-6f) {
      continue;
    }
    throw Error(ErrorKind::mismatch,
                weights.where() + ": " + name + ".quant_map is not the code book of NF4");
  }
  if (!weights.contains(name + ".nested_absmax")) {
    out.absmax = part(".absmax", at::kFloat, blocks);
    return out;
  }
  constexpr std::int64_t kNestedBlockSize = 256;
  state.expect("nested_blocksize", kNestedBlockSize);
  out.absmax = part(".absmax", at::kByte, blocks);
  out.nested_absmax =
      part(".nested_absmax", at::kFloat, (blocks + kNestedBlockSize - 1) / kNestedBlockSize);
  out.nested_code = part(".nested_quant_map", at::kFloat, 256);
  out.nested_offset = static_cast<float>(state.number("nested_offset", 0));
  return out;
}

}  // namespace omr::nn
