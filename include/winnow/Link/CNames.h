//===- CNames.h - C identifiers for ONNX names ----------------------------===//
//
// ONNX names are any bytes (`463`, `onnx::Shape_422`, `/a/b.c`, `class`). The
// header, the descriptor and the report all show the same identifiers for
// them, made here.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LINK_CNAMES_H
#define WINNOW_LINK_CNAMES_H

#include "winnow/Link/ModelInterface.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace winnow {

/// Legal C and C++ identifiers, no two alike among inputs and outputs, nor
/// among symbols; in the order of the interface.
struct CNames {
  std::vector<std::string> inputs, outputs, symbols;
};
CNames makeCNames(const ModelInterface &model);

/// `name` as one legal identifier, or `fallback` where nothing of it is left.
std::string makeIdentifier(llvm::StringRef name, llvm::StringRef fallback);

/// `name` as it can stand inside a C comment: printable ASCII on one line that
/// neither ends nor begins a comment.
std::string escapeForComment(llvm::StringRef name);

} // namespace winnow

#endif // WINNOW_LINK_CNAMES_H
