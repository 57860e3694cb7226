//===- BufferSizes.cpp - Sizes of buffers as formulas over the symbols ----===//

#include "BufferSizes.h"
#include "winnow/Codegen/Common/MemRefUtils.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace winnow::cpu {

constexpr int64_t kNominalSymbol = 128;

BufferSizes::BufferSizes(func::FuncOp entry) : entry(entry) {
  for (Type type : entry.getArgumentTypes().drop_front()) {
    if (!type.isIndex())
      break;
    ++numSymbols;
  }
  symbols = getSymbols(entry);
  symbols.resize(numSymbols);
  for (const SymbolInfo &symbol : symbols)
    nominals.push_back(
        std::min(std::max(kNominalSymbol, symbol.min), symbol.max));
}

FailureOr<AffineExpr> BufferSizes::bytesOf(memref::AllocOp alloc) {
  MLIRContext *context = alloc.getContext();
  MemRefType type = alloc.getType();
  AffineExpr bytes =
      getAffineConstantExpr(elementBytes(type.getElementType()), context);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes = bytes * size;
  for (Value size : alloc.getDynamicSizes()) {
    FailureOr<AffineExpr> expression = expressionOf(size);
    if (failed(expression))
      return alloc.emitOpError(
          "expected the size of a buffer to depend on named dimensions only, "
          "but it is computed from data or within a loop");
    bytes = bytes * *expression;
  }
  return getDataBound(normalizeDim(bytes), symbols, /*isUpper=*/true);
}

/// The dimension of an input or output by the entry's attributes.
std::optional<AffineExpr> BufferSizes::inputDim(Value buffer, int64_t index) {
  auto argument = dyn_cast<BlockArgument>(buffer);
  auto numInputs = entry->getAttrOfType<IntegerAttr>("winnow.num_inputs");
  if (!argument || argument.getOwner() != &entry.getBody().front() || !numInputs ||
      argument.getArgNumber() < numSymbols + 1)
    return std::nullopt;
  int64_t position = argument.getArgNumber() - numSymbols - 1;
  bool isInput = position < numInputs.getInt();
  auto maps = entry->getAttrOfType<ArrayAttr>(isInput ? "winnow.input_dims"
                                                      : "winnow.output_dims");
  if (!isInput)
    position -= numInputs.getInt();
  if (!maps || position >= int64_t(maps.size()))
    return std::nullopt;
  AffineMap map = cast<AffineMapAttr>(maps[position]).getValue();
  if (index >= map.getNumResults())
    return std::nullopt;
  return map.getResult(index);
}

/// A buffer of the same shape that comes before a branch or loop, or from within
/// a branch: neither changes shapes. Null for other buffers.
static Value getShapeSource(Value buffer) {
  if (auto argument = dyn_cast<BlockArgument>(buffer)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto loop = dyn_cast<scf::WhileOp>(parent);
        loop && argument.getOwner() == loop.getAfterBody())
      return loop.getConditionOp().getArgs()[argument.getArgNumber()];
    auto loop = dyn_cast<LoopLikeOpInterface>(parent);
    OpOperand *init = loop ? loop.getTiedLoopInit(argument) : nullptr;
    return init ? init->get() : Value();
  }
  auto result = cast<OpResult>(buffer);
  if (auto branch = dyn_cast<scf::IfOp>(result.getOwner()))
    return branch.thenYield().getOperand(result.getResultNumber());
  if (auto select = dyn_cast<arith::SelectOp>(result.getOwner()))
    return select.getTrueValue();
  if (auto loop = dyn_cast<scf::WhileOp>(result.getOwner()))
    return loop.getConditionOp().getArgs()[result.getResultNumber()];
  auto loop = dyn_cast<LoopLikeOpInterface>(result.getOwner());
  OpOperand *init = loop ? loop.getTiedLoopInit(result) : nullptr;
  return init ? init->get() : Value();
}

FailureOr<AffineExpr> BufferSizes::dimOf(Value buffer, int64_t index) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type || index < 0 || index >= type.getRank())
    return failure();
  if (!type.isDynamicDim(index))
    return getAffineConstantExpr(type.getDimSize(index), type.getContext());
  if (std::optional<AffineExpr> expression = inputDim(buffer, index))
    return *expression;
  if (Value source = getShapeSource(buffer))
    return dimOf(source, index);
  if (isa<BlockArgument>(buffer))
    return failure();
  // The size of an intermediate is the operand of its allocation, seen through
  // the views between.
  Operation *def = buffer.getDefiningOp();
  auto sizeOf = [&](OpFoldResult size) -> FailureOr<AffineExpr> {
    if (auto value = dyn_cast<Value>(size))
      return expressionOf(value);
    return getAffineConstantExpr(
        cast<IntegerAttr>(cast<Attribute>(size)).getInt(), type.getContext());
  };
  if (auto alloc = dyn_cast<memref::AllocOp>(def))
    return expressionOf(
        alloc.getDynamicSizes()[type.getDynamicDimIndex(index)]);
  if (auto cast = dyn_cast<memref::CastOp>(def))
    return dimOf(cast.getSource(), index);
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(def))
    return sizeOf(expand.getMixedOutputShape()[index]);
  if (auto view = dyn_cast<memref::ReinterpretCastOp>(def))
    return sizeOf(view.getMixedSizes()[index]);
  if (auto subview = dyn_cast<memref::SubViewOp>(def)) {
    llvm::SmallBitVector dropped = subview.getDroppedDims();
    for (auto [i, size] : llvm::enumerate(subview.getMixedSizes()))
      if (!dropped.test(i) && index-- == 0)
        return sizeOf(size);
    return failure();
  }
  auto collapse = dyn_cast<memref::CollapseShapeOp>(def);
  if (!collapse)
    return failure();
  AffineExpr product = getAffineConstantExpr(1, type.getContext());
  SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
  for (int64_t source : groups[index]) {
    FailureOr<AffineExpr> size = dimOf(collapse.getSrc(), source);
    if (failed(size))
      return failure();
    product = product * *size;
  }
  return product;
}

