//===- ArrayNumbers.h - The elements of arrays as numbers -----------------===//

#ifndef WINNOW_LIB_DRIVER_ARRAYNUMBERS_H
#define WINNOW_LIB_DRIVER_ARRAYNUMBERS_H

#include "winnow/Driver/Npz.h"

#include "llvm/ADT/APFloat.h"

namespace winnow {

/// How a WINNOW_DTYPE_* of floats is written; null for other types.
const llvm::fltSemantics *getSemantics(int32_t dtype);

/// An element of `size` bytes.
uint64_t getBits(const Array &array, size_t index, size_t size);
double getFloat(const Array &array, size_t index, const llvm::fltSemantics &semantics);
/// Rounds to the array's type.
void setNumber(Array &array, size_t index, double number);

size_t countElements(llvm::ArrayRef<int64_t> shape);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_ARRAYNUMBERS_H
