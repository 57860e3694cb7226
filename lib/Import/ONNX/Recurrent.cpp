//===- Recurrent.cpp - RNN, GRU and LSTM ----------------------------------===//
//
// What the input of all steps adds to the gates is one matrix product before
// the loop; a step adds what the state adds.
//
//===----------------------------------------------------------------------===//

#include "Activation.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace winnow::import {

namespace {
/// An activation of a cell: f, g or h in ONNX's equations.
struct CellFunction {
  const NamedActivation *activation = nullptr;
  double alpha = 0, beta = 0;
  /// Bounds the argument; 0: nothing does.
  double clip = 0;

  Value operator()(OpImporter &n, Value x) const {
    if (clip > 0)
      x = n.make<MinimumOp>(n.make<MaximumOp>(x, n.scalarLike(x, -clip)), n.scalarLike(x, clip));
    return n.failed() ? Value() : activation->apply(n, x, alpha, beta);
  }
};

/// What the steps of one direction read.
struct Direction {
  bool isReverse;
  /// [seq, batch, gates * hidden]: the input's part of the gates.
  Value input;
  /// [gates * hidden, hidden], and a bias where it may not join the input's.
  Value recurrence, recurrenceBias;
  /// The rows i, o and f of an LSTM, or null.
  Value peepholes;
  SmallVector<CellFunction> functions;
};

struct Cell;
using Step = SmallVector<Value> (*)(OpImporter &n, const Cell &cell, const Direction &d, Value x,
                                    ArrayRef<Value> state);

/// One of the three operators.
struct Cell {
  int64_t numGates;
  /// How many tensors a step hands to the next.
  int64_t numStates;
  ArrayRef<StringLiteral> functions;
  Step step;

