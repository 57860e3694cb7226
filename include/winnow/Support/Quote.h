//===- Quote.h - Names of models in messages ------------------------------===//

#ifndef WINNOW_SUPPORT_QUOTE_H
#define WINNOW_SUPPORT_QUOTE_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace winnow {

/// Control characters, quotes and what is not ASCII as `\0A`: a name may hold
/// anything and must not reach a terminal. Of a long one the middle is left out.
std::string escapeName(llvm::StringRef name);

/// The same in single quotes.
std::string quote(llvm::StringRef name);

/// A message with its control characters as `\0A` and, if it is very long,
/// without its middle; quotes and backslashes stay.
std::string makePrintable(llvm::StringRef message);

} // namespace winnow

#endif // WINNOW_SUPPORT_QUOTE_H
