//===- ReadRows.cpp - Rows that are read where they are -------------------===//
//
// Instead of from a copy in another order. What moves rows of features, or pieces of them, as a
// whole is done to their numbers, and the rows are gathered by these: by whoever reads them.
//
//===----------------------------------------------------------------------===//

#include "Evaluate.h"
#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/Rows.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/BitVector.h"

#include <numeric>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_READROWS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static Value stripReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value;
}

namespace {
/// A value that is another one in pieces that were moved (windows, rolls, shuffled tokens, packed
/// tokens).
class MovedRows {
public:
  /// Whether the value is that. It is moved once more by what reads it in a last dimension of
  /// `features`.
  bool find(Value value, ArrayRef<int64_t> features);
  Value getSource() const { return source; }
  /// The features of a piece.
  int64_t getPiece() const { return piece; }
  /// Whole pieces of the source.
  bool gathersSource(GatherOp op) const {
    return stripReshapes(op.getData()) == source &&
           getConstantDim(getDims(op.getData()).back()) == piece;
  }
  /// Whether the movements undo each other. Builds numbers that nothing uses.
  bool isIdentity(OpBuilder &b, Location loc, Value value);
  /// Whether each piece is moved to one place. Builds numbers as well.
  bool isPermutation(OpBuilder &b, Location loc, Value value);
  /// [pieces of the value] of i64: their numbers among the pieces of the source.
  Value build(OpBuilder &b, Location loc, Value value);

private:
  /// Numbers take as much room as two features.
  static constexpr int64_t kLeastFeatures = 8;

  bool visit(Value value);
  void narrow(Operation *op);
  void visitImages(Value value);
  Dims getNumberDims(Value value) const;
  Value move(OpBuilder &b, Location loc, Value value);
  RankedTensorType typeOf(ArrayRef<AffineExpr> dims, Type element) const {
    return getTensorType(dims, element, numSymbols);
  }

  Value source;
  Value shownSource; ///< the source in a shape of whole pieces
  int64_t piece = 0;
  unsigned numMoves = 0;
  /// Every value is a number of images [images * n, ...], within which rows move alike.
  bool isByImage = true;
  std::optional<unsigned> images;
  unsigned numSymbols = 0;
  llvm::DenseMap<Value, Value> numbers;
};
} // namespace

/// Moves elements, or shows them in another shape.
static bool isMovement(Operation *op) {
  return isa_and_nonnull<ReshapeOp, TransposeOp, SliceOp, ConcatOp>(op) ||
         (isa_and_nonnull<GatherOp>(op) && isOfRows(cast<GatherOp>(op)));
}

static ValueRange getMoved(Operation *op) {
  return op->getOperands().take_front(isa<ConcatOp>(op) ? op->getNumOperands() : 1);
}

/// The op moves runs of features, and not single ones.
static bool movesFeaturesTogether(Operation *op) {
  if (!isMovement(op))
    return false;
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return transpose.getPermutation().back() == int64_t(transpose.getPermutation().size()) - 1;
  if (auto slice = dyn_cast<SliceOp>(op))
    return slice.getSteps().back() == 1 &&
           getConstantDim(slice.getStarts().getResults().back()).has_value();
  return true;
}

/// Narrows the pieces to what the op leaves together.
void MovedRows::narrow(Operation *op) {
  piece = std::gcd(piece, *getConstantDim(getDims(op->getResult(0)).back()));
  if (auto slice = dyn_cast<SliceOp>(op))
    piece = std::gcd(piece, *getConstantDim(slice.getStarts().getResults().back()));
}

void MovedRows::visitImages(Value value) {
  Dims dims = getDims(value);
  std::optional<LinearDim> first = getLinearDim(dims.front());
  isByImage &= first && first->offset == 0 && images.value_or(first->symbol) == first->symbol &&
               llvm::all_of(llvm::drop_begin(dims), [](AffineExpr dim) { return getConstantDim(dim); });
  if (!isByImage)
    return;
  images = first->symbol;
  Operation *op = value.getDefiningOp();
  if (stripReshapes(value) == source || isa<ReshapeOp>(op))
    return;
  if (auto transpose = dyn_cast<TransposeOp>(op))
    isByImage = transpose.getPermutation().front() == 0;
  else if (auto slice = dyn_cast<SliceOp>(op))
    isByImage = isConstantDim(slice.getStarts().getResult(0), 0) && slice.getSteps()[0] == 1 &&
                getDims(slice.getInput()).front() == dims.front();
  else if (auto concat = dyn_cast<ConcatOp>(op))
    isByImage = concat.getAxis() != 0;
  else
    isByImage = false;
}

