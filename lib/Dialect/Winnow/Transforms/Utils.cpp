#include "Utils.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

ElementsAttr winnow::getConstantElements(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : nullptr;
  return constant ? constant.getElements() : ElementsAttr();
}

std::optional<double> winnow::getScalarConstant(Value value) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  while (isa_and_nonnull<BroadcastToOp, ReshapeOp, TransposeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  auto constant = dyn_cast_or_null<ConstantOp>(op);
  if (!constant)
    return std::nullopt;
  Type elementType = getElementTypeOrSelf(constant.getType());
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    if (dense.getNumElements() == 0 || (!dense.isSplat() && dense.getNumElements() != 1))
      return std::nullopt;
    if (auto type = dyn_cast<FloatType>(elementType)) {
      APFloat value = *dense.getValues<APFloat>().begin();
      return isStorageFloat(type) ? decodeFloat(value.bitcastToAPInt().getZExtValue(), type)
                                  : value.convertToDouble();
    }
    APInt integer = *dense.getValues<APInt>().begin();
    bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
    return isUnsigned ? static_cast<double>(integer.getZExtValue())
                      : static_cast<double>(integer.getSExtValue());
  }
  // A resource of one element is rare, and larger ones are not searched.
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
  if (!resource || constant.getType().getNumElements() != 1 || !elementType.isF32())
    return std::nullopt;
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  if (!blob || blob->getData().size() != sizeof(float))
    return std::nullopt;
  float scalar;
  memcpy(&scalar, blob->getData().data(), sizeof(float));
  return scalar;
}

std::optional<ArrayRef<float>> winnow::getFloats(ElementsAttr elements,
                                                 SmallVectorImpl<float> &storage) {
  Type type = elements.getElementType();
  if (!isa<FloatType>(type) || type.getIntOrFloatBitWidth() > 32 || isStorageType(type))
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    size_t size = elements.getNumElements();
    if (!blob || !type.isF32() || blob->getData().size() != size * sizeof(float))
      return std::nullopt;
    const char *data = blob->getData().data();
    if (reinterpret_cast<uintptr_t>(data) % alignof(float) == 0)
      return ArrayRef(reinterpret_cast<const float *>(data), size);
    storage.resize(size);
    memcpy(storage.data(), data, size * sizeof(float));
    return ArrayRef<float>(storage);
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  for (const APFloat &value : dense.getValues<APFloat>())
    storage.push_back(static_cast<float>(value.convertToDouble()));
  return ArrayRef<float>(storage);
}

DenseElementsAttr winnow::getScalarElements(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  if (isStorageFloat(elementType)) {
    char bits = encodeFloat(value, cast<FloatType>(elementType));
    return DenseElementsAttr::getFromRawBuffer(type, bits);
  }
  Attribute element;
  if (auto floatType = dyn_cast<FloatType>(elementType))
    element = FloatAttr::get(floatType, value);
  else
    element = IntegerAttr::get(elementType,
                               APInt(elementType.getIntOrFloatBitWidth(),
                                     static_cast<int64_t>(value), /*isSigned=*/true,
                                     /*implicitTrunc=*/true));
  return DenseElementsAttr::get(type, element);
}

Value winnow::createScalar(OpBuilder &builder, Location loc, Type elementType, double value) {
  DenseElementsAttr elements = getScalarElements(elementType, value);
  return ConstantOp::create(builder, loc, elements.getType(), elements);
}

bool winnow::isConstantExpression(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<ConstantOp>(op))
    return true;
  return isa_and_nonnull<TransposeOp, ReshapeOp, ConcatOp, SliceOp, CastOp>(op) &&
         llvm::all_of(op->getOperands(), isConstantExpression);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// Splits a product into a constant and other factors; false if unknown.
static bool collectFactors(AffineExpr expr, int64_t &constant,
                           SmallVectorImpl<AffineExpr> &factors) {
  if (!expr)
    return false;
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    constant *= value.getValue();
    return true;
  }
  if (expr.getKind() == AffineExprKind::Mul) {
    auto product = cast<AffineBinaryOpExpr>(expr);
    return collectFactors(product.getLHS(), constant, factors) &&
           collectFactors(product.getRHS(), constant, factors);
  }
  factors.push_back(expr);
  return true;
}

