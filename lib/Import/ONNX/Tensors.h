//===- Tensors.h - TensorProto to attributes ------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_TENSORS_H
#define WINNOW_LIB_IMPORT_ONNX_TENSORS_H

#include "Loader.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <memory>
#include <vector>

namespace winnow::import {

/// Of any tensor: numpy's own limit.
inline constexpr int64_t kMaxRank = 64;

/// Bytes of one element, and how many of less than a byte are packed into one in
/// the file: one a byte from here on.
unsigned getElementBytes(mlir::Type elementType);
unsigned getElementsPerByte(mlir::Type elementType);

/// The element type of an ONNX data type, or null with `error`: a signed
/// integer is signless, an unsigned one uiN, a boolean i1.
mlir::Type getElementType(int32_t dataType, mlir::MLIRContext *context, std::string &error);

/// ONNX's name of a data type, for messages.
std::string getDataTypeName(int32_t dataType);
/// numpy's name of an element type.
std::string getDtypeName(mlir::Type elementType);

/// A tensor's type from its dims and data type, all checked; null with `error`.
mlir::RankedTensorType getTensorType(const onnx::TensorProto &tensor,
                                     mlir::MLIRContext *context, std::string &error);

/// Turns TensorProtos into elements attributes: up to 1 KiB dense elements,
/// above that a resource that points into the model and keeps it alive, at any
/// alignment. Bytes are copied only where they are kept in wider typed fields. A
/// boolean resource has one byte per element.
class TensorReader {
public:
  TensorReader(std::shared_ptr<LoadedModel> model, mlir::MLIRContext *context,
               int64_t maxCopiedBytes)
      : model(std::move(model)), context(context), maxCopiedBytes(maxCopiedBytes) {}

  /// Null with `error` on failure. Reading a tensor twice gives one attribute.
  mlir::ElementsAttr read(const onnx::TensorProto &tensor, mlir::StringRef name,
                          std::string &error);

  /// A sparse tensor as a dense one, named as its values are; null with `error`.
  const onnx::TensorProto *densify(const onnx::SparseTensorProto &sparse, std::string &error);

private:
  /// A tensor's bytes in raw data's layout: in place, or made.
  struct Bytes {
    mlir::ArrayRef<char> inPlace;
    std::vector<char> made;
    bool isMade = false;

    mlir::ArrayRef<char> get() const { return isMade ? mlir::ArrayRef<char>(made) : inPlace; }
  };
  /// `size` bytes, from wherever the tensor keeps them; absent with `error`.
  std::optional<Bytes> readBytes(const onnx::TensorProto &tensor, mlir::RankedTensorType type,
                                 size_t size, std::string &error);
  template <typename Field> static Bytes narrow(const Field &field, unsigned width);
  static Bytes readTypedField(const onnx::TensorProto &tensor, unsigned width);
  /// Counts bytes that are made; false with `error` above the limit.
  bool addCopiedBytes(uint64_t bytes, std::string &error);

  std::shared_ptr<LoadedModel> model;
  mlir::MLIRContext *context;
  int64_t maxCopiedBytes;
  uint64_t copiedBytes = 0;
  llvm::DenseMap<const onnx::TensorProto *, mlir::ElementsAttr> cache;
  llvm::DenseMap<const onnx::SparseTensorProto *, std::unique_ptr<onnx::TensorProto>> densified;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_TENSORS_H
