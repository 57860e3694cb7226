#include "Dominators.h"
#include "Evaluate.h"
#include "FunctionFit.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEBASES
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Knots of a channel that are worth code: all its bases are computed in registers.
static constexpr int64_t kMaxKnots = 64;
static constexpr unsigned kMaxOps = 512;

/// A constant that is computed from constants, evaluated; null for others.
static Value evaluateTree(OpBuilder &builder, Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ConstantOp>(op))
    return op ? value : nullptr;
  if (op->getNumResults() != 1 || op->getNumOperands() == 0)
    return nullptr;
  SmallVector<ElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    Value constant = evaluateTree(builder, operand);
    if (!constant)
      return nullptr;
    operands.push_back(getConstantElements(constant));
  }
  DenseElementsAttr elements = evaluate(op, operands);
  return elements ? ConstantOp::create(builder, op->getLoc(), value.getType(), elements) : Value();
}

static bool isEvaluable(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > 8)
    return false;
  return isa<ConstantOp>(op) ||
         (op->getNumOperands() > 0 && op->getNumResults() == 1 &&
          isa<ElementwiseOpInterface, ReshapeOp, TransposeOp, BroadcastToOp, SliceOp, ConcatOp>(
              op) &&
          llvm::all_of(op->getOperands(), [&](Value v) { return isEvaluable(v, depth + 1); }));
}

//===----------------------------------------------------------------------===//
// B-splines as polynomials
//===----------------------------------------------------------------------===//

static double evaluatePolynomial(ArrayRef<double> coefficients, double x) {
  double sum = 0;
  for (double coefficient : llvm::reverse(coefficients))
    sum = sum * x + coefficient;
  return sum;
}

