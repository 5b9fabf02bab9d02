// Ctrl-C: the first ends the work at hand, a second within it ends the program's patience.
#pragma once

#include "omr/core/cancellation.h"

namespace omr::cli {

// Installs handlers for SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE and SIGXFSZ (a closed pipe
// and a file size limit are seen as write errors). Returns the flag that they set. Call once.
Cancellation& install_interrupt_handlers();

// The work at hand: what to stop on the first Ctrl-C.
Cancellation& interruption();

// Interrupts since the last clear; SIGTERM and SIGHUP count as two.
int interrupt_count();
void clear_interrupts();

}  // namespace omr::cli
