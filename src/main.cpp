#include "omr/cli/run.h"

int main(int argc, char** argv) { return omr::cli::run(argc, argv); }
