#include "Simplify.h"

using namespace mlir;
using namespace winnow;

static bool isUnit(AffineExpr dim) { return isConstantDim(dim, 1); }

namespace {

//===----------------------------------------------------------------------===//
// Transposes
//===----------------------------------------------------------------------===//

/// Moving unit dimensions moves no element.
struct TransposeToReshape : SimplifyPattern<TransposeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    Dims dims = getDims(op.getInput());
    int64_t previous = -1;
    for (int64_t from : op.getPermutation()) {
      if (isUnit(dims[from]))
        continue;
      if (from < previous)
        return rewriter.notifyMatchFailure(op, "moves elements");
      previous = from;
    }
    return replace(rewriter, op, op.getInput(), "simplify.transpose",
                   "wrote a transpose of unit dimensions as a reshape");
  }
};

/// reshape(transpose(x)) is transpose(reshape(x)) where the reshape splits and
/// joins only dimensions that are neighbours in x too.
struct ReshapeAboveTranspose : SimplifyPattern<ReshapeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "no transpose above");
    unsigned numSymbols = getNumSymbols({op.getType(), transpose.getType()});
    Dims source = getDims(transpose.getInput()), out = getDims(op.getResult());
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    auto groups = getReshapeGroups(getDims(transpose.getResult()), out, numSymbols);
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the reshape mixes dimensions");

    // Each group's place in x, counting only dimensions that matter.
    SmallVector<int64_t> place(source.size(), -1);
    int64_t count = 0;
    for (auto [i, dim] : llvm::enumerate(source))
      if (!isUnit(dim))
        place[i] = count++;
    SmallVector<std::pair<int64_t, const ReshapeGroup *>> ordered;
    for (const ReshapeGroup &group : *groups) {
      int64_t first = -1, last = -1;
      for (unsigned i = group.inBegin; i < group.inEnd; ++i) {
        int64_t at = place[permutation[i]];
        if (at < 0)
          continue;
        if (last >= 0 && at != last + 1)
          return rewriter.notifyMatchFailure(op, "joins dimensions that are apart");
        first = first < 0 ? at : first;
        last = at;
      }
      ordered.push_back({first, &group});
    }
    llvm::sort(ordered, [](auto &a, auto &b) {
      return std::pair(a.first, a.second->inBegin) < std::pair(b.first, b.second->inBegin);
    });

    Dims dims;
    SmallVector<int64_t> back(out.size());
    for (auto [first, group] : ordered)
      for (unsigned i = group->outBegin; i < group->outEnd; ++i) {
        back[i] = dims.size();
        dims.push_back(out[i]);
      }
    bool isPlain = llvm::equal(back, llvm::seq<int64_t>(0, back.size()));
    if (!isPlain && !transpose->hasOneUse())
      return rewriter.notifyMatchFailure(op, "would transpose twice");
    Value value = reshapeTo(rewriter, op.getLoc(), transpose.getInput(), dims, numSymbols);
    if (!isPlain)
      value = createTranspose(rewriter, op.getLoc(), value, back);
    return replace(rewriter, op, value, "simplify.reshape", "moved a reshape above a transpose");
  }
};

/// transpose(reshape(transpose(x))) is reshape(transpose(reshape(x))) where the reshape splits
/// and joins dimensions, each on its own.
struct ComposeTransposes : SimplifyPattern<TransposeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    auto first = reshape ? reshape.getInput().getDefiningOp<TransposeOp>() : nullptr;
    if (!first || !reshape->hasOneUse() || !first->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no transpose above, or with other readers");
    unsigned numSymbols = getNumSymbols({op.getType(), first.getType()});
    Dims source = getDims(first.getInput()), middle = getDims(reshape.getResult());
    auto groups = getReshapeGroups(getDims(first.getResult()), middle, numSymbols);
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the reshape mixes dimensions");
    // Of each dimension of x its parts, and of each in the middle the parts that it consists of:
    // dimensions of x, each with the number of a part.
    SmallVector<Dims> parts = llvm::map_to_vector(source, [](AffineExpr dim) { return Dims{dim}; });
    SmallVector<SmallVector<std::pair<int64_t, int64_t>>> members(middle.size());
    for (const ReshapeGroup &group : *groups) {
      unsigned in = group.inEnd - group.inBegin, out = group.outEnd - group.outBegin;
      if (in != 1 && out != 1)
        return rewriter.notifyMatchFailure(op, "the reshape mixes dimensions");
      if (in == 1)
        parts[first.getPermutation()[group.inBegin]].assign(middle.begin() + group.outBegin,
                                                            middle.begin() + group.outEnd);
      for (unsigned i = 0; i < std::max(in, out); ++i)
        members[group.outBegin + (in == 1 ? i : 0)].push_back(
            {first.getPermutation()[group.inBegin + (in == 1 ? 0 : i)], in == 1 ? i : 0});
    }
    Dims apart;
    SmallVector<int64_t> begins, axes;
    for (ArrayRef<AffineExpr> dims : parts) {
      begins.push_back(apart.size());
      apart.append(dims.begin(), dims.end());
    }
    for (int64_t from : op.getPermutation())
      for (auto [dim, part] : members[from])
        axes.push_back(begins[dim] + part);
    Value value = reshapeTo(rewriter, op.getLoc(), first.getInput(), apart, numSymbols);
    value = createTranspose(rewriter, op.getLoc(), value, axes);
    return replace(rewriter, op, value, "simplify.transpose", "moved two transposes to one");
  }
};

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