bool MovedRows::visit(Value value) {
  Dims dims = getDims(value);
  std::optional<int64_t> last = dims.empty() ? std::nullopt : getConstantDim(dims.back());
  if (!last || *last == 0)
    return false;
  numSymbols = std::max(numSymbols, getNumSymbols(value.getType()));
  Operation *op = value.getDefiningOp();
  Value shown = stripReshapes(value);
  if (movesFeaturesTogether(shown.getDefiningOp())) {
    narrow(op);
    numMoves += !isa<ReshapeOp>(op);
    if (!llvm::all_of(getMoved(op), [&](Value operand) { return visit(operand); }))
      return false;
    visitImages(value);
    return true;
  }
  // A constant is moved when it is stored.
  if ((source && source != shown) || shown.getDefiningOp<ConstantOp>())
    return false;
  source = shown;
  shownSource = value;
  piece = std::gcd(piece, *last);
  visitImages(value);
  return piece >= kLeastFeatures;
}

bool MovedRows::find(Value value, ArrayRef<int64_t> features) {
  for (int64_t count : features)
    piece = std::gcd(piece, count);
  return visit(value) && numMoves > 0;
}

/// Those of the numbers of a value's pieces, of one image where all are alike.
Dims MovedRows::getNumberDims(Value value) const {
  Dims dims = getDims(value);
  MLIRContext *context = value.getContext();
  if (isByImage)
    dims.front() = getAffineConstantExpr(getLinearDim(dims.front())->factor, context);
  dims.back() = getAffineConstantExpr(*getConstantDim(dims.back()) / piece, context);
  return dims;
}

Value MovedRows::move(OpBuilder &b, Location loc, Value value) {
  if (Value known = numbers.lookup(value))
    return known;
  Type i64 = b.getI64Type();
  MLIRContext *context = b.getContext();
  RankedTensorType type = typeOf(getNumberDims(value), i64);
  Value result;
  Operation *op = value.getDefiningOp();
  if (stripReshapes(value) == source) {
    RankedTensorType flat = typeOf({productDim(getDims(type), context)}, i64);
    result = reshapeTo(b, loc, foldConstants(b, IotaOp::create(b, loc, flat, 0, 1)), type);
  } else if (isa<ReshapeOp>(op)) {
    result = reshapeTo(b, loc, move(b, loc, op->getOperand(0)), type);
  } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
    result = createTranspose(b, loc, move(b, loc, transpose.getInput()), transpose.getPermutation());
  } else if (auto slice = dyn_cast<SliceOp>(op)) {
    AffineMap starts = slice.getStarts();
    auto exprs = llvm::to_vector(starts.getResults());
    exprs.back() = exprs.back().floorDiv(piece);
    starts = AffineMap::get(0, starts.getNumSymbols(), exprs, context);
    result = SliceOp::create(b, loc, type, move(b, loc, slice.getInput()), starts, slice.getSteps());
  } else if (auto concat = dyn_cast<ConcatOp>(op)) {
    SmallVector<Value> parts = llvm::map_to_vector(
        concat.getInputs(), [&](Value input) { return move(b, loc, input); });
    result = ConcatOp::create(b, loc, parts, concat.getAxis());
  } else {
    auto gather = cast<GatherOp>(op);
    // Of rows in their own order, the indices are the numbers.
    result = gathersSource(gather)
                 ? reshapeTo(b, loc, gather.getIndices(), type)
                 : GatherOp::create(b, loc, move(b, loc, gather.getData()), gather.getIndices(), 0,
                                    /*inBounds=*/true)
                       .getResult();
  }
  return numbers[value] = foldConstants(b, result);
}