/// The data symbol whose value the call gives.
static std::optional<unsigned> getDefinedSymbol(func::CallOp call) {
  auto callee =
      SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  auto config = callee ? callee->getAttrOfType<DictionaryAttr>("winnow.kernel")
                       : DictionaryAttr();
  auto symbol = config && call.getNumResults() == 1
                    ? config.getAs<IntegerAttr>("symbol")
                    : IntegerAttr();
  return symbol ? std::optional<unsigned>(symbol.getInt()) : std::nullopt;
}

FailureOr<AffineExpr> BufferSizes::expressionOf(Value value) {
  MLIRContext *context = value.getContext();
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return getAffineConstantExpr(constant.getSExtValue(), context);
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned number = argument.getArgNumber();
    if (argument.getOwner() != &entry.getBody().front() || number == 0 ||
        number > numSymbols)
      return failure();
    return getAffineSymbolExpr(number - 1, context);
  }
  Operation *def = value.getDefiningOp();
  if (auto dim = dyn_cast<memref::DimOp>(def)) {
    if (std::optional<int64_t> index = dim.getConstantIndex())
      return dimOf(dim.getSource(), *index);
    return failure();
  }
  if (auto call = dyn_cast<func::CallOp>(def))
    if (std::optional<unsigned> symbol = getDefinedSymbol(call))
      return getAffineSymbolExpr(*symbol, context);
  auto binary = [&](auto combine) -> FailureOr<AffineExpr> {
    FailureOr<AffineExpr> lhs = expressionOf(def->getOperand(0));
    FailureOr<AffineExpr> rhs = expressionOf(def->getOperand(1));
    if (failed(lhs) || failed(rhs))
      return failure();
    return combine(*lhs, *rhs);
  };
  if (isa<arith::AddIOp>(def))
    return binary([](AffineExpr a, AffineExpr b) { return a + b; });
  if (isa<arith::SubIOp>(def))
    return binary([](AffineExpr a, AffineExpr b) { return a - b; });
  if (isa<arith::MulIOp>(def))
    return binary([](AffineExpr a, AffineExpr b) { return a * b; });
  if (auto apply = dyn_cast<affine::AffineApplyOp>(def)) {
    SmallVector<AffineExpr> dims, symbols;
    for (auto [i, operand] : llvm::enumerate(apply.getMapOperands())) {
      FailureOr<AffineExpr> expression = expressionOf(operand);
      if (failed(expression))
        return failure();
      (i < apply.getAffineMap().getNumDims() ? dims : symbols)
          .push_back(*expression);
    }
    return apply.getAffineMap().getResult(0).replaceDimsAndSymbols(dims,
                                                                   symbols);
  }
  return opaque(value);
}

/// Adds what computes `value` to the slice, if that is symbols only.
LogicalResult BufferSizes::collectSlice(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return success(argument.getOwner() == &entry.getBody().front() &&
                   argument.getArgNumber() > 0 &&
                   argument.getArgNumber() <= numSymbols);
  Operation *def = value.getDefiningOp();
  if (slice.contains(def))
    return success();
  if (!isPure(def) || def->getNumRegions() != 0 || isa<memref::DimOp>(def))
    return failure();
  for (Value operand : def->getOperands())
    if (failed(collectSlice(operand)))
      return failure();
  slice.insert(def);
  return success();
}

FailureOr<AffineExpr> BufferSizes::opaque(Value value) {
  auto known = llvm::find(opaques, value);
  unsigned number = numSymbols + (known - opaques.begin());
  if (known == opaques.end()) {
    if (failed(collectSlice(value)))
      return failure();
    opaques.push_back(value);
    // Only the order of sizes depends on it, so a guess will do.
    nominals.push_back(kNominalSymbol);
  }
  return getAffineSymbolExpr(number, value.getContext());
}

int64_t BufferSizes::nominal(AffineExpr size) const {
  MLIRContext *context = size.getContext();
  SmallVector<AffineExpr> values;
  for (int64_t value : nominals)
    values.push_back(getAffineConstantExpr(value, context));
  auto constant = dyn_cast<AffineConstantExpr>(size.replaceSymbols(values));
  return constant ? constant.getValue() : 0;
}

SmallVector<Value> BufferSizes::materializeOperands(OpBuilder &b,
                                                    ValueRange symbols) const {
  IRMapping mapping;
  for (auto [i, symbol] : llvm::enumerate(symbols))
    mapping.map(entry.getArgument(i + 1), symbol);
  for (Operation *op : slice)
    b.clone(*op, mapping);
  SmallVector<Value> operands(symbols);
  for (Value value : opaques)
    operands.push_back(mapping.lookup(value));
  return operands;
}

} // namespace winnow::cpu
