#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  auto elements = dyn_cast<ElementsAttr>(getValue());
  if (!elements || !elements.getShapedType().hasStaticShape())
    return emitOpError("expected elements of a static shape, got ") << getValue().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// DimValuesOp, BindSizeOp, CapacityOp, IotaOp
//===----------------------------------------------------------------------===//

LogicalResult DimValuesOp::verify() {
  RankedTensorType type = getType();
  AffineMap map = getValues();
  if (type.getRank() > 1 || !type.hasStaticShape())
    return emitOpError("expected a static tensor of rank 0 or 1, got ") << type;
  if (map.getNumResults() != type.getNumElements())
    return emitOpError("expected one expression per element, got ")
           << map.getNumResults() << " and " << type.getNumElements();
  if (map.getNumDims() != 0)
    return emitOpError("expected expressions over symbols only, got ")
           << map.getNumDims() << " dims";
  return success();
}

LogicalResult BindSizeOp::verify() {
  auto type = cast<RankedTensorType>(getValue().getType());
  if (type.getRank() != 0)
    return emitOpError("expected a value of rank 0, got ") << type;
  if (getSize().getNumResults() != 1 || getSize().getNumDims() != 0)
    return emitOpError("expected one expression over symbols, got ") << getSizeAttr();
  return success();
}

LogicalResult CapacityOp::verify() {
  AffineMap map = getSize();
  if (map.getNumResults() != 1 || map.getNumDims() != 0 ||
      !isa<AffineSymbolExpr>(map.getResult(0)) || !dependsOnData(map.getResult(0), getOperation()))
    return emitOpError("expected a symbol that data gives, got ") << getSizeAttr();
  if (getType().getRank() != 0)
    return emitOpError("expected a result of rank 0, got ") << getType();
  return success();
}

LogicalResult IotaOp::verify() {
  if (getType().getRank() != 1)
    return emitOpError("expected a result of rank 1, got ") << getType();
  return success();
}

//===----------------------------------------------------------------------===//
// ReshapeOp
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  RankedTensorType in = getInput().getType(), out = getType();
  if (in.getElementType() != out.getElementType())
    return emitOpError("expected element types to match, got ")
           << in.getElementType() << " and " << out.getElementType();
  AffineExpr before = getNumElements(getDims(in), getContext());
  AffineExpr after = getNumElements(getDims(out), getContext());
  if (!before || !after)
    return emitOpError("expected every dynamic dimension to have an expression, got ")
           << in << " and " << out;
  // Where only the run can tell, winnow.bind_size has checked.
  if (!isSameDim(before, after, getNumSymbols({in, out})) && areDifferent(before, after, {}))
    return emitOpError("expected as many elements before as after, got ")
           << toString(getDims(in)) << " and " << toString(getDims(out));
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // reshape(reshape(x)) is one reshape.
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput()))
    if (getType().hasStaticShape())
      return elements.reshape(getType());
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(adaptor.getInput()))
    if (getType().hasStaticShape())
      return DenseResourceElementsAttr::get(getType(), resource.getRawHandle());
  return nullptr;
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> TransposeOp::inferType(std::optional<Location> loc,
                                                   Adaptor adaptor) {
  Dims dims = getDims(adaptor.getInput());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  llvm::SmallBitVector seen(dims.size());
  if (permutation.size() != dims.size())
    return emitOptionalError(loc, "expected a permutation of ", dims.size(),
                             " dimensions, got ", permutation.size(), " entries");
  Dims result;
  for (int64_t from : permutation) {
    if (from < 0 || from >= static_cast<int64_t>(dims.size()) || seen.test(from))
      return emitOptionalError(loc, "expected a permutation of 0..", dims.size() - 1,
                               ", got ", from, " twice or out of range");
    seen.set(from);
    result.push_back(dims[from]);
  }
  Type type = adaptor.getInput().getType();
  return getTensorType(result, getElementTypeOrSelf(type), getNumSymbols(type));
}
WINNOW_DEFINE_INFER_RETURN_TYPES(TransposeOp)

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return getInput();
  // transpose(transpose(x)) is one transpose.
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t from : permutation)
      composed.push_back(inner.getPermutation()[from]);
    setPermutation(composed);
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// BroadcastToOp
//===----------------------------------------------------------------------===//

