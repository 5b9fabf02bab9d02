// The processes that share a run, as torchrun or srun start them: RANK, WORLD_SIZE, LOCAL_RANK,
// MASTER_ADDR, MASTER_PORT (torch/distributed/run.py); srun's SLURM_PROCID, SLURM_NTASKS,
// SLURM_LOCALID serve when those are absent.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace omr::train {

class ProcessGroup {
 public:
  // One process alone: nothing is sent.
  ProcessGroup();
  // Joins what the environment describes; alone when it describes nothing. Gloo for tensors on the
  // CPU, NCCL on CUDA. Throws Error(usage) for a half description, Error(io) when the others do not
  // come, Error(resource) when this PyTorch has no backend for the device.
  static ProcessGroup from_environment(c10::Device device);
  ~ProcessGroup();
  ProcessGroup(ProcessGroup&&) noexcept;
  ProcessGroup& operator=(ProcessGroup&&) noexcept;

  std::int64_t rank() const { return rank_; }
  std::int64_t size() const { return size_; }
  bool is_first() const { return rank_ == 0; }

  // Every process holds the sum afterwards. The tensors travel as one.
  void all_reduce(const std::vector<at::Tensor>& tensors);
  double all_reduce(double value);
  // Every process holds what the first one does.
  void broadcast(const std::vector<at::Tensor>& tensors);

 private:
  struct Link;
  std::unique_ptr<Link> link_;  // null when alone
  std::int64_t rank_ = 0;
  std::int64_t size_ = 1;
};

// LOCAL_RANK (or SLURM_LOCALID), 0 when absent: which GPU of this machine is this process's.
std::int64_t local_rank();

}  // namespace omr::train
