#include "TokenLayout.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Dimensions that ops carry
//===----------------------------------------------------------------------===//

static int64_t getRank(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

static std::optional<int64_t> carryGather(GatherOp op, bool isData, int64_t dim) {
  int64_t axis = op.getAxis();
  if (!isData)
    return axis + dim;
  if (dim == axis)
    return std::nullopt;
  return dim < axis ? dim : dim + getRank(op.getIndices()) - 1;
}

static std::optional<int64_t> carryGatherND(GatherNDOp op, bool isData, int64_t dim) {
  int64_t outer = getRank(op.getIndices()) - 1, batch = op.getBatchDims();
  if (!isData)
    return dim < outer ? std::optional(dim) : std::nullopt;
  std::optional<int64_t> tuple = getConstantDim(getDims(op.getIndices()).back());
  if (dim < batch)
    return dim;
  if (!tuple || dim < batch + *tuple)
    return std::nullopt;
  return outer + dim - batch - *tuple;
}

static std::optional<int64_t> carryMatMul(MatMulOp op, bool isLhs, int64_t dim) {
  int64_t lhs = getRank(op.getLhs()), rhs = getRank(op.getRhs()), out = getRank(op.getResult());
  if (lhs < 2 || rhs < 2)
    return std::nullopt;
  int64_t rank = isLhs ? lhs : rhs, inner = isLhs ? rank - 1 : rank - 2;
  if (dim == inner)
    return std::nullopt;
  return dim + out - rank;
}

std::optional<int64_t> winnow::getCarriedDim(OpOperand &operand, int64_t dim) {
  Operation *op = operand.getOwner();
  unsigned number = operand.getOperandNumber();
  int64_t rank = getRank(operand.get());
  auto unless = [&](bool isMixed) { return isMixed ? std::nullopt : std::optional(dim); };
  if (op->getNumResults() == 0)
    return std::nullopt;
  int64_t shift = getRank(op->getResult(0)) - rank;
  std::optional<int64_t> carried;
  if (isa<ElementwiseOpInterface, BroadcastToOp>(op)) {
    carried = dim + shift;
  } else {
    carried =
        llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
            .Case([&](LinearOp linear) {
              bool isRow =
                  operand.get() == linear.getInput() || operand.get() == linear.getResidual();
              return unless(!isRow || dim == rank - 1);
            })
            .Case<LayerNormOp, RMSNormOp>([&](auto norm) {
              bool isRow = operand.get() == norm.getInput() || operand.get() == norm.getResidual();
              return unless(!isRow || dim == rank - 1);
            })
            .Case<GroupRationalOp, BSplineOp, GaussianBasisOp, TopKActivationOp>(
                [&](auto) { return unless(dim == rank - 1); })
            .Case<SoftmaxOp, CumSumOp, CumProdOp, ConcatOp, TopKOp>(
                [&](auto along) { return unless(dim == int64_t(along.getAxis())); })
            .Case([&](ReduceOp reduce) -> std::optional<int64_t> {
              if (llvm::is_contained(reduce.getAxes(), dim))
                return std::nullopt;
              if (reduce.getKeepdims())
                return dim;
              return dim -
                     llvm::count_if(reduce.getAxes(), [&](int64_t axis) { return axis < dim; });
            })
            .Case([&](TransposeOp transpose) -> std::optional<int64_t> {
              return llvm::find(transpose.getPermutation(), dim) -
                     transpose.getPermutation().begin();
            })
            .Case([&](SliceOp slice) {
              return unless(!isConstantDim(slice.getStarts().getResult(dim), 0) ||
                            slice.getSteps()[dim] != 1);
            })
            .Case([&](GatherOp gather) { return carryGather(gather, number == 0, dim); })
            .Case([&](GatherNDOp gather) { return carryGatherND(gather, number == 0, dim); })
            .Case([&](MatMulOp matmul) { return carryMatMul(matmul, number == 0, dim); })
            .Case([&](RotaryOp) -> std::optional<int64_t> {
              return dim == rank - 1 ? std::nullopt : std::optional(dim + shift);
            })
            .Default([](Operation *) { return std::nullopt; });
  }
  if (!carried)
    return std::nullopt;
  // A dimension that is repeated or cut is no longer the same one.
  unsigned numSymbols =
      std::max(getNumSymbols(operand.get().getType()), getNumSymbols(op->getResult(0).getType()));
  if (!isSameDim(getDims(operand.get())[dim], getDims(op->getResult(0))[*carried], numSymbols))
    return std::nullopt;
  return carried;
}

//===----------------------------------------------------------------------===//
// Layouts through ops
//===----------------------------------------------------------------------===//

/// With one sequence any dimension of 1 may be the batch's: the form that can be packed is
/// taken where there is one.
static TokenLayout normalize(TokenLayout layout, ArrayRef<AffineExpr> dims, const TokenGrid &grid) {
  if (!grid.hasOneSequence() || layout.tokens.empty())
    return layout;
  layout.isShared = false;
  layout.isFlat = layout.tokens.size() == 1 && layout.tokens[0] == 0;
  layout.batch = layout.isFlat ? 0 : -1;
  if (!layout.isFlat && isConstantDim(dims[0], 1) && layout.tokens[0] != 0)
    layout.batch = 0;
  return layout;
}

namespace {
/// What becomes of a layout's dimensions in a reshape.
struct ReshapeLayout {
  const TokenGrid &grid;
  Dims in, out;
  TokenLayout layout, result;

  bool follow(const ReshapeGroup &group);
  bool followBatch(ArrayRef<unsigned> from, ArrayRef<unsigned> to);
};
} // namespace

bool ReshapeLayout::followBatch(ArrayRef<unsigned> from, ArrayRef<unsigned> to) {
  // From [batch, a, b] to [batch * a * b], or back; the batch is outermost.
  if (from.empty() || int(from.front()) != layout.batch)
    return false;
  for (unsigned dim : from.drop_front())
    if (llvm::is_contained(layout.tokens, int(dim)))
      return false;
  if (to.size() == 1) {
    result.batch = to[0];
    result.isShared = from.size() > 1 || layout.isShared;
    return true;
  }
  if (!to.empty() && grid.isSame(out[to[0]], grid.batch) && from.size() == 1) {
    result.batch = to[0];
    result.isShared = false;
    return true;
  }
  return false;
}

bool ReshapeLayout::follow(const ReshapeGroup &group) {
  SmallVector<unsigned> from, to;
  bool concerns = false;
  for (unsigned dim = group.inBegin; dim < group.inEnd; ++dim) {
    bool isLayout = int(dim) == layout.batch || llvm::is_contained(layout.tokens, int(dim));
    concerns |= isLayout;
    if (!isConstantDim(in[dim], 1))
      from.push_back(dim);
    else if (isLayout && !(int(dim) == layout.batch && grid.hasOneSequence()))
      return false;
  }
  for (unsigned dim = group.outBegin; dim < group.outEnd; ++dim)
    if (!isConstantDim(out[dim], 1))
      to.push_back(dim);
  if (!concerns || from.empty())
    return true;
  bool hasTokens =
      llvm::any_of(from, [&](unsigned dim) { return llvm::is_contained(layout.tokens, int(dim)); });
  if (from.size() == 1 && to.size() == 1) {
    if (int(from[0]) == layout.batch)
      result.batch = to[0];
    for (auto [was, is] : llvm::zip_equal(layout.tokens, result.tokens))
      if (was == int(from[0]))
        is = to[0];
    return true;
  }
  if (layout.isFlat) {
    // [batch * sequence] to [batch, sequence].
    if (from.size() != 1 || to.size() != 2 || !grid.isSame(out[to[0]], grid.batch) ||
        !grid.isSame(out[to[1]], grid.sequence))
      return false;
    result.batch = to[0];
    result.tokens[0] = to[1];
    result.isFlat = false;
    return true;
  }
  if (!hasTokens)
    return followBatch(from, to);
  // [batch, sequence] to [batch * sequence].
  if (layout.isShared || layout.tokens.size() != 1 || from.size() != 2 || to.size() != 1 ||
      int(from[0]) != layout.batch || int(from[1]) != layout.tokens[0])
    return false;
  result.batch = result.tokens[0] = to[0];
  result.isFlat = true;
  return true;
}

static std::optional<TokenLayout> reshapeLayout(ReshapeOp op, const TokenLayout &layout,
                                                const TokenGrid &grid) {
  ReshapeLayout reshape{grid, getDims(op.getInput()), getDims(op.getResult()), layout, layout};
  std::optional<SmallVector<ReshapeGroup>> groups =
      getReshapeGroups(reshape.in, reshape.out, grid.numSymbols);
  if (!groups)
    return std::nullopt;
  for (const ReshapeGroup &group : *groups)
    if (!reshape.follow(group))
      return std::nullopt;
  if (!llvm::is_sorted(reshape.result.tokens))
    return std::nullopt;
  return normalize(reshape.result, reshape.out, grid);
}

static std::optional<TokenLayout> carryLayout(OpOperand &operand, const TokenLayout &layout) {
  TokenLayout result = layout;
  if (layout.batch >= 0) {
    std::optional<int64_t> batch = getCarriedDim(operand, layout.batch);
    if (!batch)
      return std::nullopt;
    result.batch = *batch;
  }
  for (int &dim : result.tokens) {
    std::optional<int64_t> carried = getCarriedDim(operand, dim);
    if (!carried)
      return std::nullopt;
    dim = *carried;
  }
  llvm::sort(result.tokens);
  return result;
}

std::optional<TokenLayout> winnow::propagateLayout(Operation *op,
                                                   ArrayRef<std::optional<TokenLayout>> operands,
                                                   const TokenGrid &grid) {
  if (op->getNumResults() == 0)
    return std::nullopt;
  Dims dims = getDims(op->getResult(0));
  std::optional<TokenLayout> result;
  for (OpOperand &operand : op->getOpOperands()) {
    const std::optional<TokenLayout> &layout = operands[operand.getOperandNumber()];
    if (!layout)
      continue;
    std::optional<TokenLayout> own;
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      own = reshapeLayout(reshape, *layout, grid);
    else
      own = carryLayout(operand, *layout);
    if (!own)
      return std::nullopt;
    *own = normalize(*own, dims, grid);
    if (!result) {
      result = own;
      continue;
    }
    // Tokens of one operand and tokens of another are pairs of tokens.
    if (result->batch != own->batch || result->isFlat != own->isFlat ||
        result->isShared != own->isShared)
      return std::nullopt;
    for (int dim : own->tokens)
      if (!llvm::is_contained(result->tokens, dim))
        result->tokens.push_back(dim);
    llvm::sort(result->tokens);
    if (result->isFlat && result->tokens.size() > 1)
      return std::nullopt;
  }
  return result;
}

std::optional<TokenLayout> winnow::propagateLayout(OpOperand &operand, const TokenLayout &layout,
                                                   const TokenGrid &grid) {
  Operation *op = operand.getOwner();
  SmallVector<std::optional<TokenLayout>> operands(op->getNumOperands());
  operands[operand.getOperandNumber()] = layout;
  return propagateLayout(op, operands, grid);
}

std::optional<TokenLayout> winnow::inferOperandLayout(OpOperand &operand, const TokenLayout &result,
                                                      const TokenGrid &grid) {
  Dims dims = getDims(operand.get());
  auto gives = [&](const TokenLayout &layout) {
    return propagateLayout(operand, layout, grid) == result;
  };
  AffineExpr all = normalizeDim(grid.batch * grid.sequence);
  for (int i = 0, e = dims.size(); i < e; ++i) {
    if (!dims[i])
      return std::nullopt;
    TokenLayout flat{i, {i}, /*isFlat=*/true};
    if (grid.isSame(dims[i], all) && gives(normalize(flat, dims, grid)))
      return normalize(flat, dims, grid);
    for (int j = 0; j < e; ++j) {
      TokenLayout apart{i, {j}};
      if (i != j && grid.isSame(dims[i], grid.batch) && grid.isSame(dims[j], grid.sequence) &&
          gives(normalize(apart, dims, grid)))
        return normalize(apart, dims, grid);
    }
  }
  return std::nullopt;
}
