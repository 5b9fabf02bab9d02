#include "cli/line_reader.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/interrupt.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLine = 1u << 20;
constexpr int kHistoryLines = 1000;

fs::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state != nullptr && *state == '/') return fs::path(state) / "omr" / "history";
  if (home != nullptr && *home == '/')
    return fs::path(home) / ".local" / "state" / "omr" / "history";
  return {};
}

}  // namespace

struct LineReader::Editor {
  explicit Editor(std::string prompt_text) : prompt(std::move(prompt_text)), file(history_file()) {
    edit = el_init("omr", stdin, stderr, stderr);
    past = history_init();
    HistEvent event;
    history(past, &event, H_SETSIZE, kHistoryLines);
    history(past, &event, H_SETUNIQUE, 1);
    if (!file.empty()) history(past, &event, H_LOAD, file.c_str());
    el_set(edit, EL_CLIENTDATA, this);
    el_set(
        edit, EL_PROMPT, +[](EditLine* at) {
          Editor* self = nullptr;
          el_get(at, EL_CLIENTDATA, &self);
          return self->prompt.data();
        });
    el_set(edit, EL_HIST, history, past);
    el_set(edit, EL_EDITOR, "emacs");
    el_source(edit, nullptr);
  }
  ~Editor() {
    HistEvent event;
    std::error_code code;
    if (!file.empty() && (fs::create_directories(file.parent_path(), code),
                          fs::is_directory(file.parent_path(), code))) {
      const mode_t before = ::umask(077);
      history(past, &event, H_SAVE, file.c_str());
      ::umask(before);
    }
    history_end(past);
    el_end(edit);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  std::string prompt;
  fs::path file;
  EditLine* edit;
  History* past;
};

LineReader::LineReader(std::string prompt) {
  if (::isatty(STDIN_FILENO) == 1) editor_ = std::make_unique<Editor>(std::move(prompt));
}

LineReader::~LineReader() = default;

bool LineReader::interactive() const { return editor_ != nullptr; }

LineReader::Result LineReader::next(std::string& line) {
  if (!editor_) return next_plain(line);
  for (;;) {
    int count = 0;
    errno = 0;
    const char* text = el_gets(editor_->edit, &count);
    if (text != nullptr && count > 0) {
      line.assign(text, static_cast<std::size_t>(count));
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
      HistEvent event;
      if (!line.empty()) history(editor_->past, &event, H_ENTER, line.c_str());
      clear_interrupts();
      return Result::line;
    }
    if (interrupt_count() == 0) return Result::end;
    if (interrupt_count() > 1) return Result::interrupted;
    std::fputs("\n(Ctrl-C again ends the session)\n", stderr);
    el_set(editor_->edit, EL_REFRESH);
  }
}

LineReader::Result LineReader::next_plain(std::string& line) {
  for (;;) {
    const std::size_t end = buffered_.find('\n');
    if (end != std::string::npos || (at_end_ && !buffered_.empty())) {
      line = buffered_.substr(0, end);
      buffered_.erase(0, end == std::string::npos ? end : end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.size() > kMaxLine) line.resize(kMaxLine);
      return Result::line;
    }
    if (interrupt_count() > 0) return Result::interrupted;  // came between two reads
    if (at_end_) return Result::end;
    char bytes[4096];
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      at_end_ = true;
      continue;
    }
    // What exceeds the limit is dropped as it comes, so that an endless line takes no memory.
    const std::size_t room = buffered_.size() < 2 * kMaxLine ? static_cast<std::size_t>(count) : 0;
    buffered_.append(bytes, room);
    if (room == 0) {
      const std::string_view rest(bytes, static_cast<std::size_t>(count));
      const std::size_t newline = rest.find('\n');
      if (newline != std::string_view::npos) buffered_.append(rest.substr(newline));
    }
  }
}

}  // namespace omr::cli
