// Trains a language model to refine prompts: next token, on the answers alone; all of its weights,
// or an adapter, over dense weights or NF4 ones (QLoRA, arXiv 2305.14314).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <ATen/core/ScalarType.h>

#include "omr/llm/refiner_template.h"
#include "omr/llm/sentencepiece_tokenizer.h"
#include "omr/train/lora_parameters.h"
#include "omr/train/refiner_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct RefinerSettings {
  LoopSettings loop;
  // Folder with config.json, tokenizer.model and refiner.json, and weights unless from_nothing.
  std::filesystem::path model;
  bool from_nothing = false;
  bool full = true;           // train every weight, no adapter; always so from nothing
  bool quantize_nf4 = false;  // the base under the adapter
  LoraSettings lora{
      8, 16, {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}, {}};
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

// Leaves `refiner/` in the run's folder: a whole model, or the base's files (linked where they can
// be) and `adapter/`, as PEFT saves it. Records longer than the model's context are left out and
// counted. Throws as load_llama, LoraParameters and run_training do, Error(format) when no record
// fits, Error(mismatch) for a chat template, which omr cannot train yet.
void train_refiner(const RefinerSettings& settings, const RefinerSource& source,
                   const RefinerSource& held_out, ProcessGroup& processes,
                   const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
