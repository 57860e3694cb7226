//===- MemRefUtils.cpp - Memrefs to and from plain values -----------------===//

#include "winnow/Codegen/Common/MemRefUtils.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace winnow {

bool isPlainMemRef(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return !type.getMemorySpace() &&
         succeeded(type.getStridesAndOffset(strides, offset));
}

static Type descriptorType(MemRefType type) {
  return LLVMTypeConverter(type.getContext()).convertType(type);
}

static Value castTo(OpBuilder &b, Location loc, Type type, Value value) {
  return UnrealizedConversionCastOp::create(b, loc, type, value).getResult(0);
}

SmallVector<Value> unpackMemRef(OpBuilder &b, Location loc, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  MemRefDescriptor desc(castTo(b, loc, descriptorType(type), memref));
  SmallVector<Value> parts = {desc.alignedPtr(b, loc)};
  if (ShapedType::isDynamic(offset))
    parts.push_back(desc.offset(b, loc));
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(size))
      parts.push_back(desc.size(b, loc, i));
  for (auto [i, stride] : llvm::enumerate(strides))
    if (ShapedType::isDynamic(stride))
      parts.push_back(desc.stride(b, loc, i));
  return parts;
}

Value packMemRef(OpBuilder &b, Location loc, MemRefType type,
                 ValueRange parts) {
  auto [strides, offset] = type.getStridesAndOffset();
  auto desc = MemRefDescriptor::poison(b, loc, descriptorType(type));
  desc.setAllocatedPtr(b, loc, parts.front());
  desc.setAlignedPtr(b, loc, parts.front());
  parts = parts.drop_front();
  auto next = [&] {
    Value value = parts.front();
    parts = parts.drop_front();
    return value;
  };
  if (ShapedType::isDynamic(offset))
    desc.setOffset(b, loc, next());
  else
    desc.setConstantOffset(b, loc, offset);
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (ShapedType::isDynamic(size))
      desc.setSize(b, loc, i, next());
    else
      desc.setConstantSize(b, loc, i, size);
  }
  for (auto [i, stride] : llvm::enumerate(strides)) {
    if (ShapedType::isDynamic(stride))
      desc.setStride(b, loc, i, next());
    else
      desc.setConstantStride(b, loc, i, stride);
  }
  return castTo(b, loc, type, desc);
}

Value makeDenseMemRef(OpBuilder &b, Location loc, MemRefType type,
                      Value pointer, ValueRange dynamicSizes) {
  SmallVector<Value> parts = {pointer};
  llvm::append_range(parts, dynamicSizes);
  // Strides inside of a dynamic dimension are open, and those around a
  // dimension of size 0: products of the sizes.
  SmallVector<int64_t> declared = type.getStridesAndOffset().first;
  Value product;
  int64_t constant = 1;
  SmallVector<Value> strides;
  unsigned dynamic = dynamicSizes.size();
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    if (ShapedType::isDynamic(declared[i])) {
      Value stride = product;
      if (!product || constant != 1) {
        Value factor = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                                b.getI64IntegerAttr(constant));
        stride = product ? LLVM::MulOp::create(b, loc, product, factor).getResult() : factor;
      }
      strides.push_back(stride);
    }
    int64_t size = type.getDimSize(i);
    if (!ShapedType::isDynamic(size)) {
      constant *= size;
      continue;
    }
    Value value = dynamicSizes[--dynamic];
    product = product ? LLVM::MulOp::create(b, loc, product, value) : value;
  }
  parts.append(strides.rbegin(), strides.rend());
  return packMemRef(b, loc, type, parts);
}

int64_t elementBytes(Type type) {
  if (type.isIndex())
    return 8;
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * elementBytes(vector.getElementType());
  if (auto complex = dyn_cast<ComplexType>(type))
    return 2 * elementBytes(complex.getElementType());
  // LLVM allocates integers of odd widths by the next power of two.
  return llvm::PowerOf2Ceil(llvm::divideCeil(type.getIntOrFloatBitWidth(), 8));
}

} // namespace winnow