namespace {
/// A basis as the rows of [channel, basis, piece] of polynomials in x.
struct Basis {
  Value x;
  int64_t bases, channels = 1;
  unsigned degree;
  /// The dimension of `value` that tells the basis; the others are x's.
  size_t axis;
  std::vector<std::vector<double>> powers; ///< [power][channel, basis, piece]
};

struct RaiseBases : winnow::impl::RaiseBasesBase<RaiseBases> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-bases");
    SmallVector<ReduceOp> sums;
    getOperation().walk([&](ReduceOp op) { sums.push_back(op); });
    for (ReduceOp sum : sums)
      joinPairs(sum, reporter);
    SmallVector<Operation *> products;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, LinearOp>(op))
        products.push_back(op);
    });
    llvm::SetVector<Value> tried;
    for (Operation *product : products) {
      if (!isEvaluable(product->getOperand(1)))
        continue;
      Value value = product->getOperand(0);
      while (isa_and_nonnull<ReshapeOp, TransposeOp>(value.getDefiningOp()))
        value = value.getDefiningOp()->getOperand(0);
      if (!tried.insert(value))
        continue;
      bool isRaised = isa_and_nonnull<ExpOp>(value.getDefiningOp())
                          ? raiseGaussians(value, reporter)
                          : raiseSplines(value, reporter);
      if (!isRaised)
        continue;
      // A weight that is too large for fold-constants would be computed in each run.
      OpBuilder builder(product);
      if (Value weight = evaluateTree(builder, product->getOperand(1)))
        product->setOperand(1, weight);
    }
    eraseDeadOps(getOperation());
  }

  //===--------------------------------------------------------------------===//
  // Matching
  //===--------------------------------------------------------------------===//

  /// The comparisons that a value is computed by, in program order.
  static SmallVector<CompareOp> getComparisons(Value value) {
    llvm::SetVector<Operation *> cone;
    SmallVector<Operation *> work = {value.getDefiningOp()};
    while (!work.empty() && cone.size() < kMaxOps) {
      Operation *op = work.pop_back_val();
      if (!op || op->getBlock() != value.getParentBlock() || !isPart(op) || !cone.insert(op))
        continue;
      for (Value operand : op->getOperands())
        work.push_back(operand.getDefiningOp());
    }
    SmallVector<CompareOp> comparisons;
    for (Operation *op : cone)
      if (auto compare = dyn_cast<CompareOp>(op))
        comparisons.push_back(compare);
    llvm::sort(comparisons, [](CompareOp a, CompareOp b) { return a->isBeforeInBlock(b); });
    return comparisons;
  }

  static bool isPart(Operation *op) {
    return PolynomialForms::isKnown(op) || PolynomialForms::isConditional(op);
  }

  /// Which dimension of a form x does not have; absent unless the rest is x's.
  static std::optional<size_t> getBasisAxis(ArrayRef<Parts> dims, ArrayRef<Parts> base) {
    if (dims.size() != base.size() + 1 || base.empty())
      return std::nullopt;
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      SmallVector<Parts> rest(dims);
      rest.erase(rest.begin() + axis);
      if (ArrayRef<Parts>(rest) == base && !dims[axis].empty())
        return axis;
    }
    return std::nullopt;
  }

  /// `value` as bases of x, on `pieces`.
  static std::optional<Basis> getBasis(PolynomialForms &forms, const PolynomialForm &form, Value x,
                                       Parts pieces) {
    SmallVector<Parts> base = forms.getBaseDims();
    std::optional<size_t> axis = getBasisAxis(form.dims, base);
    std::optional<int64_t> channels =
        base.empty() ? std::nullopt : forms.getStaticSize(base.back());
    if (!axis || !channels || form.scale || form.terms.empty())
      return std::nullopt;
    std::optional<int64_t> bases = forms.getStaticSize(form.dims[*axis]);
    Parts order = base.back();
    bool varies = forms.getCuts() && !forms.getCuts()->channels.empty();
    for (auto &[power, numbers] : form.terms) {
      if (power.isAbs)
        return std::nullopt;
      for (Part part : numbers.parts) {
        bool isChannel = llvm::is_contained(base.back(), part);
        varies |= isChannel;
        if (!isChannel && !llvm::is_contained(form.dims[*axis], part) &&
            !llvm::is_contained(pieces, part))
          return std::nullopt;
      }
    }
    if (!bases)
      return std::nullopt;
    Basis result{x, *bases, varies ? *channels : 1, form.terms.rbegin()->first.power, *axis, {}};
    if (!varies)
      order.clear();
    order.append(form.dims[*axis]);
    order.append(pieces);
    for (unsigned power = 0; power <= result.degree; ++power) {
      auto it = form.terms.find({power, false});
      Numbers numbers = it == form.terms.end() ? Numbers{{}, {0.0}} : it->second;
      result.powers.push_back(forms.expand(numbers, order));
    }
    return result;
  }

  //===--------------------------------------------------------------------===//
  // Splines
  //===--------------------------------------------------------------------===//

  bool raiseSplines(Value value, SiteReporter &reporter) {
    SmallVector<CompareOp> comparisons = getComparisons(value);
    if (comparisons.empty() || !isa<FloatType>(getElementTypeOrSelf(value)) ||
        getElementTypeOrSelf(value).isF64())
      return false;
    auto isKnown = [](Operation *op) { return isPart(op); };
    Dominators dominators(value, value.getParentBlock(), isKnown);
    while (Value x = dominators.next()) {
      if (x == value || getElementTypeOrSelf(x) != getElementTypeOrSelf(value))
        continue;
      PolynomialForms forms(x, getNumSymbols({x.getType(), value.getType()}));
      if (!forms.cut(comparisons))
        continue;
      std::optional<PolynomialForm> form = forms.get(value);
      std::optional<Basis> basis =
          form ? getBasis(forms, *form, x, {forms.getCuts()->pieces}) : std::nullopt;
      if (!basis)
        continue;
      const Cuts &cuts = *forms.getCuts();
      auto refuse = [&](StringRef code, const Twine &why) {
        reporter.refused(value.getLoc(), code, why);
        return false;
      };
      if (cuts.count > kMaxKnots)
        return refuse("bases.size", Twine(cuts.count) + " knots, more than " + Twine(kMaxKnots));
      if (basis->degree < 1 || basis->bases != cuts.count - 1 - basis->degree)
        return refuse("bases.knots",
                      llvm::formatv("{0} functions of degree {1} on {2} pieces are no "
                                    "B-splines",
                                    basis->bases, basis->degree, cuts.count - 1));
      std::vector<float> knots = getKnots(forms, *basis, cuts);
      double error = getSplineError(*basis, knots, cuts.count);
      if (!(error <= getTolerance(knots, cuts.count)))
        return refuse("bases.knots",
                      llvm::formatv("the pieces differ from B-splines by {0:e1}", error));
      OpBuilder builder(value.getContext());
      builder.setInsertionPointAfterValue(value);
      auto type = RankedTensorType::get({basis->channels, cuts.count}, builder.getF32Type());
      Value bases = BSplineOp::create(builder, value.getLoc(), x, basis->degree,
                                      DenseElementsAttr::get(type, ArrayRef<float>(knots)),
                                      forms.ignoresNaN(), /*coefficients=*/ElementsAttr());
      replace(builder, value, *basis, bases);
      reporter.applied(value.getLoc(), "bases.spline",
                       llvm::formatv("raised to bspline: {0} bases of degree {1}, knots of {2}",
                                     basis->bases, basis->degree,
                                     basis->channels == 1 ? "all channels" : "each channel"));
      return true;
    }
    return false;
  }

  /// [channel, knot]
  static std::vector<float> getKnots(PolynomialForms &forms, const Basis &basis, const Cuts &cuts) {
    if (basis.channels == 1 || cuts.channels.empty()) {
      std::vector<float> knots;
      for (int64_t channel = 0; channel < basis.channels; ++channel)
        knots.insert(knots.end(), cuts.values.begin(), cuts.values.end());
      return knots;
    }
    std::vector<float> knots(basis.channels * cuts.count);
    Parts channels = forms.resolve(cuts.channels);
    for (int64_t j = 0; j < cuts.count; ++j) {
      Numbers column{channels, {}};
      for (size_t at = j; at < cuts.values.size(); at += cuts.count)
        column.values.push_back(cuts.values[at]);
      std::vector<double> all = forms.expand(column, forms.getBaseDims().back());
      for (auto [channel, knot] : llvm::enumerate(all))
        knots[channel * cuts.count + j] = knot;
    }
    return knots;
  }

  /// What knots and their differences, rounded to f32, make of bases, which are at most 1.
  static double getTolerance(ArrayRef<float> knots, int64_t count) {
    double largest = 1, closest = INFINITY;
    for (auto [i, knot] : llvm::enumerate(knots)) {
      largest = std::max<double>(largest, std::fabs(knot));
      if (i % count)
        closest = std::min<double>(closest, knot - knots[i - 1]);
    }
    return 1e-6 + 16 * 0x1p-24 * largest / closest;
  }

  /// The greatest difference to the B-splines on the knots. Polynomials that are close at
  /// one point more than their degree are close between.
  static double getSplineError(const Basis &basis, ArrayRef<float> all, int64_t count) {
    double worst = 0;
    int64_t pieces = count + 1;
    for (int64_t channel = 0; channel < basis.channels; ++channel) {
      SmallVector<double> knots;
      for (float knot : all.slice(channel * count, count))
        knots.push_back(knot);
      for (int64_t k = 0; k < basis.bases; ++k)
        for (int64_t piece = 0; piece < pieces; ++piece) {
          SmallVector<double> coefficients;
          for (const std::vector<double> &power : basis.powers)
            coefficients.push_back(power[(channel * basis.bases + k) * pieces + piece]);
          if (piece == 0 || piece == count) {
            for (double coefficient : coefficients)
              worst = std::max(worst, std::fabs(coefficient));
            continue;
          }
          double from = knots[piece - 1], to = knots[piece];
          for (unsigned i = 0; i <= basis.degree; ++i) {
            double x = from + (to - from) * i / basis.degree;
            double expected = evaluateSpline(knots, k, basis.degree, piece - 1, x);
            double error = std::fabs(evaluatePolynomial(coefficients, x) - expected);
            worst = std::isnan(error) ? INFINITY : std::max(worst, error);
          }
        }
    }
    return worst;
  }

  //===--------------------------------------------------------------------===//
  // Gaussians
  //===--------------------------------------------------------------------===//

  bool raiseGaussians(Value value, SiteReporter &reporter) {
    Value exponent = value.getDefiningOp()->getOperand(0);
    if (getElementTypeOrSelf(value).isF64())
      return false;
    Dominators dominators(exponent, value.getParentBlock(), PolynomialForms::isKnown);
    while (Value x = dominators.next()) {
      PolynomialForms forms(x, getNumSymbols({x.getType(), value.getType()}));
      std::optional<PolynomialForm> form = x == exponent ? std::nullopt : forms.get(exponent);
      std::optional<Basis> basis = form ? getBasis(forms, *form, x, {}) : std::nullopt;
      if (!basis || basis->degree != 2 || getElementTypeOrSelf(x) != getElementTypeOrSelf(value))
        continue;
      // -(f (x - c))^2 for one f.
      double factor = basis->powers[2].front();
      std::vector<float> centers;
      for (size_t i = 0; i < basis->powers[2].size(); ++i) {
        double a = basis->powers[2][i], b = basis->powers[1][i], c = basis->powers[0][i];
        double center = -b / (2 * a), rest = c - a * center * center;
        if (!(a < 0) || std::fabs(a - factor) > 1e-6 * std::fabs(factor) ||
            std::fabs(rest) > 1e-6 * (1 + std::fabs(c)))
          return false;
        centers.push_back(center);
      }
      OpBuilder builder(value.getContext());
      builder.setInsertionPointAfterValue(value);
      auto type = RankedTensorType::get({basis->channels, basis->bases}, builder.getF32Type());
      Value bases = GaussianBasisOp::create(builder, value.getLoc(), x,
                                            DenseElementsAttr::get(type, ArrayRef<float>(centers)),
                                            builder.getF32FloatAttr(std::sqrt(-factor)),
                                            /*coefficients=*/ElementsAttr());
      replace(builder, value, *basis, bases);
      reporter.applied(value.getLoc(), "bases.gaussian",
                       llvm::formatv("raised to gaussian_basis: {0} centers of {1}", basis->bases,
                                     basis->channels == 1 ? "all channels" : "each channel"));
      return true;
    }
    return false;
  }

  /// `bases` is [.., K, D].
  static void replace(OpBuilder &builder, Value value, const Basis &basis, Value bases) {
    int64_t rank = getTensorType(bases).getRank();
    SmallVector<int64_t> permutation;
    for (int64_t dim = 0, own = 0; dim < rank; ++dim) {
      if (dim == static_cast<int64_t>(basis.axis)) {
        permutation.push_back(rank - 2);
        continue;
      }
      permutation.push_back(own == rank - 2 ? rank - 1 : own);
      ++own;
    }
    Value moved = createTranspose(builder, value.getLoc(), bases, permutation);
    value.replaceAllUsesWith(moved);
  }

  //===--------------------------------------------------------------------===//
  // Functions of pairs
  //===--------------------------------------------------------------------===//

  /// A value [.., D] with a weight [D, L], or [.., D, K] with one of [D, K, L].
  struct Feature {
    Value value, weight;
  };

  /// A sum over inputs of [.., inputs, outputs] is a linear of what varies over inputs.
  void joinPairs(ReduceOp sum, SiteReporter &reporter) {
    Dims dims = getDims(sum.getInput());
    int64_t rank = dims.size();
    if (sum.getKind() != ReduceKind::Sum || sum.getKeepdims() || rank < 3 ||
        sum.getAxes() != ArrayRef<int64_t>{rank - 2} || !getElementTypeOrSelf(sum).isF32() ||
        !getConstantDim(dims[rank - 1]) || !getConstantDim(dims[rank - 2]))
      return;
    OpBuilder builder(sum);
    int64_t inputs = *getConstantDim(dims[rank - 2]), outputs = *getConstantDim(dims[rank - 1]);
    auto type = RankedTensorType::get({inputs, outputs}, builder.getF32Type());
    Value one = ConstantOp::create(builder, sum.getLoc(), type, DenseElementsAttr::get(type, 1.0f));
    SmallVector<Feature> features;
    if (!collect(builder, sum.getInput(), one, features) ||
        llvm::none_of(features, [](Feature &f) { return getTensorType(f.weight).getRank() == 3; }))
      return;
    Value total;
    for (Feature &feature : features) {
      Location loc = sum.getLoc();
      Dims in = getDims(feature.value);
      unsigned numSymbols = getNumSymbols(feature.value.getType());
      Dims flat(ArrayRef(in).take_front(rank - 2));
      flat.push_back(
          builder.getAffineConstantExpr(getTensorType(feature.weight).getNumElements() / outputs));
      Value x = reshapeTo(builder, loc, feature.value, flat, numSymbols);
      Value weight = reshapeTo(builder, loc, feature.weight,
                               {flat.back(), builder.getAffineConstantExpr(outputs)}, 0);
      weight = evaluateTree(builder, weight);
      if (!weight)
        return;
      Value product = MatMulOp::create(builder, loc, x, weight);
      total = total ? Value(createBroadcasting<AddOp>(builder, loc, total, product, numSymbols))
                    : product;
    }
    reporter.applied(sum.getLoc(), "bases.pairs",
                     llvm::formatv("a sum over {0} inputs of functions of pairs became {1} linears",
                                   inputs, features.size()));
    sum.getResult().replaceAllUsesWith(total);
  }

  /// `value` [.., D, L] times `weight` [D, L], as a sum of features.
  static bool collect(OpBuilder &builder, Value value, Value weight,
                      SmallVectorImpl<Feature> &features, unsigned depth = 0) {
    Operation *op = value.getDefiningOp();
    Location loc = value.getLoc();
    RankedTensorType type = getTensorType(weight);
    if (!op || depth > 16)
      return false;
    // A constant of [D, L] or what broadcasts to it.
    auto asWeight = [&](Value constant) -> Value {
      if (!isEvaluable(constant))
        return nullptr;
      ArrayRef<int64_t> shape = getTensorType(constant).getShape();
      while (shape.size() > 2 && shape.front() == 1)
        shape = shape.drop_front();
      if (shape.size() > 2)
        return nullptr;
      return reshapeTo(builder, loc, constant, RankedTensorType::get(shape, type.getElementType()));
    };
    if (isa<AddOp, SubOp>(op)) {
      Value rhs = isa<SubOp>(op) ? Value(NegOp::create(builder, loc, weight)) : weight;
      return op->getOperand(0).getType() == op->getOperand(1).getType() &&
             collect(builder, op->getOperand(0), weight, features, depth + 1) &&
             collect(builder, op->getOperand(1), rhs, features, depth + 1);
    }
    if (isa<MulOp, DivOp>(op)) {
      for (unsigned i : {1, 0}) {
        if (i == 0 && isa<DivOp>(op))
          break;
        Value factor = asWeight(op->getOperand(i));
        if (!factor)
          continue;
        weight = isa<MulOp>(op) ? Value(createBroadcasting<MulOp>(builder, loc, weight, factor, 0))
                                : Value(createBroadcasting<DivOp>(builder, loc, weight, factor, 0));
        return weight.getType() == type &&
               collect(builder, op->getOperand(1 - i), weight, features, depth + 1);
      }
    }
    if (auto moved = dyn_cast<TransposeOp>(op))
      return collectBases(builder, moved, weight, features);
    // What does not vary over the outputs.
    Dims dims = getDims(value);
    if (dims.size() < 2 || !isConstantDim(dims.back(), 1) ||
        getConstantDim(dims[dims.size() - 2]) != type.getDimSize(0))
      return false;
    dims.pop_back();
    features.push_back(
        {reshapeTo(builder, loc, value, dims, getNumSymbols(value.getType())), weight});
    return true;
  }

  /// The products of bases [rows, D, K] with coefficients [D, K, L], input by input.
  static bool collectBases(OpBuilder &builder, TransposeOp moved, Value weight,
                           SmallVectorImpl<Feature> &features) {
    constexpr int64_t swapped[] = {1, 0, 2};
    auto product = moved.getInput().getDefiningOp<MatMulOp>();
    auto bases = product ? product.getLhs().getDefiningOp<TransposeOp>() : TransposeOp();
    if (!bases || moved.getPermutation() != ArrayRef(swapped) ||
        bases.getPermutation() != ArrayRef(swapped) || !isEvaluable(product.getRhs()) ||
        getTensorType(product.getRhs()).getRank() != 3)
      return false;
    Location loc = product.getLoc();
    RankedTensorType type = getTensorType(weight);
    Value factor = reshapeTo(
        builder, loc, weight,
        RankedTensorType::get({type.getDimSize(0), 1, type.getDimSize(1)}, type.getElementType()));
    Value joint = createBroadcasting<MulOp>(builder, loc, product.getRhs(), factor, 0);
    features.push_back({bases.getInput(), joint});
    return true;
  }
};
} // namespace