bool winnow::isSameProduct(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b,
                           unsigned numSymbols) {
  int64_t constantA = 1, constantB = 1;
  SmallVector<AffineExpr> factorsA, factorsB;
  for (AffineExpr expr : a)
    if (!collectFactors(expr, constantA, factorsA))
      return false;
  for (AffineExpr expr : b)
    if (!collectFactors(expr, constantB, factorsB))
      return false;
  // Equal factors cancel, because a product of symbols is beyond what affine
  // simplification compares.
  const SmallVector<AffineExpr> candidates = factorsA;
  for (AffineExpr factor : candidates) {
    auto *found = llvm::find(factorsB, factor);
    if (found == factorsB.end())
      continue;
    factorsB.erase(found);
    factorsA.erase(llvm::find(factorsA, factor));
  }
  if (factorsA.empty() && factorsB.empty())
    return constantA == constantB;
  MLIRContext *context = (factorsA.empty() ? factorsB : factorsA).front().getContext();
  auto rebuild = [&](int64_t constant, ArrayRef<AffineExpr> factors) {
    AffineExpr product = getAffineConstantExpr(constant, context);
    for (AffineExpr factor : factors)
      product = product * factor;
    return product;
  };
  return isSameDim(rebuild(constantA, factorsA), rebuild(constantB, factorsB), numSymbols);
}

std::optional<SmallVector<ReshapeGroup>>
winnow::getReshapeGroups(ArrayRef<AffineExpr> in, ArrayRef<AffineExpr> out,
                         unsigned numSymbols) {
  SmallVector<ReshapeGroup> groups;
  unsigned i = 0, j = 0, numIn = in.size(), numOut = out.size();
  while (i < numIn && j < numOut) {
    bool found = false;
    unsigned most = (numIn - i) + (numOut - j);
    for (unsigned total = 2; total <= most && !found; ++total)
      for (unsigned a = 1; a < total && !found; ++a) {
        unsigned b = total - a;
        if (i + a > numIn || j + b > numOut ||
            !isSameProduct(in.slice(i, a), out.slice(j, b), numSymbols))
          continue;
        groups.push_back({i, i + a, j, j + b});
        i += a;
        j += b;
        found = true;
      }
    if (!found)
      return std::nullopt;
  }
  // What is left over on one side are unit dimensions, and join the last group.
  auto isUnit = [](AffineExpr dim) { return isConstantDim(dim, 1); };
  if (!llvm::all_of(in.drop_front(i), isUnit) || !llvm::all_of(out.drop_front(j), isUnit))
    return std::nullopt;
  if (groups.empty())
    groups.push_back({0, 0, 0, 0});
  groups.back().inEnd = numIn;
  groups.back().outEnd = numOut;
  return groups;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Value winnow::reshapeTo(OpBuilder &builder, Location loc, Value value, RankedTensorType type) {
  if (value.getType() == type)
    return value;
  return ReshapeOp::create(builder, loc, type, value);
}

Value winnow::reshapeTo(OpBuilder &builder, Location loc, Value value,
                        ArrayRef<AffineExpr> dims, unsigned numSymbols) {
  return reshapeTo(builder, loc, value,
                   getTensorType(dims, getElementTypeOrSelf(value), numSymbols));
}

Value winnow::createTranspose(OpBuilder &builder, Location loc, Value value,
                              ArrayRef<int64_t> permutation) {
  Dims dims = getDims(value), permuted;
  for (int64_t from : permutation)
    permuted.push_back(dims[from]);
  return TransposeOp::create(builder, loc,
                             getTensorType(permuted, getElementTypeOrSelf(value),
                                           getNumSymbols(value.getType())),
                             value, builder.getDenseI64ArrayAttr(permutation));
}

void winnow::eraseDeadOps(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) { ops.push_back(op); });
  // Users come after what they use, also in nested regions.
  for (Operation *op : llvm::reverse(ops))
    if (isa_and_nonnull<WinnowDialect>(op->getDialect()) && isOpTriviallyDead(op))
      op->erase();
}

Value winnow::stripBroadcasts(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastToOp>())
    value = broadcast.getInput();
  return value;
}

bool winnow::isVectorOf(Value value, AffineExpr size, unsigned numSymbols) {
  Dims dims = getDims(value);
  return !dims.empty() && isSameDim(dims.back(), size, numSymbols) &&
         llvm::all_of(ArrayRef(dims).drop_back(),
                      [](AffineExpr dim) { return isConstantDim(dim, 1); });
}

Value winnow::asVector(OpBuilder &builder, Location loc, Value value) {
  Dims dims = getDims(value);
  return reshapeTo(builder, loc, value, ArrayRef(dims).take_back(),
                   getNumSymbols(value.getType()));
}

bool winnow::feedsLinear(LinearOp hidden) {
  if (hidden.getActivation() == Activation::None || hidden.getResidual() || !hidden->hasOneUse())
    return false;
  Value units = hidden.getResult();
  if (auto product = dyn_cast<MulOp>(*units.user_begin());
      product && product->hasOneUse() && product.getType() == units.getType())
    units = product.getResult();
  auto linear = dyn_cast<LinearOp>(*units.user_begin());
  return linear && linear.getInput() == units && linear.getActivation() == Activation::None;
}
