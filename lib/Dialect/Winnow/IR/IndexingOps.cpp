#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// TopKOp
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::verify() {
  Dims input = getDims(getInput()), values = getDims(getValues()), indices = getDims(getIndices());
  int64_t rank = input.size(), axis = getAxis();
  unsigned numSymbols = getNumSymbols(getOperation()->getOperandTypes());
  numSymbols = std::max(numSymbols, getNumSymbols(getOperation()->getResultTypes()));
  // C1
  if (axis < 0 || axis >= rank)
    return emitOpError("expected axis in [0, ") << rank << "), got " << axis;
  // C2
  Type element = getInput().getType().getElementType();
  if (getValues().getType().getElementType() != element)
    return emitOpError("expected values of the input's element type ")
           << element << ", got " << getValues().getType().getElementType();
  // C3
  auto isSame = [&](AffineExpr a, AffineExpr b) { return isSameDim(a, b, numSymbols); };
  bool matches = static_cast<int64_t>(values.size()) == rank && values.size() == indices.size() &&
                 llvm::all_of(llvm::zip(values, indices),
                              [&](auto pair) { return isSame(std::get<0>(pair), std::get<1>(pair)); });
  for (int64_t i = 0; matches && i < rank; ++i)
    matches = i == axis || isSame(input[i], values[i]);
  if (!matches)
    return emitOpError("expected results of the input's shape but along axis ")
           << axis << ", got " << toString(input) << " to " << toString(values) << " and "
           << toString(indices);
  // C4
  std::optional<int64_t> size = getConstantDim(input[axis]), k = getConstantDim(values[axis]);
  if (size && k && *k > *size)
    return emitOpError("expected at most ") << *size << " elements, got " << *k;
  return success();
}

//===----------------------------------------------------------------------===//
// ScatterElementsOp, ScatterNDOp
//===----------------------------------------------------------------------===//

static bool isSameShape(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b, unsigned numSymbols) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [&](auto pair) {
           return isSameDim(std::get<0>(pair), std::get<1>(pair), numSymbols);
         });
}

template <typename Adaptor>
static LogicalResult checkUpdates(std::optional<Location> loc, Adaptor adaptor) {
  Type wanted = getElementTypeOrSelf(adaptor.getData());
  Type element = getElementTypeOrSelf(adaptor.getUpdates());
  if (element != wanted)
    return emitOptionalError(loc, "expected updates of the data's element type ", wanted, ", got ",
                             element);
  if (isStorageType(element) && adaptor.getReduction() != ScatterReduction::None)
    return emitOptionalError(loc, "expected a reduction of none for elements of ", element);
  return success();
}

FailureOr<RankedTensorType> ScatterElementsOp::inferType(std::optional<Location> loc,
                                                         Adaptor adaptor) {
  auto type = cast<RankedTensorType>(adaptor.getData().getType());
  Dims data = getDims(type), indices = getDims(adaptor.getIndices());
  Dims updates = getDims(adaptor.getUpdates());
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  int64_t axis = adaptor.getAxis(), rank = data.size();
  // C1
  if (axis < 0 || axis >= rank)
    return emitOptionalError(loc, "expected axis in [0, ", rank, "), got ", axis);
  // C2, C5
  if (failed(checkUpdates(loc, adaptor)))
    return failure();
  // C3
  if (!isSameShape(indices, updates, numSymbols))
    return emitOptionalError(loc, "expected indices and updates of one shape, got ",
                             toString(indices), " and ", toString(updates));
  // C4
  Dims along = data;
  if (indices.size() == data.size())
    along[axis] = indices[axis];
  if (!isSameShape(along, indices, numSymbols))
    return emitOptionalError(loc, "expected indices of the data's shape but along axis ", axis,
                             ", got ", toString(indices), " and ", toString(data));
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ScatterElementsOp)

FailureOr<RankedTensorType> ScatterNDOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  auto type = cast<RankedTensorType>(adaptor.getData().getType());
  Dims data = getDims(type), indices = getDims(adaptor.getIndices());
  Dims updates = getDims(adaptor.getUpdates());
  int64_t rank = data.size();
  // C1
  std::optional<int64_t> tuple =
      indices.empty() ? std::nullopt : getConstantDim(indices.back());
  if (!tuple || *tuple > rank)
    return emitOptionalError(loc, "expected index tuples of a static size of at most ", rank,
                             ", got indices of shape ", toString(indices));
  // C2, C4
  if (failed(checkUpdates(loc, adaptor)))
    return failure();
  // C3
  Dims wanted(indices.begin(), indices.end() - 1);
  wanted.append(data.begin() + *tuple, data.end());
  if (!isSameShape(wanted, updates, getNumSymbols(adaptor.getOperands().getTypes())))
    return emitOptionalError(loc, "expected updates of shape ", toString(wanted), ", got ",
                             toString(updates));
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ScatterNDOp)
