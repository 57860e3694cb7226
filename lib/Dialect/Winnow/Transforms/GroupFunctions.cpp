#include "Elements.h"
#include "FunctionFit.h"
#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_GROUPFUNCTIONS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Coefficients of one function that f32 rounded differently.
static constexpr double kRounding = 1e-6;
/// More coefficients are not searched.
static constexpr int64_t kMaxCoefficients = 1 << 24;

namespace {
/// A linear of bases: a function for each pair of an input and an output.
struct Layer {
  LinearOp linear;
  Operation *basis;
  int64_t inputs, bases, outputs;
  std::vector<float> weight; ///< [basis, input, output]

  double at(int64_t k, int64_t d, int64_t n) const {
    return weight[(k * inputs + d) * outputs + n];
  }
};

/// The coefficients of a function in the bases.
using Function = SmallVector<double, 8>;

/// One function for all outputs of an input, with a factor for each.
struct Shared {
  Function function;
  std::vector<double> factors;
  double error; ///< the greatest difference of a coefficient
};

struct GroupFunctions : winnow::impl::GroupFunctionsBase<GroupFunctions> {
  using GroupFunctionsBase::GroupFunctionsBase;

  /// Of sites that are changed approximately.
  unsigned number = 0;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), fit > 0 ? "fit-functions" : "group-functions");
    number = 0;
    SmallVector<Operation *> sites;
    getOperation().walk([&](Operation *op) {
      if (isa<LinearOp, BSplineOp, GaussianBasisOp>(op))
        sites.push_back(op);
    });
    for (Operation *op : sites) {
      if (auto linear = dyn_cast<LinearOp>(op)) {
        if (std::optional<Layer> layer = match(linear, reporter))
          group(*layer, reporter);
      } else if (fit > 0 && op->hasAttr("coefficients")) {
        fitGrouped(op, reporter);
      }
    }
    eraseDeadOps(getOperation());
  }

  //===--------------------------------------------------------------------===//
  // Matching
  //===--------------------------------------------------------------------===//

  std::optional<Layer> match(LinearOp linear, SiteReporter &reporter) {
    auto reshape = linear.getInput().getDefiningOp<ReshapeOp>();
    Operation *basis = reshape ? reshape.getInput().getDefiningOp() : nullptr;
    if (!isa_and_nonnull<BSplineOp, GaussianBasisOp>(basis) || basis->hasAttr("coefficients") ||
        !reshape->hasOneUse() || !basis->hasOneUse())
      return std::nullopt;
    Dims in = getDims(basis->getResult(0)), out = getDims(reshape.getResult());
    std::optional<int64_t> inputs = getConstantDim(in.back());
    int64_t bases = *getConstantDim(in[in.size() - 2]);
    if (!inputs || out.size() + 1 != in.size() || getConstantDim(out.back()) != *inputs * bases ||
        !getElementTypeOrSelf(linear).isF32())
      return std::nullopt;
    Layer layer{linear, basis, *inputs, bases, *getConstantDim(getDims(linear.getResult()).back()),
                {}};
    if (layer.inputs * layer.bases * layer.outputs > kMaxCoefficients) {
      reporter.refused(linear.getLoc(), "group-functions.size",
                       Twine(layer.inputs * layer.bases * layer.outputs) +
                           " coefficients, more than " + Twine(kMaxCoefficients));
      return std::nullopt;
    }
    std::optional<std::vector<float>> weight = load(linear.getWeight());
    if (!weight)
      return std::nullopt;
    int64_t rows = layer.inputs * layer.bases;
    layer.weight.resize(weight->size());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t n = 0; n < layer.outputs; ++n)
        layer.weight[row * layer.outputs + n] =
            (*weight)[linear.getTransposeWeight() ? n * rows + row : row * layer.outputs + n];
    return layer;
  }

  /// The elements of a constant behind movement.
  static std::optional<std::vector<float>> load(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<ConstantOp>(op)) {
      SmallVector<float> storage;
      std::optional<ArrayRef<float>> floats = getFloats(getConstantElements(value), storage);
      return floats ? std::optional(std::vector<float>(floats->begin(), floats->end()))
                    : std::nullopt;
    }
    if (!isa_and_nonnull<ReshapeOp, TransposeOp>(op))
      return std::nullopt;
    std::optional<std::vector<float>> input = load(op->getOperand(0));
    auto transpose = dyn_cast<TransposeOp>(op);
    if (!input || !transpose)
      return input;
    std::vector<float> moved(input->size());
    SmallVector<int64_t> strides = getStrides(transpose.getInput().getType().getShape());
    forEachIndex(transpose.getType().getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
      int64_t from = 0;
      for (auto [i, dim] : llvm::enumerate(transpose.getPermutation()))
        from += index[i] * strides[dim];
      moved[to] = (*input)[from];
    });
    return moved;
  }

  //===--------------------------------------------------------------------===//
  // Sharing
  //===--------------------------------------------------------------------===//

  /// The factors for a function, and how far it is from those of the outputs.
  static Shared project(const Layer &layer, int64_t d, const Function &function) {
    Shared result{function, std::vector<double>(layer.outputs), 0};
    double square = 0;
    for (double coefficient : function)
      square += coefficient * coefficient;
    for (int64_t n = 0; n < layer.outputs; ++n) {
      double &factor = result.factors[n];
      for (int64_t k = 0; k < layer.bases; ++k)
        factor += layer.at(k, d, n) * function[k];
      factor /= square > 0 ? square : 1;
      for (int64_t k = 0; k < layer.bases; ++k)
        result.error = std::max(result.error, std::fabs(layer.at(k, d, n) - factor * function[k]));
    }
    return result;
  }

  /// The function that is closest to those of all outputs of an input: the first left
  /// singular vector of [bases, outputs], by powers of the product with its transpose.
  static Shared findShared(const Layer &layer, int64_t d) {
    int64_t bases = layer.bases, outputs = layer.outputs, first = 0;
    SmallVector<Function> gram(bases, Function(bases, 0.0));
    for (int64_t j = 0; j < bases; ++j)
      for (int64_t k = 0; k <= j; ++k) {
        double sum = 0;
        for (int64_t n = 0; n < outputs; ++n)
          sum += layer.at(j, d, n) * layer.at(k, d, n);
        gram[j][k] = gram[k][j] = sum;
      }
    for (int64_t k = 1; k < bases; ++k)
      if (gram[k][k] > gram[first][first])
        first = k;
    Function vector = gram[first];
    for (unsigned step = 0; step < 100; ++step) {
      Function next(bases, 0.0);
      double largest = 0;
      for (int64_t j = 0; j < bases; ++j) {
        for (int64_t k = 0; k < bases; ++k)
          next[j] += gram[j][k] * vector[k];
        largest = std::fabs(next[j]) > std::fabs(largest) ? next[j] : largest;
      }
      // One of size 1 and one sign, so that equal functions look equal.
      for (double &coefficient : next)
        coefficient /= largest != 0 ? largest : 1;
      vector = next;
    }
    return project(layer, d, vector);
  }

  static bool isNear(const Function &a, const Function &b, double tolerance) {
    return llvm::all_of(llvm::zip_equal(a, b), [&](auto pair) {
      return std::fabs(std::get<0>(pair) - std::get<1>(pair)) <= tolerance;
    });
  }

  static ElementsAttr getParameters(Operation *basis) {
    if (auto spline = dyn_cast<BSplineOp>(basis))
      return spline.getKnots();
    return cast<GaussianBasisOp>(basis).getCenters();
  }

  /// The knots or centers of an input.
  static SmallVector<double> getRow(Operation *basis, int64_t d) {
    auto matrix = cast<DenseElementsAttr>(getParameters(basis));
    int64_t rows = matrix.getType().getDimSize(0), columns = matrix.getType().getDimSize(1);
    auto values = matrix.getValues<float>();
    SmallVector<double> row;
    for (int64_t i = 0; i < columns; ++i)
      row.push_back(values[(rows == 1 ? 0 : d) * columns + i]);
    return row;
  }

  void group(Layer &layer, SiteReporter &reporter) {
    double largest = 0;
    for (float coefficient : layer.weight)
      largest = std::max(largest, std::fabs(double(coefficient)));
    double allowed = std::max(bound.getValue(), kRounding) * largest;
    std::vector<Shared> shared;
    double worst = 0;
    int64_t differing = 0;
    for (int64_t d = 0; d < layer.inputs; ++d) {
      shared.push_back(findShared(layer, d));
      worst = std::max(worst, shared.back().error);
      differing += !(shared.back().error <= allowed);
    }
    Location loc = layer.linear.getLoc();
    if (differing > 0)
      return reporter.refused(
          loc, "group-functions.differ",
          llvm::formatv("{0} of {1} inputs have functions that differ between the {2} outputs, by "
                        "{3:f3} of the largest coefficient; allowed is {4:e1}",
                        differing, layer.inputs, layer.outputs, worst / largest,
                        allowed / largest));
    // Inputs whose functions agree, with each other's and on the same knots.
    SmallVector<int64_t> leaders;
    SmallVector<int64_t> leaderOf;
    for (int64_t d = 0; d < layer.inputs; ++d) {
      int64_t own = d;
      for (int64_t leader : leaders) {
        if (!isNear(shared[d].function, shared[leader].function,
                    std::max(bound.getValue(), kRounding)) ||
            getRow(layer.basis, d) != getRow(layer.basis, leader))
          continue;
        Shared joint = project(layer, d, shared[leader].function);
        if (!(joint.error <= allowed))
          continue;
        shared[d] = joint;
        own = leader;
        break;
      }
      if (own == d)
        leaders.push_back(d);
      leaderOf.push_back(own);
    }
    OpBuilder builder(layer.linear);
    if (fit > 0) {
      SmallVector<Function> functions;
      for (const Shared &one : shared)
        functions.push_back(one.function);
      if (Value x = fitFunctions(builder, layer.basis, functions, reporter))
        rebuild(builder, layer, shared, x);
      return;
    }
    worst = 0;
    for (const Shared &one : shared)
      worst = std::max(worst, one.error);
    std::string text = llvm::formatv("{0} functions for {1} inputs and {2} outputs", leaders.size(),
                                     layer.inputs, layer.outputs);
    bool isExact = worst <= kRounding * largest;
    if (bound > 0) {
      // What is exact is no site of an approximation.
      if (isExact || llvm::is_contained(skip, number++))
        return;
      reporter.applied(
          loc, "group-functions.approximated",
          llvm::formatv("{0}, which differ by at most {1:e1} of the largest coefficient: {2} % of "
                        "the layer's operations less",
                        text, worst / largest, std::llround(100 - 100.0 / layer.bases)));
    } else {
      reporter.applied(loc, "group-functions.shared", text);
    }
    Value x = createFunctions(builder, layer, shared, leaders.size() == 1);
    rebuild(builder, layer, shared, x);
  }

  /// The functions of the inputs, [.., D], as sums of the bases.
  static Value createFunctions(OpBuilder &builder, const Layer &layer, ArrayRef<Shared> shared,
                               bool isOne) {
    SmallVector<float> values;
    for (const Shared &one : isOne ? shared.take_front() : shared)
      values.append(one.function.begin(), one.function.end());
    auto type =
        RankedTensorType::get({isOne ? 1 : layer.inputs, layer.bases}, builder.getF32Type());
    Operation *functions = builder.clone(*layer.basis);
    functions->setAttr("coefficients", DenseElementsAttr::get(type, ArrayRef<float>(values)));
    functions->getResult(0).setType(functions->getOperand(0).getType());
    return functions->getResult(0);
  }

  void rebuild(OpBuilder &builder, const Layer &layer, ArrayRef<Shared> shared, Value x) {
    std::vector<float> factors;
    for (const Shared &one : shared)
      factors.insert(factors.end(), one.factors.begin(), one.factors.end());
    LinearOp linear = layer.linear;
    auto type = RankedTensorType::get({layer.inputs, layer.outputs}, builder.getF32Type());
    Value weight = ConstantOp::create(builder, linear.getLoc(), type,
                                      DenseElementsAttr::get(type, ArrayRef<float>(factors)));
    Value result = LinearOp::create(
        builder, linear.getLoc(), linear.getType(), x, weight, linear.getBias(),
        linear.getResidual(), linear.getActivationAttr(), UnitAttr(),
        linear.getRationalAttr());
    linear.getResult().replaceAllUsesWith(result);
  }

  //===--------------------------------------------------------------------===//
  // Fitting
  //===--------------------------------------------------------------------===//

  /// Where the bases of a function add up to something: between the inner knots, or the
  /// outer centers.
  static std::pair<double, double> getDomain(Operation *basis, ArrayRef<double> row) {
    auto spline = dyn_cast<BSplineOp>(basis);
    int64_t outer = spline ? spline.getDegree() : 0;
    return {row[outer], row[row.size() - 1 - outer]};
  }

  static double evaluateFunction(Operation *basis, ArrayRef<double> row, const Function &function,
                                 double x) {
    double sum = 0;
    if (auto gaussian = dyn_cast<GaussianBasisOp>(basis)) {
      double factor = gaussian.getFactor().convertToDouble();
      for (auto [coefficient, center] : llvm::zip_equal(function, row))
        sum += coefficient * std::exp(-std::pow(factor * (x - center), 2));
      return sum;
    }
    int64_t degree = cast<BSplineOp>(basis).getDegree();
    int64_t piece = std::upper_bound(row.begin(), row.end(), x) - row.begin() - 1;
    for (int64_t k = std::max<int64_t>(piece - degree, 0);
         k <= piece && k < static_cast<int64_t>(function.size()); ++k)
      sum += function[k] * evaluateSpline(row, k, degree, piece, x);
    return sum;
  }

  /// Rational functions in the place of those of all inputs, or of each; null where they are
  /// not close enough, or not wanted.
  Value fitFunctions(OpBuilder &builder, Operation *basis, ArrayRef<Function> functions,
                     SiteReporter &reporter) {
    SmallVector<int64_t> leaders;
    SmallVector<RationalFit> fits;
    SmallVector<float> above, below;
    double worst = 0, low = INFINITY, high = -INFINITY;
    for (auto [d, function] : llvm::enumerate(functions)) {
      SmallVector<double> row = getRow(basis, d);
      auto *known = llvm::find_if(leaders, [&, &function = function](int64_t other) {
        return functions[other] == function && getRow(basis, other) == row;
      });
      if (known == leaders.end()) {
        auto [from, to] = getDomain(basis, row);
        double size = 0;
        fits.push_back(fitRational(
            [&, &coefficients = function](double x) {
              double value = evaluateFunction(basis, row, coefficients, x);
              size = std::max(size, std::fabs(value));
              return value;
            },
            from, to));
        worst = std::max(worst, size > 0 ? fits.back().error / size : fits.back().error);
        low = std::min(low, from);
        high = std::max(high, to);
        leaders.push_back(d);
        known = std::prev(leaders.end());
      }
      const RationalFit &one = fits[known - leaders.begin()];
      above.append(one.numerator.begin(), one.numerator.end());
      below.append(one.denominator.begin(), one.denominator.end());
    }
    Location loc = basis->getLoc();
    std::string text =
        llvm::formatv("{0} rational functions of degree 5/4 differ from those of the bases by at most "
                      "{1:e1} of their size for x from {2:f2} to {3:f2}",
                      leaders.size(), worst, low, high);
    if (!(worst <= fit)) {
      reporter.refused(loc, "group-functions.fit",
                       llvm::formatv("{0}; allowed is {1:e1}", text, fit.getValue()));
      return nullptr;
    }
    if (llvm::is_contained(skip, number++))
      return nullptr;
    reporter.applied(loc, "group-functions.fitted", text);
    auto matrix = [&](ArrayRef<float> values) {
      int64_t rows = functions.size(), columns = values.size() / functions.size();
      return DenseElementsAttr::get(RankedTensorType::get({rows, columns}, builder.getF32Type()),
                                    values);
    };
    auto rational =
        RationalAttr::get(&getContext(), DenominatorKind::AbsSum, matrix(above), matrix(below));
    return GroupRationalOp::create(builder, loc, basis->getOperand(0), rational);
  }

  /// Functions that are sums of bases already.
  void fitGrouped(Operation *op, SiteReporter &reporter) {
    auto matrix = op->getAttrOfType<DenseElementsAttr>("coefficients");
    std::optional<int64_t> inputs = getConstantDim(getDims(op->getOperand(0)).back());
    if (!inputs)
      return;
    int64_t rows = matrix.getType().getDimSize(0), bases = matrix.getType().getDimSize(1);
    SmallVector<Function> functions(rows == 1 && getParametersRows(op) == 1 ? 1 : *inputs);
    auto values = matrix.getValues<float>();
    for (auto [d, function] : llvm::enumerate(functions))
      for (int64_t k = 0; k < bases; ++k)
        function.push_back(values[(rows == 1 ? 0 : d) * bases + k]);
    OpBuilder builder(op);
    if (Value x = fitFunctions(builder, op, functions, reporter))
      op->getResult(0).replaceAllUsesWith(x);
  }

  static int64_t getParametersRows(Operation *basis) {
    return getParameters(basis).getShapedType().getDimSize(0);
  }
};
} // namespace
