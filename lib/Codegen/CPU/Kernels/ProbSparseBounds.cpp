//===- ProbSparseBounds.cpp - What ProbSparse's measures may be -----------===//
//
// Measures choose a few rows out of many. Bytes say of most that they are not among them, at a
// quarter of the memory that sampled keys take, which is what they are waited for. With
//
//   q = a q' + d,  k = b k' + r,   q' and k' of integers from -127 to 127,
//
// a product is a b q' k' up to |q| |r| + |d| |b k'|, and so is, a little wider, the greatest
// product less their mean. A row whose upper bound is below as many lower bounds as there are
// rows to choose is not chosen; the others are measured (ProbSparseMeasure.cpp), so that the
// choice is that of floats. Where there are numbers that are not finite, bounds are infinite.
//
// 1. The greatest absolute value of each head's keys, by parts of the rows.
// 2. Keys as bytes, shifted by 128, and the greatest |k| and |r|, by the same parts.
// 3. Queries as bytes, with a step of their own each, and what bounds need of them.
// 4. The bounds.
//
// All but the last one read rows of all heads as they lie in memory.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

constexpr double kLevels = 127, kShift = 128;
/// Numbers from -2^22 to 2^22 that are added to it are rounded, and the last bits of the sum.
constexpr double kRounder = 0x1.8p23;
constexpr int64_t kQueries = 64; ///< of a task

struct Bounds {
  explicit Bounds(const KernelContext &context) : context(context), lanes(context.lanes()) {}

  const KernelContext &context;
  Value query, key, table;
  Value lower, upper; ///< [batch, heads, queries]
  Value keyBytes, queryBytes; ///< [batch, heads, length, head_dim in whole vectors]
  Value ranges;               ///< of keys, [batch, parts, heads, Range]
  Value facts;                ///< of queries, [batch, heads, Fact, queries]
  double divisor;     ///< 0: the number of keys
  int64_t samples;    ///< of a row of the table, whose last one is repeated up to whole groups
  int64_t heads, headDim;
  int64_t lanes;
  bool queryHeadsFirst, keyHeadsFirst; ///< else [batch, length, heads, head_dim]

  enum Range { greatest = 0, norm = 1, rest = 2 }; ///< norms are squared
  enum Fact { step = 0, shift = 1, queryNorm = 2, queryRest = 3 }; ///< what 128 adds to a product

  void emit(Emitter &e) const {
    emitGreatest(e);
    emitBytes(e);
    emitQueries(e);
    emitBounds(e);
  }

  int64_t group() const { return std::min<int64_t>(8, lanes); }
  int64_t width() const { return cast<MemRefType>(keyBytes.getType()).getDimSize(3); }

private:
  VectorType floats(Emitter &e, int64_t count) const {
    return VectorType::get(count, e.getF32Type());
  }
  Value countQueries(Emitter &e) const { return e.dim(query, queryHeadsFirst ? 2 : 1); }
  Value countKeys(Emitter &e) const { return e.dim(key, keyHeadsFirst ? 2 : 1); }
  static SmallVector<Value> place(bool headsFirst, Value batch, Value head, Value row, Value at) {
    return headsFirst ? SmallVector<Value>{batch, head, row, at}
                      : SmallVector<Value>{batch, row, head, at};
  }

