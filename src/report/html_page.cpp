#include "omr/report/html_page.h"

namespace omr::report {
namespace {

constexpr const char* kStyle = R"(
:root{--text:#222;--quiet:#666;--line:#d5d5d5;--back:#fff;--panel:#f6f6f6;--good:#17692f;--bad:#b3261e;
--c0:#1f63d6;--c1:#c2571a;--c2:#2b8a3e;--c3:#8a3ffc;--c4:#b8860b;--c5:#0f8b8d}
@media(prefers-color-scheme:dark){:root{--text:#ddd;--quiet:#999;--line:#444;--back:#181818;--panel:#232323;
--good:#6fcf87;--bad:#ff8a80;--c0:#7aa8ff;--c1:#f5a36b;--c2:#7fd48f;--c3:#c3a0ff;--c4:#e6c35c;--c5:#69d2d4}}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:var(--text);
background:var(--back);overflow-wrap:anywhere}
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em;border-top:1px solid var(--line);padding-top:.8em}
h3{font-size:1em}figure{margin:0}figcaption{font-size:13px;color:var(--quiet)}
table{border-collapse:collapse;font-size:14px;margin:.5em 0}
th,td{padding:.15em .9em .15em 0;text-align:left;vertical-align:top}th{color:var(--quiet);font-weight:normal}
table.number td+td,table.number th+th{text-align:right;font-variant-numeric:tabular-nums}
.pictures{display:flex;flex-wrap:wrap;gap:1em;margin:.8em 0}
.pictures figure{width:180px;padding:6px;border:2px solid transparent;background:var(--panel);border-radius:6px}
.pictures figure.picked{border-color:var(--c0)}
.pictures img{width:100%;image-rendering:pixelated;display:block}
.missing{height:120px;display:grid;place-items:center;color:var(--bad)}
.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}
ins{color:var(--good);text-decoration:none;font-weight:600}del{color:var(--bad)}
svg{width:100%;max-width:720px;height:auto;display:block}svg text{font-size:11px;fill:var(--quiet)}
svg .frame{fill:none;stroke:var(--line)}svg .grid{stroke:var(--line);stroke-width:.5}
svg .curve{fill:none;stroke-width:1.6}
svg .c0{stroke:var(--c0)}svg .c1{stroke:var(--c1)}svg .c2{stroke:var(--c2)}
svg .c3{stroke:var(--c3)}svg .c4{stroke:var(--c4)}svg .c5{stroke:var(--c5)}
@media print{body{max-width:none}h2{break-after:avoid}figure{break-inside:avoid}}
)";

}  // namespace

std::string html_page(const std::string& title, const Html& body) {
  const std::string heading = Html(title).markup();
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "img-src data:; style-src 'unsafe-inline'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
         heading + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<h1>" + heading +
         "</h1>\n" + body.markup() + "\n</body>\n</html>\n";
}

}  // namespace omr::report
