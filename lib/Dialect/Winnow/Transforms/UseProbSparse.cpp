#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/BuiltinAttributes.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_USEPROBSPARSE
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

// Of a head, in multiply-adds at the rate of attention's products. Measured with 64 elements
// a head, with AVX-512 (docs/rationale/probsparse.md).

/// What a score takes beside its products: an exponential for the most part.
static constexpr double kScore = 24;
/// A sampled product, whose lanes are summed up, with a key from the L2 cache.
static constexpr double kSample = 60, kSampleFactor = 1.5;
/// Comparing a query with those that are kept, and sorting these.
static constexpr double kQuery = 216, kKept = 2700;
/// An element of the keys that are put together, the mean, and the rows that it fills.
static constexpr double kElement = 17;
/// Kept queries lie across the lanes of a vector.
static constexpr uint64_t kLanes = 16;

static double getDenseCost(double length, double size) {
  return length * length * (2 * size + kScore);
}

static double getSparseCost(double length, double size, int64_t count) {
  return length * count * (size * kSampleFactor + kSample) + count * kKept +
         llvm::alignTo(count, kLanes) * length * (2 * size + kScore) +
         length * (kQuery + kElement * size);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Word 0 of Philox4x32-10 of a counter.
static uint32_t drawWord(uint64_t counter, uint32_t key0, uint32_t key1) {
  uint32_t c0 = counter, c1 = counter >> 32, c2 = 0, c3 = 0;
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(c0) * 0xD2511F53, product1 = uint64_t(c2) * 0xCD9E8D57;
    c0 = uint32_t(product1 >> 32) ^ c1 ^ key0;
    c1 = uint32_t(product1);
    c2 = uint32_t(product0 >> 32) ^ c3 ^ key1;
    c3 = uint32_t(product0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c0;
}

static Value drawTable(OpBuilder &builder, Location loc, int64_t length, int64_t samples,
                       uint32_t seed, uint32_t site) {
  std::vector<int64_t> numbers(length * samples);
  for (auto [n, number] : llvm::enumerate(numbers))
    number = (uint64_t(drawWord(n, seed, site)) * uint64_t(length)) >> 32;
  auto type = RankedTensorType::get({length, samples}, builder.getI64Type());
  return ConstantOp::create(builder, loc, type,
                            DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct UseProbSparse : winnow::impl::UseProbSparseBase<UseProbSparse> {
  using UseProbSparseBase::UseProbSparseBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "use-probsparse");
    SmallVector<AttentionOp> sites;
    getOperation().walk([&](AttentionOp op) { sites.push_back(op); });
    unsigned number = 0;
    for (AttentionOp op : sites) {
      std::optional<int64_t> length = check(op, reporter);
      if (!length)
        continue;
      // ceil is taken of the logarithm, before the product.
      int64_t count = std::min<int64_t>(factor * std::ceil(std::log(double(*length))), *length);
      int64_t size = *getConstantDim(getDims(op.getQuery())[3]);
      double dense = getDenseCost(*length, size);
      double sparse = getSparseCost(*length, size, count);
      if (count >= *length || sparse >= dense) {
        reporter.refused(op.getLoc(), "use-probsparse.slower",
                         "dense attention of " + Twine(*length) + " tokens is faster: " +
                             Twine(std::llround(dense / 1000)) + " units of work for a head, and " +
                             Twine(std::llround(sparse / 1000)) + " with " + Twine(count) +
                             " samples");
        continue;
      }
      unsigned site = number++;
      if (llvm::is_contained(skip, site))
        continue;
      reporter.applied(op.getLoc(), "use-probsparse.used",
                       "attends with " + Twine(count) + " of " + Twine(*length) + " queries that " +
                           Twine(count) + " keys tell apart: " +
                           Twine(std::llround(100 - 100 * sparse / dense)) + " % of its work less");
      OpBuilder builder(op);
      Value table = drawTable(builder, op.getLoc(), *length, count, seed, site);
      auto sparseOp = ProbSparseAttentionOp::create(
          builder, op.getLoc(), op.getType(), op.getQuery(), op.getKey(), op.getValue(), table,
          Value(), builder.getI64IntegerAttr(count), op.getScaleAttr(), UnitAttr(), UnitAttr(),
          UnitAttr(), FloatAttr());
      op.replaceAllUsesWith(sparseOp.getResult());
      op.erase();
    }
  }

  /// The length of a sequence that attends to itself, or the reason why not.
  static std::optional<int64_t> check(AttentionOp op, SiteReporter &reporter) {
    auto refuse = [&](StringRef code, const Twine &sentence) {
      reporter.refused(op.getLoc(), code, sentence);
      return std::nullopt;
    };
    Dims query = getDims(op.getQuery()), key = getDims(op.getKey());
    if (op.getCausal())
      return refuse("use-probsparse.causal",
                    "whether a query attends would depend on the tokens after it");
    if (op.getMask() || op.getQueryOffsets() || op.getKeyOffsets() || op.getSoftcap() ||
        query[2] != key[2])
      return refuse("use-probsparse.form",
                    "expected attention without masks, packed tokens, caps and shared heads");
    if (query[1] != key[1])
      return refuse("use-probsparse.form", "expected as many queries as keys, got " +
                                               toString(query[1]) + " and " + toString(key[1]));
    std::optional<int64_t> length = getConstantDim(query[1]);
    if (!length)
      return refuse("use-probsparse.length",
                    "expected a known length, got '" + toString(query[1]) + "'; --dim pins it");
    return length;
  }
};
} // namespace
