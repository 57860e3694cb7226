//===- KernelBuilder.cpp - The registry of kernel kinds for chips ---------===//

#include "KernelBuilder.h"
#include "Builders.h"

#include "winnow/Codegen/Common/MemRefUtils.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::gpu {

KernelBuilder lookupKernelBuilder(StringRef kind) {
  return llvm::StringSwitch<KernelBuilder>(kind)
      .Case("attention", buildAttention)
      .Case("layer_norm", buildLayerNorm)
      .Case("linear", buildLinear)
      .Case("matmul", buildMatMul)
      .Case("rms_norm", buildRMSNorm)
      .Case("softmax", buildSoftmax)
      .Default(nullptr);
}

static MemRefDescriptor getDescriptor(ImplicitLocOpBuilder &host, Value memref) {
  Type type = LLVMTypeConverter(host.getContext()).convertType(memref.getType());
  return MemRefDescriptor(
      UnrealizedConversionCastOp::create(host, host.getLoc(), type, memref).getResult(0));
}

Value getAddress(ImplicitLocOpBuilder &host, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  MemRefDescriptor descriptor = getDescriptor(host, memref);
  Value bytes = LLVM::ConstantOp::create(
      host, host.getI64Type(), host.getI64IntegerAttr(elementBytes(type.getElementType())));
  Value offset = LLVM::MulOp::create(host, descriptor.offset(host, host.getLoc()), bytes);
  return LLVM::GEPOp::create(host, LLVM::LLVMPointerType::get(host.getContext()),
                             host.getI8Type(), descriptor.alignedPtr(host, host.getLoc()),
                             ArrayRef<LLVM::GEPArg>{offset});
}

Value getExtent(ImplicitLocOpBuilder &host, Value memref, int64_t dim) {
  return host.createOrFold<memref::DimOp>(memref, dim);
}

Value getStride(ImplicitLocOpBuilder &host, Value memref, int64_t dim) {
  return getDescriptor(host, memref).stride(host, host.getLoc(), dim);
}

} // namespace winnow::gpu
