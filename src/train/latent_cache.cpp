#include "train/latent_cache.h"

#include <ATen/ATen.h>

#include "omr/io/safetensors.h"
#include "omr/io/sha256.h"
#include "omr/train/training_pixels.h"

namespace omr::train {
namespace {

constexpr std::uint64_t kBatch = 16;

// What the moments depend on.
std::string digest_of(diffusion::AutoencoderKLImpl& vae, const ImageTextSource& source, int width,
                      int height) {
  std::string text =
      source.description().dump() + " " + std::to_string(width) + "x" + std::to_string(height);
  for (const at::Tensor& parameter : vae.parameters()) {
    const at::Tensor bytes = parameter.detach().cpu().contiguous();
    text += io::sha256({static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()});
  }
  return io::sha256(text);
}

}  // namespace

std::function<void(std::int64_t, std::int64_t)> encoding_progress(const LoopObserver& observer) {
  return [&observer, told = std::int64_t{0}](std::int64_t done, std::int64_t all) mutable {
    constexpr std::int64_t kReports = 10;
    if (done * kReports / all == told) return;
    told = done * kReports / all;
    observer.on_message("encoded " + std::to_string(done) + " of " + std::to_string(all) +
                        " pictures");
  };
}

LatentCache::LatentCache(diffusion::AutoencoderKL vae, const ImageTextSource& source, int width,
                         int height, const std::filesystem::path& file,
                         const std::function<void(std::int64_t, std::int64_t)>& on_progress,
                         const Cancellation& cancellation)
    : vae_(std::move(vae)), source_(source), width_(width), height_(height) {
  const std::uint64_t count = source.size();
  if (count == 0) return;
  const std::string digest = digest_of(*vae_, source, width, height);
  std::error_code code;
  if (std::filesystem::exists(file, code)) {
    const auto kept = io::SafetensorsFile::open(file);
    const auto found = kept->metadata().find("digest");
    if (found != kept->metadata().end() && found->second == digest &&
        kept->find("moments") != nullptr && kept->find("objects") != nullptr) {
      moments_ = kept->tensor("moments");
      objects_ = kept->tensor("objects");
      if (moments_.size(0) == static_cast<std::int64_t>(count) &&
          objects_.size(0) == moments_.size(0))
        return;
      moments_ = objects_ = at::Tensor();
    }
  }
  for (std::uint64_t begin = 0; begin < count; begin += kBatch) {
    cancellation.check();
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = begin; i < std::min(count, begin + kBatch); ++i) indices.push_back(i);
    const EncodedPictures part = encode(indices);
    const at::Tensor both =
        at::cat({part.moments.mean, part.moments.logvar}, 1).to(at::kFloat).cpu();
    if (!moments_.defined()) {
      const auto all = static_cast<std::int64_t>(count);
      moments_ = at::empty({all, both.size(1), both.size(2), both.size(3)});
      objects_ = at::empty({all, 1, both.size(2), both.size(3)});
    }
    moments_.narrow(0, static_cast<std::int64_t>(begin), both.size(0)).copy_(both);
    objects_.narrow(0, static_cast<std::int64_t>(begin), both.size(0)).copy_(part.objects);
    if (on_progress)
      on_progress(static_cast<std::int64_t>(begin) + both.size(0),
                  static_cast<std::int64_t>(count));
  }
  io::write_safetensors(file, {{"moments", moments_}, {"objects", objects_}}, {{"digest", digest}});
}

EncodedPictures LatentCache::encode(const std::vector<std::uint64_t>& indices) {
  const at::NoGradGuard no_grad;
  std::vector<Image> images;
  for (const std::uint64_t index : indices)
    images.push_back(fit_image(source_.image(index), width_, height_));
  const at::Device device = vae_->parameters().front().device();
  const at::Tensor pixels = to_batch(images).to(device);
  return {vae_->encode(pixels), object_share(pixels, vae_->config().downscale())};
}

EncodedPictures LatentCache::pictures(const std::vector<std::uint64_t>& indices) {
  if (!moments_.defined()) return encode(indices);
  std::vector<std::int64_t> rows(indices.begin(), indices.end());
  const at::Tensor chosen = at::tensor(rows, at::kLong);
  const at::Device device = vae_->parameters().front().device();
  const auto halves = moments_.index_select(0, chosen).to(device).chunk(2, 1);
  return {{halves[0], halves[1]}, objects_.index_select(0, chosen).to(device)};
}

}  // namespace omr::train