  void forEachHead(Emitter &e, llvm::function_ref<void(Value)> body) const {
    e.forRange(e.index(0), e.index(heads), 1, body);
  }
  /// Rows of keys that a task of the first two loops takes, `count` at a time.
  void forEachRows(Emitter &e, int64_t count,
                   llvm::function_ref<void(Value, Value)> begin,
                   llvm::function_ref<void(Value, ArrayRef<Value>)> rows,
                   llvm::function_ref<void(Value, Value)> end) const;
  /// Rows that are read next: each is on a page of its own, which no hardware foresees.
  void fetchRows(Emitter &e, Value matrix, bool headsFirst, Value batch, Value head,
                 ArrayRef<Value> rows, Value length) const {
    for (Value row : rows) {
      Value next = e.min(e.add(row, int64_t(rows.size())), e.sub(length, e.index(1)));
      for (int64_t at = 0; at < headDim; at += Emitter::lineElements)
        e.prefetch(matrix, place(headsFirst, batch, head, next, e.index(at)), /*locality=*/3);
    }
  }
  /// A step of the scale, of the greatest absolute value, and what numbers are multiplied with.
  std::pair<Value, Value> getScale(Emitter &e, Value greatest) const;
  Value foldRange(Emitter &e, Value batch, Value head, Range range) const;
  Value emitDivisor(Emitter &e) const;
  Value emitIsFinite(Emitter &e, Value number) const {
    Type type = number.getType();
    return arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, math::AbsFOp::create(e, number),
                                 e.real(std::numeric_limits<double>::infinity(), type));
  }
  Value greaterOrNaN(Emitter &e, Value a, Value b) const {
    return arith::MaximumFOp::create(e, a, b);
  }

  /// The squares of rows and of what their bytes leave, and the sums of the bytes, each in a lane.
  struct Summary {
    Value norms, rests, sums;
  };
  /// Writes rows of a head as bytes, which have `shift` added.
  Summary toBytes(Emitter &e, ArrayRef<Value> steps, ArrayRef<Value> inverses, double shift,
                  llvm::function_ref<Value(int64_t, Value, Value)> load, Value bytes, Value batch,
                  Value head, ArrayRef<Value> rows) const;

  void emitGreatest(Emitter &e) const;
  void emitBytes(Emitter &e) const;
  void emitQueries(Emitter &e) const;
  void emitQueryGroup(Emitter &e, Value batch, Value head, Value first, Value last) const;
  void emitBounds(Emitter &e) const;
  struct Task;
  void emitGroup(Emitter &e, const Task &task, Value first) const;
  void emitSamples(Emitter &e, const Task &task, Value row, Value number) const;
};

void Bounds::forEachRows(Emitter &e, int64_t count, llvm::function_ref<void(Value, Value)> begin,
                         llvm::function_ref<void(Value, ArrayRef<Value>)> rows,
                         llvm::function_ref<void(Value, Value)> end) const {
  Value parts = e.dim(ranges, 1), keys = countKeys(e);
  e.parallel(e.mul(e.dim(key, 0), parts), 1, [&](Value item) {
    Value batch = e.div(item, parts), part = e.rem(item, parts);
    Value first = e.div(e.mul(part, keys), parts);
    Value last = e.div(e.mul(e.add(part, 1), keys), parts);
    begin(batch, part);
    e.forRange(first, last, count, [&](Value row) {
      SmallVector<Value> numbers;
      // The last one again, where there are fewer.
      for (int64_t i = 0; i < count; ++i)
        numbers.push_back(e.min(e.add(row, i), e.sub(last, e.index(1))));
      rows(batch, numbers);
    });
    end(batch, part);
  });
}

std::pair<Value, Value> Bounds::getScale(Emitter &e, Value greatest) const {
  Type type = greatest.getType();
  Value levels = e.real(kLevels, type), none = e.real(0, type);
  Value isNone = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, greatest, none);
  return {e.divF(greatest, levels), e.blend(isNone, none, e.divF(levels, greatest))};
}

Value Bounds::emitDivisor(Emitter &e) const {
  Type f32 = e.getF32Type();
  if (divisor != 0)
    return e.real(divisor, f32);
  return arith::UIToFPOp::create(e, f32, e.fromIndex(countKeys(e), 64));
}

Value Bounds::foldRange(Emitter &e, Value batch, Value head, Range range) const {
  return e.forRange(e.index(0), e.dim(ranges, 1), 1, e.real(0, e.getF32Type()),
                    [&](Value part, ValueRange before) {
                      Value found = e.loadScalar(ranges, {batch, part, head, e.index(range)});
                      return SmallVector<Value>{greaterOrNaN(e, before[0], found)};
                    })[0];
}

void Bounds::emitGreatest(Emitter &e) const {
  int64_t width = llvm::alignTo(headDim, lanes);
  Value found;
  forEachRows(
      e, 4,
      [&](Value batch, Value part) {
        found = e.scratch({heads, width}, e.getF32Type());
        forEachHead(e, [&](Value head) {
          e.forRange(e.index(0), e.index(width), lanes, [&](Value at) {
            e.store(e.real(0, floats(e, lanes)), found, {head, at});
          });
        });
      },
      [&](Value batch, ArrayRef<Value> rows) {
        forEachHead(e, [&](Value head) {
          e.forEachVector(e.index(headDim), lanes, [&](Value at, Value mask) {
            Value most = e.load(found, {head, at}, lanes);
            for (Value row : rows) {
              Value x = e.load(key, place(keyHeadsFirst, batch, head, row, at), lanes, mask);
              most = e.maxF(math::AbsFOp::create(e, x), most);
            }
            e.store(most, found, {head, at});
          });
        });
      },
      [&](Value batch, Value part) {
        forEachHead(e, [&](Value head) {
          auto combine = [&](Value a, Value b) { return e.maxF(a, b); };
          Value most = e.foldVectors(
              e.index(width), lanes, e.real(0, floats(e, lanes)),
              [&](Value at, Value, Value acc) {
                return combine(e.load(found, {head, at}, lanes), acc);
              },
              combine);
          e.storeScalar(e.reduce(most, combine), ranges, {batch, part, head, e.index(greatest)});
        });
      });
}

