//===- KernelBuilder.cpp - The registry of kernel kinds -------------------===//

#include "KernelBuilder.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {

StringRef KernelContext::kind() const {
  auto attr = config.getAs<StringAttr>("kind");
  return attr ? attr.getValue() : StringRef();
}

InFlightDiagnostic KernelContext::error() const {
  return mlir::emitError(loc) << "kernel '" << kind() << "': ";
}

FailureOr<int64_t> KernelContext::integer(StringRef name,
                                          int64_t least) const {
  auto attr = config.getAs<IntegerAttr>(name);
  if (!attr)
    return error() << "expected an integer parameter '" << name << "'";
  int64_t value = attr.getValue().getSExtValue();
  if (value < least)
    return error() << "expected '" << name << "' to be at least " << least
                   << ", got " << value;
  return value;
}

FailureOr<double> KernelContext::real(StringRef name) const {
  auto attr = config.getAs<FloatAttr>(name);
  if (!attr)
    return error() << "expected a float parameter '" << name << "'";
  return attr.getValueAsDouble();
}

FailureOr<StringRef> KernelContext::string(StringRef name,
                                           StringRef fallback) const {
  Attribute attr = config.get(name);
  if (!attr)
    return fallback;
  if (auto string = dyn_cast<StringAttr>(attr))
    return string.getValue();
  return error() << "expected '" << name << "' to be a string";
}

bool KernelContext::flag(StringRef name) const {
  Attribute attr = config.get(name);
  if (auto boolean = dyn_cast_or_null<BoolAttr>(attr))
    return boolean.getValue();
  return isa_and_nonnull<UnitAttr>(attr);
}

FailureOr<SmallVector<BlockArgument>>
KernelContext::arguments(unsigned count) const {
  if (entry.getNumArguments() != count)
    return error() << "expected " << count << " arguments, got "
                   << entry.getNumArguments();
  return llvm::to_vector(entry.getArguments());
}

LogicalResult KernelContext::memref(Value value, StringRef name, int64_t rank,
                                    Type element) const {
  auto type = dyn_cast<MemRefType>(value.getType());
  if (!type)
    return error() << "expected '" << name << "' to be a memref, got "
                   << value.getType();
  if (type.getRank() != rank)
    return error() << "expected '" << name << "' to have rank " << rank
                   << ", got " << type.getRank();
  if (element && type.getElementType() != element)
    return error() << "expected '" << name << "' to hold " << element
                   << ", got " << type.getElementType();
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return error() << "expected '" << name << "' to have a strided layout";
  if (rank > 0 && strides.back() != 1)
    return error() << "expected '" << name
                   << "' to have an innermost stride of 1, got "
                   << strides.back();
  return success();
}

LogicalResult KernelContext::sameExtent(Value a, int64_t aDim, StringRef aName,
                                        Value b, int64_t bDim,
                                        StringRef bName) const {
  int64_t left = cast<MemRefType>(a.getType()).getDimSize(aDim);
  int64_t right = cast<MemRefType>(b.getType()).getDimSize(bDim);
  if (ShapedType::isDynamic(left) || ShapedType::isDynamic(right) ||
      left == right)
    return success();
  return error() << "expected dimension " << aDim << " of '" << aName
                 << "' and dimension " << bDim << " of '" << bName
                 << "' to match, got " << left << " and " << right;
}

int64_t rowGrain(Value memref) {
  int64_t length = cast<MemRefType>(memref.getType()).getDimSize(1);
  if (ShapedType::isDynamic(length))
    return 4;
  return std::max<int64_t>(8192 / std::max<int64_t>(length, 1), 1);
}

KernelBuilder lookupKernelBuilder(StringRef kind) {
  return llvm::StringSwitch<KernelBuilder>(kind)
      .Case("linear", buildLinear)
      .Case("sparse_linear", buildSparseLinear)
      .Case("quantize_rows", buildQuantizeRows)
      .Case("quantized_linear", buildQuantizedLinear)
      .Case("rounded_linear", buildRoundedLinear)
      .Case("unpacked_linear", buildUnpackedLinear)
      .Case("quantized_matmul", buildQuantizedMatMul)
      .Case("matmul", buildMatMul)
      .Case("attention", buildAttention)
      .Case("mean_rows", buildMeanRows)
      .Case("probsparse_bounds", buildProbSparseBounds)
      .Case("probsparse_measure", buildProbSparseMeasure)
      .Case("layer_norm", buildLayerNorm)
      .Case("rms_norm", buildRMSNorm)
      .Case("softmax", buildSoftmax)
      .Cases({"bspline", "gaussian_basis"}, buildBasis)
      .Case("basis_linear", buildBasisLinear)
      .Case("gather", buildGather)
      .Case("scatter", buildScatter)
      .Cases({"cumsum", "cumprod"}, buildCumSum)
      .Case("det", buildDet)
      .Case("topk", buildTopK)
      .Case("topk_activation", buildTopKActivation)
      .Case("define_size", buildDefineSize)
      .Case("check_size", buildCheckSize)
      .Default(nullptr);
}

} // namespace winnow::cpu
