//===- MicrosoftFusions.cpp - Pairs of operators that are written as one --===//

#include "Activation.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// GELU of the input and, where there is one, a bias.
template <bool tanhApproximation> static void importGelu(OpImporter &n) {
  Value x = n.in(0);
  if (n.has(1))
    x = n.make<AddOp>(x, n.in(1));
  n.set(n.make<GeluOp>(x, tanhApproximation));
}

/// x sigmoid(alpha x)
static void importQuickGelu(OpImporter &n) {
  Value x = n.in(0);
  double alpha = n.floatAttr("alpha", 1.702);
  n.set(n.make<MulOp>(x, n.make<SigmoidOp>(n.make<MulOp>(x, n.scalarLike(x, alpha)))));
}

static void importBiasAdd(OpImporter &n) {
  n.set(n.make<AddOp>(n.make<AddOp>(n.in(0), n.in(1)), n.in(2)));
}

/// The activation that a fused operator names, with its parameters.
static Value activate(OpImporter &n, Value x, StringRef name, ArrayRef<double> parameters) {
  if (n.failed() || name.empty())
    return x;
  if (name == "Clip") {
    if (parameters.size() != 2) {
      n.invalid("expected two parameters of Clip, got " + Twine(parameters.size()));
      return nullptr;
    }
    x = n.make<MaximumOp>(x, n.scalarLike(x, parameters[0]));
    return n.make<MinimumOp>(x, n.scalarLike(x, parameters[1]));
  }
  const NamedActivation *activation = findActivation(name);
  if (!activation) {
    n.unsupported("the activation '" + name + "'");
    return nullptr;
  }
  auto parameter = [&](size_t i, std::optional<double> otherwise) {
    return i < parameters.size() ? parameters[i] : otherwise.value_or(0);
  };
  return activation->apply(n, x, parameter(0, activation->alpha), parameter(1, activation->beta));
}

/// What the operator that this one extends gives.
static Value extend(OpImporter &n, StringRef name) {
  importAs(n, name);
  return n.failed() ? Value() : n.getOutputs()[0].value;
}

/// Conv, then the sum with another input, then an activation.
static void importFusedConv(OpImporter &n) {
  Value x = extend(n, "Conv");
  if (n.has(3))
    x = n.make<AddOp>(x, n.in(3));
  n.set(activate(n, x, n.stringAttr("activation", ""), n.floatsAttr("activation_params")));
}

static SmallVector<double> getActivationParameters(OpImporter &n) {
  SmallVector<double> parameters;
  for (StringRef name : {"activation_alpha", "activation_beta", "activation_gamma"})
    if (n.hasAttr(name))
      parameters.push_back(n.floatAttr(name, 0));
  return parameters;
}

static void importFusedGemm(OpImporter &n) {
  Value x = extend(n, "Gemm");
  n.set(activate(n, x, n.stringAttr("activation", ""), getActivationParameters(n)));
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// A matrix operand: with `isBatchMoved`, [m, batch..., k] is meant as [batch..., m,
/// k]; with `isTransposed`, the last two dimensions are swapped then.
static Value arrange(OpImporter &n, Value x, bool isBatchMoved, bool isTransposed) {
  if (n.failed())
    return nullptr;
  int64_t rank = n.dims(x).size();
  if ((!isBatchMoved && !isTransposed) || rank < 2)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (isBatchMoved)
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (isTransposed)
    std::swap(order[rank - 2], order[rank - 1]);
  return n.transpose(x, order);
}

static Value fusedMatMul(OpImporter &n) {
  double alpha = n.floatAttr("alpha", 1);
  bool transA = n.intAttr("transA", 0), transB = n.intAttr("transB", 0);
  bool moveA = n.intAttr("transBatchA", 0), moveB = n.intAttr("transBatchB", 0);
  Value product = n.matmul(arrange(n, n.in(0), moveA, transA), arrange(n, n.in(1), moveB, transB));
  return alpha == 1 ? product : n.make<MulOp>(product, n.scalarLike(product, alpha));
}

static void importFusedMatMul(OpImporter &n) { n.set(fusedMatMul(n)); }

static void importFusedMatMulActivation(OpImporter &n) {
  Value product = fusedMatMul(n);
  n.set(activate(n, product, n.stringAttr("activation", ""), getActivationParameters(n)));
}

static void importGemmFastGelu(OpImporter &n) {
  Value product = n.matmul(n.in(0), n.in(1));
  if (n.has(2))
    product = n.make<AddOp>(product, n.in(2));
  n.set(n.make<GeluOp>(product, true));
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// Over all dimensions from `axis` on; the bias broadcasts.
static void importBiasSoftmax(OpImporter &n) {
  int64_t axis = n.normalizeAxis(n.intAttr("axis", 1), n.rank(0));
  if (!n.failed() && n.rank(1) != n.rank(0))
    return n.unsupported("a bias of rank " + Twine(n.rank(1)) + " for data of rank " +
                         Twine(n.rank(0)));
  Value sum = n.make<AddOp>(n.in(0), n.in(1));
  if (n.failed())
    return;
  Dims dims = n.dims(sum), rows(ArrayRef(dims).take_front(axis));
  rows.push_back(normalizeDim(getNumElements(ArrayRef(dims).drop_front(axis), n.b.getContext())));
  n.set(n.reshape(n.make<SoftmaxOp>(n.reshape(sum, rows), axis), dims));
}

ArrayRef<OpEntry> getMicrosoftFusionOps() {
  static const OpEntry ops[] = {
      {"BiasAdd", 1, 1, 3, 3, importBiasAdd},
      {"BiasGelu", 1, 1, 2, 2, importGelu<false>},
      {"BiasSoftmax", 1, 1, 2, 2, importBiasSoftmax},
      {"FastGelu", 1, 1, 1, 2, importGelu<true>},
      {"FusedConv", 1, 1, 2, 4, importFusedConv},
      {"FusedGemm", 1, 1, 2, 3, importFusedGemm},
      {"FusedMatMul", 1, 1, 2, 2, importFusedMatMul},
      {"FusedMatMulActivation", 1, 1, 2, 2, importFusedMatMulActivation},
      {"Gelu", 1, 1, 1, 1, importGelu<false>},
      {"GemmFastGelu", 1, 1, 2, 3, importGemmFastGelu},
      {"QuickGelu", 1, 1, 1, 1, importQuickGelu},
      {"TransposeMatMul", 1, 1, 2, 2, importFusedMatMul},
  };
  return ops;
}

} // namespace winnow::import
