#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cpp.

The tables are those that Hugging Face's tokenizers library works with (its NFC, its Lowercase and
its regular expressions' \\p{L}, \\p{N}, \\p{P}, \\p{Mn} and \\s), asked one code point at a time: Python's own
unicodedata may be of an older Unicode. Needs the packages tokenizers and regex.
"""

import argparse
import pathlib

import regex
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
NFC, NFD = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
LOWER = normalizers.Lowercase().normalize_str
HANGUL = range(0xAC00, 0xAC00 + 11172)


def members(pattern):
    """Code points that the pattern matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    text = "".join(map(chr, CODE_POINTS))
    return sorted({ord(c) for piece, _ in split.pre_tokenize_str(text) for c in piece})


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def lower_runs():
    """[first, last, stride, delta] of the code points whose lower case is one other code point."""
    runs, longer = [], []
    for c in CODE_POINTS:
        low = LOWER(chr(c))
        if low == chr(c):
            continue
        if len(low) != 1:
            longer.append((c, low))
            continue
        delta = ord(low) - c
        if runs and runs[-1][3] == delta:
            first, last, stride, _ = runs[-1]
            if c - last in (1, 2) and (first == last or stride == c - last):
                runs[-1] = [first, c, c - last, delta]
                continue
        runs.append([c, c, 1, delta])
    assert longer == [(0x130, "i\u0307")], longer  # the one that to_lower() spells out
    return runs


def combining_classes():
    out = []
    for value in range(1, 255):
        try:
            points = [ord(c) for c in regex.findall(r"\p{ccc=%d}" % value, ALL)]
        except regex.error:
            continue
        out += [[first, last, value] for first, last in ranges(points)]
    return sorted(out)


def decompositions():
    """Full canonical decompositions, and the pairs that compose."""
    full, pairs = [], []
    for c in CODE_POINTS:
        if c in HANGUL:
            continue
        d = NFD(chr(c))
        if d == chr(c):
            continue
        full.append((c, [ord(x) for x in d]))
        if NFC(d) == chr(c):
            first, second = NFC(d[:-1]), d[-1]
            assert len(first) == 1 and NFC(first + second) == chr(c), hex(c)
            pairs.append((ord(first), ord(second), c))
    return full, sorted(pairs)


def lines(items, width=98):
    out, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > width:
            out.append(line)
            line = " "
        line += " " + item + ","
    return "\n".join(out + [line])


def braces(rows):
    return lines("{" + ", ".join(f"0x{x:X}" if i < 2 else str(x) for i, x in enumerate(row)) + "}" for row in rows)


ALL = "".join(map(chr, CODE_POINTS))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "src/text/unicode_tables.cpp")
    out = parser.parse_args().out

    full, pairs = decompositions()
    flat, starts = [], []
    for c, d in full:
        starts.append((c, len(flat), len(d)))
        flat += d
    tables = [
        ("CodePointRange", "letters", braces(ranges(members(r"\p{L}")))),
        ("CodePointRange", "numbers", braces(ranges(members(r"\p{N}")))),
        ("CodePointRange", "spaces", braces(ranges(members(r"\s")))),
        ("CodePointRange", "punctuation", braces(ranges(members(r"\p{P}")))),
        ("CodePointRange", "nonspacing_marks", braces(ranges(members(r"\p{Mn}")))),
        ("LowerRun", "lower_runs", braces(lower_runs())),
        ("CombiningRange", "combining_classes", braces(combining_classes())),
        ("Decomposition", "decompositions", lines(f"{{0x{c:X}, {at}, {n}}}" for c, at, n in starts)),
        ("char32_t", "decomposed", lines(f"0x{c:X}" for c in flat)),
        ("Composition", "compositions", lines(f"{{0x{a:X}, 0x{b:X}, 0x{c:X}}}" for a, b, c in pairs)),
    ]
    text = "// Written by scripts/make_unicode_tables.py; do not edit.\n// clang-format off\n"
    text += '#include "text/unicode_tables.h"\n\nnamespace omr::text {\n'
    for kind, name, rows in tables:
        text += f"\nstd::span<const {kind}> {name}() {{\n"
        text += f"  static constexpr {kind} kTable[] = {{\n{rows}\n  }};\n  return kTable;\n}}\n"
    text += "\n}  // namespace omr::text\n"
    out.write_text(text)
    print(f"{out}: {len(text)} bytes, {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
