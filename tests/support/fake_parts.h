// Stand-ins for what a session works with: small, deterministic, without weights.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "omr/core/error.h"
#include "omr/session/parts.h"
#include "omr/session/words.h"

#include "support/memory_file_system.h"

namespace omr::fakes {

// FNV-1a.
inline std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 14695981039346656037u) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// Draws a 2×2 picture whose bytes depend on everything in the request that should matter.
class FakeImageModel : public session::ImageModel {
 public:
  std::vector<session::ImageRequest> requests;
  std::function<void()> before_drawing;  // may throw, or request a stop
  std::vector<std::size_t> batches;      // requests in each call of generate_together
  // Whether a picture shows what it was drawn together with, as rounding does.
  bool batch_shows = false;

  std::vector<std::vector<session::Candidate>> generate_together(
      const std::vector<session::ImageRequest>& together, const session::Progress& progress,
      const Cancellation& cancellation) override {
    batches.push_back(together.size());
    auto out = ImageModel::generate_together(together, progress, cancellation);
    std::uint64_t hash = 0;
    for (const session::ImageRequest& request : together) hash = hash_of(request.prompt, hash);
    for (auto& candidates : out) {
      for (session::Candidate& one : candidates)
        if (batch_shows) one.latents.values[0] += static_cast<float>(hash % 100);
    }
    return out;
  }

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    requests.push_back(request);
    if (before_drawing) before_drawing();
    for (int step = 1; step <= request.steps; ++step) {
      cancellation.check();
      if (progress) progress(step, request.steps);
    }
    std::vector<session::Candidate> out;
    for (const session::CandidateRequest& one : request.candidates) {
      std::uint64_t hash = hash_of(request.prompt + "|" + request.negative_prompt);
      for (const auto& weight : request.weights)
        hash = hash_of(std::to_string(weight.weight), hash);
      for (const auto& lora : request.loras)
        hash = hash_of(lora.file + std::to_string(lora.weight), hash);
      hash = hash_of(std::to_string(one.seed) + "/" + std::to_string(one.strength), hash);
      if (one.init) {
        for (const float value : one.init->values) hash = hash_of(std::to_string(value), hash);
      }
      session::Candidate candidate;
      candidate.seed = one.seed;
      candidate.image = {2, 2, {}};
      for (int i = 0; i < 12; ++i) {
        candidate.image.pixels.push_back(static_cast<std::uint8_t>(hash >> (i % 8 * 8)));
      }
      candidate.latents = {{1, 1, 2},
                           {static_cast<float>(hash % 1000), static_cast<float>(hash % 77)}};
      out.push_back(std::move(candidate));
    }
    return out;
  }
  void check_lora(const session::LoraChoice& lora) override {
    if (lora.file.find("bad") != std::string::npos) {
      throw Error(ErrorKind::mismatch, lora.file + " fits another model");
    }
  }
};

// Answers by a function; without one it replaces nothing and appends the feedback's last word.
class FakeLanguageModel : public session::LanguageModel {
 public:
  using Answer = std::function<session::Refinement(const std::string&, const std::string&)>;
  Answer answer = [](const std::string& prompt, const std::string& feedback) {
    session::Refinement refinement;
    refinement.prompt = prompt + " and a " + feedback.substr(feedback.rfind(' ') + 1);
    return refinement;
  };
  // Further answers, the first of them number 1; none: the model has but one.
  std::vector<std::string> others;
  bool in_turn = false;
  int calls = 0;

  session::Refinement refine(const std::string& prompt, const std::string& feedback,
                             const Cancellation& cancellation) override {
    cancellation.check();
    ++calls;
    return answer(prompt, feedback);
  }
  bool one_wish_at_a_time() const override { return in_turn; }
  std::optional<session::Refinement> another(const std::string&, const std::string&, int number,
                                             const Cancellation&) override {
    if (number > static_cast<int>(others.size())) return std::nullopt;
    session::Refinement refinement;
    refinement.prompt = others[static_cast<std::size_t>(number - 1)];
    return refinement;
  }
};

