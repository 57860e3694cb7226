//===- References.cpp - What kinds of kernels mean, in double precision ---===//

#include "Cases.h"

#include "winnow/Dialect/Winnow/IR/Rational.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Linear layers and products
//===----------------------------------------------------------------------===//

static double activate(StringRef name, double x) {
  auto logistic = [](double y) { return 1 / (1 + std::exp(-y)); };
  if (name == "relu")
    return std::max(x, 0.0);
  if (name == "gelu")
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (name == "gelu_tanh")
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  if (name == "tanh")
    return std::tanh(x);
  if (name == "sigmoid")
    return logistic(x);
  if (name == "silu")
    return x * logistic(x);
  if (name == "quick_gelu")
    return x * logistic(1.702 * x);
  if (name == "squared_relu")
    return std::max(x, 0.0) * std::max(x, 0.0);
  return x;
}

/// A matrix whose rows lie elsewhere in pieces, and how many columns it has.
struct Rows {
  const Buffer *buffer, *numbers;
  int64_t columns;

  int64_t place(int64_t row, int64_t column) const {
    if (!numbers)
      return row * columns + column;
    int64_t width = buffer->extent(1), pieces = columns / width;
    return numbers->getInteger(row * pieces + column / width) * width + column % width;
  }
  double get(int64_t row, int64_t column) const { return buffer->get(place(row, column)); }
};

/// The group's rational function of a column of a table.
static double applyRational(Run &run, const Buffer &table, int64_t column, double x) {
  int64_t degree = run.integer("numerator_degree");
  std::vector<double> coefficients;
  for (int64_t i = 0; i < table.extent(0); ++i)
    coefficients.push_back(table.get(i * table.extent(1) + column));
  ArrayRef<double> all = coefficients;
  std::vector<double> below = {1};
  llvm::append_range(below, all.drop_front(degree + 1));
  return evaluateRational(*symbolizeDenominatorKind(run.string("denominator_kind", "")),
                          all.take_front(degree + 1), below, x);
}

/// The memrefs of a declaration that are there or not, one after the other.
static void take(Run &run, unsigned next, ArrayRef<std::pair<bool, const Buffer **>> list) {
  for (auto [isThere, into] : list)
    *into = isThere ? &run.buffers[next++] : nullptr;
}

/// Sums of f32 are off by some units in the last place of the sum of magnitudes.
static constexpr double kSumError = 1e-6;

static Expected computeLinear(Run &run) {
  const Buffer &x = run.buffers[0], &w = run.buffers[1], &out = run.buffers.back();
  int64_t depth = w.extent(1), n = run.integer("n"), width = w.extent(2);
  int64_t rows = out.size() / n;
  const Buffer *bias, *table, *residual, *rowsX, *residualRows, *outRows;
  take(run, 2, {{run.flag("bias"), &bias}, {run.config.contains("denominator_kind"), &table},
                {run.flag("residual"), &residual}, {run.flag("rows"), &rowsX},
                {run.flag("residual_rows"), &residualRows}, {run.flag("out_rows"), &outRows}});
  Rows from{&x, rowsX, depth}, others{residual, residualRows, n}, to{&out, outRows, n};
  Expected expected;
  expected.values.resize(out.size());
  expected.tolerances.resize(out.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < n; ++column) {
      double sum = 0, magnitude = 1;
      for (int64_t k = 0; k < depth; ++k) {
        double product = run.round(from.get(row, k)) *
                         run.round(w.get((column / width * depth + k) * width + column % width));
        sum += product;
        magnitude += std::abs(product);
      }
      if (bias)
        sum += bias->get(column);
      // Activations have slopes up to 1.13, and squared_relu twice its argument.
      double slope = 2 + 2 * std::abs(sum);
      sum = activate(run.string("activation", "none"), sum);
      if (table)
        sum = applyRational(run, *table, column, sum);
      if (residual)
        sum += others.get(row, column);
      expected.values[to.place(row, column)] = sum;
      // Rational functions with coefficients up to 1 have small slopes, too.
      expected.tolerances[to.place(row, column)] = kSumError * magnitude * slope * (table ? 30 : 1);
    }
  return expected;
}

static Expected computeMatMul(Run &run) {
  const Buffer &a = run.buffers[0], &b = run.buffers[1], &out = run.buffers[2];
  int64_t rows = out.extent(1), columns = out.extent(2), depth = a.extent(2);
  bool transposed = run.flag("transpose_b");
  Expected expected;
  for (int64_t batch = 0; batch < out.extent(0); ++batch)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        double sum = 0, magnitude = 1;
        int64_t ofB = b.extent(0) == 1 ? 0 : batch;
        for (int64_t k = 0; k < depth; ++k) {
          int64_t at = transposed ? (ofB * columns + column) * depth + k
                                  : (ofB * depth + k) * columns + column;
          double product =
              run.round(a.get((batch * rows + row) * depth + k)) * run.round(b.get(at));
          sum += product;
          magnitude += std::abs(product);
        }
        expected.values.push_back(sum);
        expected.tolerances.push_back(kSumError * magnitude);
      }
  return expected;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// The operands of an attention, in the declaration's order.
