#include "omr/train/process_group.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <ATen/ATen.h>

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "omr/core/error.h"

namespace omr::train {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::int64_t> number(const char* name) {
  const auto text = variable(name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto result = std::from_chars(text->data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value < 0) {
    throw Error(ErrorKind::usage, std::string(name) + "=" + *text + " is not a number");
  }
  return value;
}

std::optional<std::int64_t> either(const char* torchrun, const char* slurm) {
  const auto value = number(torchrun);
  return value ? value : number(slurm);
}

// Long enough for a machine that loads its models from a slow disk first.
constexpr std::chrono::minutes kPatience{30};

}  // namespace

struct ProcessGroup::Link {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;

  // Gloo sums in the CPU's memory, wherever the tensors live.
  at::Tensor flat(const std::vector<at::Tensor>& tensors) const {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& tensor : tensors) parts.push_back(tensor.detach().reshape({-1}).cpu());
    return at::cat(parts);
  }
  static void spread(const at::Tensor& flat, const std::vector<at::Tensor>& tensors) {
    const at::NoGradGuard no_grad;
    std::int64_t begin = 0;
    for (const at::Tensor& tensor : tensors) {
      at::Tensor into = tensor;
      into.copy_(flat.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
      begin += tensor.numel();
    }
  }
};

ProcessGroup::ProcessGroup() = default;
ProcessGroup::~ProcessGroup() = default;
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;

ProcessGroup ProcessGroup::from_environment() {
  ProcessGroup out;
  // Slurm's own variables stand in every job's environment: they mean processes only beside an
  // address.
  const auto address = variable("MASTER_ADDR");
  if (!address && !variable("WORLD_SIZE") && !variable("RANK")) return out;
  const auto rank = either("RANK", "SLURM_PROCID"), size = either("WORLD_SIZE", "SLURM_NTASKS");
  const auto port = number("MASTER_PORT");
  if (!address || !port || !rank || !size || *size < 1 || *rank >= *size || *port > 65535) {
    throw Error(
        ErrorKind::usage,
        "several processes need RANK below WORLD_SIZE (or srun's SLURM_PROCID and SLURM_NTASKS), "
        "MASTER_ADDR and MASTER_PORT; unset them to train alone, or use torchrun --no-python");
  }
  out.rank_ = *rank;
  out.size_ = *size;
  if (out.size_ == 1) return out;

  const std::string where = *address + ":" + std::to_string(*port);
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(*port);
    // torchrun's agent serves the store itself; then every process is a client, the first one too.
    options.isServer =
        out.rank_ == 0 && variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") != "True";
    options.numWorkers = static_cast<std::size_t>(out.size_);
    options.waitWorkers = false;
    options.timeout = kPatience;
    out.link_ = std::make_unique<Link>();
    const auto store = c10::make_intrusive<c10d::TCPStore>(*address, options);
    // The agent's store outlives a restart of its workers, whose keys must not meet those of
    // before.
    const std::string attempt = variable("TORCHELASTIC_RESTART_COUNT").value_or("0");
    out.link_->store = c10::make_intrusive<c10d::PrefixStore>("omr/" + attempt, store);
    out.link_->backend = c10::make_intrusive<c10d::ProcessGroupGloo>(
        out.link_->store, static_cast<int>(out.rank_), static_cast<int>(out.size_),
        c10d::ProcessGroupGloo::Options::create_default(kPatience));
  } catch (const std::exception& error) {
    const std::string cause = error.what();
    throw Error(ErrorKind::io, "process " + std::to_string(out.rank_) + " of " +
                                   std::to_string(out.size_) + " did not reach the others at " +
                                   where + ": " + cause.substr(0, cause.find('\n')));
  }
  return out;
}

template <typename Exchange>
void ProcessGroup::exchange(const std::vector<at::Tensor>& tensors, const Exchange& with) {
  if (!link_ || tensors.empty()) return;
  std::vector<at::Tensor> flat = {link_->flat(tensors)};
  try {
    with(*link_->backend, flat)->wait();
  } catch (const std::exception&) {
    // What c10d says of it is an address and a place in its source.
    throw Error(ErrorKind::io, "process " + std::to_string(rank_) + " of " + std::to_string(size_) +
                                   " lost the others: one of them ended, and its own message says "
                                   "why");
  }
  Link::spread(flat.front(), tensors);
}

void ProcessGroup::all_reduce(const std::vector<at::Tensor>& tensors) {
  exchange(tensors, [](c10d::Backend& backend, std::vector<at::Tensor>& flat) {
    return backend.allreduce(flat);
  });
}

double ProcessGroup::all_reduce(double value) {
  if (!link_) return value;
  const at::Tensor tensor = at::full({1}, value, at::kDouble);
  all_reduce({tensor});
  return tensor.item<double>();
}

void ProcessGroup::broadcast(const std::vector<at::Tensor>& tensors) {
  exchange(tensors, [](c10d::Backend& backend, std::vector<at::Tensor>& flat) {
    return backend.broadcast(flat);
  });
}

std::int64_t local_rank() { return either("LOCAL_RANK", "SLURM_LOCALID").value_or(0); }

}  // namespace omr::train
