// The processes that share a run, as torchrun or srun start them: RANK, WORLD_SIZE, LOCAL_RANK,
// MASTER_ADDR, MASTER_PORT (torch/distributed/run.py); srun's SLURM_PROCID, SLURM_NTASKS,
// SLURM_LOCALID serve when those are absent.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

namespace omr::train {

class ProcessGroup {
 public:
  // One process alone: nothing is sent.
  ProcessGroup();
  // Joins what the environment describes; alone when it describes nothing. Gloo carries the
  // tensors, those on CUDA through the CPU's memory. Throws Error(usage) for a half description,
  // Error(io) when the others do not come.
  static ProcessGroup from_environment();
  ~ProcessGroup();
  ProcessGroup(ProcessGroup&&) noexcept;
  ProcessGroup& operator=(ProcessGroup&&) noexcept;

  std::int64_t rank() const { return rank_; }
  std::int64_t size() const { return size_; }
  bool is_first() const { return rank_ == 0; }

  // Every process holds the sum afterwards. The tensors travel as one. Throws Error(io) when a
  // process is gone; likewise below.
  void all_reduce(const std::vector<at::Tensor>& tensors);
  double all_reduce(double value);
  // Every process holds what the first one does.
  void broadcast(const std::vector<at::Tensor>& tensors);

 private:
  struct Link;
  // `with(backend, tensors in one)` starts the exchange. Throws Error(io) when a process is gone.
  template <typename Exchange>
  void exchange(const std::vector<at::Tensor>& tensors, const Exchange& with);

  std::unique_ptr<Link> link_;  // null when alone
  std::int64_t rank_ = 0;
  std::int64_t size_ = 1;
};

// LOCAL_RANK (or SLURM_LOCALID), 0 when absent: which GPU of this machine is this process's.
std::int64_t local_rank();

}  // namespace omr::train