struct Attention {
  Buffer *query, *key, *value, *mask = nullptr, *queryPositions = nullptr,
                               *keyPositions = nullptr, *queryOffsets = nullptr,
                               *keyOffsets = nullptr, *keyLengths = nullptr,
                               *pastKey = nullptr, *pastValue = nullptr;
  bool keyHeadsFirst, valueHeadsFirst, isBoolean;

  explicit Attention(Run &run) {
    bool masked = run.string("mask", "none") != "none", queryPacked = run.flag("query_packed"),
         keyPacked = run.flag("key_packed");
    bool past = run.flag("past");
    size_t count = run.buffers.size();
    query = &run.buffers[0];
    // With a past, keys and values are results.
    key = &run.buffers[past ? count - 3 : 1];
    value = &run.buffers[past ? count - 2 : 2];
    unsigned next = past ? 1 : 3;
    for (auto [isThere, into] :
         {std::pair(masked, &mask), {masked && queryPacked, &queryPositions},
          {masked && keyPacked, &keyPositions}, {queryPacked, &queryOffsets},
          {keyPacked, &keyOffsets}, {keyPacked, &keyLengths}, {past, &pastKey}, {past, &pastValue}})
      if (isThere)
        *into = &run.buffers[next++];
    keyHeadsFirst = run.flag("key_heads_first");
    valueHeadsFirst = run.flag("value_heads_first");
    isBoolean = run.string("mask", "none") == "bool";
  }
  int64_t sequences() const {
    return queryOffsets ? queryOffsets->size() - 1 : query->extent(0);
  }
  static int64_t place(const Buffer &buffer, bool headsFirst, int64_t batch, int64_t row,
                       int64_t head, int64_t column) {
    int64_t one = headsFirst ? head : row, two = headsFirst ? row : head;
    return ((batch * buffer.extent(1) + one) * buffer.extent(2) + two) * buffer.extent(3) + column;
  }
  static double at(const Buffer &buffer, bool headsFirst, int64_t batch, int64_t row,
                   int64_t head, int64_t column) {
    return buffer.get(place(buffer, headsFirst, batch, row, head, column));
  }
  /// Calls `fn` with the places of what a past has, in it and in the longer one.
  static void forEachPast(const Buffer &past, const Buffer &present, bool headsFirst,
                          llvm::function_ref<void(int64_t, int64_t)> fn) {
    for (int64_t i = 0; i < past.size(); ++i) {
      int64_t column = i % past.extent(3), two = i / past.extent(3) % past.extent(2),
              one = i / past.extent(3) / past.extent(2) % past.extent(1),
              batch = i / past.extent(3) / past.extent(2) / past.extent(1);
      fn(i, place(present, headsFirst, batch, headsFirst ? two : one, headsFirst ? one : two, column));
    }
  }
  double maskAt(int64_t batch, int64_t head, int64_t row, int64_t column) const {
    int64_t at = batch % mask->extent(0) * mask->extent(1) + head % mask->extent(1);
    at = (at * mask->extent(2) + row % mask->extent(2)) * mask->extent(3) + column;
    if (isBoolean)
      return mask->getInteger(at) & 1 ? 0 : -std::numeric_limits<double>::infinity();
    return mask->get(at);
  }
};

} // namespace