Bounds::Summary Bounds::toBytes(Emitter &e, ArrayRef<Value> steps, ArrayRef<Value> inverses,
                                double shift,
                                llvm::function_ref<Value(int64_t, Value, Value)> load, Value bytes,
                                Value batch, Value head, ArrayRef<Value> rows) const {
  size_t count = rows.size();
  VectorType type = floats(e, lanes);
  Value rounder = e.real(kRounder + shift, type);
  auto add = [&](size_t begin, size_t end, Value at, Value mask, ValueRange before) {
    SmallVector<Value> next(before);
    for (size_t i = begin; i < end; ++i) {
      Value x = load(i, at, mask);
      Value sum = e.fma(x, inverses[i], rounder);
      Value word = arith::BitcastOp::create(e, wordsOf(e, lanes), sum);
      auto byte = VectorType::get(lanes, e.getI8Type());
      e.store(arith::TruncIOp::create(e, byte, word), bytes, {batch, head, rows[i], at});
      Value number = e.subF(sum, rounder);
      Value left = e.subF(x, e.mulF(number, steps[i]));
      Value *mine = &next[3 * (i - begin)];
      mine[0] = e.fma(x, x, mine[0]);
      mine[1] = e.fma(left, left, mine[1]);
      mine[2] = e.addF(mine[2], number);
    }
    return next;
  };
  // In halves, whose sums stay in registers.
  SmallVector<Value> sums;
  for (size_t begin = 0; begin < count; begin += 4) {
    size_t end = std::min<size_t>(begin + 4, count);
    SmallVector<Value> part(3 * (end - begin), e.real(0, type));
    int64_t whole = headDim / lanes * lanes;
    part = e.forRange(
        e.index(0), e.index(whole), lanes, part,
        [&](Value at, ValueRange before) { return add(begin, end, at, Value(), before); });
    if (int64_t rest = headDim - whole)
      part = add(begin, end, e.index(whole), e.maskBelow(e.index(rest), lanes), part);
    llvm::append_range(sums, part);
  }
  auto join = [&](unsigned first) {
    SmallVector<Value> all;
    for (size_t i = 0; i < count; ++i)
      all.push_back(sums[3 * i + first]);
    return e.reduceRows(all, [&](Value a, Value b) { return e.addF(a, b); });
  };
  return {join(0), join(1), join(2)};
}

void Bounds::emitBytes(Emitter &e) const {
  Value scales, found;
  Type f32 = e.getF32Type();
  forEachRows(
      e, group(),
      [&](Value batch, Value part) {
        scales = e.scratch({heads, 2}, f32);
        found = e.scratch({heads, 2, group()}, f32);
        forEachHead(e, [&](Value head) {
          auto [step, inverse] = getScale(e, foldRange(e, batch, head, greatest));
          e.storeScalar(step, scales, {head, e.index(0)});
          e.storeScalar(inverse, scales, {head, e.index(1)});
          for (int64_t i : {0, 1})
            e.store(e.real(0, floats(e, group())), found, {head, e.index(i), e.index(0)});
        });
      },
      [&](Value batch, ArrayRef<Value> rows) {
        forEachHead(e, [&](Value head) {
          fetchRows(e, key, keyHeadsFirst, batch, head, rows, countKeys(e));
          auto getAll = [&](int64_t which) {
            Value one = e.splat(e.loadScalar(scales, {head, e.index(which)}), lanes);
            return SmallVector<Value>(rows.size(), one);
          };
          Summary all = toBytes(
              e, getAll(0), getAll(1), kShift,
              [&](int64_t i, Value at, Value mask) {
                return e.load(key, place(keyHeadsFirst, batch, head, rows[i], at), lanes, mask);
              },
              keyBytes, batch, head, rows);
          for (auto [i, value] : {std::pair(0, all.norms), std::pair(1, all.rests)}) {
            SmallVector<Value> at = {head, e.index(i), e.index(0)};
            e.store(greaterOrNaN(e, e.load(found, at, group()), value), found, at);
          }
        });
      },
      [&](Value batch, Value part) {
        forEachHead(e, [&](Value head) {
          for (auto [i, range] : {std::pair(0, norm), std::pair(1, rest)}) {
            Value most = e.reduce(e.load(found, {head, e.index(i), e.index(0)}, group()),
                                  [&](Value a, Value b) { return greaterOrNaN(e, a, b); });
            e.storeScalar(most, ranges, {batch, part, head, e.index(range)});
          }
        });
      });
}

