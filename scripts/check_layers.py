#!/usr/bin/env python3
"""Holds the sources to the table of who may depend on whom. Runs as the ctest test `layers`.

usage: check_layers.py [ROOT]
"""

import pathlib
import re
import sys

# Direct dependencies; a module may also include what these may include.
DEPENDS = {
    "core": set(),
    "io": {"core"},
    "nn": {"io"},
    "text": {"nn"},
    "schedulers": {"core"},
    "diffusion": {"nn"},
    "llm": {"nn"},
    "reward": {"text", "nn"},
    "pipeline": {"text", "diffusion", "schedulers"},
    "session": {"core"},
    "scenes": {"core"},
    "report": {"core"},
    "replay": {"session", "report"},
    "train": {"pipeline", "llm", "reward", "session", "scenes", "report"},
    "eval": {"session", "scenes", "report"},
    "cli": {"pipeline", "llm", "reward", "session", "train", "eval", "replay"},
}

# What only some places may include: (pattern of the include, pattern of the allowed paths, why).
RESTRICTED = [
    (r"(spdlog|fmt)/", r"src/core/log\.cpp", "torch's bundled fmt breaks Debian's spdlog on one include path"),
    (r"torch/torch\.h|torch/all\.h", r"$^", "it takes 40 s to read: include narrow headers"),
    (r"CLI/", r"(src|include/omr)/cli/.*", "only cli touches the command line"),
    (r"sentencepiece.*", r"src/llm/.*", "only the refiner's tokenizer needs it"),
    (r"(stb/)?stb_.*|png\.h|jpeglib\.h", r"src/io/.*", "only io knows file formats"),
    (r"(editline|histedit|readline)/?.*", r"src/cli/.*", "only cli talks to the terminal"),
]
TORCH_HEADER = re.compile(r"(torch|ATen|c10)/")
WITHOUT_TORCH = {"core", "session", "scenes", "report", "replay", "eval"}

# Text that stands nowhere in some modules: (pattern, exempt paths, why).
FORBIDDEN = [
    (r"\b0?\.18215\b", r"include/omr/diffusion/autoencoder_kl\.h",
     "the VAE's scaling_factor comes from its config, whose default stands in one header"),
    (r"\btorch::manual_seed\b|\bat::manual_seed\b", r"(src|include/omr)/cli/.*|src/main\.cpp",
     "randomness is an argument: pass a Generator"),
    (r"\bstd::(cout|cerr|clog)\b|(?<![\w:.>])(std::)?(printf|fprintf|puts|putchar)\s*\(",
     r"(src|include/omr)/cli/.*|src/main\.cpp|src/core/log\.cpp", "only cli prints"),
    (r"(?<![\w.>])(std::)?(exit|abort|_exit|quick_exit)\s*\(", r"(src|include/omr)/cli/.*|src/main\.cpp",
     "below cli, failures are omr::Error"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
MODULE_LINE = re.compile(r"^omr_module\((\w+)(.*)\)\s*$")


def reachable(module):
    seen, waiting = set(), [module]
    while waiting:
        for name in DEPENDS[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def module_of(path):
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ["include", "omr"] and len(parts) > 3:
        return parts[2]
    return None


def without_comments(text):
    """The text with comments and string literals blanked, line numbers kept."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def included_module(header):
    parts = header.split("/")
    if parts[0] == "omr" and len(parts) > 2:
        return parts[1]
    return parts[0] if len(parts) > 1 and parts[0] in DEPENDS else None


def check_source(root, path):
    module = module_of(path)
    if module is not None and module not in DEPENDS:
        yield 1, f"module {module} is not in the table of scripts/check_layers.py"
        return
    allowed = reachable(module) | {module} if module else set(DEPENDS)
    text = (root / path).read_text()
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        target = included_module(header)
        if target and target not in allowed:
            yield number, f"{module} includes {header}, but may depend on {', '.join(sorted(allowed - {module})) or 'nothing'} only"
        if header.startswith("omr/") and not (root / "include" / header).is_file():
            yield number, f"there is no include/{header}"
        if target and not header.startswith("omr/") and target != module:
            yield number, f"{header} is a private header of {target}"
        if module in WITHOUT_TORCH and TORCH_HEADER.match(header):
            yield number, f"{module} includes {header}, but knows no tensors"
        for pattern, places, why in RESTRICTED:
            if re.fullmatch(f"(?:{pattern}).*", header) and not re.fullmatch(places, path):
                yield number, f"{header} is not for {path}: {why}"
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for pattern, exempt, why in FORBIDDEN:
            match = re.search(pattern, line)
            if match and not re.fullmatch(exempt, path):
                yield number, f"{match.group().strip()}: {why}"


def check_cmake(root):
    for number, line in enumerate((root / "CMakeLists.txt").read_text().splitlines(), 1):
        match = MODULE_LINE.match(line)
        if not match or match.group(1) not in DEPENDS:
            continue
        words = match.group(2).split()
        if "DEPENDS" not in words:
            continue
        after = words[words.index("DEPENDS") + 1:]
        names = []
        for word in after:
            if word.isupper():
                break
            names.append(word)
        for name in set(names) - reachable(match.group(1)):
            yield number, f"{match.group(1)} links {name}, which the table does not allow"


def problems(root):
    sources = [p.relative_to(root).as_posix() for top in ("include", "src") for p in (root / top).rglob("*")
               if p.suffix in (".h", ".cpp")]
    for path in sorted(sources):
        for number, message in check_source(root, path):
            yield f"{path}:{number}: {message}"
    if (root / "CMakeLists.txt").is_file():
        for number, message in check_cmake(root):
            yield f"CMakeLists.txt:{number}: {message}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1]).resolve()
    found = list(problems(root))
    print("\n".join(found) if found else "layers: every include is allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
