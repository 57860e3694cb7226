//===- Skeleton.h - A serialised model without its weights ----------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SKELETON_H
#define WINNOW_LIB_IMPORT_ONNX_SKELETON_H

#include "llvm/ADT/ArrayRef.h"
#include <optional>
#include <string>
#include <vector>

namespace winnow::import {

/// A model's bytes in which the large raw data of the graph's initializers is
/// replaced by nothing, and where that data lies. Which bytes belong to which
/// tensor follows from their order and is not written into the message, so that
/// no model can point anywhere else.
struct Skeleton {
  std::string bytes;
  /// One for each initializer of the graph, in order; absent where the raw data
  /// is still in `bytes`.
  std::vector<std::optional<llvm::ArrayRef<char>>> rawData;
};

/// Walks over the wire format without reading weights. Absent for a file that
/// is not well formed, about which the parser knows more.
std::optional<Skeleton> cutRawData(llvm::ArrayRef<char> file);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SKELETON_H