void Bounds::emitQueries(Emitter &e) const {
  Value queries = countQueries(e), blocks = e.ceilDiv(queries, e.index(kQueries));
  e.parallel(e.mul(e.dim(query, 0), blocks), 1, [&](Value item) {
    Value batch = e.div(item, blocks), first = e.mul(e.rem(item, blocks), kQueries);
    e.forRange(first, e.min(e.add(first, kQueries), queries), group(), [&](Value first) {
      forEachHead(e, [&](Value head) {
        emitQueryGroup(e, batch, head, first, e.sub(queries, e.index(1)));
      });
    });
  });
}

void Bounds::emitQueryGroup(Emitter &e, Value batch, Value head, Value first, Value last) const {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < group(); ++i)
    rows.push_back(e.min(e.add(first, i), last));
  fetchRows(e, query, queryHeadsFirst, batch, head, rows, countQueries(e));
  auto load = [&](int64_t i, Value at, Value mask) {
    return e.load(query, place(queryHeadsFirst, batch, head, rows[i], at), lanes, mask);
  };
  SmallVector<Value> most(group(), e.real(0, floats(e, lanes)));
  auto widen = [&](Value at, Value mask, ValueRange before) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < group(); ++i)
      next.push_back(e.maxF(math::AbsFOp::create(e, load(i, at, mask)), before[i]));
    return next;
  };
  int64_t whole = headDim / lanes * lanes;
  most = e.forRange(e.index(0), e.index(whole), lanes, most,
                    [&](Value at, ValueRange before) { return widen(at, Value(), before); });
  if (int64_t rest = headDim - whole)
    most = widen(e.index(whole), e.maskBelow(e.index(rest), lanes), most);
  auto [steps, inverses] =
      getScale(e, e.reduceRows(most, [&](Value a, Value b) { return e.maxF(a, b); }));
  auto spread = [&](Value vector) {
    SmallVector<Value> all;
    for (int64_t i = 0; i < group(); ++i)
      all.push_back(e.splat(vector::ExtractOp::create(e, vector, i), lanes));
    return all;
  };
  Summary all = toBytes(e, spread(steps), spread(inverses), 0, load, queryBytes, batch, head, rows);
  // What lies behind a query's elements counts as zeros.
  if (int64_t begin = llvm::alignTo(headDim, lanes); begin < width()) {
    Value zero =
        arith::ConstantOp::create(e, e.getZeroAttr(VectorType::get(lanes, e.getI8Type())));
    for (Value row : rows)
      e.forRange(e.index(begin), e.index(width()), lanes,
                 [&](Value at) { e.store(zero, queryBytes, {batch, head, row, at}); });
  }
  auto root = [&](Value x) -> Value { return math::SqrtOp::create(e, x); };
  Value shifts = e.mulF(all.sums, e.real(kShift, floats(e, group())));
  Value some = e.maskBelow(e.sub(e.add(last, 1), first), group());
  for (auto [fact, values] : {std::pair(step, steps), std::pair(shift, shifts),
                              std::pair(queryNorm, root(all.norms)),
                              std::pair(queryRest, root(all.rests))})
    e.store(values, facts, {batch, head, e.index(fact), first}, some);
}

/// Queries of a head.
struct Bounds::Task {
  Value batch, head, last; ///< the last query that there is
  Value queries, keys;     ///< [length, bytes]
  Value keyStep;
  Value keyNorm, keyRest; ///< the greatest |b k'| and |r|
  Value most, sums;       ///< of products, [group, group] of i32: in lanes as they were found
};