/// Rows of a mask that hide everything, some keys, and nothing; sequences of all lengths.
static void fillAttention(Run &run) {
  Attention op(run);
  // What a past has is not there yet.
  for (auto [past, present, headsFirst] : {std::tuple(op.pastKey, op.key, op.keyHeadsFirst),
                                           {op.pastValue, op.value, op.valueHeadsFirst}})
    if (past)
      Attention::forEachPast(*past, *present, headsFirst, [&, present = present](int64_t, int64_t to) {
        present->set(to, std::numeric_limits<double>::quiet_NaN());
      });
  if (op.mask)
    for (int64_t i = 0; i < op.mask->size(); ++i) {
      int64_t row = i / op.mask->extent(3);
      bool hides = row % 5 == 3 || (row % 5 && run.uniform(0, 1) < 0.4);
      if (op.isBoolean)
        op.mask->setInteger(i, !hides);
      else if (hides)
        op.mask->set(i, row % 2 ? std::numeric_limits<float>::lowest()
                                : -std::numeric_limits<double>::infinity());
    }
  for (auto [offsets, lengths, positions, tokens] :
       {std::tuple(op.queryOffsets, (Buffer *)nullptr, op.queryPositions, op.query->extent(1)),
        {op.keyOffsets, op.keyLengths, op.keyPositions, op.key->extent(op.keyHeadsFirst ? 2 : 1)}}) {
    if (!offsets)
      continue;
    int64_t sequences = offsets->size() - 1;
    for (int64_t i = 0; i <= sequences; ++i)
      // The second sequence is empty.
      offsets->setInteger(i, i == sequences ? tokens : i == 0 ? 0 : tokens * (i == 1 ? 1 : i - 1) / sequences);
    for (int64_t i = 0; i < sequences; ++i) {
      int64_t begin = offsets->getInteger(i), end = offsets->getInteger(i + 1);
      if (lengths)
        lengths->setInteger(i, end - begin);
      for (int64_t at = begin; positions && at < end; ++at)
        positions->setInteger(at, at - begin);
    }
  }
}

static FailureOr<Expected> computeAttention(Run &run) {
  Attention op(run);
  bool isCopied = true;
  for (auto [past, present, headsFirst] : {std::tuple(op.pastKey, op.key, op.keyHeadsFirst),
                                           {op.pastValue, op.value, op.valueHeadsFirst}})
    if (past)
      Attention::forEachPast(*past, *present, headsFirst,
                             [&, past = past, present = present](int64_t from, int64_t to) {
                               isCopied &= past->get(from) == present->get(to);
                             });
  if (!isCopied) {
    llvm::errs() << "the past has not been copied\n";
    return failure();
  }
  const Buffer &q = *op.query, &k = *op.key, &v = *op.value;
  int64_t heads = q.extent(2), group = heads / k.extent(op.keyHeadsFirst ? 1 : 2);
  int64_t size = q.extent(3), width = v.extent(3);
  double scale = run.real("scale"), softcap = run.real("softcap");
  double least = std::numeric_limits<float>::lowest(), infinity = std::numeric_limits<double>::infinity();
  // Weights are rounded as factors are.
  double weightError = run.precision == Precision::BF16   ? 0x1p-8
                       : run.precision == Precision::FP32 ? 0x1p-20
                                                          : 0x1p-11;
  Expected expected;
  expected.values.resize(run.buffers.back().size());
  expected.tolerances.resize(run.buffers.back().size());
  for (int64_t sequence = 0; sequence < op.sequences(); ++sequence) {
    int64_t queryBegin = 0, queries = q.extent(1), keyBegin = 0,
            keys = k.extent(op.keyHeadsFirst ? 2 : 1);
    if (op.queryOffsets) {
      queryBegin = op.queryOffsets->getInteger(sequence);
      queries = op.queryOffsets->getInteger(sequence + 1) - queryBegin;
    }
    if (op.keyOffsets) {
      keyBegin = op.keyOffsets->getInteger(sequence);
      keys = op.keyLengths->getInteger(sequence);
    }
    int64_t batchQ = op.queryOffsets ? 0 : sequence, batchK = op.keyOffsets ? 0 : sequence;
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < queries; ++row) {
        std::vector<double> scores(keys);
        double top = -infinity, magnitude = 0, total = 0;
        for (int64_t key = 0; key < keys; ++key) {
          double sum = 0, sizeOfSum = 0;
          for (int64_t i = 0; i < size; ++i) {
            double product = run.round(op.at(q, false, batchQ, queryBegin + row, head, i)) *
                             run.round(op.at(k, op.keyHeadsFirst, batchK, keyBegin + key, head / group, i));
            sum += product;
            sizeOfSum += std::abs(product);
          }
          double score = sum * scale;
          if (softcap != 0)
            score = softcap * std::tanh(score / softcap);
          magnitude = std::max(magnitude, sizeOfSum * std::abs(scale));
          if (op.mask)
            score += op.maskAt(sequence, head, op.queryPositions ? op.queryPositions->getInteger(queryBegin + row) : row,
                               op.keyPositions ? op.keyPositions->getInteger(keyBegin + key) : key);
          int64_t last = row + (run.flag("causal_at_end") ? keys - queries : 0);
          if (run.flag("causal") && key > last)
            score = run.flag("causal_adds_lowest") ? score + least
                    : run.flag("causal_lowest")    ? least
                                                   : -infinity;
          // In f32 the least float swallows what is added to it.
          score = score < -1e30 && score > -infinity ? static_cast<float>(score) : score;
          scores[key] = score;
          top = std::max(top, score);
        }
        for (double &score : scores) {
          score = top == -infinity ? 0 : std::exp(score - top);
          total += score;
        }
        for (int64_t column = 0; column < width; ++column) {
          double sum = 0, sizeOfSum = 0;
          for (int64_t key = 0; key < keys; ++key) {
            double product = scores[key] / total *
                             run.round(op.at(v, op.valueHeadsFirst, batchK, keyBegin + key, head / group, column));
            sum += product;
            sizeOfSum += std::abs(product);
          }
          if (total == 0)
            sum = run.flag("nan_to_zero") ? 0 : std::numeric_limits<double>::quiet_NaN();
          int64_t at = ((batchQ * q.extent(1) + queryBegin + row) * heads + head) * width + column;
          expected.values[at] = sum;
          expected.tolerances[at] =
              (weightError + 3 * kSumError * (1 + magnitude)) * sizeOfSum + kSumError;
        }
      }
  }
  return expected;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static Expected computeNorm(Run &run) {
  const Buffer &x = run.buffers.front(), &out = run.buffers.back();
  int64_t width = out.extent(1);
  const Buffer *residual, *scale, *bias, *table, *numbers, *residualNumbers;
  take(run, 1, {{run.flag("residual"), &residual}, {run.flag("scale"), &scale},
                {run.flag("bias"), &bias}, {run.config.contains("denominator_kind"), &table},
                {run.flag("rows"), &numbers}, {run.flag("residual_rows"), &residualNumbers}});
  Rows from{&x, numbers, width}, others{residual, residualNumbers, width};
  Expected expected;
  for (int64_t row = 0; row < out.extent(0); ++row) {
    std::vector<double> values;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < width; ++i) {
      values.push_back(from.get(row, i) + (residual ? others.get(row, i) : 0));
      mean += values.back() / width;
    }
    if (run.kind() == "rms_norm")
      mean = 0;
    for (double value : values)
      squares += (value - mean) * (value - mean) / width;
    for (auto [i, value] : llvm::enumerate(values)) {
      double factor = (scale ? scale->get(i) : 1) / std::sqrt(squares + run.real("epsilon"));
      double result = (value - mean) * factor + (bias ? bias->get(i) : 0);
      expected.values.push_back(table ? applyRational(run, *table, i, result) : result);
      // The mean is off, and is subtracted.
      expected.tolerances.push_back(kSumError * (1 + (1 + std::abs(value)) * std::abs(factor)) *
                                    (table ? 30 : 1));
    }
  }
  return expected;
}

