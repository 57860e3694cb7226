//===- Subgraphs.h - What If, Loop and Scan share -------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SUBGRAPHS_H
#define WINNOW_LIB_IMPORT_ONNX_SUBGRAPHS_H

#include "GraphImporter.h"

namespace winnow::import {

bool isAnyPoisoned(llvm::ArrayRef<ImportedValue *> values);

/// The first value that is no tensor; null without.
const ImportedValue *findNonTensor(llvm::ArrayRef<ImportedValue *> values);

ImportedValue makeValue(mlir::Value value);
ImportedValue makeSequence(Sequence sequence);

/// The only element of a tensor of rank 0, or of rank 1 as some exporters have it.
mlir::Value extractScalar(mlir::OpBuilder &b, mlir::Location loc, mlir::Value tensor);

bool isScalar(mlir::RankedTensorType type);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SUBGRAPHS_H
