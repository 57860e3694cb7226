//===- KernelBuilder.h - The registry of kernel kinds for chips -----------===//
//
// A builder writes a kernel as `llvm.func {nvvm.kernel}` into the device's module and
// says how the host launches it. What it does not take, it declines: the kind then has
// a form in which each thread computes an element.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_KERNELBUILDER_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_KERNELBUILDER_H

#include "winnow/Codegen/GPU/Passes.h"
#include "winnow/Codegen/GPU/Target.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace winnow::gpu {

/// What a builder knows of the kernel that it writes.
struct KernelContext {
  mlir::Location loc;
  /// The declaration's: `kind` and its parameters, as Conversion wrote them.
  mlir::DictionaryAttr config;
  /// The operands on the host: memrefs of device memory, index values, and at last the
  /// number of the site (i32) of kinds that check data.
  mlir::ValueRange arguments;
  const Chip &chip;
  Precision precision;
  /// Where kernels go. Insert with a name that `uniqueName` makes.
  mlir::gpu::GPUModuleOp device;
  std::function<std::string(llvm::StringRef)> uniqueName;

  llvm::StringRef kind() const {
    return config.getAs<mlir::StringAttr>("kind").getValue();
  }
  std::optional<int64_t> integer(llvm::StringRef name) const {
    auto attr = config.getAs<mlir::IntegerAttr>(name);
    return attr ? std::optional<int64_t>(attr.getInt()) : std::nullopt;
  }
  std::optional<double> real(llvm::StringRef name) const {
    auto attr = config.getAs<mlir::FloatAttr>(name);
    return attr ? std::optional<double>(attr.getValueAsDouble()) : std::nullopt;
  }
  llvm::StringRef string(llvm::StringRef name, llvm::StringRef fallback) const {
    auto attr = config.getAs<mlir::StringAttr>(name);
    return attr ? attr.getValue() : fallback;
  }
  bool flag(llvm::StringRef name) const {
    auto attr = config.getAs<mlir::BoolAttr>(name);
    return (attr && attr.getValue()) || config.getAs<mlir::UnitAttr>(name);
  }
};

/// What a map of a tensor says, for copies of boxes of it to shared memory: extents and
/// strides (i64) are innermost first, strides in bytes.
struct TensorMapSource {
  mlir::Type element;
  std::array<mlir::Value, 3> extents;
  std::array<mlir::Value, 2> strides;
  std::array<int64_t, 2> box;
};

/// One launch, in values of the host.
struct KernelLaunch {
  std::string kernel;                ///< The name of a kernel in the device's module.
  std::array<mlir::Value, 3> grid;   ///< index
  std::array<int32_t, 3> block;      ///< threads
  int32_t sharedBytes = 0;           ///< dynamic shared memory
  /// What the kernel takes, in order: !llvm.ptr, i64, i32, f32 ... of the kernel's own
  /// parameter types. Pointers are the device's.
  llvm::SmallVector<mlir::Value> arguments;
  /// Of the arguments of these numbers, which are addresses of tensors, kernels take the maps.
  llvm::SmallVector<std::pair<unsigned, TensorMapSource>> tensorMaps;
};

/// Writes launches at the builder's insertion point, which is in the host's function,
/// and the kernels that they need. No value: it does not take this configuration.
/// Failure: it has reported an error.
using KernelBuilder = mlir::FailureOr<std::optional<llvm::SmallVector<KernelLaunch>>> (*)(
    mlir::ImplicitLocOpBuilder &host, const KernelContext &context);

/// The builder of `kind`, or null.
KernelBuilder lookupKernelBuilder(llvm::StringRef kind);

/// Helpers for the host's side: the address of the first element (!llvm.ptr), an extent
/// (index), a stride in elements (i64).
mlir::Value getAddress(mlir::ImplicitLocOpBuilder &host, mlir::Value memref);
mlir::Value getExtent(mlir::ImplicitLocOpBuilder &host, mlir::Value memref, int64_t dim);
mlir::Value getStride(mlir::ImplicitLocOpBuilder &host, mlir::Value memref, int64_t dim);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_KERNELBUILDER_H
