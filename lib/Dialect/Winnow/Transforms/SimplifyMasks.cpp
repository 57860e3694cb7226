#include "IndexExpr.h"
#include "Simplify.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

std::optional<Choice> winnow::getChoice(Value value) {
  if (auto cast = value.getDefiningOp<CastOp>();
      cast && getElementTypeOrSelf(cast.getInput()).isInteger(1) &&
      !getElementTypeOrSelf(value).isInteger(1) && !isStorageType(getElementTypeOrSelf(value)))
    return Choice{cast.getInput(), 1, 0};
  auto select = value.getDefiningOp<SelectOp>();
  std::optional<double> onTrue = select ? getScalarConstant(select.getOnTrue()) : std::nullopt;
  std::optional<double> onFalse = select ? getScalarConstant(select.getOnFalse()) : std::nullopt;
  if (!onTrue || !onFalse)
    return std::nullopt;
  return Choice{select.getCondition(), *onTrue, *onFalse};
}

static unsigned countSymbols(Operation *op) {
  return std::max(getNumSymbols(op->getResultTypes()), getNumSymbols(op->getOperandTypes()));
}

namespace {

//===----------------------------------------------------------------------===//
// Two masks as one
//===----------------------------------------------------------------------===//

/// A choice between 0 and a number times a boolean: hidden where both say so. A
/// finite number times 0 is 0.
struct ProductOfChoices : SimplifyPattern<MulOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    std::optional<Choice> a = getChoice(op.getLhs()), b = getChoice(op.getRhs());
    Type element = op.getType().getElementType();
    if (!isa<FloatType>(element) || !a || !b || !getNumber(*a) || !getNumber(*b))
      return rewriter.notifyMatchFailure(op, "no two choices between 0 and a number");
    if (getNumber(*a) != 1 && getNumber(*b) != 1)
      return rewriter.notifyMatchFailure(op, "rounds, or overflows");
    Location loc = op.getLoc();
    auto isNumber = [&](const Choice &choice) -> Value {
      if (choice.onFalse == 0)
        return choice.condition;
      return NotOp::create(rewriter, loc, choice.condition.getType(), choice.condition);
    };
    Value both = createBroadcasting<AndOp>(rewriter, loc, isNumber(*a), isNumber(*b),
                                           countSymbols(op));
    Value select = SelectOp::create(
        rewriter, loc, op.getType(), both,
        createScalar(rewriter, loc, element, *getNumber(*a) * *getNumber(*b)),
        createScalar(rewriter, loc, element, 0));
    return replace(rewriter, op, select, "simplify.choice", "joined two masks");
  }

  /// The number other than 0, if the other one is.
  static std::optional<double> getNumber(const Choice &choice) {
    double number = choice.onFalse == 0 ? choice.onTrue : choice.onFalse;
    bool isChoice = (choice.onFalse == 0) != (choice.onTrue == 0);
    return isChoice && std::isfinite(number) ? std::optional(number) : std::nullopt;
  }
};

/// Whether a product of integers is not 0 is whether both are not: the mask of pairs that a mask
/// makes with itself. Masks are no numbers whose product overflows.
struct BooleanOfProduct : SimplifyPattern<CastOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto product = op.getInput().getDefiningOp<MulOp>();
    if (!op.getType().getElementType().isInteger(1) || !product ||
        isa<FloatType>(product.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "no boolean of a product of integers");
    auto isSet = [&](Value value) -> Value {
      return CastOp::create(rewriter, op.getLoc(),
                            getTensorType(getDims(value), rewriter.getI1Type(), countSymbols(op)),
                            value);
    };
    Value both = createBroadcasting<AndOp>(rewriter, op.getLoc(), isSet(product.getLhs()),
                                           isSet(product.getRhs()), countSymbols(op));
    return replace(rewriter, op, both, "simplify.boolean", "tested factors instead of a product");
  }
};

