//===- Tensors.h - TensorProto to attributes ------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_TENSORS_H
#define WINNOW_LIB_IMPORT_ONNX_TENSORS_H

#include "Loader.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace winnow::import {

/// The element type of an ONNX data type, or null with `error`: a signed
/// integer is signless, an unsigned one uiN, a boolean i1.
mlir::Type getElementType(int32_t dataType, mlir::MLIRContext *context, std::string &error);

/// ONNX's name of a data type, for messages.
std::string getDataTypeName(int32_t dataType);

/// A tensor's type from its dims and data type, all checked; null with `error`.
mlir::RankedTensorType getTensorType(const onnx::TensorProto &tensor,
                                     mlir::MLIRContext *context, std::string &error);

/// Turns TensorProtos into elements attributes: up to 1 KiB dense elements,
/// above that a resource that points into the model and keeps it alive. Bytes
/// are copied only where they are misaligned or kept in wider typed fields. A
/// boolean resource has one byte per element.
class TensorReader {
public:
  TensorReader(std::shared_ptr<LoadedModel> model, mlir::MLIRContext *context,
               int64_t maxCopiedBytes)
      : model(std::move(model)), context(context), maxCopiedBytes(maxCopiedBytes) {}

  /// Null with `error` on failure. Reading a tensor twice gives one attribute.
  mlir::ElementsAttr read(const onnx::TensorProto &tensor, mlir::StringRef name,
                          std::string &error);

private:
  std::shared_ptr<LoadedModel> model;
  mlir::MLIRContext *context;
  int64_t maxCopiedBytes;
  llvm::DenseMap<const onnx::TensorProto *, mlir::ElementsAttr> cache;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_TENSORS_H
