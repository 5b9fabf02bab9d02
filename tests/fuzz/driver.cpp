// Runs a fuzz target without libFuzzer: every file of the corpus, then mutations of them, from a
// fixed seed and for a fixed count, so that the run is a test like any other.
//
//   omr_fuzz_NAME [--runs N] [--seed N] FILE…
//
// An input that crashes the target, or takes more than ten seconds of the processor's time, is left
// in ./crash-NAME. Compiled with clang and -DOMR_LIBFUZZER the same targets link libFuzzer's driver
// instead (cmake/omr_fuzz.cmake).
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Random = std::mt19937_64;

constexpr long kSecondsPerInput = 10;
constexpr std::size_t kMaxInput = 1u << 20;

const std::string* current = nullptr;
char crash_file[256] = "crash";

// Async-signal-safe: leaves the input and lets the signal do its work.
void on_crash(int signal) {
  const int fd = ::open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current != nullptr) {
    [[maybe_unused]] const ssize_t written = ::write(fd, current->data(), current->size());
    ::close(fd);
  }
  constexpr char kMessage[] = "the input is left in ./crash-…\n";
  [[maybe_unused]] const ssize_t told = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

// Of the processor: a busy machine must not fail the test.
void limit_time(long seconds) {
  const itimerval limit{{0, 0}, {seconds, 0}};
  ::setitimer(ITIMER_PROF, &limit, nullptr);
}

std::size_t below(Random& random, std::size_t bound) {
  return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound);
}

// What parsers stumble over.
const std::vector<std::string>& morsels() {
  static const std::vector<std::string> kMorsels = {"18446744073709551615",
                                                    "9223372036854775808",
                                                    "-1",
                                                    "1e999",
                                                    "4294967296",
                                                    "NaN",
                                                    "null",
                                                    "true",
                                                    "{}",
                                                    "[]",
                                                    "[[[[[[[[",
                                                    "\"\"",
                                                    "\"a\":",
                                                    ",",
                                                    "\n",
                                                    "..",
                                                    "/",
                                                    "\xC2\x9B",
                                                    "\x1b[2J",
                                                    std::string(1, '\0'),
                                                    "\xFF\xFF\xFF\xFF",
                                                    std::string("\0\0\0\0\0\0\0\x80", 8),
                                                    "\\u0000",
                                                    std::string(300, 'A')};
  return kMorsels;
}

void mutate_once(std::string& input, const std::vector<std::string>& corpus, Random& random) {
  const std::size_t at = below(random, input.size());
  switch (random() % 8) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
      break;
    case 1:
      if (!input.empty()) input[at] = static_cast<char>(random());
      break;
    case 2:
      input.erase(at, 1 + below(random, 16));
      break;
    case 3:
      input.insert(at, morsels()[below(random, morsels().size())]);
      break;
    case 4: {  // a number becomes another
      const std::size_t digit = input.find_first_of("0123456789", at);
      if (digit == std::string::npos) break;
      const std::size_t end = std::min(input.find_first_not_of("0123456789", digit), input.size());
      input.replace(digit, end - digit, morsels()[below(random, 6)]);
      break;
    }
    case 5: {  // a piece of itself again
      const std::string piece = input.substr(at, below(random, 64));
      input.insert(below(random, input.size() + 1), piece);
      break;
    }
    case 6: {  // the end of another
      const std::string& other = corpus[below(random, corpus.size())];
      input = input.substr(0, at) + other.substr(below(random, other.size()));
      break;
    }
    default:
      input.resize(at);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 2000, seed = 1;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if ((argument == "--runs" || argument == "--seed") && i + 1 < argc) {
      (argument == "--runs" ? runs : seed) = std::strtoull(argv[++i], nullptr, 10);
      continue;
    }
    std::ifstream file(argument, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argument.c_str());
      return 2;
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (corpus.back().size() > kMaxInput) corpus.back().resize(kMaxInput);
  }
  if (corpus.empty()) corpus.emplace_back();
  std::snprintf(crash_file, sizeof crash_file, "crash-%s",
                std::strrchr(argv[0], '/') != nullptr ? std::strrchr(argv[0], '/') + 1 : argv[0]);
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF})
    std::signal(signal, on_crash);

  Random random(seed);
  const auto run = [](const std::string& input) {
    current = &input;
    limit_time(kSecondsPerInput);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    limit_time(0);
  };
  for (const std::string& input : corpus) run(input);
  for (std::uint64_t i = 0; i < runs; ++i) {
    std::string input = corpus[below(random, corpus.size())];
    for (std::size_t times = 1 + below(random, 4); times > 0; --times)
      mutate_once(input, corpus, random);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    run(input);
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs + corpus.size()));
  return 0;
}
