"""scripts/check_layers.py finds what it says it finds."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/check_layers.py"


class CheckLayers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            done = subprocess.run([sys.executable, str(SCRIPT), folder], capture_output=True, text=True)
            return done.returncode, done.stdout

    def test_indirect_dependencies_are_allowed(self):
        code, out = self.check({"include/omr/core/error.h": "", "include/omr/io/weights.h": "",
                                "src/pipeline/x.cpp": '#include "omr/core/error.h"\n#include "omr/io/weights.h"\n'})
        self.assertEqual((code, out.count("\n")), (0, 1), out)

    def test_an_include_that_points_back_is_named_with_its_line(self):
        code, out = self.check({"include/omr/cli/wiring.h": "",
                                "src/core/x.cpp": '#pragma once\n#include "omr/cli/wiring.h"\n'})
        self.assertEqual(code, 1)
        self.assertIn("src/core/x.cpp:2: core includes omr/cli/wiring.h", out)

    def test_session_knows_neither_files_nor_tensors(self):
        code, out = self.check({"include/omr/io/png.h": "", "src/session/x.cpp":
                                '#include "omr/io/png.h"\n#include <ATen/core/Tensor.h>\n'})
        self.assertEqual(code, 1)
        self.assertEqual(out.count("src/session/x.cpp"), 2, out)

    def test_each_restricted_header_has_its_place(self):
        for header in ("spdlog/spdlog.h", "torch/torch.h", "CLI/CLI.hpp", "sentencepiece_processor.h", "png.h",
                       "stb/stb_image_write.h"):
            with self.subTest(header):
                code, _ = self.check({"src/nn/x.cpp": f"#include <{header}>\n"})
                self.assertEqual(code, 1)
        for path, header in (("src/core/log.cpp", "spdlog/spdlog.h"), ("src/cli/x.cpp", "CLI/CLI.hpp"),
                             ("src/llm/x.cpp", "sentencepiece_processor.h"), ("src/io/x.cpp", "png.h")):
            with self.subTest(path):
                self.assertEqual(self.check({path: f"#include <{header}>\n"})[0], 0)

    def test_printing_and_leaving_are_for_cli(self):
        for line in ("std::cout << 1;", 'printf("x");', "exit(1);", "std::abort();", "double s = 0.18215;"):
            with self.subTest(line):
                self.assertEqual(self.check({"src/nn/x.cpp": line + "\n"})[0], 1)
        for line in ("// std::cout is cli's", 'auto s = "exit(1)";', "std::snprintf(b, 4, f);", "scope.exit();"):
            with self.subTest(line):
                self.assertEqual(self.check({"src/nn/x.cpp": line + "\n"})[0], 0)

    def test_cmake_links_only_what_the_table_allows(self):
        code, out = self.check({"CMakeLists.txt": "omr_module(io DEPENDS core LINK PNG::PNG)\n"
                                                  "omr_module(session NO_TORCH DEPENDS core io)\n"})
        self.assertEqual(code, 1)
        self.assertEqual(out.strip(), "CMakeLists.txt:2: session links io, which the table does not allow")

    def test_an_unknown_module_is_reported(self):
        self.assertEqual(self.check({"src/helpers/x.cpp": ""})[0], 1)


if __name__ == "__main__":
    unittest.main()