struct SliceAboveTranspose : SimplifyPattern<SliceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "no transpose above");
    Dims out = getDims(op.getResult());
    Dims dims(out.size()), starts(out.size());
    SmallVector<int64_t> steps(out.size());
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation())) {
      dims[from] = out[i];
      starts[from] = op.getStarts().getResult(i);
      steps[from] = op.getSteps()[i];
    }
    auto type = getTensorType(dims, op.getType().getElementType(),
                              getNumSymbols({op.getType(), transpose.getType()}));
    auto map = AffineMap::get(0, op.getStarts().getNumSymbols(), starts, op.getContext());
    Value value =
        SliceOp::create(rewriter, op.getLoc(), type, transpose.getInput(),
                        AffineMapAttr::get(map), rewriter.getDenseI64ArrayAttr(steps));
    value = createTranspose(rewriter, op.getLoc(), value, transpose.getPermutation());
    return replace(rewriter, op, value, "simplify.slice", "moved a slice above a transpose");
  }
};

/// slice(reshape(x)) is reshape(slice(x)) where the slice takes a contiguous
/// run of one dimension of x: what unbinds a joint query, key and value.
struct SliceAboveReshape : SimplifyPattern<SliceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "no reshape above");
    unsigned numSymbols = getNumSymbols({op.getType(), reshape.getType(),
                                         reshape.getInput().getType()});
    Dims source = getDims(reshape.getInput()), middle = getDims(reshape.getResult());
    Dims out = getDims(op.getResult());
    auto groups = getReshapeGroups(source, middle, numSymbols);
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the reshape mixes dimensions");
    Dims dims = source;
    Dims starts(source.size(), rewriter.getAffineConstantExpr(0));
    for (const ReshapeGroup &group : *groups) {
      std::optional<unsigned> sliced, from;
      for (unsigned i = group.outBegin; i < group.outEnd; ++i) {
        AffineExpr start = op.getStarts().getResult(i);
        bool isWhole = isConstantDim(start, 0) && op.getSteps()[i] == 1 &&
                       isSameDim(out[i], middle[i], numSymbols);
        if (isWhole)
          continue;
        if (sliced || op.getSteps()[i] != 1)
          return rewriter.notifyMatchFailure(op, "slices a joint dimension twice or in steps");
        sliced = i;
      }
      if (!sliced)
        continue;
      for (unsigned i = group.outBegin; i < *sliced; ++i)
        if (!isUnit(middle[i]))
          return rewriter.notifyMatchFailure(op, "the slice is not contiguous");
      for (unsigned i = group.inBegin; i < group.inEnd; ++i) {
        if (isUnit(source[i]))
          continue;
        if (from)
          return rewriter.notifyMatchFailure(op, "the reshape joins what is sliced");
        from = i;
      }
      if (!from)
        return rewriter.notifyMatchFailure(op, "slices a unit dimension");
      AffineExpr inner = rewriter.getAffineConstantExpr(1);
      for (unsigned i = *sliced + 1; i < group.outEnd; ++i)
        inner = inner * middle[i];
      starts[*from] = op.getStarts().getResult(*sliced) * inner;
      dims[*from] = out[*sliced] * inner;
    }
    auto type = getTensorType(dims, op.getType().getElementType(), numSymbols);
    auto map = AffineMap::get(0, std::max(numSymbols, op.getStarts().getNumSymbols()), starts,
                              op.getContext());
    Value value = SliceOp::create(
        rewriter, op.getLoc(), type, reshape.getInput(), AffineMapAttr::get(map),
        rewriter.getDenseI64ArrayAttr(SmallVector<int64_t>(source.size(), 1)));
    return replace(rewriter, op, value, "simplify.slice", "moved a slice above a reshape");
  }
};

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

struct ComposeBroadcasts : SimplifyPattern<BroadcastToOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(BroadcastToOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<BroadcastToOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "no broadcast above");
    Value value = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), inner.getInput());
    return replace(rewriter, op, value, "simplify.broadcast", "joined two broadcasts");
  }
};

