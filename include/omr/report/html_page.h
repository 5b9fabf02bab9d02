// The page around a report: one file that needs no other, without scripts, readable on light and
// dark screens and on paper.
#pragma once

#include <string>

#include "omr/report/html.h"

namespace omr::report {

// A whole HTML document. `title` is also its first heading. Nothing in it is loaded from elsewhere,
// and a Content-Security-Policy keeps it so. Classes that its style knows:
//   pictures   a row of figures          picked     the figure that was chosen
//   number     a table of numbers        good, bad  words of praise and blame
//   quiet      what matters less         ins, del elements: what changed in a text
std::string html_page(const std::string& title, const Html& body);

}  // namespace omr::report
