#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace omr::cli {
namespace {

Cancellation flag;
std::atomic<int> count{0};

// A user who presses a third time wants out whatever the program is doing; the journal is
// append-only and every line of it is on disk already.
constexpr int kImpatient = 3;

void on_signal(int signal) {
  flag.request();
  const int so_far = count.fetch_add(signal == SIGINT ? 1 : 2) + 1;
  if (so_far >= kImpatient) ::_exit(128 + signal);
}

}  // namespace

Cancellation& install_interrupt_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);  // no SA_RESTART: a blocked read returns, so that a prompt notices
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  // A closed pipe and a file at its limit (ulimit -f) are write errors, told as such.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  return flag;
}

Cancellation& interruption() { return flag; }

int interrupt_count() { return count.load(); }

void clear_interrupts() {
  count.store(0);
  flag.clear();
}

}  // namespace omr::cli
