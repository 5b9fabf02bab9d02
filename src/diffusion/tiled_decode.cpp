#include "omr/diffusion/tiled_decode.h"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>

namespace omr::diffusion {
namespace {

constexpr double kOverlap = 0.25;

// Fades the first `extent` rows (dim 2) or columns (dim 3) of `tile` in over the last of `before`.
void blend(const at::Tensor& before, at::Tensor& tile, std::int64_t extent, std::int64_t dim) {
  extent = std::min({before.size(dim), tile.size(dim), extent});
  if (extent == 0) return;
  std::vector<std::int64_t> shape(4, 1);
  shape[static_cast<std::size_t>(dim)] = extent;
  const at::Tensor share =
      (at::arange(extent, at::TensorOptions().dtype(at::kFloat).device(tile.device())) /
       static_cast<double>(extent))
          .to(tile.scalar_type())
          .view(shape);
  at::Tensor edge = tile.narrow(dim, 0, extent);
  const at::Tensor fading = before.narrow(dim, before.size(dim) - extent, extent);
  edge.copy_(fading * (1 - share) + edge * share);
}

}  // namespace

at::Tensor tiled_decode(AutoencoderKL& vae, const at::Tensor& latents, std::int64_t tile) {
  tile = std::max<std::int64_t>(tile, 4);
  if (latents.size(2) <= tile && latents.size(3) <= tile) return vae->decode(latents);
  const std::int64_t pixels = tile * vae->config().downscale();
  const auto stride = static_cast<std::int64_t>(static_cast<double>(tile) * (1 - kOverlap));
  const auto extent = static_cast<std::int64_t>(static_cast<double>(pixels) * kOverlap);
  const std::int64_t kept = pixels - extent;

  const auto cut = [&](std::int64_t from, std::int64_t dim, const at::Tensor& of) {
    return of.narrow(dim, from, std::min(tile, of.size(dim) - from));
  };
  std::vector<at::Tensor> rows, above;
  for (std::int64_t y = 0; y < latents.size(2); y += stride) {
    std::vector<at::Tensor> row, out;
    for (std::int64_t x = 0; x < latents.size(3); x += stride) {
      at::Tensor decoded = vae->decode(cut(x, 3, cut(y, 2, latents)));
      if (!above.empty()) blend(above[row.size()], decoded, extent, 2);
      if (!row.empty()) blend(row.back(), decoded, extent, 3);
      row.push_back(decoded);
      out.push_back(decoded.slice(2, 0, kept).slice(3, 0, kept));
    }
    rows.push_back(at::cat(out, 3));
    above = std::move(row);
  }
  return at::cat(rows, 2);
}

}  // namespace omr::diffusion