/// A select of numbers inside a select of one of them.
struct NestedChoice : SimplifyPattern<SelectOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    if (!isa<FloatType>(op.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "no floats");
    for (bool isInnerTrue : {false, true}) {
      Value outer = isInnerTrue ? op.getOnFalse() : op.getOnTrue();
      auto inner = (isInnerTrue ? op.getOnTrue() : op.getOnFalse()).getDefiningOp<SelectOp>();
      std::optional<double> number = getScalarConstant(outer);
      if (!inner || !number)
        continue;
      for (bool isSameTrue : {false, true}) {
        Value same = isSameTrue ? inner.getOnTrue() : inner.getOnFalse();
        Value other = isSameTrue ? inner.getOnFalse() : inner.getOnTrue();
        if (getScalarConstant(same) != number || !getScalarConstant(other))
          continue;
        // `number` where the outer select says so or the inner one does.
        Location loc = op.getLoc();
        auto negate = [&](Value condition) -> Value {
          return NotOp::create(rewriter, loc, condition.getType(), condition);
        };
        Value a = isInnerTrue ? negate(op.getCondition()) : op.getCondition();
        Value b = isSameTrue ? inner.getCondition() : negate(inner.getCondition());
        Value either = createBroadcasting<OrOp>(rewriter, loc, a, b, countSymbols(op));
        Type element = op.getType().getElementType();
        auto scalar = [&](Value value) {
          return createScalar(rewriter, loc, element, *getScalarConstant(value));
        };
        Value select = SelectOp::create(rewriter, loc, op.getType(), either, scalar(same),
                                        scalar(other));
        return replace(rewriter, op, select, "simplify.choice", "joined two masks");
      }
    }
    return rewriter.notifyMatchFailure(op, "no select of numbers inside");
  }
};

/// `c or (not c and p)` is `c or p`, and `c and (not c or p)` is `c and p`.
template <typename OuterOp, typename InnerOp> struct Absorb : SimplifyPattern<OuterOp> {
  using SimplifyPattern<OuterOp>::SimplifyPattern;
  LogicalResult matchAndRewrite(OuterOp op, PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value c = op->getOperand(i);
      auto inner = op->getOperand(1 - i).template getDefiningOp<InnerOp>();
      for (unsigned k : {0u, 1u}) {
        if (!inner || !isNegation(inner->getOperand(k), c))
          continue;
        Value joined = createBroadcasting<OuterOp>(rewriter, op.getLoc(), c,
                                                   inner->getOperand(1 - k), countSymbols(op));
        if (joined.getType() != op.getType())
          joined = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), joined);
        return this->replace(rewriter, op, joined, "simplify.condition",
                             "dropped a condition that is known there");
      }
    }
    return rewriter.notifyMatchFailure(op, "nothing is known of either side");
  }

  static bool isNegation(Value a, Value b) {
    auto notA = a.getDefiningOp<NotOp>(), notB = b.getDefiningOp<NotOp>();
    return (notA && notA.getInput() == b) || (notB && notB.getInput() == a);
  }
};

