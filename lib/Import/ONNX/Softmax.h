//===- Softmax.h - What losses need of softmax ----------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SOFTMAX_H
#define WINNOW_LIB_IMPORT_ONNX_SOFTMAX_H

#include "OpImporter.h"

namespace winnow::import {

/// x - max - log(sum(exp(x - max)))
mlir::Value logSoftmax(OpImporter &n, mlir::Value x, int64_t axis);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SOFTMAX_H