static Expected computeSoftmax(Run &run) {
  const Buffer &x = run.buffers.front();
  int64_t width = x.extent(1);
  Expected expected;
  for (int64_t row = 0; row < x.extent(0); ++row) {
    double top = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t i = row * width; i < (row + 1) * width; ++i)
      top = std::max(top, x.get(i));
    for (int64_t i = row * width; i < (row + 1) * width; ++i)
      total += std::exp(x.get(i) - top);
    for (int64_t i = row * width; i < (row + 1) * width; ++i) {
      expected.values.push_back(std::exp(x.get(i) - top) / total);
      expected.tolerances.push_back(4 * kSumError * expected.values.back());
    }
  }
  return expected;
}

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

void fillInputs(Run &run) {
  if (run.kind() == "attention")
    return fillAttention(run);
  // Of the last row nothing is to be seen.
  Buffer &first = run.buffers.front();
  if (run.kind() == "softmax" && first.extent(0) > 1)
    for (int64_t i = 0; i < first.extent(1); ++i)
      first.set(first.size() - 1 - i, -std::numeric_limits<double>::infinity());
  // Numbers of rows are an order of all of the buffer's.
  for (Buffer &numbers : run.buffers)
    if (numbers.element.isInteger(64)) {
      std::vector<int64_t> order(numbers.size());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), run.random);
      for (auto [i, number] : llvm::enumerate(order))
        numbers.setInteger(i, number);
    }
  if (run.kind() != "linear")
    return;
  // Behind the last column of the weights' panels is nothing that counts.
  Buffer &w = run.buffers[1];
  int64_t depth = w.extent(1), width = w.extent(2);
  for (int64_t at = 0; at < w.size(); ++at)
    if (at / (depth * width) * width + at % width >= run.integer("n"))
      w.set(at, std::numeric_limits<double>::quiet_NaN());
}

FailureOr<Expected> computeReference(Run &run) {
  if (run.kind() == "linear")
    return computeLinear(run);
  if (run.kind() == "attention")
    return computeAttention(run);
  if (run.kind() == "layer_norm" || run.kind() == "rms_norm")
    return computeNorm(run);
  if (run.kind() == "softmax")
    return computeSoftmax(run);
  if (run.kind() == "matmul")
    return computeMatMul(run);
  return failure();
}

} // namespace winnow::gpu