void Bounds::emitBounds(Emitter &e) const {
  Value queries = countQueries(e), blocks = e.ceilDiv(queries, e.index(kQueries));
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Task task;
    Value item = e.div(at, blocks), first = e.mul(e.rem(at, blocks), kQueries);
    task.batch = e.div(item, e.index(heads));
    task.head = e.rem(item, e.index(heads));
    task.last = e.sub(queries, e.index(1));
    task.queries = e.slice(queryBytes, {task.batch, task.head, {}, {}});
    task.keys = e.slice(keyBytes, {task.batch, task.head, {}, {}});
    task.keyStep = getScale(e, foldRange(e, task.batch, task.head, greatest)).first;
    auto root = [&](Range range) -> Value {
      return math::SqrtOp::create(e, foldRange(e, task.batch, task.head, range));
    };
    task.keyRest = root(rest);
    task.keyNorm = e.addF(root(norm), task.keyRest);
    task.most = e.scratch({group(), group()}, e.getI32Type());
    task.sums = e.scratch({group(), group()}, e.getI32Type());
    e.forRange(first, e.min(e.add(first, kQueries), queries), group(),
               [&](Value first) { emitGroup(e, task, first); });
  });
}

void Bounds::emitGroup(Emitter &e, const Task &task, Value first) const {
  e.forRange(e.index(0), e.index(group()), 1, [&](Value number) {
    emitSamples(e, task, e.min(e.add(first, number), task.last), number);
  });
  VectorType type = floats(e, group());
  Type f32 = e.getF32Type();
  Value some = e.maskBelow(e.sub(e.add(task.last, 1), first), group());
  auto splat = [&](Value x) { return e.splat(x, group()); };
  auto get = [&](Fact fact) {
    return e.load(facts, {task.batch, task.head, e.index(fact), first}, group(), some);
  };
  auto join = [&](Value found, llvm::function_ref<Value(Value, Value)> combine) -> Value {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < group(); ++i)
      rows.push_back(e.load(found, {e.index(i), e.index(0)}, group()));
    return e.reduceRows(rows, combine);
  };
  auto toFloat = [&](Value words) -> Value { return arith::SIToFPOp::create(e, type, words); };
  Value most = toFloat(
      join(task.most, [&](Value a, Value b) -> Value { return arith::MaxSIOp::create(e, a, b); }));
  Value sums = toFloat(
      join(task.sums, [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); }));
  most = e.subF(most, get(shift));
  sums = e.subF(sums, e.mulF(get(shift), e.real(samples, type)));
  Value unit = e.mulF(get(step), splat(task.keyStep));
  Value measure = e.mulF(unit, e.subF(most, e.divF(sums, splat(emitDivisor(e)))));
  // |q| |r| + |d| |b k'|, and what products of floats are rounded by.
  Value rounding = e.mulF(e.real(0x1p-22 * (samples + headDim + 16), f32), task.keyNorm);
  Value error = e.addF(e.mulF(get(queryNorm), splat(e.addF(task.keyRest, rounding))),
                       e.mulF(get(queryRest), splat(task.keyNorm)));
  // A product that is off by so much adds as much to the mean.
  Value share = e.divF(e.real(samples, f32), emitDivisor(e));
  Value factor = e.addF(e.real(1.0001, f32), math::AbsFOp::create(e, share));
  error = e.addF(e.mulF(error, splat(factor)), e.real(1e-30, type));
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), type);
  Value low = e.blend(emitIsFinite(e, error), e.subF(measure, error), lowest);
  e.store(low, lower, {task.batch, task.head, first}, some);
  e.store(e.addF(measure, error), upper, {task.batch, task.head, first}, some);
}

/// What products with the samples of a row are, which is number `number` of its group.
void Bounds::emitSamples(Emitter &e, const Task &task, Value row, Value number) const {
  VectorType words = wordsOf(e, group());
  auto addI = [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); };
  auto maxI = [&](Value a, Value b) -> Value { return arith::MaxSIOp::create(e, a, b); };
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(wordsOf(e, lanes)));
  auto addGroup = [&](Value first, ValueRange before, int64_t count) {
    SmallVector<Value> keys;
    for (int64_t i = 0; i < group(); ++i)
      keys.push_back(e.createOrFold<arith::IndexCastOp>(
          e.getIndexType(), e.loadScalar(table, {row, e.add(first, i)})));
    SmallVector<Value> sums(group(), none);
    sums = e.forRange(
        e.index(0), e.index(width()), lanes * kBytes, sums, [&](Value at, ValueRange before) {
          SmallVector<Value> next;
          Value mine = e.load(task.queries, {row, at}, lanes * kBytes);
          for (auto [key, sum] : llvm::zip_equal(keys, before)) {
            Value theirs = e.load(task.keys, {key, at}, lanes * kBytes);
            next.push_back(dotBytes(e, context.level, sum, theirs, mine));
          }
          return next;
        });
    Value products = e.reduceRows(sums, addI), added = products;
    if (count < group())
      added = e.blend(e.maskBelow(e.index(count), group()), products,
                      arith::ConstantOp::create(e, e.getZeroAttr(words)));
    return SmallVector<Value>{maxI(before[0], products), addI(before[1], added)};
  };
  SmallVector<Value> found = {
      arith::ConstantOp::create(
          e, DenseElementsAttr::get(words, e.getI32IntegerAttr(std::numeric_limits<int32_t>::min()))),
      arith::ConstantOp::create(e, e.getZeroAttr(words))};
  int64_t whole = samples / group() * group();
  found = e.forRange(e.index(0), e.index(whole), group(), found,
                     [&](Value first, ValueRange before) { return addGroup(first, before, group()); });
  if (int64_t rest = samples - whole)
    found = addGroup(e.index(whole), found, rest);
  e.store(found[0], task.most, {number, e.index(0)});
  e.store(found[1], task.sums, {number, e.index(0)});
}

} // namespace

