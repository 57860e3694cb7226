//===- FakeQuantize.h - Weights rounded to few bits -----------------------===//

#ifndef WINNOW_LIB_DRIVER_FAKEQUANTIZE_H
#define WINNOW_LIB_DRIVER_FAKEQUANTIZE_H

#include "llvm/ADT/ArrayRef.h"

namespace winnow {

/// Rounds a weight [inputs, outputs], or the transposed one, to whole numbers of so many bits
/// and back, as roundWeights does for each output.
void fakeQuantize(llvm::MutableArrayRef<float> weights, int64_t inputs, int64_t outputs,
                  bool isTransposed, int bits);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_FAKEQUANTIZE_H
