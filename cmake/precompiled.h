// What nearly every source that sees tensors reads, compiled once. <torch/torch.h> would triple the
// time of each source: what it instantiates is paid for again in every file that loads it.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include <nlohmann/json.hpp>
