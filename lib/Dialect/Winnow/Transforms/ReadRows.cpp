//===- ReadRows.cpp - Linear layers that read rows where they are ---------===//
//
// Instead of from a copy in another order.
//
//===----------------------------------------------------------------------===//

#include "Evaluate.h"
#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_READROWS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static AffineExpr getProduct(ArrayRef<AffineExpr> dims) {
  AffineExpr product = dims.front();
  for (AffineExpr dim : dims.drop_front())
    product = product * dim;
  return normalizeDim(product);
}

namespace {
/// What moves rows as a whole on the way to a value, and is read for it only (windows, rolls,
/// shuffled tokens, packed tokens), is done to the numbers of the rows.
class NamedRows {
public:
  /// Whether such movement is on the way.
  bool find(Value value) {
    return getConstantDim(getDims(value).back()).value_or(0) >= kLeastFeatures && visit(value) &&
           moves;
  }
  /// What the rows are of.
  Value getSource() const { return source; }
  /// [rows of `value`] of i64: their numbers among the rows of the source.
  Value build(OpBuilder &b, Location loc, Value value);

private:
  /// Numbers take as much room as two features.
  static constexpr int64_t kLeastFeatures = 8;

  static bool isMovement(Operation *op);
  bool visit(Value value);
  Value move(OpBuilder &b, Location loc, Value value);
  RankedTensorType typeOf(ArrayRef<AffineExpr> dims, Type element) const {
    return getTensorType(dims, element, numSymbols);
  }

  Value source;
  bool moves = false;
  unsigned numSymbols = 0;
  llvm::DenseMap<Value, Value> numbers;
};
} // namespace

/// The op moves rows and leaves each as it is.
bool NamedRows::isMovement(Operation *op) {
  auto keepsFeatures = [&](Value operand) {
    Dims from = getDims(operand), to = getDims(op->getResult(0));
    return from.size() > 1 && to.size() > 1 && from.back() == to.back();
  };
  if (isa_and_nonnull<ReshapeOp>(op))
    return keepsFeatures(op->getOperand(0));
  if (auto transpose = dyn_cast_or_null<TransposeOp>(op))
    return transpose.getPermutation().back() == int64_t(transpose.getPermutation().size()) - 1;
  if (auto slice = dyn_cast_or_null<SliceOp>(op))
    return keepsFeatures(slice.getInput()) && slice.getSteps().back() == 1;
  if (auto concat = dyn_cast_or_null<ConcatOp>(op))
    return concat.getAxis() + 1 < getDims(concat.getResult()).size();
  auto gather = dyn_cast_or_null<GatherOp>(op);
  return gather && gather.getAxis() == 0 && gather.getInBounds() &&
         getDims(gather.getData()).size() == 2 && getElementTypeOrSelf(gather.getIndices()).isInteger(64);
}

bool NamedRows::visit(Value value) {
  Operation *op = value.getDefiningOp();
  bool isRead = llvm::hasSingleElement(value.getUsers());
  if (isMovement(op) && isRead) {
    bool isReshape = isa<ReshapeOp>(op);
    moves |= !isReshape;
    unsigned count = isa<ConcatOp>(op) ? op->getNumOperands() : 1;
    return llvm::all_of(op->getOperands().take_front(count),
                        [&](Value operand) { return visit(operand); });
  }
  // A constant is moved when it is stored.
  if ((source && source != value) || isa_and_nonnull<ConstantOp>(op))
    return false;
  source = value;
  return true;
}

/// Numbers that are known are constants of the model.
static Value fold(OpBuilder &b, Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return value;
  SmallVector<ElementsAttr> elements = llvm::map_to_vector(op->getOperands(), getConstantElements);
  if (llvm::is_contained(elements, nullptr))
    return value;
  DenseElementsAttr known = evaluate(op, elements);
  return known ? ConstantOp::create(b, value.getLoc(), known.getType(), known).getResult() : value;
}

