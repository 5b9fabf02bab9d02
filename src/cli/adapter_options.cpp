#include "cli/adapter_options.h"

#include <map>

namespace omr::cli {

void add_adapter_options(CLI::App& app, Tune& tune, train::LoraSettings& lora) {
  const std::map<std::string, Tune> names = {
      {"full", Tune::full}, {"lora", Tune::lora}, {"qlora", Tune::qlora}};
  app.add_option("--tune", tune,
                 "full (every weight), lora (an adapter), qlora (an adapter over NF4 weights)")
      ->transform(CLI::CheckedTransformer(names))
      ->default_str(tune == Tune::full   ? "full"
                    : tune == Tune::lora ? "lora"
                                         : "qlora");
  app.add_option("--rank", lora.rank, "of the adapter")->capture_default_str();
  app.add_option("--alpha", lora.alpha, "the adapter counts alpha/rank; 0: alpha = rank")
      ->capture_default_str();
  app.add_option("--target-modules", lora.target_modules, "layers that get one, by their last name")
      ->delimiter(',')
      ->capture_default_str();
}

}  // namespace omr::cli