/// `choice + y == 0`, where y can be the negative of one of the two numbers only:
/// how keys are found that neither a mask of numbers nor padding hides.
struct CompareOfSum : SimplifyPattern<CompareOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(CompareOp op, PatternRewriter &rewriter) const override {
    auto sum = op.getLhs().getDefiningOp<AddOp>();
    if (op.getPredicate() != ComparePredicate::EQ || !sum || !isScalarConstant(op.getRhs(), 0) ||
        !isa<FloatType>(getElementTypeOrSelf(op.getLhs())))
      return rewriter.notifyMatchFailure(op, "no sum that is compared with 0");
    for (unsigned i : {0u, 1u}) {
      std::optional<Choice> choice = getChoice(sum->getOperand(i));
      Value y = sum->getOperand(1 - i);
      if (!choice || getChoice(y))
        continue;
      bool isTrueExcluded = isNever(y, -choice->onTrue);
      if (isTrueExcluded == isNever(y, -choice->onFalse))
        continue;
      // Floats add up to 0 only if one is the negative of the other.
      Location loc = op.getLoc();
      Value condition = choice->condition;
      if (isTrueExcluded)
        condition = NotOp::create(rewriter, loc, condition.getType(), condition);
      double number = isTrueExcluded ? -choice->onFalse : -choice->onTrue;
      auto type = getTensorType(getDims(y), rewriter.getI1Type(), countSymbols(op));
      Value equal = CompareOp::create(rewriter, loc, type, ComparePredicate::EQ, y,
                                      createScalar(rewriter, loc, getElementTypeOrSelf(y),
                                                   number == 0 ? 0 : number));
      Value both = createBroadcasting<AndOp>(rewriter, loc, condition, equal, countSymbols(op));
      if (both.getType() != op.getType())
        both = BroadcastToOp::create(rewriter, loc, op.getType(), both);
      return replace(rewriter, op, both, "simplify.choice", "took a comparison of masks apart");
    }
    return rewriter.notifyMatchFailure(op, "both numbers may add up to 0");
  }

  /// A float that was an integer or a boolean, none of which has this value.
  static bool isNever(Value value, double number) {
    auto cast = value.getDefiningOp<CastOp>();
    auto type = cast ? dyn_cast<IntegerType>(getElementTypeOrSelf(cast.getInput())) : IntegerType();
    return type && std::fabs(number) > std::ldexp(1.0, type.getWidth());
  }
};

