#include "RotaryAngles.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEROTARY
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
/// `start, start + step, ...` of the last dimension of `whole`: `size` elements.
struct Part {
  Value whole;
  int64_t start, step, size;
};

/// The one dimension that a slice or a gather of one row shortens, with the
/// elements that it takes. For a gather the dimension is gone afterwards.
struct Cut {
  Value input;
  size_t axis;
  int64_t start, step, size;
};
} // namespace

static std::optional<Cut> matchCut(Value value) {
  if (auto gather = value.getDefiningOp<GatherOp>()) {
    std::optional<double> row = getScalarConstant(gather.getIndices());
    std::optional<int64_t> size = getConstantDim(getDims(gather.getData())[gather.getAxis()]);
    if (!row || !size || getTensorType(gather.getIndices()).getRank() != 0)
      return std::nullopt;
    int64_t start = static_cast<int64_t>(*row) + (*row < 0 ? *size : 0);
    return Cut{gather.getData(), gather.getAxis(), start, 1, 1};
  }
  auto slice = value.getDefiningOp<SliceOp>();
  if (!slice)
    return std::nullopt;
  Dims in = getDims(slice.getInput()), out = getDims(slice.getResult());
  std::optional<Cut> cut;
  for (size_t i = 0; i < in.size(); ++i) {
    std::optional<int64_t> start = getConstantDim(slice.getStarts().getResult(i));
    std::optional<int64_t> size = getConstantDim(out[i]);
    if (start && *start == 0 && slice.getSteps()[i] == 1 && in[i] == out[i])
      continue;
    if (cut || !start || !size)
      return std::nullopt;
    cut = Cut{slice.getInput(), i, *start, slice.getSteps()[i], *size};
  }
  return cut;
}

/// `value` as a part of something's last dimension: a slice of it, or one of
/// what a reshape split it into.
static std::optional<Part> matchPart(Value value) {
  std::optional<Cut> cut = matchCut(value);
  if (!cut)
    if (auto reshape = value.getDefiningOp<ReshapeOp>()) {
      // A slice of size 1 whose dimension was dropped.
      cut = matchCut(reshape.getInput());
      if (!cut || cut->size != 1)
        return std::nullopt;
      Dims dims = getDims(reshape.getInput());
      dims.erase(dims.begin() + cut->axis);
      if (ArrayRef(dims) != ArrayRef(getDims(value)))
        return std::nullopt;
    }
  if (!cut)
    return std::nullopt;
  Dims dims = getDims(cut->input);
  bool isDropped = dims.size() > getDims(value).size();
  if (!isDropped) {
    if (cut->axis + 1 != dims.size())
      return std::nullopt;
    return Part{cut->input, cut->start, cut->step, cut->size};
  }
  auto split = cut->input.getDefiningOp<ReshapeOp>();
  if (!split || dims.size() < 2)
    return std::nullopt;
  Dims whole = getDims(split.getInput());
  std::optional<int64_t> a = getConstantDim(dims[dims.size() - 2]), b = getConstantDim(dims.back());
  if (whole.size() + 1 != dims.size() || !a || !b || !isConstantDim(whole.back(), *a * *b) ||
      ArrayRef(whole).drop_back() != ArrayRef(dims).drop_back(2))
    return std::nullopt;
  if (cut->axis + 1 == dims.size())
    return Part{split.getInput(), cut->start, *b, *a};
  if (cut->axis + 2 == dims.size())
    return Part{split.getInput(), cut->start * *b, 1, *b};
  return std::nullopt;
}

/// Whether the parts are the elements of `pairs`, first and second.
static bool arePairs(const Part &first, const Part &second, bool interleaved) {
  if (first.whole != second.whole || first.size != second.size || first.step != second.step ||
      first.start != 0)
    return false;
  return interleaved ? first.step == 2 && second.start == 1
                     : first.step == 1 && second.start == first.size;
}

/// What `value` is the negative of.
static Value getNegated(Value value) {
  if (auto neg = value.getDefiningOp<NegOp>())
    return neg.getInput();
  auto mul = value.getDefiningOp<MulOp>();
  if (!mul)
    return nullptr;
  if (isScalarConstant(mul.getRhs(), -1))
    return mul.getLhs();
  return isScalarConstant(mul.getLhs(), -1) ? mul.getRhs() : Value();
}

