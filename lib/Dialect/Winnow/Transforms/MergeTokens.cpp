//===- MergeTokens.cpp - Feed-forward layers on averages of neighbours ----===//
//
// The windows of Token-Shuffle (arXiv 2504.17789), with averages in place of a trained
// compression, put into a model that was trained without it.
//
//===----------------------------------------------------------------------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_MERGETOKENS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
/// The layer `second(first(x))` of tokens x [batch, tokens, features].
struct FeedForward {
  LinearOp first, second;
};

/// How tokens are taken together.
struct Windows {
  int64_t kept;  ///< tokens before all windows, each on its own
  int64_t count; ///< windows
  int64_t size;  ///< tokens of each
  int64_t width; ///< of a side of each, in an image
  /// Tokens of a side of the image that they are, row by row; 0: a sequence.
  int64_t side;
};
} // namespace

static std::optional<FeedForward> getFeedForward(LinearOp first) {
  if (first.getActivation() == Activation::None || first.getResidual() || !first->hasOneUse() ||
      getDims(first.getInput()).size() != 3)
    return std::nullopt;
  auto second = dyn_cast<LinearOp>(*first->user_begin());
  if (!second || second.getInput() != first.getResult() ||
      second.getActivation() != Activation::None)
    return std::nullopt;
  return FeedForward{first, second};
}

/// Squares of an image behind up to two tokens for its class, or else runs of a sequence.
static std::optional<Windows> getWindows(int64_t tokens, int64_t window) {
  for (int64_t kept = 0; kept <= 2 && kept < tokens; ++kept) {
    auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(tokens - kept)) + 0.5);
    if (side * side == tokens - kept && side % window == 0)
      return Windows{kept, (side / window) * (side / window), window * window, window, side};
  }
  int64_t size = window * window, kept = tokens % size;
  if (tokens < size)
    return std::nullopt;
  return Windows{kept, tokens / size, size, window, 0};
}

namespace {
struct MergeTokens : winnow::impl::MergeTokensBase<MergeTokens> {
  using MergeTokensBase::MergeTokensBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "merge-tokens");
    SmallVector<FeedForward> sites;
    getOperation().walk([&](LinearOp op) {
      if (std::optional<FeedForward> site = getFeedForward(op))
        sites.push_back(*site);
    });
    unsigned number = 0;
    for (FeedForward &site : sites) {
      Location loc = site.second.getLoc();
      std::optional<int64_t> tokens = getConstantDim(getDims(site.first.getInput())[1]);
      std::optional<Windows> windows;
      if (!tokens)
        reporter.refused(loc, "merge-tokens.unknown-count",
                         "expected a number of tokens that is known, got '" +
                             toString(getDims(site.first.getInput())) + "'");
      else if (windows = getWindows(*tokens, window); !windows)
        reporter.refused(loc, "merge-tokens.few-tokens",
                         "expected " + Twine(window * window) + " tokens or more, got " +
                             Twine(*tokens));
      if (!windows || llvm::is_contained(skip, number++))
        continue;
      int64_t left = windows->kept + windows->count;
      reporter.applied(loc, "merge-tokens.merged",
                       "computes a feed-forward layer on " + Twine(left) + " averages of " +
                           Twine(*tokens) + " tokens: " +
                           Twine(std::llround(100.0 - 100.0 * left / *tokens)) +
                           " % of its operations less");
      rewrite(site, *windows);
    }
    eraseDeadOps(getOperation());
  }

  static void rewrite(FeedForward site, const Windows &windows) {
    OpBuilder b(site.second);
    Location loc = site.second.getLoc();
    Value x = site.first.getInput();
    unsigned numSymbols = std::max(getNumSymbols(x.getType()),
                                   getNumSymbols(site.second->getResultTypes()));
    AffineExpr batch = getDims(x)[0];
    Type element = getElementTypeOrSelf(x);
    auto constant = [&](int64_t value) { return b.getAffineConstantExpr(value); };
    auto slice = [&](Value value, int64_t from, int64_t count) -> Value {
      if (count == 0)
        return nullptr;
      Dims dims = getDims(value);
      dims[1] = constant(count);
      AffineMap starts = AffineMap::get(0, numSymbols, {constant(0), constant(from), constant(0)},
                                        b.getContext());
      return SliceOp::create(b, loc, getTensorType(dims, element, numSymbols), value, starts,
                             ArrayRef<int64_t>{1, 1, 1});
    };
    auto join = [&](Value head, Value body) -> Value {
      return head ? ConcatOp::create(b, loc, ValueRange{head, body}, 1) : body;
    };
    // [batch, windows, tokens of one, features], or with both sides of them.
    auto getDimsOfWindows = [&](AffineExpr features, bool isSingle) {
      if (!windows.side)
        return Dims{batch, constant(windows.count), constant(isSingle ? 1 : windows.size), features};
      AffineExpr part = constant(isSingle ? 1 : windows.width);
      AffineExpr parts = constant(windows.side / windows.width);
      return Dims{batch, parts, part, parts, part, features};
    };
    SmallVector<int64_t> axes = {2};
    if (windows.side)
      axes.push_back(4);

    AffineExpr features = getDims(x)[2];
    Value body = slice(x, windows.kept, windows.count * windows.size);
    body = reshapeTo(b, loc, body, getDimsOfWindows(features, false), numSymbols);
    body = ReduceOp::create(b, loc, ReduceKind::Mean, body, axes, /*keepdims=*/false);
    body = reshapeTo(b, loc, body, {batch, constant(windows.count), features}, numSymbols);
    Value value = join(slice(x, 0, windows.kept), body);
    for (LinearOp op : {site.first, site.second}) {
      Dims dims = getDims(op.getResult());
      dims[1] = constant(windows.kept + windows.count);
      auto copy = cast<LinearOp>(b.clone(*op));
      copy.getInputMutable().assign(value);
      copy.getResidualMutable().clear();
      copy.getResult().setType(getTensorType(dims, element, numSymbols));
      value = copy.getResult();
    }
    features = getDims(value)[2];
    body = slice(value, windows.kept, windows.count);
    body = reshapeTo(b, loc, body, getDimsOfWindows(features, true), numSymbols);
    body = BroadcastToOp::create(
        b, loc, getTensorType(getDimsOfWindows(features, false), element, numSymbols), body);
    body = reshapeTo(b, loc, body, {batch, constant(windows.count * windows.size), features},
                     numSymbols);
    value = join(slice(value, 0, windows.kept), body);
    if (Value residual = site.second.getResidual())
      value = AddOp::create(b, loc, site.second.getType(), value, residual);
    site.second.getResult().replaceAllUsesWith(value);
  }
};
} // namespace
