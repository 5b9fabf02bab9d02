// Trains a language model to refine prompts: next token, on the answers alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <ATen/core/ScalarType.h>

#include "omr/llm/refiner_template.h"
#include "omr/llm/sentencepiece_tokenizer.h"
#include "omr/train/refiner_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct RefinerSettings {
  LoopSettings loop;
  // Folder with config.json, tokenizer.model and refiner.json, and weights unless from_nothing.
  std::filesystem::path model;
  bool from_nothing = false;
  std::int64_t held_out_records = 64;  // answered at each look
  at::ScalarType output_dtype = at::kFloat;
};

// A record as the model reads it.
struct RefinerExample {
  std::vector<std::int64_t> question;  // the filled template, as the refiner encodes it
  std::vector<std::int64_t>
      answer;  // the refined prompt, the template's stop string, end of sequence
};
RefinerExample encode_record(const RefinerRecord& record,
                             const llm::RefinerTemplate& prompt_template,
                             const llm::SentencePieceTokenizer& tokenizer);

// Leaves `refiner/` in the run's folder. Records longer than the model's context are passed over.
// Throws as load_llama and run_training do, Error(mismatch) for a chat template, which omr cannot
// train yet.
void train_refiner(const RefinerSettings& settings, const RefinerSource& source,
                   const RefinerSource& held_out, ProcessGroup& processes,
                   const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