namespace {
/// A rotation that was found: `root` is `input` turned.
struct Rotation {
  Operation *root;
  Value input, cos, sin;
  bool interleaved;
};

struct RaiseRotary : winnow::impl::RaiseRotaryBase<RaiseRotary> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-rotary");
    SmallVector<Operation *> anchors;
    getOperation().walk([&](Operation *op) {
      if (isa<AddOp, ConcatOp, ReshapeOp>(op))
        anchors.push_back(op);
    });
    for (Operation *anchor : anchors) {
      if (auto add = dyn_cast<AddOp>(anchor))
        raiseWhole(add, reporter);
      else
        raiseHalves(anchor, reporter);
    }
    eraseDeadOps(getOperation());
  }

  /// x cos + rotate(x) sin, with angles for every element.
  void raiseWhole(AddOp add, SiteReporter &reporter) {
    auto left = add.getLhs().getDefiningOp<MulOp>(), right = add.getRhs().getDefiningOp<MulOp>();
    if (!left || !right)
      return;
    for (auto [kept, turned] : {std::pair(left, right), std::pair(right, left)})
      for (unsigned i : {0u, 1u}) {
        std::optional<Pairs> pairs = matchPairs(turned->getOperand(i));
        Value negated = pairs ? getNegated(pairs->first) : Value();
        std::optional<Part> second = negated ? matchPart(negated) : std::nullopt;
        std::optional<Part> first = second ? matchPart(pairs->second) : std::nullopt;
        if (!first || !arePairs(*first, *second, pairs->interleaved))
          continue;
        Value x = first->whole;
        if (x != kept.getLhs() && x != kept.getRhs())
          continue;
        Value cos = kept.getLhs() == x ? kept.getRhs() : kept.getLhs();
        return raiseWhole({add, x, cos, turned->getOperand(1 - i), pairs->interleaved}, reporter);
      }
  }

  void raiseWhole(Rotation rotation, SiteReporter &reporter) {
    Location loc = rotation.root->getLoc();
    OpBuilder builder(rotation.root);
    rotation.cos = getHalf(builder, rotation.cos, rotation.interleaved);
    rotation.sin = getHalf(builder, rotation.sin, rotation.interleaved);
    if (!rotation.cos || !rotation.sin)
      return reporter.refused(loc, "rotary.angles",
                              "both elements of a pair are not proved to have one angle");
    build(rotation, reporter);
  }

  /// concat(a cos - b sin, b cos + a sin), with angles for every pair.
  void raiseHalves(Operation *root, SiteReporter &reporter) {
    std::optional<Pairs> pairs = matchPairs(root->getResult(0));
    Value rest;
    if (auto concat = dyn_cast<ConcatOp>(root); concat && concat.getInputs().size() == 3 &&
                                                concat.getAxis() + 1 == getDims(concat).size()) {
      pairs = Pairs{concat.getInputs()[0], concat.getInputs()[1], /*interleaved=*/false};
      rest = concat.getInputs()[2];
    }
    auto first = pairs ? matchSum(pairs->first, /*isDifference=*/true) : std::nullopt;
    auto second = first ? matchSum(pairs->second, /*isDifference=*/false) : std::nullopt;
    if (!second)
      return;
    // a cos - b sin fixes the four; b cos + a sin may be written either way.
    for (auto [a, cos] : getOrders(first->first))
      for (auto [b, sin] : getOrders(first->second)) {
        auto isProduct = [](MulOp mul, Value x, Value y) {
          return (mul.getLhs() == x && mul.getRhs() == y) ||
                 (mul.getLhs() == y && mul.getRhs() == x);
        };
        auto [p, q] = *second;
        if (!(isProduct(p, b, cos) && isProduct(q, a, sin)) &&
            !(isProduct(q, b, cos) && isProduct(p, a, sin)))
          continue;
        std::optional<Part> partA = matchPart(a), partB = matchPart(b);
        if (!partA || !partB || !arePairs(*partA, *partB, pairs->interleaved))
          continue;
        Rotation rotation{root, partA->whole, cos, sin, pairs->interleaved};
        std::optional<Part> partRest = rest ? matchPart(rest) : std::nullopt;
        int64_t turned = 2 * partA->size;
        std::optional<int64_t> size = getConstantDim(getDims(rotation.input).back());
        if (rest ? !partRest || partRest->whole != rotation.input || partRest->step != 1 ||
                       partRest->start != turned
                 : size != turned)
          continue;
        return build(rotation, reporter);
      }
  }

  /// The two products of a sum, or of a difference.
  static std::optional<std::pair<MulOp, MulOp>> matchSum(Value value, bool isDifference) {
    Value lhs, rhs;
    if (auto sub = value.getDefiningOp<SubOp>(); sub && isDifference) {
      lhs = sub.getLhs();
      rhs = sub.getRhs();
    } else if (auto add = value.getDefiningOp<AddOp>()) {
      lhs = add.getLhs();
      rhs = isDifference ? getNegated(add.getRhs()) : add.getRhs();
    }
    auto p = lhs ? lhs.getDefiningOp<MulOp>() : nullptr;
    auto q = rhs ? rhs.getDefiningOp<MulOp>() : nullptr;
    if (!p || !q)
      return std::nullopt;
    return std::pair(p, q);
  }

  static std::array<std::pair<Value, Value>, 2> getOrders(MulOp mul) {
    return {std::pair(mul.getLhs(), mul.getRhs()), std::pair(mul.getRhs(), mul.getLhs())};
  }

  void build(Rotation rotation, SiteReporter &reporter) {
    Operation *root = rotation.root;
    Location loc = root->getLoc();
    OpBuilder builder(root);
    Value result = root->getResult(0);
    if (result.getType() != rotation.input.getType())
      return reporter.refused(loc, "rotary.shape", "the angles broadcast what they turn");
    unsigned numSymbols = getNumSymbols({result.getType(), rotation.cos.getType()});
    // The op broadcasts angles itself.
    Value cos = stripRepeats(rotation.cos), sin = stripRepeats(rotation.sin);
    if (cos.getType() != sin.getType()) {
      FailureOr<Dims> dims = broadcastDims({getDims(cos), getDims(sin)}, numSymbols);
      if (failed(dims))
        return;
      auto type = getTensorType(*dims, getElementTypeOrSelf(cos), numSymbols);
      for (Value *angles : {&cos, &sin})
        if (angles->getType() != type)
          *angles = BroadcastToOp::create(builder, loc, type, *angles);
    }
    // Elements that are only copied belong to the op as well.
    Value input = rotation.input;
    std::string what = rotation.interleaved ? "raised to rotary of neighbours" : "raised to rotary";
    if (auto whole = matchRest(result, input)) {
      input = whole->first;
      root = whole->second;
      builder.setInsertionPoint(root);
    }
    if (input.getType() != rotation.input.getType() ||
        getDims(cos).back() * 2 != getDims(input).back())
      what += " of " + toString(getDims(cos).back() * 2) + " of " +
              toString(getDims(input).back()) + " elements";
    Value turned = RotaryOp::create(builder, loc, input.getType(), input, cos, sin,
                                    rotation.interleaved ? builder.getUnitAttr() : UnitAttr());
    reporter.applied(loc, "rotary.raised", what);
    root->getResult(0).replaceAllUsesWith(turned);
  }

  /// Broadcasts that leave the last dimension as it is.
  static Value stripRepeats(Value value) {
    while (auto broadcast = value.getDefiningOp<BroadcastToOp>()) {
      Dims in = getDims(broadcast.getInput());
      if (in.empty() || in.back() != getDims(value).back())
        break;
      value = broadcast.getInput();
    }
    return value;
  }

  /// If `turned` is joined with the rest of what its input was cut from: that,
  /// and the op that joins.
  static std::optional<std::pair<Value, Operation *>> matchRest(Value turned, Value input) {
    std::optional<Part> part = matchPart(input);
    if (!part || part->start != 0 || part->step != 1 || !turned.hasOneUse())
      return std::nullopt;
    auto concat = dyn_cast<ConcatOp>(*turned.getUsers().begin());
    if (!concat || concat.getInputs().size() != 2 || concat.getInputs()[0] != turned ||
        concat.getAxis() + 1 != getDims(concat).size() ||
        concat.getType() != part->whole.getType())
      return std::nullopt;
    std::optional<Part> rest = matchPart(concat.getInputs()[1]);
    if (!rest || rest->whole != part->whole || rest->start != part->size || rest->step != 1)
      return std::nullopt;
    return std::pair(part->whole, concat.getOperation());
  }
};
} // namespace