LogicalResult BroadcastToOp::verify() {
  RankedTensorType in = getInput().getType(), out = getType();
  if (in.getElementType() != out.getElementType())
    return emitOpError("expected element types to match, got ")
           << in.getElementType() << " and " << out.getElementType();
  unsigned numSymbols = getNumSymbols({in, out});
  Dims from = getDims(in), to = getDims(out);
  bool fits = from.size() <= to.size();
  for (size_t i = 0; fits && i < from.size(); ++i) {
    AffineExpr target = to[to.size() - from.size() + i];
    fits = isConstantDim(from[i], 1) || isSameDim(from[i], target, numSymbols);
  }
  if (!fits)
    return emitOpError("expected the input's shape to broadcast to the result's, got ")
           << toString(from) << " and " << toString(to);
  return success();
}

OpFoldResult BroadcastToOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : nullptr;
}

//===----------------------------------------------------------------------===//
// SliceOp
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::verify() {
  RankedTensorType in = getInput().getType(), out = getType();
  size_t rank = in.getRank();
  AffineMap starts = getStarts();
  if (in.getElementType() != out.getElementType() || out.getRank() != in.getRank())
    return emitOpError("expected element types and ranks to match, got ") << in << " and " << out;
  if (starts.getNumResults() != rank || getSteps().size() != rank || starts.getNumDims() != 0)
    return emitOpError("expected one start over symbols and one step per dimension, got ")
           << starts.getNumResults() << " starts and " << getSteps().size()
           << " steps for rank " << rank;
  for (size_t i = 0; i < rank; ++i) {
    int64_t step = getSteps()[i];
    if (step == 0)
      return emitOpError("expected steps other than 0, got 0 for dimension ") << i;
    std::optional<int64_t> start = getConstantDim(starts.getResult(i));
    int64_t size = out.getDimSize(i), bound = in.getDimSize(i);
    if (!start || ShapedType::isDynamic(size) || ShapedType::isDynamic(bound) || size == 0)
      continue;
    int64_t last = *start + (size - 1) * step;
    if (*start < 0 || *start >= bound || last < 0 || last >= bound)
      return emitOpError("expected the slice to stay inside its input, got elements ")
             << *start << " to " << last << " of dimension " << i << " with size " << bound;
  }
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getInput().getType() != getType())
    return nullptr;
  bool isWhole = llvm::all_of(getStarts().getResults(),
                              [](AffineExpr start) { return isConstantDim(start, 0); }) &&
                 llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  return isWhole ? OpFoldResult(getInput()) : nullptr;
}

//===----------------------------------------------------------------------===//
// ExtractAtOp, InsertAtOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> ExtractAtOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Dims dims = getDims(adaptor.getInput());
  if (dims.empty())
    return emitOptionalError(loc, "expected an input of rank 1 or more, got rank 0");
  Type type = adaptor.getInput().getType();
  return getTensorType(ArrayRef(dims).drop_front(), getElementTypeOrSelf(type),
                       getNumSymbols(type));
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ExtractAtOp)

FailureOr<RankedTensorType> InsertAtOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  if (failed(checkSameElementType(loc, {adaptor.getSlice(), adaptor.getDestination()})))
    return failure();
  Dims slice = getDims(adaptor.getSlice()), dims = getDims(adaptor.getDestination());
  unsigned numSymbols = getNumSymbols(TypeRange(adaptor.getOperands()));
  bool fits = dims.size() == slice.size() + 1;
  for (size_t i = 0; fits && i < slice.size(); ++i)
    fits = isSameDim(slice[i], dims[i + 1], numSymbols);
  if (!fits)
    return emitOptionalError(loc, "expected a slice of the destination's dimensions after the "
                                  "first, got ",
                             toString(slice), " for ", toString(dims));
  return cast<RankedTensorType>(adaptor.getDestination().getType());
}
WINNOW_DEFINE_INFER_RETURN_TYPES(InsertAtOp)

