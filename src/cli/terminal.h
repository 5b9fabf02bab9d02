// What the person's terminal can show.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace omr::cli {

// Colour codes for one stream, or empty strings where colour would be wrong: not a terminal,
// NO_COLOR set, TERM=dumb.
class Palette {
 public:
  explicit Palette(int fd);
  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string red(std::string_view text) const { return paint("31", text); }
  std::string green(std::string_view text) const { return paint("32", text); }
  std::string struck(std::string_view text) const { return paint("9;31", text); }
  std::string cyan(std::string_view text) const { return paint("36", text); }
  bool enabled() const { return enabled_; }

 private:
  std::string paint(const char* code, std::string_view text) const;
  bool enabled_;
};

// A bar on stderr, redrawn in place; silent when stderr is no terminal or `enabled` is false.
class ProgressBar {
 public:
  ProgressBar(std::string label, bool enabled);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `note` follows the counts: the loss of a training run, for example.
  void update(int step, int steps, std::string_view note = {});
  void clear();

 private:
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  int first_step_ = -1;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace omr::cli
