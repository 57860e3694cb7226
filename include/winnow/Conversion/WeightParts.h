//===- WeightParts.h - The constants that entries of weights are made of --===//

#ifndef WINNOW_CONVERSION_WEIGHTPARTS_H
#define WINNOW_CONVERSION_WEIGHTPARTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include <vector>

namespace winnow {

/// Whether it is a constant, or [elements, shape, permutation]: one that a transpose
/// of `shape` moves.
bool isWeightPart(mlir::Attribute attr);
mlir::ElementsAttr getPartElements(mlir::Attribute part);
/// The bytes of a part in the order in which it is used.
void writeWeightPart(mlir::Attribute part, llvm::raw_ostream &os);

/// One constant [k, n] (or [n, k] transposed) of a weight of integers of up to 8 bits. Of its
/// numbers `shift` is taken, so that they fit a signed byte (or one of the same 8 bits).
struct BytePart {
  std::vector<char> bytes;
  int64_t k, n;
  bool transposed, isUnsigned;
  unsigned bits;
  int64_t shift;

  int8_t at(int64_t row, int64_t column) const;
  void getColumn(int64_t column, llvm::SmallVectorImpl<int8_t> &numbers) const;
};

/// Parts side by side, of a layout with `k`, `transposed` and `shift`.
std::vector<BytePart> readByteParts(llvm::ArrayRef<mlir::Attribute> parts, mlir::DictionaryAttr layout);

} // namespace winnow

#endif // WINNOW_CONVERSION_WEIGHTPARTS_H
