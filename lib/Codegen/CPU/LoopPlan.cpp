//===- LoopPlan.cpp - The loops of a structured op, before they are written
//===//

#include "LoopPlan.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// What a symbolic size counts as.
constexpr int64_t kNominalSize = 128;
/// A tile of a transpose: both sides use whole cache lines, and the lines of
/// a tile fit into the sets of an L1 cache even at awkward strides.
constexpr int64_t kCrossBlock = 16, kInnerBlock = 32;
/// Columns that are summed together down a reduced middle axis: few enough
/// that the sums stay in L1, enough that rows are read in long pieces.
constexpr int64_t kColumnBlock = 256;
/// Elements that a function of the math dialect costs.
constexpr int64_t kMathCost = 12;

enum class Motion { None, Contiguous, Strided };

/// How an operand is walked by a loop over dimension `dim`.
Motion motion(Type type, AffineMap map, unsigned dim) {
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || !map.isFunctionOfDim(dim))
    return Motion::None;
  AffineExpr last = map.getResults().back();
  for (AffineExpr expr : map.getResults().drop_back())
    if (expr.isFunctionOfDim(dim))
      return Motion::Strided;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(memref.getStridesAndOffset(strides, offset)) ||
      strides.back() != 1)
    return Motion::Strided;
  AffineExpr d = getAffineDimExpr(dim, map.getContext());
  AffineExpr step = simplifyAffineExpr(last.replace(d, d + 1) - last,
                                       map.getNumDims(), map.getNumSymbols());
  auto constant = dyn_cast<AffineConstantExpr>(step);
  return constant && constant.getValue() == 1 ? Motion::Contiguous
                                              : Motion::Strided;
}

class Planner {
public:
  explicit Planner(linalg::LinalgOp op)
      : op(op), maps(op.getIndexingMapsArray()),
        kinds(op.getIteratorTypesArray()), sizes(op.getStaticLoopRanges()) {}

  LoopPlan plan();

private:
  bool isFreeOfRaces() const;
  int64_t score(unsigned dim) const;
  std::optional<unsigned> chooseInner() const;
  std::optional<unsigned> chooseCross(unsigned inner) const;
  int64_t work(ArrayRef<unsigned> dims) const;
  int64_t bodyCost() const;

  bool isLoop(unsigned dim) const { return sizes[dim] != 1; }
  bool isParallel(unsigned dim) const {
    return kinds[dim] == utils::IteratorType::parallel;
  }
  int64_t sizeOf(unsigned dim) const {
    return ShapedType::isDynamic(sizes[dim]) ? kNominalSize : sizes[dim];
  }

  mutable linalg::LinalgOp op;
  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> kinds;
  SmallVector<int64_t> sizes;
};

/// Each output element belongs to one point of the parallel dimensions.
bool Planner::isFreeOfRaces() const {
  for (OpOperand &init : op.getDpsInitsMutable()) {
    AffineMap map = maps[init.getOperandNumber()];
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return false;
    for (unsigned dim = 0; dim < kinds.size(); ++dim)
      if (isLoop(dim) && map.isFunctionOfDim(dim) != isParallel(dim))
        return false;
  }
  return true;
}

int64_t Planner::score(unsigned dim) const {
  int64_t total = 0;
  for (auto [operand, map] : llvm::zip(op->getOperands(), maps)) {
    Motion m = motion(operand.getType(), map, dim);
    total += m == Motion::Contiguous ? 2 : m == Motion::Strided ? -2 : 0;
  }
  // Of equals take the one that stores in order.
  bool storesInOrder = llvm::any_of(op.getDpsInitsMutable(), [&](auto &init) {
    AffineMap map = maps[init.getOperandNumber()];
    return motion(init.get().getType(), map, dim) == Motion::Contiguous;
  });
  return 2 * total + storesInOrder;
}

std::optional<unsigned> Planner::chooseInner() const {
  std::optional<unsigned> best;
  for (unsigned dim = 0; dim < kinds.size(); ++dim)
    if (isLoop(dim) && (!best || score(dim) >= score(*best)))
      best = dim;
  return best;
}

/// The dimension that an operand wants innermost where `inner` is in its way.
std::optional<unsigned> Planner::chooseCross(unsigned inner) const {
  for (auto [operand, map] : llvm::zip(op->getOperands(), maps)) {
    if (motion(operand.getType(), map, inner) != Motion::Strided)
      continue;
    for (unsigned dim = 0; dim < kinds.size(); ++dim)
      if (dim != inner && isParallel(dim) && sizeOf(dim) >= kCrossBlock / 2 &&
          motion(operand.getType(), map, dim) == Motion::Contiguous)
        return dim;
  }
  return std::nullopt;
}

int64_t Planner::work(ArrayRef<unsigned> dims) const {
  int64_t product = 1;
  for (unsigned dim : dims)
    product = std::min<int64_t>(product * std::max<int64_t>(sizeOf(dim), 1),
                                int64_t(1) << 31);
  return product;
}

int64_t Planner::bodyCost() const {
  int64_t cost = 1;
  op->walk([&](Operation *inner) {
    if (isa_and_nonnull<math::MathDialect>(inner->getDialect()))
      cost += kMathCost;
  });
  return cost;
}

LoopPlan Planner::plan() {
  LoopPlan plan;
  SmallVector<unsigned> loops, inside;
  for (unsigned dim = 0; dim < kinds.size(); ++dim)
    if (isLoop(dim))
      loops.push_back(dim);
  if (!isFreeOfRaces()) {
    plan.isSerial = true;
    plan.middle = loops;
    return plan;
  }

  plan.inner = chooseInner();
  bool hasReductions =
      llvm::any_of(loops, [&](unsigned dim) { return !isParallel(dim); });
  if (plan.inner && isParallel(*plan.inner)) {
    if (hasReductions)
      plan.innerBlock = kColumnBlock;
    else if ((plan.cross = chooseCross(*plan.inner))) {
      plan.crossBlock = kCrossBlock;
      plan.innerBlock = kInnerBlock;
    }
  } else if (plan.inner) {
    plan.carriesSums = true;
  }
  for (unsigned dim : loops) {
    if (dim == plan.inner || dim == plan.cross)
      continue;
    (isParallel(dim) ? plan.outer : plan.middle).push_back(dim);
  }

  // With no other loop to share out, the innermost one is.
  int64_t perIndex = bodyCost() * work(plan.middle);
  if (plan.innerBlock)
    perIndex *= std::min(work(*plan.inner), plan.innerBlock);
  else if (plan.inner && (plan.carriesSums || !plan.outer.empty()))
    perIndex *= work(*plan.inner);
  if (plan.crossBlock)
    perIndex *= std::min(work(*plan.cross), plan.crossBlock);
  plan.grain = llvm::divideCeil(kChunkWork, perIndex);

  bool isStatic = llvm::none_of(sizes, ShapedType::isDynamic);
  plan.isSerial = isStatic && bodyCost() * work(loops) <= kChunkWork;
  // A small op is not worth the loops over blocks either.
  if (plan.isSerial && hasReductions && !plan.carriesSums)
    plan.innerBlock = 0;
  return plan;
}

} // namespace

LoopPlan LoopPlan::make(linalg::LinalgOp op) { return Planner(op).plan(); }

} // namespace winnow::cpu