/// A mask of positions after some that it does not hide, those of a cache:
/// `concat(0, j < i ? 0 : low)` is `j - past < i ? 0 : low` for more of them.
struct ConcatOfPositions : SimplifyPattern<ConcatOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    Value last = op.getInputs().back();
    std::optional<Choice> choice = getChoice(last);
    auto compare = choice ? choice->condition.getDefiningOp<CompareOp>() : nullptr;
    std::optional<double> number = getScalarConstant(op.getInputs().front());
    if (!compare || !number || getDims(compare.getResult()) != getDims(last) ||
        choice->onTrue == choice->onFalse)
      return rewriter.notifyMatchFailure(op, "no comparison behind a constant");
    AffineExpr past = rewriter.getAffineConstantExpr(0);
    for (Value before : op.getInputs().drop_back()) {
      if (getScalarConstant(before) != number)
        return rewriter.notifyMatchFailure(op, "more than a constant before the comparison");
      past = past + getDims(before)[op.getAxis()];
    }
    size_t behind = getDims(op.getResult()).size() - op.getAxis();
    Value key = compare.getLhs(), query = compare.getRhs();
    ComparePredicate predicate = compare.getPredicate();
    std::optional<AffineExpr> first = getFirst(key, behind);
    if (!first) {
      std::swap(key, query);
      first = getFirst(key, behind);
      predicate = swapSides(predicate);
    }
    std::optional<LinearIndex> other = getLinearIndex(query);
    if (!first || !other || (other->dims.size() >= behind &&
                             !isConstantDim(other->dims[other->dims.size() - behind], 1)))
      return rewriter.notifyMatchFailure(op, "does not compare one position with others");
    // The constant is what the comparison gives for all positions before, if it
    // does for the last of them.
    bool isBelow = predicate == ComparePredicate::LT || predicate == ComparePredicate::LE;
    bool isAbove = predicate == ComparePredicate::GT || predicate == ComparePredicate::GE;
    bool isStrict = predicate == ComparePredicate::LT || predicate == ComparePredicate::GE;
    other->offset = normalizeDim(other->offset - *first + (isStrict ? 0 : 1));
    if ((!isBelow && !isAbove) || *number != (isBelow ? choice->onTrue : choice->onFalse) ||
        !other->isNonNegative())
      return rewriter.notifyMatchFailure(op, "the comparison gives something else before");

    Location loc = op.getLoc();
    unsigned numSymbols = std::max(countSymbols(op), countSymbols(compare));
    Dims full = getDims(op.getResult());
    Type integer = getElementTypeOrSelf(key);
    Dims dims(behind, rewriter.getAffineConstantExpr(1));
    dims.front() = full[op.getAxis()];
    Value counted = IotaOp::create(rewriter, loc, getTensorType({dims.front()}, integer, numSymbols),
                                   /*start=*/0, /*step=*/1);
    auto map = AffineMap::get(0, numSymbols, normalizeDim(*first - past));
    Value shift = DimValuesOp::create(rewriter, loc, RankedTensorType::get({}, integer),
                                      AffineMapAttr::get(map));
    counted = AddOp::create(rewriter, loc, counted.getType(), counted, shift);
    counted = reshapeTo(rewriter, loc, counted, dims, numSymbols);
    Value condition =
        CompareOp::create(rewriter, loc, getTensorType(full, rewriter.getI1Type(), numSymbols),
                          predicate, counted, query);
    Type element = op.getType().getElementType();
    Value select = SelectOp::create(rewriter, loc, op.getType(), condition,
                                    createScalar(rewriter, loc, element, choice->onTrue),
                                    createScalar(rewriter, loc, element, choice->onFalse));
    return replace(rewriter, op, select, "simplify.choice", "counted the positions before a mask");
  }

  /// Where the index `first + i` of dimension `behind` from the last starts.
  static std::optional<AffineExpr> getFirst(Value key, size_t behind) {
    std::optional<LinearIndex> index = getLinearIndex(key);
    if (!index || index->dims.size() < behind || !getElementTypeOrSelf(key).isInteger(64))
      return std::nullopt;
    size_t axis = index->dims.size() - behind;
    for (auto [i, coefficient] : llvm::enumerate(index->coefficients))
      if (!isConstantDim(normalizeDim(coefficient), i == axis ? 1 : 0))
        return std::nullopt;
    return index->offset;
  }

  static ComparePredicate swapSides(ComparePredicate predicate) {
    switch (predicate) {
    case ComparePredicate::LT:
      return ComparePredicate::GT;
    case ComparePredicate::LE:
      return ComparePredicate::GE;
    case ComparePredicate::GT:
      return ComparePredicate::LT;
    case ComparePredicate::GE:
      return ComparePredicate::LE;
    default:
      return predicate;
    }
  }
};

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// A reshape or slice of a select of numbers is one of its condition.
template <typename OpTy> struct MoveAboveChoice : SimplifyPattern<OpTy> {
  using SimplifyPattern<OpTy>::SimplifyPattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto select = op.getInput().template getDefiningOp<SelectOp>();
    std::optional<double> yes, no;
    if (select && getDims(select.getCondition()) == getDims(select.getResult())) {
      yes = getScalarConstant(select.getOnTrue());
      no = getScalarConstant(select.getOnFalse());
    }
    if (!yes || !no)
      return rewriter.notifyMatchFailure(op, "no select of numbers above");
    Location loc = op.getLoc();
    Type element = op.getType().getElementType();
    Operation *moved = rewriter.clone(*op);
    moved->setOperand(0, select.getCondition());
    moved->getResult(0).setType(
        getTensorType(getDims(op.getResult()), rewriter.getI1Type(), countSymbols(op)));
    Value value = SelectOp::create(rewriter, loc, op.getType(), moved->getResult(0),
                                   createScalar(rewriter, loc, element, *yes),
                                   createScalar(rewriter, loc, element, *no));
    return this->replace(rewriter, op, value, "simplify.choice", "moved a mask's movement above");
  }
};

/// A reshape of a condition that was made a number is one of the condition.
struct ReshapeAboveBoolean : SimplifyPattern<ReshapeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto cast = op.getInput().getDefiningOp<CastOp>();
    if (!cast || !getElementTypeOrSelf(cast.getInput()).isInteger(1))
      return rewriter.notifyMatchFailure(op, "no boolean above");
    Value condition = reshapeTo(rewriter, op.getLoc(), cast.getInput(), getDims(op.getResult()),
                                countSymbols(op));
    Value number = CastOp::create(rewriter, op.getLoc(), op.getType(), condition);
    return replace(rewriter, op, number, "simplify.choice", "moved a mask's movement above");
  }
};

