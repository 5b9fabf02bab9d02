// The program: parses the command line, runs a command, and turns what comes of it into an exit
// code.
#pragma once

namespace omr::cli {

int run(int argc, char** argv);

}  // namespace omr::cli
