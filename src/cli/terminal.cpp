#include "cli/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace omr::cli {
namespace {

bool is_smart_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && term != nullptr && std::strcmp(term, "dumb") != 0;
}

}  // namespace

Palette::Palette(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  enabled_ = is_smart_terminal(fd) && (no_color == nullptr || *no_color == '\0');
}

std::string Palette::paint(const char* code, std::string_view text) const {
  if (!enabled_) return std::string(text);
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

ProgressBar::ProgressBar(std::string label, bool enabled)
    : label_(std::move(label)),
      enabled_(enabled && is_smart_terminal(STDERR_FILENO)),
      begin_(std::chrono::steady_clock::now()),
      last_(begin_) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::update(int step, int steps, std::string_view note) {
  if (!enabled_ || steps <= 0) return;
  constexpr auto kRedraw = std::chrono::milliseconds(50);
  constexpr int kWidth = 24;
  const auto now = std::chrono::steady_clock::now();
  if (first_step_ < 0) {  // a run may begin in its middle, and long after the bar was made
    first_step_ = std::max(0, step - 1);
    if (first_step_ > 0) begin_ = now;
  }
  if (drawn_ && step < steps && now - last_ < kRedraw) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double rate = seconds > 0 ? (step - first_step_) / seconds : 0;
  const int filled = std::clamp(kWidth * step / steps, 0, kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%s %s %d/%d %.*s%s%.*f it/s, %.0f s left", label_.c_str(),
               bar.c_str(), step, steps, static_cast<int>(note.size()), note.data(),
               note.empty() ? "" : ", ", rate < 1 ? 2 : 1, rate,
               rate > 0 ? (steps - step) / rate : 0.0);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace omr::cli
