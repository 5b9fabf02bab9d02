#include "schedulers/brownian_tree.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "schedulers/seed_sequence.h"

namespace omr::schedulers {
namespace {

constexpr std::size_t kPoolSize = 24;

// Times are counted in millionths, rounded as Python's round(x, 6) does: correctly, in decimal.
double rounded(double time) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6f", time);
  return std::strtod(text, nullptr);
}

}  // namespace

BrownianTree::BrownianTree(double start, double end, std::vector<std::int64_t> shape,
                           std::uint64_t seed)
    : shape_(std::move(shape)), seed_(seed) {
  const std::uint32_t word = seed_sequence(seed, {}, kPoolSize, 1).front();
  root_ = {rounded(start), rounded(end), 0, 0, noise(word) * std::sqrt(end - start)};
}

at::Tensor BrownianTree::increment(double from, double to) const {
  from = rounded(std::clamp(from, root_.start, root_.end));
  to = rounded(std::clamp(to, root_.start, root_.end));
  if (from >= to) return at::zeros(shape_, at::kFloat);
  std::vector<at::Tensor> parts;
  collect(root_, from, to, parts);
  at::Tensor sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) sum = sum + parts[i];
  return sum;
}

void BrownianTree::collect(const Node& node, double from, double to,
                           std::vector<at::Tensor>& parts) const {
  if (from == node.start && to == node.end) {
    parts.push_back(node.increment);
    return;
  }
  const double middle = rounded(0.5 * (node.end + node.start));
  // The increment up to the middle, given the whole one: a Brownian bridge.
  const double left = middle - node.start, right = node.end - middle;
  const double reciprocal = 1 / (node.end - node.start);
  const std::uint32_t word = seed_sequence(seed_, {node.key, node.depth}, kPoolSize, 1).front();
  const at::Tensor left_increment =
      left * node.increment * reciprocal + std::sqrt(left * right * reciprocal) * noise(word);
  const Node first = {node.start, middle, 2 * node.key, node.depth + 1, left_increment};
  const Node second = {middle, node.end, 2 * node.key + 1, node.depth + 1,
                       node.increment - left_increment};
  if (from < middle) collect(first, from, std::min(to, middle), parts);
  if (to > middle) collect(second, std::max(from, middle), to, parts);
}

at::Tensor BrownianTree::noise(std::uint32_t seed) const {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape_, generator, at::TensorOptions().dtype(at::kFloat));
}

}  // namespace omr::schedulers