//===----------------------------------------------------------------------===//
// ConcatOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> ConcatOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  ValueRange inputs = adaptor.getInputs();
  if (inputs.empty())
    return emitOptionalError(loc, "expected at least one input, got 0");
  if (failed(checkSameElementType(loc, inputs)))
    return failure();
  Dims dims = getDims(inputs.front());
  int64_t axis = adaptor.getAxis(), rank = dims.size();
  if (axis < 0 || axis >= rank)
    return emitOptionalError(loc, "expected axis in [0, ", rank, "), got ", axis);
  unsigned numSymbols = getNumSymbols(inputs.getTypes());
  for (Value input : inputs.drop_front()) {
    Dims other = getDims(input);
    if (other.size() != dims.size())
      return emitOptionalError(loc, "expected input ranks to match, got ", rank, " and ",
                               other.size());
    for (int64_t i = 0; i < rank; ++i) {
      if (i == axis)
        dims[i] = dims[i] && other[i] ? dims[i] + other[i] : AffineExpr();
      else if (!isSameDim(dims[i], other[i], numSymbols))
        return emitOptionalError(loc, "expected inputs to match outside axis ", axis, ", got ",
                                 toString(dims[i]), " and ", toString(other[i]),
                                 " for dimension ", i);
    }
  }
  return getTensorType(dims, getElementTypeOrSelf(inputs.front()), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ConcatOp)

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : nullptr;
}

//===----------------------------------------------------------------------===//
// GatherOp, GatherNDOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> GatherOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Dims data = getDims(adaptor.getData()), indices = getDims(adaptor.getIndices());
  int64_t axis = adaptor.getAxis(), rank = data.size();
  if (axis < 0 || axis >= rank)
    return emitOptionalError(loc, "expected axis in [0, ", rank, "), got ", axis);
  Dims dims(data.begin(), data.begin() + axis);
  dims.append(indices);
  dims.append(data.begin() + axis + 1, data.end());
  return getTensorType(dims, getElementTypeOrSelf(adaptor.getData()),
                       getNumSymbols(adaptor.getOperands().getTypes()));
}
WINNOW_DEFINE_INFER_RETURN_TYPES(GatherOp)

FailureOr<RankedTensorType> GatherNDOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Dims data = getDims(adaptor.getData()), indices = getDims(adaptor.getIndices());
  int64_t batch = adaptor.getBatchDims();
  std::optional<int64_t> tuple =
      indices.empty() ? std::nullopt : getConstantDim(indices.back());
  int64_t room = static_cast<int64_t>(data.size()) - batch;
  if (batch < 0 || batch >= static_cast<int64_t>(indices.size()) || room < 1)
    return emitOptionalError(loc, "expected batch_dims below both ranks, got ", batch,
                             " for ranks ", data.size(), " and ", indices.size());
  if (!tuple || *tuple < 1 || *tuple > room)
    return emitOptionalError(loc, "expected the last dimension of indices in [1, ", room,
                             "], got ", toString(indices.back()));
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  for (int64_t i = 0; i < batch; ++i)
    if (!isSameDim(data[i], indices[i], numSymbols))
      return emitOptionalError(loc, "expected batch dimension ", i, " to match, got ",
                               toString(data[i]), " and ", toString(indices[i]));
  Dims dims(indices.begin(), indices.end() - 1);
  dims.append(data.begin() + batch + *tuple, data.end());
  return getTensorType(dims, getElementTypeOrSelf(adaptor.getData()), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(GatherNDOp)