  // The node's.
  AffineExpr seq = nullptr, batch = nullptr, hidden = nullptr;
  bool isBatchFirst = false;
  /// GRU's linear_before_reset, LSTM's input_forget.
  bool isVariant = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// `count` gates from gate `first` on.
static Value takeGates(OpImporter &n, const Cell &cell, Value x, int64_t axis, int64_t first,
                       int64_t count = 1) {
  return n.sliceDim(x, axis, cell.hidden * first, normalizeDim(cell.hidden * count));
}

static Value recur(OpImporter &n, Value state, Value weights, Value bias, Value addend) {
  return n.make<LinearOp>(state, weights, bias, addend, Activation::None,
                          /*transpose_weight=*/true);
}

static Value oneMinus(OpImporter &n, Value x) { return n.make<SubOp>(n.scalarLike(x, 1), x); }

static SmallVector<Value> stepRNN(OpImporter &n, const Cell &, const Direction &d, Value x,
                                  ArrayRef<Value> state) {
  return {d.functions[0](n, recur(n, state[0], d.recurrence, Value(), x))};
}

static SmallVector<Value> stepGRU(OpImporter &n, const Cell &cell, const Direction &d, Value x,
                                  ArrayRef<Value> state) {
  const CellFunction &f = d.functions[0], &g = d.functions[1];
  Value h = state[0], update, candidate;
  if (cell.isVariant) {
    Value r = recur(n, h, d.recurrence, d.recurrenceBias, Value());
    auto sum = [&](int64_t gate) {
      return n.make<AddOp>(takeGates(n, cell, x, 1, gate), takeGates(n, cell, r, 1, gate));
    };
    update = f(n, sum(0));
    Value reset = n.make<MulOp>(f(n, sum(1)), takeGates(n, cell, r, 1, 2));
    candidate = g(n, n.make<AddOp>(takeGates(n, cell, x, 1, 2), reset));
  } else {
    Value gates = recur(n, h, takeGates(n, cell, d.recurrence, 0, 0, 2), Value(),
                        takeGates(n, cell, x, 1, 0, 2));
    update = f(n, takeGates(n, cell, gates, 1, 0));
    Value reset = n.make<MulOp>(f(n, takeGates(n, cell, gates, 1, 1)), h);
    candidate = g(n, recur(n, reset, takeGates(n, cell, d.recurrence, 0, 2), Value(),
                           takeGates(n, cell, x, 1, 2)));
  }
  return {n.make<AddOp>(n.make<MulOp>(oneMinus(n, update), candidate), n.make<MulOp>(update, h))};
}

static SmallVector<Value> stepLSTM(OpImporter &n, const Cell &cell, const Direction &d, Value x,
                                   ArrayRef<Value> state) {
  const CellFunction &f = d.functions[0], &g = d.functions[1], &h = d.functions[2];
  Value gates = recur(n, state[0], d.recurrence, Value(), x);
  auto gate = [&](int64_t index, int64_t peephole, Value c) {
    Value sum = takeGates(n, cell, gates, 1, index);
    if (d.peepholes)
      sum = n.make<AddOp>(sum, n.make<MulOp>(takeGates(n, cell, d.peepholes, 0, peephole), c));
    return f(n, sum);
  };
  Value input = gate(0, 0, state[1]);
  Value forget = cell.isVariant ? oneMinus(n, input) : gate(2, 2, state[1]);
  Value c = n.make<AddOp>(n.make<MulOp>(forget, state[1]),
                          n.make<MulOp>(input, g(n, takeGates(n, cell, gates, 1, 3))));
  return {n.make<MulOp>(gate(1, 1, c), h(n, c)), c};
}

//===----------------------------------------------------------------------===//
// Attributes and inputs
//===----------------------------------------------------------------------===//

/// Reads the activations of all directions, one direction after the other, with
/// the parameters in the order of those that have some.
static SmallVector<CellFunction> getFunctions(OpImporter &n, const Cell &cell,
                                              size_t numDirections) {
  SmallVector<std::string> names = n.stringsAttr("activations");
  SmallVector<double> alphas = n.floatsAttr("activation_alpha");
  SmallVector<double> betas = n.floatsAttr("activation_beta");
  size_t count = numDirections * cell.functions.size();
  for (size_t i = 0; names.size() < count && !n.hasAttr("activations"); ++i)
    names.push_back(cell.functions[i % cell.functions.size()].str());
  if (!n.failed() && names.size() < count)
    n.invalid("expected " + Twine(count) + " activations, got " + Twine(names.size()));
  if (n.failed())
    return {};
  double clip = n.floatAttr("clip", 0);
  SmallVector<CellFunction> functions;
  auto take = [](std::optional<double> otherwise, SmallVectorImpl<double> &values) {
    if (!otherwise || values.empty())
      return otherwise.value_or(0);
    double value = values.front();
    values.erase(values.begin());
    return value;
  };
  for (auto [i, name] : llvm::enumerate(ArrayRef(names).take_front(count))) {
    const NamedActivation *activation = findActivation(name);
    if (!activation) {
      n.invalid("expected an activation that ONNX knows, got '" + name + "'");
      return {};
    }
    double alpha = take(activation->alpha, alphas);
    double beta = take(activation->beta, betas);
    // The gates' arguments are clipped and, as in ONNX Runtime, the cell is not.
    bool isCell = i % cell.functions.size() == 2;
    functions.push_back({activation, alpha, beta, isCell ? 0 : clip});
  }
  return functions;
}

/// Part `index` of dimension `axis` of an input, without that dimension, in the
/// type that the states have; null if the input is left out.
static Value take(OpImporter &n, size_t input, int64_t index, int64_t axis = 0) {
  Value value = n.in(input);
  if (!value)
    return nullptr;
  Dims dims = n.dims(input);
  dims.erase(dims.begin() + axis);
  value = n.reshape(n.sliceDim(value, axis, n.constant(index), n.constant(1)), dims);
  return getElementTypeOrSelf(value).isF64() ? value : n.convert(value, n.b.getF32Type());
}

/// Checks an input's shape, if it is there.
static void expect(OpImporter &n, size_t input, StringRef what, ArrayRef<AffineExpr> dims) {
  if (n.failed() || !n.has(input))
    return;
  if (n.rank(input) != static_cast<int64_t>(dims.size()))
    return n.invalid("expected " + what + " of rank " + Twine(dims.size()) + ", got rank " +
                     Twine(n.rank(input)));
  Dims own = n.dims(input);
  for (auto [i, dim] : llvm::enumerate(dims))
    n.unify(own[i], dim, "dimension " + Twine(i) + " of " + what + " and the other inputs");
}

/// [a, b, ...] as [b, a, ...].
static Value swapFirstTwo(OpImporter &n, Value x) {
  if (n.failed() || !x)
    return nullptr;
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, n.dims(x).size()));
  std::swap(permutation[0], permutation[1]);
  return n.transpose(x, permutation);
}

/// [batch, hidden], zeros where the input is left out.
static Value getInitialState(OpImporter &n, const Cell &cell, size_t input, int64_t direction,
                             Type element) {
  if (!n.has(input))
    return n.broadcastTo(n.scalar(element, 0), {cell.batch, cell.hidden});
  return take(n, input, direction, cell.isBatchFirst ? 1 : 0);
}