Value MovedRows::build(OpBuilder &b, Location loc, Value value) {
  MLIRContext *context = b.getContext();
  auto flatten = [&](Value own) {
    return foldConstants(b, reshapeTo(b, loc, own, {productDim(getDims(own), context)}, numSymbols));
  };
  Value own = flatten(move(b, loc, value));
  if (!isByImage)
    return own;
  // Rows of an image are behind those of the images before it.
  AffineExpr count = b.getAffineSymbolExpr(*images), one = b.getAffineConstantExpr(1);
  int64_t step = *getConstantDim(productDim(getNumberDims(shownSource), context));
  Value first = IotaOp::create(b, loc, typeOf({count}, b.getI64Type()), 0, step);
  first = reshapeTo(b, loc, first, {count, one}, numSymbols);
  own = createBroadcasting<AddOp>(b, loc, first, own, numSymbols);
  return flatten(own);
}

bool MovedRows::isPermutation(OpBuilder &b, Location loc, Value value) {
  auto own = dyn_cast_or_null<DenseIntElementsAttr>(getConstantElements(move(b, loc, value)));
  MLIRContext *context = b.getContext();
  if (!own || productDim(getDims(value), context) != productDim(getDims(source), context))
    return false;
  llvm::BitVector seen(own.getNumElements());
  for (int64_t number : own.getValues<int64_t>())
    seen.set(number);
  return seen.all();
}

bool MovedRows::isIdentity(OpBuilder &b, Location loc, Value value) {
  MLIRContext *context = b.getContext();
  if (numMoves < 2 || productDim(getDims(value), context) != productDim(getDims(source), context))
    return false;
  auto own = dyn_cast_or_null<DenseIntElementsAttr>(getConstantElements(move(b, loc, value)));
  return own && llvm::equal(own.getValues<int64_t>(), llvm::seq<int64_t>(0, own.getNumElements()));
}

/// Pieces of a value by their numbers, in the dimensions `dims`.
static Value gatherPieces(OpBuilder &b, Location loc, Value value, int64_t piece, Value numbers,
                          ArrayRef<AffineExpr> dims) {
  unsigned numSymbols = std::max(getNumSymbols(value.getType()), getNumSymbols(numbers.getType()));
  AffineExpr width = b.getAffineConstantExpr(piece);
  AffineExpr count = divideDim(productDim(getDims(value), b.getContext()), width);
  Value rows = reshapeTo(b, loc, value, {count, width}, numSymbols);
  rows = GatherOp::create(b, loc, rows, numbers, 0, /*inBounds=*/true);
  return reshapeTo(b, loc, rows, dims, numSymbols);
}

/// The operands that are read row by row to make rows of the result.
static SmallVector<OpOperand *> getRowOperands(Operation *op) {
  Value input, residual;
  if (auto linear = dyn_cast_or_null<LinearOp>(op))
    input = linear.getInput(), residual = linear.getResidual();
  else if (auto norm = dyn_cast_or_null<LayerNormOp>(op))
    input = norm.getInput(), residual = norm.getResidual();
  else if (auto norm = dyn_cast_or_null<RMSNormOp>(op))
    input = norm.getInput(), residual = norm.getResidual();
  SmallVector<OpOperand *> operands;
  for (OpOperand &operand : op ? op->getOpOperands() : MutableArrayRef<OpOperand>())
    if (operand.get() == input || operand.get() == residual)
      operands.push_back(&operand);
  return operands;
}