// A text's embedding is the sum of its words', a picture's comes from its bytes.
class FakeRewardModel : public session::RewardModel {
 public:
  static constexpr int kDimension = 8;
  int text_calls = 0;

  std::vector<session::Embedding> embed_text(const std::vector<std::string>& texts) override {
    ++text_calls;
    std::vector<session::Embedding> out;
    for (const std::string& text : texts) {
      session::Embedding sum(kDimension, 0.0f);
      sum[0] = 0.1f;
      for (const session::Word& word : session::split_words(text)) add(sum, hash_of(word.folded));
      out.push_back(unit(sum));
    }
    return out;
  }
  std::vector<session::Embedding> embed_images(const std::vector<Image>& images) override {
    std::vector<session::Embedding> out;
    for (const Image& image : images) {
      session::Embedding sum(kDimension, 0.0f);
      add(sum, hash_of({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}));
      out.push_back(unit(sum));
    }
    return out;
  }
  double logit_scale() const override { return 10; }

 private:
  static void add(session::Embedding& sum, std::uint64_t hash) {
    for (int i = 0; i < kDimension; ++i)
      sum[i] += static_cast<float>((hash >> (8 * i)) & 0xFF) - 127.5f;
  }
  static session::Embedding unit(session::Embedding vector) {
    double length = 0;
    for (const float value : vector) length += static_cast<double>(value) * value;
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(length));
    return vector;
  }
};

// Files that a person could read: a PNG's signature and "<w> <h> <pixels> <text>".
class FakeCodec : public session::ArtifactCodec {
 public:
  std::string encode_image(const Image& image,
                           const std::vector<std::pair<std::string, std::string>>& text) override {
    std::string bytes =
        kPng + std::to_string(image.width) + " " + std::to_string(image.height) + " ";
    bytes.append(image.pixels.begin(), image.pixels.end());
    for (const auto& [key, value] : text) bytes += key + "=" + value;
    return bytes;
  }
  Image decode_image(std::string_view bytes, const std::string& where) override {
    const std::string head = std::string(kPng) + "2 2 ";
    if (!bytes.starts_with(head) || bytes.size() < head.size() + 12) {
      throw Error(ErrorKind::format, where + " is no picture");
    }
    const auto pixels = bytes.begin() + static_cast<std::ptrdiff_t>(head.size());
    return {2, 2, {pixels, pixels + 12}};
  }
  std::string encode_latents(const std::vector<Latents>& latents) override {
    std::ostringstream bytes;  // rank, shape, values, a line each
    for (const Latents& one : latents) {
      bytes << one.shape.size();
      for (const auto side : one.shape) bytes << ' ' << side;
      for (const float value : one.values) bytes << ' ' << value;
      bytes << '\n';
    }
    return bytes.str();
  }
  std::vector<Latents> decode_latents(std::string_view bytes, const std::string& where) override {
    std::vector<Latents> out;
    std::istringstream lines{std::string(bytes)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::size_t rank = 0;
      if (!(words >> rank) || rank > 4) throw Error(ErrorKind::format, where + " is no latents");
      Latents& one = out.emplace_back();
      one.shape.resize(rank);
      for (auto& side : one.shape) words >> side;
      for (float value = 0; words >> value;) one.values.push_back(value);
    }
    return out;
  }
  std::string sha256(std::string_view bytes) override { return std::to_string(hash_of(bytes)); }

 private:
  static constexpr const char* kPng = "\x89PNG\r\n\x1a\n";
};

class FakeClock : public session::Clock {
 public:
  std::string now() override { return "2026-01-31T12:00:00Z"; }
  double seconds() override { return seconds_ += 0.25; }

 private:
  double seconds_ = 0;
};

// All of them together.
struct FakeWorld {
  FakeImageModel image_model;
  FakeLanguageModel language_model;
  FakeRewardModel reward_model;
  FakeCodec codec;
  MemoryFileSystem files;
  FakeClock clock;
  Cancellation cancellation;

  session::Parts parts() {
    return {image_model, &language_model, &reward_model, codec, files, clock};
  }
};

}  // namespace omr::fakes