static Direction getDirection(OpImporter &n, const Cell &cell, Value x, int64_t index,
                              bool isReverse) {
  Direction d;
  d.isReverse = isReverse;
  d.recurrence = take(n, 2, index);
  d.peepholes = cell.numStates == 2 ? take(n, 7, index) : Value();
  Value bias = take(n, 3, index), inputBias = bias;
  if (bias) {
    inputBias = takeGates(n, cell, bias, 0, 0, cell.numGates);
    Value own = takeGates(n, cell, bias, 0, cell.numGates, cell.numGates);
    if (cell.numGates == 3 && cell.isVariant)
      d.recurrenceBias = own;
    else
      inputBias = n.make<AddOp>(inputBias, own);
  }
  d.input = n.make<LinearOp>(x, take(n, 1, index), inputBias, Value(), Activation::None,
                             /*transpose_weight=*/true);
  return d;
}

/// [batch, 1] sequence lengths, or null where they are those of the input.
static Value getLengths(OpImporter &n, const Cell &cell) {
  std::optional<int64_t> seq = getConstantDim(cell.seq);
  if (const KnownTensor *known = n.known(4); known && seq)
    if (std::optional<SmallVector<int64_t>> lengths = known->getConstants();
        lengths && llvm::all_of(*lengths, [&](int64_t length) { return length == *seq; }))
      return nullptr;
  Value lengths = n.has(4) ? n.convert(n.in(4), n.b.getI64Type()) : Value();
  return lengths ? n.reshape(lengths, {cell.batch, n.constant(1)}) : Value();
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

/// Runs all steps; the results are the last states and, if they are wanted, the
/// outputs of all steps [seq, batch, hidden]. A sequence that is over keeps its
/// state and puts out zeros; one that is read in reverse has not begun.
static SmallVector<Value> runSteps(OpImporter &n, const Cell &cell, const Direction &d,
                                   ArrayRef<Value> initial, Value lengths, bool wantsAll) {
  if (n.failed())
    return {};
  Type element = getElementTypeOrSelf(d.input);
  SmallVector<Value> starts(initial);
  if (wantsAll)
    starts.push_back(n.broadcastTo(n.scalar(element, 0), {cell.seq, cell.batch, cell.hidden}));
  return n.loop(cell.seq, starts, [&](Value index, ArrayRef<Value> carried) {
    if (d.isReverse) {
      Value last = n.makeIndex(cell.seq - 1);
      if (!last)
        return SmallVector<Value>();
      index = arith::SubIOp::create(n.b, n.loc, last, index);
    }
    ArrayRef<Value> state = carried.take_front(initial.size());
    SmallVector<Value> next = cell.step(n, cell, d, n.make<ExtractAtOp>(d.input, index), state);
    if (n.failed())
      return next;
    Value output = next.front();
    if (lengths) {
      Value isInside = n.compare(ComparePredicate::LT, n.makeNumber(index), lengths);
      for (auto [value, old] : llvm::zip_equal(next, state))
        value = n.make<SelectOp>(isInside, value, old);
      output = n.make<SelectOp>(isInside, output, n.scalarLike(output, 0));
    }
    if (wantsAll)
      next.push_back(n.make<InsertAtOp>(output, carried.back(), index));
    return next;
  });
}

//===----------------------------------------------------------------------===//
// The operators
//===----------------------------------------------------------------------===//

/// The parts of all directions along a new dimension.
static Value joinDirections(OpImporter &n, ArrayRef<Value> parts, int64_t axis) {
  SmallVector<Value> unsqueezed;
  for (Value part : parts) {
    Dims dims = n.dims(part);
    dims.insert(dims.begin() + axis, n.constant(1));
    unsqueezed.push_back(n.reshape(part, dims));
  }
  return unsqueezed.size() == 1 ? unsqueezed[0] : n.concat(unsqueezed, axis);
}

static int64_t countDirections(OpImporter &n, bool &isReverse) {
  std::string direction = n.stringAttr("direction", "forward");
  isReverse = direction == "reverse";
  if (!n.failed() && direction != "forward" && !isReverse && direction != "bidirectional")
    n.invalid("expected direction forward, reverse or bidirectional, got '" + direction + "'");
  return direction == "bidirectional" ? 2 : 1;
}

static void importRecurrent(OpImporter &n, Cell cell) {
  bool isReverse;
  int64_t numDirections = countDirections(n, isReverse);
  cell.isBatchFirst = n.opset >= 14 && n.intAttr("layout", 0);
  SmallVector<CellFunction> functions = getFunctions(n, cell, numDirections);
  if (!n.failed() && (n.rank(0) != 3 || n.rank(2) != 3))
    n.invalid("expected X and R of rank 3, got ranks " + Twine(n.rank(0)) + " and " +
              Twine(n.rank(2)));
  if (n.failed())
    return;
  cell.seq = n.dims(0)[cell.isBatchFirst ? 1 : 0];
  cell.batch = n.dims(0)[cell.isBatchFirst ? 0 : 1];
  cell.hidden = n.dims(2)[2];
  if (n.hasAttr("hidden_size"))
    n.unify(cell.hidden, n.constant(n.intAttr("hidden_size", 0)), "R and hidden_size");
  AffineExpr directions = n.constant(numDirections);
  AffineExpr gates = normalizeDim(cell.hidden * cell.numGates);
  Dims states = {directions, cell.batch, cell.hidden};
  if (cell.isBatchFirst)
    std::swap(states[0], states[1]);
  expect(n, 1, "W", {directions, gates, n.dims(0)[2]});
  expect(n, 2, "R", {directions, gates, cell.hidden});
  expect(n, 3, "B", {directions, normalizeDim(gates * 2)});
  expect(n, 4, "sequence_lens", {cell.batch});
  expect(n, 5, "initial_h", states);
  expect(n, 6, "initial_c", states);
  expect(n, 7, "P", {directions, normalizeDim(cell.hidden * 3)});

  Type element = n.elementType(0);
  Type work = element.isF64() ? element : n.b.getF32Type();
  Value x = n.convert(n.in(0), work), lengths = getLengths(n, cell);
  if (cell.isBatchFirst)
    x = swapFirstTwo(n, x);
  bool wantsAll = n.node.output_size() > 0 && !n.node.output(0).empty();
  // Per result, the parts of the directions.
  SmallVector<SmallVector<Value>> results(cell.numStates + wantsAll);
  for (int64_t i = 0; i < numDirections; ++i) {
    Direction d = getDirection(n, cell, x, i, isReverse || i == 1);
    d.functions.assign(functions.begin() + i * cell.functions.size(),
                       functions.begin() + (i + 1) * cell.functions.size());
    SmallVector<Value> initial;
    for (int64_t state = 0; state < cell.numStates && !n.failed(); ++state)
      initial.push_back(getInitialState(n, cell, 5 + state, i, work));
    SmallVector<Value> parts = runSteps(n, cell, d, initial, lengths, wantsAll);
    if (n.failed())
      return;
    for (auto [result, part] : llvm::zip_equal(results, parts))
      result.push_back(part);
  }
  for (int64_t state = 0; state < cell.numStates; ++state)
    n.set(1 + state,
          n.convert(joinDirections(n, results[state], cell.isBatchFirst ? 1 : 0), element));
  if (!wantsAll)
    return;
  Value all = joinDirections(n, results.back(), 1);
  if (cell.isBatchFirst)
    all = n.transpose(all, {2, 0, 1, 3});
  n.set(0, n.convert(all, element));
}

static void importRNN(OpImporter &n) {
  static constexpr StringLiteral functions[] = {"Tanh"};
  importRecurrent(n, {1, 1, functions, stepRNN});
}

static void importGRU(OpImporter &n) {
  static constexpr StringLiteral functions[] = {"Sigmoid", "Tanh"};
  Cell cell{3, 1, functions, stepGRU};
  cell.isVariant = n.intAttr("linear_before_reset", 0) != 0;
  importRecurrent(n, cell);
}

static void importLSTM(OpImporter &n) {
  static constexpr StringLiteral functions[] = {"Sigmoid", "Tanh", "Tanh"};
  Cell cell{4, 2, functions, stepLSTM};
  cell.isVariant = n.intAttr("input_forget", 0) != 0;
  importRecurrent(n, cell);
}

ArrayRef<OpEntry> getRecurrentOps() {
  static const OpEntry ops[] = {
      {"GRU", 7, kMaxOpset, 3, 6, importGRU, 2},
      {"LSTM", 7, kMaxOpset, 3, 8, importLSTM, 3},
      {"RNN", 7, kMaxOpset, 3, 6, importRNN, 2},
  };
  return ops;
}

} // namespace winnow::import