/// A broadcast that only adds unit dimensions.
struct BroadcastToReshape : SimplifyPattern<BroadcastToOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(BroadcastToOp op, PatternRewriter &rewriter) const override {
    Dims in = getDims(op.getInput()), out = getDims(op.getResult());
    unsigned numSymbols = getNumSymbols({op.getType(), op.getInput().getType()});
    size_t skip = out.size() - in.size();
    if (!llvm::all_of(ArrayRef(out).take_front(skip), isUnit))
      return rewriter.notifyMatchFailure(op, "repeats elements");
    for (size_t i = 0; i < in.size(); ++i)
      if (!isSameDim(in[i], out[skip + i], numSymbols))
        return rewriter.notifyMatchFailure(op, "repeats elements");
    return replace(rewriter, op, op.getInput(), "simplify.broadcast",
                   "wrote a broadcast that repeats nothing as a reshape");
  }
};

/// reshape(broadcast_to(x)) is broadcast_to(reshape(x)) where the reshape adds
/// and drops only unit dimensions.
struct ReshapeAboveBroadcast : SimplifyPattern<ReshapeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastToOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "no broadcast above");
    unsigned numSymbols = getNumSymbols({op.getType(), broadcast.getType()});
    Dims source = getDims(broadcast.getInput()), middle = getDims(broadcast.getResult());
    Dims out = getDims(op.getResult());
    auto groups = getReshapeGroups(middle, out, numSymbols);
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the reshape mixes dimensions");
    size_t skip = middle.size() - source.size();
    AffineExpr one = rewriter.getAffineConstantExpr(1);
    Dims dims(out.size(), one);
    for (const ReshapeGroup &group : *groups) {
      // Copies of one element may change their shape in any way.
      bool isRepeat = true;
      for (unsigned i = group.inBegin; i < group.inEnd; ++i)
        isRepeat &= i < skip || isUnit(source[i - skip]);
      if (isRepeat)
        continue;
      std::optional<unsigned> from, to;
      for (unsigned i = group.inBegin; i < group.inEnd; ++i)
        if (!isUnit(middle[i]) && std::exchange(from, i))
          return rewriter.notifyMatchFailure(op, "joins dimensions");
      for (unsigned i = group.outBegin; i < group.outEnd; ++i)
        if (!isUnit(out[i]) && std::exchange(to, i))
          return rewriter.notifyMatchFailure(op, "splits a dimension");
      if (from && to && *from >= skip)
        dims[*to] = source[*from - skip];
    }
    Value value =
        reshapeTo(rewriter, op.getLoc(), broadcast.getInput(), dims, numSymbols);
    value = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), value);
    return replace(rewriter, op, value, "simplify.reshape", "moved a reshape above a broadcast");
  }
};

/// reshape(x op y) is reshape(x) op reshape(y) where the reshape splits the first dimension, and
/// what is in x was repeated for one of the parts: a mask for all heads of [batch * heads, ...].
struct ReshapeAboveRepeated : SimplifyPattern<ReshapeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    Operation *above = op.getInput().getDefiningOp();
    if (!isa_and_nonnull<ElementwiseOpInterface>(above) || !above->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no elementwise op above, or with other readers");
    Dims joined = getDims(op.getInput()), split = getDims(op.getResult());
    unsigned numSymbols = std::max(getNumSymbols(op->getResultTypes()),
                                   getNumSymbols(above->getOperandTypes()));
    if (joined.empty() || split.size() != joined.size() + 1 ||
        !llvm::equal(ArrayRef(split).drop_front(2), ArrayRef(joined).drop_front(1)))
      return rewriter.notifyMatchFailure(op, "does not split the first dimension alone");
    // Other patterns put units where they like.
    if (isConstantDim(split[0], 1) || isConstantDim(split[1], 1))
      return rewriter.notifyMatchFailure(op, "splits off a unit");
    SmallVector<Value> operands;
    bool isRepeated = false;
    for (Value operand : above->getOperands()) {
      Dims dims = getDims(operand);
      if (dims.size() == joined.size() && isConstantDim(dims[0], 1)) {
        dims.insert(dims.begin(), dims[0]);
      } else if (dims.size() == joined.size()) {
        auto reshape = operand.getDefiningOp<ReshapeOp>();
        auto repeat = reshape ? reshape.getInput().getDefiningOp<BroadcastToOp>() : nullptr;
        Dims parts = repeat ? getDims(repeat.getResult()) : Dims();
        if (parts.size() != split.size() || parts[0] != split[0] || parts[1] != split[1])
          return rewriter.notifyMatchFailure(op, "an operand is not repeated");
        isRepeated = true;
        dims = parts;
        operand = repeat.getResult();
      }
      operands.push_back(reshapeTo(rewriter, op.getLoc(), operand, dims, numSymbols));
    }
    if (!isRepeated)
      return rewriter.notifyMatchFailure(op, "no operand is repeated");
    Operation *copy = rewriter.clone(*above);
    copy->setOperands(operands);
    copy->getResult(0).setType(op.getType());
    return replace(rewriter, op, copy->getResult(0), "simplify.reshape",
                   "moved a reshape above an operation");
  }
};