Value NamedRows::move(OpBuilder &b, Location loc, Value value) {
  if (Value known = numbers.lookup(value))
    return known;
  Type i64 = b.getI64Type();
  MLIRContext *context = b.getContext();
  Dims dims = getDims(value);
  dims.pop_back();
  auto reshape = [&](Value from) -> Value {
    return ReshapeOp::create(b, loc, typeOf(dims, i64), from);
  };
  Value result;
  Operation *op = value.getDefiningOp();
  if (value == source) {
    result = reshape(fold(b, IotaOp::create(b, loc, typeOf({getProduct(dims)}, i64), 0, 1)));
  } else if (isa<ReshapeOp>(op)) {
    result = reshape(move(b, loc, op->getOperand(0)));
  } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
    result = TransposeOp::create(b, loc, move(b, loc, transpose.getInput()),
                                 transpose.getPermutation().drop_back());
  } else if (auto slice = dyn_cast<SliceOp>(op)) {
    AffineMap starts = slice.getStarts();
    starts = AffineMap::get(0, starts.getNumSymbols(), starts.getResults().drop_back(), context);
    result = SliceOp::create(b, loc, typeOf(dims, i64), move(b, loc, slice.getInput()), starts,
                             slice.getSteps().drop_back());
  } else if (auto concat = dyn_cast<ConcatOp>(op)) {
    SmallVector<Value> parts = llvm::map_to_vector(
        concat.getInputs(), [&](Value input) { return move(b, loc, input); });
    result = ConcatOp::create(b, loc, parts, concat.getAxis());
  } else {
    auto gather = cast<GatherOp>(op);
    // Of rows in their own order, the indices are the numbers.
    result = gather.getData() == source
                 ? gather.getIndices()
                 : GatherOp::create(b, loc, move(b, loc, gather.getData()), gather.getIndices(), 0,
                                    /*inBounds=*/true)
                       .getResult();
  }
  return numbers[value] = fold(b, result);
}

Value NamedRows::build(OpBuilder &b, Location loc, Value value) {
  numSymbols = std::max(getNumSymbols(value.getType()), getNumSymbols(source.getType()));
  Dims dims = getDims(value);
  dims.pop_back();
  return fold(b, ReshapeOp::create(b, loc, typeOf({getProduct(dims)}, b.getI64Type()),
                                   move(b, loc, value)));
}

namespace {
struct ReadRows : winnow::impl::ReadRowsBase<ReadRows> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "read-rows");
    SmallVector<LinearOp> linears;
    getOperation().walk([&](LinearOp op) { linears.push_back(op); });
    for (LinearOp op : linears) {
      NamedRows rows;
      if (op.getRows() || !getElementTypeOrSelf(op.getInput()).isF32() || !rows.find(op.getInput()))
        continue;
      rewrite(op, rows);
      reporter.counted(op.getLoc(), "read-rows.in-place",
                       "reads rows where they are, not from a copy in another order,");
    }
    eraseDeadOps(getOperation());
  }

  static void rewrite(LinearOp op, NamedRows &rows) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    unsigned numSymbols = std::max(getNumSymbols(op.getType()),
                                   getNumSymbols(rows.getSource().getType()));
    auto flatten = [&](Value value) -> Value {
      Dims dims = getDims(value), flat = {getProduct(ArrayRef(dims).drop_back()), dims.back()};
      return reshapeTo(b, loc, value, flat, numSymbols);
    };
    Dims out = getDims(op.getResult());
    auto copy = cast<LinearOp>(b.clone(*op));
    copy.getInputMutable().assign(flatten(rows.getSource()));
    copy.getRowsMutable().assign(rows.build(b, loc, op.getInput()));
    if (op.getResidual())
      copy.getResidualMutable().assign(flatten(op.getResidual()));
    copy.getResult().setType(getTensorType({getProduct(ArrayRef(out).drop_back()), out.back()},
                                           b.getF32Type(), numSymbols));
    copy->moveBefore(op);
    op.getResult().replaceAllUsesWith(reshapeTo(b, loc, copy.getResult(), op.getType()));
  }
};
} // namespace