/// Inputs are q, k and the table; outputs the lower and the upper bounds, keys and queries as bytes,
/// the ranges of parts of the keys, and the facts of queries.
LogicalResult buildProbSparseBounds(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(9);
  auto divisor = context.real("divisor");
  auto samples = context.integer("samples");
  if (failed(arguments) || failed(divisor) || failed(samples))
    return failure();
  Bounds bounds(context);
  for (auto [argument, into] : llvm::zip_equal(
           *arguments, std::array{&bounds.query, &bounds.key, &bounds.table, &bounds.lower,
                                  &bounds.upper, &bounds.keyBytes, &bounds.queryBytes,
                                  &bounds.ranges, &bounds.facts}))
    *into = argument;
  bounds.divisor = *divisor;
  bounds.samples = *samples;
  bounds.queryHeadsFirst = context.flag("query_heads_first");
  bounds.keyHeadsFirst = context.flag("key_heads_first");
  int64_t queryHead = bounds.queryHeadsFirst ? 1 : 2, keyHead = bounds.keyHeadsFirst ? 1 : 2;
  if (failed(context.memref(bounds.query, "q", 4, context.f32())) ||
      failed(context.memref(bounds.key, "k", 4, context.f32())) ||
      failed(context.memref(bounds.table, "table", 2, e.getI32Type())) ||
      failed(context.memref(bounds.lower, "lower", 3, context.f32())) ||
      failed(context.memref(bounds.upper, "upper", 3, context.f32())) ||
      failed(context.memref(bounds.keyBytes, "key_bytes", 4, e.getI8Type())) ||
      failed(context.memref(bounds.queryBytes, "query_bytes", 4, e.getI8Type())) ||
      failed(context.memref(bounds.ranges, "ranges", 4, context.f32())) ||
      failed(context.memref(bounds.facts, "facts", 4, context.f32())) ||
      failed(context.sameExtent(bounds.query, 3, "q", bounds.key, 3, "k")) ||
      failed(context.sameExtent(bounds.query, queryHead, "q", bounds.key, keyHead, "k")) ||
      failed(context.sameExtent(bounds.query, 3 - queryHead, "q", bounds.table, 0, "table")) ||
      failed(context.sameExtent(bounds.keyBytes, 2, "key_bytes", bounds.key, 3 - keyHead, "k")) ||
      failed(context.sameExtent(bounds.queryBytes, 3, "query_bytes", bounds.keyBytes, 3,
                                "key_bytes")))
    return failure();
  ArrayRef<int64_t> shape = cast<MemRefType>(bounds.query.getType()).getShape();
  bounds.heads = shape[queryHead], bounds.headDim = shape[3];
  int64_t width = bounds.width();
  if (bounds.heads <= 0 || bounds.headDim <= 0)
    return context.error() << "expected heads and head size of 'q' to be static and positive, got "
                           << bounds.query.getType();
  auto table = cast<MemRefType>(bounds.table.getType());
  if (table.getDimSize(1) < int64_t(llvm::alignTo(*samples, bounds.group())))
    return context.error() << "expected whole groups of " << *samples << " samples, got " << table;
  if (width < bounds.headDim || width % (bounds.lanes * kBytes))
    return context.error() << "expected rows of 'key_bytes' to be whole vectors of at least "
                           << bounds.headDim << ", got " << bounds.keyBytes.getType();
  bounds.emit(e);
  return success();
}

} // namespace winnow::cpu