namespace {
struct ReadRows : winnow::impl::ReadRowsBase<ReadRows> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "read-rows");
    for (auto act : {dropInverses, moveAbove, gatherRows, placeRows}) {
      SmallVector<Operation *> movers;
      getOperation().walk([&](Operation *op) {
        if (isMovement(op) && !isa<ReshapeOp>(op))
          movers.push_back(op);
      });
      // The last one of a chain sees it as a whole.
      for (Operation *op : llvm::reverse(movers))
        act(op, reporter);
      eraseDeadOps(getOperation());
    }
  }

  /// Movements that undo each other move nothing, whatever reads them.
  static void dropInverses(Operation *op, SiteReporter &reporter) {
    Value value = op->getResult(0);
    MovedRows rows;
    OpBuilder b(op);
    if (value.use_empty() || !rows.find(value, {}) || !rows.isIdentity(b, op->getLoc(), value))
      return;
    value.replaceAllUsesWith(reshapeTo(b, op->getLoc(), rows.getSource(), getTensorType(value)));
    reporter.counted(op->getLoc(), "read-rows.identity", "dropped movements that undo each other");
  }

  /// Rows of a linear or norm that are moved before something reads them that cannot read by
  /// number are computed in the other order.
  static void moveAbove(Operation *op, SiteReporter &reporter) {
    Value value = op->getResult(0);
    SmallVector<OpOperand *> readers = getReaders(value);
    MovedRows rows;
    if (readers.empty() || !rows.find(value, {}) ||
        llvm::any_of(readers, [&](OpOperand *reader) {
          return isMovement(reader->getOwner()) || readsByNumber(*reader, rows.getPiece());
        }))
      return;
    Value source = rows.getSource();
    Operation *producer = source.getDefiningOp();
    SmallVector<OpOperand *> operands = getRowOperands(producer);
    MLIRContext *context = op->getContext();
    Dims from = getDims(source);
    if (operands.empty() || getReaders(source).size() != 1 ||
        getConstantDim(from.back()) != rows.getPiece() || !getElementTypeOrSelf(value).isF32() ||
        productDim(from, context) != productDim(getDims(value), context))
      return;
    // What follows may be taken into the linear where no reshape is between them.
    if (Value read = readers.front()->get(); readers.size() == 1 && getDims(read).back() == from.back())
      value = read;
    OpBuilder b(op->getContext());
    b.setInsertionPointAfterValue(value);
    Location loc = producer->getLoc();
    Value numbers = rows.build(b, loc, op->getResult(0));
    Operation *copy = producer->clone();
    for (OpOperand *operand : operands) {
      Dims dims = getDims(value);
      dims.back() = getDims(operand->get()).back();
      copy->setOperand(operand->getOperandNumber(),
                       gatherPieces(b, loc, operand->get(), *getConstantDim(dims.back()), numbers, dims));
    }
    copy->getResult(0).setType(value.getType());
    b.insert(copy);
    value.replaceAllUsesWith(copy->getResult(0));
    reporter.counted(loc, "read-rows.above", "computes rows in the order in which they are read,");
  }

  /// Pieces of a linear's rows that are moved before something else reads them are gathered too,
  /// which the linear does as it writes them.
  static void placeRows(Operation *op, SiteReporter &reporter) {
    Value value = op->getResult(0);
    MovedRows rows;
    OpBuilder b(op);
    if (value.use_empty() || llvm::any_of(getReaders(value), [](OpOperand *reader) {
          return isMovement(reader->getOwner());
        }) || !rows.find(value, {}))
      return;
    auto linear = rows.getSource().getDefiningOp<LinearOp>();
    if (!linear || linear.getRational() || getReaders(linear).size() != 1 ||
        !isConstantExpression(linear.getWeight()) || !getElementTypeOrSelf(value).isF32())
      return;
    std::optional<int64_t> features = getConstantDim(getDims(linear).back());
    b.setInsertionPoint(linear);
    if (!features || !isWholePieces(*features, rows.getPiece()) ||
        !rows.isPermutation(b, op->getLoc(), value))
      return;
    Value numbers = rows.build(b, op->getLoc(), value);
    b.setInsertionPoint(op);
    value.replaceAllUsesWith(gatherPieces(b, op->getLoc(), linear.getResult(), rows.getPiece(),
                                          numbers, getDims(value)));
    reporter.counted(linear.getLoc(), "read-rows.placed", "writes rows where they are read,");
  }

  /// What was moved is gathered by those that read it.
  static void gatherRows(Operation *op, SiteReporter &reporter) {
    Value value = op->getResult(0);
    SmallVector<OpOperand *> readers = getReaders(value);
    SmallVector<int64_t> features;
    for (OpOperand *reader : readers) {
      Dims dims = getDims(reader->get());
      features.push_back(dims.empty() ? 1 : getConstantDim(dims.back()).value_or(1));
    }
    MovedRows rows;
    if (readers.empty() || !getElementTypeOrSelf(value).isF32() || !rows.find(value, features) ||
        !llvm::all_of(readers, [&](OpOperand *reader) { return readsByNumber(*reader, rows.getPiece()); }))
      return;
    // As it is.
    if (auto gather = dyn_cast<GatherOp>(op); gather && rows.gathersSource(gather))
      return;
    OpBuilder b(op);
    Location loc = op->getLoc();
    value.replaceAllUsesWith(gatherPieces(b, loc, rows.getSource(), rows.getPiece(),
                                          rows.build(b, loc, value), getDims(value)));
    for (OpOperand *reader : readers)
      reporter.counted(reader->getOwner()->getLoc(), "read-rows.in-place",
                       "reads rows where they are, not from a copy in another order,");
  }
};
} // namespace