/// slice(broadcast_to(x)) is broadcast_to(slice(x)): of what is repeated, any
/// part is as good as another.
struct SliceAboveBroadcast : SimplifyPattern<SliceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastToOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "no broadcast above");
    Dims dims = getDims(broadcast.getInput()), out = getDims(op.getResult());
    size_t skip = out.size() - dims.size();
    Dims starts(dims.size(), rewriter.getAffineConstantExpr(0));
    SmallVector<int64_t> steps(dims.size(), 1);
    for (size_t i = 0; i < dims.size(); ++i) {
      if (isUnit(dims[i]))
        continue;
      dims[i] = out[skip + i];
      starts[i] = op.getStarts().getResult(skip + i);
      steps[i] = op.getSteps()[skip + i];
    }
    auto type = getTensorType(dims, op.getType().getElementType(),
                              getNumSymbols({op.getType(), broadcast.getInput().getType()}));
    auto map = AffineMap::get(0, op.getStarts().getNumSymbols(), starts, op.getContext());
    Value value =
        SliceOp::create(rewriter, op.getLoc(), type, broadcast.getInput(),
                        AffineMapAttr::get(map), rewriter.getDenseI64ArrayAttr(steps));
    value = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), value);
    return replace(rewriter, op, value, "simplify.slice", "moved a slice above a broadcast");
  }
};

/// reduce(broadcast_to(x)) is broadcast_to(reduce(x)) where nothing that is
/// repeated is reduced: how mean pooling counts tokens.
struct ReduceAboveBroadcast : SimplifyPattern<ReduceOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastToOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "no broadcast above");
    unsigned numSymbols = getNumSymbols({broadcast.getType(), op.getType()});
    Dims in = getDims(broadcast.getInput()), out = getDims(broadcast.getResult());
    in.insert(in.begin(), out.size() - in.size(), rewriter.getAffineConstantExpr(1));
    for (int64_t axis : op.getAxes())
      if (!isSameDim(in[axis], out[axis], numSymbols))
        return rewriter.notifyMatchFailure(op, "reduces what is repeated");
    Dims dims;
    for (int64_t i = 0; i < static_cast<int64_t>(in.size()); ++i)
      if (!llvm::is_contained(op.getAxes(), i))
        dims.push_back(in[i]);
      else if (op.getKeepdims())
        dims.push_back(rewriter.getAffineConstantExpr(1));
    Value value = reshapeTo(rewriter, op.getLoc(), broadcast.getInput(), in, numSymbols);
    value = ReduceOp::create(rewriter, op.getLoc(),
                             getTensorType(dims, op.getType().getElementType(), numSymbols),
                             op.getKindAttr(), value, op.getAxesAttr(), op.getKeepdimsAttr());
    value = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), value);
    return replace(rewriter, op, value, "simplify.broadcast",
                   "moved a broadcast below an operation");
  }
};

/// Opset converters flatten the input of an old softmax, which hides that its
/// scores are attention's.
struct ReshapeBelowSoftmax : SimplifyPattern<SoftmaxOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    if (!reshape || !reshape->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no reshape above of its own");
    Dims in = getDims(reshape.getInput()), out = getDims(op.getResult());
    unsigned numSymbols = getNumSymbols({op.getType(), reshape.getInput().getType()});
    if (in.size() <= out.size() || op.getAxis() + 1 != out.size() ||
        !isSameDim(in.back(), out.back(), numSymbols))
      return rewriter.notifyMatchFailure(op, "the reshape joins nothing before the softmax's dimension");
    Value value = SoftmaxOp::create(rewriter, op.getLoc(), reshape.getInput().getType(),
                                    reshape.getInput(), in.size() - 1);
    return replace(rewriter, op, value, "simplify.reshape", "moved a reshape below a softmax");
  }
};

} // namespace

void winnow::populateMovementPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<TransposeToReshape, ReshapeAboveTranspose, ComposeTransposes, SliceAboveTranspose, SliceAboveReshape,
               ComposeBroadcasts, BroadcastToReshape, ReshapeAboveBroadcast, ReshapeAboveRepeated,
               SliceAboveBroadcast, ReduceAboveBroadcast, ReshapeBelowSoftmax>(patterns.getContext(), reporter);
}
