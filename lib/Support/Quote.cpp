#include "winnow/Support/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

/// Longer than the names of any exporter.
static constexpr size_t kMaxNameBytes = 400, kMaxMessageBytes = 4000;

std::string winnow::escapeName(StringRef name) {
  std::string text;
  raw_string_ostream stream(text);
  if (name.size() <= kMaxNameBytes) {
    printEscapedString(name, stream);
    return text;
  }
  printEscapedString(name.take_front(kMaxNameBytes / 2), stream);
  stream << "...";
  printEscapedString(name.take_back(kMaxNameBytes / 2), stream);
  return text;
}

std::string winnow::makePrintable(StringRef message) {
  if (message.size() > kMaxMessageBytes)
    return makePrintable((message.take_front(kMaxMessageBytes / 2 - 2) + "..." +
                          message.take_back(kMaxMessageBytes / 2 - 2)).str());
  std::string text;
  for (char c : message) {
    if (isPrint(c))
      text += c;
    else
      text += "\\" + toHex(StringRef(&c, 1));
  }
  return text;
}

std::string winnow::quote(StringRef name) { return "'" + escapeName(name) + "'"; }