/// `x is not 0 ? number : x` is `x is not 0 ? number : 0`.
struct ChoiceOfZero : SimplifyPattern<SelectOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    auto cast = op.getCondition().getDefiningOp<CastOp>();
    if (!cast || cast.getInput() != op.getOnFalse() || !getScalarConstant(op.getOnTrue()))
      return rewriter.notifyMatchFailure(op, "keeps something else than zeros");
    Value zero = createScalar(rewriter, op.getLoc(), op.getType().getElementType(), 0);
    Value select = SelectOp::create(rewriter, op.getLoc(), op.getType(), op.getCondition(),
                                    op.getOnTrue(), zero);
    return replace(rewriter, op, select, "simplify.choice", "wrote what is 0 as 0");
  }
};

/// A part of a condition is the condition of parts: comparisons of positions
/// count fewer of them then.
struct SliceAboveCondition : SimplifyPattern<SliceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    Operation *above = op.getInput().getDefiningOp();
    if (!op.getType().getElementType().isInteger(1) || !above || !above->hasOneUse() ||
        !isa<NotOp, AndOp, OrOp, CompareOp>(above))
      return rewriter.notifyMatchFailure(op, "no condition above of its own");
    SmallVector<Value> operands = llvm::map_to_vector(
        above->getOperands(), [&](Value operand) { return slice(rewriter, op, operand); });
    Operation *part = rewriter.clone(*above);
    part->setOperands(operands);
    part->getResult(0).setType(op.getType());
    return replace(rewriter, op, part->getResult(0), "simplify.slice",
                   "moved a slice above a condition");
  }

  /// What the slice leaves of an operand that is broadcast.
  static Value slice(PatternRewriter &rewriter, SliceOp op, Value operand) {
    Dims in = getDims(operand), out = getDims(op.getResult()), whole = getDims(op.getInput());
    size_t skip = out.size() - in.size();
    Dims starts(in.size(), rewriter.getAffineConstantExpr(0)), dims = in;
    SmallVector<int64_t> steps(in.size(), 1);
    for (size_t i = 0; i < in.size(); ++i) {
      if (isConstantDim(in[i], 1))
        continue;
      starts[i] = op.getStarts().getResult(skip + i);
      steps[i] = op.getSteps()[skip + i];
      dims[i] = out[skip + i];
    }
    if (dims == in && llvm::all_of(starts, [](AffineExpr start) { return isConstantDim(start, 0); }))
      return operand;
    auto type = getTensorType(dims, getElementTypeOrSelf(operand),
                              std::max(countSymbols(op), getNumSymbols(operand.getType())));
    auto map = AffineMap::get(0, op.getStarts().getNumSymbols(), starts, op.getContext());
    return SliceOp::create(rewriter, op.getLoc(), type, operand, AffineMapAttr::get(map),
                           rewriter.getDenseI64ArrayAttr(steps));
  }
};

/// A part of positions is fewer positions.
struct SliceOfIota : SimplifyPattern<SliceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto iota = op.getInput().getDefiningOp<IotaOp>();
    std::optional<int64_t> start = getConstantDim(op.getStarts().getResult(0));
    int64_t first, skipped, step;
    if (!iota || !start || llvm::MulOverflow<int64_t>(*start, iota.getStep(), skipped) ||
        llvm::AddOverflow<int64_t>(iota.getStart(), skipped, first) ||
        llvm::MulOverflow<int64_t>(iota.getStep(), op.getSteps()[0], step))
      return rewriter.notifyMatchFailure(op, "no positions above");
    Value fewer = IotaOp::create(rewriter, op.getLoc(), op.getType(), first, step);
    return replace(rewriter, op, fewer, "simplify.slice", "counted fewer positions");
  }
};

} // namespace

void winnow::populateMaskPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<ProductOfChoices, BooleanOfProduct, NestedChoice, Absorb<OrOp, AndOp>, Absorb<AndOp, OrOp>,
               CompareOfSum, ConcatOfPositions, MoveAboveChoice<ReshapeOp>, MoveAboveChoice<SliceOp>,
               ReshapeAboveBoolean, ChoiceOfZero, SliceAboveCondition, SliceOfIota>(patterns.getContext(), reporter);
}
