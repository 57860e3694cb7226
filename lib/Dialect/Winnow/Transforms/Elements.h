//===- Elements.h - A tensor's numbers, for evaluating at compile time ----===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_ELEMENTS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_ELEMENTS_H

#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include <optional>
#include <vector>

namespace winnow {

/// A tensor's elements: floats as doubles, integers as 64-bit patterns, sign-
/// or zero-extended as their type says. Floats that are storage are their bits.
struct Elements {
  mlir::RankedTensorType type;
  std::vector<double> floats;
  std::vector<int64_t> ints;

  bool isFloat() const {
    return llvm::isa<mlir::FloatType>(type.getElementType()) && !isBits();
  }
  bool isBits() const { return isStorageFloat(type.getElementType()); }
  bool isUnsigned() const {
    return type.getElementType().isUnsignedInteger() || type.getElementType().isInteger(1) ||
           isBits();
  }
  int64_t size() const { return type.getNumElements(); }
  void resize() {
    if (isFloat())
      floats.resize(size());
    else
      ints.resize(size());
  }
  void copy(int64_t to, const Elements &from, int64_t index) {
    if (isFloat())
      floats[to] = from.floats[index];
    else
      ints[to] = from.ints[index];
  }
};

/// All elements of a constant; absent for types that are none of these.
std::optional<Elements> loadElements(mlir::ElementsAttr elements);
/// A constant of these elements.
mlir::DenseElementsAttr storeElements(const Elements &elements);

inline llvm::SmallVector<int64_t> getStrides(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Calls `body(linear, index)` for every element of `shape` in order.
template <typename Body> void forEachIndex(llvm::ArrayRef<int64_t> shape, Body body) {
  int64_t total = mlir::ShapedType::getNumElements(shape);
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t linear = 0; linear < total; ++linear) {
    body(linear, index);
    for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

/// Where numpy broadcasting reads `shape` for the element at `index`.
inline int64_t getBroadcastOffset(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides,
                                  llvm::ArrayRef<int64_t> index) {
  int64_t offset = 0;
  size_t skip = index.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      offset += index[skip + i] * strides[i];
  return offset;
}

/// Evaluates an op of ElementwiseOpInterface; false if it is not known here.
bool evaluateElementwise(mlir::Operation *op, llvm::ArrayRef<Elements> in, Elements &out);

/// Integers of narrow types wrap at their own width.
int64_t normalize(const Elements &elements, int64_t value);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_ELEMENTS_H
